// A listening Unix stream socket, one request per connection: reads to the client's shutdown, takes
// descriptors and credentials along, writes one reply, closes. Knows sizes and times, no protocol.
//
// Everything happens on the JavaScript thread: one epoll set holds the listening socket, every
// connection and one timer, and the event loop polls that one descriptor. No locks, and a reply
// needs no hop to another thread.
#pragma once

#include "bytes.h"
#include "descriptor.h"

#include <functional>
#include <memory>
#include <napi.h>
#include <string>
#include <sys/socket.h>
#include <unordered_map>
#include <vector>

namespace twill {

struct UnixListenerOptions {
  std::string path;
  uint32_t mode = 0600;
  size_t maxBytes = 0;
  int64_t timeoutMs = 0; // from accept to the client's shutdown; again for writing the reply
  uint32_t allowUid = 0; // or nobody
  size_t maxConnections = 0;
  size_t maxDescriptors = 0; // of one request
};

struct UnixClient {
  uint32_t id = 0;
  Descriptor socket;
  int32_t pid = 0;
  uint32_t uid = 0;
  uint32_t gid = 0;
  enum class State { reading, handed, writing } state = State::reading;
  Bytes data; // request, later reply
  size_t written = 0;
  std::vector<Descriptor> descriptors;
  int64_t deadlineMs = 0; // CLOCK_MONOTONIC; 0: none
};

// What JavaScript hears. `what` is a string literal.
struct UnixListenerEvents {
  std::function<void(UnixClient &client)> request; // takes data and descriptors
  std::function<void(uint32_t id)> gone;
  std::function<void(uint32_t id, int error)> replied;
  std::function<void(int error, const char *what, int32_t pid)> failed;
};

class UnixListener {
public:
  UnixListener(UnixListenerOptions options, UnixListenerEvents events)
      : options_(std::move(options)), events_(std::move(events)) {}
  ~UnixListener() { close(); }

  SystemError open();
  void reply(uint32_t id, const uint8_t *data, size_t size);
  void close(); // removes the socket file if it is still this one
  void work();  // everything that is ready, without blocking
  int pollable() const { return epoll_.get(); }

private:
  using Clients = std::unordered_map<uint32_t, UnixClient>;

  SystemError bindPath();
  SystemError refuseLivePeer(int folder, const std::string &name);
  SystemError watch(int fd, uint32_t events, uint64_t key, bool change);
  void acceptAll();
  void admit(Descriptor socket);
  void pauseAccepting(int error);
  void serve(uint32_t id, uint32_t events);
  bool read(UnixClient &client);
  bool take(UnixClient &client, const ::msghdr &message);
  void handOver(UnixClient &client);
  void write(UnixClient &client);
  void reject(UnixClient &client, int error, const char *what);
  void expire();
  void armTimer();

  const UnixListenerOptions options_;
  const UnixListenerEvents events_;
  Descriptor epoll_;
  Descriptor timer_;
  Descriptor socket_;
  bool accepting_ = false;
  int64_t resumeAtMs_ = 0;
  int64_t armedForMs_ = 0;
  uint64_t inode_ = 0;
  uint32_t nextId_ = 0;
  Clients clients_;
};

// Registers the JavaScript class `UnixListener` (unix-listener-object.cc).
void initUnixListener(Napi::Env env, Napi::Object exports);

} // namespace twill
