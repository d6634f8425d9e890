// The JavaScript face of the listener, and its one handle in the event loop. JavaScript thread.
//
//   new UnixListener(options, {onRequest, onGone, onReplied, onError})   reply(id, bytes)   close()

#include "convert.h"
#include "unix-listener.h"

#include <uv.h>

namespace twill {

namespace {

// uv_close() finishes on a later turn of the loop, so the handle outlives its object; at the end of
// the environment an async cleanup hook keeps the loop turning until it has finished.
struct Poll {
  uv_poll_t handle{};
  napi_async_cleanup_hook_handle hook = nullptr;
  UnixListener *listener = nullptr; // null once closing
  std::shared_ptr<UnixListener> owner;
  napi_env env = nullptr;

  static SystemError open(Napi::Env env, std::shared_ptr<UnixListener> listener, Poll **out);
  void close();
  static void ready(uv_poll_t *handle, int status, int events);
};

SystemError Poll::open(Napi::Env env, std::shared_ptr<UnixListener> listener, Poll **out) {
  uv_loop_t *loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  auto poll = std::make_unique<Poll>();
  if (uv_poll_init(loop, &poll->handle, listener->pollable()) != 0) return {EIO, "uv_poll_init"};
  poll->handle.data = poll.get();
  poll->env = env;
  poll->listener = listener.get();
  poll->owner = std::move(listener);
  napi_add_async_cleanup_hook(
      env, [](napi_async_cleanup_hook_handle, void *self) { static_cast<Poll *>(self)->close(); },
      poll.get(), &poll->hook);
  uv_poll_start(&poll->handle, UV_READABLE, ready);
  *out = poll.release();
  return {};
}

void Poll::close() {
  if (listener == nullptr) return;
  listener = nullptr;
  uv_poll_stop(&handle);
  owner->close();
  uv_close(reinterpret_cast<uv_handle_t *>(&handle), [](uv_handle_t *handle) {
    const std::unique_ptr<Poll> self(static_cast<Poll *>(handle->data));
    napi_remove_async_cleanup_hook(self->hook);
  });
}

void Poll::ready(uv_poll_t *handle, int, int) {
  auto *self = static_cast<Poll *>(handle->data);
  const std::shared_ptr<UnixListener> listener = self->owner;
  if (self->listener == nullptr) return;
  try {
    listener->work();
  } catch (const Napi::Error &) { // the environment is ending: no value can be made any more
  }
}

class UnixListenerObject : public Napi::ObjectWrap<UnixListenerObject> {
public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "UnixListener",
                       {InstanceMethod<&UnixListenerObject::reply>("reply"),
                        InstanceMethod<&UnixListenerObject::close>("close")});
  }

  explicit UnixListenerObject(const Napi::CallbackInfo &info)
      : ObjectWrap(info), context_(info.Env(), "twill.UnixListener") {
    const Napi::Env env = info.Env();
    events_ = Napi::Persistent(info[1].As<Napi::Object>());
    listener_ = std::make_shared<UnixListener>(readOptions(info[0].As<Napi::Object>()), events());
    SystemError failed = listener_->open();
    if (!failed) failed = Poll::open(env, listener_, &poll_);
    if (failed) {
      listener_->close();
      throw toError(env, failed);
    }
    Ref(); // open sockets are not garbage
  }

private:
  static UnixListenerOptions readOptions(const Napi::Object &given) {
    const auto number = [&](const char *name) {
      return given.Get(name).As<Napi::Number>().Int64Value();
    };
    UnixListenerOptions options;
    options.path = given.Get("path").As<Napi::String>().Utf8Value();
    options.mode = static_cast<uint32_t>(number("mode"));
    options.maxBytes = static_cast<size_t>(number("maxBytes"));
    options.timeoutMs = number("timeoutMs");
    options.allowUid = static_cast<uint32_t>(number("allowUid"));
    options.maxConnections = static_cast<size_t>(number("maxConnections"));
    options.maxDescriptors = static_cast<size_t>(number("maxDescriptors"));
    return options;
  }

  UnixListenerEvents events() {
    UnixListenerEvents events;
    events.request = [this](UnixClient &client) {
      const Napi::Env env = Env();
      const Napi::HandleScope scope(env);
      const Napi::Array descriptors = Napi::Array::New(env, client.descriptors.size());
      for (size_t i = 0; i < client.descriptors.size(); i++) {
        descriptors.Set(i, Napi::Number::New(env, client.descriptors[i].release()));
      }
      client.descriptors.clear();
      const auto number = [&](double value) { return Napi::Number::New(env, value); };
      call("onRequest", {number(client.id), toUint8Array(env, std::move(client.data)), descriptors,
                         number(client.pid), number(client.uid), number(client.gid)});
    };
    events.gone = [this](uint32_t id) {
      const Napi::HandleScope scope(Env());
      call("onGone", {Napi::Number::New(Env(), id)});
    };
    events.replied = [this](uint32_t id, int error) {
      const Napi::HandleScope scope(Env());
      call("onReplied", {Napi::Number::New(Env(), id), Napi::Number::New(Env(), error)});
    };
    events.failed = [this](int error, const char *what, int32_t pid) {
      const Napi::HandleScope scope(Env());
      call("onError", {Napi::Number::New(Env(), error), Napi::String::New(Env(), what),
                       Napi::Number::New(Env(), pid)});
    };
    return events;
  }

  // Promises settled in there run on. What it throws is an uncaught exception; an environment that
  // is ending runs nothing, and says so in a status that nobody needs.
  void call(const char *name, const std::vector<napi_value> &arguments) {
    const Napi::Env env = Env();
    const Napi::Object events = events_.Value();
    const napi_status status =
        napi_make_callback(env, context_, events, events.Get(name), arguments.size(),
                           arguments.data(), nullptr);
    if (status != napi_pending_exception) return;
    napi_value error = nullptr;
    if (napi_get_and_clear_last_exception(env, &error) == napi_ok) napi_fatal_exception(env, error);
  }

  void reply(const Napi::CallbackInfo &info) {
    const auto bytes = info[1].As<Napi::Uint8Array>();
    listener_->reply(info[0].As<Napi::Number>().Uint32Value(), bytes.Data(), bytes.ByteLength());
  }

  void close(const Napi::CallbackInfo &) {
    if (poll_ == nullptr) return;
    poll_->close();
    poll_ = nullptr;
    Unref();
  }

  Napi::AsyncContext context_;
  Napi::ObjectReference events_;
  std::shared_ptr<UnixListener> listener_;
  Poll *poll_ = nullptr;
};

} // namespace

void initUnixListener(Napi::Env env, Napi::Object exports) {
  exports.Set("UnixListener", UnixListenerObject::define(env));
}

} // namespace twill
