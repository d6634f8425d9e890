// nlohmann/json without the parts that drag in streams, locales and <filesystem>: nothing here uses
// them, and they would cost start-up time.
#pragma once

#define JSON_NO_IO
#define JSON_HAS_FILESYSTEM 0
#define JSON_HAS_EXPERIMENTAL_FILESYSTEM 0
#include <nlohmann/json.hpp>
