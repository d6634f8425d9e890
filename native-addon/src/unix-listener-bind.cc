// How the listener comes to its path, and leaves it. A socket file that nobody serves is replaced in
// one rename; one that somebody serves is left alone. Two that start at once are told apart by a lock
// on the folder, held for as long as this takes. Paths go through /proc/self/fd, so that neither the
// 107 octets of sockaddr_un nor a renamed folder matter.

#include "unix-listener.h"

#include <cstring>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

namespace twill {

namespace {

constexpr int kBacklog = 1024;

sockaddr_un addressIn(int folder, const std::string &name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/%s", folder, name.c_str());
  return address;
}

std::string folderOf(const std::string &path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::string nameOf(const std::string &path) { return path.substr(path.rfind('/') + 1); }

std::string temporaryName() {
  uint64_t random = 0;
  if (getrandom(&random, sizeof random, 0) < 0) random = static_cast<uint64_t>(getpid());
  char name[32];
  snprintf(name, sizeof name, ".twill-%016llx", static_cast<unsigned long long>(random));
  return name;
}

Descriptor openFolder(const std::string &path) {
  return Descriptor(::open(folderOf(path).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

} // namespace

SystemError UnixListener::bindPath() {
  const Descriptor folder = openFolder(options_.path);
  if (!folder) return SystemError::last("open");
  const std::string name = nameOf(options_.path);
  if (name.empty() || name.size() > 64) return {ENAMETOOLONG, "bind"};
  if (flock(folder.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK ? SystemError{EADDRINUSE, "flock"} : SystemError::last("flock");
  }
  const SystemError live = refuseLivePeer(folder.get(), name);
  if (live) return live;

  const std::string temporary = temporaryName();
  const sockaddr_un address = addressIn(folder.get(), temporary);
  if (bind(socket_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0) {
    return SystemError::last("bind");
  }
  struct stat made {};
  SystemError failed;
  if (fchmodat(folder.get(), temporary.c_str(), options_.mode, 0) != 0) {
    failed = SystemError::last("chmod");
  } else if (listen(socket_.get(), kBacklog) != 0) {
    failed = SystemError::last("listen");
  } else if (fstatat(folder.get(), temporary.c_str(), &made, AT_SYMLINK_NOFOLLOW) != 0) {
    failed = SystemError::last("stat");
  } else if (renameat(folder.get(), temporary.c_str(), folder.get(), name.c_str()) != 0) {
    failed = SystemError::last("rename");
  }
  if (failed) unlinkat(folder.get(), temporary.c_str(), 0);
  inode_ = failed ? 0 : made.st_ino;
  return failed;
}

// Only a refused connection or nothing there means that the path is free; what is no socket stays.
SystemError UnixListener::refuseLivePeer(int folder, const std::string &name) {
  struct stat found {};
  if (fstatat(folder, name.c_str(), &found, AT_SYMLINK_NOFOLLOW) != 0) {
    return errno == ENOENT ? SystemError{} : SystemError::last("stat");
  }
  if (!S_ISSOCK(found.st_mode)) return {EEXIST, "bind"};
  const Descriptor probe(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!probe) return SystemError::last("socket");
  const sockaddr_un address = addressIn(folder, name);
  if (connect(probe.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 ||
      errno == EAGAIN) { // its backlog is full
    return {EADDRINUSE, "bind"};
  }
  return errno == ECONNREFUSED || errno == ENOENT ? SystemError{} : SystemError::last("connect");
}

void UnixListener::close() {
  clients_.clear();
  if (inode_ != 0) {
    const Descriptor folder = openFolder(options_.path);
    struct stat found {};
    const std::string name = nameOf(options_.path);
    if (folder && fstatat(folder.get(), name.c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
        found.st_ino == inode_) {
      unlinkat(folder.get(), name.c_str(), 0);
    }
  }
  inode_ = 0;
  socket_.reset();
  timer_.reset();
  epoll_.reset();
}

} // namespace twill
