// Measurements as text, and their file in the user's cache folder.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <charconv>
#include <map>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/log.hpp"
#include "runtime/probe.hpp"

namespace pinnacle::runtime {
namespace {

// Raised when the probe measures something else or differently.
constexpr int kVersion = 1;

// A CPU driver's device name need not tell which CPU it is.
std::string cpu_model() {
  for (const std::string& line : split(try_read_file("/proc/cpuinfo").value_or(""), '\n')) {
    if (line.starts_with("model name")) return trim(line.substr(line.find(':') + 1));
  }
  return {};
}

std::filesystem::path file_of(std::string_view key) {
  const std::filesystem::path base = cache_folder();
  if (base.empty()) return base;
  return base / "devices" / fmt::format("{:016x}.txt", hash64(key));
}

}  // namespace

std::string probe_key(const DeviceHandle& device) {
  std::string key = fmt::format(
      "probe = {}\ndevice = {}\nplatform = {}\nversion = {}\ndriver = {}\ncompute units = {}\n"
      "part = {}\n",
      kVersion, device.name(), device.platform(), device.platform_version(), device.driver(),
      device.declared().compute_units, device.is_part() ? "yes" : "no");
  if (device.kind() == DeviceKind::cpu) key += fmt::format("cpu = {}\n", cpu_model());
  return key;
}

std::string to_text(const Measured& measured, std::string_view key) {
  std::string text = fmt::format(
      "{}family = {}\nvector width = {}\npeak GFLOP/s = {:.6g}\nbandwidth GB/s = {:.6g}\n"
      "launch us = {:.6g}\nloop limit = {}\n",
      key, pinnacle::to_string(measured.family), measured.vector_width, measured.peak_gflops,
      measured.bandwidth_gbs, measured.launch_us, measured.loop_limit);
  return text + fmt::format("checksum = {:016x}\n", hash64(text));
}

std::optional<Measured> parse_measured(std::string_view text, std::string_view key) {
  constexpr std::string_view kLast = "checksum = ";
  const std::size_t last = text.rfind(kLast);
  if (!text.starts_with(key) || last == std::string_view::npos || last < key.size()) {
    return std::nullopt;
  }
  if (text.substr(last) != fmt::format("{}{:016x}\n", kLast, hash64(text.substr(0, last)))) {
    return std::nullopt;
  }
  std::map<std::string, std::string> fields;
  for (const std::string& line : split(text.substr(key.size(), last - key.size()), '\n')) {
    const std::size_t sign = line.find(" = ");
    if (sign != std::string::npos) fields[line.substr(0, sign)] = line.substr(sign + 3);
  }
  bool sound = true;
  const auto read = [&](const char* name, auto& value) {
    const std::string& field = fields[name];
    const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
    sound = sound && error == std::errc() && end == field.data() + field.size();
  };
  Measured measured;
  read("vector width", measured.vector_width);
  read("peak GFLOP/s", measured.peak_gflops);
  read("bandwidth GB/s", measured.bandwidth_gbs);
  read("launch us", measured.launch_us);
  read("loop limit", measured.loop_limit);
  const std::string& family = fields["family"];
  sound = sound && (family == "wide" || family == "simt");
  measured.family = family == "wide" ? Family::wide : Family::simt;
  if (!sound) return std::nullopt;
  return measured;
}

Measured measured(DeviceHandle& device) {
  const std::string key = probe_key(device);
  const std::filesystem::path file = file_of(key);
  if (!file.empty()) {
    if (const auto text = try_read_file(file)) {
      if (const auto known = parse_measured(*text, key)) return *known;
    }
  }
  const Measured fresh = probe(device);
  log(1, "measured {}: {} family, {} lanes, {:.1f} GFLOP/s, {:.1f} GB/s, {:.1f} us per launch",
      device.name(), pinnacle::to_string(fresh.family), fresh.vector_width, fresh.peak_gflops,
      fresh.bandwidth_gbs, fresh.launch_us);
  if (!file.empty()) {
    std::error_code error;
    std::filesystem::create_directories(file.parent_path(), error);
    try {
      write_file_atomically(file, to_text(fresh, key));
    } catch (const FileError& problem) {
      log(1, "the measurement is not kept: {}", problem.what());
    }
  }
  return fresh;
}

void apply(const Measured& from, Target& to) {
  to.family = from.family;
  to.vector_width = from.vector_width;
  to.peak_gflops = from.peak_gflops;
  to.bandwidth_gbs = from.bandwidth_gbs;
  to.launch_us = from.launch_us;
  to.loop_limit = from.loop_limit;
}

}  // namespace pinnacle::runtime
