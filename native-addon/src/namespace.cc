#include "namespace.h"

#include <fcntl.h>
#include <sched.h>

namespace twill {

SystemError readNamespace(const Napi::Object &options, NamespaceChoice *out) {
  const Napi::Value path = options.Get("namespacePath");
  const Napi::Value fd = options.Get("namespaceFd");
  if (path.IsString()) {
    out->path = path.As<Napi::String>().Utf8Value();
  } else if (fd.IsNumber()) {
    out->descriptor.reset(fcntl(fd.As<Napi::Number>().Int32Value(), F_DUPFD_CLOEXEC, 3));
    if (!out->descriptor) return SystemError::last("fcntl");
  }
  return {};
}

SystemError enterNamespace(NamespaceChoice &&choice) {
  if (!choice.path.empty()) {
    choice.descriptor.reset(open(choice.path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!choice.descriptor) return SystemError::last("open");
  }
  if (!choice.descriptor) return {};
  const Descriptor target(std::move(choice.descriptor)); // closed on return: a socket pins enough
  if (setns(target.get(), CLONE_NEWNET) != 0) return SystemError::last("setns");
  return {};
}

} // namespace twill
