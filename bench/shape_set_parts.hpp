// Parts of the shape sets that have a file of their own.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bench/shape_sets.hpp"

namespace pinnacle::bench {

/// Pooling, normalisation, softmax, pointwise functions and reductions on `batch` images or texts.
std::vector<ShapeCase> rest_cases(const std::string& set, std::int64_t batch);
/// Their gradients, and the optimizers' updates.
std::vector<ShapeCase> rest_backward_cases(const std::string& set, std::int64_t batch);

}  // namespace pinnacle::bench
