// Reads or writes one small file as seen from inside a network namespace. /proc/sys/net shows the
// namespace of the thread that opens it, so a short-lived thread goes there.
#pragma once

#include <napi.h>

namespace twill {

// fileInNamespace({namespacePath | namespaceFd}, path, text | undefined, listener(errno, syscall, bytes))
void initFileInNamespace(Napi::Env env, Napi::Object exports);

} // namespace twill
