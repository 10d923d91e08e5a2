// What people and spreadsheets see of a comparison.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/text.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "base/text.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

Measurement rate(std::string group, std::string subject, std::size_t device, double value) {
  Measurement m;
  m.key = group + '/' + subject;
  m.device = device;
  m.group = std::move(group);
  m.subject = std::move(subject);
  m.quantity = "rate";
  m.unit = "GFLOP/s";
  m.samples = {value};
  summarize_samples(m);
  return m;
}

Comparison devices(int count) {
  Comparison comparison;
  comparison.suite = "quick";
  comparison.complete = true;
  for (int i = 0; i < count; ++i) {
    comparison.devices.push_back({.index = i,
                                  .name = "a device with a name that is far too long for a line",
                                  .platform = "a platform",
                                  .driver = "1",
                                  .kind = "gpu",
                                  .details = {}});
  }
  return comparison;
}

// Wherever lines are broken.
bool has(std::string text, const std::string& part) {
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("compare text: values, ratios, and who is better for what") {
  Comparison comparison = devices(2);
  comparison.measurements = {rate("kernels", "GEMM", 0, 50), rate("kernels", "GEMM", 1, 200),
                             rate("kernels", "other", 0, 10), rate("kernels", "other", 1, 90)};
  const std::string text = comparison_text(comparison);
  CHECK(has(text, "25%"));
  CHECK(has(text, "100%"));
  // The geometric mean of 4 and 9.
  CHECK(has(text, "For single kernels device 1 is 6.000 times as good as device 0"));
  CHECK(has(text, "4.000 to 9.000"));
  CHECK(!has(text, "Not all of the suite"));
  comparison.complete = false;
  CHECK(has(comparison_text(comparison), "Not all of the suite"));
}

TEST_CASE("compare text: where less is better, the least is the best") {
  Comparison comparison = devices(2);
  comparison.measurements = {rate("networks", "net", 0, 2), rate("networks", "net", 1, 8)};
  for (Measurement& m : comparison.measurements) {
    m.lower_is_better = true;
    m.quantity = "inference latency";
  }
  CHECK(has(comparison_text(comparison), "device 0 is 4.000 times as good as device 1"));
}

TEST_CASE("compare text: what has no value is explained once") {
  Comparison comparison = devices(2);
  for (const char* const subject : {"one", "two"}) {
    Measurement m = rate("kernels", subject, 1, 1);
    m.samples.clear();
    m.value = m.low = m.high = std::nullopt;
    m.problem = "too slow: about 7 s expected";
    comparison.measurements.push_back(m);
  }
  comparison.measurements.push_back(rate("kernels", "one", 0, 3));
  const std::string text = comparison_text(comparison);
  CHECK(has(text, "device 1: too slow: about 7 s expected (one; two)"));
  CHECK(text.find("expected") == text.rfind("expected"));
}

TEST_CASE("compare text: many devices with long names fit 80 columns") {
  Comparison comparison = devices(7);
  for (std::size_t d = 0; d < 7; ++d) {
    comparison.measurements.push_back(
        rate("kernels", "convolution 3 x 3, 64 channels, 28 x 28, batch 4", d, 12345.678));
    comparison.measurements.back().of_roof = 1.5;
    comparison.measurements.back().roof = "copy";
    comparison.measurements.back().kernel = "transpose/wide, conv2d/winograd4, transpose/wide";
  }
  for (const std::string& line : split(comparison_text(comparison), '\n')) {
    CAPTURE(line);
    CHECK(display_width(line) <= kTerminalWidth);
  }
}

TEST_CASE("compare csv: what would break a line is quoted") {
  Comparison comparison = devices(1);
  Measurement m = rate("kernels", "a, \"b\"", 0, 0.125);
  m.problem = "two\nlines";
  comparison.measurements = {m};
  const std::string text = comparison_csv(comparison);
  CHECK(
      has(text,
          ",kernels,\"kernels/a, \"\"b\"\"\",\"a, \"\"b\"\"\",rate,,GFLOP/s,0.125,0.125,0.125,1,"));
  CHECK(text.find(",\"two\nlines\",false\n") != std::string::npos);
}

}  // namespace pinnacle::bench
