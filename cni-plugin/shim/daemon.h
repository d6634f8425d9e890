// One request to twilld over its Unix socket, and the answer.
//
//   request: "TWL1", eight fields, "END1"; then shutdown(SHUT_WR)
//   field:   +------------+-------+
//            | u32 LE len | bytes |  command, containerId, netnsPath, ifName, args, path, stdin, ipamResult
//            +------------+-------+
//   The open namespace rides on the first byte (SCM_RIGHTS), when there is one.
//   reply:   u32 LE exit code, then everything up to the end of the stream: what to print
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "descriptor.h"
#include "environment.h"

namespace twill {

struct Reply {
  uint32_t exitCode;
  std::string output;
};

struct NoReply {
  bool delivered;  // the daemon had the whole request: it may have acted on it
  std::string reason;
};

std::string encodeRequest(const Environment& environment, std::string_view input,
                          std::string_view ipamResult);

/** `namespaceFd` -1: none. */
std::variant<Reply, NoReply> ask(const std::string& socketPath, std::string_view request,
                                 int namespaceFd, const Deadline& deadline);

}  // namespace twill
