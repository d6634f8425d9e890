// Owning wrappers for kernel handles and the one error type of this addon. No threads, no JavaScript.
#pragma once

#include <cerrno>
#include <unistd.h>
#include <utility>

namespace twill {

// What a failed system call leaves behind. `syscall` is a string literal.
struct SystemError {
  int number = 0;
  const char *syscall = "";

  explicit operator bool() const { return number != 0; }
  static SystemError last(const char *syscall) { return {errno, syscall}; }
};

// Sole owner of a file descriptor.
class Descriptor {
public:
  Descriptor() = default;
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(Descriptor &&other) noexcept : fd_(other.release()) {}
  Descriptor &operator=(Descriptor &&other) noexcept {
    if (this != &other) reset(other.release());
    return *this;
  }
  Descriptor(const Descriptor &) = delete;
  Descriptor &operator=(const Descriptor &) = delete;
  ~Descriptor() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

private:
  int fd_ = -1;
};

} // namespace twill
