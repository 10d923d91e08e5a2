// What the rows for quantized operators share.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {

/// x - zero in f32, for bytes x. The zero point broadcasts.
ValueId from_zero(NodeImport& node, ValueId x, ValueId zero);
/// Sums of products of quantized numbers as quantized numbers: round(sum * x_scale * w_scale / y_scale)
/// + y_zero, to the nearest even and as far as y_zero's type reaches. The scales broadcast to the sum.
ValueId requantized(NodeImport& node, ValueId sum, ValueId x_scale, ValueId w_scale,
                    ValueId y_scale, ValueId y_zero);

}  // namespace pinnacle::onnx
