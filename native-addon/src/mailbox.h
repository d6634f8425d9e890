// The way back to JavaScript: one thread-safe function per environment (Node's main thread or a
// worker), shared by every thread of the addon, and the registry that joins those threads before
// the environment goes away.
#pragma once

#include <memory>
#include <napi.h>
#include <set>

namespace twill {

// Something with a thread; all of these are called on the JavaScript thread. stop() asks it to end
// and does not wait; join() waits; forget() drops every reference to a JavaScript value.
class Worker {
public:
  virtual ~Worker() = default;
  virtual void stop() = 0;
  virtual void join() = 0;
  virtual void forget() = 0;
};

// A result on its way to JavaScript. deliver() runs on the JavaScript thread.
struct Letter {
  virtual ~Letter() = default;
  virtual void deliver(Napi::Env env) = 0;
};

class Mailbox {
public:
  explicit Mailbox(Napi::Env env);
  static Mailbox &of(Napi::Env env); // JavaScript thread

  void post(std::unique_ptr<Letter> letter); // any thread

  // JavaScript thread. While held at least once, the event loop stays alive.
  void hold();
  void unhold();

  // JavaScript thread. A started worker is enrolled until it is discharged (and joined).
  void enroll(const std::shared_ptr<Worker> &worker) { workers_.insert(worker); }
  void discharge(const std::shared_ptr<Worker> &worker);

private:
  static void deliver(napi_env env, napi_value, void *, void *letter);
  static void shutdown(void *self);

  napi_env env_;
  napi_threadsafe_function function_ = nullptr;
  std::set<std::shared_ptr<Worker>> workers_;
  int holds_ = 0;
};

} // namespace twill
