// The printed plans of five nets, compared with test/golden/plans/*.txt: kernels, bytes moved and
// memory are numbers without noise. PINNACLE_UPDATE_GOLDEN=1 writes them anew; read the diff.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/session.hpp>
#include <pinnacle/train.hpp>

#include <filesystem>

#include "api/training_graph.hpp"
#include "base/files.hpp"
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

Dataset blank_digits() { return {Tensor({256, 1, 28, 28}), Tensor({256}, DType::i32)}; }

Graph step(const Layer& layer, Optimizer optimizer, std::int64_t batch) {
  const Dataset data = blank_digits();
  const Model model(layer, {Shape({1, 28, 28}), DType::f32});
  const TrainerOptions options{.loss = softmax_cross_entropy, .optimizer = std::move(optimizer)};
  return training_graph(model, data, options, batch, Feed::resident);
}

Layer lenet() {
  return conv2d({.filters = 6, .kernel = 5, .padding = 2}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | conv2d({.filters = 16, .kernel = 5}) | pinnacle::tanh |
         max_pool2d({.kernel = 2}) | flatten | dense(120) | pinnacle::tanh | dense(84) |
         pinnacle::tanh | dense(10);
}

Layer residual(int channels) {
  auto body =
      conv2d({.filters = channels, .kernel = 3, .padding = 1, .bias = false}) | batch_norm() |
      relu | conv2d({.filters = channels, .kernel = 3, .padding = 1, .bias = false}) | batch_norm();
  return [=](Value x) { return relu(x + body(x)); };
}

Layer depthwise_block() {
  return conv2d({.filters = 16, .kernel = 1, .bias = false}) | batch_norm() | hard_swish |
         conv2d({.filters = 16, .kernel = 3, .padding = 1, .groups = 16}) | relu |
         conv2d({.filters = 8, .kernel = 1}) | [](Value x) { return global_average_pool(x); };
}

}  // namespace

TEST_CASE("golden plans") {
  check_golden("mlp_training_wide",
               step(flatten | dense(128) | relu | dense(128) | relu | dense(10), sgd(), 128),
               wide_target());
  check_golden("lenet_training_wide", step(lenet(), adam(), 128), wide_target());
  check_golden("lenet_inference_simt",
               Model(lenet(), {Shape({1, 28, 28}), DType::f32}).inference_graph(16), simt_target());
  check_golden("residual_inference_wide",
               Model(conv2d({.filters = 8, .kernel = 3}) | residual(8) | residual(8),
                     {Shape({3, 16, 16}), DType::f32})
                   .inference_graph(1),
               wide_target());
  check_golden("depthwise_inference_simt",
               Model(depthwise_block(), {Shape({8, 14, 14}), DType::f32}).inference_graph(4),
               simt_target());
}

}  // namespace pinnacle::test
