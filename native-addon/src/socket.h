// Internet sockets, a system call each: what node:net and node:dgram cannot set before bind and
// connect, nor tell of what they receive. All of it non-blocking and on the JavaScript thread;
// addresses, option values and control data are structures of the kernel that TypeScript makes and
// reads (native-addon/socket). A descriptor that is returned is the caller's to close.
#pragma once

#include <napi.h>

namespace twill {

void initSocket(Napi::Env env, Napi::Object exports);

} // namespace twill
