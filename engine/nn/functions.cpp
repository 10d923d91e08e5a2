// Functions on values: each is one op, or a few.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/functions.hpp>

#include <algorithm>

namespace pinnacle {
namespace {

// A non-negative axis. throws ShapeError
std::int64_t normal_axis(const char* op, const Shape& shape, int axis) {
  const auto rank = static_cast<int>(shape.rank());
  if (axis < -rank || axis >= rank) {
    throw ShapeError(fmt::format("axis {} is out of range for {}", axis, shape), op);
  }
  return axis < 0 ? axis + rank : axis;
}

Attributes::Ints normal_axes(const char* op, const Shape& shape, const std::vector<int>& axes) {
  Attributes::Ints normal;
  for (const int axis : axes) {
    const std::int64_t a = normal_axis(op, shape, axis);
    if (std::find(normal.begin(), normal.end(), a) != normal.end()) {
      throw ShapeError(fmt::format("axis {} is given twice", axis), op);
    }
    normal.push_back(a);
  }
  return normal;
}

Value reduce(const char* op, Value x, const std::vector<int>& axes, bool keep_dims) {
  return apply(
      op, {x},
      {{"axes", normal_axes(op, x.shape(), axes)}, {"keepdims", std::int64_t{keep_dims ? 1 : 0}}});
}

Value with_number(const char* op, Value a, float b) {
  Network& network = a.network();
  return apply(op, {a, Value(network, network.builder().constant(b))});
}

void check_alike(const char* op, Value a, Value b) {
  if (a.shape() != b.shape()) {
    throw ShapeError(fmt::format("prediction is {} but target is {}", a.shape(), b.shape()), op,
                     "both must be alike");
  }
}

Attributes::Ints to_ints(const std::vector<int>& values) { return {values.begin(), values.end()}; }

}  // namespace

Value leaky_relu(Value x, double alpha) { return apply("leaky_relu", {x}, {{"alpha", alpha}}); }
Value elu(Value x, double alpha) { return apply("elu", {x}, {{"alpha", alpha}}); }
Value hard_sigmoid(Value x, double alpha, double beta) {
  return apply("hard_sigmoid", {x}, {{"alpha", alpha}, {"beta", beta}});
}

Value layer_norm(Value x, Value scale, Value bias, int axis, double epsilon) {
  return apply("layer_norm", {x, scale, bias},
               {{"axis", normal_axis("layer_norm", x.shape(), axis)}, {"epsilon", epsilon}});
}

Value softmax(Value x, int axis) {
  return apply("softmax", {x}, {{"axis", normal_axis("softmax", x.shape(), axis)}});
}
Value log_softmax(Value x, int axis) {
  return apply("log_softmax", {x}, {{"axis", normal_axis("log_softmax", x.shape(), axis)}});
}

Value operator+(Value a, Value b) { return apply("add", {a, b}); }
Value operator-(Value a, Value b) { return apply("sub", {a, b}); }
Value operator*(Value a, Value b) { return apply("mul", {a, b}); }
Value operator/(Value a, Value b) { return apply("div", {a, b}); }
Value operator+(Value a, float b) { return with_number("add", a, b); }
Value operator-(Value a, float b) { return with_number("sub", a, b); }
Value operator*(Value a, float b) { return with_number("mul", a, b); }
Value operator/(Value a, float b) { return with_number("div", a, b); }
Value maximum(Value a, Value b) { return apply("max", {a, b}); }
Value minimum(Value a, Value b) { return apply("min", {a, b}); }

Value matmul(Value a, Value b) { return apply("matmul", {a, b}); }

Value reduce_sum(Value x, std::vector<int> axes, bool keep_dims) {
  return reduce("reduce_sum", x, axes, keep_dims);
}
Value reduce_mean(Value x, std::vector<int> axes, bool keep_dims) {
  return reduce("reduce_mean", x, axes, keep_dims);
}
Value reduce_max(Value x, std::vector<int> axes, bool keep_dims) {
  return reduce("reduce_max", x, axes, keep_dims);
}
Value reduce_min(Value x, std::vector<int> axes, bool keep_dims) {
  return reduce("reduce_min", x, axes, keep_dims);
}

Value reshape(Value x, std::vector<int> shape) {
  return apply("reshape", {x}, {{"shape", to_ints(shape)}});
}

Value transpose(Value x, std::vector<int> order) {
  const Shape& shape = x.shape();
  Attributes::Ints perm;
  if (order.empty()) {
    for (std::size_t i = shape.rank(); i-- > 0;) perm.push_back(static_cast<std::int64_t>(i));
  } else {
    perm = normal_axes("transpose", shape, order);
    if (perm.size() != shape.rank()) {
      throw ShapeError(fmt::format("{} axes are given for {}", perm.size(), shape), "transpose",
                       "name each axis once");
    }
  }
  return apply("transpose", {x}, {{"perm", std::move(perm)}});
}

Value concat(std::vector<Value> xs, int axis) {
  if (xs.empty()) throw ArgumentError("needs at least one value", "concat");
  const std::int64_t normal = normal_axis("concat", xs.front().shape(), axis);
  return apply("concat", std::move(xs), {{"axis", normal}});
}

Value slice(Value x, std::vector<int> starts, std::vector<int> ends, std::vector<int> axes) {
  const Shape& shape = x.shape();
  if (starts.size() != axes.size() || ends.size() != axes.size()) {
    throw ShapeError(fmt::format("{} starts and {} ends are given for {} axes", starts.size(),
                                 ends.size(), axes.size()),
                     "slice");
  }
  const Attributes::Ints normal = normal_axes("slice", shape, axes);
  Attributes::Ints first, last;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::int64_t extent = shape[static_cast<std::size_t>(normal[i])];
    const auto position = [&](std::int64_t p) {
      return std::clamp<std::int64_t>(p < 0 ? p + extent : p, 0, extent);
    };
    first.push_back(position(starts[i]));
    last.push_back(position(ends[i]));
    if (first.back() >= last.back()) {
      throw ShapeError(
          fmt::format("[{} : {}] along axis {} of {} is empty", starts[i], ends[i], axes[i], shape),
          "slice");
    }
  }
  return apply("slice", {x},
               {{"starts", std::move(first)}, {"ends", std::move(last)}, {"axes", normal}});
}

Value pad(Value x, std::vector<int> before, std::vector<int> after, float value) {
  const std::size_t rank = x.shape().rank();
  if (before.size() != rank || after.size() != rank) {
    throw ShapeError(fmt::format("before has {} entries and after {}, but {} has {} axes",
                                 before.size(), after.size(), x.shape(), rank),
                     "pad");
  }
  Attributes::Ints pads = to_ints(before);
  pads.insert(pads.end(), after.begin(), after.end());
  if (std::any_of(pads.begin(), pads.end(), [](std::int64_t p) { return p < 0; })) {
    throw ShapeError("an entry of before or after is negative", "pad", "use slice to cut");
  }
  return apply("pad", {x}, {{"pads", std::move(pads)}, {"value", static_cast<double>(value)}});
}

Value softmax_cross_entropy(Value logits, Value labels) {
  return apply("softmax_cross_entropy", {logits, labels});
}

Value mse(Value prediction, Value target) {
  check_alike("mse", prediction, target);
  return reduce_mean(apply("square", {prediction - target}));
}

// -t log s(x) - (1 - t) log(1 - s(x)) = softplus(x) - x t for the sigmoid s.
Value binary_cross_entropy(Value logits, Value target) {
  check_alike("binary_cross_entropy", logits, target);
  return reduce_mean(softplus(logits) - logits * target);
}

Value accuracy(Value scores, Value labels) { return apply("accuracy", {scores, labels}); }

}  // namespace pinnacle
