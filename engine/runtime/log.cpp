// SPDX-License-Identifier: Apache-2.0
#include "runtime/log.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/files.hpp"

namespace pinnacle::runtime {

int log_level() {
  static const int level = std::clamp(std::atoi(environment("PINNACLE_LOG").c_str()), 0, 4);
  return level;
}

void log_line(std::string_view text) {
  const std::string line = fmt::format("pinnacle: {}\n", text);
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace pinnacle::runtime
