// The least that writing peers into the kernel can cost: raw rtnetlink, nothing else. It writes what
// twill writes for COUNT hosts (fdb entry, neighbour, nexthop object, route by it), 64 messages in
// every send, one acknowledgement asked for at the end of each.
//
//   floor DEVICE COUNT      prints milliseconds; messages are composed beforehand, as bytes
//
// The hosts are those of fleet.ts.

#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr int kPerSend = 64;
constexpr unsigned char kProtocol = 84;
using Bytes = std::vector<char>;

template <typename Head>
Bytes message(int type, const Head& head) {
  Bytes bytes(NLMSG_SPACE(sizeof head));
  auto* header = reinterpret_cast<nlmsghdr*>(bytes.data());
  header->nlmsg_type = type;
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
  std::memcpy(NLMSG_DATA(header), &head, sizeof head);
  return bytes;
}

void put(Bytes& bytes, int type, const void* value, size_t length) {
  const size_t at = bytes.size();
  bytes.resize(at + RTA_SPACE(length));
  auto* attribute = reinterpret_cast<rtattr*>(bytes.data() + at);
  attribute->rta_type = type;
  attribute->rta_len = RTA_LENGTH(length);
  std::memcpy(RTA_DATA(attribute), value, length);
}

void put_address(Bytes& bytes, int type, uint32_t address) {
  const uint32_t wire = htonl(address);
  put(bytes, type, &wire, sizeof wire);
}

struct Host {
  uint32_t number, underlay, gateway;
  unsigned char mac[6];
};

Host host(uint32_t n) {
  return {n, 0xc6120000 + n, 0x0a800000 + n * 64,
          {2, 0, static_cast<unsigned char>(n >> 24), static_cast<unsigned char>(n >> 16),
           static_cast<unsigned char>(n >> 8), static_cast<unsigned char>(n)}};
}

Bytes fdb(const Host& peer, int index) {
  ndmsg head{};
  head.ndm_family = AF_BRIDGE;
  head.ndm_ifindex = index;
  head.ndm_state = NUD_PERMANENT | NUD_NOARP;
  head.ndm_flags = NTF_SELF;
  Bytes bytes = message(RTM_NEWNEIGH, head);
  put(bytes, NDA_LLADDR, peer.mac, 6);
  put_address(bytes, NDA_DST, peer.underlay);
  return bytes;
}

Bytes neighbour(const Host& peer, int index) {
  ndmsg head{};
  head.ndm_family = AF_INET;
  head.ndm_ifindex = index;
  head.ndm_state = NUD_PERMANENT;
  Bytes bytes = message(RTM_NEWNEIGH, head);
  put_address(bytes, NDA_DST, peer.gateway);
  put(bytes, NDA_LLADDR, peer.mac, 6);
  return bytes;
}

Bytes nexthop(const Host& peer, int index) {
  nhmsg head{};
  head.nh_family = AF_INET;
  head.nh_protocol = kProtocol;
  head.nh_flags = RTNH_F_ONLINK;
  Bytes bytes = message(RTM_NEWNEXTHOP, head);
  put(bytes, NHA_ID, &peer.number, 4);
  put(bytes, NHA_OIF, &index, 4);
  put_address(bytes, NHA_GATEWAY, peer.gateway);
  return bytes;
}

Bytes route(const Host& peer, int) {
  rtmsg head{};
  head.rtm_family = AF_INET;
  head.rtm_dst_len = 26;
  head.rtm_table = RT_TABLE_MAIN;
  head.rtm_protocol = kProtocol;
  head.rtm_type = RTN_UNICAST;
  Bytes bytes = message(RTM_NEWROUTE, head);
  put_address(bytes, RTA_DST, peer.gateway);
  put(bytes, RTA_NH_ID, &peer.number, 4);
  return bytes;
}

// Messages of up to kPerSend requests; the last one asks for an acknowledgement.
std::vector<Bytes> compose(int index, uint32_t count) {
  std::vector<Bytes> sends;
  for (auto make : {nexthop, neighbour, fdb, route}) {
    for (uint32_t n = 1; n <= count; n++) {
      if ((n - 1) % kPerSend == 0) sends.emplace_back();
      Bytes one = make(host(n), index);
      auto* header = reinterpret_cast<nlmsghdr*>(one.data());
      header->nlmsg_len = one.size();
      header->nlmsg_seq = n;
      if (n % kPerSend == 0 || n == count) header->nlmsg_flags |= NLM_F_ACK;
      sends.back().insert(sends.back().end(), one.begin(), one.end());
    }
  }
  return sends;
}

// Refusals come also where no acknowledgement was asked for.
void await_acknowledgement(int socket) {
  alignas(nlmsghdr) char buffer[65536];
  for (;;) {
    const ssize_t length = recv(socket, buffer, sizeof buffer, 0);
    if (length < 0) std::perror("recv"), std::exit(1);
    unsigned left = length;
    for (auto* header = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(header, left);
         header = NLMSG_NEXT(header, left)) {
      const auto* reply = static_cast<nlmsgerr*>(NLMSG_DATA(header));
      if (header->nlmsg_type != NLMSG_ERROR) continue;
      if (reply->error == 0) return;
      std::fprintf(stderr, "floor: request %u: %s\n", header->nlmsg_seq, strerror(-reply->error));
      std::exit(1);
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return std::fprintf(stderr, "usage: floor DEVICE COUNT\n"), 2;
  const int index = if_nametoindex(argv[1]);
  const auto sends = compose(index, std::atoi(argv[2]));
  const int socket = ::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
  if (index == 0 || socket < 0) return std::perror("floor"), 1;

  const auto start = std::chrono::steady_clock::now();
  for (const Bytes& bytes : sends) {
    if (send(socket, bytes.data(), bytes.size(), 0) < 0) return std::perror("send"), 1;
    await_acknowledgement(socket);
  }
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - start;
  std::printf("%.3f\n", took.count());
  close(socket);
  return 0;
}
