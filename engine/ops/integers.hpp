// What ops on integers share: results that do not fit their type wrap around, as in C and NumPy.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cmath>
#include <cstdint>

#include <pinnacle/tensor.hpp>

namespace pinnacle {

/// An integer modulo 2^32 or 2^8, as its type holds it; i64 as far as a double is exact.
inline double wrap_integer(double value, DType dtype) {
  const double range = dtype == DType::i32 ? 4294967296.0 : 256.0;
  if (dtype == DType::i64 || !std::isfinite(value)) return value;
  double rest = std::fmod(value, range);
  if (rest < 0) rest += range;
  return dtype != DType::u8 && rest >= range / 2 ? rest - range : rest;
}

/// i64, i32, i8 or u8.
inline bool is_integer(DType dtype) {
  return dtype == DType::i64 || dtype == DType::i32 || dtype == DType::i8 || dtype == DType::u8;
}

}  // namespace pinnacle
