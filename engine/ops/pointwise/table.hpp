// The pointwise ops: one row each. A row is all that a new pointwise op needs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <string_view>

namespace pinnacle {

/// f and its derivatives, twice: as OpenCL C and as independent double functions.
/// In OpenCL C: a, b are the operands, p0, p1 the parameters, T the float type or vector type in
/// use; every literal that stands alone in ?: needs a cast (T)(...).
struct PointwiseRow {
  std::string_view name;
  int arity;              ///< 1 or 2
  std::string_view code;  ///< f(a) or f(a, b)
  std::string_view da;    ///< df/da, OpenCL C; a, b as above
  std::string_view db;    ///< df/db; empty for arity 1
  double (*f)(double a, double b, double p0, double p1);
  double (*fa)(double a, double b, double p0, double p1);
  double (*fb)(double a, double b, double p0, double p1);
  double flop;                         ///< per element, an estimate
  std::string_view parameter[2] = {};  ///< attribute names of p0, p1
  double standard[2] = {};             ///< their defaults
  std::string_view dy = {};  ///< df/da as a function of y = f(a), called a, if that is cheap
  double (*fy)(double a, double b, double p0, double p1) = nullptr;
};

/// In alphabetical order.
std::span<const PointwiseRow> pointwise_rows();
/// nullptr if there is none.
const PointwiseRow* find_pointwise(std::string_view name);

}  // namespace pinnacle
