#include "plugin.h"

#include "daemon.h"
#include "error.h"
#include "json.h"
#include "netns.h"
#include "tombstone.h"

namespace twill {
namespace {

// Under the two minutes a kubelet waits at least; the daemon's own deadlines are shorter still.
constexpr int64_t kAddReplyMs = 90'000;
constexpr int64_t kReplyMs = 30'000; // a DEL that a hung daemon holds becomes a tombstone
constexpr int64_t kStatusReplyMs = 10'000;
constexpr int64_t kDelegateMs = 60'000;

/** One call of the plugin: the namespace stays open until its end. */
class Call {
 public:
  Call(const Environment& environment, const Assignment& assignment, std::string_view input)
      : e_(environment), to_(assignment), input_(input), netns_(openNamespaceFor()) {}

  Outcome add() {
    if (to_.delegate.empty()) return answered(askDaemon(""));
    const Outcome ipam = delegate("ADD");
    if (ipam.exitCode != 0) return ipam;
    if (!isJsonObject(ipam.output)) {
      undoDelegate();
      throw CniError{Code::undecodable,
                     "the ipam plugin " + to_.delegate + " printed no JSON object"};
    }
    const auto reply = askDaemon(ipam.output);
    if (!mayBeInUse(reply)) undoDelegate();
    return answered(reply);
  }

  Outcome check() {
    if (!to_.delegate.empty()) {
      if (Outcome ipam = delegate("CHECK"); ipam.exitCode != 0) return ipam;
    }
    return answered(askDaemon(""));
  }

  Outcome del() {
    const std::string request = encodeRequest(e_, input_, "");
    const auto reply = ask(to_.socket, request, netns_.get(), Deadline(kReplyMs));
    Outcome outcome{0, ""};
    if (const auto* said = std::get_if<Reply>(&reply)) {
      outcome = {static_cast<int>(said->exitCode), said->output};
    } else {
      bury(request, std::get<NoReply>(reply));
    }
    if (outcome.exitCode != 0 || to_.delegate.empty()) return outcome;
    return delegate("DEL");
  }

  Outcome gc() {
    if (to_.delegate.empty()) return answered(askDaemon(""));
    const auto reply = askDaemon("");
    const Outcome ipam = delegate("GC");
    const Outcome own = answered(reply);
    return own.exitCode != 0 ? own : ipam;
  }

  Outcome status() {
    const Outcome own = answered(askDaemon(""));
    return own.exitCode != 0 || to_.delegate.empty() ? own : delegate("STATUS");
  }

 private:
  using Answer = std::variant<Reply, NoReply>;

  /** ADD and CHECK of the network's plugin need the namespace; DEL and an ipam plugin do not. */
  Descriptor openNamespaceFor() const {
    if (e_.netns.empty()) return {};
    Namespace opened = openNamespace(e_.netns);
    const bool needed = to_.role == Role::network && e_.command != Command::del;
    if (needed && !opened.descriptor) {
      throw CniError{Code::badEnvironment, "CNI_NETNS " + opened.problem, e_.netns.substr(0, 256)};
    }
    return std::move(opened.descriptor);
  }

  Answer askDaemon(std::string_view ipamResult) const {
    const Deadline deadline(replyMs());
    return ask(to_.socket, encodeRequest(e_, input_, ipamResult), netns_.get(), deadline);
  }

  int64_t replyMs() const {
    switch (e_.command) {
      case Command::add: return kAddReplyMs;
      case Command::status: return kStatusReplyMs;
      default: return kReplyMs;
    }
  }

  std::string silence(const NoReply& none) const {
    return "twilld is not answering on " + to_.socket + " (" + none.reason +
           "): is its DaemonSet pod running on this node?";
  }

  Outcome answered(const Answer& answer) const {
    if (const auto* said = std::get_if<Reply>(&answer)) {
      return {static_cast<int>(said->exitCode), said->output};
    }
    const auto& none = std::get<NoReply>(answer);
    if (e_.command == Command::status) throw CniError{Code::notAvailable, silence(none)};
    throw CniError{Code::tryAgainLater, silence(none) + " The runtime will try again."};
  }

  void bury(std::string_view request, const NoReply& none) const {
    const std::string directory = findStateDirectory(to_.stateDir, to_.socket);
    const std::string problem = writeTombstone(directory, e_, request);
    if (problem.empty()) return;
    throw CniError{Code::io, silence(none) + " And the deletion could not be written down for it.",
                   problem};
  }

  Outcome delegate(const char* command) const {
    return runDelegate(to_.delegate, e_.path, command, input_, Deadline(kDelegateMs));
  }

  /**
   * Whether the daemon may have wired the address. Where it had the request but its answer was lost,
   * the address is left to the runtime's DEL, which asks the daemon first.
   */
  static bool mayBeInUse(const Answer& answer) {
    if (const auto* said = std::get_if<Reply>(&answer)) return said->exitCode == 0;
    return std::get<NoReply>(answer).delivered;
  }

  /** Best effort: the error that led here is the one to report, and the runtime's DEL comes as well. */
  void undoDelegate() const {
    try {
      delegate("DEL");
    } catch (const CniError&) {
    }
  }

  const Environment& e_;
  const Assignment& to_;
  std::string_view input_;
  Descriptor netns_;
};

}  // namespace

Outcome runPlugin(const Environment& environment, const Assignment& assignment,
                  std::string_view input) {
  Call call(environment, assignment, input);
  switch (environment.command) {
    case Command::add: return call.add();
    case Command::check: return call.check();
    case Command::del: return call.del();
    case Command::gc: return call.gc();
    case Command::status: return call.status();
    case Command::version: break;  // answered in main.cc
  }
  return {0, ""};
}

}  // namespace twill
