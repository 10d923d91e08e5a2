// Cases of lstm, gru and rnn: directions, several rows, lengths, each option, odd activations.
// SPDX-License-Identifier: Apache-2.0
#include "ops/op_case.hpp"

namespace pinnacle::test {
namespace {

struct Sizes {
  std::int64_t steps, batch, hidden;
  const char* direction = "forward";
  std::vector<std::int32_t> lengths = {};
  bool fifth = false, sixth = false;  // the gru's bias; the lstm's peepholes
};

OpCase recurrent_case(const char* op, const char* name, const Sizes& s,
                      Attributes attributes = {}) {
  const bool lstm = std::string_view(op) == "lstm";
  const std::int64_t directions = std::string_view(s.direction) == "bidirectional" ? 2 : 1;
  const std::int64_t width = s.hidden * (lstm ? 4 : std::string_view(op) == "gru" ? 3 : 1);
  const Shape state = {directions, s.batch, s.hidden};
  attributes.set("direction", std::string(s.direction));
  OpCase c = {.op = op,
              .name = name,
              .in = {f32({s.steps, s.batch, directions * width}),
                     f32({directions, s.hidden, width}), f32(state)},
              .attributes = std::move(attributes),
              .low = -0.7,
              .high = 0.7,
              .tolerance = 2e-5,
              .gradient = false};
  if (s.lengths.empty()) {
    if (lstm || s.fifth) c.absent.push_back(3);
  } else {
    c.in.push_back(i32({s.batch}));
    c.int_high = s.steps + 1;
  }
  if (lstm) c.in.push_back(f32(state));
  if (s.fifth) c.in.push_back(f32({directions, s.hidden}));
  if (s.sixth) c.in.push_back(f32({directions, 3 * s.hidden}));
  return c;
}

}  // namespace

std::vector<OpCase> recurrent_cases() {
  const std::vector<std::int32_t> lengths = {1};  // drawn at random
  return {
      recurrent_case("lstm", "one", {1, 1, 1}),
      recurrent_case("lstm", "16 units", {2, 2, 16}),
      recurrent_case("lstm", "both ways, lengths, peepholes, a clip",
                     {3, 3, 7, "bidirectional", lengths, false, true}, {{"clip", 0.5}}),
      recurrent_case("lstm", "coupled gates", {2, 1, 17, "reverse"},
                     {{"input_forget", std::int64_t{1}}}),
      recurrent_case("gru", "both ways", {2, 2, 5, "bidirectional"}),
      recurrent_case("gru", "linear before reset", {3, 2, 16, "reverse", lengths, true},
                     {{"linear_before_reset", std::int64_t{1}}}),
      recurrent_case("rnn", "33 units", {2, 1, 33}),
      recurrent_case("rnn", "scaled tanh", {3, 2, 4, "reverse", lengths},
                     {{"activations", std::string("mul(tanh(mul(x0, 0.5)), 1.5)")}}),
  };
}

}  // namespace pinnacle::test
