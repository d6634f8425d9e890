// The network configuration on stdin, as far as this program must understand it. Pure.
//
// Everything else in it is the daemon's business; but what no daemon could act on is refused here,
// so that it never becomes a tombstone: text that is no JSON, NUL, nesting beyond 64, a key twice in
// one object, well-known keys of the wrong type.
#pragma once

#include <string>
#include <string_view>

#include "environment.h"

namespace twill {

struct Config {
  std::string cniVersion;
  std::string name;
  std::string type;
  std::string socket;
  std::string stateDir;
  std::string ipamType;
  std::string ipamSocket;
  std::string ipamStateDir;
};

/** What this program is to the network: its plugin, or the `ipam` of another plugin. */
enum class Role { network, ipam };

struct Assignment {
  Role role;
  std::string socket;
  std::string stateDir;  // empty: not configured
  std::string delegate;  // the ipam plugin to run; empty: the daemon's own
};

/**
 * `config` is filled as far as the text could be read, also when this throws: an error is printed
 * with the `cniVersion` found so far.
 * @throws CniError 6 when the text is no such configuration.
 */
void parseConfig(std::string_view text, Config& config);

/** @throws CniError 1 or 7 when the version or the name will not do for this verb. */
void checkConfig(const Config& config, Command command);

/** @throws CniError 7 when the configuration is not for a plugin `self`, or a path is unusable. */
Assignment assign(const Config& config, const std::string& self);

}  // namespace twill
