#include "daemon.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <cstring>

#include "error.h"
#include "json.h"

namespace twill {
namespace {

constexpr size_t kMaxReplyBytes = 4 << 20;
constexpr time_t kConnectSeconds = 10;  // only a full backlog makes a connect to a Unix socket wait

void appendField(std::string& request, std::string_view field) {
  const auto size = static_cast<uint32_t>(field.size());
  for (int shift = 0; shift < 32; shift += 8) request += static_cast<char>(size >> shift & 0xff);
  request += field;
}

/** Empty when connected, else the reason. */
std::string connectTo(const std::string& path, Descriptor& socket) {
  socket = Descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) return withErrno("no socket", errno);
  const timeval wait{kConnectSeconds, 0};
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);

  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return "the path is too long";
  std::memcpy(address.sun_path, path.data(), path.size());
  while (::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    if (errno == EAGAIN) return "its backlog is full";
    if (errno != EINTR) return std::strerror(errno);
  }
  return "";
}

/** False when the peer has gone or the deadline passed. The descriptor goes with the first byte. */
bool sendAll(int socket, std::string_view request, int namespaceFd, const Deadline& deadline) {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
  iovec part{const_cast<char*>(request.data()), request.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  if (namespaceFd >= 0) {
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(header), &namespaceFd, sizeof(int));
  }

  while (part.iov_len > 0) {
    const ssize_t sent = ::sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent >= 0) {
      part.iov_base = static_cast<char*>(part.iov_base) + sent;
      part.iov_len -= static_cast<size_t>(sent);
      message.msg_control = nullptr;
      message.msg_controllen = 0;
    } else if (errno == EAGAIN) {
      if (!deadline.await(socket, POLLOUT)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return ::shutdown(socket, SHUT_WR) == 0;
}

/** Everything up to the end of the stream; empty when it broke, is too long or is too late. */
std::string receiveAll(int socket, const Deadline& deadline, std::string& reason) {
  std::string data;
  char chunk[16384];
  for (;;) {
    if (!deadline.await(socket, POLLIN)) {
      reason = "no answer in time";
      return "";
    }
    const ssize_t got = ::recv(socket, chunk, sizeof chunk, MSG_DONTWAIT);
    if (got == 0) return data;
    if (got > 0) {
      data.append(chunk, static_cast<size_t>(got));
    } else if (errno != EINTR && errno != EAGAIN) {
      reason = std::strerror(errno);
      return "";
    }
    if (data.size() > kMaxReplyBytes) {
      reason = "the answer is too long";
      return "";
    }
  }
}

}  // namespace

std::string encodeRequest(const Environment& e, std::string_view input,
                          std::string_view ipamResult) {
  std::string request = "TWL1";
  const std::string_view fields[] = {e.commandName, e.containerId, e.netns, e.ifName,
                                     e.args,        e.path,        input,   ipamResult};
  size_t size = request.size() + 4;
  for (const auto field : fields) size += 4 + field.size();
  request.reserve(size);
  for (const auto field : fields) appendField(request, field);
  return request += "END1";
}

std::variant<Reply, NoReply> ask(const std::string& socketPath, std::string_view request,
                                 int namespaceFd, const Deadline& deadline) {
  Descriptor socket;
  if (auto reason = connectTo(socketPath, socket); !reason.empty()) return NoReply{false, reason};

  const bool delivered = sendAll(socket.get(), request, namespaceFd, deadline);
  // Also when sending failed: a daemon that refuses a request early has said why before it hung up.
  std::string reason = "the connection broke";
  const std::string data = receiveAll(socket.get(), deadline, reason);
  if (data.size() < 4) return NoReply{delivered, reason};

  uint32_t exitCode = 0;
  for (int at = 3; at >= 0; at--) exitCode = exitCode << 8 | static_cast<unsigned char>(data[at]);
  std::string output = data.substr(4);
  const bool whole = output.empty() ? exitCode == 0 : isJsonObject(output);
  if (!whole) return NoReply{delivered, "the connection broke in the middle of the answer"};
  return Reply{exitCode, std::move(output)};
}

}  // namespace twill
