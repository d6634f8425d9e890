// `twill`, the CNI plugin a runtime executes: checks what it was given, hands it to twilld together
// with the open network namespace, prints the answer. Called as `loopback` it is that plugin.
//
// It is started for every verb of every pod, so it is static, reads no files of its own and uses no
// iostream. What it refuses it refuses without having changed anything.
//
//   environment.h  CNI_*               netns.h      CNI_NETNS, opened and proven
//   input.h        stdin, bounded      daemon.h     the request over the socket
//   config.h       what stdin says     delegate.h   another ipam plugin
//   plugin.h       the verbs           tombstone.h  a DEL without a daemon
//   loopback.h     lo                  error.h      what is printed on failure
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>

#include "config.h"
#include "environment.h"
#include "error.h"
#include "input.h"
#include "json.h"
#include "loopback.h"
#include "plugin.h"
#include "version.h"

#ifndef TWILL_VERSION
#define TWILL_VERSION "unknown"
#endif

namespace twill {
namespace {

constexpr int64_t kInputMs = 1'500;
constexpr int64_t kGlanceMs = 200;  // where stdin only tells which cniVersion to answer with

std::string about(const std::string& self) {
  return "CNI plugin " + self + " (twill " TWILL_VERSION ")\nCNI protocol versions supported: " +
         listVersions("", ", ") + '\n';
}

void print(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t wrote = ::write(fd, text.data(), text.size());
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) throw CniError{Code::io, "stdout cannot be written", withErrno("write", errno)};
    text.remove_prefix(static_cast<size_t>(wrote));
  }
}

/** A descriptor we open must never be taken for stdin, stdout or stderr. */
void occupyStandardDescriptors() {
  for (int fd = 0; fd < 3; fd++) {
    if (::fcntl(fd, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) < 0) ::_exit(1);
  }
}

/** The cniVersion on stdin when it is one of ours; what else is wrong with stdin does not matter. */
std::string glanceAtVersion() {
  Config config;
  try {
    const std::string input = ::isatty(STDIN_FILENO) ? "" : readInput(Deadline(kGlanceMs));
    if (!input.empty()) parseConfig(input, config);
  } catch (const CniError&) {
  }
  return isSupported(config.cniVersion) ? config.cniVersion : std::string(kNewestVersion);
}

/** `version` is set as soon as it is known, for the error that may follow. @throws CniError */
Outcome run(const std::string& self, std::string& version) {
  const Environment environment = readEnvironment();
  if (environment.command == Command::version) {
    version = glanceAtVersion();
    return {0, "{\"cniVersion\":\"" + version + "\",\"supportedVersions\":[" +
                   listVersions("\"", ",") + "]}\n"};
  }
  if (const auto problem = findProblem(environment)) {
    version = glanceAtVersion();
    throw *problem;
  }

  const std::string input = readInput(Deadline(kInputMs));
  Config config;
  const auto learnVersion = [&] {
    if (isSupported(config.cniVersion)) version = config.cniVersion;
  };
  try {
    parseConfig(input, config);
  } catch (const CniError&) {
    learnVersion();
    throw;
  }
  learnVersion();
  checkConfig(config, environment.command);
  if (self == "loopback") return {0, runLoopback(environment, config, input)};
  return runPlugin(environment, assign(config, self), input);
}

int fail(const CniError& error, std::string_view version) {
  try {
    print(STDOUT_FILENO, toJson(error, version));
  } catch (const CniError&) {
  }
  return 1;
}

/** For people: a runtime passes no arguments, so what there is came from a shell. */
int answerPerson(const std::string& self, std::string_view argument) {
  const bool help = argument == "--help" || argument == "-h";
  const bool version = argument == "--version";
  std::string text = about(self);
  if (!version) {
    text += "\nRun by container runtimes: CNI_COMMAND and its companions in the environment, the\n"
            "network configuration on stdin. `twillctl` is the tool for people.\n\n"
            "usage: twill --help | --version\n";
  }
  print(help || version ? STDOUT_FILENO : STDERR_FILENO, text);
  return help || version ? 0 : 2;
}

int start(int argc, char** argv) {
  const std::string called = argc > 0 ? argv[0] : "twill";
  const std::string self = called.substr(called.rfind('/') + 1);
  const bool asPlugin = std::getenv("CNI_COMMAND") != nullptr;
  std::string version(kNewestVersion);
  try {
    if (argc > 1 && !asPlugin) return answerPerson(self, argv[1]);
    if (!asPlugin) print(STDERR_FILENO, about(self));
    const Outcome outcome = run(self, version);
    print(STDOUT_FILENO, outcome.output);
    return outcome.exitCode == 0 ? 0 : std::max(outcome.exitCode & 0xff, 1);
  } catch (const CniError& error) {
    return fail(error, version);
  } catch (const std::exception& error) {
    return fail({Code::internal, "internal error", error.what()}, version);
  }
}

}  // namespace
}  // namespace twill

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  twill::occupyStandardDescriptors();
  return twill::start(argc, argv);
}
