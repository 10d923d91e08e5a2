// pinnacle-bench model: models from ONNX files, their latency, memory and first result, next to ONNX
// Runtime.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <memory>
#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "bench/agreement.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/exit_code.hpp"
#include "bench/first_result.hpp"
#include "bench/nets.hpp"
#include "bench/onnx_work.hpp"
#include "bench/onnxruntime.hpp"
#include "bench/output.hpp"
#include "bench/profile.hpp"
#include "bench/summary.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/trace.hpp"
#include "runtime/device_handle.hpp"

namespace pinnacle::bench {
namespace {

struct PeerRow {
  std::string version, way;
  std::string problem;  // it could not be had: then there are no numbers
  double seconds = 0;
  double difference = 0;  // of the outputs, relative to the largest element
  std::string disagreement;
};

struct Row {
  std::string file;
  std::string problem;
  std::vector<std::string> unsupported;
  int nodes = 0, kernels = 0, host_steps = 0;
  double flop = 0;                   // of products
  double p50 = 0, p90 = 0, p99 = 0;  // seconds from inputs to outputs in the host's memory
  std::size_t runs = 0;
  double back_to_back = 0;              // seconds of a run, enqueued one after the other
  std::size_t predicted = 0, used = 0;  // bytes
  double compile_seconds = 0;
  std::optional<FirstResults> first;
  std::optional<PeerRow> peer;

  bool wrong_input = false;  // the problem is the file or what goes with it
  bool failed() const { return !problem.empty() || (peer && !peer->disagreement.empty()); }
};

CompileOptions compile_options(const ModelOptions& options, bool profile) {
  CompileOptions how;
  how.without_passes = options.without_passes;
  how.profile = profile;
  return how;
}

OnnxWorkOptions work_options(const ModelOptions& options) {
  return {.batch = options.batch, .shapes = options.shapes, .inputs = options.inputs};
}

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto index =
      static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  return values[std::clamp<std::size_t>(index, 1, values.size()) - 1];
}

// From tensors to tensors, each run alone; the times of all runs are kept.
Run latency_run(Session& session, const std::map<std::string, Tensor>& inputs,
                std::vector<double>& times) {
  return [&session, &inputs, &times](std::int64_t count) {
    const double begin = now();
    for (std::int64_t i = 0; i < count; ++i) {
      const double start = now();
      session.run(inputs);
      times.push_back(now() - start);
    }
    return now() - begin;
  };
}

Run queued_run(Session& session) {
  return [&session](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) session.enqueue();
    session.finish();
    return now() - start;
  };
}

void compare_outputs(PeerRow& peer, const std::vector<Tensor>& ours, const std::vector<Tensor>& its,
                     const Graph& graph) {
  if (ours.size() != its.size()) {
    peer.disagreement = fmt::format("has {} outputs, ours {}", its.size(), ours.size());
    return;
  }
  for (std::size_t i = 0; i < ours.size(); ++i) {
    const Agreement agreement = compare(ours[i], its[i], {});
    if (agreement.problem.empty()) {
      peer.difference = std::max(peer.difference, agreement.relative());
    }
    if (agreement.within || !peer.disagreement.empty()) continue;
    peer.disagreement = fmt::format(
        "output \"{}\" {}", graph.value(graph.outputs[i]).name,
        agreement.problem.empty() ? fmt::format("differs: element {} is {}, its {}",
                                                agreement.element, agreement.got, agreement.wanted)
                                  : agreement.problem);
  }
}

class Bench {
 public:
  Bench(Device device, const ModelOptions& options)
      : device_(std::move(device)), options_(options), threads_(threads_beside(device_)) {}

  int threads() const { return threads_; }

  Row measure(const std::string& file) {
    Row row;
    row.file = file;
    try {
      const OnnxWork work = make_work(file, work_options(options_));
      row.nodes = static_cast<int>(work.graph.nodes.size());
      const std::size_t before = allocated();
      const double start = now();
      Session session = compile(work.graph, device_, compile_options(options_, false));
      row.compile_seconds = now() - start;
      row.kernels = session.plan().kernel_count();
      row.host_steps = session.plan().host_count();
      row.flop = product_flop(session.graph());
      row.predicted = session.plan().peak_bytes();
      const std::map<std::string, Tensor> inputs = run_inputs(session.graph(), work);
      const std::vector<Tensor> outputs = session.run(inputs);
      row.used = allocated() - before;
      time_all(row, session, work, inputs, outputs);
      if (options_.first_result) row.first = measure_first_result(first_words(file), row.file);
    } catch (const UnsupportedError& error) {
      row.wrong_input = true;
      row.problem = error.what();
      row.unsupported = error.items();
    } catch (const Error& error) {
      row.wrong_input = exit_code(error) == ExitCode::usage;
      row.problem = error.what();
    }
    return row;
  }

  // With events for each call: its times are no measure of the whole.
  void profile(const std::string& file, std::string& text, Json& json) {
    const OnnxWork work = make_work(file, work_options(options_));
    Session session = compile(work.graph, device_, compile_options(options_, true));
    session.run(run_inputs(session.graph(), work));
    const std::vector<StepTime> steps = median_profile(session, options_.seconds);
    if (options_.profile) {
      text += fmt::format("\n{}\n{}", file, profile_text(steps));
      json.push_back({{"model", file}, {"steps", profile_json(steps)}});
    }
    if (options_.trace.empty()) return;
    const Json trace = trace_json(session.trace(), session.profile(), work.name, device_.name());
    write_file_atomically(options_.trace, trace.dump() + '\n');
  }

 private:
  // As many as the device has cores, where it is the processor.
  static int threads_beside(const Device& device) {
    const int cores = describe_environment().cores;
    if (device.kind() != DeviceKind::cpu) return cores;
    return std::max(1, std::min(cores, device.target().compute_units));
  }

  std::size_t allocated() const {
    return device_.kind() == DeviceKind::host ? 0 : device_.handle().allocated();
  }

  std::vector<std::string> first_words(const std::string& file) const {
    std::vector<std::string> words = {"model", std::filesystem::absolute(file).string(), "--once"};
    const auto add = [&words](const char* flag, const std::string& value) {
      words.insert(words.end(), {flag, value});
    };
    if (!options_.device.empty()) add("--device", options_.device);
    if (options_.batch > 0) add("--batch", std::to_string(options_.batch));
    if (!options_.inputs.empty()) add("--inputs", options_.inputs);
    for (const std::string& shape : options_.shapes) add("--shape", shape);
    for (const std::string& pass : options_.without_passes) add("--without-pass", pass);
    return words;
  }

  void time_all(Row& row, Session& session, const OnnxWork& work,
                const std::map<std::string, Tensor>& inputs, const std::vector<Tensor>& outputs) {
    std::vector<double> times;
    std::vector<Run> runs = {latency_run(session, inputs, times), queued_run(session)};
    std::unique_ptr<OnnxRuntime> peer;
    if (!options_.peers.empty()) {
      row.peer.emplace();
      try {
        peer = std::make_unique<OnnxRuntime>(row.file, work.inputs, threads_);
        row.peer->version = peer->process().version();
        row.peer->way = peer->process().way();
        compare_outputs(*row.peer, outputs, peer->outputs(), session.graph());
        runs.push_back([&row, process = &peer->process()](std::int64_t count) -> double {
          if (!row.peer->problem.empty()) return 0;
          try {
            return process->run(count);
          } catch (const DeviceError& error) {
            row.peer->problem = error.what();
            return 0;
          }
        });
      } catch (const DeviceError& error) {
        row.peer->problem = error.what();
      }
    }
    times.clear();
    const std::vector<Timing> timings = time_interleaved(runs, {.seconds = options_.seconds});
    // The first runs are warming up; a batch's median is what peers are compared by.
    if (times.size() > 2) times.erase(times.begin());
    row.runs = times.size();
    row.p50 = timings[0].seconds;
    row.p90 = percentile(times, 0.9);
    row.p99 = percentile(times, 0.99);
    row.back_to_back = timings[1].seconds;
    if (runs.size() > 2) row.peer->seconds = timings[2].seconds;
  }

  Device device_;
  const ModelOptions& options_;
  int threads_;
};

// ---- Output ------------------------------------------------------------------------------------

std::string main_table(const std::vector<Row>& rows) {
  Table table({{.title = "model", .wraps = true},
               {.title = "ms", .right = true},
               {.title = "p90", .right = true},
               {.title = "p99", .right = true},
               {.title = "runs/s", .right = true},
               {.title = "GFLOP/s", .right = true},
               {.title = "memory", .right = true},
               {.title = "planned", .right = true}});
  std::string notes;
  for (const Row& row : rows) {
    if (!row.problem.empty()) {
      notes += fmt::format("failed: {}: {}\n", row.file, row.problem);
      continue;
    }
    table.add({row.file, number(1e3 * row.p50), number(1e3 * row.p90), number(1e3 * row.p99),
               number(1 / row.back_to_back), measured(1e-9 * row.flop / row.back_to_back),
               row.used > 0 ? human_bytes(static_cast<double>(row.used)) : "-",
               row.predicted > 0 ? human_bytes(static_cast<double>(row.predicted)) : "-"});
    if (row.host_steps > 0) {
      notes += fmt::format("{}: {} of {} steps run on the host, for want of kernels\n", row.file,
                           row.host_steps, row.kernels + row.host_steps);
    }
  }
  return (table.empty() ? "" : table.text()) + notes;
}

std::string first_table(const std::vector<Row>& rows) {
  Table table({{.title = "model", .wraps = true},
               {.title = "caches"},
               {.title = "seconds", .right = true},
               {.title = "device", .right = true},
               {.title = "import", .right = true},
               {.title = "compile", .right = true},
               {.title = "run", .right = true}});
  for (const Row& row : rows) {
    if (!row.first) continue;
    for (const bool warm : {false, true}) {
      const FirstResult& result = warm ? row.first->warm : row.first->cold;
      const auto part = [&](const char* name) { return number(result.parts.value(name, 0.0)); };
      table.add({row.file, warm ? "warm" : "cold", number(result.seconds), part("device"),
                 part("import"), part("compile"), part("run")});
    }
  }
  if (table.empty()) return "";
  return "\nFrom the start of a process to its first result, seconds, and their parts:\n" +
         table.text();
}

std::vector<double> ratios(const std::vector<Row>& rows) {
  std::vector<double> values;
  for (const Row& row : rows) {
    if (row.problem.empty() && row.peer && row.peer->problem.empty() && row.peer->seconds > 0) {
      values.push_back(row.peer->seconds / row.p50);
    }
  }
  return values;
}

std::vector<double> latencies(const std::vector<Row>& rows) {
  std::vector<double> values;
  for (const Row& row : rows) {
    if (row.problem.empty()) values.push_back(1e3 * row.p50);
  }
  return values;
}

std::string peer_table(const std::vector<Row>& rows) {
  Table table({{.title = "model", .wraps = true},
               {.title = "way"},
               {.title = "its ms", .right = true},
               {.title = "ratio", .right = true},
               {.title = "difference", .right = true}});
  std::string notes;
  for (const Row& row : rows) {
    if (!row.problem.empty() || !row.peer) continue;
    if (!row.peer->problem.empty()) {
      notes += fmt::format("skipped: {} for {}: {}\n", kOnnxRuntime, row.file, row.peer->problem);
      continue;
    }
    table.add({row.file, row.peer->way, number(1e3 * row.peer->seconds),
               number(row.peer->seconds / row.p50), fmt::format("{:.0e}", row.peer->difference)});
    if (!row.peer->disagreement.empty()) {
      notes += fmt::format("WRONG: {}, next to {}: {}\n", row.file, kOnnxRuntime,
                           row.peer->disagreement);
    }
  }
  std::string text;
  if (!table.empty()) {
    text = fmt::format("\nRatios to {}, above 1 where Pinnacle is faster:\n{}", kOnnxRuntime,
                       table.text());
  }
  return text + notes;
}

std::string means(const std::vector<Row>& rows) {
  const std::vector<double> ms = latencies(rows);
  if (ms.size() < 2) return "";
  const std::vector<double> all = ratios(rows);
  return fmt::format(
      "geometric mean of {} models: {} ms{}\n", ms.size(), number(geometric_mean(ms)),
      all.empty() ? ""
                  : fmt::format(", ratio {} over {}", number(geometric_mean(all)), all.size()));
}

Json first_json(const FirstResult& result) {
  return {{"seconds", result.seconds}, {"parts", result.parts}};
}

Json row_json(const Row& row, const ModelOptions& options, const Device& device) {
  Json json = {{"model", row.file},
               {"batch", options.batch > 0 ? Json(options.batch) : Json()},
               {"device", device.name()}};
  if (!row.problem.empty()) {
    json["problem"] = row.problem;
    if (!row.unsupported.empty()) json["unsupported"] = row.unsupported;
    return json;
  }
  json["nodes"] = row.nodes;
  json["kernels"] = row.kernels;
  json["host_steps"] = row.host_steps;
  json["ms"] = 1e3 * row.p50;
  json["p90_ms"] = 1e3 * row.p90;
  json["p99_ms"] = 1e3 * row.p99;
  json["runs"] = row.runs;
  json["ms_queued"] = 1e3 * row.back_to_back;
  json["runs_per_second"] = 1 / row.back_to_back;
  json["gflop"] = 1e-9 * row.flop;
  json["gflops"] = 1e-9 * row.flop / row.back_to_back;
  json["compile_seconds"] = row.compile_seconds;
  json["planned_bytes"] = row.predicted;
  json["used_bytes"] = row.used;
  if (row.first) {
    json["first_result"] = {{"cold", first_json(row.first->cold)},
                            {"warm", first_json(row.first->warm)}};
  }
  json["peers"] = Json::object();
  if (!row.peer) return json;
  Json& peer = json["peers"][kOnnxRuntime];
  if (!row.peer->problem.empty()) {
    peer = {{"skipped", row.peer->problem}};
    return json;
  }
  peer = {{"version", row.peer->version},
          {"way", row.peer->way},
          {"ms", 1e3 * row.peer->seconds},
          {"ratio", row.peer->seconds / row.p50},
          {"difference", row.peer->difference}};
  if (!row.peer->disagreement.empty()) {
    peer["problem"] = row.peer->disagreement;
    json["problem"] = "WRONG";
  }
  return json;
}

// What --once does: one run, then the seconds that its parts took.
int run_model_once(const ModelOptions& options, const Device& device) {
  const double start = now();
  device.target();
  const double device_known = now();
  const OnnxWork work = make_work(options.files.front(), work_options(options));
  const double imported = now();
  Session session = compile(work.graph, device, compile_options(options, false));
  const double compiled = now();
  session.run(run_inputs(session.graph(), work));
  const Json parts = {{"device", device_known - start},
                      {"import", imported - device_known},
                      {"compile", compiled - imported},
                      {"run", now() - compiled}};
  fmt::print("{}\n", parts.dump());
  return 0;
}

void check_options(const ModelOptions& options, const Device& device) {
  if (!options.peers.empty() && options.peers != kOnnxRuntime) {
    throw ArgumentError(fmt::format("there is no peer \"{}\" for models", options.peers), "--peers",
                        fmt::format("there is: {}", kOnnxRuntime));
  }
  if (!options.trace.empty() && options.files.size() != 1) {
    throw ArgumentError(fmt::format("takes one run; {} models are given", options.files.size()),
                        "--trace", "give one file");
  }
  const bool timed = options.profile || !options.trace.empty();
  if (timed && device.kind() == DeviceKind::host) {
    throw ArgumentError("the host records no times of steps",
                        options.profile ? "--profile" : "--trace", "choose an OpenCL device");
  }
}

}  // namespace

int run_model(const ModelOptions& options) {
  const Output output(options.json);
  if (!options.trace.empty()) const Output check_now(JsonOption(options.trace));
  const Device device = select_device(options.device);
  check_options(options, device);
  if (options.once) return run_model_once(options, device);
  Bench bench(device, options);
  StatusLine status;
  std::vector<Row> rows;
  std::string profiles;
  Json json_profiles = Json::array();
  for (const std::string& file : options.files) {
    status.show(fmt::format("{} ...", file));
    rows.push_back(bench.measure(file));
    const bool timed = options.profile || !options.trace.empty();
    if (timed && rows.back().problem.empty()) bench.profile(file, profiles, json_profiles);
  }
  status.clear();
  const Environment environment = describe_environment();
  output.text(
      to_text(environment) +
      fmt::format(
          "device {}: {} ({}){}\n\n", device_index(device), device.name(), device.platform(),
          options.peers.empty() ? "" : fmt::format("; peers with {} threads", bench.threads())) +
      main_table(rows) + first_table(rows) + peer_table(rows) + means(rows) + profiles);
  Json json_rows = Json::array();
  bool failed = false;
  bool measured = false;  // or it was not for want of a good file
  for (const Row& row : rows) {
    failed = failed || row.failed();
    measured = measured || !row.wrong_input;
    json_rows.push_back(row_json(row, options, device));
  }
  Json result = {{"device", device_json(device)},
                 {"environment", to_json(environment)},
                 {"rows", std::move(json_rows)}};
  const std::vector<double> all = ratios(rows);
  result["summary"] = {{"models", latencies(rows).size()},
                       {"geomean_ms", geometric_mean(latencies(rows))},
                       {"geomean_ratio", all.empty() ? Json() : Json(geometric_mean(all))}};
  if (options.profile) result["profiles"] = std::move(json_profiles);
  output.json(result);
  const ExitCode code = !failed ? ExitCode::success : measured ? ExitCode::wrong : ExitCode::usage;
  return static_cast<int>(code);
}

}  // namespace pinnacle::bench
