// SPDX-License-Identifier: Apache-2.0
#include "ops/launch.hpp"

#include <algorithm>

#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

constexpr std::int64_t kLeastWork = 4096;  // element copies: what a group costs to start
constexpr std::int64_t kGroupsPerUnit = 8;

std::int64_t units(const Target& target) { return std::max(target.compute_units, 1); }

Decline check_operands(const OpView& op) {
  for (const auto& type : op.in) {
    if (type && type->shape.elements() > INT32_MAX) return "an input has more than 2^31 elements";
  }
  for (const TensorType& type : op.out) {
    if (type.shape.elements() > INT32_MAX) return "an output has more than 2^31 elements";
  }
  return std::nullopt;
}

Decline check_calls(const Lowering& lowering, const Target& target) {
  for (const Call& call : lowering.calls) {
    const auto* kernel = std::get_if<KernelCall>(&call);
    if (kernel == nullptr) continue;
    if (Decline reason = fits_loop_limit(target, kernel->loop_iterations)) return reason;
    const std::size_t items = kernel->local[0] * kernel->local[1] * kernel->local[2];
    if (items > target.max_work_group) {
      return fmt::format("needs work-groups of {}; this device allows {}", items,
                         target.max_work_group);
    }
  }
  return std::nullopt;
}

}  // namespace

Grid make_grid(std::int64_t rows, std::int64_t cols, Family family, const Target& target,
               std::int64_t weight) {
  Grid grid;
  grid.vw = family == Family::wide ? target.vector_width : 4;
  rows = std::max<std::int64_t>(rows, 1);
  cols = std::max<std::int64_t>(cols, 1);
  if (family == Family::simt) {
    const std::int64_t items = ceil_div(cols, grid.vw);
    const std::int64_t most = work_group(target, 64);
    const std::int64_t lx = power_of_two(items, most);
    const std::int64_t ly = power_of_two(rows, most / lx);
    grid.cols_each = grid.vw;
    grid.local = {static_cast<std::size_t>(lx), static_cast<std::size_t>(ly), 1};
    grid.global = {static_cast<std::size_t>(ceil_div(items, lx) * lx),
                   static_cast<std::size_t>(ceil_div(rows, ly) * ly), 1};
    grid.loops = 1 + grid.vw;
    return grid;
  }
  std::int64_t groups = std::clamp<std::int64_t>(rows * cols * weight / kLeastWork, 1,
                                                 kGroupsPerUnit * units(target));
  for (;; groups *= 2) {
    const std::int64_t row_groups = std::min(rows, groups);
    grid.rows_each = ceil_div(rows, row_groups);
    grid.cols_each = ceil_div(ceil_div(cols, ceil_div(groups, row_groups)), grid.vw) * grid.vw;
    // At most two scalar ends per row, before and after the vectors.
    const std::int64_t row_loops =
        1 + std::min(std::min(cols, grid.cols_each), grid.cols_each / grid.vw + 2 * grid.vw);
    grid.loops = grid.rows_each * row_loops;
    const bool smallest = grid.rows_each == 1 && grid.cols_each == grid.vw;
    if (smallest || !fits_loop_limit(target, grid.loops)) break;
  }
  grid.global = {static_cast<std::size_t>(ceil_div(cols, grid.cols_each)),
                 static_cast<std::size_t>(ceil_div(rows, grid.rows_each)), 1};
  return grid;
}

std::int64_t units_each(std::int64_t count, std::int64_t cost, std::int64_t loops,
                        const Target& target) {
  count = std::max<std::int64_t>(count, 1);
  const std::int64_t groups =
      std::clamp<std::int64_t>(count * cost / kLeastWork, 1, kGroupsPerUnit * units(target));
  std::int64_t each = ceil_div(count, std::min(groups, count));
  while (each > 1 && fits_loop_limit(target, each * loops)) each = ceil_div(each, 2);
  return each;
}

std::int64_t work_group(const Target& target, std::int64_t most) {
  const auto allowed = static_cast<std::int64_t>(std::max<std::size_t>(target.max_work_group, 1));
  std::int64_t size = 1;
  while (size * 2 <= std::min(allowed, most)) size *= 2;
  return size;
}

LineGroup line_group(std::int64_t length, std::int64_t lines, const Target& target) {
  LineGroup group;
  group.lx = power_of_two(ceil_div(length, 2), work_group(target));
  group.ly = power_of_two(lines, std::max<std::int64_t>(1, work_group(target, 64) / group.lx));
  return group;
}

std::vector<Variant> both_families(LowerFor lower, AcceptFor accepts) {
  std::vector<Variant> variants;
  for (const Family family : {Family::wide, Family::simt}) {
    variants.push_back({.name = std::string(to_string(family)),
                        .accepts = [=](const OpView& op, const Target& target) -> Decline {
                          if (family == Family::wide && target.family != Family::wide) {
                            return "made for devices that run one work-item per group well";
                          }
                          if (Decline reason = check_operands(op)) return reason;
                          if (accepts) {
                            if (Decline reason = accepts(op, target, family)) return reason;
                          }
                          return check_calls(lower(op, target, family), target);
                        },
                        .lower = [=](const OpView& op, const Target& target,
                                     const Params&) { return lower(op, target, family); },
                        .space = {}});
  }
  return variants;
}

void check_f32(const OpView& op, std::size_t i, const char* name) {
  if (op.in[i]->dtype != DType::f32) shape_error(op, "{} is {}; expected f32", name, *op.in[i]);
}

const char* element_type(DType dtype) {
  switch (size_of(dtype)) {
    case 1:
      return "uchar";
    case 2:
      return "ushort";
    case 8:
      return "ulong";
    default:
      return "uint";
  }
}

}  // namespace pinnacle
