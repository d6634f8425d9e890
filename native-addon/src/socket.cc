#include "socket.h"

#include "convert.h"
#include "descriptor.h"

#include <algorithm>
#include <cstring>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace twill {

namespace {

struct Option {
  int level;
  int name;
  const uint8_t *value;
  size_t length;
};

int toInt(const Napi::Value &value) { return value.As<Napi::Number>().Int32Value(); }

Option readOption(const Napi::Value &value) {
  const auto given = value.As<Napi::Array>();
  const auto bytes = given.Get(2U).As<Napi::Uint8Array>();
  return {toInt(given.Get(0U)), toInt(given.Get(1U)), bytes.Data(), bytes.ByteLength()};
}

bool apply(int fd, const Option &option) {
  return setsockopt(fd, option.level, option.name, option.value,
                    static_cast<socklen_t>(option.length)) == 0;
}

Napi::Uint8Array copyOut(Napi::Env env, const void *data, size_t size) {
  Napi::Uint8Array copy = Napi::Uint8Array::New(env, size);
  if (size > 0) std::memcpy(copy.Data(), data, size);
  return copy;
}

const sockaddr *addressOf(const Napi::Uint8Array &bytes) {
  return reinterpret_cast<const sockaddr *>(bytes.Data());
}

// openSocket(domain, type, protocol, options, address | undefined, backlog | undefined) -> fd
// Options are set in their order, before bind; `option` of the error is the index of a refused one.
Napi::Value openSocket(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  const int type = toInt(info[1]) | SOCK_NONBLOCK | SOCK_CLOEXEC;
  Descriptor socket(::socket(toInt(info[0]), type, toInt(info[2])));
  if (!socket) throw toError(env, SystemError::last("socket"));

  const auto options = info[3].As<Napi::Array>();
  for (uint32_t at = 0; at < options.Length(); at++) {
    if (apply(socket.get(), readOption(options.Get(at)))) continue;
    const Napi::Error refused = toError(env, SystemError::last("setsockopt"));
    refused.Set("option", Napi::Number::New(env, at));
    throw refused;
  }
  if (info[4].IsTypedArray()) {
    const auto address = info[4].As<Napi::Uint8Array>();
    if (bind(socket.get(), addressOf(address), static_cast<socklen_t>(address.ByteLength())) != 0) {
      throw toError(env, SystemError::last("bind"));
    }
  }
  if (info[5].IsNumber() && listen(socket.get(), toInt(info[5])) != 0) {
    throw toError(env, SystemError::last("listen"));
  }
  return Napi::Number::New(env, socket.release());
}

// setSocketOption(fd, [level, name, value])
void setSocketOption(const Napi::CallbackInfo &info) {
  if (!apply(toInt(info[0]), readOption(info[1]))) {
    throw toError(info.Env(), SystemError::last("setsockopt"));
  }
}

// getSocketOption(fd, level, name, octets) -> value
Napi::Value getSocketOption(const Napi::CallbackInfo &info) {
  uint8_t value[256];
  socklen_t length = std::min<socklen_t>(sizeof value, info[3].As<Napi::Number>().Uint32Value());
  if (getsockopt(toInt(info[0]), toInt(info[1]), toInt(info[2]), value, &length) != 0) {
    throw toError(info.Env(), SystemError::last("getsockopt"));
  }
  return copyOut(info.Env(), value, length);
}

// socketAddress(fd) -> sockaddr of our end
Napi::Value socketAddress(const Napi::CallbackInfo &info) {
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  if (getsockname(toInt(info[0]), reinterpret_cast<sockaddr *>(&address), &length) != 0) {
    throw toError(info.Env(), SystemError::last("getsockname"));
  }
  return copyOut(info.Env(), &address, length);
}

// connectSocket(fd, sockaddr) -> whether it stands already; else it is writable once it stands or failed
Napi::Value connectSocket(const Napi::CallbackInfo &info) {
  const auto address = info[1].As<Napi::Uint8Array>();
  if (connect(toInt(info[0]), addressOf(address), static_cast<socklen_t>(address.ByteLength())) == 0) {
    return Napi::Boolean::New(info.Env(), true);
  }
  if (errno != EINPROGRESS) throw toError(info.Env(), SystemError::last("connect"));
  return Napi::Boolean::New(info.Env(), false);
}

// acceptSocket(fd) -> [fd, sockaddr of the peer] | undefined when nobody waits
Napi::Value acceptSocket(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  sockaddr_storage address{};
  socklen_t length = sizeof address;
  Descriptor accepted(accept4(toInt(info[0]), reinterpret_cast<sockaddr *>(&address), &length,
                              SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (!accepted) {
    // the peer may have gone while it waited (accept(2), "Error handling")
    const bool isEmpty = errno == EAGAIN || errno == ECONNABORTED || errno == EPROTO;
    if (isEmpty) return env.Undefined();
    throw toError(env, SystemError::last("accept4"));
  }
  Napi::Array result = Napi::Array::New(env, 2);
  result.Set(1U, copyOut(env, &address, length));
  result.Set(0U, Napi::Number::New(env, accepted.release()));
  return result;
}

// receiveDatagram(fd, into) -> [octets, sockaddr, [level, type, data]*] | undefined when none waits
Napi::Value receiveDatagram(const Napi::CallbackInfo &info) {
  const Napi::Env env = info.Env();
  auto into = info[1].As<Napi::Uint8Array>();
  alignas(cmsghdr) uint8_t control[512];
  sockaddr_storage address{};
  iovec part{into.Data(), into.ByteLength()};
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  const ssize_t count = recvmsg(toInt(info[0]), &message, 0);
  if (count < 0 && errno == EAGAIN) return env.Undefined();
  if (count < 0) throw toError(env, SystemError::last("recvmsg"));

  Napi::Array result = Napi::Array::New(env);
  uint32_t at = 0;
  result.Set(at++, Napi::Number::New(env, static_cast<double>(count)));
  result.Set(at++, copyOut(env, &address, message.msg_namelen));
  for (cmsghdr *each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    Napi::Array extra = Napi::Array::New(env, 3);
    extra.Set(0U, Napi::Number::New(env, each->cmsg_level));
    extra.Set(1U, Napi::Number::New(env, each->cmsg_type));
    extra.Set(2U, copyOut(env, CMSG_DATA(each), each->cmsg_len - CMSG_LEN(0)));
    result.Set(at++, extra);
  }
  return result;
}

// sendDatagram(fd, bytes, sockaddr)
void sendDatagram(const Napi::CallbackInfo &info) {
  const auto bytes = info[1].As<Napi::Uint8Array>();
  const auto address = info[2].As<Napi::Uint8Array>();
  if (sendto(toInt(info[0]), bytes.Data(), bytes.ByteLength(), MSG_NOSIGNAL, addressOf(address),
             static_cast<socklen_t>(address.ByteLength())) < 0) {
    throw toError(info.Env(), SystemError::last("sendto"));
  }
}

// interfaceIndex(name) -> ifindex, 0 when there is none of that name
Napi::Value interfaceIndex(const Napi::CallbackInfo &info) {
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  return Napi::Number::New(info.Env(), if_nametoindex(name.c_str()));
}

// interfaceName(ifindex) -> name, '' when there is none of that number
Napi::Value interfaceName(const Napi::CallbackInfo &info) {
  char name[IF_NAMESIZE];
  const uint32_t index = info[0].As<Napi::Number>().Uint32Value();
  const char *found = if_indextoname(index, name);
  return Napi::String::New(info.Env(), found == nullptr ? "" : found);
}

} // namespace

void initSocket(Napi::Env env, Napi::Object exports) {
  exports.Set("openSocket", Napi::Function::New(env, openSocket, "openSocket"));
  exports.Set("setSocketOption", Napi::Function::New(env, setSocketOption, "setSocketOption"));
  exports.Set("getSocketOption", Napi::Function::New(env, getSocketOption, "getSocketOption"));
  exports.Set("socketAddress", Napi::Function::New(env, socketAddress, "socketAddress"));
  exports.Set("connectSocket", Napi::Function::New(env, connectSocket, "connectSocket"));
  exports.Set("acceptSocket", Napi::Function::New(env, acceptSocket, "acceptSocket"));
  exports.Set("receiveDatagram", Napi::Function::New(env, receiveDatagram, "receiveDatagram"));
  exports.Set("sendDatagram", Napi::Function::New(env, sendDatagram, "sendDatagram"));
  exports.Set("interfaceIndex", Napi::Function::New(env, interfaceIndex, "interfaceIndex"));
  exports.Set("interfaceName", Napi::Function::New(env, interfaceName, "interfaceName"));
}

} // namespace twill
