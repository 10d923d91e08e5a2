// Real models from PINNACLE_DATA: what each device computes next to the vectors that came with them.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <pinnacle/onnx.hpp>
#include <pinnacle/session.hpp>

#include "base/files.hpp"
#include "device_list.hpp"

namespace fs = std::filesystem;

namespace pinnacle::test {
namespace {

// Absolute: in parts of the largest element of the expected output.
constexpr double kRelative = 1e-3;
constexpr double kOfScale = 1e-4;

fs::path data_folder(const char* name) {
  const std::string root = environment("PINNACLE_DATA");
  const fs::path folder = fs::path(root) / name;
  return !root.empty() && fs::is_directory(folder) ? folder : fs::path();
}

// The largest element of |a - b| beyond the tolerance around b, in parts of b's scale; 0: none is.
double beyond_tolerance(const Tensor& a, const Tensor& b) {
  REQUIRE(a.type() == b.type());
  const Array x = to_array(a);
  const Array y = to_array(b);
  double scale = 0;
  for (const double value : y.data) scale = std::max(scale, std::fabs(value));
  double largest = 0;
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const double error = std::fabs(x.data[i] - y.data[i]);
    if (!(error <= kOfScale * scale + kRelative * std::fabs(y.data[i]))) {
      largest = std::max(largest, std::isnan(error) ? HUGE_VAL : error / scale);
    }
  }
  return largest;
}

std::vector<Tensor> tensors(const fs::path& folder, const char* stem) {
  std::vector<Tensor> all;
  for (int i = 0; fs::exists(folder / fmt::format("{}_{}.pb", stem, i)); ++i) {
    all.push_back(load_onnx_tensor(folder / fmt::format("{}_{}.pb", stem, i)));
  }
  return all;
}

// A vector may be off itself: the evaluator that made some mixes the batch's statistics into
// BatchNormalization where operator set 9 has an attribute momentum, and where a variance is the
// difference of two large sums, f32 leaves two digits of it. Then the device must be as near to the
// host's result, in double, as it should have been to the vector, or nearer to it than the vector is.
void check_against_host(const OnnxModel& model, const OnnxBinding& binding,
                        const std::map<std::string, Tensor>& inputs, const std::vector<Tensor>& got,
                        const std::vector<Tensor>& vectors) {
  const std::vector<Tensor> exact = compile(model, Device::host(), binding).run(inputs);
  for (std::size_t i = 0; i < vectors.size(); ++i) {
    const double own = beyond_tolerance(got[i], exact[i]);
    const double theirs = beyond_tolerance(vectors[i], exact[i]);
    CAPTURE(i);
    CAPTURE(theirs);
    CHECK(own <= theirs);
  }
}

// One session for all data sets of a model whose shapes are alike.
void run_model(const Device& device, const fs::path& folder) {
  CAPTURE(folder.string());
  const OnnxModel model = load(folder / "model.onnx");
  std::optional<Session> session;
  OnnxBinding bound;
  int sets = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (!entry.is_directory()) continue;
    CAPTURE(entry.path().string());
    const std::vector<Tensor> inputs = tensors(entry.path(), "input");
    const std::vector<Tensor> outputs = tensors(entry.path(), "output");
    REQUIRE(inputs.size() == model.inputs().size());
    REQUIRE(!outputs.empty());
    OnnxBinding binding;
    std::map<std::string, Tensor> named;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      binding.shapes[model.inputs()[i].name] = inputs[i].shape();
      named[model.inputs()[i].name] = inputs[i];
    }
    if (!session || binding.shapes != bound.shapes) {
      session.emplace(compile(model, device, binding));
      bound = binding;
    }
    const std::vector<Tensor> got = session->run(named);
    REQUIRE(got.size() >= outputs.size());
    bool agree = true;
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      agree = agree && beyond_tolerance(got[i], outputs[i]) == 0;
    }
    if (!agree) check_against_host(model, binding, named, got, outputs);
    ++sets;
  }
  CHECK(sets > 0);
}

}  // namespace

TEST_CASE("real ONNX models compute what came with them") {
  const fs::path root = data_folder("onnx-models");
  if (root.empty()) {
    MESSAGE("skipped: PINNACLE_DATA has no onnx-models");
    return;
  }
  const std::vector<std::string> small = {"acasxu/1_1", "acasxu/1_2", "acasxu/3_3", "mnist-8"};
  const std::vector<std::string> medium = {"super-resolution-10"};
  const std::vector<std::string> large = {"basic-pitch-icassp2022", "magika-standard_v3_3",
                                          "ultraface-RFB-320", "ultraface-slim-320"};
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    const bool interpreted = device.name().find("Oclgrind") != std::string::npos;
    for (const std::string& name : small) run_model(device, root / name);
    if (!interpreted) {
      for (const std::string& name : medium) run_model(device, root / name);
    }
    if (small_only()) continue;
    for (const std::string& name : large) run_model(device, root / name);
  }
}

// The weights of these graphs are constants: they test import, shapes and plans.
TEST_CASE("nine ImageNet graphs give the expected output") {
  const fs::path root = data_folder("onnx-light");
  if (root.empty()) {
    MESSAGE("skipped: PINNACLE_DATA has no onnx-light");
    return;
  }
  if (small_only()) return;
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    int models = 0;
    for (const auto& entry : fs::directory_iterator(root)) {
      if (entry.path().extension() != ".onnx") continue;
      CAPTURE(entry.path().string());
      const OnnxModel model = load(entry.path());
      REQUIRE(model.inputs().size() == 1);
      // As the ONNX project's test runner fills it: i / n.
      Tensor x(Shape(*model.inputs()[0].dims));
      for (std::int64_t i = 0; i < x.elements(); ++i) {
        x.f32()[static_cast<std::size_t>(i)] =
            static_cast<float>(static_cast<double>(i) / static_cast<double>(x.elements()));
      }
      Session session = compile(model, device);
      const fs::path expected = root / (entry.path().stem().string() + "_output_0.pb");
      CHECK(beyond_tolerance(session(x), load_onnx_tensor(expected)) == 0);
      ++models;
    }
    CHECK(models == 9);
  }
}

}  // namespace pinnacle::test
