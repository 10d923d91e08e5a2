// What the convolutions on blocked channels share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "ops/conv2d/conv2d.hpp"

namespace pinnacle {

/// Declines rows, devices of the other family and groups that do not fill blocks.
Decline blocked_only(const ConvGeometry& g, const Target& target);
/// Bias, residual and epilogue of a conv2d: parameters and arguments, in this order.
void add_epilogue(KernelCall& call, const OpView& op, int width);

/// How conv2d and its two backward ops run on blocked channels: see OpDef::blocked.
std::optional<BlockedForm> conv2d_form(const OpView& op, std::int64_t block, const Target& target);
std::optional<BlockedForm> conv2d_data_form(const OpView& op, std::int64_t block,
                                            const Target& target);
std::optional<BlockedForm> conv2d_filter_form(const OpView& op, std::int64_t block,
                                              const Target& target);

}  // namespace pinnacle
