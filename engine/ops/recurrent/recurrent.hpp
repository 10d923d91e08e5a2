// What the variants of lstm, gru and rnn share: sizes and options of a recurrence, and the arguments
// that their kernels take in common.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <pinnacle/op.hpp>
#include <string>
#include <vector>

namespace pinnacle {

enum class Cell { rnn, lstm, gru };

// Inputs by position; those from kLengths on may be absent, but for the lstm's c0.
namespace recurrent_input {
constexpr std::size_t kProducts = 0;   ///< [steps, batch, directions * gates * hidden]
constexpr std::size_t kWeights = 1;    ///< [directions, hidden, gates * hidden]
constexpr std::size_t kHidden = 2;     ///< [directions, batch, hidden]
constexpr std::size_t kLengths = 3;    ///< i32[batch]
constexpr std::size_t kCell = 4;       ///< lstm: [directions, batch, hidden]
constexpr std::size_t kBias = 4;       ///< gru: [directions, hidden]
constexpr std::size_t kPeepholes = 5;  ///< lstm: [directions, 3 * hidden], of gates i, o, f
}  // namespace recurrent_input

struct Recurrence {
  Cell cell = Cell::rnn;
  std::int64_t steps = 1, batch = 1, directions = 1, hidden = 1, gates = 1;
  int first_backward = 1;  ///< directions from here on run from the last step to the first
  bool has_lengths = false;
  bool has_peepholes = false;
  bool has_bias = false;      ///< of the gru's hidden gate, inside of the reset
  bool input_forget = false;  ///< lstm: the forget gate is 1 - the input gate
  bool linear_before_reset = false;
  std::optional<double> clip;
  /// Pointwise expressions: per direction f, g and h, as many as the cell has.
  std::vector<std::string> activations;

  std::size_t activations_each() const {
    return cell == Cell::lstm ? 3 : cell == Cell::gru ? 2 : 1;
  }
  /// The gru's products with the reset state need the reset gates of all units first.
  bool has_two_phases() const { return cell == Cell::gru && !linear_before_reset; }
};

/// throws ShapeError
Recurrence recurrence_of(const OpView& op);

/// All steps in one call.
Variant recurrent_sequence();

}  // namespace pinnacle
