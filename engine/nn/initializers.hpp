// First contents of parameters.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/value.hpp>

#include <cstdint>
#include <string>

namespace pinnacle {

/// Draws a tensor; the numbers depend on initializer, shape, seed and name alone, on every
/// platform. throws ArgumentError if the initializer makes no sense
Tensor initial_tensor(const Initializer& initializer, const Shape& shape, std::uint64_t seed,
                      const std::string& name);

}  // namespace pinnacle
