// A CNI error: what a plugin prints on stdout, as JSON, when it exits with a code other than 0.
//
// Thrown where the plugin cannot go on; caught once, in main.cc, which knows the `cniVersion` to
// print it with. Codes up to 99 belong to the specification (SPEC.md "Error" and "STATUS"), 999 is
// what libcni gives errors without a code.
#pragma once

#include <string>
#include <string_view>

namespace twill {

enum class Code : unsigned {
  incompatibleVersion = 1,
  badEnvironment = 4,
  io = 5,
  undecodable = 6,
  invalidConfig = 7,
  tryAgainLater = 11,
  notAvailable = 50,
  notAsAdded = 100,  // CHECK: the interface is not as ADD left it
  internal = 999,
};

struct CniError {
  Code code;
  std::string message;
  std::string details{};
};

/** `{"cniVersion":…,"code":…,"msg":…,"details":…}`; details only when there are any. */
std::string toJson(const CniError& error, std::string_view cniVersion);

/** `op: what the errno says`, for details and reasons. */
std::string withErrno(std::string_view op, int number);

}  // namespace twill
