// The CNI versions this plugin speaks. Pure.
#pragma once

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace twill {

inline constexpr std::array<std::string_view, 5> kVersions{"0.3.0", "0.3.1", "0.4.0", "1.0.0",
                                                           "1.1.0"};  // oldest first
inline constexpr std::string_view kNewestVersion = kVersions.back();

inline bool isSupported(std::string_view version) {
  return std::find(kVersions.begin(), kVersions.end(), version) != kVersions.end();
}

/** Both versions must be supported ones: these compare as text. */
inline bool isAtLeast(std::string_view version, std::string_view wanted) {
  return version >= wanted;
}

inline std::string listVersions(std::string_view quotes, std::string_view separator) {
  std::string list;
  for (const auto version : kVersions) {
    if (!list.empty()) list += separator;
    list.append(quotes).append(version).append(quotes);
  }
  return list;
}

}  // namespace twill
