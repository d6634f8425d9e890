// From C++ values to JavaScript ones. JavaScript thread only.
#pragma once

#include "bytes.h"
#include "descriptor.h"

#include <initializer_list>
#include <napi.h>

namespace twill {

// Small blocks are copied, large ones handed over.
Napi::Value toUint8Array(Napi::Env env, Bytes bytes);

// An Error with `errno` and `syscall`, to be thrown.
Napi::Error toError(Napi::Env env, const SystemError &error);

// Calls back. An exception of the callee stays pending, which Node reports as uncaught; an
// environment that is ending, and so runs no more JavaScript, is no error: node-addon-api's own
// Call() throws there with nobody left to catch.
void call(const Napi::Function &function, std::initializer_list<napi_value> arguments);

} // namespace twill
