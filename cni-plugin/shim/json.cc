#include "json.h"

#include "nlohmann.h"

namespace twill {

using nlohmann::json;

std::string quote(std::string_view text) {
  return json(text).dump(-1, ' ', true, json::error_handler_t::replace);
}

bool isJsonObject(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first != text.npos && text[first] == '{' && json::accept(text.begin(), text.end());
}

std::optional<std::string> memberObject(std::string_view text, const std::string& key,
                                        std::string_view cniVersion) {
  const json document = json::parse(text.begin(), text.end(), nullptr, false);
  if (!document.is_object()) return std::nullopt;
  const auto found = document.find(key);
  if (found == document.end() || !found->is_object()) return std::nullopt;

  json member = *found;
  member["cniVersion"] = cniVersion;
  return member.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace twill
