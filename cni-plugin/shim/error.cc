#include "error.h"

#include <cstring>

#include "json.h"

namespace twill {

std::string toJson(const CniError& error, std::string_view cniVersion) {
  std::string json = "{\"cniVersion\":" + quote(cniVersion);
  json += ",\"code\":" + std::to_string(static_cast<unsigned>(error.code));
  json += ",\"msg\":" + quote(error.message);
  if (!error.details.empty()) json += ",\"details\":" + quote(error.details);
  return json + "}\n";
}

std::string withErrno(std::string_view op, int number) {
  return std::string(op) + ": " + std::strerror(number);
}

}  // namespace twill
