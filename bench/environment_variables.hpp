// The environment variables that Pinnacle reads, for the manual page. docs/architecture.md lists them,
// too; a test compares both with the code.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string_view>

namespace pinnacle::bench {

struct EnvironmentVariable {
  std::string_view name;
  std::string_view text;
};

inline constexpr std::array<EnvironmentVariable, 8> kEnvironmentVariables = {{
    {"PINNACLE_DEVICE", "The device where none is named; fastest without it."},
    {"PINNACLE_LOG",
     "How much is said on stderr: 0 nothing (as without it), 1 programs built and devices "
     "measured, "
     "2 also kernels with their times, 3 also choices with their reasons, 4 also sources."},
    {"PINNACLE_CACHE",
     "The folder for built kernels, measured roofs, tuned choices and data sets, instead of "
     "pinnacle in $XDG_CACHE_HOME or ~/.cache."},
    {"PINNACLE_DATA", "A folder with the MNIST files."},
    {"PINNACLE_OFFLINE", "1: download nothing."},
    {"PINNACLE_KERNEL_DIR", "A folder whose .cl files are used instead of the built-in ones."},
    {"PINNACLE_OPENCL_LIBRARY", "The OpenCL library to load instead of the system's."},
    {"PINNACLE_PEER_PYTHON",
     "Python interpreters that run other frameworks, separated by colons: the first that has one "
     "is taken."},
}};

}  // namespace pinnacle::bench
