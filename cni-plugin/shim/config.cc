#include "config.h"

#include <sys/un.h>

#include <algorithm>
#include <vector>

#include "nlohmann.h"
#include "version.h"

namespace twill {
namespace {

using nlohmann::json;

constexpr size_t kMaxDepth = 64;
constexpr std::string_view kDefaultSocket = "/run/twill/cni.sock";

enum class Kind { text, object, array, other };

/** Keys with a type. Go runtimes write absent maps and lists as null, so null passes for those. */
constexpr std::pair<std::string_view, Kind> kTyped[] = {
    {"cniVersion", Kind::text},
    {"name", Kind::text},
    {"type", Kind::text},
    {"socket", Kind::text},
    {"stateDir", Kind::text},
    {"ipam", Kind::object},
    {"args", Kind::object},
    {"capabilities", Kind::object},
    {"dns", Kind::object},
    {"prevResult", Kind::object},
    {"runtimeConfig", Kind::object},
    {"cni.dev/valid-attachments", Kind::array},
};
constexpr std::pair<std::string_view, Kind> kIpamTyped[] = {
    {"type", Kind::text},
    {"socket", Kind::text},
    {"stateDir", Kind::text},
};

/** nlohmann's SAX events; returning false stops the parser, with `problem` saying why. */
class Reader : public nlohmann::json_sax<json> {
 public:
  explicit Reader(Config& config) : config_(config) {}

  std::string problem;

  bool null() override { return scalar(Kind::other, true); }
  bool boolean(bool) override { return scalar(Kind::other); }
  bool number_integer(number_integer_t) override { return scalar(Kind::other); }
  bool number_unsigned(number_unsigned_t) override { return scalar(Kind::other); }
  bool number_float(number_float_t, const string_t&) override { return scalar(Kind::other); }
  bool binary(binary_t&) override { return scalar(Kind::other); }

  bool string(string_t& value) override {
    if (!scalar(Kind::text)) return false;
    if (std::string* field = target()) *field = value;
    return true;
  }

  bool start_object(size_t) override { return open(Kind::object); }
  bool start_array(size_t) override { return open(Kind::array); }

  bool key(string_t& name) override {
    levels_.back().keys.push_back(name);
    return true;
  }

  bool end_object() override {
    auto& keys = levels_.back().keys;
    std::sort(keys.begin(), keys.end());
    const auto twice = std::adjacent_find(keys.begin(), keys.end());
    if (twice != keys.end()) return refuse("key " + shown(*twice) + " appears twice in one object");
    levels_.pop_back();
    return true;
  }

  bool end_array() override {
    levels_.pop_back();
    return true;
  }

  bool parse_error(size_t at, const std::string&, const json::exception&) override {
    return refuse("syntax error at byte " + std::to_string(at));
  }

 private:
  struct Level {
    Kind kind;
    std::vector<std::string> keys;  // of an object, so far; the last is the one being read
  };

  bool refuse(std::string why) {
    problem = std::move(why);
    return false;
  }

  static std::string shown(const std::string& key) { return '"' + key.substr(0, 64) + '"'; }

  bool inIpam() const {
    return levels_.size() == 2 && levels_[1].kind == Kind::object &&
           levels_[0].keys.back() == "ipam";
  }

  /** The kind the value at this place must have; other: any. */
  Kind wanted() const {
    const auto find = [this](const auto& table) {
      for (const auto& [key, kind] : table) {
        if (key == levels_.back().keys.back()) return kind;
      }
      return Kind::other;
    };
    if (levels_.size() == 1) return find(kTyped);
    return inIpam() ? find(kIpamTyped) : Kind::other;
  }

  bool fits(Kind kind, bool isNull) {
    const Kind want = wanted();
    if (want == Kind::other || want == kind || (isNull && want != Kind::text)) return true;
    const char* names[] = {"a string", "an object", "an array"};
    const std::string prefix = inIpam() ? "ipam." : "";
    const std::string& key = levels_.back().keys.back();
    return refuse(prefix + key + " must be " + names[static_cast<int>(want)]);
  }

  bool scalar(Kind kind, bool isNull = false) {
    if (levels_.empty()) return refuse("it is not a JSON object");
    return fits(kind, isNull);
  }

  bool open(Kind kind) {
    if (levels_.empty() && kind != Kind::object) return refuse("it is not a JSON object");
    if (levels_.size() >= kMaxDepth) {
      return refuse("it is nested deeper than " + std::to_string(kMaxDepth));
    }
    if (!levels_.empty() && !fits(kind, false)) return false;
    levels_.push_back({kind, {}});
    return true;
  }

  std::string* target() {
    if (levels_.size() > 2 || levels_.back().kind != Kind::object) return nullptr;
    const std::string& key = levels_.back().keys.back();
    if (inIpam()) {
      if (key == "type") return &config_.ipamType;
      if (key == "socket") return &config_.ipamSocket;
      return key == "stateDir" ? &config_.ipamStateDir : nullptr;
    }
    if (levels_.size() != 1) return nullptr;
    if (key == "cniVersion") return &config_.cniVersion;
    if (key == "name") return &config_.name;
    if (key == "type") return &config_.type;
    if (key == "socket") return &config_.socket;
    return key == "stateDir" ? &config_.stateDir : nullptr;
  }

  Config& config_;
  std::vector<Level> levels_;
};

CniError invalid(std::string message, std::string details = {}) {
  return {Code::invalidConfig, std::move(message), std::move(details)};
}

void checkPath(const std::string& path, std::string_view key, size_t maxBytes) {
  if (path.empty()) return;
  if (path.front() != '/' || path.size() > maxBytes || path.find('\0') != path.npos) {
    throw invalid(std::string(key) + " must be an absolute path of at most " +
                      std::to_string(maxBytes) + " bytes",
                  path.substr(0, 256));
  }
}

}  // namespace

void parseConfig(std::string_view text, Config& config) {
  const auto refuse = [](const std::string& why) {
    return CniError{Code::undecodable,
                    "the network configuration on stdin cannot be decoded: " + why};
  };
  if (text.empty()) throw refuse("it is empty");
  // Left to itself the parser takes NUL for the end of the text, and skips a byte order mark.
  if (text.find('\0') != text.npos) throw refuse("it contains a NUL byte");
  if (text.substr(0, 3) == "\xef\xbb\xbf") throw refuse("it starts with a byte order mark");

  Reader reader(config);
  if (!json::sax_parse(text.begin(), text.end(), &reader)) throw refuse(reader.problem);
}

void checkConfig(const Config& config, Command command) {
  if (config.name.empty()) throw invalid("missing network name");
  if (!isName(config.name)) {
    throw invalid(
        "the network name must be at most 200 of [a-zA-Z0-9_.-] and begin with a letter or digit",
        config.name.substr(0, 64));
  }
  const std::string version = config.cniVersion.empty() ? "0.1.0" : config.cniVersion;
  if (!isSupported(version)) {
    throw CniError{Code::incompatibleVersion, "incompatible CNI versions",
                   "config is \"" + version.substr(0, 64) + "\", plugin supports [" +
                       listVersions("\"", " ") + "]"};
  }
  const bool tooOld = (command == Command::check && !isAtLeast(version, "0.4.0")) ||
                      ((command == Command::gc || command == Command::status) &&
                       !isAtLeast(version, "1.1.0"));
  if (tooOld) {
    throw CniError{Code::incompatibleVersion,
                   "cniVersion " + version + " of the configuration has no such CNI_COMMAND",
                   "CHECK came with 0.4.0, GC and STATUS with 1.1.0"};
  }
}

Assignment assign(const Config& config, const std::string& self) {
  const auto isUs = [&self](const std::string& type) { return type == "twill" || type == self; };
  if (config.type.empty()) throw invalid("missing plugin type");

  Assignment to;
  std::string prefix;
  if (isUs(config.type)) {
    to = {Role::network, config.socket, config.stateDir,
          isUs(config.ipamType) ? "" : config.ipamType};
  } else if (isUs(config.ipamType)) {
    to = {Role::ipam, config.ipamSocket, config.ipamStateDir, ""};
    prefix = "ipam.";
  } else {
    throw invalid("neither type nor ipam.type of the configuration is \"" + self + "\"",
                  "type is \"" + config.type.substr(0, 64) + '"');
  }

  if (to.delegate.find('/') != to.delegate.npos || to.delegate == "." || to.delegate == "..") {
    throw invalid("ipam.type must be the name of a plugin, not a path", to.delegate.substr(0, 64));
  }
  checkPath(to.socket, prefix + "socket", sizeof(sockaddr_un::sun_path) - 1);
  checkPath(to.stateDir, prefix + "stateDir", 2048);
  if (to.socket.empty()) to.socket = kDefaultSocket;
  return to;
}

}  // namespace twill
