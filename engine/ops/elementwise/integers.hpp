// Arithmetic on integers: the rows of the pointwise table that have a meaning there, once as OpenCL C
// and once for the reference. Results wrap around at the size of their type.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include <pinnacle/tensor.hpp>

namespace pinnacle {

struct IntegerFormula {
  std::string_view name;
  std::string_view code;  ///< of a and b, each of type T; empty: only on the host
  std::int64_t (*f)(std::int64_t a, std::int64_t b);
};

/// nullptr if the op has none.
const IntegerFormula* find_integer_formula(std::string_view op);

/// The low bits of `value` as a number of that type. REQUIRES: an integer type or boolean
std::int64_t wrapped(std::int64_t value, DType dtype);
/// The formula for map_broadcast, wrapped.
std::function<double(std::span<const double>)> integer_function(const IntegerFormula& formula,
                                                                DType dtype);
/// The OpenCL type that integers of this type are computed in: "int" or "long".
const char* integer_compute_type(DType dtype);
/// A double that holds an integer; beyond 64 bits the nearest one.
std::int64_t to_integer(double value);

}  // namespace pinnacle
