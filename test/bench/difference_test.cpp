// What `diff` calls a change: what was made slower is found, noise and drift are not.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/difference.hpp"

#include <doctest/doctest.h>

#include <pinnacle/error.hpp>

#include <cmath>
#include <string>
#include <vector>

#include "base/random.hpp"
#include "bench/compare/significance.hpp"

namespace pinnacle::bench {
namespace {

Comparison file_of(const std::vector<std::string>& devices) {
  Comparison comparison;
  comparison.suite = "quick";
  comparison.complete = true;
  for (const std::string& name : devices) {
    comparison.devices.push_back(
        {.index = 0, .name = name, .platform = "P", .driver = "1", .kind = "cpu", .details = {}});
  }
  return comparison;
}

struct Noise {
  double within = 0.03;   // of each sample
  double between = 0.02;  // of each quantity, from run to run
  double drift = 0;       // of a whole run
};

// 200 quantities: every other one a time, the others rates; kernel k ran in those with i % 10 == k.
// `slower` gives how much longer quantity i takes.
template <class Slower>
Comparison simulated(std::uint64_t seed, const Noise& noise, Slower slower) {
  Comparison comparison = file_of({"one"});
  Random random(seed);
  const double run = 1 + noise.drift * random.normal();
  for (int i = 0; i < 200; ++i) {
    const bool time = i % 2 == 0;
    Measurement m{.key = "layers/" + std::to_string(i),
                  .group = time ? "layers" : "kernels",
                  .subject = "net",
                  .quantity = time ? "time" : "rate",
                  .unit = time ? "us" : "GFLOP/s",
                  .lower_is_better = time};
    m.kernel = "kernel" + std::to_string(i % 10);
    const double length = run * slower(i) * (1 + noise.between * random.normal());
    for (int sample = 0; sample < 7; ++sample) {
      const double seconds = length * (1 + noise.within * std::fabs(random.normal()));
      m.samples.push_back(time ? 100 * seconds : 100 / seconds);
    }
    summarize_samples(m);
    comparison.measurements.push_back(m);
  }
  return comparison;
}

double nothing(int) { return 1; }

TEST_CASE("difference: between runs of the same there is mostly no change") {
  for (const Noise& noise : {Noise{.between = 0, .drift = 0}, Noise{.within = 0.01},
                             Noise{.drift = 0.02}, Noise{.within = 0.1, .between = 0.04}}) {
    CAPTURE(noise.within);
    CAPTURE(noise.between);
    CAPTURE(noise.drift);
    int with_changes = 0;
    constexpr int kPairs = 5;
    for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
      const Difference result = difference(simulated(2 * pair + 1, noise, nothing),
                                           simulated(2 * pair + 2, noise, nothing), 0.03);
      REQUIRE(result.changes.size() == 200);
      with_changes += result.count(Verdict::unchanged) < 200 ? 1 : 0;
    }
    CHECK(with_changes <= 1);
  }
}

TEST_CASE("difference: a slower kernel is found and named, whatever the drift") {
  for (std::uint64_t seed = 1; seed <= 2; ++seed) {
    const Noise noise{.drift = 0.02};
    const auto slower = [](int i) { return i % 10 == 4 || i % 10 == 7 ? 1.3 : 1; };
    const Difference result =
        difference(simulated(seed, noise, nothing), simulated(seed + 50, noise, slower), 0.03);
    CHECK(result.is_worse());
    CHECK(result.count(Verdict::worse) >= 34);  // of 40
    CHECK(result.count(Verdict::better) <= 2);
    CHECK(result.changes.front().verdict == Verdict::worse);
    CHECK(result.changes.front().size() >= result.changes[1].size());
    CHECK(result.shared.empty());  // two kernels, neither in most of them

    const auto one = [](int i) { return i % 10 == 4 ? 1.3 : 1; };
    const Difference named =
        difference(simulated(seed, noise, nothing), simulated(seed + 50, noise, one), 0.03);
    REQUIRE(named.shared.size() == 1);
    CHECK(named.shared[0].name == "kernel4");
    CHECK(named.shared[0].slower >= 16);
  }
}

TEST_CASE("difference: if everything is slower, or half of it, that is said") {
  const Noise noise;
  const auto all = [](int) { return 1.2; };
  const Difference whole = difference(simulated(1, noise, nothing), simulated(2, noise, all), 0.03);
  CHECK(whole.count(Verdict::worse) >= 180);
  const auto half = [](int i) { return i % 10 < 5 ? 1.3 : 1; };
  const Difference some = difference(simulated(1, noise, nothing), simulated(2, noise, half), 0.03);
  CHECK(some.count(Verdict::worse) >= 85);
  CHECK(some.count(Verdict::worse) <= 110);
  CHECK(difference(simulated(2, noise, half), simulated(1, noise, nothing), 0.03)
            .count(Verdict::better) >= 85);
}

TEST_CASE("difference: a threshold above the change hides it") {
  const auto slower = [](int i) { return i == 8 ? 1.3 : 1; };
  const Noise noise{.within = 0.01, .between = 0};
  const Comparison a = simulated(1, noise, nothing);
  const Comparison b = simulated(2, noise, slower);
  const Difference found = difference(a, b, 0.03);
  REQUIRE(found.count(Verdict::worse) == 1);
  CHECK(found.changes[0].after.key == "layers/8");
  CHECK(found.changes[0].ratio > 1.2);
  CHECK(found.changes[0].low > 1);
  CHECK(!difference(a, b, 0.5).is_worse());
}

Measurement plain(const char* key, const char* group, double value, double low, double high) {
  Measurement m{.key = key, .group = group, .subject = key, .quantity = "q", .unit = "u"};
  m.lower_is_better = true;
  m.value = value;
  m.low = low;
  m.high = high;
  return m;
}

Measurement broken(const char* key, bool failed) {
  Measurement m{.key = key, .group = "kernels", .subject = key, .quantity = "q", .unit = "u"};
  m.lower_is_better = true;
  m.problem = "no luck";
  m.failed = failed;
  return m;
}

Verdict verdict_of(const Measurement& before, const Measurement& after) {
  Comparison a = file_of({"one"});
  Comparison b = a;
  a.measurements.push_back(before);
  b.measurements.push_back(after);
  const Difference result = difference(a, b, 0.03);
  REQUIRE(result.changes.size() == 1);
  return result.changes[0].verdict;
}

TEST_CASE("difference: quantities that do not show their noise") {
  const auto memory = [](double value) { return plain("m", "memory", value, value, value); };
  CHECK(verdict_of(memory(100), memory(102)) == Verdict::unchanged);
  CHECK(verdict_of(memory(100), memory(104)) == Verdict::worse);
  CHECK(verdict_of(memory(104), memory(100)) == Verdict::better);
  CHECK(verdict_of(memory(0), memory(100)) == Verdict::worse);
  CHECK(verdict_of(memory(0), memory(0)) == Verdict::unchanged);
  const auto compile = [](double value, double high) {
    return plain("c", "compile", value, value, high);
  };
  CHECK(verdict_of(compile(10, 10), compile(14, 14)) == Verdict::unchanged);
  CHECK(verdict_of(compile(10, 10), compile(16, 16)) == Verdict::worse);
  CHECK(verdict_of(compile(10, 17), compile(16, 16)) == Verdict::unchanged);
}

TEST_CASE("difference: problems come and go") {
  const Measurement works = plain("k", "kernels", 1, 1, 1);
  CHECK(verdict_of(works, broken("k", true)) == Verdict::problem);
  CHECK(verdict_of(works, broken("k", false)) == Verdict::problem);
  CHECK(verdict_of(broken("k", false), broken("k", true)) == Verdict::problem);
  CHECK(verdict_of(broken("k", true), broken("k", true)) == Verdict::unchanged);
  CHECK(verdict_of(broken("k", true), works) == Verdict::solved);

  Comparison a = file_of({"one"});
  Comparison b = a;
  a.measurements = {works};
  b.measurements = {broken("k", false)};
  CHECK(!difference(a, b, 0.03).is_worse());  // a limit, not an error
  b.measurements = {broken("k", true)};
  CHECK(difference(a, b, 0.03).is_worse());
  b.measurements = {works, broken("new", true)};
  const Difference result = difference(a, b, 0.03);
  CHECK(result.is_worse());
  REQUIRE(result.only_after.size() == 1);
  CHECK(result.only_after[0].measurement.key == "new");
}

TEST_CASE("difference: devices are paired by name, the only ones by position") {
  Comparison a = file_of({"one", "two"});
  Comparison b = file_of({"two", "three"});
  a.measurements = {plain("m", "memory", 1, 1, 1), plain("m", "memory", 2, 2, 2)};
  a.measurements[1].device = 1;
  b.measurements = {plain("m", "memory", 2, 2, 2), plain("m", "memory", 9, 9, 9)};
  b.measurements[1].device = 1;
  const Difference result = difference(a, b, 0.03);
  REQUIRE(result.devices.size() == 1);
  CHECK(result.devices[0].name == "two");
  CHECK(result.count(Verdict::unchanged) == 1);
  CHECK(result.only_before.size() == 1);
  CHECK(result.only_after.size() == 1);

  const Difference alone = difference(file_of({"one"}), file_of({"other"}), 0.03);
  CHECK(alone.devices.at(0).by_position);
  REQUIRE(alone.notes.size() == 1);
  CHECK(alone.notes[0].find("one (P) in A, other (P) in B") != std::string::npos);
  CHECK_THROWS_AS(difference(a, file_of({"three"}), 0.03), ArgumentError);
}

TEST_CASE("difference: another unit is another quantity") {
  Comparison a = file_of({"one"});
  Comparison b = a;
  a.measurements = {plain("m", "memory", 1, 1, 1)};
  b.measurements = a.measurements;
  b.measurements[0].unit = "other";
  const Difference result = difference(a, b, 0.03);
  CHECK(result.changes.empty());
  CHECK(result.only_before.size() == 1);
  CHECK(result.only_after.size() == 1);
}

TEST_CASE("significance: Student's t as in tables") {
  const double table[][2] = {{1, 12.706}, {2, 4.303},  {3, 3.182},   {5, 2.571},
                             {10, 2.228}, {30, 2.042}, {2000, 1.960}};
  for (const auto& [degrees, t] : table) {
    CAPTURE(degrees);
    CHECK(two_sided_p(t, degrees) == doctest::Approx(0.05).epsilon(0.002));
    CHECK(two_sided_p(-t, degrees) == two_sided_p(t, degrees));
  }
  CHECK(two_sided_p(0, 4) == 1);
  CHECK(satterthwaite(std::vector<double>{1, 1}, std::vector<double>{5, 5}) == doctest::Approx(10));
}

TEST_CASE("significance: the example of Benjamini and Hochberg") {
  const std::vector<double> p = {0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
                                 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0};
  const std::vector<bool> found = significant(p, 0.05);
  for (std::size_t i = 0; i < p.size(); ++i) CHECK(found[i] == (i < 4));
  CHECK(significant({}, 0.05).empty());
}

}  // namespace
}  // namespace pinnacle::bench
