// Cases of arg_max and arg_min: axes at both ends and in the middle, and what counts of equal ones.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> arg_reduce_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* op, const char* name, const Shape& x, std::int64_t axis,
                       std::int64_t keepdims, std::int64_t last) {
    cases.push_back(
        {.op = op,
         .name = name,
         .in = {f32(x)},
         .attributes = {{"axis", axis}, {"keepdims", keepdims}, {"select_last_index", last}},
         .gradient = false});
  };
  add("arg_max", "one", {1}, 0, 1, 0);
  add("arg_max", "rows", {7, 31}, 1, 0, 0);
  add("arg_min", "columns", {33, 5}, 0, 1, 0);
  add("arg_min", "middle", {3, 8, 17}, 1, 0, 1);
  for (const std::int64_t last : {0, 1}) {
    cases.push_back({.op = "arg_max",
                     .name = last != 0 ? "last of equals" : "first of equals",
                     .in = {f32({2, 4})},
                     .attributes = {{"axis", std::int64_t{1}}, {"select_last_index", last}},
                     .gradient = false,
                     .values = {Tensor({2, 4}, {1, 3, 3, 2, 5, 5, 5, 5})}});
  }
  return cases;
}

}  // namespace pinnacle::test
