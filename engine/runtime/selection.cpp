// Choosing devices by what people type.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <exception>
#include <memory>
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle {
namespace {

constexpr std::string_view kUnit = "sub:";

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
    hint =
        "give an index, a part of a name, fastest, all, cpu, gpu, host, or sub:0, sub:1, ... for "
        "single cores of the CPU device";
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

// One core of the first CPU device that can be split. throws DeviceError if none can
Device select_unit(const std::string& word, const std::string& where, const Discovery& found) {
  const std::vector<Device> cpus = of_kind(found, DeviceKind::cpu);
  if (cpus.empty()) fail("there is no cpu with OpenCL to split", word, where, found);
  std::vector<Device> units;
  std::exception_ptr problem;
  for (const Device& cpu : cpus) {
    try {
      for (auto& handle : runtime::unit_handles(cpu.handle(), [&cpu] {
             std::vector<std::shared_ptr<runtime::DeviceHandle>> parts;
             for (const Device& part : cpu.split(1)) parts.push_back(part.shared_handle());
             return parts;
           })) {
        units.emplace_back(std::move(handle));
      }
      break;
    } catch (const DeviceError&) {
      if (!problem) problem = std::current_exception();
    }
  }
  if (units.empty()) std::rethrow_exception(problem);
  const std::string number = word.substr(kUnit.size());
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), index);
  if (number.empty() || end != number.data() + number.size() || error != std::errc() ||
      index >= units.size()) {
    throw ArgumentError(fmt::format("there is no {}", word), where,
                        fmt::format("{} has {} cores: sub:0 to sub:{}", units.front().name(),
                                    units.size(), units.size() - 1));
  }
  return units[index];
}

std::vector<Device> select_word(const std::string& word, const std::string& where,
                                const Discovery& found) {
  if (word == "fastest") return {Device::fastest()};
  if (word == "host") return {Device::host()};
  if (word.starts_with(kUnit)) return {select_unit(word, where, found)};
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
