// SPDX-License-Identifier: Apache-2.0
#include "bench/peak.hpp"

#include <pinnacle/op.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <memory>

#include "bench/workloads.hpp"
#include "ops/launch.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::int64_t kChains = 8;         // of clkernels/probe/fma_*.cl
constexpr std::int64_t kIterations = 4096;  // far below any loop limit
constexpr double kSeconds = 1e-3;           // of one run: long next to a launch

struct Work {
  std::size_t groups = 1, local = 1;
  std::int64_t lanes = 1;

  double flop() const {
    return 2.0 * static_cast<double>(kChains * lanes * kIterations) *
           static_cast<double>(groups * local);
  }
};

Work work_for(const Target& target) {
  Work work;
  if (target.family == Family::wide) {
    work.lanes = target.vector_width;
  } else {
    work.local = std::min<std::size_t>(64, target.max_work_group);
  }
  const double wanted = 1e9 * target.peak_gflops * kSeconds / work.flop();
  // As many groups for each compute unit, so that none waits for another.
  const auto units = static_cast<double>(target.compute_units);
  const double rounds = std::clamp(wanted / units, 4.0, 1e5);
  work.groups = static_cast<std::size_t>(rounds) * static_cast<std::size_t>(target.compute_units);
  return work;
}

OpDef peak_op() {
  return {.name = "fma_peak",
          .infer =
              [](const OpView&) {
                return std::vector<TensorType>{{{1}, DType::f32}};
              },
          .reference =
              [](const OpView&, std::span<const Array>) {
                return std::vector<Array>{Array(Shape{1})};  // the kernel writes nothing
              },
          .gradient = no_gradient("it computes nothing of use"),
          .cost = [](const OpView&) { return Cost{}; },
          .variants =
              std::vector<Variant>{
                  {.name = "probe",
                   .accepts = [](const OpView&, const Target&) { return Decline(); },
                   .lower =
                       [](const OpView&, const Target& target, const Params&) {
                         const Work work = work_for(target);
                         const bool wide = target.family == Family::wide;
                         Lowering lowering;
                         KernelCall& call =
                             lowering.call(wide ? "probe/fma_wide.cl" : "probe/fma_simt.cl");
                         if (wide) call.define("VW", work.lanes);
                         call.arg(out()).arg(static_cast<std::int32_t>(kIterations));
                         call.range({work.groups * work.local, 1, 1}, {work.local, 1, 1});
                         call.loops(kIterations);
                         return lowering;
                       }}}};
}

// How many vectors a work-item copies.
struct Copy {
  std::int64_t lanes = 1, local = 1, groups = 1, count = 1;

  std::int64_t elements() const { return lanes * local * groups * count; }
};

// REQUIRES: groups > 0
Copy copy_of(const Target& target, std::int64_t elements, std::int64_t groups) {
  const bool wide = target.family == Family::wide;
  Copy copy{
      .lanes = wide ? target.vector_width : 4,
      .local =
          wide ? 1 : std::min<std::int64_t>(64, static_cast<std::int64_t>(target.max_work_group))};
  const std::int64_t vectors = std::max<std::int64_t>(1, elements / copy.lanes);
  // Work-items of which none loops longer than the device allows.
  const std::int64_t longest = target.loop_limit > 0 ? target.loop_limit : INT32_MAX;
  groups = std::max(groups, ceil_div(vectors, copy.local * longest));
  copy.groups = std::min(groups, ceil_div(vectors, copy.local));
  copy.count = ceil_div(vectors, copy.local * copy.groups);
  return copy;
}

OpDef copy_op(const Copy& copy, Family family) {
  const bool wide = family == Family::wide;
  return {
      .name = "copy",
      .infer = [](const OpView& op) { return std::vector<TensorType>{*op.in[0]}; },
      .reference = [](const OpView&,
                      std::span<const Array> in) { return std::vector<Array>{in[0]}; },
      .gradient = no_gradient("it is only measured"),
      .cost = [](const OpView& op) { return Cost{.flop = 0, .bytes = op.operand_bytes()}; },
      .variants =
          std::vector<Variant>{
              {.name = "probe",
               .accepts = [](const OpView&, const Target&) { return Decline(); },
               .lower =
                   [copy, wide](const OpView&, const Target&, const Params&) {
                     Lowering lowering;
                     KernelCall& call = lowering.call("probe/stream_copy.cl");
                     const auto local = static_cast<std::size_t>(copy.local);
                     const std::size_t items = static_cast<std::size_t>(copy.groups) * local;
                     call.define("VW", copy.lanes).arg(in(0)).arg(out()).arg(to_int(copy.count));
                     call.arg(wide ? to_int(copy.count) : 1);
                     call.arg(wide ? 1 : static_cast<std::int32_t>(items));
                     call.range({items, 1, 1}, {local, 1, 1}).loops(copy.count);
                     return lowering;
                   }}}};
}

}  // namespace

bool is_memory_bound(const Target& target, double flop, double bytes) {
  return flop * target.bandwidth_gbs < bytes * target.peak_gflops;
}

CopyRuns copy_runs(const Device& device, double bytes) {
  const Target& target = device.target();
  const auto elements = static_cast<std::int64_t>(bytes / 2 / sizeof(float));
  const std::int64_t units = std::max(target.compute_units, 1);
  std::vector<std::int64_t> groups;
  if (target.family == Family::wide) {
    // One group for what is shorter than waking the other cores.
    constexpr std::int64_t kShort = 1 << 17;
    if (elements < kShort) groups.push_back(1);
    if (elements >= 4096) groups.push_back(8 * units);
  }
  if (groups.empty()) groups.push_back(std::max<std::int64_t>(1, elements / 1024));
  CopyRuns result;
  for (const std::int64_t n : groups) {
    const Copy copy = copy_of(target, elements, n);
    const OpDef op = copy_op(copy, target.family);
    Graph graph;
    GraphValue x{
        .name = "x", .type = {{copy.elements()}, DType::f32}, .role = Role::input, .data = {}};
    graph.inputs.push_back(graph.add_value(x));
    Builder builder(graph);
    graph.outputs.push_back(builder.apply(op, {graph.inputs.front()}));
    auto session = std::make_shared<Session>(compile(graph, device));
    fill_inputs(*session);
    result.runs.push_back(session_run(std::move(session)));
    result.bytes =
        std::max(result.bytes, 2.0 * sizeof(float) * static_cast<double>(copy.elements()));
  }
  return result;
}

PeakRun peak_run(const Device& device) {
  static const OpDef op = peak_op();
  Graph graph;
  Builder builder(graph);
  graph.outputs.push_back(builder.apply(op, {}));
  return {.run = session_run(std::make_shared<Session>(compile(graph, device))),
          .flop = work_for(device.target()).flop()};
}

}  // namespace pinnacle::bench
