// What a measurement depends on besides the device: processor, system, versions, date. And devices
// as JSON.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>

#include <nlohmann/json.hpp>
#include <string>

namespace pinnacle::bench {

using Json = nlohmann::ordered_json;

struct Environment {
  std::string pinnacle;  ///< version
  std::string build;     ///< compiler, and whether it optimised
  std::string cpu;       ///< model; "unknown" where the system does not say
  int cores = 0;         ///< logical ones that this process may use
  std::string system;    ///< "Debian GNU/Linux 12 (bookworm), Linux 6.1.0"
  std::string date;      ///< UTC, ISO 8601
};
Environment describe_environment();
Json to_json(const Environment& environment);
/// Its processor, system and version: the line above each table.
std::string to_text(const Environment& environment);

/// What identifies a device: name, platform, driver, kind. Measures nothing.
Json identity_json(const Device& device);
/// Identity, limits and measured roofs.
Json device_json(const Device& device);

/// The number that select_devices takes for a device; -1 for one that it does not list.
int device_index(const Device& device);

}  // namespace pinnacle::bench
