// What the runtime's tests share: child processes, a kernel to scale numbers, hand-made plans.
// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

namespace pinnacle::test {

ChildResult run_child(const std::string& test_case, const std::string& variables) {
  const std::string self = std::filesystem::read_symlink("/proc/self/exe").string();
  const std::string command =
      fmt::format("env {} '{}' --no-skip --test-case='{}' 2>&1", variables, self, test_case);
  ChildResult result;
  FILE* const pipe = ::popen(command.c_str(), "r");
  REQUIRE(pipe != nullptr);
  char part[4096];
  while (const std::size_t count = std::fread(part, 1, sizeof(part), pipe)) {
    result.output.append(part, count);
  }
  result.status = ::pclose(pipe);
  return result;
}

KernelCall scale_call(int x, int y, float scale, float shift, int n) {
  KernelCall call("own/scale.cl");
  call.source =
      "__kernel void scale(__global const float* restrict x, __global float* restrict y,\n"
      "                    const float scale_by, const float shift, const int n) {\n"
      "  const int i = (int)get_global_id(0);\n"
      "  if (i < n) y[i] = fma(scale_by, x[i], shift);\n"
      "}\n";
  call.arg(BufferRef{BufferRef::Space::buffer, x}).arg(BufferRef{BufferRef::Space::buffer, y});
  call.arg(scale).arg(shift).arg(std::int32_t{n});
  call.range({static_cast<std::size_t>(n), 1, 1}, {1, 1, 1});
  return call;
}

PlanBuffer plan_buffer(std::string name, int n, PlanBuffer::Place place) {
  PlanBuffer buffer;
  buffer.name = std::move(name);
  buffer.type = {{n}, DType::f32};
  buffer.bytes = buffer.type.bytes();
  buffer.place = place;
  return buffer;
}

Plan chain_plan(int n, int steps) {
  constexpr std::size_t kAlignment = 4096;
  Plan plan;
  plan.buffers.push_back(plan_buffer("x", n, PlanBuffer::Place::external));
  plan.inputs.push_back({"x", 0});
  for (int s = 0; s < steps; ++s) {
    const bool last = s + 1 == steps;
    plan.buffers.push_back(
        plan_buffer(last ? "y" : fmt::format("t{}", s), n,
                    last ? PlanBuffer::Place::external : PlanBuffer::Place::arena));
    // Two arena ranges in turns.
    const std::size_t range =
        (plan.buffers.back().bytes + kAlignment - 1) / kAlignment * kAlignment;
    plan.buffers.back().offset = last ? 0 : (s % 2) * range;
    plan.arena_bytes = 2 * range;
    Step step;
    step.node = fmt::format("scale{}", s);
    step.op = "scale";
    step.calls.emplace_back(scale_call(s, s + 1, 2.0f, 1.0f, n));
    plan.steps.push_back(std::move(step));
  }
  plan.outputs.push_back({"y", steps});
  return plan;
}

}  // namespace pinnacle::test
