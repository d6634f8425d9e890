// Another plugin, run for us: `ipam.type` names one that is not twill (SPEC.md "Plugin Delegation").
//
// It is looked up in CNI_PATH, gets our environment (with CNI_COMMAND replaced) and our stdin, and
// answers on stdout; its stderr is ours. The configuration lies in a memfd, so that neither side can
// block the other. A plugin that outstays the deadline is killed.
#pragma once

#include <string>
#include <string_view>

#include "descriptor.h"

namespace twill {

struct Outcome {
  int exitCode;
  std::string output;  // exitCode 0: its result; else always an error object
};

/** @throws CniError 4 without CNI_PATH, 7 when it is not in there, 5 when it cannot be run. */
Outcome runDelegate(const std::string& plugin, const std::string& searchPath, const char* command,
                    std::string_view input, const Deadline& deadline);

}  // namespace twill
