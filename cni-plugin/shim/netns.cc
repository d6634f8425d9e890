#include "netns.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "error.h"

namespace twill {
namespace {

Namespace refuse(std::string problem) {
  return {Descriptor(), std::move(problem)};
}

}  // namespace

Namespace openNamespace(const std::string& path) {
  if (path.empty()) return refuse("is empty");
  if (path.front() != '/') return refuse("is not an absolute path");

  const Descriptor place(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!place) return refuse(withErrno("cannot be opened", errno));
  struct statfs fs {};
  if (::fstatfs(place.get(), &fs) != 0) return refuse(withErrno("cannot be examined", errno));
  if (fs.f_type != NSFS_MAGIC) return refuse("is not a namespace");

  const std::string same = "/proc/self/fd/" + std::to_string(place.get());
  Descriptor opened(::open(same.c_str(), O_RDONLY | O_CLOEXEC));
  if (!opened) return refuse(withErrno("cannot be opened", errno));
  if (::ioctl(opened.get(), NS_GET_NSTYPE) != CLONE_NEWNET) {
    return refuse("is not a network namespace");
  }

  struct stat theirs {};
  struct stat ours {};
  if (::fstat(opened.get(), &theirs) != 0 || ::stat("/proc/self/ns/net", &ours) != 0) {
    return refuse(withErrno("cannot be compared with the host's", errno));
  }
  if (theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino) {
    return refuse("is the host's own network namespace");
  }
  return {std::move(opened), ""};
}

}  // namespace twill
