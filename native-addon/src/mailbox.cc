#include "mailbox.h"

namespace twill {

// Cleanup hooks run last in, first out: shutdown() is registered after the thread-safe function
// and so runs before Node closes it. Every thread is gone by then and no post() can come late.
Mailbox::Mailbox(Napi::Env env) : env_(env) {
  const napi_value name = Napi::String::New(env, "twill");
  if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, nullptr, nullptr, this,
                                      deliver, &function_) != napi_ok) {
    throw Napi::Error::New(env, "no thread-safe function");
  }
  napi_unref_threadsafe_function(env, function_);
  napi_add_env_cleanup_hook(env, shutdown, this);
}

Mailbox &Mailbox::of(Napi::Env env) { return *env.GetInstanceData<Mailbox>(); }

void Mailbox::post(std::unique_ptr<Letter> letter) {
  Letter *raw = letter.release();
  if (napi_call_threadsafe_function(function_, raw, napi_tsfn_nonblocking) != napi_ok) delete raw;
}

void Mailbox::hold() {
  if (holds_++ == 0) napi_ref_threadsafe_function(env_, function_);
}

void Mailbox::unhold() {
  if (--holds_ == 0) napi_unref_threadsafe_function(env_, function_);
}

void Mailbox::discharge(const std::shared_ptr<Worker> &worker) {
  worker->join();
  worker->forget();
  workers_.erase(worker);
}

// `env` is null while the environment is being torn down: the letter is only freed. What is thrown
// here means the same (a value could not be made any more): exceptions of listeners stay pending in
// call(), and Node reports those as uncaught.
void Mailbox::deliver(napi_env env, napi_value, void *, void *raw) {
  const std::unique_ptr<Letter> letter(static_cast<Letter *>(raw));
  if (env == nullptr) return;
  try {
    letter->deliver(env);
  } catch (const Napi::Error &) {
  }
}

void Mailbox::shutdown(void *raw) {
  auto *self = static_cast<Mailbox *>(raw);
  for (const auto &worker : self->workers_) worker->stop();
  for (const auto &worker : self->workers_) {
    worker->join();
    worker->forget();
  }
  self->workers_.clear();
}

} // namespace twill
