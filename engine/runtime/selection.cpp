// Choosing devices by what people type.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle {
namespace {

[[noreturn]] void fail(const std::string& message, const std::string& word,
                       const std::string& where, const Discovery& found) {
  std::string list;
  std::vector<std::string> words = {"fastest", "all", "cpu", "gpu", "host"};
  for (std::size_t i = 0; i < found.devices.size(); ++i) {
    const Device& device = found.devices[i];
    list += fmt::format("\n  {}: {} ({}, {})", i, device.name(), device.platform(),
                        to_string(device.kind()));
    for (const std::string& text : {device.name(), device.platform()}) {
      for (std::string part : split(text, ' ')) {
        std::erase_if(part, [](char c) { return c == '(' || c == ')' || c == ','; });
        if (part.size() > 2) words.push_back(lower_case(part));
      }
    }
  }
  for (const std::string& problem : found.problems) list += "\n  (" + problem + ")";
  std::string hint;
  if (std::find(words.begin(), words.end(), word) == words.end()) hint = suggestion(word, words);
  if (hint.empty()) {
    hint = "give an index, a part of a name, fastest, all, cpu, gpu or host";
  }
  throw ArgumentError(fmt::format("{}; there is:{}", message, list), where, hint);
}

bool matches(const Device& device, const std::string& word) {
  const auto contains = [&word](const std::string& text) {
    return lower_case(text).find(word) != std::string::npos;
  };
  return contains(device.name()) || contains(device.platform()) ||
         contains(device.handle().platform_version());
}

std::vector<Device> of_kind(const Discovery& found, DeviceKind kind) {
  std::vector<Device> chosen;
  std::copy_if(found.devices.begin(), found.devices.end(), std::back_inserter(chosen),
               [kind](const Device& device) { return device.kind() == kind; });
  return chosen;
}

std::vector<Device> select_word(const std::string& word, const std::string& where,
                                const Discovery& found) {
  if (word == "fastest") return {Device::fastest()};
  if (word == "host") return {Device::host()};
  if (word == "all") {  // every real one; the reference only where there is nothing else
    std::vector<Device> all = found.devices;
    if (all.size() > 1) std::erase(all, Device::host());
    return all;
  }
  if (word == "cpu" || word == "gpu") {
    auto chosen = of_kind(found, word == "cpu" ? DeviceKind::cpu : DeviceKind::gpu);
    if (chosen.empty()) fail(fmt::format("there is no {} with OpenCL", word), word, where, found);
    return chosen;
  }
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), index);
  if (end == word.data() + word.size()) {
    if (error != std::errc() || index >= found.devices.size()) {
      fail(fmt::format("there is no device {}", word), word, where, found);
    }
    return {found.devices[index]};
  }
  std::vector<Device> chosen;
  std::copy_if(found.devices.begin(), found.devices.end(), std::back_inserter(chosen),
               [&word](const Device& device) { return matches(device, word); });
  if (chosen.empty()) fail(fmt::format("no device is named like \"{}\"", word), word, where, found);
  return chosen;
}

std::vector<Device> select(std::string_view spec, const std::string& where) {
  const Discovery found = discover();
  std::vector<Device> chosen;
  for (const std::string& part : split(spec, ',')) {
    const std::string word = lower_case(trim(part));
    if (word.empty()) continue;
    for (const Device& device : select_word(word, where, found)) {
      if (std::find(chosen.begin(), chosen.end(), device) == chosen.end()) chosen.push_back(device);
    }
  }
  if (chosen.empty()) fail("no device is named", "", where, found);
  return chosen;
}

}  // namespace

std::vector<Device> select_devices(std::string_view spec) { return select(spec, "device"); }

Device select_device(std::string_view spec) {
  if (!spec.empty()) return select(spec, "device").front();
  const std::string variable = environment("PINNACLE_DEVICE");
  return variable.empty() ? Device::fastest() : select(variable, "PINNACLE_DEVICE").front();
}

}  // namespace pinnacle
