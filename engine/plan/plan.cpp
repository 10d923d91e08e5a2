// Construction and printing of plans.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/plan.hpp>

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"

namespace pinnacle {
namespace {

std::string show(const BufferRef& ref) {
  switch (ref.space) {
    case BufferRef::Space::input:
      return fmt::format("in{}", ref.index);
    case BufferRef::Space::output:
      return fmt::format("out{}", ref.index);
    case BufferRef::Space::scratch:
      return fmt::format("scratch{}", ref.index);
    case BufferRef::Space::kept:
      return fmt::format("kept{}", ref.index);
    case BufferRef::Space::buffer:
      return fmt::format("#{}", ref.index);
  }
  return "?";
}

std::string show(const Arg& arg) {
  struct {
    std::string operator()(const BufferRef& ref) const { return pinnacle::show(ref); }
    std::string operator()(std::int32_t v) const { return fmt::format("{}", v); }
    std::string operator()(float v) const { return fmt::format("{}", v); }
    std::string operator()(const LocalBytes& v) const { return fmt::format("local {}", v.bytes); }
  } visitor;
  return std::visit(visitor, arg);
}

std::string show_range(const std::array<std::size_t, 3>& range) {
  std::string text = fmt::format("{}", range[0]);
  if (range[1] > 1 || range[2] > 1) text += fmt::format("x{}", range[1]);
  if (range[2] > 1) text += fmt::format("x{}", range[2]);
  return text;
}

struct ShowCall {
  std::string operator()(const KernelCall& call) const {
    std::string text = call.file;
    if (!call.defines.empty()) {
      std::string list;
      for (const auto& [name, value] : call.defines) {
        list += fmt::format("{}{}={}", list.empty() ? "" : " ", name, value);
      }
      text += " {" + list + "}";
    }
    std::string args;
    for (const Arg& arg : call.args) args += (args.empty() ? "" : ", ") + show(arg);
    return text + fmt::format(" ({}) global {} local {}", args, show_range(call.global),
                              show_range(call.local));
  }
  std::string operator()(const ZeroCall& call) const { return "zero " + show(call.target); }
  std::string operator()(const CopyCall& call) const {
    return fmt::format("copy {} -> {}", show(call.source), show(call.target));
  }
  std::string operator()(const HostCall& call) const { return fmt::format("host {}", call.op); }
  std::string operator()(const ExchangeCall& call) const {
    std::string list;
    for (const BufferRef& ref : call.outputs) list += (list.empty() ? "" : ", ") + show(ref);
    if (call.kind == ExchangeCall::Kind::sum) return fmt::format("exchange: sum of ({})", list);
    return fmt::format("exchange: moments of share {:.4g} ({})", call.share, list);
  }
  std::string operator()(const ClblastGemmCall& call) const {
    return fmt::format("clblast gemm {}x{}x{} batch {} {}{} ({}, {}, {})", call.m, call.n, call.k,
                       call.batch, call.transpose_a ? 't' : 'n', call.transpose_b ? 't' : 'n',
                       show(call.a), show(call.b), show(call.c));
  }
};

std::string_view to_string(PlanBuffer::Place place) {
  switch (place) {
    case PlanBuffer::Place::arena:
      return "arena";
    case PlanBuffer::Place::persistent:
      return "persistent";
    case PlanBuffer::Place::constant:
      return "constant";
    case PlanBuffer::Place::kept:
      return "kept";
    case PlanBuffer::Place::external:
      return "external";
  }
  return "?";
}

std::size_t total(const Plan& plan, PlanBuffer::Place place) {
  std::size_t sum = 0;
  for (const PlanBuffer& buffer : plan.buffers) {
    if (buffer.place == place) sum += buffer.bytes;
  }
  return sum;
}

}  // namespace

std::string_view to_string(Family family) { return family == Family::wide ? "wide" : "simt"; }

std::string to_text(const Target& target) {
  std::string text = fmt::format("{} ({})\n", target.name, target.platform);
  if (target.host) return text + "  reference in double on the host, always there, slow\n";
  text += fmt::format("  {} compute units, {} global, {} local, largest buffer {}\n",
                      target.compute_units, human_bytes(double(target.global_memory)),
                      human_bytes(double(target.local_memory)),
                      human_bytes(double(target.max_allocation)));
  text += fmt::format("  measured: {:.1f} GFLOP/s FMA, {:.1f} GB/s copy, {:.1f} us per launch\n",
                      target.peak_gflops, target.bandwidth_gbs, target.launch_us);
  text += fmt::format(
      "  kernels: {} family, {} f32 lanes{}\n", to_string(target.family), target.vector_width,
      target.loop_limit > 0
          ? fmt::format(", loops are cut short after {} iterations", target.loop_limit)
          : std::string());
  return text;
}

KernelCall::KernelCall(std::string file_name) : file(std::move(file_name)) {
  const std::size_t slash = file.rfind('/');
  kernel = file.substr(slash == std::string::npos ? 0 : slash + 1);
  kernel = kernel.substr(0, kernel.rfind('.'));
}

KernelCall& KernelCall::define(std::string name, std::int64_t value) {
  return define(std::move(name), fmt::format("{}", value));
}
KernelCall& KernelCall::define(std::string name, std::string value) {
  defines.emplace_back(std::move(name), std::move(value));
  return *this;
}
KernelCall& KernelCall::arg(Arg value) {
  args.push_back(value);
  return *this;
}
KernelCall& KernelCall::range(std::array<std::size_t, 3> global_size,
                              std::array<std::size_t, 3> local_size) {
  global = global_size;
  local = local_size;
  return *this;
}
KernelCall& KernelCall::loops(std::int64_t iterations) {
  loop_iterations = iterations;
  return *this;
}

std::string to_text(const Call& call) { return std::visit(ShowCall{}, call); }

std::size_t Plan::persistent_bytes() const {
  return total(*this, PlanBuffer::Place::persistent) + total(*this, PlanBuffer::Place::constant) +
         total(*this, PlanBuffer::Place::kept);
}
std::size_t Plan::external_bytes() const { return total(*this, PlanBuffer::Place::external); }
std::size_t Plan::peak_bytes() const { return arena_bytes + persistent_bytes() + external_bytes(); }

int Plan::kernel_count() const {
  int count = 0;
  for (const Step& step : steps) {
    count +=
        static_cast<int>(std::count_if(step.calls.begin(), step.calls.end(), [](const Call& c) {
          return std::holds_alternative<KernelCall>(c) ||
                 std::holds_alternative<ClblastGemmCall>(c);
        }));
  }
  return count;
}

int Plan::host_count() const {
  return static_cast<int>(std::count_if(steps.begin(), steps.end(), [](const Step& step) {
    return std::any_of(step.calls.begin(), step.calls.end(),
                       [](const Call& c) { return std::holds_alternative<HostCall>(c); });
  }));
}

std::string to_text(const Plan& plan) {
  std::string text = fmt::format("plan for {}\n", plan.device);
  for (const std::string& note : plan.notes) text += fmt::format("  {}\n", note);
  text += "steps\n";
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    text += fmt::format("  {:3} {} {} [{}]", i, step.node, step.op, step.variant);
    if (step.flop > 0) text += fmt::format(" {:.3g} MFLOP", step.flop / 1e6);
    text += fmt::format(" {}\n", human_bytes(step.bytes));
    if (!step.reason.empty()) text += fmt::format("      why: {}\n", step.reason);
    for (const Call& call : step.prepare) text += fmt::format("      once {}\n", to_text(call));
    for (const Call& call : step.calls) text += fmt::format("      {}\n", to_text(call));
  }
  text += "buffers\n";
  for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
    const PlanBuffer& buffer = plan.buffers[i];
    text += fmt::format("  #{} {} {} {}", i, buffer.name, buffer.type,
                        human_bytes(double(buffer.bytes)));
    if (buffer.place == PlanBuffer::Place::arena) {
      text += fmt::format(" at {} steps {}..{}", buffer.offset, buffer.first, buffer.last);
      if (buffer.part_of >= 0) text += fmt::format(", part of #{}", buffer.part_of);
    } else {
      text += fmt::format(" {}", to_string(buffer.place));
    }
    text += "\n";
  }
  double flop = 0;
  double bytes = 0;
  for (const Step& step : plan.steps) {
    flop += step.flop;
    bytes += step.bytes;
  }
  text += fmt::format("total {} kernels, {:.4g} MFLOP, {} moved\n", plan.kernel_count(), flop / 1e6,
                      human_bytes(bytes));
  text += fmt::format("memory {} = arena {} + persistent {} + in and out {}\n",
                      human_bytes(double(plan.peak_bytes())), human_bytes(double(plan.arena_bytes)),
                      human_bytes(double(plan.persistent_bytes())),
                      human_bytes(double(plan.external_bytes())));
  return text;
}

}  // namespace pinnacle
