// The documented knob PINNACLE_LOG: the only way in which the library writes to stderr.
//   1 programs built, devices measured   2 kernels with times   3 choices   4 sources
// Thread safety: a line is written in one piece.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <string_view>

namespace pinnacle::runtime {

/// 0 to 4, from the environment, read once.
int log_level();
/// One line "pinnacle: text".
void log_line(std::string_view text);

/// Formats only if the level asks for it.
template <typename... Args>
void log(int level, fmt::format_string<Args...> format, Args&&... args) {
  if (log_level() >= level) log_line(fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace pinnacle::runtime
