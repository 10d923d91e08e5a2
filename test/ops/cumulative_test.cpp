// Cases of cum_sum and cum_prod: every axis, exclusive, reverse.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {

std::vector<OpCase> cumulative_cases() {
  std::vector<OpCase> cases;
  const auto add = [&](const char* op, const char* name, const Shape& x, std::int64_t axis,
                       std::int64_t exclusive, std::int64_t reverse) {
    cases.push_back({.op = op,
                     .name = name,
                     .in = {f32(x)},
                     .attributes = {{"axis", axis}, {"exclusive", exclusive}, {"reverse", reverse}},
                     .gradient = std::string(op) == "cum_sum"});
  };
  add("cum_sum", "one", {1}, 0, 0, 0);
  add("cum_sum", "rows", {5, 31}, 1, 0, 0);
  add("cum_sum", "columns, exclusive", {17, 3}, 0, 1, 0);
  add("cum_sum", "middle, from the end", {2, 8, 7}, 1, 0, 1);
  add("cum_sum", "both", {4, 9}, 1, 1, 1);
  add("cum_prod", "rows", {5, 16}, 1, 0, 0);
  add("cum_prod", "exclusive, from the end", {3, 7, 2}, 1, 1, 1);
  return cases;
}

}  // namespace pinnacle::test
