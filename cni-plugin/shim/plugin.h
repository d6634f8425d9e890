// The verbs as this program carries them out: what the daemon is asked, what is delegated, and what
// is done when the daemon does not answer.
//
//   ADD      ipam plugin, daemon; the ipam plugin is undone when the daemon says no
//   CHECK    ipam plugin, daemon
//   DEL      daemon (or a tombstone), ipam plugin: an address is given back after its last use
//   GC       daemon, ipam plugin; both are tried
//   STATUS   daemon, ipam plugin
#pragma once

#include <string_view>

#include "config.h"
#include "delegate.h"
#include "environment.h"

namespace twill {

/** What to print and the exit code. @throws CniError */
Outcome runPlugin(const Environment& environment, const Assignment& assignment,
                  std::string_view input);

}  // namespace twill
