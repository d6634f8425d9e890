// Which network namespace a thread is to work in, and how it gets there.
#pragma once

#include "descriptor.h"

#include <napi.h>
#include <string>

namespace twill {

// Neither path nor descriptor: stay in the namespace of the process.
struct NamespaceChoice {
  std::string path;
  Descriptor descriptor;
};

// JavaScript thread. Reads {namespacePath} or {namespaceFd} of `options`; a descriptor is
// duplicated, so its owner may close it as soon as this returns.
SystemError readNamespace(const Napi::Object &options, NamespaceChoice *out);

// A thread of ours, never one of Node's: it stays in that namespace for the rest of its life.
SystemError enterNamespace(NamespaceChoice &&choice);

} // namespace twill
