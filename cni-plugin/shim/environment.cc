#include "environment.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

namespace twill {
namespace {

constexpr size_t kMaxValueBytes = 4095;  // what a path may have at most; no variable needs more
constexpr size_t kMaxInterfaceBytes = 15;

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

bool isControl(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool isAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool usesContainer(Command command) {
  return command == Command::add || command == Command::check || command == Command::del;
}

CniError problem(std::string_view name, std::string_view what, std::string_view value = "") {
  std::string shown(value.substr(0, 64));
  if (shown.size() < value.size()) shown += "…";
  return {Code::badEnvironment, std::string(name) + ' ' + std::string(what), std::move(shown)};
}

std::optional<CniError> findMissing(const Environment& e) {
  std::string missing;
  const auto need = [&missing](bool needed, const char* name, const std::string& value) {
    if (!needed || !value.empty()) return;
    if (!missing.empty()) missing += ',';
    missing += name;
  };
  need(usesContainer(e.command), "CNI_CONTAINERID", e.containerId);
  need(e.command == Command::add || e.command == Command::check, "CNI_NETNS", e.netns);
  need(usesContainer(e.command), "CNI_IFNAME", e.ifName);
  need(e.command == Command::gc, "CNI_PATH", e.path);
  if (missing.empty()) return std::nullopt;
  return CniError{Code::badEnvironment,
                  "required env variables [" + missing + "] missing for " + e.commandName};
}

/** Every variable: no longer than a path, no control characters. */
std::optional<CniError> findUnprintable(const Environment& e) {
  const std::pair<const char*, const std::string*> all[] = {
      {"CNI_CONTAINERID", &e.containerId}, {"CNI_NETNS", &e.netns}, {"CNI_IFNAME", &e.ifName},
      {"CNI_ARGS", &e.args},               {"CNI_PATH", &e.path},
  };
  for (const auto& [name, value] : all) {
    if (value->size() > kMaxValueBytes) {
      return problem(name, "is longer than " + std::to_string(kMaxValueBytes) + " bytes", *value);
    }
    if (std::any_of(value->begin(), value->end(), isControl)) {
      return problem(name, "contains a control character", *value);
    }
  }
  return std::nullopt;
}

/** As net/core/dev.c dev_valid_name(); ASCII only, and no '%': the kernel makes a number of it. */
std::optional<CniError> findInterfaceProblem(const std::string& name) {
  if (name.size() > kMaxInterfaceBytes) {
    return problem("CNI_IFNAME", "is longer than the 15 bytes of an interface name", name);
  }
  if (name == "." || name == "..") return problem("CNI_IFNAME", "is no interface name", name);
  const auto refused = [](char c) {
    return c <= ' ' || c > '~' || c == '/' || c == ':' || c == '%';
  };
  if (std::any_of(name.begin(), name.end(), refused)) {
    return problem("CNI_IFNAME", "may not contain '/', ':', '%', whitespace or non-ASCII bytes",
                   name);
  }
  return std::nullopt;
}

/** `K=V;K=V` as libcni's LoadArgs reads it, one '=' in each. Which keys there are is the daemon's. */
std::optional<CniError> findArgsProblem(std::string_view args) {
  while (!args.empty()) {
    const auto end = args.find(';');
    const auto pair = args.substr(0, end);
    if (pair.find('=') == 0 || std::count(pair.begin(), pair.end(), '=') != 1) {
      return problem("CNI_ARGS", "must look like KEY=VALUE;KEY=VALUE", pair);
    }
    if (end == args.npos) break;
    args.remove_prefix(end + 1);
    if (args.empty()) return problem("CNI_ARGS", "ends with ';'");
  }
  return std::nullopt;
}

/** `../x` in a search path means something else in every working directory. */
std::optional<CniError> findPathProblem(std::string_view path) {
  for (size_t at = 0; at <= path.size();) {
    const auto end = std::min(path.find(':', at), path.size());
    const auto entry = path.substr(at, end - at);
    if (entry.substr(0, 2) == "..") {
      return problem("CNI_PATH", "has an entry that starts with '..'", entry);
    }
    at = end + 1;
  }
  return std::nullopt;
}

}  // namespace

Environment readEnvironment() {
  static constexpr std::pair<std::string_view, Command> commands[] = {
      {"ADD", Command::add}, {"DEL", Command::del},       {"CHECK", Command::check},
      {"GC", Command::gc},   {"STATUS", Command::status}, {"VERSION", Command::version},
  };
  Environment e{Command::version, variable("CNI_COMMAND"), {}, {}, {}, {}, {}};
  if (e.commandName.empty()) {
    throw CniError{Code::badEnvironment, "required env variables [CNI_COMMAND] missing"};
  }
  const auto* known = std::find_if(std::begin(commands), std::end(commands),
                                   [&e](const auto& c) { return c.first == e.commandName; });
  if (known == std::end(commands)) throw problem("CNI_COMMAND", "is unknown", e.commandName);

  e.command = known->second;
  if (e.command == Command::version) return e;
  e.path = variable("CNI_PATH");
  if (!usesContainer(e.command)) return e;
  e.containerId = variable("CNI_CONTAINERID");
  e.netns = variable("CNI_NETNS");
  e.ifName = variable("CNI_IFNAME");
  e.args = variable("CNI_ARGS");
  // DEL must work without a namespace, so a path that cannot be one counts as none.
  const bool hopeless = e.netns.size() > kMaxValueBytes ||
                        std::any_of(e.netns.begin(), e.netns.end(), isControl);
  if (e.command == Command::del && hopeless) e.netns.clear();
  return e;
}

std::optional<CniError> findProblem(const Environment& e) {
  if (auto found = findMissing(e)) return found;
  if (auto found = findUnprintable(e)) return found;
  if (usesContainer(e.command)) {
    if (!isName(e.containerId)) {
      return problem("CNI_CONTAINERID",
                     "must be at most 200 of [a-zA-Z0-9_.-] and begin with a letter or digit",
                     e.containerId);
    }
    if (auto found = findInterfaceProblem(e.ifName)) return found;
    if (auto found = findArgsProblem(e.args)) return found;
  }
  return findPathProblem(e.path);
}

bool isName(std::string_view text) {
  if (text.empty() || text.size() > kMaxNameBytes || !isAlphanumeric(text.front())) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return isAlphanumeric(c) || c == '_' || c == '.' || c == '-';
  });
}

}  // namespace twill
