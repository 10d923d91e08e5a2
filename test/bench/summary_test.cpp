// What ratios come to: geometric means, minima, whole nets.
// SPDX-License-Identifier: Apache-2.0
#include "bench/summary.hpp"

#include <doctest/doctest.h>

namespace pinnacle::bench {
namespace {

TEST_CASE("nothing comes to nothing") { CHECK(summarize({}).empty()); }

TEST_CASE("a group's geometric mean, least ratio and whole time") {
  // Ratios 4 and 0.25; a net has the slower layer three times.
  const std::vector<Compared> rows = {{.group = "a", .ms = 1, .peer_ms = 4},
                                      {.group = "a", .ms = 8, .peer_ms = 2, .count = 3}};
  const std::vector<Summary> result = summarize(rows);
  REQUIRE(result.size() == 1);
  CHECK(result[0].group == "a");
  CHECK(result[0].shapes == 2);
  CHECK(result[0].geomean == doctest::Approx(1));
  CHECK(result[0].min == doctest::Approx(0.25));
  CHECK(result[0].total == doctest::Approx((4.0 + 6) / (1 + 24)));
}

TEST_CASE("groups stay apart, in the order in which they appear") {
  const std::vector<Compared> rows = {{.group = "b", .ms = 1, .peer_ms = 2},
                                      {.group = "a", .ms = 1, .peer_ms = 3},
                                      {.group = "b", .ms = 1, .peer_ms = 8}};
  const std::vector<Summary> result = summarize(rows);
  REQUIRE(result.size() == 2);
  CHECK(result[0].group == "b");
  CHECK(result[0].geomean == doctest::Approx(4));
  CHECK(result[0].min == doctest::Approx(2));
  CHECK(result[1].group == "a");
  CHECK(result[1].geomean == doctest::Approx(3));
}

}  // namespace
}  // namespace pinnacle::bench
