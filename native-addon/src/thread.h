// A kernel thread for system calls: small stack, every signal blocked (they belong to Node's
// threads, and no call here may return EINTR).
#pragma once

#include "descriptor.h"

#include <functional>
#include <pthread.h>

namespace twill {

class Thread {
public:
  Thread() = default;
  Thread(const Thread &) = delete;
  Thread &operator=(const Thread &) = delete;
  ~Thread() { join(); }

  SystemError start(std::function<void()> body);
  void join();

private:
  static void *run(void *body);

  pthread_t handle_{};
  bool running_ = false;
};

} // namespace twill
