// Placements as text and as JSON.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/placement.hpp>

#include <array>
#include <cmath>
#include <utility>

#include "base/files.hpp"
#include "base/json_reader.hpp"
#include "base/text.hpp"

namespace pinnacle {
namespace {

constexpr const char* kFormat = "pinnacle placement 1";
constexpr const char* kHint = "correct it, or let pinnacle-bench place --save write it anew";
constexpr std::size_t kMostBytes = 16 << 20;
constexpr std::size_t kMostStages = 1024;
constexpr int kMostNodes = 1'000'000'000;

constexpr std::array<std::pair<Strategy, std::string_view>, 4> kStrategies = {{
    {Strategy::automatic, "automatic"},
    {Strategy::data, "data"},
    {Strategy::pipeline, "pipeline"},
    {Strategy::hybrid, "hybrid"},
}};

Strategy read_strategy(const JsonReader& from) {
  const std::string word = from.text("strategy");
  for (const auto& [strategy, name] : kStrategies) {
    if (name == word) return strategy;
  }
  from.fail(
      fmt::format("has an unknown strategy \"{}\"; there are automatic, data, pipeline and hybrid",
                  word.substr(0, 40)));
}

Stage read_stage(const JsonReader& from) {
  Stage stage;
  stage.device = from.text("device");
  if (stage.device.empty()) from.fail("has an empty \"device\"");
  stage.first = from.integer("first", 0, kMostNodes);
  stage.last = from.integer("last", 0, kMostNodes);
  if (stage.last <= stage.first) {
    from.fail(
        fmt::format("has no nodes: \"first\" is {}, \"last\" is {}", stage.first, stage.last));
  }
  if (from.has("predicted us")) stage.predicted_us = from.amount("predicted us");
  if (from.has("transfer us")) stage.transfer_us = from.amount("transfer us");
  if (from.has("bytes")) stage.bytes = static_cast<std::size_t>(from.amount("bytes"));
  if (from.has("reason")) stage.reason = from.text("reason");
  from.only({"device", "first", "last", "predicted us", "transfer us", "bytes", "reason"});
  return stage;
}

double rounded(double us) { return std::round(1e3 * us) / 1e3; }

BatchShare read_share(const JsonReader& from) {
  BatchShare share;
  share.device = from.text("device");
  share.share = from.positive("share");
  if (from.has("alone us")) share.alone_us = from.amount("alone us");
  if (from.has("reason")) share.reason = from.text("reason");
  from.only({"device", "share", "alone us", "reason"});
  return share;
}

}  // namespace

std::string_view to_string(Strategy strategy) {
  for (const auto& [known, name] : kStrategies) {
    if (known == strategy) return name;
  }
  return "?";
}

std::string to_text(const Placement& placement) {
  const bool shares = placement.strategy == Strategy::data;
  const std::size_t count = shares ? placement.shares.size() : placement.stages.size();
  std::string text = fmt::format("{} over {} {}{}", to_string(placement.strategy), count,
                                 shares ? "device" : "stage", count == 1 ? "" : "s");
  if (placement.predicted_us > 0) {
    text +=
        fmt::format(", predicted {:.1f} us a {}, {:.1f} {}s/s", placement.predicted_us,
                    shares ? "step" : "run", 1e6 / placement.predicted_us, shares ? "step" : "run");
  }
  text += "\n";
  for (std::size_t i = 0; i < placement.stages.size(); ++i) {
    const Stage& stage = placement.stages[i];
    text += fmt::format("  stage {}: nodes {} to {} on {}: {:.1f} us, {:.1f} of it transfers; {}",
                        i, stage.first, stage.last - 1, stage.device, stage.predicted_us,
                        stage.transfer_us, human_bytes(static_cast<double>(stage.bytes)));
    text += stage.reason.empty() ? "\n" : fmt::format("\n    {}\n", stage.reason);
  }
  for (const BatchShare& share : placement.shares) {
    text += fmt::format("  {:.3g} of each batch on {}{}\n", share.share, share.device,
                        share.reason.empty() ? "" : ": " + share.reason);
  }
  for (const std::string& note : placement.notes) text += fmt::format("  {}\n", note);
  return text;
}

std::string to_json(const Placement& placement) {
  Json json = {{"format", kFormat},
               {"strategy", std::string(to_string(placement.strategy))},
               {"predicted us", rounded(placement.predicted_us)},
               {"stages", Json::array()},
               {"shares", Json::array()},
               {"notes", placement.notes}};
  for (const BatchShare& share : placement.shares) {
    json["shares"].push_back({{"device", share.device},
                              {"share", share.share},
                              {"alone us", rounded(share.alone_us)},
                              {"reason", share.reason}});
  }
  for (const Stage& stage : placement.stages) {
    json["stages"].push_back({{"device", stage.device},
                              {"first", stage.first},
                              {"last", stage.last},
                              {"predicted us", rounded(stage.predicted_us)},
                              {"transfer us", rounded(stage.transfer_us)},
                              {"bytes", stage.bytes},
                              {"reason", stage.reason}});
  }
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

Placement parse_placement(std::string_view text, const std::string& name) {
  const Json json = parse_json(text, kMostBytes, "a placement", name, kHint);
  const JsonReader top(json, name, "the file", kHint);
  if (top.text("format") != kFormat) {
    top.fail(fmt::format("is of another format than \"{}\"", kFormat));
  }
  Placement placement;
  placement.strategy = read_strategy(top);
  if (top.has("predicted us")) placement.predicted_us = top.amount("predicted us");
  const bool shares = placement.strategy == Strategy::data;
  const char* const key = shares ? "shares" : "stages";
  const Json& parts = top.member(key);
  if (!parts.is_array() || parts.empty() || parts.size() > kMostStages) {
    top.fail(fmt::format("has no sensible list of \"{}\"", key));
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const JsonReader part(parts[i], name, fmt::format("{} {}", shares ? "share" : "stage", i),
                          kHint);
    if (shares) {
      placement.shares.push_back(read_share(part));
    } else {
      placement.stages.push_back(read_stage(part));
    }
  }
  const char* const other = shares ? "stages" : "shares";
  if (top.has(other) && !top.member(other).empty()) {
    top.fail(fmt::format("has \"{}\", which the strategy {} does not know", other,
                         to_string(placement.strategy)));
  }
  if (top.has("notes")) {
    const Json& notes = top.member("notes");
    if (!notes.is_array()) top.fail("has \"notes\" that are no list");
    for (const Json& note : notes) {
      if (!note.is_string()) top.fail("has a note that is no text");
      placement.notes.push_back(note.get<std::string>());
    }
  }
  top.only({"format", "strategy", "predicted us", "stages", "shares", "notes"});
  return placement;
}

void save_placement(const Placement& placement, const std::filesystem::path& file) {
  write_file_atomically(file, to_json(placement));
}

Placement load_placement(const std::filesystem::path& file) {
  return parse_placement(read_file(file), file.string());
}

}  // namespace pinnacle
