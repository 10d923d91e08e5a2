// Cases of comparisons, logic, bits, remainders, where and cast, each type of operands among them; and
// of the pointwise ops on other types than f32.
// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "ops/op_case.hpp"

namespace pinnacle::test {
namespace {

using D = DType;

// step i mod `count`, from `first` on: numbers of both signs, in no order that matters.
Tensor numbers(DType dtype, const Shape& shape, double first, double step, std::int64_t count) {
  Array array(shape);
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    const std::int64_t k = static_cast<std::int64_t>(i) * 7 % count;
    array.data[i] = first + step * static_cast<double>(k);
  }
  return to_tensor(array, dtype);
}
Tensor integers(DType dtype, const Shape& shape) { return numbers(dtype, shape, -9, 1, 19); }
Tensor bytes(const Shape& shape) { return numbers(D::u8, shape, 0, 13, 19); }
Tensor flags(const Shape& shape) { return numbers(D::boolean, shape, 0, 1, 2); }
Tensor reals(const Shape& shape) { return numbers(D::f32, shape, -3.7, 0.5, 17); }
Tensor listed(DType dtype, std::vector<double> values) {
  Array array(Shape{static_cast<std::int64_t>(values.size())});
  array.data = std::move(values);
  return to_tensor(array, dtype);
}

}  // namespace

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* op, const char* name, std::vector<Tensor> values,
                       Attributes attributes = {}) -> OpCase& {
    OpCase c{.op = op, .name = name, .in = {}, .attributes = std::move(attributes)};
    c.gradient = false;
    for (const Tensor& value : values) c.in.push_back(value.type());
    c.values = std::move(values);
    cases.push_back(std::move(c));
    return cases.back();
  };
  const auto to = [](const char* dtype) { return Attributes{{"to", std::string(dtype)}}; };
  add("equal", "row", {reals({5, 37}), reals({37})});
  add("equal", "i64, one", {integers(D::i64, {1}), integers(D::i64, {1})});
  add("greater", "f32", {reals({67}), numbers(D::f32, {67}, -2, 0.25, 13)});
  add("greater_or_equal", "u8, column", {bytes({3, 33}), bytes({3, 1})});
  add("less", "i32", {integers(D::i32, {7, 16}), numbers(D::i32, {7, 1}, -3, 1, 7)});
  add("less", "few i64", {integers(D::i64, {7, 3}), numbers(D::i64, {7, 1}, -3, 1, 7)});
  add("less_or_equal", "f16, scalar",
      {numbers(D::f16, {31}, -2, 0.25, 16), numbers(D::f16, {}, 0.25, 1, 1)});
  add("and", "columns", {flags({2, 1, 35}), flags({1, 3, 35})});
  add("or", "bool", {flags({17}), numbers(D::boolean, {17}, 0, 1, 2)});
  add("xor", "scalar", {flags({}), flags({33})});
  add("not", "prime", {flags({41})});
  std::vector<double> special = {INFINITY, -INFINITY, NAN, 0.0, 1e38};
  for (int i = 0; i < 30; ++i) special.push_back(special[static_cast<std::size_t>(i) % 5]);
  add("is_nan", "f32", {listed(D::f32, special)});
  add("is_inf", "f32", {listed(D::f32, special)});
  add("is_inf", "negative", {listed(D::f16, special)}, {{"detect_positive", std::int64_t{0}}});
  add("bitwise_and", "i32", {integers(D::i32, {5, 17}), integers(D::i32, {17})});
  add("bitwise_or", "u8", {bytes({33}), numbers(D::u8, {33}, 1, 2, 30)});
  add("bitwise_xor", "i64", {integers(D::i64, {19}), numbers(D::i64, {19}, 5e9, 3, 19)});
  add("bitwise_not", "i8", {integers(D::i8, {37})});
  add("bit_shift", "left", {bytes({35}), numbers(D::u8, {35}, 0, 1, 10)},
      {{"direction", std::string("left")}});
  add("bit_shift", "right", {integers(D::i32, {40}), numbers(D::i32, {40}, -1, 3, 13)},
      {{"direction", std::string("right")}});
  add("mod", "rounded down", {integers(D::i32, {19, 2}), numbers(D::i32, {19, 1}, -4, 1, 9)});
  add("mod", "truncated", {integers(D::i32, {13, 3}), numbers(D::i32, {13, 1}, -4, 1, 9)},
      {{"fmod", std::int64_t{1}}});
  add("mod", "f32", {reals({36}), numbers(D::f32, {36}, -2.25, 0.75, 6)});
  add("mod", "f32, truncated", {reals({35}), numbers(D::f32, {35}, -2.25, 0.75, 6)},
      {{"fmod", std::int64_t{1}}});
  add("where", "f32", {flags({5, 1}), reals({5, 37}), reals({37})}).gradient = true;
  add("where", "i64", {flags({33}), integers(D::i64, {33}), integers(D::i64, {1})});
  add("where", "halves",
      {flags({2, 17}), numbers(D::f16, {17}, 0, 1, 17), numbers(D::f16, {}, 9, 1, 1)});
  add("where", "bytes", {flags({3, 19}), bytes({3, 19}), bytes({3, 1})});
  add("cast", "nothing to do", {reals({9})}, to("f32")).gradient = true;
  add("cast", "to i32",
      {listed(D::f32, {-3.9, -0.5, 0.5, 2.5, 1e10, -1e10, 7, 100, -100, 1, 2, 3, 4, 5, 6, 7, 8.9})},
      to("i32"));
  add("cast", "to u8", {numbers(D::f32, {37}, -20, 31.3, 10)}, to("u8"));
  add("cast", "to i64", {numbers(D::f32, {35}, -3e6, 333333.3, 19)}, to("i64"));
  add("cast", "to bool", {numbers(D::f32, {5, 7}, -0.5, 0.25, 5)}, to("bool"));
  add("cast", "to half", {reals({67})}, to("f16")).tolerance = 1e-3;
  add("cast", "from half", {numbers(D::f16, {67}, -2, 0.25, 16)}, to("f32"));
  add("cast", "large i64 to f32", {numbers(D::i64, {21}, -5e9, 1e9, 11)}, to("f32"));
  add("cast", "low bits", {numbers(D::i32, {50}, -700, 77, 19)}, to("i8"));
  add("cast", "bool to i64", {flags({33})}, to("i64"));
  add("cast", "i64 to half", {integers(D::i64, {18})}, to("f16"));
  add("bit_cast", "f32 to i32", {reals({35})}, to("i32"));
  add("bit_cast", "i8 to u8", {integers(D::i8, {35})}, to("u8"));

  add("add", "i64", {integers(D::i64, {3, 17}), numbers(D::i64, {17}, 4e9, 1e9, 17)});
  add("sub", "u8, which wraps", {bytes({35}), numbers(D::u8, {35}, 0, 1, 19)});
  add("mul", "i8, which wraps", {integers(D::i8, {7, 19}), numbers(D::i8, {7, 1}, 3, 5, 9)});
  add("div", "i32, also by zero", {integers(D::i32, {38}), numbers(D::i32, {38}, -3, 1, 7)});
  add("max", "i32", {integers(D::i32, {5, 16}), integers(D::i32, {1})});
  add("min", "i64", {integers(D::i64, {33}), numbers(D::i64, {33}, -3, 1, 7)});
  add("pow", "i64", {integers(D::i64, {19}), numbers(D::i64, {19}, -2, 1, 9)});
  add("relu", "i32", {integers(D::i32, {35})});
  add("abs", "i8", {integers(D::i8, {35})});
  add("sign", "i64", {integers(D::i64, {35})});
  add("square", "i32", {integers(D::i32, {35})});
  add("tanh", "half", {numbers(D::f16, {3, 37}, -2, 0.25, 16)}).tolerance = 1e-3;
  add("mul", "halves", {numbers(D::f16, {3, 37}, -2, 0.25, 16), numbers(D::f16, {3, 1}, 1, 1, 3)})
      .tolerance = 1e-3;
  return cases;
}

}  // namespace pinnacle::test
