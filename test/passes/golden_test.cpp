// The printed plans of five nets, compared with test/golden/plans/*.txt: kernels, bytes moved and
// memory are numbers without noise. PINNACLE_UPDATE_GOLDEN=1 writes them anew; read the diff.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <filesystem>

#include "base/files.hpp"
#include "passes/golden_nets.hpp"
#include "passes/passes.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

const std::filesystem::path kFolder = std::filesystem::path(PINNACLE_TEST_DIR) / "golden" / "plans";

void check_golden(const std::string& name, Graph graph, const Target& target) {
  CAPTURE(name);
  const std::string text = to_text(run_passes(graph, target, {}));
  const std::filesystem::path file = kFolder / (name + ".txt");
  if (!environment("PINNACLE_UPDATE_GOLDEN").empty()) {
    std::filesystem::create_directories(kFolder);
    write_file_atomically(file, text);
  }
  const std::string wanted = read_file(file);
  // The first line that differs says more than two whole plans.
  std::size_t start = 0;
  for (std::size_t i = 0; i < text.size() && i < wanted.size() && text[i] == wanted[i]; ++i) {
    if (text[i] == '\n') start = i + 1;
  }
  if (text != wanted) {
    FAIL_CHECK("plan differs from " << file.string() << "\n  got    "
                                    << text.substr(start, text.find('\n', start) - start)
                                    << "\n  wanted "
                                    << wanted.substr(start, wanted.find('\n', start) - start));
  }
}

}  // namespace

TEST_CASE("golden plans") {
  check_golden("mlp_training_wide", mlp_training(128), wide_target());
  check_golden("lenet_training_wide", lenet_training(128), wide_target());
  check_golden("lenet_inference_simt", lenet_inference(16), simt_target());
  check_golden("residual_inference_wide", residual_inference(1), wide_target());
  check_golden("depthwise_inference_simt", depthwise_inference(4), simt_target());
}

}  // namespace pinnacle::test
