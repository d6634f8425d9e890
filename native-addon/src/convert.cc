#include "convert.h"

#include <cstring>

namespace twill {

namespace {
// Below this (so every piece of a dump) a copy is cheaper than a finalizer in the garbage collector. What V8 did
// not allocate itself waits for one of its large collections besides: 64 MiB of pieces instead of 32.
constexpr size_t kCopyBytes = 256 * 1024;
} // namespace

Napi::Value toUint8Array(Napi::Env env, Bytes bytes) {
  const size_t size = bytes.size();
  if (size <= kCopyBytes) {
    Napi::ArrayBuffer copy = Napi::ArrayBuffer::New(env, size);
    if (size > 0) std::memcpy(copy.Data(), bytes.data(), size);
    return Napi::Uint8Array::New(env, size, copy, 0);
  }
  const Napi::ArrayBuffer taken = Napi::ArrayBuffer::New(
      env, bytes.release(), size, [](Napi::Env, void *data) { std::free(data); });
  return Napi::Uint8Array::New(env, size, taken, 0);
}

Napi::Error toError(Napi::Env env, const SystemError &error) {
  Napi::Error result = Napi::Error::New(env, error.syscall);
  result.Set("errno", Napi::Number::New(env, error.number));
  result.Set("syscall", Napi::String::New(env, error.syscall));
  return result;
}

void call(const Napi::Function &function, std::initializer_list<napi_value> arguments) {
  napi_call_function(function.Env(), function.Env().Undefined(), function, arguments.size(),
                     arguments.begin(), nullptr);
}

} // namespace twill
