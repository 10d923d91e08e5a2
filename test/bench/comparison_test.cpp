// What `compare` writes is read again as it was; what is no such file is refused.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/comparison.hpp"

#include <doctest/doctest.h>

#include <pinnacle/error.hpp>

namespace pinnacle::bench {
namespace {

Comparison example() {
  Comparison comparison;
  comparison.suite = "quick";
  comparison.complete = true;
  comparison.environment = {.pinnacle = "1",
                            .build = "gcc",
                            .cpu = "a",
                            .cores = 2,
                            .system = "b",
                            .date = "2030-01-01T00:00:00Z"};
  const Json details = {{"index", 0},      {"name", "one"}, {"platform", "P"},
                        {"driver", "1.0"}, {"kind", "cpu"}, {"peak_gflops", 3.5}};
  comparison.devices.push_back({.index = 0,
                                .name = "one",
                                .platform = "P",
                                .driver = "1.0",
                                .kind = "cpu",
                                .details = details});
  Measurement full{.key = "kernels/GEMM 32",
                   .group = "kernels",
                   .subject = "GEMM 32 x 32 x 32",
                   .quantity = "rate",
                   .unit = "GFLOP/s",
                   .samples = {3, 1, 2}};
  full.batch = 4;
  full.flop = 65536;
  full.bytes = 12288;
  full.of_roof = 0.5;
  full.roof = "FMA";
  full.kernel = "wide";
  summarize_samples(full);
  comparison.measurements.push_back(full);
  Measurement none{.key = "peaks/FMA f16",
                   .group = "peaks",
                   .subject = "FMA f16",
                   .quantity = "rate",
                   .unit = "GFLOP/s"};
  none.problem = "not supported";
  comparison.measurements.push_back(none);
  return comparison;
}

TEST_CASE("comparison: JSON and back") {
  const Comparison before = example();
  const Comparison after = parse_comparison(to_json(before).dump(), "x.json");
  CHECK(after.suite == "quick");
  CHECK(after.complete);
  CHECK(after.environment.cpu == "a");
  REQUIRE(after.devices.size() == 1);
  CHECK(after.devices[0].name == "one");
  CHECK(after.devices[0].details == before.devices[0].details);
  CHECK(after.measurements == before.measurements);
  CHECK(after.find("kernels/GEMM 32", 0)->value == 2);
  CHECK(after.find("kernels/GEMM 32", 1) == nullptr);
}

TEST_CASE("comparison: what is no comparison says what is wrong with it") {
  const auto refused = [](const std::string& text, const std::string& reason) {
    CAPTURE(text.substr(0, 60));
    try {
      parse_comparison(text, "x.json");
      FAIL("it was taken");
    } catch (const ParseError& error) {
      CAPTURE(error.what());
      CHECK(std::string(error.what()).find(reason) != std::string::npos);
      CHECK(std::string(error.what()).find("x.json") != std::string::npos);
    }
  };
  refused("{", "is no JSON");
  refused("[]", "is no object");
  refused("{\"format\": \"else\"}", "another format");
  const auto damaged = [&](const char* what, const Json& value, const std::string& reason) {
    Json json = to_json(example());
    json["measurements"][0][what] = value;
    refused(json.dump(), reason);
  };
  damaged("device", 7, "no whole number from 0 to 0");
  damaged("group", "else", "unknown group");
  damaged("value", "fast", "that is no number");
  damaged("vlaue", 3, "unknown \"vlaue\"");
  damaged("samples", Json::array({"x"}), "sample that is no number");
  Json json = to_json(example());
  json["measurements"][1].erase("problem");
  refused(json.dump(), "neither a \"value\" nor a \"problem\"");
  json = to_json(example());
  json["devices"] = Json::array();
  refused(json.dump(), "no sensible list of \"devices\"");
}

}  // namespace
}  // namespace pinnacle::bench
