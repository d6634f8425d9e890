#include "unix-listener.h"
namespace twill {
void initUnixListener(Napi::Env, Napi::Object) {}
}
