// A DEL that nobody answered, written down for the daemon to carry out before it serves anything.
//
// One file per DEL in `<stateDir>/pending-del/`: `<containerId>.<ifName>.<random>`, holding the
// request as it would have gone over the socket. Written under a name with a leading dot, synced,
// renamed, directory synced: what has a final name is whole and survives a power cut. The directory
// is never followed through a symlink, and only it and a missing stateDir itself are ever created.
#pragma once

#include <string>
#include <string_view>

#include "environment.h"

namespace twill {

/** The configured one, else where the daemon's `<socket>.state` symlink points, else /var/lib/twill. */
std::string findStateDirectory(const std::string& configured, const std::string& socketPath);

/** Empty when the tombstone is on disk, else what went wrong. */
std::string writeTombstone(const std::string& stateDirectory, const Environment& environment,
                           std::string_view request);

}  // namespace twill
