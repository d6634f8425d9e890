// One AF_NETLINK socket and the one thread that works it: opens it (inside the wanted namespace),
// sends what JavaScript encoded, collects what comes back. Knows sizes and errno, no protocol.
#pragma once

#include "bytes.h"
#include "mailbox.h"
#include "namespace.h"
#include "route-sieve.h"
#include "thread.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <vector>

namespace twill {

struct SocketOption {
  int level;
  int name;
  int value;
  bool required; // a failure of this option fails the opening
};

struct ChannelOptions {
  int protocol = 0;
  NamespaceChoice space;
  std::vector<SocketOption> socketOptions;
  bool monitor = false; // deliver whatever arrives, until closed
};

// Send `bytes` in pieces that end at `ends`, reading all replies after each and one piece of them after the
// last; or, with nothing to send, wait up to `timeoutMs` for the next piece. The routes of `without` are left
// out of all that comes until something else is sent.
struct ChannelJob {
  Bytes bytes;
  std::vector<uint32_t> ends;
  RouteMark without;
  int timeoutMs = 0;
};

struct ChannelResult {
  SystemError error;
  Bytes bytes; // whole datagrams, each starting at a multiple of 4
  bool last = false; // the thread ends after this one
};

class ChannelWorker : public Worker, public std::enable_shared_from_this<ChannelWorker> {
public:
  ChannelWorker(ChannelOptions options, Mailbox &mailbox, Napi::FunctionReference listener);

  // All on the JavaScript thread.
  SystemError start();
  void push(ChannelJob job);
  void stop() override;
  void join() override { thread_.join(); }
  void forget() override;
  void deliver(Napi::Env env, ChannelResult result);
  int openNamespaceOf() const; // a new descriptor of the socket's namespace; -1 with errno
  // Between the first result and stop(), as openNamespaceOf().
  SystemError portOf(uint32_t *port) const; // the address of the socket (nl_pid)
  // Messages of that sender, and routes of that metric, are not queued; 0: all are.
  SystemError ignore(uint32_t port, uint32_t routeMetric) const;

private:
  // All on the worker's own thread.
  void run();
  SystemError open();
  void serve();
  void watch();
  ChannelResult perform(const ChannelJob &job);
  SystemError drain(Bytes *into, size_t limit, RouteSieve *sieve = nullptr);
  SystemError receive(Bytes *into, bool *empty);
  bool waitReadable(int timeoutMs);
  void post(ChannelResult result);
  void finish(SystemError error, Bytes bytes = {});

  ChannelOptions options_;
  Mailbox &mailbox_;
  Napi::FunctionReference listener_; // JavaScript thread only, as is holds_
  int holds_ = 0;
  Descriptor socket_; // the thread's; read by those three between first result and stop()
  Descriptor wake_;
  RouteSieve sieve_; // the thread's
  std::mutex mutex_; // guards jobs_ and the change of stopping_
  std::condition_variable changed_;
  std::deque<ChannelJob> jobs_;
  std::atomic<bool> stopping_{false};
  std::atomic<size_t> undelivered_{0};
  Thread thread_;
};

// Registers the JavaScript class `Channel` (channel-object.cc).
void initChannel(Napi::Env env, Napi::Object exports);

} // namespace twill
