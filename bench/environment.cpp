// SPDX-License-Identifier: Apache-2.0
#include "bench/environment.hpp"

#include <sys/utsname.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <optional>
#include <thread>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

// The value after `key` and `separator` in a file of lines like "model name : Ryzen"; "" if none.
std::string value_of(const char* file, const std::string& key, char separator) {
  const std::optional<std::string> text = try_read_file(file);
  if (!text) return "";
  for (const std::string& line : split(*text, '\n')) {
    const std::size_t at = line.find(separator);
    if (at == std::string::npos || trim(line.substr(0, at)) != key) continue;
    std::string value = trim(line.substr(at + 1));
    std::erase(value, '"');
    return value;
  }
  return "";
}

std::string cpu_model() {
  for (const char* key : {"model name", "Model", "Hardware", "cpu model"}) {
    std::string model = value_of("/proc/cpuinfo", key, ':');
    if (!model.empty()) return model;
  }
  return "unknown";
}

std::string system_name() {
  utsname kernel{};
  ::uname(&kernel);
  const std::string distribution = value_of("/etc/os-release", "PRETTY_NAME", '=');
  const std::string name = fmt::format("{} {} {}", kernel.sysname, kernel.release, kernel.machine);
  return distribution.empty() ? name : distribution + ", " + name;
}

std::string build_kind() {
#ifdef __OPTIMIZE__
  const char* const optimised = "optimised";
#else
  const char* const optimised = "not optimised";
#endif
#ifdef __clang__
  const char* const compiler = "clang";
#else
  const char* const compiler = "gcc";
#endif
#ifdef NDEBUG
  const char* const checks = "without assertions";
#else
  const char* const checks = "with assertions";
#endif
  return fmt::format("{} {}, {}, {}", compiler, __VERSION__, optimised, checks);
}

std::string utc_date() {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char text[32];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return {text, length};
}

}  // namespace

Environment describe_environment() {
  return {.pinnacle = PINNACLE_VERSION,
          .build = build_kind(),
          .cpu = cpu_model(),
          .cores = static_cast<int>(std::thread::hardware_concurrency()),
          .system = system_name(),
          .date = utc_date()};
}

Json to_json(const Environment& environment) {
  return {{"pinnacle", environment.pinnacle}, {"build", environment.build},
          {"cpu", environment.cpu},           {"cores", environment.cores},
          {"system", environment.system},     {"date", environment.date}};
}

std::string to_text(const Environment& environment) {
  return fmt::format("Pinnacle {} on {} ({} {})\n{}\n", environment.pinnacle, environment.cpu,
                     environment.cores, environment.cores == 1 ? "core" : "cores",
                     environment.system);
}

Json identity_json(const Device& device) {
  return {{"index", device_index(device)},
          {"name", device.name()},
          {"platform", device.platform()},
          {"driver", device.handle().driver()},
          {"kind", std::string(to_string(device.kind()))}};
}

Json device_json(const Device& device) {
  const Target& target = device.target();
  Json json = identity_json(device);
  json["compute_units"] = target.compute_units;
  json["global_memory_bytes"] = target.global_memory;
  json["local_memory_bytes"] = target.local_memory;
  if (target.host) return json;  // nothing is measured on the reference
  json["family"] = std::string(to_string(target.family));
  json["vector_lanes"] = target.vector_width;
  json["peak_gflops"] = target.peak_gflops;
  json["bandwidth_gbs"] = target.bandwidth_gbs;
  json["launch_us"] = target.launch_us;
  json["loop_limit"] = target.loop_limit;
  return json;
}

int device_index(const Device& device) {
  const std::vector<Device> all = devices();
  const auto it = std::find(all.begin(), all.end(), device);
  return it == all.end() ? -1 : static_cast<int>(it - all.begin());
}

}  // namespace pinnacle::bench
