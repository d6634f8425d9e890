#include "unix-listener.h"

#include <algorithm>
#include <cstring>
#include <ctime>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>

namespace twill {

namespace {

// Keys of the epoll set; clients count up from there.
constexpr uint64_t kListenerKey = 0;
constexpr uint64_t kTimerKey = 1;
constexpr uint32_t kFirstId = 2;

constexpr size_t kReadBytes = 16 * 1024;
constexpr size_t kKernelDescriptors = 253; // SCM_MAX_FD: of one message
constexpr int64_t kPauseMs = 100;          // out of descriptors: accept() would spin

int64_t nowMs() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1000000;
}

} // namespace

SystemError UnixListener::open() {
  epoll_.reset(epoll_create1(EPOLL_CLOEXEC));
  if (!epoll_) return SystemError::last("epoll_create1");
  timer_.reset(timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer_) return SystemError::last("timerfd_create");
  socket_.reset(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_) return SystemError::last("socket");
  nextId_ = kFirstId;

  SystemError failed = watch(timer_.get(), EPOLLIN, kTimerKey, false);
  if (!failed) failed = watch(socket_.get(), EPOLLIN, kListenerKey, false);
  if (!failed) failed = bindPath();
  accepting_ = true;
  return failed;
}

SystemError UnixListener::watch(int fd, uint32_t events, uint64_t key, bool change) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = key;
  if (epoll_ctl(epoll_.get(), change ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &event) == 0) return {};
  return SystemError::last("epoll_ctl");
}

// A callback into JavaScript may close the listener: epoll_ is asked again after each.
void UnixListener::work() {
  epoll_event events[64];
  const int count = epoll_wait(epoll_.get(), events, 64, 0);
  for (int i = 0; i < count && epoll_; i++) {
    const uint64_t key = events[i].data.u64;
    if (key == kListenerKey) {
      acceptAll();
    } else if (key == kTimerKey) {
      expire();
    } else {
      serve(static_cast<uint32_t>(key), events[i].events);
    }
  }
  if (epoll_) armTimer();
}

void UnixListener::acceptAll() {
  while (epoll_ && clients_.size() < options_.maxConnections) {
    Descriptor client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (client) {
      admit(std::move(client));
    } else if (errno == EAGAIN) {
      return;
    } else if (errno != ECONNABORTED && errno != EINTR) {
      return pauseAccepting(errno);
    }
  }
  if (epoll_) pauseAccepting(0); // the backlog waits until some are done
}

void UnixListener::pauseAccepting(int error) {
  accepting_ = false;
  resumeAtMs_ = nowMs() + kPauseMs;
  watch(socket_.get(), 0, kListenerKey, true);
  if (error != 0) events_.failed(error, "accept", 0);
}

void UnixListener::admit(Descriptor socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  UnixClient client;
  client.socket = std::move(socket);
  if (getsockopt(client.socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return;
  client.pid = peer.pid;
  client.uid = peer.uid;
  client.gid = peer.gid;
  if (client.uid != options_.allowUid) return events_.failed(EACCES, "peer", client.pid);

  while (nextId_ < kFirstId || clients_.count(nextId_) > 0) nextId_++;
  client.id = nextId_++;
  client.deadlineMs = nowMs() + options_.timeoutMs;
  if (watch(client.socket.get(), EPOLLIN, client.id, false)) return;
  const uint32_t id = client.id;
  clients_.emplace(id, std::move(client));
  serve(id, EPOLLIN); // most requests are complete by now
}

void UnixListener::serve(uint32_t id, uint32_t events) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return;
  UnixClient &client = found->second;
  switch (client.state) {
  case UnixClient::State::reading:
    while (read(client)) {
    }
    break;
  case UnixClient::State::handed:
    if ((events & (EPOLLHUP | EPOLLERR)) != 0) {
      clients_.erase(found);
      events_.gone(id);
    }
    break;
  case UnixClient::State::writing:
    write(client);
    break;
  }
}

// False: nothing more to read now, or the client is no more.
bool UnixListener::read(UnixClient &client) {
  client.data.reserve(kReadBytes);
  alignas(cmsghdr) char control[CMSG_SPACE(kKernelDescriptors * sizeof(int))];
  iovec span{client.data.tail(), kReadBytes};
  msghdr message{};
  message.msg_iov = &span;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;

  const ssize_t count = recvmsg(client.socket.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  if (count < 0) {
    if (errno != EAGAIN) reject(client, errno, "recvmsg");
    return false;
  }
  if (!take(client, message)) {
    reject(client, EMFILE, "descriptors");
    return false;
  }
  if (count == 0) {
    if (client.data.size() == 0 && client.descriptors.empty()) {
      clients_.erase(client.id); // somebody asked whether anyone lives here: refuseLivePeer()
    } else {
      handOver(client);
    }
    return false;
  }
  client.data.grew(static_cast<size_t>(count));
  if (client.data.size() > options_.maxBytes) {
    reject(client, EMSGSIZE, "request");
    return false;
  }
  return true;
}

// Owns every descriptor that came, also the ones too many. False when there are too many.
bool UnixListener::take(UnixClient &client, const msghdr &message) {
  auto *scan = const_cast<msghdr *>(&message);
  for (cmsghdr *part = CMSG_FIRSTHDR(scan); part != nullptr; part = CMSG_NXTHDR(scan, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; i++) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      client.descriptors.emplace_back(fd);
    }
  }
  return client.descriptors.size() <= options_.maxDescriptors &&
         (message.msg_flags & MSG_CTRUNC) == 0;
}

// From now on only the end of the client matters; EPOLLHUP comes unasked.
void UnixListener::handOver(UnixClient &client) {
  client.state = UnixClient::State::handed;
  client.deadlineMs = 0;
  watch(client.socket.get(), 0, client.id, true);
  events_.request(client);
}

void UnixListener::reply(uint32_t id, const uint8_t *data, size_t size) {
  const auto found = clients_.find(id);
  if (found == clients_.end()) return events_.replied(id, EPIPE);
  UnixClient &client = found->second;
  if (client.state != UnixClient::State::handed) return;
  client.state = UnixClient::State::writing;
  client.data = Bytes();
  client.data.reserve(size);
  std::memcpy(client.data.tail(), data, size);
  client.data.grew(size);
  client.deadlineMs = nowMs() + options_.timeoutMs;
  write(client);
  if (epoll_) armTimer();
}

void UnixListener::write(UnixClient &client) {
  while (client.written < client.data.size()) {
    const ssize_t count =
        send(client.socket.get(), client.data.data() + client.written,
             client.data.size() - client.written, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) {
      watch(client.socket.get(), EPOLLOUT, client.id, true);
      return;
    }
    if (count < 0) return reject(client, errno, "send");
    client.written += static_cast<size_t>(count);
  }
  const uint32_t id = client.id;
  clients_.erase(id);
  events_.replied(id, 0);
}

// Ends the connection; whoever waits for its reply hears of it, else whoever reads the errors.
void UnixListener::reject(UnixClient &client, int error, const char *what) {
  const uint32_t id = client.id;
  const int32_t pid = client.pid;
  const bool writing = client.state == UnixClient::State::writing;
  clients_.erase(id);
  if (writing) {
    events_.replied(id, error);
  } else {
    events_.failed(error, what, pid);
  }
}

void UnixListener::expire() {
  uint64_t ticks = 0;
  if (::read(timer_.get(), &ticks, sizeof ticks) < 0) return;
  armedForMs_ = 0;
  const int64_t now = nowMs();
  std::vector<uint32_t> late;
  for (const auto &[id, client] : clients_) {
    if (client.deadlineMs != 0 && client.deadlineMs <= now) late.push_back(id);
  }
  for (const uint32_t id : late) {
    const auto found = clients_.find(id);
    if (found != clients_.end()) reject(found->second, ETIMEDOUT, "request");
  }
  if (epoll_ && !accepting_ && resumeAtMs_ <= now) {
    accepting_ = true;
    watch(socket_.get(), EPOLLIN, kListenerKey, true);
  }
}

// One timer for the earliest deadline of all.
void UnixListener::armTimer() {
  int64_t next = accepting_ ? 0 : resumeAtMs_;
  for (const auto &[id, client] : clients_) {
    if (client.deadlineMs != 0 && (next == 0 || client.deadlineMs < next)) next = client.deadlineMs;
  }
  if (next == 0 || (armedForMs_ != 0 && armedForMs_ <= next)) return;
  armedForMs_ = next;
  const int64_t inMs = std::max<int64_t>(next - nowMs(), 1);
  itimerspec when{};
  when.it_value.tv_sec = inMs / 1000;
  when.it_value.tv_nsec = (inMs % 1000) * 1000000;
  timerfd_settime(timer_.get(), 0, &when, nullptr);
}

} // namespace twill
