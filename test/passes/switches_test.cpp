// Every pass can be left out by name, and none changes what a graph computes.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include "passes/compare.hpp"
#include "passes/golden_nets.hpp"
#include "targets.hpp"

namespace pinnacle::test {
namespace {

const std::vector<std::string> kPasses = {"fold_constants",
                                          "eliminate_dead",
                                          "common_subexpressions",
                                          "eliminate_transposes",
                                          "eliminate_identities",
                                          "fold_padding",
                                          "recognize",
                                          "fold_batch_norm",
                                          "fuse",
                                          "simplify_pointwise",
                                          "group_updates",
                                          "choose_layout",
                                          "fold_shuffle",
                                          "plan_memory",
                                          "share_ranges"};

bool has_note(const Plan& plan, const std::string& pass) {
  return std::any_of(plan.notes.begin(), plan.notes.end(),
                     [&](const std::string& note) { return note.rfind(pass + ":", 0) == 0; });
}

// The outputs and updates after all passes, and after all but one of them.
void check_switches(const Graph& graph, Target target) {
  // So that small nets run in blocks, too.
  target.peak_gflops = 0.1;
  target.launch_us = 0.001;
  const std::vector<Array> wanted = run_random(graph);
  std::vector<std::string> without = kPasses;
  without.emplace_back("");
  for (const std::string& pass : without) {
    CAPTURE(pass);
    Graph changed = graph;
    PassOptions options;
    if (!pass.empty()) options.without = {pass};
    run_passes(changed, target, options);
    verify(changed);
    check_same(wanted, run_random(changed), 1e-5);
  }
}

}  // namespace

TEST_CASE("passes: each left out alone leaves the results of the golden nets") {
  check_switches(mlp_training(2), wide_target());
  check_switches(lenet_training(2), wide_target());
  check_switches(lenet_inference(2), simt_target());
  check_switches(residual_inference(1), wide_target());
  check_switches(depthwise_inference(2), simt_target());
}

TEST_CASE("passes: each left out alone leaves the results of an imported net") {
  check_switches(imported_net(), wide_target());
  check_switches(imported_net(), simt_target());
}

TEST_CASE("passes: an imported net needs few kernels, and each pass has its share") {
  Graph graph = imported_net();
  const Plan plan = run_passes(graph, wide_target(), {});
  CAPTURE(to_text(plan));
  // The convolutions, one transpose of the image, conversions at the border of blocks, layer_norm, two
  // products, softmax, the sum and its product.
  CHECK(count_op(graph, "conv2d") == 6);
  CHECK(plan.kernel_count() <= 16);
  for (const char* pass :
       {"common_subexpressions", "eliminate_transposes", "eliminate_identities", "fold_padding",
        "recognize", "fold_batch_norm", "fuse", "simplify_pointwise"}) {
    CAPTURE(pass);
    CHECK(has_note(plan, pass));
    Graph again = imported_net();
    const Plan without = run_passes(again, wide_target(), {.variants = {}, .without = {pass}});
    CHECK_FALSE(has_note(without, pass));
    CHECK(without.kernel_count() >= plan.kernel_count());
  }
}

}  // namespace pinnacle::test
