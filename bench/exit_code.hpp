// What pinnacle-bench's exit codes mean, the same for every subcommand.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <exception>
#include <string_view>

namespace pinnacle::bench {

enum class ExitCode : int {
  success = 0,
  wrong = 1,         ///< a result, a device, a slowdown
  usage = 2,         ///< nothing was measured, or the results could not be written
  interrupted = 130  ///< by SIGINT, as shells count: 128 + 2; only compare handles it
};

struct ExitCodeText {
  ExitCode code;
  std::string_view text;
};

/// For --help and the manual page.
inline constexpr std::array<ExitCodeText, 4> kExitCodes = {{
    {ExitCode::success, "success"},
    {ExitCode::wrong, "something is wrong: a result, a device or a driver, or it became slower"},
    {ExitCode::usage, "wrong usage or input: an option, a name or a file"},
    {ExitCode::interrupted, "interrupted"},
}};

/// What an exception means: `usage` if it is about what the user gave.
ExitCode exit_code(const std::exception& error);

}  // namespace pinnacle::bench
