// One declaration per case of an op, four uses: forward on every device and variant, gradient by
// central differences, support (accepted, or the reason), and performance in pinnacle-bench.
// A stem X declares its cases in test/ops/X_test.cpp:  std::vector<OpCase> X_cases() { return {...}; }
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <functional>
#include <string>
#include <vector>

namespace pinnacle::test {

struct OpCase {
  std::string op;              ///< name of the OpDef
  std::string name;            ///< "3x3 stride 2"
  std::vector<TensorType> in;  ///< f32 inputs are uniform in [low, high]; i32 in [0, int_high)
  Attributes attributes = {};
  std::vector<std::size_t> absent = {};  ///< positions of optional inputs that `in` leaves out
  double low = -1;
  double high = 1;
  std::int64_t int_high = 2;
  /// |device - reference| <= tolerance * max(1, largest |reference| of the tensor)
  double tolerance = 1e-5;
  bool gradient = true;  ///< check it (false: the op has none, or it is tested elsewhere)
  /// Inputs that have no gradient on purpose, such as labels; any other f32 input must have one.
  std::vector<std::size_t> no_gradient_for = {};
  bool perf = false;  ///< measured by the bench; too large for slow devices and gradients
  std::vector<Tensor> values = {};  ///< explicit inputs instead of random ones, where not empty
};

inline TensorType f32(Shape shape) { return {std::move(shape), DType::f32}; }
inline TensorType i32(Shape shape) { return {std::move(shape), DType::i32}; }

}  // namespace pinnacle::test
