// Whether extents make sense together, so that sizes can be computed without overflow.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/tensor.hpp>
#include <string>

namespace pinnacle {

/// where: for the message. throws ShapeError if an extent is negative, or rank or size beyond all sense
void check_extents(const Shape& shape, const std::string& where);

}  // namespace pinnacle
