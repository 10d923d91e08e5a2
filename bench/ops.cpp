// pinnacle-bench ops: the op cases marked `perf` in the tests, timed and compared with what the
// device can do.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/output.hpp"
#include "bench/peak.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/workloads.hpp"
#include "ops/cases.hpp"

namespace pinnacle::bench {
namespace {

using test::OpCase;

constexpr double kMostReferenceFlop = 2e8;  // beyond it the double reference takes too long
constexpr double kMostSeconds = 4;          // one run that is expected to take longer is left out
constexpr double kHostFlopPerSecond = 2e8;  // of the reference loops, about

struct Row {
  const OpCase* c = nullptr;
  std::string shape;
  std::string variant;
  std::string problem;  // declined, too slow or an error: then there are no numbers
  bool failed = false;
  double ms = 0;
  double gflops = 0;
  double gbs = 0;
  double peak_fraction = 0;
  bool flop_bound = false;
  std::optional<double> max_error;  // nothing: unchecked
};

std::string shape_text(const OpCase& c) {
  std::string text;
  for (const TensorType& type : c.in) {
    if (!text.empty()) text += " x ";
    text += to_string(type.shape);
    if (type.dtype != DType::f32) text = text + ' ' + std::string(to_string(type.dtype));
  }
  return text;
}

// ---- Which cases -------------------------------------------------------------------------------

std::vector<std::string> names_of_ops(const std::vector<OpCase>& cases) {
  std::vector<std::string> names;
  for (const OpCase& c : cases) {
    if (std::find(names.begin(), names.end(), c.op) == names.end()) names.push_back(c.op);
  }
  return names;
}

bool has_variant(const std::string& op, const std::string& name) {
  const std::vector<Variant>& variants = find_op(op).variants;
  return std::any_of(variants.begin(), variants.end(),
                     [&name](const Variant& variant) { return variant.name == name; });
}

// throws ArgumentError if nothing is left, with what there is
std::vector<OpCase> chosen_cases(const OpsOptions& options) {
  std::vector<OpCase> cases;
  for (OpCase& c : test::all_cases()) {
    if (c.perf) cases.push_back(std::move(c));
  }
  const std::vector<std::string> ops = names_of_ops(cases);
  if (!options.op.empty()) {
    std::erase_if(cases, [&](const OpCase& c) { return c.op != options.op; });
    if (cases.empty()) {
      const std::string near = suggestion(options.op, ops);
      throw ArgumentError(fmt::format("there is no op \"{}\" with a case to measure", options.op),
                          "--op",
                          near.empty() ? fmt::format("there are: {}", fmt::join(ops, ", ")) : near);
    }
  }
  if (!options.variant.empty()) {
    std::vector<std::string> known;
    for (const std::string& op : names_of_ops(cases)) {
      for (const Variant& variant : std::vector<Variant>(find_op(op).variants)) {
        if (std::find(known.begin(), known.end(), variant.name) == known.end()) {
          known.push_back(variant.name);
        }
      }
    }
    std::erase_if(cases, [&](const OpCase& c) { return !has_variant(c.op, options.variant); });
    if (cases.empty()) {
      const std::string near = suggestion(options.variant, known);
      throw ArgumentError(
          fmt::format("there is no variant \"{}\"", options.variant), "--variant",
          near.empty() ? fmt::format("there are: {}", fmt::join(known, ", ")) : near);
    }
  }
  const std::string wanted = lower_case(options.filter);
  std::vector<std::string> words;
  for (const OpCase& c : cases) {
    for (std::string& word : split(test::label(c), ' ')) {
      std::erase_if(word, [](char letter) { return letter == ',' || letter == '"'; });
      if (word.size() > 2) words.push_back(std::move(word));
    }
  }
  std::erase_if(cases, [&](const OpCase& c) {
    return lower_case(test::label(c)).find(wanted) == std::string::npos;
  });
  if (cases.empty()) {
    throw ArgumentError(fmt::format("no case has \"{}\" in its name", options.filter), "--filter",
                        suggestion(options.filter, words));
  }
  return cases;
}

// ---- One case ----------------------------------------------------------------------------------

// Variants of the case that are to be measured; "" is what the passes choose.
std::vector<std::string> variants_of(const OpCase& c, const Device& device,
                                     const OpsOptions& options) {
  if (device.kind() == DeviceKind::host) return {""};
  if (!options.all_variants) return {options.variant};
  std::vector<std::string> names;
  for (const Variant& variant : std::vector<Variant>(find_op(c.op).variants)) {
    names.push_back(variant.name);
  }
  return names;
}

class Bench {
 public:
  Bench(Device device, const OpsOptions& options)
      : device_(std::move(device)), target_(device_.target()), options_(options) {}

  std::vector<Row> measure(const OpCase& c) {
    const Graph graph = test::case_graph(c);
    const OpView op = view(graph, graph.nodes.front());
    const Cost cost = graph.nodes.front().def->cost(op);
    std::vector<Row> rows;
    std::vector<std::shared_ptr<Session>> sessions;
    for (const std::string& variant : variants_of(c, device_, options_)) {
      Row row{.c = &c, .shape = shape_text(c), .variant = variant, .problem = {}, .max_error = {}};
      std::shared_ptr<Session> session;
      try {
        session = prepare(c, graph, op, cost, row);
      } catch (const Error& error) {
        row.problem = error.what();
        row.failed = true;
      }
      rows.push_back(std::move(row));
      sessions.push_back(std::move(session));
    }
    try {
      time_all(cost, rows, sessions);
    } catch (const Error& error) {
      for (Row& row : rows) {
        if (row.problem.empty()) row.problem = error.what(), row.failed = true;
      }
    }
    return rows;
  }

 private:
  // A session that has run once and been checked; nothing if the variant declines or is too slow.
  std::shared_ptr<Session> prepare(const OpCase& c, const Graph& graph, const OpView& op,
                                   const Cost& cost, Row& row) {
    if (!row.variant.empty()) {
      const std::vector<Variant>& variants = graph.nodes.front().def->variants;
      const auto variant = std::find_if(variants.begin(), variants.end(),
                                        [&](const Variant& v) { return v.name == row.variant; });
      if (const Decline reason = variant->accepts(op, target_)) {
        row.problem = "declines: " + *reason;
        return nullptr;
      }
    }
    CompileOptions how;
    if (!row.variant.empty()) how.variants[c.op] = row.variant;
    auto session = std::make_shared<Session>(compile(graph, device_, how));
    for (const Step& step : session->plan().steps) {
      if (step.op == c.op) row.variant = step.variant;
    }
    if (expected_seconds(cost, c.op, row.variant) > kMostSeconds) {
      row.problem = "too slow here";
      return nullptr;
    }
    const std::vector<Tensor> inputs = test::case_inputs(c);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      session->write(fmt::format("x{}", i), inputs[i].bytes());
    }
    session->enqueue();
    session->finish();
    if (cost.flop < kMostReferenceFlop) row.max_error = check(c, graph, inputs, *session);
    if (row.max_error && !(*row.max_error <= c.tolerance)) row.failed = true;
    return session;
  }

  double check(const OpCase& c, const Graph& graph, const std::vector<Tensor>& inputs,
               Session& session) {
    if (reference_of_ != &c) {
      reference_ = test::case_reference(c, graph, inputs);
      reference_of_ = &c;
    }
    double worst = 0;
    for (std::size_t i = 0; i < graph.outputs.size(); ++i) {
      // The passes may rename values; the outputs stay in their order.
      const Graph& compiled = session.graph();
      const Tensor got = session.read(compiled.value(compiled.outputs[i]).name);
      const double error = test::relative_error(got, reference_[i]);
      if (!(error <= worst)) worst = error;
    }
    return worst;
  }

  void time_all(const Cost& cost, std::vector<Row>& rows,
                const std::vector<std::shared_ptr<Session>>& sessions) {
    std::vector<Run> runs;
    std::vector<Row*> timed;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (sessions[i] == nullptr) continue;
      runs.push_back(session_run(sessions[i]));
      timed.push_back(&rows[i]);
    }
    const bool has_roofs = !target_.host && target_.peak_gflops > 0 && target_.bandwidth_gbs > 0;
    CopyRuns copies;
    if (has_roofs && !timed.empty() && is_memory_bound(target_, cost.flop, cost.bytes)) {
      copies = copy_runs(device_, cost.bytes);
    }
    runs.insert(runs.end(), copies.runs.begin(), copies.runs.end());
    const std::vector<Timing> timings = time_interleaved(runs, {.seconds = options_.seconds});
    double copy_seconds = 0;  // of as many bytes
    for (std::size_t i = timed.size(); i < timings.size(); ++i) {
      const double seconds = timings[i].seconds * cost.bytes / copies.bytes;
      copy_seconds = copy_seconds == 0 ? seconds : std::min(copy_seconds, seconds);
    }
    for (std::size_t i = 0; i < timed.size(); ++i) {
      Row& row = *timed[i];
      const double seconds = timings[i].seconds;
      row.ms = 1e3 * seconds;
      row.gflops = 1e-9 * cost.flop / seconds;
      row.gbs = 1e-9 * cost.bytes / seconds;
      flop_rates_[row.c->op + '/' + row.variant] = cost.flop / seconds;
      if (!has_roofs) continue;
      row.flop_bound = copies.runs.empty();
      row.peak_fraction =
          (row.flop_bound ? 1e-9 * cost.flop / target_.peak_gflops : copy_seconds) / seconds;
    }
  }

  // By what this variant did before, else as if it reached the device's roofs.
  double expected_seconds(const Cost& cost, const std::string& op, const std::string& variant) {
    const auto known = flop_rates_.find(op + '/' + variant);
    if (known != flop_rates_.end() && known->second > 0) return cost.flop / known->second / 2;
    if (target_.host) return cost.flop / kHostFlopPerSecond;
    return 1e-9 * cost.flop / std::max(target_.peak_gflops, 1e-9);
  }

  Device device_;
  const Target& target_;
  const OpsOptions& options_;
  const OpCase* reference_of_ = nullptr;
  std::vector<Array> reference_;
  std::map<std::string, double> flop_rates_;  // flop per second of "op/variant"
};

// ---- Output ------------------------------------------------------------------------------------

std::string error_cell(const Row& row) {
  if (!row.max_error) return "unchecked";
  const std::string error = fmt::format("{:.0e}", *row.max_error);
  return *row.max_error <= row.c->tolerance ? error : error + " WRONG";
}

std::string op_table(const std::string& op, const std::vector<Row>& rows) {
  Table table({{.title = "case", .wraps = true, .min_width = 22},
               {.title = "variant"},
               {.title = "ms", .right = true, .min_width = 7},
               {.title = "GFLOP/s", .right = true},
               {.title = "GB/s", .right = true, .min_width = 5},
               {.title = "of roof", .right = true, .min_width = 10},
               {.title = "error", .right = true, .min_width = 9}});
  std::string problems;
  for (const Row& row : rows) {
    if (!row.problem.empty()) {
      problems += fmt::format("{}, {}: {}\n", row.c->name,
                              row.variant.empty() ? "any variant" : row.variant, row.problem);
      continue;
    }
    const std::string roof = row.peak_fraction > 0
                                 ? percent(row.peak_fraction) + (row.flop_bound ? " FMA" : " mem")
                                 : "-";
    table.add({row.c->name, row.variant, number(row.ms), measured(row.gflops), measured(row.gbs),
               roof, error_cell(row)});
  }
  return '\n' + op + '\n' + (table.empty() ? "" : table.text()) + problems;
}

Json row_json(const Row& row, const Device& device) {
  Json json = {{"op", row.c->op},
               {"case", row.c->name},
               {"shape", row.shape},
               {"device", device.name()},
               {"variant", row.variant}};
  const bool timed = row.problem.empty();
  json["ms"] = timed ? Json(row.ms) : Json();
  json["gflops"] = timed ? Json(row.gflops) : Json();
  json["gbs"] = timed ? Json(row.gbs) : Json();
  json["peak_fraction"] = timed && row.peak_fraction > 0 ? Json(row.peak_fraction) : Json();
  json["bound"] = row.peak_fraction > 0 ? Json(row.flop_bound ? "flop" : "memory") : Json();
  json["max_error"] = row.max_error ? Json(*row.max_error) : Json();
  json["tolerance"] = row.c->tolerance;
  if (!timed) json["problem"] = row.problem;
  return json;
}

}  // namespace

int run_ops(const OpsOptions& options) {
  const Output output(options.json);
  const std::vector<OpCase> cases = chosen_cases(options);
  const Device device = select_device(options.device);
  Bench bench(device, options);
  output.text(to_text(describe_environment()) +
              fmt::format("device {}: {} ({})\nroofs: {} GFLOP/s FMA, {} GB/s copy\n",
                          device_index(device), device.name(), device.platform(),
                          measured(device.target().peak_gflops),
                          measured(device.target().bandwidth_gbs)));
  bool failed = false;
  Json json_rows = Json::array();
  StatusLine status;
  for (const std::string& op : names_of_ops(cases)) {
    std::vector<Row> rows;
    for (const OpCase& c : cases) {
      if (c.op != op) continue;
      status.show(test::label(c) + " ...");
      for (Row& row : bench.measure(c)) rows.push_back(std::move(row));
    }
    status.clear();
    output.text(op_table(op, rows));
    for (const Row& row : rows) {
      failed = failed || row.failed;
      json_rows.push_back(row_json(row, device));
    }
  }
  output.json({{"device", device_json(device)},
               {"environment", to_json(describe_environment())},
               {"rows", std::move(json_rows)}});
  return failed ? 1 : 0;
}

}  // namespace pinnacle::bench
