// Stdin, bounded in size and in time: a runtime writes a few kilobytes and closes its end at once.
#pragma once

#include <string>

#include "descriptor.h"

namespace twill {

inline constexpr size_t kMaxInputBytes = 1 << 20;

/** Everything on stdin. @throws CniError 5 on failure or deadline, 6 beyond kMaxInputBytes. */
std::string readInput(const Deadline& deadline);

}  // namespace twill
