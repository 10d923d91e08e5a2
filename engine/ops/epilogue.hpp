// Pointwise expressions as text: what the fuse pass writes into attributes ("relu(x0)",
// "mul(add(x0, x1), 0.5)") and what kernels get as generated OpenCL C.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle {

/// Evaluates an expression in double. x[i] is what x<i> stands for.
/// throws ParseError
double evaluate_expression(std::string_view expression, std::span<const double> x);
/// The same parsed once, for loops over many elements.
std::function<double(std::span<const double>)> compile_expression(std::string_view expression);

/// OpenCL C for lib/epilogue.clh: `#define HAS_EPILOGUE 1` and epilogue<W>(v), with arity 2
/// epilogue<W>(v, residual), for each width W; empty if `expression` is.
std::string epilogue_prelude(std::string_view expression, const std::vector<int>& widths,
                             int arity = 1);
/// OpenCL C: `inline float<W> NAME<W>(float<W> x0, float<W> x1, ...)` for each width.
std::string expression_functions(std::string_view expression, std::string_view name, int arity,
                                 const std::vector<int>& widths);
/// How many floating-point operations one element costs.
double expression_flop(std::string_view expression);

/// Declines if a work-item would loop longer than the device allows (Target::loop_limit).
Decline fits_loop_limit(const Target& target, std::int64_t iterations);

}  // namespace pinnacle
