// The `loopback` plugin: this program, when it is called by that name. Needs no daemon.
//
// A runtime calls it for every pod before anything else; where it is missing no pod starts. Works as
// the reference one does: ADD brings lo up and reports its addresses (or hands on prevResult), CHECK
// wants it up, DEL takes it down if the namespace is still there. setns() is fine here: one thread,
// about to exit.
#pragma once

#include <string>
#include <string_view>

#include "config.h"
#include "environment.h"

namespace twill {

/** What to print. @throws CniError */
std::string runLoopback(const Environment& environment, const Config& config,
                        std::string_view input);

}  // namespace twill
