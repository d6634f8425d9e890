// Entry of the addon: what it is, once per environment (main thread or worker). System calls only;
// every byte of a protocol is TypeScript's (native-addon/netlink).

#include "channel.h"
#include "file-in-namespace.h"
#include "mailbox.h"
#include "socket.h"
#include "unix-listener.h"
#include "watcher.h"

#include <ctime>

namespace twill {

namespace {

// Milliseconds on CLOCK_BOOTTIME: goes on while the machine sleeps, never set by anyone.
Napi::Value boottimeMs(const Napi::CallbackInfo &info) {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Napi::Number::New(info.Env(), static_cast<double>(now.tv_sec) * 1e3 +
                                           static_cast<double>(now.tv_nsec) / 1e6);
}

} // namespace

Napi::Object init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new Mailbox(env));
  initChannel(env, exports);
  initFileInNamespace(env, exports);
  initSocket(env, exports);
  initUnixListener(env, exports);
  initWatcher(env, exports);
  exports.Set("boottimeMs", Napi::Function::New(env, boottimeMs, "boottimeMs"));
  return exports;
}

} // namespace twill

static Napi::Object start(Napi::Env env, Napi::Object exports) { return twill::init(env, exports); }
NODE_API_MODULE(netlink, start)
