// Indices that a tensor holds, for gather, scatter and their kin: what they mean, and kernels that go
// over elements one by one.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// The position in [0, extent) that an index means: negative ones count from the back, and what is
/// out of range is the nearest position. REQUIRES: extent > 0
std::int64_t position(double index, std::int64_t extent);

/// Checks that input i is i32 or i64. throws ShapeError
void check_indices(const OpView& op, std::size_t i);
/// Checks that there is something to be found along `axis` of `x`. throws ShapeError
void check_not_empty(const OpView& op, const Shape& x, std::size_t axis, std::int64_t indices);
/// The attribute `axis` in [0, rank). throws ShapeError
std::size_t axis_attribute(const OpView& op, std::size_t rank, std::int64_t absent = 0);

/// "int" or "long".
const char* index_type(DType dtype);
/// The OpenCL type to compute with; nullptr: there is none for every device.
const char* number_type(DType dtype);

/// What a scatter does with an element that is there: none, add, mul, max, min.
enum class ScatterReduction : std::uint8_t { none, add, mul, max, min };
/// The attribute `reduction`. throws ShapeError
ScatterReduction reduction_attribute(const OpView& op);
/// How the reference does it.
double combine(ScatterReduction reduction, double there, double update);

/// Spreads `count` elements over work-items: binds the two last arguments, count and how many each
/// does, defines WG, and sets the range. `cost`: element operations of one, `loops`: its iterations.
void spread(KernelCall& call, std::int64_t count, std::int64_t cost, std::int64_t loops,
            Family family, const Target& target);

}  // namespace pinnacle
