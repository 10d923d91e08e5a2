// Placement: which device runs which part of a network, and what that was predicted to take. Plain
// data that is printed, saved as JSON, edited by hand and loaded again.
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle {

/// How several devices share work.
enum class Strategy : std::uint8_t {
  automatic,  ///< what is predicted to be fastest
  data,       ///< each device runs the whole network on a part of the batch
  pipeline,   ///< each device runs a part of the network, on one batch after the other
  hybrid,     ///< groups of devices form a pipeline, and share the batch within
};
std::string_view to_string(Strategy strategy);

/// One device's part.
struct Stage {
  std::string device;  ///< its name among the devices; see device_labels() in pipeline.hpp
  int first = 0;       ///< the nodes [first, last) of the graph, as it was before the passes
  int last = 0;
  double predicted_us = 0;  ///< of one run, transfers among it
  double transfer_us = 0;   ///< of moving values into this stage and out of it
  std::size_t bytes = 0;    ///< memory on the device
  std::string reason;
  bool operator==(const Stage&) const = default;
};

/// One device's part of every batch, with Strategy::data.
struct BatchShare {
  std::string device;   ///< its name among the devices, or "NAME part I" for a part of a CPU
  double share = 0;     ///< of the samples; in proportion to the others' shares
  double alone_us = 0;  ///< of a step of the whole batch on this device alone, measured; 0: not
  std::string reason;
  bool operator==(const BatchShare&) const = default;
};

/// Stages or shares, as the strategy says.
struct Placement {
  Strategy strategy = Strategy::automatic;
  std::vector<Stage> stages;
  std::vector<BatchShare> shares;
  double predicted_us = 0;         ///< time from one result or step to the next in steady state
  std::vector<std::string> notes;  ///< devices left out, and why
  bool operator==(const Placement&) const = default;
};

/// A line per stage or share, then the notes.
std::string to_text(const Placement& placement);
/// What save_placement() writes.
std::string to_json(const Placement& placement);
/// throws   ParseError, `where` being `name`, if the text is not exactly such a file. What was
///          predicted, the reasons and the notes may be left out.
Placement parse_placement(std::string_view text, const std::string& name);

/// Written atomically. throws FileError
void save_placement(const Placement& placement, const std::filesystem::path& file);
/// throws   FileError; ParseError as parse_placement()
Placement load_placement(const std::filesystem::path& file);

}  // namespace pinnacle

template <>
struct fmt::formatter<pinnacle::Placement> : fmt::formatter<std::string> {
  auto format(const pinnacle::Placement& placement, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(pinnacle::to_text(placement), context);
  }
};
