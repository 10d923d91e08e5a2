// The table itself. Formulas in OpenCL C on the left are checked on every device against the
// double functions on the right, and derivatives against central differences.
// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise/table.hpp"

#include <algorithm>
#include <cmath>

namespace pinnacle {
namespace {

constexpr double kInvSqrt2 = 0.70710678118654752440;
constexpr double kInvSqrtPi = 0.56418958354775628695;
constexpr double kInvSqrt2Pi = 0.39894228040143267794;

double logistic(double x) { return 1 / (1 + std::exp(-x)); }
double normal_cdf(double x) { return 0.5 * std::erfc(-x * kInvSqrt2); }
double normal_pdf(double x) { return kInvSqrt2Pi * std::exp(-0.5 * x * x); }

double gelu_argument(double x) { return 2 * kInvSqrtPi * kInvSqrt2 * (x + 0.044715 * x * x * x); }
double gelu_tanh_slope(double x) {
  const double t = std::tanh(gelu_argument(x));
  const double slope = 2 * kInvSqrtPi * kInvSqrt2 * (1 + 3 * 0.044715 * x * x);
  return 0.5 * (1 + t) + 0.5 * x * (1 - t * t) * slope;
}
double mish_slope(double x) {
  const double t = std::tanh(std::log1p(std::exp(x)));
  return t + x * (1 - t * t) * logistic(x);
}

#define FN(expression)                                                \
  [](double a, [[maybe_unused]] double b, [[maybe_unused]] double p0, \
     [[maybe_unused]] double p1) -> double { return (void)a, (expression); }

constexpr const char* kSigmoid = "logistic(a)";

const PointwiseRow kRows[] = {
    {"abs", 1, "fabs(a)", "sign(a)", "", FN(std::fabs(a)), FN((a > 0) - (a < 0)), nullptr, 1},
    {"acos", 1, "acos(a)", "(T)(-1.0f) / sqrt(((T)(1.0f) - a) * ((T)(1.0f) + a))", "",
     FN(std::acos(a)), FN(-1 / std::sqrt(1 - a * a)), nullptr, 16},
    {"acosh", 1, "acosh(a)", "(T)(1.0f) / sqrt((a - (T)(1.0f)) * (a + (T)(1.0f)))", "",
     FN(std::acosh(a)), FN(1 / std::sqrt(a * a - 1)), nullptr, 16},
    {"add", 2, "a + b", "(T)(1.0f)", "(T)(1.0f)", FN(a + b), FN(1), FN(1), 1},
    {"asin", 1, "asin(a)", "(T)(1.0f) / sqrt(((T)(1.0f) - a) * ((T)(1.0f) + a))", "",
     FN(std::asin(a)), FN(1 / std::sqrt(1 - a * a)), nullptr, 16},
    {"asinh", 1, "asinh(a)", "(T)(1.0f) / sqrt(a * a + (T)(1.0f))", "", FN(std::asinh(a)),
     FN(1 / std::sqrt(a * a + 1)), nullptr, 16},
    {"atan", 1, "atan(a)", "(T)(1.0f) / ((T)(1.0f) + a * a)", "", FN(std::atan(a)),
     FN(1 / (1 + a * a)), nullptr, 16},
    {"atanh", 1, "atanh(a)", "(T)(1.0f) / (((T)(1.0f) - a) * ((T)(1.0f) + a))", "",
     FN(std::atanh(a)), FN(1 / (1 - a * a)), nullptr, 16},
    {"ceil", 1, "ceil(a)", "(T)(0.0f)", "", FN(std::ceil(a)), FN(0), nullptr, 1},
    {"celu",
     1,
     "(a > (T)(0.0f)) ? a : (T)(p0) * expm1(a / (T)(p0))",
     "(a > (T)(0.0f)) ? (T)(1.0f) : exp(a / (T)(p0))",
     "",
     FN(a > 0 ? a : p0 * std::expm1(a / p0)),
     FN(a > 0 ? 1 : std::exp(a / p0)),
     nullptr,
     9,
     {"alpha"},
     {1.0}},
    {"clip",
     1,
     "(a > (T)(p1)) ? (T)(p1) : ((a < (T)(p0)) ? (T)(p0) : a)",
     "((a > (T)(p1)) || (a < (T)(p0))) ? (T)(0.0f) : (T)(1.0f)",
     "",
     FN(a > p1   ? p1
        : a < p0 ? p0
                 : a),
     FN(a >= p0 && a <= p1 ? 1 : 0),
     nullptr,
     2,
     {"min", "max"},
     {-INFINITY, INFINITY}},
    {"cos", 1, "cos(a)", "-sin(a)", "", FN(std::cos(a)), FN(-std::sin(a)), nullptr, 12},
    {"cosh", 1, "cosh(a)", "sinh(a)", "", FN(std::cosh(a)), FN(std::sinh(a)), nullptr, 12},
    {"div", 2, "a / b", "(T)(1.0f) / b", "-a / (b * b)", FN(a / b), FN(1 / b), FN(-a / (b * b)), 1},
    {"elu",
     1,
     "(a > (T)(0.0f)) ? a : (T)(p0) * expm1(a)",
     "(a > (T)(0.0f)) ? (T)(1.0f) : (T)(p0) * exp(a)",
     "",
     FN(a > 0 ? a : p0 * std::expm1(a)),
     FN(a > 0 ? 1 : p0 * std::exp(a)),
     nullptr,
     8,
     {"alpha"},
     {1.0}},
    {"erf", 1, "erf(a)", "(T)(1.12837917f) * exp(-a * a)", "", FN(std::erf(a)),
     FN(2 * kInvSqrtPi * std::exp(-a * a)), nullptr, 14},
    {"exp",
     1,
     "exp(a)",
     "exp(a)",
     "",
     FN(std::exp(a)),
     FN(std::exp(a)),
     nullptr,
     8,
     {},
     {},
     "a",
     FN(a)},
    {"floor", 1, "floor(a)", "(T)(0.0f)", "", FN(std::floor(a)), FN(0), nullptr, 1},
    {"gelu", 1, "(T)(0.5f) * a * ((T)(1.0f) + erf(a * (T)(0.70710678f)))",
     "(T)(0.5f) * ((T)(1.0f) + erf(a * (T)(0.70710678f)))"
     " + a * (T)(0.39894228f) * exp((T)(-0.5f) * a * a)",
     "", FN(a* normal_cdf(a)), FN(normal_cdf(a) + a * normal_pdf(a)), nullptr, 16},
    {"gelu_tanh", 1, "a * logistic((T)(1.59576912f) * (a + (T)(0.044715f) * a * a * a))",
     "logistic((T)(1.59576912f) * (a + (T)(0.044715f) * a * a * a)) * ((T)(1.0f) + "
     "logistic((T)(-1.59576912f) * (a + (T)(0.044715f) * a * a * a)) * a * ((T)(1.59576912f) + "
     "(T)(0.214064449f) * a * a))",
     "", FN(0.5 * a * (1 + std::tanh(gelu_argument(a)))), FN(gelu_tanh_slope(a)), nullptr, 16},
    {"hard_sigmoid",
     1,
     "fmax(fmin((T)(p0) * a + (T)(p1), (T)(1.0f)), (T)(0.0f))",
     "(((T)(p0) * a + (T)(p1) > (T)(0.0f)) && ((T)(p0) * a + (T)(p1) < (T)(1.0f)))"
     " ? (T)(p0) : (T)(0.0f)",
     "",
     FN(std::max(0.0, std::min(1.0, p0* a + p1))),
     FN(p0* a + p1 > 0 && p0 * a + p1 < 1 ? p0 : 0),
     nullptr,
     4,
     {"alpha", "beta"},
     {0.2, 0.5}},
    {"hard_swish", 1, "a * fmax(fmin(a * (T)(0.16666667f) + (T)(0.5f), (T)(1.0f)), (T)(0.0f))",
     "(a <= (T)(-3.0f)) ? (T)(0.0f) : ((a >= (T)(3.0f)) ? (T)(1.0f)"
     " : a * (T)(0.33333333f) + (T)(0.5f))",
     "", FN(a* std::max(0.0, std::min(1.0, a / 6 + 0.5))),
     FN(a <= -3  ? 0
        : a >= 3 ? 1
                 : a / 3 + 0.5),
     nullptr, 5},
    {"leaky_relu",
     1,
     "(a > (T)(0.0f)) ? a : (T)(p0) * a",
     "(a > (T)(0.0f)) ? (T)(1.0f) : (T)(p0)",
     "",
     FN(a > 0 ? a : p0 * a),
     FN(a > 0 ? 1 : p0),
     nullptr,
     2,
     {"alpha"},
     {0.01}},
    {"log", 1, "log(a)", "(T)(1.0f) / a", "", FN(std::log(a)), FN(1 / a), nullptr, 8},
    {"max", 2, "(a >= b || a != a) ? a : b", "(a >= b) ? (T)(1.0f) : (T)(0.0f)",
     "(a >= b) ? (T)(0.0f) : (T)(1.0f)", FN(a >= b || std::isnan(a) ? a : b), FN(a >= b ? 1 : 0),
     FN(a >= b ? 0 : 1), 1},
    {"min", 2, "(a <= b || a != a) ? a : b", "(a <= b) ? (T)(1.0f) : (T)(0.0f)",
     "(a <= b) ? (T)(0.0f) : (T)(1.0f)", FN(a <= b || std::isnan(a) ? a : b), FN(a <= b ? 1 : 0),
     FN(a <= b ? 0 : 1), 1},
    {"mish", 1, "a * tanh(fmax(a, (T)(0.0f)) + log1p(exp(-fabs(a))))",
     "tanh(fmax(a, (T)(0.0f)) + log1p(exp(-fabs(a)))) + a * logistic(a) * ((T)(1.0f) - "
     "tanh(fmax(a, (T)(0.0f)) + log1p(exp(-fabs(a)))) * tanh(fmax(a, (T)(0.0f)) + "
     "log1p(exp(-fabs(a)))))",
     "", FN(a* std::tanh(std::log1p(std::exp(a)))), FN(mish_slope(a)), nullptr, 30},
    {"mul", 2, "a * b", "b", "a", FN(a* b), FN(b), FN(a), 1},
    {"neg", 1, "-a", "(T)(-1.0f)", "", FN(-a), FN(-1), nullptr, 1},
    {"pow", 2, "pow(a, b)", "(b == (T)(0.0f)) ? (T)(0.0f) : b * pow(a, b - (T)(1.0f))",
     "(a > (T)(0.0f)) ? pow(a, b) * log(a) : (T)(0.0f)", FN(std::pow(a, b)),
     FN(b == 0 ? 0 : b * std::pow(a, b - 1)), FN(a > 0 ? std::pow(a, b) * std::log(a) : 0), 24},
    {"prelu", 2, "(a < (T)(0.0f)) ? a * b : a", "(a < (T)(0.0f)) ? b : (T)(1.0f)",
     "(a < (T)(0.0f)) ? a : (T)(0.0f)", FN(a < 0 ? a * b : a), FN(a < 0 ? b : 1), FN(a < 0 ? a : 0),
     2},
    {"reciprocal", 1, "(T)(1.0f) / a", "(T)(-1.0f) / (a * a)", "", FN(1 / a), FN(-1 / (a * a)),
     nullptr, 1},
    {"relu",
     1,
     "(a < (T)(0.0f)) ? (T)(0.0f) : a",
     "(a > (T)(0.0f)) ? (T)(1.0f) : (T)(0.0f)",
     "",
     FN(a < 0 ? 0 : a),
     FN(a > 0 ? 1 : 0),
     nullptr,
     1,
     {},
     {},
     "(a > (T)(0.0f)) ? (T)(1.0f) : (T)(0.0f)",
     FN(a > 0 ? 1 : 0)},
    {"round", 1, "rint(a)", "(T)(0.0f)", "", FN(std::nearbyint(a)), FN(0), nullptr, 1},
    {"selu",
     1,
     "(T)(p1) * ((a > (T)(0.0f)) ? a : (T)(p0) * expm1(a))",
     "(T)(p1) * ((a > (T)(0.0f)) ? (T)(1.0f) : (T)(p0) * exp(a))",
     "",
     FN(p1*(a > 0 ? a : p0 * std::expm1(a))),
     FN(p1*(a > 0 ? 1 : p0 * std::exp(a))),
     nullptr,
     9,
     {"alpha", "gamma"},
     {1.67326319217681884765625, 1.05070102214813232421875}},
    {"shrink",
     1,
     "(a < -(T)(p0)) ? a + (T)(p1) : ((a > (T)(p0)) ? a - (T)(p1) : (T)(0.0f))",
     "((a < -(T)(p0)) || (a > (T)(p0))) ? (T)(1.0f) : (T)(0.0f)",
     "",
     FN(a<-p0 ? a + p1 : a> p0 ? a - p1 : 0),
     FN(a<-p0 || a> p0 ? 1 : 0),
     nullptr,
     3,
     {"lambd", "bias"},
     {0.5, 0.0}},
    {"sigmoid",
     1,
     kSigmoid,
     "logistic(a) * logistic(-a)",
     "",
     FN(logistic(a)),
     FN(logistic(a) * logistic(-a)),
     nullptr,
     10,
     {},
     {},
     "a - a * a",
     FN(a - a * a)},
    {"sign", 1, "sign(a)", "(T)(0.0f)", "", FN((a > 0) - (a < 0)), FN(0), nullptr, 1},
    {"silu", 1, "a * logistic(a)", "logistic(a) * ((T)(1.0f) + a * logistic(-a))", "",
     FN(a* logistic(a)), FN(logistic(a) * (1 + a * logistic(-a))), nullptr, 10},
    {"sin", 1, "sin(a)", "cos(a)", "", FN(std::sin(a)), FN(std::cos(a)), nullptr, 12},
    {"sinh", 1, "sinh(a)", "cosh(a)", "", FN(std::sinh(a)), FN(std::cosh(a)), nullptr, 12},
    {"softplus", 1, "fmax(a, (T)(0.0f)) + log1p(exp(-fabs(a)))", "logistic(a)", "",
     FN(std::fmax(a, 0) + std::log1p(std::exp(-std::fabs(a)))), FN(logistic(a)), nullptr, 16},
    {"softsign", 1, "a / ((T)(1.0f) + fabs(a))",
     "(T)(1.0f) / (((T)(1.0f) + fabs(a)) * ((T)(1.0f) + fabs(a)))", "", FN(a / (1 + std::fabs(a))),
     FN(1 / std::pow(1 + std::fabs(a), 2)), nullptr, 3},
    {"sqrt",
     1,
     "sqrt(a)",
     "(T)(0.5f) / sqrt(a)",
     "",
     FN(std::sqrt(a)),
     FN(0.5 / std::sqrt(a)),
     nullptr,
     1,
     {},
     {},
     "(T)(0.5f) / a",
     FN(0.5 / a)},
    {"square", 1, "a * a", "a + a", "", FN(a* a), FN(2 * a), nullptr, 1},
    {"sub", 2, "a - b", "(T)(1.0f)", "(T)(-1.0f)", FN(a - b), FN(1), FN(-1), 1},
    {"swish",
     1,
     "a * logistic((T)(p0) * a)",
     "logistic((T)(p0) * a) * ((T)(1.0f) + (T)(p0) * a * logistic(-(T)(p0) * a))",
     "",
     FN(a* logistic(p0* a)),
     FN(logistic(p0* a) * (1 + p0 * a * logistic(-p0 * a))),
     nullptr,
     11,
     {"alpha"},
     {1.0}},
    {"tan", 1, "tan(a)", "(T)(1.0f) + tan(a) * tan(a)", "", FN(std::tan(a)),
     FN(1 / (std::cos(a) * std::cos(a))), nullptr, 14},
    {"tanh",
     1,
     "tanh(a)",
     "(T)(1.0f) - tanh(a) * tanh(a)",
     "",
     FN(std::tanh(a)),
     FN(1 / (std::cosh(a) * std::cosh(a))),
     nullptr,
     12,
     {},
     {},
     "(T)(1.0f) - a * a",
     FN(1 - a * a)},
    {"thresholded_relu",
     1,
     "(a > (T)(p0)) ? a : (T)(0.0f)",
     "(a > (T)(p0)) ? (T)(1.0f) : (T)(0.0f)",
     "",
     FN(a > p0 ? a : 0),
     FN(a > p0 ? 1 : 0),
     nullptr,
     2,
     {"alpha"},
     {1.0}},
};
#undef FN

}  // namespace

std::span<const PointwiseRow> pointwise_rows() { return kRows; }

const PointwiseRow* find_pointwise(std::string_view name) {
  const auto it = std::lower_bound(
      std::begin(kRows), std::end(kRows), name,
      [](const PointwiseRow& row, std::string_view wanted) { return row.name < wanted; });
  return it != std::end(kRows) && it->name == name ? &*it : nullptr;
}

}  // namespace pinnacle
