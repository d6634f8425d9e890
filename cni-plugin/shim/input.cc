#include "input.h"

#include "error.h"

namespace twill {

std::string readInput(const Deadline& deadline) {
  std::string input;
  char chunk[16384];
  for (;;) {
    if (!deadline.await(STDIN_FILENO, POLLIN)) {
      throw CniError{Code::io, "stdin was not closed in time",
                     "the network configuration is read up to the end of stdin"};
    }
    const ssize_t got = ::read(STDIN_FILENO, chunk, sizeof chunk);
    if (got == 0) return input;
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw CniError{Code::io, "stdin cannot be read", withErrno("read", errno)};
    if (input.size() + static_cast<size_t>(got) > kMaxInputBytes) {
      throw CniError{Code::undecodable,
                     "the network configuration on stdin cannot be decoded: "
                     "it is longer than 1 MiB"};
    }
    input.append(chunk, static_cast<size_t>(got));
  }
}

}  // namespace twill
