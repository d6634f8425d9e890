// The JavaScript face of a channel. JavaScript thread throughout.
//
//   new Channel({protocol, monitor, socketOptions, namespacePath | namespaceFd | sibling}, listener)
//   exchange(bytes, ends, protocol, metric)   receive(timeoutMs)   port()   ignore(port, routeMetric)   close()
//
// listener(errno, syscall, bytes, last): first the result of opening, then one per job in order (a
// monitor: one per batch), `last` when the thread has ended.

#include "channel.h"
#include "convert.h"

#include <cstring>

namespace twill {

namespace {

// [level, name, value, required]*
std::vector<SocketOption> readSocketOptions(const Napi::Value &value) {
  const auto numbers = value.As<Napi::Int32Array>();
  std::vector<SocketOption> options;
  for (size_t i = 0; i + 3 < numbers.ElementLength(); i += 4) {
    options.push_back({numbers[i], numbers[i + 1], numbers[i + 2], numbers[i + 3] != 0});
  }
  return options;
}

RouteMark readMark(const Napi::Value &protocol, const Napi::Value &metric) {
  return {static_cast<uint8_t>(protocol.As<Napi::Number>().Uint32Value()),
          metric.As<Napi::Number>().Uint32Value()};
}

class Channel : public Napi::ObjectWrap<Channel> {
public:
  static Napi::Function define(Napi::Env env) {
    return DefineClass(env, "Channel",
                       {InstanceMethod<&Channel::exchange>("exchange"),
                        InstanceMethod<&Channel::receive>("receive"),
                        InstanceMethod<&Channel::port>("port"),
                        InstanceMethod<&Channel::ignore>("ignore"),
                        InstanceMethod<&Channel::close>("close")});
  }

  explicit Channel(const Napi::CallbackInfo &info) : ObjectWrap(info) {
    const Napi::Env env = info.Env();
    const auto given = info[0].As<Napi::Object>();
    ChannelOptions options;
    options.protocol = given.Get("protocol").As<Napi::Number>().Int32Value();
    options.monitor = given.Get("monitor").ToBoolean();
    options.socketOptions = readSocketOptions(given.Get("socketOptions"));
    check(env, readNamespace(given, &options.space));
    if (given.Get("sibling").IsObject()) {
      const Channel *sibling = Unwrap(given.Get("sibling").As<Napi::Object>());
      if (!sibling->worker_) throw toError(env, {ECANCELED, "close"});
      options.space.descriptor.reset(sibling->worker_->openNamespaceOf());
      if (!options.space.descriptor) throw toError(env, SystemError::last("ioctl"));
    }
    worker_ = std::make_shared<ChannelWorker>(std::move(options), Mailbox::of(env),
                                              Napi::Persistent(info[1].As<Napi::Function>()));
    check(env, worker_->start());
  }

  ~Channel() override {
    if (worker_) worker_->stop();
  }

private:
  static void check(Napi::Env env, const SystemError &error) {
    if (error) throw toError(env, error);
  }

  void push(ChannelJob job) {
    if (!worker_) throw toError(Env(), {ECANCELED, "close"});
    worker_->push(std::move(job));
  }

  void exchange(const Napi::CallbackInfo &info) {
    const auto bytes = info[0].As<Napi::Uint8Array>();
    const auto ends = info[1].As<Napi::Uint32Array>();
    ChannelJob job;
    job.bytes.reserve(bytes.ByteLength());
    std::memcpy(job.bytes.tail(), bytes.Data(), bytes.ByteLength());
    job.bytes.grew(bytes.ByteLength());
    job.ends.assign(ends.Data(), ends.Data() + ends.ElementLength());
    job.without = readMark(info[2], info[3]);
    push(std::move(job));
  }

  void receive(const Napi::CallbackInfo &info) {
    ChannelJob job;
    job.timeoutMs = info[0].As<Napi::Number>().Int32Value();
    push(std::move(job));
  }

  Napi::Value port(const Napi::CallbackInfo &info) {
    uint32_t port = 0;
    if (!worker_) throw toError(info.Env(), {ECANCELED, "close"});
    check(info.Env(), worker_->portOf(&port));
    return Napi::Number::New(info.Env(), port);
  }

  void ignore(const Napi::CallbackInfo &info) {
    if (!worker_) throw toError(info.Env(), {ECANCELED, "close"});
    const uint32_t port = info[0].As<Napi::Number>().Uint32Value();
    check(info.Env(), worker_->ignore(port, info[1].As<Napi::Number>().Uint32Value()));
  }

  // Does not wait: a system call under way ends first, then the listener hears `last`.
  void close(const Napi::CallbackInfo &) {
    if (worker_) worker_->stop();
    worker_.reset();
  }

  std::shared_ptr<ChannelWorker> worker_;
};

} // namespace

// siftRoutes(protocol, metric, bytes...): what the sieve leaves of datagrams that come one after the other; for tests.
Napi::Value siftRoutes(const Napi::CallbackInfo &info) {
  RouteSieve sieve(readMark(info[0], info[1]));
  Bytes all;
  for (size_t i = 2; i < info.Length(); i++) {
    const auto given = info[i].As<Napi::Uint8Array>();
    const size_t from = all.size();
    all.reserve(given.ByteLength());
    std::memcpy(all.tail(), given.Data(), given.ByteLength());
    all.grew(given.ByteLength());
    sieve.sift(&all, from);
  }
  return toUint8Array(info.Env(), std::move(all));
}

void initChannel(Napi::Env env, Napi::Object exports) {
  exports.Set("Channel", Channel::define(env));
  exports.Set("siftRoutes", Napi::Function::New(env, siftRoutes));
}

} // namespace twill
