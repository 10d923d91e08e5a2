// One value of Target::tuned as a struct: the variant that won for a shape, and its parameters.
// Text form: "variant=wide MR=8 NV=2".
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace pinnacle {

struct TunedSetting {
  std::string variant;
  /// Only what is not at its default.
  std::map<std::string, std::int64_t, std::less<>> values;
  bool operator==(const TunedSetting&) const = default;
};

std::string to_text(const TunedSetting& setting);
/// Nothing if the text has not exactly this form.
std::optional<TunedSetting> parse_setting(std::string_view text);

}  // namespace pinnacle
