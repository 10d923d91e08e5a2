// Which nodes share a tuned choice: those of the same op, types, options and fixed inputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// "matmul f32[128, 784] f32[784, 128] - -> f32[128, 128] transpose_b=1 epilogue fixed=1". Of an
/// epilogue only its presence counts; options that say what their absence means are left out.
/// REQUIRES: a node with inferred types
std::string shape_key(const OpView& op);

}  // namespace pinnacle
