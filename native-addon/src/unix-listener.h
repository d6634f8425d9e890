#pragma once
#include <napi.h>
namespace twill {
void initUnixListener(Napi::Env env, Napi::Object exports);
}
