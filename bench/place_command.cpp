// pinnacle-bench place: a model over several devices as a pipeline: where it is cut, and how many runs
// per second that gives next to the first device alone.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/pipeline.hpp>

#include <algorithm>
#include <array>

#include "base/text.hpp"
#include "bench/agreement.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/onnx_work.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"
#include "bench/timing.hpp"

namespace pinnacle::bench {
namespace {

using Inputs = std::map<std::string, Tensor>;

Run one_by_one(Session& session, const Inputs& inputs) {
  return [&session, &inputs](std::int64_t count) {
    const double start = now();
    for (std::int64_t i = 0; i < count; ++i) session.run(inputs);
    return now() - start;
  };
}

// The time between `count` results while the stages are full: the first results, while they fill, and
// the last ones, while they empty, do not count.
Run streamed(Pipeline& pipeline, const Inputs& inputs) {
  return [&pipeline, &inputs](std::int64_t count) {
    const auto ahead = static_cast<std::int64_t>(4 * pipeline.stages());
    std::int64_t submitted = 0;
    double start = 0;
    double end = 0;
    for (std::int64_t taken = 0; taken < count + 2 * ahead; ++taken) {
      while (submitted < std::min(taken + ahead, count + 2 * ahead)) {
        pipeline.submit(inputs);
        ++submitted;
      }
      pipeline.next();
      if (taken == ahead - 1) start = now();
      if (taken == ahead + count - 1) end = now();
    }
    return end - start;
  };
}

std::string disagreement(const std::vector<Tensor>& got, const std::vector<Tensor>& wanted,
                         const Graph& graph) {
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const Agreement agreement = compare(got[i], wanted[i], {});
    if (agreement.within) continue;
    return fmt::format("output \"{}\" differs: {}", graph.value(graph.outputs[i]).name,
                       agreement.problem.empty()
                           ? fmt::format("element {} is {}, alone {}", agreement.element,
                                         agreement.got, agreement.wanted)
                           : agreement.problem);
  }
  return "";
}

struct Measured {
  std::string what;
  Timing timing;
};

std::string results_table(const std::vector<Measured>& rows, double ratio) {
  Table table({{.title = "", .wraps = true},
               {.title = "ms", .right = true},
               {.title = "runs/s", .right = true}});
  for (const Measured& row : rows) {
    table.add({row.what, number(1e3 * row.timing.seconds), number(1 / row.timing.seconds)});
  }
  return table.text() + fmt::format("ratio to the faster one alone: {:.2f}\n", ratio);
}

Json placement_json(const Placement& placement) { return Json::parse(to_json(placement)); }

}  // namespace

int run_place(const PlaceOptions& options) {
  const Output output(options.json);
  const std::vector<Device> devices = select_devices(options.devices);
  PipelineOptions how;
  if (!options.load.empty()) how.placement = load_placement(options.load);
  const OnnxWork work = make_work(
      options.file, {.batch = options.batch, .shapes = options.shapes, .inputs = options.inputs});
  const Inputs inputs = run_inputs(work.graph, work);
  StatusLine status;
  status.show(fmt::format("{} on {} devices ...", work.name, devices.size()));
  Pipeline pipeline = compile_pipeline(work.graph, devices, how);
  if (!options.save.empty()) save_placement(pipeline.placement(), options.save);
  status.clear();
  const Environment environment = describe_environment();
  output.text(fmt::format("{}{}: {} nodes\n{}\n", to_text(environment), work.name,
                          work.graph.nodes.size(), pipeline.placement()));
  status.show("measuring ...");
  Session alone = compile(work.graph, devices.front());
  Placement whole;
  whole.strategy = Strategy::pipeline;
  whole.stages.resize(1);
  whole.stages[0].device = devices.front().name();
  whole.stages[0].last = static_cast<int>(work.graph.nodes.size());
  Pipeline alone_streamed =
      compile_pipeline(work.graph, {devices.front()}, {.compile = {}, .placement = whole});
  const std::string problem = disagreement(pipeline.run(inputs), alone.run(inputs), work.graph);
  const std::array<Run, 3> runs = {one_by_one(alone, inputs), streamed(alone_streamed, inputs),
                                   streamed(pipeline, inputs)};
  const std::vector<Timing> times = time_interleaved(runs, {.seconds = options.seconds});
  status.clear();
  const std::vector<Measured> rows = {
      {"the first device alone, one run after the other", times[0]},
      {"the first device alone, as a pipeline of one stage", times[1]},
      {fmt::format("pipeline of {} stages", pipeline.stages()), times[2]}};
  const double ratio = std::min(times[0].seconds, times[1].seconds) / times[2].seconds;
  output.text(results_table(rows, ratio) + (problem.empty() ? "" : problem + "\n"));
  Json result = {{"model", options.file},
                 {"environment", to_json(environment)},
                 {"devices", Json::array()},
                 {"placement", placement_json(pipeline.placement())},
                 {"alone_ms", 1e3 * times[0].seconds},
                 {"alone_streamed_ms", 1e3 * times[1].seconds},
                 {"pipeline_ms", 1e3 * times[2].seconds},
                 {"ratio", ratio},
                 {"problem", problem}};
  for (const Device& device : devices) result["devices"].push_back(identity_json(device));
  output.json(result);
  return problem.empty() ? 0 : 1;
}

}  // namespace pinnacle::bench
