// Small text helpers: suggestions for misspelt names, splitting, human-readable units, hashing.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle {

/// The candidate nearest to `word` by edit distance, or "" if none is near.
std::string nearest(std::string_view word, std::span<const std::string> candidates);
/// "did you mean relu?" or "".
std::string suggestion(std::string_view word, std::span<const std::string> candidates);
std::string lower_case(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);
std::string trim(std::string_view text);
/// "1.5 MiB"
std::string human_bytes(double bytes);
/// 64-bit FNV-1a, for cache keys.
std::uint64_t hash64(std::string_view text, std::uint64_t seed = 0xcbf29ce484222325ULL);

}  // namespace pinnacle
