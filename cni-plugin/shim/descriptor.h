// A file descriptor that closes itself, and a deadline to wait on descriptors with.
#pragma once

#include <poll.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <utility>

namespace twill {

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  void close() { Descriptor gone(std::exchange(fd_, -1)); }

 private:
  int fd_ = -1;
};

/** A moment on CLOCK_MONOTONIC. */
class Deadline {
 public:
  explicit Deadline(int64_t afterMs) : atMs_(nowMs() + afterMs) {}

  int remainingMs() const {
    return static_cast<int>(std::clamp<int64_t>(atMs_ - nowMs(), 0, 1 << 30));
  }

  /** Waits until `fd` has one of `events`, an error or a hang-up. False: the deadline came first. */
  bool await(int fd, short events) const {
    pollfd wait{fd, events, 0};
    for (;;) {
      const int ready = ::poll(&wait, 1, remainingMs());
      if (ready > 0) return true;
      if (ready == 0 || errno != EINTR) return false;
    }
  }

 private:
  static int64_t nowMs() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return int64_t{now.tv_sec} * 1000 + now.tv_nsec / 1'000'000;
  }

  int64_t atMs_;
};

}  // namespace twill
