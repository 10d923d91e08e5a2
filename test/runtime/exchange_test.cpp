// ExchangeGroup: sums in a fixed order, moments, participants that are out of step or lost.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/exchange_group.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <functional>
#include <pinnacle/error.hpp>
#include <thread>

namespace pinnacle::test {
namespace {

using runtime::ExchangeGroup;

// task(participant) on a thread each; what they threw.
std::vector<std::exception_ptr> together(std::size_t count,
                                         const std::function<void(std::size_t)>& task) {
  std::vector<std::exception_ptr> errors(count);
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < count; ++i) {
    threads.emplace_back([&, i] {
      try {
        task(i);
      } catch (...) {
        errors[i] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return errors;
}

// Numbers whose sum depends on the order of the additions.
float number(std::size_t participant, std::size_t i) {
  return static_cast<float>(std::sin(static_cast<double>(1 + i * 7 + participant * 1000)) *
                            std::pow(10.0, static_cast<double>(i % 7)));
}

class Doubling final : public Exchange {  // another process with the same numbers
 public:
  void sum(std::string_view, std::span<const std::span<float>> parts) override {
    for (const std::span<float>& part : parts) {
      for (float& x : part) x *= 2;
    }
  }
  void moments(std::string_view, std::span<float>, std::span<float>, double share) override {
    shares += share;
  }
  double shares = 0;
};

}  // namespace

TEST_CASE("exchange group: sums are those in the participants' order, for all and each time") {
  for (const std::size_t count : {1u, 2u, 3u, 5u}) {
    CAPTURE(count);
    const std::array<std::size_t, 3> sizes = {1, 5000, 37};
    std::vector<std::array<std::vector<float>, 3>> numbers(count);
    const auto outer = std::make_shared<Doubling>();
    for (const bool others : {false, true}) {
      ExchangeGroup group(count, others ? outer : nullptr);
      const auto errors = together(count, [&](std::size_t p) {
        for (int round = 0; round < 20; ++round) {
          std::vector<std::span<float>> parts;
          for (std::size_t k = 0; k < sizes.size(); ++k) {
            numbers[p][k].resize(sizes[k]);
            for (std::size_t i = 0; i < sizes[k]; ++i) numbers[p][k][i] = number(p, i + k);
            parts.emplace_back(numbers[p][k]);
          }
          group.participant(p).sum("sum", parts);
        }
      });
      for (const auto& error : errors) CHECK(error == nullptr);
      for (std::size_t k = 0; k < sizes.size(); ++k) {
        for (std::size_t i = 0; i < sizes[k]; ++i) {
          float expected = number(0, i + k);
          for (std::size_t p = 1; p < count; ++p) expected += number(p, i + k);
          if (others) expected *= 2;
          for (std::size_t p = 0; p < count; ++p) REQUIRE(numbers[p][k][i] == expected);
        }
      }
    }
  }
}

TEST_CASE("exchange group: moments are those of all samples") {
  // 3, 1 and 4 samples of two channels; a fourth participant has none that count.
  const std::vector<std::vector<std::array<double, 2>>> samples = {
      {{1, 1e4}, {2, 1e4 + 1}, {3, 1e4 + 2}},
      {{10, 1e4}},
      {{0, 1e4}, {0, 1e4 + 8}, {5, 1e4}, {-1, 1e4}}};
  std::array<double, 2> mean{}, variance{};
  for (const auto& of_one : samples) {
    for (const auto& sample : of_one) {
      for (int c = 0; c < 2; ++c) mean[c] += sample[c] / 8;
    }
  }
  for (const auto& of_one : samples) {
    for (const auto& sample : of_one) {
      for (int c = 0; c < 2; ++c) variance[c] += (sample[c] - mean[c]) * (sample[c] - mean[c]) / 8;
    }
  }
  const auto outer = std::make_shared<Doubling>();
  ExchangeGroup group(4, outer);
  std::array<std::array<float, 2>, 4> means{}, variances{};
  const auto errors = together(4, [&](std::size_t p) {
    double share = 0;
    means[p] = variances[p] = {NAN, NAN};
    if (p < 3) {
      share = static_cast<double>(samples[p].size()) / 8;
      for (int c = 0; c < 2; ++c) {
        double m = 0, v = 0;
        for (const auto& sample : samples[p])
          m += sample[c] / static_cast<double>(samples[p].size());
        for (const auto& sample : samples[p]) {
          v += (sample[c] - m) * (sample[c] - m) / static_cast<double>(samples[p].size());
        }
        means[p][c] = static_cast<float>(m);
        variances[p][c] = static_cast<float>(v);
      }
    }
    group.participant(p).moments("moments", means[p], variances[p], share);
  });
  for (const auto& error : errors) CHECK(error == nullptr);
  CHECK(outer->shares == doctest::Approx(1));
  for (std::size_t p = 0; p < 4; ++p) {
    for (int c = 0; c < 2; ++c) {
      CHECK(means[p][c] == doctest::Approx(mean[c]).epsilon(1e-6));
      CHECK(variances[p][c] == doctest::Approx(variance[c]).epsilon(1e-3));
      CHECK(means[p][c] == means[0][c]);
      CHECK(variances[p][c] == variances[0][c]);
    }
  }
}

TEST_CASE("exchange group: participants that are out of step are told so") {
  ExchangeGroup group(2);
  const auto errors = together(2, [&](std::size_t p) {
    std::vector<float> numbers(p == 0 ? 3 : 4);
    const std::span<float> part = numbers;
    try {
      group.participant(p).sum(p == 0 ? "a" : "b", {&part, 1});
    } catch (const Error& error) {
      group.stop(error.what());
      throw;
    }
  });
  std::string text;
  for (const auto& error : errors) {
    REQUIRE(error != nullptr);
    try {
      std::rethrow_exception(error);
    } catch (const Error& problem) {
      text += problem.what();
    }
  }
  CHECK(text.find("\"a\" of 3 numbers") != std::string::npos);
  CHECK(text.find("\"b\" of 4") != std::string::npos);
}

TEST_CASE("exchange group: whoever waits for one that is lost learns why") {
  ExchangeGroup group(3);
  const auto errors = together(3, [&](std::size_t p) {
    if (p == 2) {
      while (!group.is_waiting(0) || !group.is_waiting(1)) std::this_thread::yield();
      group.stop("participant 2 is on fire");
      return;
    }
    float number = 1;
    const std::span<float> part(&number, 1);
    group.participant(p).sum("sum", {&part, 1});
  });
  for (const std::size_t p : {0u, 1u}) {
    REQUIRE(errors[p] != nullptr);
    CHECK_THROWS_AS(std::rethrow_exception(errors[p]), runtime::ParticipantLost);
  }
  float number = 1;
  const std::span<float> part(&number, 1);
  CHECK_THROWS_WITH_AS(group.participant(0).sum("later", {&part, 1}),
                       doctest::Contains("participant 2 is on fire"), runtime::ParticipantLost);
  const std::vector<double> waits = group.take_waits();
  CHECK(waits[0] > 0);
  CHECK(waits[2] == 0);
  CHECK(group.take_waits()[0] == 0);
}

}  // namespace pinnacle::test
