// SPDX-License-Identifier: Apache-2.0
#include "bench/exit_code.hpp"

#include <pinnacle/error.hpp>

namespace pinnacle::bench {

ExitCode exit_code(const std::exception& error) {
  const bool given = dynamic_cast<const ArgumentError*>(&error) != nullptr ||
                     dynamic_cast<const FileError*>(&error) != nullptr ||
                     dynamic_cast<const ParseError*>(&error) != nullptr ||
                     dynamic_cast<const ShapeError*>(&error) != nullptr ||
                     dynamic_cast<const UnsupportedError*>(&error) != nullptr;
  return given ? ExitCode::usage : ExitCode::wrong;
}

}  // namespace pinnacle::bench
