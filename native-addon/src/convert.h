// From C++ values to JavaScript ones. JavaScript thread only.
#pragma once

#include "bytes.h"
#include "descriptor.h"

#include <napi.h>

namespace twill {

// Small blocks are copied, large ones handed over.
Napi::Value toUint8Array(Napi::Env env, Bytes bytes);

// An Error with `errno` and `syscall`, to be thrown.
Napi::Error toError(Napi::Env env, const SystemError &error);

} // namespace twill
