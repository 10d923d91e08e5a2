// SPDX-License-Identifier: Apache-2.0
#include "ops/blocked.hpp"

#include <algorithm>

#include "ops/launch.hpp"

namespace pinnacle {
namespace {

// Calls element(position in plain, position in blocked) for every element of plain.
template <class Element>
void for_each_pair(const Shape& plain, std::int64_t block, Element element) {
  const std::int64_t size = plain[2] * plain[3];
  const std::int64_t blocks = ceil_div(plain[1], block);
  std::size_t from = 0;
  for (std::int64_t n = 0; n < plain[0]; ++n) {
    for (std::int64_t c = 0; c < plain[1]; ++c) {
      const std::int64_t start = (n * blocks + c / block) * size * block + c % block;
      for (std::int64_t i = 0; i < size; ++i) {
        element(from++, static_cast<std::size_t>(start + i * block));
      }
    }
  }
}

}  // namespace

Shape blocked_shape(const Shape& plain, std::int64_t block) {
  return {plain[0], ceil_div(plain[1], block), plain[2], plain[3], block};
}

Shape plain_shape(const Shape& shape, std::int64_t channels) {
  return is_blocked(shape) ? Shape{shape[0], channels, shape[2], shape[3]} : shape;
}

Array to_blocked(const Array& plain, std::int64_t block) {
  Array result(blocked_shape(plain.shape, block));
  for_each_pair(plain.shape, block,
                [&](std::size_t from, std::size_t to) { result.data[to] = plain.data[from]; });
  return result;
}

Array to_plain(const Array& array, std::int64_t channels) {
  if (!is_blocked(array.shape)) return array;
  Array result(plain_shape(array.shape, channels));
  for_each_pair(result.shape, array.shape[4],
                [&](std::size_t to, std::size_t from) { result.data[to] = array.data[from]; });
  return result;
}

ValueId block_channels(Builder& b, ValueId plain, std::int64_t block) {
  const Shape x = b.shape(plain);
  const Shape y = blocked_shape(x, block);
  const std::int64_t missing = y[1] * block - x[1];
  if (missing > 0) {
    plain = b.apply("pad", {plain}, {{"pads", Attributes::Ints{0, 0, 0, 0, 0, missing, 0, 0}}});
  }
  const ValueId planes =
      b.apply("reshape", {plain}, {{"shape", Attributes::Ints{x[0] * y[1], block, x[2] * x[3]}}});
  const ValueId pixels = b.apply("transpose", {planes}, {{"perm", Attributes::Ints{0, 2, 1}}});
  return b.apply("reshape", {pixels}, {{"shape", y.dims()}});
}

ValueId unblock_channels(Builder& b, ValueId blocked, std::int64_t channels) {
  const Shape x = b.shape(blocked);
  const std::int64_t padded = x[1] * x[4];
  const ValueId pixels =
      b.apply("reshape", {blocked}, {{"shape", Attributes::Ints{x[0] * x[1], x[2] * x[3], x[4]}}});
  const ValueId planes = b.apply("transpose", {pixels}, {{"perm", Attributes::Ints{0, 2, 1}}});
  const ValueId plain =
      b.apply("reshape", {planes}, {{"shape", Attributes::Ints{x[0], padded, x[2], x[3]}}});
  if (padded == channels) return plain;
  return b.apply("slice", {plain},
                 {{"starts", Attributes::Ints{0}},
                  {"ends", Attributes::Ints{channels}},
                  {"axes", Attributes::Ints{1}}});
}

ValueId block_vector(Builder& b, ValueId vector, std::int64_t block) {
  const std::int64_t channels = b.shape(vector)[0];
  const std::int64_t padded = ceil_div(channels, block) * block;
  if (padded != channels) {
    vector = b.apply("pad", {vector}, {{"pads", Attributes::Ints{0, padded - channels}}});
  }
  return b.apply("reshape", {vector}, {{"shape", Attributes::Ints{padded / block, 1, 1, block}}});
}

double seconds_to_move(double bytes, const Target& target) {
  return 1e-9 * bytes / std::max(target.bandwidth_gbs, 1.0);
}

BlockedForm same_op(const OpView& op, std::vector<bool> inputs, std::vector<bool> outputs) {
  return {.inputs = std::move(inputs),
          .outputs = std::move(outputs),
          .build = [def = op.node->def, attributes = op.node->attributes](
                       Builder& b, std::span<const ValueId> in, const std::string& node) {
            return b.apply_all(*def, {in.begin(), in.end()}, attributes, node);
          }};
}

}  // namespace pinnacle
