// SPDX-License-Identifier: Apache-2.0
#include "ops/elementwise/integers.hpp"

#include <algorithm>
#include <cmath>

namespace pinnacle {
namespace {

// Signed overflow wraps around.
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}
std::int64_t times(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
}
std::int64_t minus(std::int64_t a) { return plus(~a, 1); }

// Rounded toward zero; a division by zero, which would trap, gives 0.
std::int64_t quotient(std::int64_t a, std::int64_t b) {
  if (b == 0) return 0;
  return b == -1 ? minus(a) : a / b;
}

std::int64_t power(std::int64_t a, std::int64_t b) {
  if (b < 0) return a == 1 ? 1 : a == -1 ? (b % 2 == 0 ? 1 : -1) : 0;
  std::int64_t result = 1;
  for (; b > 0; b /= 2) {
    if (b % 2 == 1) result = times(result, a);
    a = times(a, a);
  }
  return result;
}

#define FN(expression) \
  [](std::int64_t a, [[maybe_unused]] std::int64_t b) -> std::int64_t { return expression; }

// In alphabetical order.
constexpr IntegerFormula kFormulas[] = {
    {"abs", "max(a, -a)", FN(a < 0 ? minus(a) : a)},
    {"add", "a + b", FN(plus(a, b))},
    {"div",
     "(b == (T)(0)) ? (T)(0) : ((b == (T)(-1)) ? -a"
     " : a / (((b == (T)(0)) || (b == (T)(-1))) ? (T)(1) : b))",
     FN(quotient(a, b))},
    {"max", "max(a, b)", FN(std::max(a, b))},
    {"min", "min(a, b)", FN(std::min(a, b))},
    {"mul", "a * b", FN(times(a, b))},
    {"neg", "-a", FN(minus(a))},
    {"pow", "", FN(power(a, b))},
    {"relu", "max(a, (T)(0))", FN(std::max<std::int64_t>(a, 0))},
    {"sign", "min((a > (T)(0)) & (T)(3), (T)(1)) - min((a < (T)(0)) & (T)(3), (T)(1))",
     FN((a > 0) - (a < 0))},
    {"square", "a * a", FN(times(a, a))},
    {"sub", "a - b", FN(plus(a, minus(b)))},
};
#undef FN

}  // namespace

const IntegerFormula* find_integer_formula(std::string_view op) {
  const auto it = std::find_if(std::begin(kFormulas), std::end(kFormulas),
                               [&](const IntegerFormula& formula) { return formula.name == op; });
  return it == std::end(kFormulas) ? nullptr : &*it;
}

std::int64_t wrapped(std::int64_t value, DType dtype) {
  switch (dtype) {
    case DType::i32:
      return static_cast<std::int32_t>(value);
    case DType::i8:
      return static_cast<std::int8_t>(value);
    case DType::u8:
      return static_cast<std::uint8_t>(value);
    case DType::boolean:
      return value != 0 ? 1 : 0;
    default:
      return value;
  }
}

std::int64_t to_integer(double value) {
  constexpr double kLimit = 9223372036854775808.0;
  if (!(value > -kLimit)) return std::isnan(value) ? 0 : INT64_MIN;
  return value >= kLimit ? INT64_MAX : static_cast<std::int64_t>(value);
}

std::function<double(std::span<const double>)> integer_function(const IntegerFormula& formula,
                                                                DType dtype) {
  return [f = formula.f, dtype](std::span<const double> x) {
    const std::int64_t b = x.size() > 1 ? to_integer(x[1]) : 0;
    return static_cast<double>(wrapped(f(to_integer(x[0]), b), dtype));
  };
}

const char* integer_compute_type(DType dtype) { return dtype == DType::i64 ? "long" : "int"; }

}  // namespace pinnacle
