// CNI_NETNS, opened once and proven to be a network namespace that is not our own.
//
// The descriptor is what the daemon works with, so what happens to the path afterwards changes
// nothing. The path is first opened with O_PATH, which neither waits for a FIFO's writer nor touches
// a device; only a file of nsfs is then opened for real.
#pragma once

#include <string>

#include "descriptor.h"

namespace twill {

struct Namespace {
  Descriptor descriptor;  // empty when there is a problem
  std::string problem;
};

Namespace openNamespace(const std::string& path);

}  // namespace twill
