// SPDX-License-Identifier: Apache-2.0
#include "bench/peak.hpp"

#include <pinnacle/op.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <memory>

#include "bench/workloads.hpp"

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

}  // namespace

PeakRun peak_run(const Device& device) {
  static const OpDef op = peak_op();
  Graph graph;
  Builder builder(graph);
  graph.outputs.push_back(builder.apply(op, {}));
  return {.run = session_run(std::make_shared<Session>(compile(graph, device))),
          .flop = work_for(device.target()).flop()};
}

}  // namespace pinnacle::bench
