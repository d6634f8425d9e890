#include "channel.h"
#include "convert.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cstddef>
#include <vector>

namespace twill {

namespace {
// The kernel builds dump datagrams of up to 32 KiB when offered that much (netlink_recvmsg in
// net/netlink/af_netlink.c) and single messages of up to 64 KiB.
constexpr size_t kDatagramBytes = 64 * 1024;
constexpr size_t kMonitorBatchBytes = 256 * 1024;
// A dump is handed over in pieces of this much and a datagram at most. The kernel goes on with it only as
// datagrams are taken, so nothing piles up; a million routes are 80 MB.
constexpr size_t kPieceBytes = 128 * 1024;
// A monitor whose listener is behind stops reading here; the kernel's buffer then overruns and
// the overrun is reported, instead of memory growing without bound.
constexpr size_t kMonitorBacklogBytes = 4 * 1024 * 1024;
constexpr size_t kUnlimited = SIZE_MAX;
// News come in bursts, and waking the JavaScript thread costs more than taking them together.
constexpr int kMonitorGatherMs = 10;
} // namespace

struct ChannelLetter : Letter {
  ChannelLetter(std::shared_ptr<ChannelWorker> from, ChannelResult result)
      : worker(std::move(from)), result(std::move(result)) {}
  void deliver(Napi::Env env) override { worker->deliver(env, std::move(result)); }

  std::shared_ptr<ChannelWorker> worker;
  ChannelResult result;
};

ChannelWorker::ChannelWorker(ChannelOptions options, Mailbox &mailbox,
                             Napi::FunctionReference listener)
    : options_(std::move(options)), mailbox_(mailbox), listener_(std::move(listener)) {}

SystemError ChannelWorker::start() {
  wake_.reset(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!wake_) return SystemError::last("eventfd");
  const SystemError failed = thread_.start([self = shared_from_this()] { self->run(); });
  if (failed) return failed;
  mailbox_.enroll(shared_from_this());
  holds_++;
  mailbox_.hold();
  return {};
}

void ChannelWorker::push(ChannelJob job) {
  holds_++;
  mailbox_.hold();
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    jobs_.push_back(std::move(job));
  }
  changed_.notify_one();
}

void ChannelWorker::stop() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (wake_) eventfd_write(wake_.get(), 1);
}

void ChannelWorker::forget() {
  listener_.Reset();
  wake_.reset();
  for (; holds_ > 0; holds_--) mailbox_.unhold();
}

// listener(errno, syscall, bytes, last). Results come in the order of the jobs.
void ChannelWorker::deliver(Napi::Env env, ChannelResult result) {
  const size_t before = undelivered_.fetch_sub(options_.monitor ? result.bytes.size() : 0);
  if (before > kMonitorBacklogBytes) eventfd_write(wake_.get(), 1);
  const Napi::HandleScope scope(env);
  if (listener_.IsEmpty()) return;
  const Napi::Function listener = listener_.Value();
  if (result.last) {
    mailbox_.discharge(shared_from_this());
  } else if (!options_.monitor && holds_ > 0) {
    holds_--;
    mailbox_.unhold();
  }
  call(listener, {Napi::Number::New(env, result.error.number),
                 Napi::String::New(env, result.error.syscall),
                 toUint8Array(env, std::move(result.bytes)),
                 Napi::Boolean::New(env, result.last)});
}

int ChannelWorker::openNamespaceOf() const { return ioctl(socket_.get(), SIOCGSKNS); }

SystemError ChannelWorker::portOf(uint32_t *port) const {
  sockaddr_nl address{};
  socklen_t length = sizeof address;
  if (getsockname(socket_.get(), reinterpret_cast<sockaddr *>(&address), &length) != 0) {
    return SystemError::last("getsockname");
  }
  *port = address.nl_pid;
  return {};
}

// A classic BPF program over one message, which reads in network order: its nlmsg_pid against `port`,
// and RTA_PRIORITY of a route that came or went against `routeMetric` (SKF_AD_NLATTR looks for it).
SystemError ChannelWorker::ignore(uint32_t port, uint32_t routeMetric) const {
  int unused = 0;
  if (port == 0 && routeMetric == 0) {
    const int failed =
        setsockopt(socket_.get(), SOL_SOCKET, SO_DETACH_FILTER, &unused, sizeof unused);
    return failed == 0 || errno == ENOENT ? SystemError{} : SystemError::last("setsockopt");
  }
  constexpr uint32_t attributes = NLMSG_LENGTH(sizeof(rtmsg));
  const sock_filter drop = BPF_STMT(BPF_RET | BPF_K, 0);
  const sock_filter pass = BPF_STMT(BPF_RET | BPF_K, UINT32_MAX);
  std::vector<sock_filter> program;
  if (port != 0) {
    program.push_back(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(nlmsghdr, nlmsg_pid)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1));
    program.push_back(drop);
  }
  if (routeMetric != 0) {
    const sock_filter find[] = {
        BPF_STMT(BPF_LD | BPF_H | BPF_ABS, offsetof(nlmsghdr, nlmsg_type)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_NEWROUTE), 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htons(RTM_DELROUTE), 1, 0),
        pass,
        BPF_STMT(BPF_LDX | BPF_W | BPF_IMM, RTA_PRIORITY),
        BPF_STMT(BPF_LD | BPF_W | BPF_IMM, attributes),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_AD_OFF + SKF_AD_NLATTR)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 3, 0), // there is none
        BPF_STMT(BPF_MISC | BPF_TAX, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_IND, sizeof(rtattr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(routeMetric), 1, 0),
        pass,
        drop,
    };
    program.insert(program.end(), std::begin(find), std::end(find));
  }
  program.push_back(pass);
  const sock_fprog filter = {static_cast<unsigned short>(program.size()), program.data()};
  if (setsockopt(socket_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) != 0) {
    return SystemError::last("setsockopt");
  }
  return {};
}

void ChannelWorker::run() {
  const SystemError failed = open();
  if (failed) return finish(failed);
  post({});
  if (options_.monitor) {
    watch();
  } else {
    serve();
  }
}

void ChannelWorker::post(ChannelResult result) {
  mailbox_.post(std::make_unique<ChannelLetter>(shared_from_this(), std::move(result)));
}

void ChannelWorker::finish(SystemError error, Bytes bytes) {
  socket_.reset();
  post({error, std::move(bytes), true});
}

SystemError ChannelWorker::open() {
  const SystemError failed = enterNamespace(std::move(options_.space));
  if (failed) return failed;

  socket_.reset(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, options_.protocol));
  if (!socket_) return SystemError::last("socket");
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (bind(socket_.get(), reinterpret_cast<sockaddr *>(&address), sizeof address) != 0) {
    return SystemError::last("bind");
  }
  for (const SocketOption &option : options_.socketOptions) {
    if (setsockopt(socket_.get(), option.level, option.name, &option.value, sizeof option.value) !=
            0 &&
        option.required) {
      return SystemError::last("setsockopt");
    }
  }
  return {};
}

void ChannelWorker::serve() {
  for (;;) {
    ChannelJob job;
    {
      std::unique_lock<std::mutex> lock(mutex_);
      changed_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (stopping_) break;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    post(perform(job));
  }
  finish({ECANCELED, "close"});
}

ChannelResult ChannelWorker::perform(const ChannelJob &job) {
  ChannelResult result;
  if (job.ends.empty()) {
    if (waitReadable(job.timeoutMs)) result.error = drain(&result.bytes, kPieceBytes, &sieve_);
    return result;
  }
  sieve_ = RouteSieve(job.without);
  size_t from = 0;
  for (const uint32_t end : job.ends) {
    if (stopping_) return {{ECANCELED, "close"}, {}};
    // Without an address the kernel is the peer. It answers before send returns.
    if (send(socket_.get(), job.bytes.data() + from, end - from, MSG_NOSIGNAL) < 0) {
      result.error = SystemError::last("send");
      return result;
    }
    from = end;
    const size_t limit = end == job.ends.back() ? result.bytes.size() + kPieceBytes : kUnlimited;
    result.error = drain(&result.bytes, limit, &sieve_);
    if (result.error) return result;
  }
  return result;
}

void ChannelWorker::watch() {
  while (!stopping_) {
    if (!waitReadable(-1) || stopping_) continue;
    pollfd stop = {wake_.get(), POLLIN, 0};
    poll(&stop, 1, kMonitorGatherMs);
    ChannelResult result;
    result.error = drain(&result.bytes, kMonitorBatchBytes);
    undelivered_ += result.bytes.size();
    // ENOBUFS: the kernel dropped something and goes on. Anything else ends the monitor.
    if (result.error && result.error.number != ENOBUFS) {
      return finish(result.error, std::move(result.bytes));
    }
    post(std::move(result));
  }
  finish({ECANCELED, "close"});
}

// False when stopped, timed out, or (monitor) while the listener is too far behind.
bool ChannelWorker::waitReadable(int timeoutMs) {
  const bool behind = undelivered_ > kMonitorBacklogBytes;
  pollfd waits[2] = {{wake_.get(), POLLIN, 0}, {socket_.get(), POLLIN, 0}};
  poll(waits, behind ? 1 : 2, timeoutMs);
  eventfd_t ignored;
  if (waits[0].revents != 0) eventfd_read(wake_.get(), &ignored);
  return !stopping_ && waits[1].revents != 0;
}

// A dump goes on each time a datagram is taken, so an empty queue is the end of it, and a full piece a pause.
SystemError ChannelWorker::drain(Bytes *into, size_t limit, RouteSieve *sieve) {
  bool empty = false;
  while (into->size() < limit) {
    const size_t from = into->size();
    const SystemError failed = receive(into, &empty);
    if (sieve != nullptr) sieve->sift(into, from);
    if (failed || empty) return failed;
  }
  return {};
}

SystemError ChannelWorker::receive(Bytes *into, bool *empty) {
  into->reserve(kDatagramBytes + 4);
  sockaddr_nl from{};
  iovec span{into->tail(), kDatagramBytes};
  msghdr message{};
  message.msg_name = &from;
  message.msg_namelen = sizeof from;
  message.msg_iov = &span;
  message.msg_iovlen = 1;

  const ssize_t count = recvmsg(socket_.get(), &message, MSG_DONTWAIT);
  if (count < 0) {
    *empty = errno == EAGAIN;
    return *empty ? SystemError{} : SystemError::last("recvmsg");
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) return {EMSGSIZE, "recvmsg"};
  if (from.nl_pid != 0) return {}; // another process, not the kernel: not for us
  size_t taken = static_cast<size_t>(count);
  while (taken % 4 != 0) into->tail()[taken++] = 0;
  into->grew(taken);
  return {};
}

} // namespace twill
