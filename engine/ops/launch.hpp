// How small kernels are cut into work-items, and the two variants that most ops have: one for each
// family of devices, with the same checks before they accept.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// a / b, rounded up. REQUIRES: b > 0
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
/// The smallest power of two that is at least n, but at most `most`, itself a power of two.
constexpr std::int64_t power_of_two(std::int64_t n, std::int64_t most) {
  std::int64_t p = 1;
  while (p < n && p < most) p *= 2;
  return p;
}
constexpr std::int32_t to_int(std::int64_t n) { return static_cast<std::int32_t>(n); }

/// Loop iterations of one step of a register tile of `rows` rows of `vectors` vectors, as if no loop
/// were unrolled: there are compilers that leave them.
constexpr std::int64_t tile_step_loops(std::int64_t rows, std::int64_t vectors) {
  return 1 + vectors + rows * (1 + vectors);
}

/// Elements [rows, cols], of which each work-item does rows_each x cols_each: many of them on
/// wide devices, one vector on others.
struct Grid {
  int vw = 1;
  std::int64_t rows_each = 1, cols_each = 1;
  std::array<std::size_t, 3> global = {1, 1, 1};
  std::array<std::size_t, 3> local = {1, 1, 1};
  std::int64_t loops = 0;
};
/// `weight`: what an element costs, next to a plain copy; heavy ones are spread further.
Grid make_grid(std::int64_t rows, std::int64_t cols, Family family, const Target& target,
               std::int64_t weight = 1);

/// `count` units of work, each of `cost` element operations and `loops` iterations, on wide devices:
/// how many units a group does.
std::int64_t units_each(std::int64_t count, std::int64_t cost, std::int64_t loops,
                        const Target& target);

/// The largest work-group to use: a power of two that the device allows, at most `most`.
std::int64_t work_group(const Target& target, std::int64_t most = 256);

/// A group of LX work-items for each of LY lines, for lines of `length` elements.
struct LineGroup {
  std::int64_t lx = 1, ly = 1;
};
LineGroup line_group(std::int64_t length, std::int64_t lines, const Target& target);

using LowerFor = std::function<Lowering(const OpView&, const Target&, Family)>;
using AcceptFor = std::function<Decline(const OpView&, const Target&, Family)>;
/// The variants "wide" and "simt". Both decline beyond 2^31 elements, where a work-item of any call
/// would loop longer than the device allows, or where a work-group would be too large.
std::vector<Variant> both_families(LowerFor lower, AcceptFor accepts = {});

/// Checks that input i is f32. throws ShapeError
void check_f32(const OpView& op, std::size_t i, const char* name);

/// The OpenCL type that moves elements of this size: "uint".
const char* element_type(DType dtype);

}  // namespace pinnacle
