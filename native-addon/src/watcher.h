// Says when a descriptor can be read or written, from the event loop itself: for sockets that listen
// or connect, and for UDP.
#pragma once

#include <napi.h>

namespace twill {

void initWatcher(Napi::Env env, Napi::Object exports);

} // namespace twill
