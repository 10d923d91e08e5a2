// Functions on values without parameters: activations, arithmetic, reductions, shapes, losses.
// Thread safety: one graph is built by one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/value.hpp>

#include <vector>

namespace pinnacle {

// Activations, each usable as relu(x) and as a layer: dense(10) | relu.  x, result: any shape.
inline constexpr UnaryFunction relu{"relu"};
inline constexpr UnaryFunction sigmoid{"sigmoid"};
inline constexpr UnaryFunction tanh{"tanh"};
inline constexpr UnaryFunction gelu{"gelu"};  // exact, with erf
inline constexpr UnaryFunction silu{"silu"};
inline constexpr UnaryFunction softplus{"softplus"};
inline constexpr UnaryFunction hard_swish{"hard_swish"};
inline constexpr UnaryFunction exp{"exp"};
inline constexpr UnaryFunction log{"log"};
inline constexpr UnaryFunction sqrt{"sqrt"};
inline constexpr UnaryFunction abs{"abs"};
inline constexpr UnaryFunction neg{"neg"};
/// [N, a, b, ...] -> [N, a b ...]
inline constexpr UnaryFunction flatten{"flatten"};

/// Activations with options.
/// shapes   any, kept
/// throws   ShapeError if x is not f32
Value leaky_relu(Value x, double alpha = 0.01);
Value elu(Value x, double alpha = 1.0);
Value hard_sigmoid(Value x, double alpha = 0.2, double beta = 0.5);

/// Over one axis; a negative axis counts from the back.
/// shapes   any, kept
/// throws   ShapeError if the axis is out of range
Value softmax(Value x, int axis = -1);
Value log_softmax(Value x, int axis = -1);

/// Arithmetic with NumPy broadcasting.
/// shapes   any two that broadcast
/// throws   ShapeError if they do not
Value operator+(Value a, Value b);
Value operator-(Value a, Value b);
Value operator*(Value a, Value b);
Value operator/(Value a, Value b);
Value operator+(Value a, float b);
Value operator-(Value a, float b);
Value operator*(Value a, float b);
Value operator/(Value a, float b);
Value maximum(Value a, Value b);
Value minimum(Value a, Value b);

/// Matrix product over the last two axes; leading axes must be equal or absent in b.
/// shapes   a [..., M, K]; b [..., K, N] or [K, N]
/// returns  [..., M, N]
/// throws   ShapeError
Value matmul(Value a, Value b);

/// (x - mean) / sqrt(variance + epsilon) * scale + bias, over the axes from `axis` on.
/// shapes   x any; scale and bias like x from `axis` on
/// throws   ShapeError
/// source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450
Value layer_norm(Value x, Value scale, Value bias, int axis = -1, double epsilon = 1e-5);

/// Reductions. axes empty: over all.
/// shapes   any; reduced axes are dropped, or kept as 1 with keep_dims
/// throws   ShapeError if an axis is out of range or given twice
Value reduce_sum(Value x, std::vector<int> axes = {}, bool keep_dims = false);
Value reduce_mean(Value x, std::vector<int> axes = {}, bool keep_dims = false);
Value reduce_max(Value x, std::vector<int> axes = {}, bool keep_dims = false);
Value reduce_min(Value x, std::vector<int> axes = {}, bool keep_dims = false);

/// The same elements under another shape; one extent may be -1, and 0 copies x's.
/// shapes   any
/// throws   ShapeError if the number of elements differs
Value reshape(Value x, std::vector<int> shape);
/// Axes in a new order; empty: reversed.
/// shapes   any
/// throws   ShapeError if `order` is not a permutation
Value transpose(Value x, std::vector<int> order = {});
/// shapes   alike but for `axis`
/// throws   ShapeError
Value concat(std::vector<Value> xs, int axis);
/// x[starts[i] : ends[i]] along axes[i]; negative positions count from the back.
/// shapes   any
/// throws   ShapeError if an axis is out of range or a slice is empty
Value slice(Value x, std::vector<int> starts, std::vector<int> ends, std::vector<int> axes);
/// Adds before[i] and after[i] elements of `value` along axis i.
/// shapes   before and after have one entry per axis of x
/// throws   ShapeError
Value pad(Value x, std::vector<int> before, std::vector<int> after, float value = 0);

/// Mean over the batch of -log softmax(logits)[label], from logits, in one stable pass.
/// shapes   logits f32 [N, C]; labels i32 [N], or f32 [N, C] (one-hot or probabilities)
/// returns  f32 []
/// throws   ShapeError
Value softmax_cross_entropy(Value logits, Value labels);
/// Mean of (prediction - target)^2.
/// shapes   both alike
/// returns  f32 []
/// throws   ShapeError
Value mse(Value prediction, Value target);
/// Mean of the binary cross-entropy, from logits, stable.
/// shapes   both alike, targets in [0, 1]
/// returns  f32 []
/// throws   ShapeError
Value binary_cross_entropy(Value logits, Value target);
/// The share of rows whose largest score (the first, on ties) is at the label.
/// shapes   scores f32 [N, C]; labels i32 [N] or f32 [N, C]
/// returns  f32 []
/// throws   ShapeError
Value accuracy(Value scores, Value labels);

}  // namespace pinnacle
