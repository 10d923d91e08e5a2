// pinnacle-bench nets: whole networks, inference and training steps, next to other frameworks.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <memory>
#include <optional>
#include <utility>

#include "base/files.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/first_result.hpp"
#include "bench/nets.hpp"
#include "bench/output.hpp"
#include "bench/peer_process.hpp"
#include "bench/profile.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/trace.hpp"
#include "bench/workloads.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/probe.hpp"

namespace pinnacle::bench {
namespace {

struct PeerRow {
  std::string name, version, way;
  std::string problem;  // it could not be had: then there are no numbers
  double seconds = 0;
};

struct Row {
  std::string net;
  std::string mode;
  std::int64_t batch = 0;
  std::int64_t parameters = 0;
  double flop = 0;
  std::string problem;
  double seconds = 0;  // a run, enqueued back to back
  double alone = 0;    // a run with a wait
  double first = 0;    // compiling, and a first run
  int batches = 0;
  std::vector<PeerRow> peers;
};

std::vector<std::string> modes_of(const std::string& mode) {
  if (mode == "all") return {"inference", "training"};
  return {mode};
}

// Inputs of a step stay on the device: only the first run sees them written.
std::shared_ptr<Session> training_session(const Net& net, const Model& model, std::int64_t batch,
                                          const Device& device, const CompileOptions& how) {
  auto session = std::make_shared<Session>(compile(step_graph(net, model, batch), device, how));
  fill_inputs(*session);
  Tensor labels({batch}, DType::i32);
  std::int32_t label = 0;
  for (std::int32_t& y : labels.i32()) y = label++ % static_cast<std::int32_t>(net.classes);
  session->write("y", labels.bytes());
  return session;
}

std::shared_ptr<Session> make_session(const Net& net, const Model& model, const Row& row,
                                      const Device& device, bool profile,
                                      const std::vector<std::string>& without_passes) {
  CompileOptions how;
  how.profile = profile;
  how.without_passes = without_passes;
  if (row.mode == "training") return training_session(net, model, row.batch, device, how);
  auto session = std::make_shared<Session>(compile(model, device, row.batch, how));
  fill_inputs(*session);
  return session;
}

class Bench {
 public:
  Bench(Device device, const NetsOptions& options)
      : device_(std::move(device)), options_(options), threads_(describe_environment().cores) {}

  Row measure(const Net& net, const Model& model, const std::string& mode, std::int64_t batch) {
    Row row{.net = net.name,
            .mode = mode,
            .batch = batch,
            .parameters = model.parameter_count(),
            .problem = {},
            .peers = {}};
    try {
      const double start = now();
      const std::shared_ptr<Session> session =
          make_session(net, model, row, device_, false, options_.without_passes);
      session->enqueue();
      session->finish();
      row.first = now() - start;  // kernels may be built, which takes up to a minute
      row.flop = product_flop(session->graph());
      time_all(row, session);
    } catch (const Error& error) {
      row.problem = error.what();
    }
    return row;
  }

  std::vector<StepTime> profile(const Net& net, const Model& model, const Row& row) {
    const std::shared_ptr<Session> session =
        make_session(net, model, row, device_, true, options_.without_passes);
    std::vector<StepTime> steps = median_profile(*session, options_.seconds);
    if (!options_.trace.empty()) {
      const std::string name = fmt::format("{}, {}, batch {}", row.net, row.mode, row.batch);
      const Json trace = trace_json(session->trace(), session->profile(), name, device_.name());
      write_file_atomically(options_.trace, trace.dump() + '\n');
    }
    return steps;
  }

 private:
  void time_all(Row& row, const std::shared_ptr<Session>& session) {
    std::vector<Run> runs = {session_run(session), waited_run(session)};
    std::vector<std::unique_ptr<PeerProcess>> peers;
    std::vector<std::size_t> running;  // indices in row.peers
    for (const std::string& name : options_.peers ? peer_names() : std::vector<std::string>()) {
      PeerRow peer_row{.name = name, .version = {}, .way = {}, .problem = {}};
      try {
        peers.push_back(std::make_unique<PeerProcess>(
            name, PeerWork{row.net, row.mode, row.batch, threads_, row.parameters}));
        peer_row.version = peers.back()->version();
        peer_row.way = peers.back()->way();
        // One that dies on the way is left out; what it got until then does not count.
        runs.push_back([peer = peers.back().get(), &row,
                        index = row.peers.size()](std::int64_t count) -> double {
          std::string& problem = row.peers[index].problem;
          if (!problem.empty()) return 0;
          try {
            return peer->run(count);
          } catch (const DeviceError& error) {
            problem = error.what();
            return 0;
          }
        });
        running.push_back(row.peers.size());
      } catch (const DeviceError& error) {
        peer_row.problem = error.what();
      }
      row.peers.push_back(std::move(peer_row));
    }
    const std::vector<Timing> timings = time_interleaved(runs, {.seconds = options_.seconds});
    row.seconds = timings[0].seconds;
    row.alone = timings[1].seconds;
    row.batches = timings[0].batches;
    for (std::size_t i = 0; i < running.size(); ++i) {
      row.peers[running[i]].seconds = timings[2 + i].seconds;
    }
  }

  Device device_;
  const NetsOptions& options_;
  int threads_;
};

// ---- Output ------------------------------------------------------------------------------------

// Time in units of what the flop take at the peak; 0 if there is no peak.
double times_ideal(const Row& row, double peak_gflops) {
  return peak_gflops <= 0 ? 0 : row.seconds / (1e-9 * row.flop / peak_gflops);
}

std::string main_table(const std::vector<Row>& rows, double peak_gflops) {
  Table table({{.title = "net"},
               {.title = "mode"},
               {.title = "batch", .right = true},
               {.title = "ms", .right = true},
               {.title = "ms alone", .right = true},
               {.title = "samples/s", .right = true},
               {.title = "GFLOP/s", .right = true},
               {.title = "x ideal", .right = true}});
  std::string problems;
  for (const Row& row : rows) {
    if (!row.problem.empty()) {
      problems +=
          fmt::format("failed: {}, {}, batch {}: {}\n", row.net, row.mode, row.batch, row.problem);
      continue;
    }
    table.add({row.net, row.mode, std::to_string(row.batch), number(1e3 * row.seconds),
               number(1e3 * row.alone), number(static_cast<double>(row.batch) / row.seconds),
               number(1e-9 * row.flop / row.seconds), measured(times_ideal(row, peak_gflops))});
  }
  return (table.empty() ? "" : table.text()) + problems;
}

std::string peer_table(const std::vector<Row>& rows) {
  Table table({{.title = "net"},
               {.title = "mode"},
               {.title = "batch", .right = true},
               {.title = "peer"},
               {.title = "way"},
               {.title = "its ms", .right = true},
               {.title = "ratio", .right = true},
               {.title = "alone", .right = true}});
  std::string skipped;
  for (const Row& row : rows) {
    for (const PeerRow& peer : row.peers) {
      if (!row.problem.empty()) continue;
      if (!peer.problem.empty()) {
        skipped +=
            fmt::format("skipped: {} for {}, {}: {}\n", peer.name, row.net, row.mode, peer.problem);
        continue;
      }
      table.add({row.net, row.mode, std::to_string(row.batch), peer.name, peer.way,
                 number(1e3 * peer.seconds), number(peer.seconds / row.seconds),
                 number(peer.seconds / row.alone)});
    }
  }
  return (table.empty() ? "" : "\nRatios to peers, above 1 where Pinnacle is faster:\n") +
         (table.empty() ? "" : table.text()) + (skipped.empty() ? "" : '\n' + skipped);
}

Json row_json(const Row& row, double peak_gflops) {
  Json json = {
      {"net", row.net}, {"mode", row.mode}, {"batch", row.batch}, {"parameters", row.parameters}};
  if (!row.problem.empty()) {
    json["problem"] = row.problem;
    return json;
  }
  const double ideal = times_ideal(row, peak_gflops);
  json["gflop"] = 1e-9 * row.flop;
  json["ms"] = 1e3 * row.seconds;
  json["ms_alone"] = 1e3 * row.alone;
  json["first_seconds"] = row.first;
  json["batches"] = row.batches;
  json["samples_per_second"] = static_cast<double>(row.batch) / row.seconds;
  json["gflops"] = 1e-9 * row.flop / row.seconds;
  json["times_ideal"] = ideal > 0 ? Json(ideal) : Json();
  json["peers"] = Json::array();
  for (const PeerRow& peer : row.peers) {
    if (!peer.problem.empty()) {
      json["peers"].push_back({{"peer", peer.name}, {"skipped", peer.problem}});
      continue;
    }
    json["peers"].push_back({{"peer", peer.name},
                             {"version", peer.version},
                             {"way", peer.way},
                             {"ms", 1e3 * peer.seconds},
                             {"ratio", peer.seconds / row.seconds},
                             {"ratio_alone", peer.seconds / row.alone}});
  }
  return json;
}

std::vector<Net> chosen_nets(const std::vector<std::string>& names) {
  if (names.empty()) return all_nets();
  std::vector<Net> nets;
  for (const std::string& name : names) nets.push_back(find_net(name));
  return nets;
}

// What the cache says may come from a busy moment, and so may this: the higher of both, and the
// caller asks several times.
double measure_peak(const Device& device) {
  if (device.kind() == DeviceKind::host) return 0;
  return std::max(device.target().peak_gflops, runtime::probe(device.handle()).peak_gflops);
}

}  // namespace

int run_nets(const NetsOptions& options) {
  const Output output(options.json);
  const std::vector<Net> nets = chosen_nets(options.nets);
  if (!options.save.empty()) {
    Model(nets.front().layer, {nets.front().sample, DType::f32}).save(options.save);
    return 0;
  }
  if (!options.trace.empty()) const Output check_now(JsonOption(options.trace));
  const Device device = select_device(options.device);
  if (!options.trace.empty() && device.kind() == DeviceKind::host) {
    throw ArgumentError("the host records no times of steps", "--trace", "choose an OpenCL device");
  }
  if (options.once) return run_once(nets.front(), device);
  if (options.first_result) return run_first_result(nets, options.device, output);
  Bench bench(device, options);
  StatusLine status;
  double peak = measure_peak(device);
  std::vector<Row> rows;
  std::string profiles;
  Json json_profiles = Json::array();
  for (const Net& net : nets) {
    status.show(fmt::format("{} ...", net.name));
    const Model model(net.layer, {net.sample, DType::f32});
    for (const std::string& mode : modes_of(options.mode)) {
      std::vector<std::int64_t> batches = options.batches;
      if (batches.empty()) batches = {mode == "training" ? net.training_batch : 1};
      for (const std::int64_t batch : batches) {
        status.show(fmt::format("{}, {}, batch {} ...", net.name, mode, batch));
        rows.push_back(bench.measure(net, model, mode, batch));
        const bool timed = options.profile || !options.trace.empty();
        if (!timed || !rows.back().problem.empty()) continue;
        const std::vector<StepTime> steps = bench.profile(net, model, rows.back());
        if (!options.profile) continue;
        profiles +=
            fmt::format("\n{}, {}, batch {}\n{}", net.name, mode, batch, profile_text(steps));
        json_profiles.push_back(
            {{"net", net.name}, {"mode", mode}, {"batch", batch}, {"steps", profile_json(steps)}});
      }
    }
    peak = std::max(peak, measure_peak(device));
  }
  status.clear();
  const Environment environment = describe_environment();
  output.text(to_text(environment) +
              fmt::format("device {}: {} ({})\nFMA peak, measured now: {} GFLOP/s\n\n",
                          device_index(device), device.name(), device.platform(), measured(peak)) +
              main_table(rows, peak) + peer_table(rows) + profiles);
  Json json_rows = Json::array();
  bool failed = false;
  for (const Row& row : rows) {
    failed = failed || !row.problem.empty();
    json_rows.push_back(row_json(row, peak));
  }
  Json result = {{"device", device_json(device)},
                 {"environment", to_json(environment)},
                 {"peak_gflops", peak > 0 ? Json(peak) : Json()},
                 {"rows", std::move(json_rows)}};
  if (options.profile) result["profiles"] = std::move(json_profiles);
  output.json(result);
  return failed ? 1 : 0;
}

}  // namespace pinnacle::bench
