// Blocked channels: [N, C, H, W] as [N, ceil(C / B), H, W, B]. The B channels of a pixel are one
// vector, so that kernels need no other layout of their own. Lanes beyond C belong to no channel.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

inline bool is_blocked(const Shape& shape) { return shape.rank() == 5; }
/// [N, C, H, W] -> [N, ceil(C / block), H, W, block]
Shape blocked_shape(const Shape& plain, std::int64_t block);
/// [N, ceil(C / B), H, W, B] -> [N, C, H, W]; what is not blocked stays as it is.
Shape plain_shape(const Shape& shape, std::int64_t channels);
/// The same for contents. Lanes beyond the channels become zero, or are dropped.
Array to_blocked(const Array& plain, std::int64_t block);
Array to_plain(const Array& array, std::int64_t channels);

/// The same as nodes: a transpose, with a pad before or a slice after it where C is no multiple.
ValueId block_channels(Builder& b, ValueId plain, std::int64_t block);
ValueId unblock_channels(Builder& b, ValueId blocked, std::int64_t channels);

/// [C] as [ceil(C / block), 1, 1, block], zeros beyond C: a channel's numbers beside blocked values.
ValueId block_vector(Builder& b, ValueId vector, std::int64_t block);

/// What moving so many bytes takes, about.
double seconds_to_move(double bytes, const Target& target);

/// A form that adds the same op with the same attributes on blocked inputs and outputs.
BlockedForm same_op(const OpView& op, std::vector<bool> inputs, std::vector<bool> outputs);

}  // namespace pinnacle
