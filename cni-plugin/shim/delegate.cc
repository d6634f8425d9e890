#include "delegate.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <algorithm>
#include <vector>

#include "error.h"
#include "json.h"

namespace twill {
namespace {

constexpr size_t kMaxOutputBytes = 1 << 20;

std::string find(const std::string& plugin, std::string_view searchPath) {
  while (!searchPath.empty()) {
    const auto end = std::min(searchPath.find(':'), searchPath.size());
    const std::string path = std::string(searchPath.substr(0, end)) + '/' + plugin;
    struct stat found {};
    if (end > 0 && ::stat(path.c_str(), &found) == 0 && S_ISREG(found.st_mode)) return path;
    searchPath.remove_prefix(std::min(end + 1, searchPath.size()));
  }
  return "";
}

CniError ioError(const std::string& plugin, std::string_view op, int number) {
  return {Code::io, "the ipam plugin " + plugin + " cannot be run", withErrno(op, number)};
}

Descriptor holdInput(const std::string& plugin, std::string_view input) {
  Descriptor memory(::memfd_create("cni-stdin", MFD_CLOEXEC));
  if (!memory) throw ioError(plugin, "memfd_create", errno);
  while (!input.empty()) {
    const ssize_t wrote = ::write(memory.get(), input.data(), input.size());
    if (wrote < 0) throw ioError(plugin, "write", errno);
    input.remove_prefix(static_cast<size_t>(wrote));
  }
  ::lseek(memory.get(), 0, SEEK_SET);
  return memory;
}

/** A running plugin; killed and reaped when it goes out of scope. */
class Child {
 public:
  Child(const std::string& path, const char* command, int input, int output) {
    const std::string replaced = std::string("CNI_COMMAND=") + command;
    std::vector<char*> environment{const_cast<char*>(replaced.c_str())};
    for (char** entry = environ; *entry != nullptr; entry++) {
      if (std::string_view(*entry).substr(0, 12) != "CNI_COMMAND=") environment.push_back(*entry);
    }
    environment.push_back(nullptr);
    char* arguments[] = {const_cast<char*>(path.c_str()), nullptr};

    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t ignored;
    sigemptyset(&ignored);
    sigaddset(&ignored, SIGPIPE);
    posix_spawnattr_setsigdefault(&attributes, &ignored);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    error_ = ::posix_spawn(&pid_, path.c_str(), &actions, &attributes, arguments,
                           environment.data());
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    if (error_ != 0) pid_ = -1;
  }
  Child(const Child&) = delete;
  ~Child() {
    if (pid_ < 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  int error() const { return error_; }

  /** Its exit status once it has ended, -1 when the deadline came first. */
  int await(const Deadline& deadline) {
    for (long pauseNs = 100'000;; pauseNs = std::min(pauseNs * 2, 10'000'000L)) {
      int status = 0;
      if (::waitpid(pid_, &status, WNOHANG) == pid_) {
        pid_ = -1;
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      }
      if (deadline.remainingMs() == 0) return -1;
      const timespec pause{0, pauseNs};
      ::nanosleep(&pause, nullptr);
    }
  }

 private:
  pid_t pid_ = -1;
  int error_ = 0;
};

/** False when the deadline passed or there was too much. */
bool readAll(int fd, const Deadline& deadline, std::string& data) {
  char chunk[16384];
  while (deadline.await(fd, POLLIN)) {
    const ssize_t got = ::read(fd, chunk, sizeof chunk);
    if (got == 0) return true;
    if (got > 0) data.append(chunk, static_cast<size_t>(got));
    if (data.size() > kMaxOutputBytes || (got < 0 && errno != EINTR)) return false;
  }
  return false;
}

}  // namespace

Outcome runDelegate(const std::string& plugin, const std::string& searchPath, const char* command,
                    std::string_view input, const Deadline& deadline) {
  if (searchPath.empty()) {
    throw CniError{Code::badEnvironment, "required env variables [CNI_PATH] missing",
                   "it is needed to find the ipam plugin " + plugin};
  }
  const std::string path = find(plugin, searchPath);
  if (path.empty()) {
    throw CniError{Code::invalidConfig, "the ipam plugin \"" + plugin + "\" is not in CNI_PATH",
                   searchPath};
  }

  const Descriptor memory = holdInput(plugin, input);
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw ioError(plugin, "pipe", errno);
  const Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  Child child(path, command, memory.get(), writing.get());
  writing.close();
  if (child.error() != 0) throw ioError(plugin, "exec " + path, child.error());

  Outcome outcome{};
  const bool complete = readAll(reading.get(), deadline, outcome.output);
  outcome.exitCode = complete ? child.await(deadline) : -1;
  if (outcome.exitCode < 0) {
    throw CniError{Code::internal, "the ipam plugin " + plugin + " did not finish " + command +
                                       " in time, or printed more than 1 MiB"};
  }
  if (outcome.exitCode != 0 && !isJsonObject(outcome.output)) {
    throw CniError{Code::internal, "the ipam plugin " + plugin + " failed without an error object",
                   "exit status " + std::to_string(outcome.exitCode)};
  }
  return outcome;
}

}  // namespace twill
