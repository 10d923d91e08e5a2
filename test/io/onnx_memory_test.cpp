// What the plans of real nets hold in memory, next to what must be alive at once in any case.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <pinnacle/onnx.hpp>
#include <pinnacle/session.hpp>
#include <vector>

#include "base/files.hpp"
#include "targets.hpp"

namespace fs = std::filesystem;

namespace pinnacle::test {
namespace {

constexpr double kAllowed = 1.10;

bool alive(const PlanBuffer& buffer, int step) {
  return buffer.place == PlanBuffer::Place::arena && buffer.first <= step && step <= buffer.last;
}

// The bytes of all values alive at the worst step. Of a value that is written part by part only the
// parts that are there count.
std::size_t least_arena(const Plan& plan) {
  std::size_t worst = 0;
  for (int step = 0; step < static_cast<int>(plan.steps.size()); ++step) {
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < plan.buffers.size(); ++i) {
      const PlanBuffer& buffer = plan.buffers[i];
      if (buffer.part_of >= 0 || !alive(buffer, step)) continue;
      std::size_t missing = 0;
      for (const PlanBuffer& part : plan.buffers) {
        if (part.part_of == static_cast<int>(i) && part.first > step) missing += part.bytes;
      }
      bytes += buffer.bytes - std::min(buffer.bytes, missing);
    }
    worst = std::max(worst, bytes);
  }
  return worst;
}

}  // namespace

TEST_CASE("onnx import: plans of real nets hold little more than must be alive at once") {
  const fs::path data = environment("PINNACLE_DATA");
  if (data.empty() || !fs::is_directory(data / "onnx-light")) {
    MESSAGE("skipped: PINNACLE_DATA has no onnx-light");
    return;
  }
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator(data / "onnx-light")) {
    // The largest takes seconds to import with sanitizers on, and is like zfnet512.
    if (entry.path().extension() == ".onnx" && entry.path().stem() != "light_vgg19") {
      files.push_back(entry.path());
    }
  }
  for (const char* name : {"ultraface-RFB-320", "ultraface-slim-320", "super-resolution-10"}) {
    files.push_back(data / "onnx-models" / name / "model.onnx");
  }
  REQUIRE(files.size() == 11);
  for (const fs::path& file : files) {
    const Plan plan = make_plan(load(file).graph(), wide_target());
    const std::size_t least = least_arena(plan);
    CAPTURE(file.string());
    CAPTURE(plan.arena_bytes);
    CAPTURE(least);
    CHECK(least > 0);
    CHECK(static_cast<double>(plan.arena_bytes) <= kAllowed * static_cast<double>(least));
    const std::size_t rest = plan.peak_bytes() - plan.arena_bytes;
    CHECK(static_cast<double>(plan.peak_bytes()) <= kAllowed * static_cast<double>(least + rest));
    if (file.stem() == "light_resnet50") CHECK(plan.kernel_count() <= 60);
  }
}

}  // namespace pinnacle::test
