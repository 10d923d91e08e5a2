// clkernels/lib/math.clh against double, over the whole range of floats: the errors that its head
// states are upper bounds here. Devices may flush subnormal numbers and divide within 2.5 ulp: both
// are asked of the device first.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>

#include "device_list.hpp"
#include "runtime/executor.hpp"
#include "support.hpp"

using namespace pinnacle;

namespace {

constexpr double kSmallest = std::numeric_limits<float>::denorm_min();

// Bit patterns evenly over all floats, where functions change their ways, and their neighbours.
std::vector<float> sweep() {
  std::vector<float> x;
  const std::uint32_t step = test::small_only() ? 4194301 : 8191;
  for (std::uint64_t bits = 0; bits <= UINT32_MAX; bits += step) {
    x.push_back(std::bit_cast<float>(static_cast<std::uint32_t>(bits)));
  }
  for (const float at : {0.0f,
                         1e-8f,
                         0.34657359f,
                         0.70710678f,
                         1.0f,
                         1.41421356f,
                         3.93f,
                         9.02f,
                         17.0f,
                         20.0f,
                         87.336f,
                         88.722839f,
                         89.0f,
                         103.28f,
                         103.98f,
                         104.0f,
                         1.17549435e-38f,
                         std::numeric_limits<float>::denorm_min(),
                         std::numeric_limits<float>::max(),
                         std::numeric_limits<float>::infinity()}) {
    for (const float sign : {1.0f, -1.0f}) {
      const float v = sign * at;
      x.insert(x.end(), {v, std::nextafter(v, 0.0f), std::nextafter(v, 2 * v)});
    }
  }
  x.push_back(std::numeric_limits<float>::quiet_NaN());
  while (x.size() % 16 != 0) x.push_back(0.5f);
  return x;
}

// y[i] = expression of a[i] and b[i], in vectors of `width`.
std::vector<float> on_device(const Device& device, const std::string& expression, int width,
                             const std::vector<float>& a, const std::vector<float>& b) {
  const std::string type = width == 1 ? "float" : fmt::format("float{}", width);
  KernelCall call("own/math.cl");
  call.prelude = fmt::format("#define MATH_WIDTH {}\n#include \"lib/math.clh\"\n", width);
  call.source = fmt::format(
      "__kernel void math(__global const {0}* x, __global const {0}* z, __global {0}* y) {{\n"
      "  const {0} a = x[get_global_id(0)];\n"
      "  const {0} b = z[get_global_id(0)];\n"
      "  y[get_global_id(0)] = {1} + 0.0f * b;\n}}\n",
      type, expression);
  if (expression.find('b') == std::string::npos) {
    call.source = fmt::format(
        "__kernel void math(__global const {0}* x, __global const {0}* z, __global {0}* y) {{\n"
        "  y[get_global_id(0)] = {1}(x[get_global_id(0)]);\n}}\n",
        type, expression);
  }
  const int n = static_cast<int>(a.size());
  for (int i = 0; i < 3; ++i) call.arg(BufferRef{BufferRef::Space::buffer, i});
  call.range({a.size() / static_cast<std::size_t>(width), 1, 1}, {1, 1, 1});
  Plan plan;
  for (const char* name : {"a", "b", "y"}) {
    plan.buffers.push_back(test::plan_buffer(name, n, PlanBuffer::Place::external));
  }
  plan.inputs = {{"a", 0}, {"b", 1}};
  plan.outputs = {{"y", 2}};
  Step step;
  step.node = "math";
  step.op = "math";
  step.calls.emplace_back(call);
  plan.steps.push_back(step);
  runtime::Executor executor(device, plan, nullptr, false);
  executor.write("a", std::as_bytes(std::span(a)), false);
  executor.write("b", std::as_bytes(std::span(b)), false);
  executor.enqueue();
  std::vector<float> y(a.size());
  executor.read_into("y", std::as_writable_bytes(std::span(y)), false);
  executor.finish();
  return y;
}

// The distance of neighbouring floats at v.
double ulp(double v) {
  const int exponent = std::max(std::ilogb(v), std::numeric_limits<float>::min_exponent - 1);
  return std::ldexp(1.0, exponent - std::numeric_limits<float>::digits + 1);
}

bool is_subnormal(double v) {
  return v != 0 && std::fabs(v) < static_cast<double>(std::numeric_limits<float>::min());
}

// In ulp; infinite where NaN, an infinity or the sign of a zero is wrong.
double error_of(float got, double wanted) {
  if (std::isnan(wanted)) return std::isnan(got) ? 0 : INFINITY;
  const double largest = std::numeric_limits<float>::max();
  if (std::fabs(wanted) > largest) {  // beyond: infinity, or the largest within the error
    if (std::isinf(got)) return std::signbit(got) == std::signbit(wanted) ? 0 : INFINITY;
    return std::isinf(wanted) ? INFINITY : std::fabs(got - wanted) / ulp(largest);
  }
  if (std::isinf(got)) return (std::ldexp(1.0, 128) - std::fabs(wanted)) / ulp(largest);
  if (wanted == 0) {
    return got == 0 && std::signbit(got) == std::signbit(wanted) ? 0 : INFINITY;
  }
  return std::fabs(got - wanted) / ulp(wanted);
}

struct Function {
  const char* name;
  double (*exact)(double);
  double bound;               // units: ulp
  double loose_bound;         // with a division within 2.5 ulp
  double highest = INFINITY;  // argument
};
const Function kFunctions[] = {
    {"exp", [](double x) { return std::exp(x); }, 1.1, 1.1},
    {"expm1", [](double x) { return std::expm1(x); }, 1.5, 1.5},
    {"log", [](double x) { return std::log(x); }, 1.0, 1.0},
    {"log1p", [](double x) { return std::log1p(x); }, 2.0, 2.0},
    {"tanh", [](double x) { return std::tanh(x); }, 5.0, 7.0},
    {"erf", [](double x) { return std::erf(x); }, 6.0, 8.0},
    {"logistic", [](double x) { return x < -88.376 ? 0 : 1 / (1 + std::exp(-x)); }, 2.5, 4.5},
    {"exp_flushed", [](double x) { return x < -87.3365 ? 0 : std::exp(x); }, 1.0, 1.0, 88},
};

}  // namespace

TEST_CASE("polynomial functions stay within their stated errors") {
  const std::vector<float> x = sweep();
  std::vector<int> widths = {1, 4};
  if (!test::small_only()) widths.push_back(16);
  for (const Device& device : test::test_devices()) {
    // What the device does by itself: keep subnormal numbers, divide.
    const std::vector<float> tiny(16, 3 * static_cast<float>(kSmallest));
    const bool flushes = on_device(device, "a + b", 1, tiny, std::vector<float>(16, 0.0f))[0] == 0;
    std::vector<float> a(4096);
    std::vector<float> b(4096);
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = 1 + static_cast<float>(i * 2039 % 4096) / 4096;
      b[i] = 1 + static_cast<float>(i) / 4099;
    }
    const std::vector<float> quotients = on_device(device, "a / b", 4, a, b);
    double division = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
      division = std::max(division, error_of(quotients[i], static_cast<double>(a[i]) / b[i]));
    }
    for (const Function& f : kFunctions) {
      const double bound = division > 0.51 ? f.loose_bound : f.bound;
      std::vector<float> first;
      for (const int width : widths) {
        const std::string name = fmt::format("math_{}{}", f.name, width);
        const std::string what = fmt::format("{} on {}", name, device.name());
        CAPTURE(what);
        const std::vector<float> y = on_device(device, name, width, x, x);
        double worst = 0;
        float worst_at = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          if (x[i] > f.highest) continue;
          const double exact = f.exact(x[i]);
          double error = error_of(y[i], exact);
          if (flushes && is_subnormal(x[i])) {
            error = std::min(error, error_of(y[i], f.exact(std::copysign(0.0, x[i]))));
          }
          if (flushes && is_subnormal(exact) && y[i] == 0) error = 0;
          if (!(error <= worst)) {
            worst = error;
            worst_at = x[i];
          }
        }
        CAPTURE(worst_at);
        CHECK(worst <= bound);
        CHECK(worst > 0);
        // Lane by lane the same as one by one.
        if (first.empty()) first = y;
        std::size_t differ = 0;
        for (std::size_t i = 0; i < x.size(); ++i) {
          if (x[i] > f.highest) continue;
          const bool both_nan = std::isnan(y[i]) && std::isnan(first[i]);
          if (!both_nan && std::bit_cast<int>(y[i]) != std::bit_cast<int>(first[i])) ++differ;
        }
        CHECK(differ == 0);
      }
    }
  }
}
