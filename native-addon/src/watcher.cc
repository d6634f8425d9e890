// JavaScript thread throughout.
//
//   new Watcher(fd, writable, onReady)   pause()   resume()   close()   release() -> fd
//
// It owns the descriptor until release(). onReady is called again and again while the descriptor can
// be read, or with `writable` written.

#include "watcher.h"

#include "convert.h"
#include "descriptor.h"

#include <memory>
#include <node_api.h>
#include <uv.h>

namespace twill {

namespace {

class Watcher;

// Lives until libuv has let go of the handle, which is after the JavaScript object may be gone.
struct Poll {
  uv_poll_t handle{};
  Watcher *owner = nullptr; // of the two the one that goes first cuts the bond
  Descriptor descriptor;
  int events = UV_READABLE;
  Napi::FunctionReference listener;
  std::unique_ptr<Napi::AsyncContext> context;
  napi_async_cleanup_hook_handle hook = nullptr; // the environment waits for us before it ends
};

class Watcher : public Napi::ObjectWrap<Watcher> {
public:
  static Napi::Function define(Napi::Env env);
  explicit Watcher(const Napi::CallbackInfo &info);
  ~Watcher() override { close(); }
  void close();

private:
  void pause(const Napi::CallbackInfo &);
  void resume(const Napi::CallbackInfo &);
  void close(const Napi::CallbackInfo &) { close(); }
  Napi::Value release(const Napi::CallbackInfo &info);

  Poll *poll_ = nullptr;
};

void destroy(uv_handle_t *handle) {
  auto *poll = static_cast<Poll *>(handle->data);
  const napi_async_cleanup_hook_handle hook = poll->hook;
  const Napi::HandleScope scope(poll->context->Env());
  delete poll;
  napi_remove_async_cleanup_hook(hook);
}

void onReady(uv_poll_t *handle, int, int) {
  auto *poll = static_cast<Poll *>(handle->data);
  const Napi::Env env = poll->context->Env();
  const Napi::HandleScope scope(env);
  const Napi::Function listener = poll->listener.Value();
  napi_value ignored = nullptr;
  if (napi_make_callback(env, *poll->context, env.Global(), listener, 0, nullptr, &ignored) !=
      napi_pending_exception) {
    return;
  }
  napi_value thrown = nullptr;
  napi_get_and_clear_last_exception(env, &thrown);
  napi_fatal_exception(env, thrown);
}

Napi::Function Watcher::define(Napi::Env env) {
  return DefineClass(env, "Watcher",
                     {InstanceMethod<&Watcher::pause>("pause"),
                      InstanceMethod<&Watcher::resume>("resume"),
                      InstanceMethod<&Watcher::close>("close"),
                      InstanceMethod<&Watcher::release>("release")});
}

Watcher::Watcher(const Napi::CallbackInfo &info) : ObjectWrap(info) {
  const Napi::Env env = info.Env();
  auto poll = std::make_unique<Poll>();
  uv_loop_t *loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  const int fd = info[0].As<Napi::Number>().Int32Value();
  const int failed = uv_poll_init(loop, &poll->handle, fd);
  if (failed != 0) throw toError(env, {-failed, "uv_poll_init"});

  poll->owner = this;
  poll->descriptor.reset(fd); // from here on ours
  if (info[1].ToBoolean()) poll->events = UV_WRITABLE;
  poll->handle.data = poll.get();
  poll->listener = Napi::Persistent(info[2].As<Napi::Function>());
  poll->context = std::make_unique<Napi::AsyncContext>(env, "twill.Watcher");
  napi_add_async_cleanup_hook(
      env,
      [](napi_async_cleanup_hook_handle, void *data) {
        const auto *ending = static_cast<Poll *>(data);
        if (ending->owner != nullptr) ending->owner->close();
      },
      poll.get(), &poll->hook);
  poll_ = poll.release();
  uv_poll_start(&poll_->handle, poll_->events, onReady);
}

void Watcher::close() {
  if (poll_ == nullptr) return;
  Poll *poll = std::exchange(poll_, nullptr);
  poll->owner = nullptr;
  uv_poll_stop(&poll->handle);
  poll->descriptor.reset();
  uv_close(reinterpret_cast<uv_handle_t *>(&poll->handle), destroy);
}

void Watcher::pause(const Napi::CallbackInfo &) {
  if (poll_ != nullptr) uv_poll_stop(&poll_->handle);
}

void Watcher::resume(const Napi::CallbackInfo &) {
  if (poll_ != nullptr) uv_poll_start(&poll_->handle, poll_->events, onReady);
}

Napi::Value Watcher::release(const Napi::CallbackInfo &info) {
  const int fd = poll_ == nullptr ? -1 : poll_->descriptor.release();
  close();
  return Napi::Number::New(info.Env(), fd);
}

} // namespace

void initWatcher(Napi::Env env, Napi::Object exports) {
  exports.Set("Watcher", Watcher::define(env));
}

} // namespace twill
