// SPDX-License-Identifier: Apache-2.0
#include "runtime/tuned_store.hpp"

#include <fmt/format.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/json_reader.hpp"
#include "base/text.hpp"
#include "plan/tuned_setting.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/kernel_source.hpp"
#include "runtime/log.hpp"
#include "runtime/probe.hpp"

namespace pinnacle::runtime {
namespace {

constexpr const char* kFormat = "pinnacle tuned choices 1";
constexpr std::size_t kMostBytes = 16 << 20;
constexpr const char* kHint = "remove the file and run pinnacle-bench tune again";

TunedOn read_device(const JsonReader& from) {
  TunedOn device;
  const std::string family = from.text("family");
  if (family != "wide" && family != "simt") from.fail("has an unknown family");
  device.family = family == "wide" ? Family::wide : Family::simt;
  device.lanes = from.count("lanes");
  device.compute_units = from.count("compute units");
  device.name = from.text("name");
  device.platform = from.text("platform");
  device.driver = from.text("driver");
  device.id = from.text("id");
  from.only({"family", "lanes", "compute units", "name", "platform", "driver", "id"});
  return device;
}

TunedEntry read_entry(const JsonReader& from) {
  TunedEntry entry;
  entry.setting = from.text("setting");
  if (!parse_setting(entry.setting)) from.fail("has a setting that is none");
  entry.microseconds = from.positive("us");
  entry.heuristic_microseconds = from.positive("heuristic us");
  entry.kernel_hash = from.text("kernel hash");
  const Json& kernels = from.member("kernels");
  if (!kernels.is_array() || kernels.size() > 64) from.fail("has no list of kernels");
  for (const Json& kernel : kernels) {
    if (!kernel.is_string()) from.fail("has a kernel that is no text");
    entry.kernels.push_back(kernel.get<std::string>());
    // It is about to be looked up as a file.
    const std::string& path = entry.kernels.back();
    if (path.empty() || path.size() > 200 || path.front() == '/' ||
        path.find("..") != std::string::npos || path.find('\0') != std::string::npos) {
      from.fail("has a kernel that is none");
    }
  }
  from.only({"setting", "us", "heuristic us", "kernels", "kernel hash"});
  return entry;
}

// Files shipped for devices of one kind: the same family and lanes, about as many units.
bool is_alike(const TunedOn& file, const Target& target) {
  return file.family == target.family && file.lanes == target.vector_width &&
         file.compute_units <= 2 * target.compute_units &&
         target.compute_units <= 2 * file.compute_units;
}

// The entries whose kernels are as they were; many share kernels.
std::map<std::string, TunedEntry> current(const TunedFile& file) {
  std::map<std::vector<std::string>, std::string> hashes;
  std::map<std::string, TunedEntry> entries;
  for (const auto& [key, entry] : file.entries) {
    auto hash = hashes.find(entry.kernels);
    if (hash == hashes.end()) {
      hash = hashes.emplace(entry.kernels, kernel_hash(entry.kernels)).first;
    }
    if (!hash->second.empty() && hash->second == entry.kernel_hash) entries.emplace(key, entry);
  }
  return entries;
}

std::string id_of(const DeviceHandle& device) {
  return fmt::format("{:016x}", hash64(probe_key(device)));
}

}  // namespace

std::string to_text(const TunedFile& file) {
  const TunedOn& on = file.device;
  Json json = {{"format", kFormat},
               {"device",
                {{"family", std::string(pinnacle::to_string(on.family))},
                 {"lanes", on.lanes},
                 {"compute units", on.compute_units},
                 {"name", on.name},
                 {"platform", on.platform},
                 {"driver", on.driver},
                 {"id", on.id}}},
               {"entries", Json::object()}};
  for (const auto& [key, entry] : file.entries) {
    json["entries"][key] = {{"setting", entry.setting},
                            {"us", std::round(1e3 * entry.microseconds) / 1e3},
                            {"heuristic us", std::round(1e3 * entry.heuristic_microseconds) / 1e3},
                            {"kernels", entry.kernels},
                            {"kernel hash", entry.kernel_hash}};
  }
  return json.dump(1, ' ', true, Json::error_handler_t::replace) + '\n';
}

TunedFile parse_tuned(std::string_view text, const std::string& name) {
  if (text.size() > kMostBytes) throw ParseError("is too large for tuned choices", name);
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) {
    throw ParseError("is damaged: no JSON", name, "remove it and run pinnacle-bench tune again");
  }
  const JsonReader top(json, name, "the file", kHint);
  if (top.text("format") != kFormat) {
    top.fail(fmt::format("is of another format than \"{}\"", kFormat));
  }
  top.only({"format", "device", "entries"});
  TunedFile file;
  file.device = read_device(JsonReader(top.member("device"), name, "\"device\"", kHint));
  const Json& entries = top.member("entries");
  if (!entries.is_object()) top.fail("has no \"entries\"");
  for (const auto& [key, entry] : entries.items()) {
    if (key.empty() || key.size() > JsonReader::kMostText)
      top.fail("has an entry without a sensible key");
    file.entries[key] =
        read_entry(JsonReader(entry, name, fmt::format("entry \"{}\"", key), kHint));
  }
  return file;
}

std::string kernel_hash(const std::vector<std::string>& kernels) {
  std::uint64_t hash = hash64("");
  try {
    for (const std::string& kernel : kernels) {
      // The lines that say which file is which name folders of this machine.
      for (const std::string& line : split(resolve_kernel(kernel), '\n')) {
        if (!line.starts_with("#line ")) hash = hash64(line, hash64("\n", hash));
      }
    }
  } catch (const Error&) {
    return "";
  }
  return fmt::format("{:016x}", hash);
}

bool is_current(const TunedEntry& entry) { return entry.kernel_hash == kernel_hash(entry.kernels); }

TunedOn tuned_on(const DeviceHandle& device, const Target& target) {
  return {.family = target.family,
          .lanes = target.vector_width,
          .compute_units = target.compute_units,
          .name = device.name(),
          .platform = device.platform(),
          .driver = device.driver(),
          .id = id_of(device)};
}

std::filesystem::path tuned_path(const DeviceHandle& device) {
  const std::filesystem::path base = cache_folder();
  return base.empty() ? base : base / "tuned" / (id_of(device) + ".json");
}

std::map<std::string, std::string> shipped_tunings() {
  std::map<std::string, std::string> files;
  const std::string folder = environment("PINNACLE_KERNEL_DIR");
  if (folder.empty()) {
    for (const KernelFile& file : embedded_tunings()) {
      files.emplace("clkernels/" + std::string(file.path), file.text);
    }
    return files;
  }
  std::error_code error;
  std::filesystem::directory_iterator entries(std::filesystem::path(folder) / "tuned", error);
  if (error) return files;
  for (const auto& entry : entries) {
    if (entry.path().extension() != ".json") continue;
    if (auto text = try_read_file(entry.path())) files[entry.path().string()] = std::move(*text);
  }
  return files;
}

UserTuning load_user_tuning(const DeviceHandle& device) {
  UserTuning tuning;
  const std::filesystem::path path = tuned_path(device);
  if (path.empty()) return tuning;
  const std::optional<std::string> text = try_read_file(path);
  if (!text) return tuning;
  try {
    const TunedFile file = parse_tuned(*text, path.string());
    if (file.device.id != id_of(device)) {
      tuning.problem = fmt::format("{}: belongs to another device or driver, \"{}\"; it is ignored",
                                   path.string(), file.device.name);
      return tuning;
    }
    tuning.entries = current(file);
    const std::size_t stale = file.entries.size() - tuning.entries.size();
    if (stale > 0) {
      tuning.problem = fmt::format(
          "{}: {} of {} tuned choices were measured with other kernels and are ignored; run "
          "pinnacle-bench tune again",
          path.string(), stale, file.entries.size());
    }
  } catch (const Error& error) {
    tuning.problem = fmt::format("tuned choices are ignored: {}", error.what());
  }
  return tuning;
}

void save_user_tuning(const DeviceHandle& device, const Target& target,
                      const std::map<std::string, TunedEntry>& entries) {
  const std::filesystem::path path = tuned_path(device);
  if (path.empty()) {
    throw FileError("there is no folder for tuned choices", "tune",
                    "set PINNACLE_CACHE to a folder that can be written");
  }
  TunedFile file{.device = tuned_on(device, target), .entries = load_user_tuning(device).entries};
  for (const auto& [key, entry] : entries) file.entries[key] = entry;
  std::error_code error;
  std::filesystem::create_directories(path.parent_path(), error);
  write_file_atomically(path, to_text(file));
}

std::map<std::string, std::string> tuned_choices(const DeviceHandle& device, const Target& target) {
  std::map<std::string, std::string> choices;
  for (const auto& [name, text] : shipped_tunings()) {
    try {
      const TunedFile file = parse_tuned(text, name);
      if (!is_alike(file.device, target)) continue;
      for (const auto& [key, entry] : current(file)) choices[key] = entry.setting;
    } catch (const ParseError& error) {
      log(1, "tuned choices are ignored: {}", error.what());
    }
  }
  const UserTuning own = load_user_tuning(device);
  if (!own.problem.empty()) log(1, "{}", own.problem);
  for (const auto& [key, entry] : own.entries) choices[key] = entry.setting;
  return choices;
}

}  // namespace pinnacle::runtime
