// SPDX-License-Identifier: Apache-2.0
#include "plan/tuned_setting.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/text.hpp"

namespace pinnacle {
namespace {

bool is_word(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
}

}  // namespace

std::string to_text(const TunedSetting& setting) {
  std::string text = "variant=" + setting.variant;
  for (const auto& [name, value] : setting.values) text += fmt::format(" {}={}", name, value);
  return text;
}

std::optional<TunedSetting> parse_setting(std::string_view text) {
  TunedSetting setting;
  bool first = true;
  for (const std::string& word : split(text, ' ')) {
    const std::size_t sign = word.find('=');
    if (sign == std::string::npos) return std::nullopt;
    const std::string name = word.substr(0, sign);
    const std::string value = word.substr(sign + 1);
    if (first) {
      if (name != "variant" || !is_word(value)) return std::nullopt;
      setting.variant = value;
      first = false;
      continue;
    }
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (!is_word(name) || error != std::errc() || end != value.data() + value.size()) {
      return std::nullopt;
    }
    if (!setting.values.emplace(name, number).second) return std::nullopt;
  }
  if (first) return std::nullopt;
  return setting;
}

}  // namespace pinnacle
