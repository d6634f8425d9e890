#include "tombstone.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>

#include <climits>

#include "descriptor.h"
#include "error.h"

namespace twill {
namespace {

constexpr std::string_view kDefaultStateDirectory = "/var/lib/twill";
constexpr const char* kPendingDirectory = "pending-del";

/** Opens `name` in `parent`, making it first when it is missing: then `created`, and not synced. */
Descriptor openDirectory(int parent, const char* name, int flags, bool& created) {
  created = ::mkdirat(parent, name, 0700) == 0;
  return Descriptor(::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | flags));
}

bool writeAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t wrote = ::write(fd, data.data(), data.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) return false;
    data.remove_prefix(static_cast<size_t>(wrote));
  }
  return true;
}

std::string randomName() {
  unsigned char bytes[8];
  if (::getrandom(bytes, sizeof bytes, 0) != sizeof bytes) return "";
  std::string hex;
  for (const unsigned char byte : bytes) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

/** A file under its temporary name, removed again unless it was renamed. */
class Draft {
 public:
  Draft(int directory, std::string name) : directory_(directory), name_(std::move(name)) {}
  Draft(const Draft&) = delete;
  ~Draft() {
    if (exists_) ::unlinkat(directory_, name_.c_str(), 0);
  }

  bool write(std::string_view data) {
    const Descriptor file(::openat(directory_, name_.c_str(),
                                   O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    exists_ = static_cast<bool>(file);
    return exists_ && writeAll(file.get(), data) && ::fsync(file.get()) == 0;
  }

  bool renameTo(const std::string& name) {
    exists_ = ::renameat(directory_, name_.c_str(), directory_, name.c_str()) != 0;
    return !exists_;
  }

 private:
  int directory_;
  std::string name_;
  bool exists_ = false;
};

}  // namespace

std::string findStateDirectory(const std::string& configured, const std::string& socketPath) {
  if (!configured.empty()) return configured;
  char target[PATH_MAX];
  const ssize_t length = ::readlink((socketPath + ".state").c_str(), target, sizeof target);
  if (length > 0 && length < static_cast<ssize_t>(sizeof target) && target[0] == '/') {
    return std::string(target, static_cast<size_t>(length));
  }
  return std::string(kDefaultStateDirectory);
}

std::string writeTombstone(const std::string& stateDirectory, const Environment& e,
                           std::string_view request) {
  const auto failed = [&](const std::string& op) { return withErrno(op, errno); };
  bool created = false;
  const Descriptor state = openDirectory(AT_FDCWD, stateDirectory.c_str(), 0, created);
  if (!state) return failed("open " + stateDirectory);
  const std::string path = stateDirectory + '/' + kPendingDirectory;
  const Descriptor pending = openDirectory(state.get(), kPendingDirectory, O_NOFOLLOW, created);
  if (!pending) return failed("open " + path);
  if (created && ::fsync(state.get()) != 0) return failed("sync " + stateDirectory);

  const std::string random = randomName();
  if (random.empty()) return failed("random bytes");
  Draft draft(pending.get(), '.' + random + ".tmp");
  if (!draft.write(request)) return failed("write in " + path);
  if (!draft.renameTo(e.containerId + '.' + e.ifName + '.' + random)) {
    return failed("rename in " + path);
  }
  if (::fsync(pending.get()) != 0) return failed("sync " + path);
  return "";
}

}  // namespace twill
