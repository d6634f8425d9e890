#include "route-sieve.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>

#include <cstddef>
#include <cstring>

namespace twill {

namespace {

// RTA_PRIORITY; 0: it has none.
uint32_t metricOf(const uint8_t *message, size_t length) {
  size_t at = NLMSG_LENGTH(NLMSG_ALIGN(sizeof(rtmsg)));
  while (at + sizeof(rtattr) + sizeof(uint32_t) <= length) {
    rtattr attribute;
    std::memcpy(&attribute, message + at, sizeof attribute);
    if (attribute.rta_len < sizeof attribute) return 0;
    if (attribute.rta_type == RTA_PRIORITY) {
      uint32_t metric;
      std::memcpy(&metric, message + at + sizeof attribute, sizeof metric);
      return metric;
    }
    at += RTA_ALIGN(attribute.rta_len);
  }
  return 0;
}

} // namespace

void RouteSieve::sift(Bytes *bytes, size_t from) {
  uint8_t *const data = bytes->data();
  const size_t size = bytes->size();
  size_t to = from;
  const auto isMeant = [&](const nlmsghdr &header) {
    if (header.nlmsg_type != RTM_NEWROUTE || header.nlmsg_len < NLMSG_LENGTH(sizeof(rtmsg))) return false;
    const uint8_t *message = data + from;
    return message[NLMSG_HDRLEN + offsetof(rtmsg, rtm_protocol)] == without_.protocol &&
           metricOf(message, header.nlmsg_len) == without_.metric;
  };
  while (without_.metric != 0 && from + sizeof(nlmsghdr) <= size) {
    nlmsghdr header;
    std::memcpy(&header, data + from, sizeof header);
    const size_t span = NLMSG_ALIGN(static_cast<size_t>(header.nlmsg_len));
    if (header.nlmsg_len < sizeof header || span > size - from) break;
    if (isMeant(header)) {
      interrupted_ |= (header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
    } else {
      if (interrupted_) header.nlmsg_flags |= NLM_F_DUMP_INTR;
      interrupted_ = false;
      std::memmove(data + to, data + from, span);
      std::memcpy(data + to, &header, sizeof header);
      to += span;
    }
    from += span;
  }
  std::memmove(data + to, data + from, size - from); // what is no message is not ours to judge
  bytes->truncate(to + size - from);
}

} // namespace twill
