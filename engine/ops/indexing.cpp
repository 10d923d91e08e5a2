// SPDX-License-Identifier: Apache-2.0
#include "ops/indexing.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "ops/launch.hpp"

namespace pinnacle {

std::int64_t position(double index, std::int64_t extent) {
  const auto n = static_cast<double>(extent);
  const double from_front = index < 0 ? index + n : index;
  return static_cast<std::int64_t>(std::clamp(from_front, 0.0, n - 1));
}

void check_indices(const OpView& op, std::size_t i) {
  if (op.in[i]->dtype != DType::i32 && op.in[i]->dtype != DType::i64) {
    shape_error(op, "indices are {}; expected i32 or i64", *op.in[i]);
  }
}

void check_not_empty(const OpView& op, const Shape& x, std::size_t axis, std::int64_t indices) {
  if (indices > 0 && x[axis] == 0) {
    shape_error(op, "x is {}, which has nothing along axis {}", x, axis);
  }
}

std::size_t axis_attribute(const OpView& op, std::size_t rank, std::int64_t absent) {
  const std::int64_t axis = op.attributes().integer("axis", absent);
  if (axis < 0 || axis >= static_cast<std::int64_t>(rank)) {
    shape_error(op, "axis is {}; expected one of {} axes", axis, rank);
  }
  return static_cast<std::size_t>(axis);
}

const char* index_type(DType dtype) { return dtype == DType::i64 ? "long" : "int"; }

const char* number_type(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return "float";
    case DType::i64:
      return "long";
    case DType::i32:
      return "int";
    case DType::i8:
      return "char";
    case DType::u8:
    case DType::boolean:
      return "uchar";
    default:
      return nullptr;
  }
}

ScatterReduction reduction_attribute(const OpView& op) {
  constexpr std::array<std::string_view, 5> kNames = {"none", "add", "mul", "max", "min"};
  const std::string name = op.attributes().text("reduction", "none");
  const auto at = std::find(kNames.begin(), kNames.end(), name);
  if (at == kNames.end()) {
    shape_error(op, "reduction is \"{}\"; expected none, add, mul, max or min", name);
  }
  return static_cast<ScatterReduction>(at - kNames.begin());
}

double combine(ScatterReduction reduction, double there, double update) {
  switch (reduction) {
    case ScatterReduction::add:
      return there + update;
    case ScatterReduction::mul:
      return there * update;
    case ScatterReduction::max:
      return std::isnan(there) || there > update ? there : update;
    case ScatterReduction::min:
      return std::isnan(there) || there < update ? there : update;
    case ScatterReduction::none:
      break;
  }
  return update;
}

void spread(KernelCall& call, std::int64_t count, std::int64_t cost, std::int64_t loops,
            Family family, const Target& target) {
  std::int64_t each = 1;
  std::int64_t group = 1;
  if (family == Family::wide) {
    each = units_each(std::max<std::int64_t>(count, 1), cost, loops + 1, target);
  } else {
    group = power_of_two(count, work_group(target, 64));
  }
  call.arg(to_int(count)).arg(to_int(each));
  call.define("WG", group);
  const std::int64_t items = ceil_div(count, each);
  call.range({static_cast<std::size_t>(ceil_div(items, group) * group), 1, 1},
             {static_cast<std::size_t>(group), 1, 1});
  call.loops(each * (loops + 1));
}

}  // namespace pinnacle
