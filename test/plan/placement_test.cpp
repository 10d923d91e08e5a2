// Placements as text and JSON: what is written is read, and damage is said where it is.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <array>
#include <pinnacle/error.hpp>
#include <pinnacle/placement.hpp>

#include "test_folder.hpp"

namespace pinnacle::test {
namespace {

Placement two_stages() {
  Placement placement;
  placement.strategy = Strategy::pipeline;
  placement.predicted_us = 1234.5;
  placement.stages = {{.device = "gpu \"zero\"",
                       .first = 0,
                       .last = 7,
                       .predicted_us = 1234.5,
                       .transfer_us = 10.25,
                       .bytes = std::size_t{6} << 30,
                       .reason = "the slowest"},
                      {.device = "cpu",
                       .first = 7,
                       .last = 9,
                       .predicted_us = 900,
                       .transfer_us = 0,
                       .bytes = 100,
                       .reason = ""}};
  placement.notes = {"host is left out"};
  return placement;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("placement: what is saved is loaded") {
  const Folder folder;
  const std::filesystem::path file = folder.path() / "cut.json";
  save_placement(two_stages(), file);
  CHECK(load_placement(file) == two_stages());
  CHECK_THROWS_AS((void)load_placement(folder.path() / "none.json"), FileError);
}

TEST_CASE("placement: predictions, reasons and notes may be left out") {
  const Placement placement = parse_placement(
      R"({"format": "pinnacle placement 1", "strategy": "automatic",
          "stages": [{"device": "0", "first": 0, "last": 3}]})",
      "hand");
  CHECK(placement.strategy == Strategy::automatic);
  REQUIRE(placement.stages.size() == 1);
  CHECK(placement.stages[0].last == 3);
  CHECK(placement.stages[0].bytes == 0);
}

TEST_CASE("placement: damage is said where it is") {
  const std::string good = to_json(two_stages());
  const std::vector<std::array<std::string, 3>> damages = {
      {"pinnacle placement 1", "pinnacle placement 2", "another format"},
      {"\"pipeline\"", "\"pipe\"", "unknown strategy \"pipe\""},
      {"\"first\": 7", "\"first\": 7.5", "stage 1 has a \"first\""},
      {"\"first\": 7", "\"first\": -7", "stage 1 has a \"first\""},
      {"\"first\": 7", "\"first\": 9", "stage 1 has no nodes"},
      {"\"last\": 9", "\"last\": 1e300", "stage 1 has a \"last\""},
      {"\"last\": 9", "\"last\": 1e999", "is no JSON"},
      {"\"last\": 9", "\"lost\": 9", "stage 1 lacks \"last\""},
      {"\"bytes\": 100", "\"bites\": 100", "stage 1 has an unknown \"bites\""},
      {"\"bytes\": 100", "\"bytes\": -1", "stage 1 has a \"bytes\""},
      {"\"cpu\"", "\"\"", "stage 1 has an empty \"device\""},
      {"\"cpu\"", "3", "stage 1 has a \"device\" that is no text"},
      {"\"stages\"", "\"parts\"", "lacks \"stages\""},
      {"\"host is left out\"", "3", "a note that is no text"},
      {"\"notes\"", "\"note\"", "unknown \"note\""},
      {"{", "", "is no JSON"},
  };
  for (const auto& [from, to, message] : damages) {
    CAPTURE(message);
    try {
      (void)parse_placement(replaced(good, from, to), "cut.json");
      FAIL("no error");
    } catch (const ParseError& error) {
      CHECK(error.where() == "cut.json");
      CHECK_MESSAGE(std::string(error.what()).find(message) != std::string::npos, error.what());
    }
  }
  CHECK_THROWS_AS((void)parse_placement("", "cut.json"), ParseError);
  CHECK_THROWS_AS((void)parse_placement("[]", "cut.json"), ParseError);
  CHECK_THROWS_AS((void)parse_placement(std::string(1 << 16, '['), "cut.json"), ParseError);
}

TEST_CASE("placement: the text tells stages, times and notes") {
  const std::string text = fmt::format("{}", two_stages());
  for (const char* part : {"pipeline over 2 stages", "810.0 runs/s", "nodes 0 to 6 on gpu \"zero\"",
                           "6.00 GiB", "the slowest", "host is left out"}) {
    CHECK_MESSAGE(text.find(part) != std::string::npos, text);
  }
}

}  // namespace pinnacle::test
