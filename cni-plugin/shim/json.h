// The three things this program does with JSON besides reading its configuration (config.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace twill {

/** A JSON string literal, ASCII only. Bytes that are no UTF-8 come out as U+FFFD, never as they are. */
std::string quote(std::string_view text);

/** Whether the text is one complete JSON object: an answer cut short is none. */
bool isJsonObject(std::string_view text);

/** The member `key` of a JSON object as compact JSON; nothing when it is missing, null or no object. */
std::optional<std::string> memberObject(std::string_view text, const std::string& key,
                                        std::string_view cniVersion);

}  // namespace twill
