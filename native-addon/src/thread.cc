#include "thread.h"

#include <csignal>
#include <memory>

namespace twill {

namespace {
// Holds a call chain and glibc's thread block; pages are touched only when used.
constexpr size_t kStackBytes = 128 * 1024;
} // namespace

// Any thread. The signal mask is inherited, so it is set around pthread_create.
SystemError Thread::start(std::function<void()> body) {
  auto owned = std::make_unique<std::function<void()>>(std::move(body));
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);

  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStackBytes);
  const int number = pthread_create(&handle_, &attributes, run, owned.get());
  pthread_attr_destroy(&attributes);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);

  if (number != 0) return {number, "pthread_create"};
  owned.release(); // run() owns it
  running_ = true;
  return {};
}

void Thread::join() {
  if (!running_) return;
  running_ = false;
  pthread_join(handle_, nullptr);
}

void *Thread::run(void *body) {
  std::unique_ptr<std::function<void()>> owned(static_cast<std::function<void()> *>(body));
  (*owned)();
  return nullptr;
}

} // namespace twill
