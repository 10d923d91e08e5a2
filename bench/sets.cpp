// pinnacle-bench ops --set: sets of shapes, next to the peak of the device and to other libraries,
// all of them in turns.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/session.hpp>

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <memory>
#include <optional>
#include <span>

#include "base/random.hpp"
#include "base/text.hpp"
#include "bench/clblast.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/peak.hpp"
#include "bench/peers/peers.hpp"
#include "bench/shape_sets.hpp"
#include "bench/summary.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/workloads.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kTolerance = 1e-3;  // of the largest value, against a peer
constexpr double kBusy = 0.75;       // of the peak that was measured before
constexpr const char* kClblast = "clblast";

struct PeerTime {
  std::string name;
  double ms = 0;
};

struct Row {
  const ShapeCase* c = nullptr;
  std::string variant;
  std::string problem;  // declined or an error: then there are no numbers
  bool failed = false;
  double ms = 0;
  double gflops = 0;
  double peak_gflops = 0;  // measured beside it
  double gbs = 0;
  double copy_gbs = 0;  // likewise, of a copy of the same size; 0: arithmetic is the limit
  std::vector<PeerTime> peers;
  std::optional<double> difference;  // from a peer's result, relative to the largest value

  bool is_wrong() const { return difference && !(*difference <= kTolerance); }
  double of_copy() const { return copy_gbs > 0 ? gbs / copy_gbs : 0; }
  double best_peer_ms() const {
    double best = 0;
    for (const PeerTime& peer : peers) best = best == 0 ? peer.ms : std::min(best, peer.ms);
    return best;
  }
};

// ---- Which cases and peers ---------------------------------------------------------------------

bool has_variant(const std::string& op, const std::string& name) {
  const std::vector<Variant>& variants = find_op(op).variants;
  return std::any_of(variants.begin(), variants.end(),
                     [&name](const Variant& variant) { return variant.name == name; });
}

std::vector<ShapeCase> chosen_cases(const SetOptions& options) {
  std::vector<ShapeCase> cases = shape_cases(options.sets, parse_passes(options.pass),
                                             parse_batches(options.batches, "--batch"));
  const std::string wanted = lower_case(options.filter);
  std::erase_if(cases, [&wanted](const ShapeCase& c) {
    return lower_case(c.op + ' ' + c.shape).find(wanted) == std::string::npos;
  });
  if (cases.empty()) {
    throw ArgumentError(
        fmt::format("no shape of {} has \"{}\" in its name", options.sets, options.filter),
        "--filter", "without it the table lists them");
  }
  if (!options.variant.empty()) {
    std::erase_if(cases, [&](const ShapeCase& c) { return !has_variant(c.op, options.variant); });
    if (cases.empty()) {
      throw ArgumentError(
          fmt::format("no op of {} has a variant \"{}\"", options.sets, options.variant),
          "--variant", "pinnacle-bench ops --all-variants lists them");
    }
  }
  return cases;
}

// throws ArgumentError for a name that no peer has, or if it is not built in
std::vector<std::string> chosen_peers(const SetOptions& options) {
  if (!options.peers) return {};
  const std::vector<std::string> known = {"onednn", "openblas", kClblast};
  std::vector<std::string> names;
  for (const std::string& word : split(*options.peers, ',')) {
    const std::string name = trim(word);
    if (name.empty()) continue;
    if (std::find(known.begin(), known.end(), name) == known.end()) {
      const std::string near = suggestion(name, known);
      throw ArgumentError(
          fmt::format("there is no peer \"{}\"", name), "--peers",
          near.empty() ? fmt::format("there are: {}", fmt::join(known, ", ")) : near);
    }
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
  }
  if (names.empty()) names = known;
  if (names != std::vector<std::string>{kClblast}) check_peers_built();
  return names;
}

// oneDNN and OpenBLAS run on the processor: next to another device they say nothing.
std::vector<std::string> peers_beside(const Device& device, std::vector<std::string> names) {
  if (names.empty() || device.kind() == DeviceKind::cpu) return names;
  std::erase_if(names, [](const std::string& name) { return name != kClblast; });
  if (names.empty()) {
    throw ArgumentError("oneDNN and OpenBLAS run on the processor; the device is another one",
                        "--peers", "choose a device with --device cpu");
  }
  return names;
}

// ---- One case ----------------------------------------------------------------------------------

std::vector<Tensor> random_inputs(const ShapeCase& c) {
  std::vector<Tensor> inputs;
  for (std::size_t i = 0; i < c.in.size(); ++i) {
    Random random(7, i);
    Tensor tensor(c.in[i].shape, c.in[i].dtype);
    if (c.in[i].dtype == DType::i32) {  // labels
      for (std::int32_t& v : tensor.i32()) v = static_cast<std::int32_t>(random.uniform(0, 10));
    } else {
      for (float& v : tensor.f32()) v = static_cast<float>(random.uniform(c.low, c.high));
    }
    inputs.push_back(std::move(tensor));
  }
  if (c.op == "max_pool2d_backward") {  // it looks for y in x
    const ShapeCase forward{.set = c.set,
                            .shape = c.shape,
                            .op = "max_pool2d",
                            .in = {c.in[0]},
                            .attributes = c.attributes};
    const Graph graph = shape_graph(forward, {});
    const std::vector<Array> x = {to_array(inputs[0])};
    inputs[1] = to_tensor(
        find_op("max_pool2d").reference(view(graph, graph.nodes.front()), x).front(), DType::f32);
  }
  return inputs;
}

// [N, C, H, W] <-> [N, ceil(C / B), H, W, B]: as `to` has it; the same shape: the same tensor.
Tensor in_layout(const Tensor& from, const Shape& to) {
  if (from.shape() == to) return from;
  const bool block = to.rank() == 5;
  const Shape& blocked = block ? to : from.shape();
  const Shape& rows = block ? from.shape() : to;
  Tensor result(to);
  const std::span<const float> source = from.f32();
  const std::span<float> target = result.f32();
  const std::int64_t plane = rows[2] * rows[3];
  const std::int64_t lanes = blocked[4];
  for (std::int64_t n = 0; n < rows[0]; ++n) {
    for (std::int64_t ch = 0; ch < rows[1]; ++ch) {
      auto at_rows = static_cast<std::size_t>((n * rows[1] + ch) * plane);
      auto at_blocked =
          static_cast<std::size_t>((n * blocked[1] + ch / lanes) * plane * lanes + ch % lanes);
      for (std::int64_t i = 0; i < plane; ++i) {
        target[block ? at_blocked : at_rows] = source[block ? at_rows : at_blocked];
        at_rows += 1;
        at_blocked += static_cast<std::size_t>(lanes);
      }
    }
  }
  return result;
}

double relative_difference(const Tensor& got, const Tensor& wanted) {
  const std::span<const float> a = got.f32();
  const std::span<const float> b = wanted.f32();
  double worst = 0;
  double scale = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (std::isnan(difference)) return difference;
    worst = std::max(worst, difference);
    scale = std::max(scale, std::abs(static_cast<double>(b[i])));
  }
  return worst / std::max(scale, 1e-30);
}

// Tensors of ours, of a peer and on the host take several times what the op itself does.
// throws MemoryError before they take the machine's last memory
void check_memory(const ShapeCase& c) {
  const double needed = 5 * shape_cost(c).bytes;
  const double there =
      static_cast<double>(::sysconf(_SC_PHYS_PAGES)) * static_cast<double>(::sysconf(_SC_PAGESIZE));
  if (needed > 0.7 * there) {
    throw MemoryError("too large for this machine", "", static_cast<std::size_t>(needed),
                      static_cast<std::size_t>(there), "choose a smaller --batch");
  }
}

class Bench {
 public:
  Bench(Device device, const SetOptions& options, std::vector<std::string> peers)
      : device_(std::move(device)),
        options_(options),
        peers_(std::move(peers)),
        peak_(peak_run(device_)) {}

  Row measure(const ShapeCase& c) {
    Row row{.c = &c, .variant = options_.variant, .problem = {}, .peers = {}, .difference = {}};
    try {
      measure(c, row);
    } catch (const Error& error) {
      row.problem = error.what();
      row.failed = true;
    }
    return row;
  }

 private:
  void measure(const ShapeCase& c, Row& row) {
    check_memory(c);
    const std::vector<Tensor> inputs = random_inputs(c);
    const Graph graph = shape_graph(c, inputs);
    const std::shared_ptr<Session> ours = session(c, graph, inputs, options_.variant);
    row.variant = variant_of(c, *ours);

    std::vector<Run> runs = {session_run(ours), peak_.run};
    const Cost cost = shape_cost(c);
    CopyRuns copies;
    if (is_memory_bound(device_.target(), cost.flop, cost.bytes)) {
      copies = copy_runs(device_, cost.bytes);
    }
    for (const Run& run : copies.runs) runs.push_back(run);
    const std::size_t first_peer = runs.size();
    std::vector<Peer> peers = make_peers(c, inputs, peers_);
    for (const Peer& peer : peers) {
      runs.push_back(peer.run);
      row.peers.push_back({peer.name});
    }
    const bool with_clblast = std::find(peers_.begin(), peers_.end(), kClblast) != peers_.end();
    if (with_clblast && c.op == "matmul" && has_clblast()) {
      runs.push_back(session_run(session(c, by_clblast(graph), inputs, "")));
      row.peers.push_back({kClblast});
    }
    const std::vector<Timing> timings = time_interleaved(runs, {.seconds = options_.seconds});
    row.ms = 1e3 * timings[0].seconds;
    row.gflops = 1e-9 * cost.flop / timings[0].seconds;
    row.gbs = 1e-9 * cost.bytes / timings[0].seconds;
    row.peak_gflops = 1e-9 * peak_.flop / timings[1].seconds;
    for (std::size_t i = 2; i < first_peer; ++i) {
      row.copy_gbs = std::max(row.copy_gbs, 1e-9 * copies.bytes / timings[i].seconds);
    }
    for (std::size_t i = 0; i < row.peers.size(); ++i) {
      row.peers[i].ms = 1e3 * timings[first_peer + i].seconds;
    }
    if (peers.empty()) return;
    const Tensor wanted = peers.front().result();
    const GraphValue& output = ours->graph().value(ours->graph().outputs.front());
    const Tensor got = in_layout(ours->read(output.name), wanted.shape());
    row.difference = relative_difference(got, wanted);
    row.failed = row.is_wrong();
  }

  std::shared_ptr<Session> session(const ShapeCase& c, const Graph& graph,
                                   const std::vector<Tensor>& inputs, const std::string& variant) {
    CompileOptions compile_options{
        .variants = {}, .without_passes = {}, .free_ports = c.free_ports};
    if (!variant.empty()) compile_options.variants[c.op] = variant;
    auto made = std::make_shared<Session>(compile(graph, device_, compile_options));
    const Graph& compiled = made->graph();
    for (const ValueId id : compiled.inputs) {
      const GraphValue& value = compiled.value(id);
      const std::size_t i = std::stoul(value.name.substr(1));  // x0, x1, ...
      made->write(value.name, in_layout(inputs[i], value.type.shape).bytes());
    }
    return made;
  }

  // What runs: of the op itself, and in brackets if other ops run besides.
  static std::string variant_of(const ShapeCase& c, const Session& session) {
    std::string variant;
    std::size_t others = 0;
    for (const Step& step : session.plan().steps) {
      if (step.calls.empty()) continue;
      if (step.op == c.op && variant.empty()) {
        variant = step.variant;
      } else {
        ++others;
      }
    }
    if (variant.empty() && !session.plan().steps.empty()) {
      variant = session.plan().steps.back().variant;
      --others;
    }
    return others == 0 ? variant : fmt::format("{} +{}", variant, others);
  }

  Device device_;
  const SetOptions& options_;
  std::vector<std::string> peers_;
  PeakRun peak_;
};

// ---- Output ------------------------------------------------------------------------------------

std::string group_table(const std::vector<Row>& rows, const std::vector<std::string>& peers) {
  std::vector<Column> columns = {{.title = "shape", .wraps = true},
                                 {.title = "ms", .right = true, .min_width = 7},
                                 {.title = "GFLOP/s", .right = true},
                                 {.title = "variant"},
                                 {.title = "peak", .right = true, .min_width = 5}};
  const bool has_copies =
      std::any_of(rows.begin(), rows.end(), [](const Row& row) { return row.copy_gbs > 0; });
  if (has_copies) columns.push_back({.title = "copy", .right = true, .min_width = 5});
  for (const std::string& name : peers) columns.push_back({.title = name, .right = true});
  Table table(std::move(columns));
  std::string problems;
  for (const Row& row : rows) {
    if (!row.problem.empty()) {
      problems += fmt::format("{}: {}\n", row.c->shape, row.problem);
      continue;
    }
    if (row.is_wrong()) {
      problems += fmt::format("{}: WRONG, differs from {} by {:.1e}\n", row.c->shape,
                              row.peers.front().name, *row.difference);
    }
    std::vector<std::string> cells = {row.c->shape, number(row.ms), measured(row.gflops),
                                      row.variant, percent(row.gflops / row.peak_gflops)};
    if (has_copies) cells.push_back(row.copy_gbs > 0 ? percent(row.of_copy()) : "-");
    for (const std::string& name : peers) {
      const auto peer = std::find_if(row.peers.begin(), row.peers.end(),
                                     [&name](const PeerTime& p) { return p.name == name; });
      cells.push_back(peer == row.peers.end() ? "-" : fmt::format("{:.2f}", peer->ms / row.ms));
    }
    table.add(std::move(cells));
  }
  return (table.empty() ? "" : table.text()) + problems;
}

Json row_json(const Row& row, const Device& device) {
  const bool timed = row.problem.empty();
  Json json = {{"op", row.c->op},
               {"set", row.c->set},
               {"pass", std::string(to_string(row.c->pass))},
               {"shape", row.c->shape},
               {"batch", row.c->batch == 0 ? Json() : Json(row.c->batch)},
               {"count", row.c->count},
               {"device", device.name()},
               {"variant", row.variant}};
  json["ms"] = timed ? Json(row.ms) : Json();
  json["gflops"] = timed ? Json(row.gflops) : Json();
  json["peak_gflops"] = timed ? Json(row.peak_gflops) : Json();
  json["peak_fraction"] = timed ? Json(row.gflops / row.peak_gflops) : Json();
  json["gbs"] = timed ? Json(row.gbs) : Json();
  json["copy_gbs"] = timed && row.copy_gbs > 0 ? Json(row.copy_gbs) : Json();
  json["copy_fraction"] = timed && row.copy_gbs > 0 ? Json(row.of_copy()) : Json();
  json["peers"] = Json::object();
  for (const PeerTime& peer : row.peers) {
    if (timed) json["peers"][peer.name] = {{"ms", peer.ms}, {"ratio", peer.ms / row.ms}};
  }
  json["difference"] = row.difference ? Json(*row.difference) : Json();
  if (!timed) json["problem"] = row.problem;
  if (row.is_wrong()) json["problem"] = "WRONG";
  return json;
}

// Each shape counts for its table and then, all batches together, for its set and pass.
std::vector<Compared> compared(const std::vector<Row>& rows) {
  std::vector<Compared> by_table;
  std::vector<Compared> by_set;
  for (const Row& row : rows) {
    if (!row.problem.empty() || row.peers.empty()) continue;
    by_table.push_back({.group = group_name(*row.c),
                        .ms = row.ms,
                        .peer_ms = row.best_peer_ms(),
                        .count = row.c->count});
    if (row.c->batch == 0) continue;  // the same name
    by_set.push_back(by_table.back());
    by_set.back().group = whole_group_name(*row.c);
  }
  by_table.insert(by_table.end(), by_set.begin(), by_set.end());
  return by_table;
}

// All that would only repeat a line: a set with one batch.
bool is_repeated(const Summary& whole, const std::vector<Summary>& all) {
  return std::any_of(all.begin(), all.end(), [&whole](const Summary& s) {
    return s.group.rfind(whole.group + ",", 0) == 0 && s.shapes == whole.shapes;
  });
}

std::string summary_table(const std::vector<Summary>& summaries) {
  Table table({{.title = "next to the best peer", .wraps = true},
               {.title = "shapes", .right = true},
               {.title = "geomean", .right = true},
               {.title = "min", .right = true},
               {.title = "all layers", .right = true}});
  for (const Summary& s : summaries) {
    if (is_repeated(s, summaries)) continue;
    table.add({s.group, std::to_string(s.shapes), fmt::format("{:.2f}", s.geomean),
               fmt::format("{:.2f}", s.min), fmt::format("{:.2f}", s.total)});
  }
  return table.text();
}

std::string summary_line(const Summary& s) {
  return fmt::format("next to the best peer: geomean {:.2f}, min {:.2f}, all layers {:.2f}\n",
                     s.geomean, s.min, s.total);
}

Json summary_json(const std::vector<Summary>& summaries) {
  Json json = Json::object();
  for (const Summary& s : summaries) {
    json[s.group] = {
        {"shapes", s.shapes}, {"geomean", s.geomean}, {"min", s.min}, {"total", s.total}};
  }
  return json;
}

// Rows limited by memory that neither come near a copy of the same size nor near the best peer.
std::string slow_line(const std::vector<Row>& rows) {
  constexpr double kOfCopy = 0.8;
  constexpr double kOfPeer = 0.9;
  std::vector<std::string> slow;
  for (const Row& row : rows) {
    if (row.copy_gbs == 0 || row.of_copy() >= kOfCopy) continue;
    if (!row.peers.empty() && row.best_peer_ms() >= kOfPeer * row.ms) continue;
    slow.push_back(row.c->shape);
  }
  if (slow.empty()) return "";
  return fmt::format("slower than {:.0f} % of a copy and {} of the best peer: {}\n", 100 * kOfCopy,
                     kOfPeer, fmt::join(slow, "; "));
}

// Heading, table, problems and what it comes to.
std::string group_text(const std::string& group, const std::vector<Row>& rows,
                       const std::vector<std::string>& peers, double known_peak) {
  std::vector<std::string> columns;  // of the peers that have any of these ops
  for (const std::string& name : peers) {
    const bool used = std::any_of(rows.begin(), rows.end(), [&name](const Row& row) {
      return std::any_of(row.peers.begin(), row.peers.end(),
                         [&name](const PeerTime& peer) { return peer.name == name; });
    });
    if (used) columns.push_back(name);
  }
  std::vector<double> peaks;
  for (const Row& row : rows) {
    if (row.problem.empty()) peaks.push_back(row.peak_gflops);
  }
  const double peak = median(peaks);
  std::string text = fmt::format("\n{} (FMA {} GFLOP/s", group, measured(peak));
  if (peak > 0 && peak < kBusy * known_peak) {
    text += fmt::format(", busy: was {}", measured(known_peak));
  }
  text += ")\n" + group_table(rows, columns) + slow_line(rows);
  const std::vector<Summary> summaries = summarize(compared(rows));
  return summaries.empty() ? text : text + summary_line(summaries.front());
}

}  // namespace

int run_sets(const SetOptions& options) {
  const Output output(options.json);
  const std::vector<std::string> asked = chosen_peers(options);
  const std::vector<ShapeCase> cases = chosen_cases(options);
  const auto on_processor = [](const std::vector<std::string>& names) {
    return std::any_of(names.begin(), names.end(),
                       [](const auto& name) { return name != kClblast; });
  };
  if (on_processor(asked)) set_peer_environment();
  const Device device = select_device(options.device);
  if (device.kind() == DeviceKind::host) {
    throw ArgumentError("the host reference is too slow for these shapes", "--set",
                        "choose an OpenCL device with --device");
  }
  const std::vector<std::string> peers = peers_beside(device, asked);
  if (on_processor(peers)) start_peers(device.target().compute_units);
  Bench bench(device, options, peers);
  output.text(
      to_text(describe_environment()) +
      fmt::format("device {}: {} ({})\n", device_index(device), device.name(), device.platform()) +
      (peers.empty() ? "" : "last columns: the peer's time / our time\n"));
  std::vector<Row> all;
  StatusLine status;
  for (std::size_t i = 0; i < cases.size();) {
    const std::string group = group_name(cases[i]);
    std::vector<Row> rows;
    for (; i < cases.size() && group_name(cases[i]) == group; ++i) {
      status.show(group + ": " + cases[i].shape + " ...");
      rows.push_back(bench.measure(cases[i]));
    }
    status.clear();
    output.text(group_text(group, rows, peers, device.target().peak_gflops));
    std::move(rows.begin(), rows.end(), std::back_inserter(all));
  }
  const std::vector<Summary> summaries = summarize(compared(all));
  if (summaries.size() > 1) output.text('\n' + summary_table(summaries));
  Json json_rows = Json::array();
  for (const Row& row : all) json_rows.push_back(row_json(row, device));
  output.json({{"device", device_json(device)},
               {"environment", to_json(describe_environment())},
               {"rows", std::move(json_rows)},
               {"summary", summary_json(summaries)}});
  return std::any_of(all.begin(), all.end(), [](const Row& row) { return row.failed; }) ? 1 : 0;
}

}  // namespace pinnacle::bench
