// CNI_*: what a runtime says through the environment (SPEC.md "Parameters"). Pure but for getenv.
//
// Required: CNI_CONTAINERID and CNI_IFNAME for ADD, CHECK and DEL; CNI_NETNS for ADD and CHECK;
// CNI_PATH for GC and wherever a plugin is delegated to. Names are checked as libcni's pkg/utils
// does, and a little more strictly: they become file names, kernel names and log fields here.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "error.h"

namespace twill {

enum class Command { add, del, check, gc, status, version };

struct Environment {
  Command command;
  std::string commandName;  // as in CNI_COMMAND
  std::string containerId;  // empty for GC, STATUS and VERSION, like all below that do not apply
  std::string netns;
  std::string ifName;
  std::string args;
  std::string path;
};

/** Longest container id and network name: `<id>.<interface>.<random>` must fit a file name (255). */
inline constexpr size_t kMaxNameBytes = 200;

/** The verb alone. @throws CniError 4 when CNI_COMMAND is missing or no verb. */
Environment readEnvironment();

/** What is wrong with the variables of this verb, if anything: a CniError 4 that names them. */
std::optional<CniError> findProblem(const Environment& environment);

/** `[a-zA-Z0-9][a-zA-Z0-9_.-]*`, at most kMaxNameBytes: container ids and network names. */
bool isName(std::string_view text);

}  // namespace twill
