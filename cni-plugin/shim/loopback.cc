#include "loopback.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <memory>

#include "error.h"
#include "json.h"
#include "netns.h"
#include "version.h"

namespace twill {
namespace {

CniError ioError(std::string_view op) {
  return {Code::io, "the loopback interface cannot be set", withErrno(op, errno)};
}

bool enter(const Environment& e) {
  const Namespace netns = openNamespace(e.netns);
  if (!netns.descriptor) {
    if (e.command == Command::del) return false;
    throw CniError{Code::badEnvironment, "CNI_NETNS " + netns.problem, e.netns};
  }
  if (::setns(netns.descriptor.get(), CLONE_NEWNET) != 0) throw ioError("setns");
  return true;
}

/** lo of the namespace we are in. */
class Loopback {
 public:
  Loopback() : socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    if (!socket_) throw ioError("socket");
    ::strcpy(request_.ifr_name, "lo");
    if (::ioctl(socket_.get(), SIOCGIFFLAGS, &request_) != 0) throw ioError("read flags of lo");
  }

  bool isUp() const { return (request_.ifr_flags & IFF_UP) != 0; }

  void set(bool up) {
    const int others = request_.ifr_flags & ~IFF_UP;
    request_.ifr_flags = static_cast<short>(up ? others | IFF_UP : others);
    if (::ioctl(socket_.get(), SIOCSIFFLAGS, &request_) != 0) throw ioError("set flags of lo");
  }

 private:
  Descriptor socket_;
  ifreq request_{};
};

int prefixBits(const sockaddr* mask, size_t offset, size_t width) {
  if (mask == nullptr) return static_cast<int>(width * 8);
  const auto* bytes = reinterpret_cast<const unsigned char*>(mask) + offset;
  int bits = 0;
  for (size_t at = 0; at < width; at++) bits += __builtin_popcount(bytes[at]);
  return bits;
}

/** One entry of `ips`; empty for what is no address of lo. */
std::string describe(const ifaddrs& entry, bool withFamily) {
  if (entry.ifa_addr == nullptr || std::string_view(entry.ifa_name) != "lo") return "";
  const int family = entry.ifa_addr->sa_family;
  if (family != AF_INET && family != AF_INET6) return "";
  const bool v4 = family == AF_INET;
  const size_t offset = v4 ? offsetof(sockaddr_in, sin_addr) : offsetof(sockaddr_in6, sin6_addr);
  char text[INET6_ADDRSTRLEN];
  ::inet_ntop(family, reinterpret_cast<const char*>(entry.ifa_addr) + offset, text, sizeof text);

  std::string json = withFamily ? std::string("{\"version\":\"") + (v4 ? '4' : '6') + "\"," : "{";
  json += "\"interface\":0,\"address\":\"" + std::string(text) + '/';
  return json + std::to_string(prefixBits(entry.ifa_netmask, offset, v4 ? 4 : 16)) + "\"}";
}

std::string describeAddresses(bool withFamily) {
  ifaddrs* first = nullptr;
  if (::getifaddrs(&first) != 0) throw ioError("list addresses of lo");
  const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(first, &::freeifaddrs);
  std::string list;
  for (const ifaddrs* entry = first; entry != nullptr; entry = entry->ifa_next) {
    const std::string ip = describe(*entry, withFamily);
    if (!ip.empty()) list += (list.empty() ? "" : ",") + ip;
  }
  return list;
}

std::string result(const Environment& e, const Config& config) {
  return "{\"cniVersion\":" + quote(config.cniVersion) +
         ",\"interfaces\":[{\"name\":\"lo\",\"mac\":\"00:00:00:00:00:00\",\"sandbox\":" +
         quote(e.netns) + "}],\"ips\":[" +
         describeAddresses(!isAtLeast(config.cniVersion, "1.0.0")) + "],\"dns\":{}}\n";
}

}  // namespace

std::string runLoopback(const Environment& e, const Config& config, std::string_view input) {
  if (e.command == Command::gc || e.command == Command::status) return "";
  if (!enter(e)) return "";

  Loopback lo;
  if (e.command == Command::del) {
    lo.set(false);
    return "";
  }
  if (e.command == Command::check) {
    if (!lo.isUp()) throw CniError{Code::notAsAdded, "the loopback interface lo is down", e.netns};
    return "";
  }
  lo.set(true);
  const auto previous = memberObject(input, "prevResult", config.cniVersion);
  if (previous) return *previous + '\n';
  return result(e, config);
}

}  // namespace twill
