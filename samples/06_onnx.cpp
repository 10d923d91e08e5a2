// Runs a network from an ONNX file, made anywhere: what it takes and gives, what will run, and the
// result for a made-up input on the device next to the host's, which computes in double.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "command_line.hpp"

namespace pn = pinnacle;

std::string describe(const pn::OnnxPort& port) {
  std::string text = fmt::format("{} {}[", port.name, port.dtype);
  for (std::size_t i = 0; port.dims && i < port.dims->size(); ++i) {
    if (i > 0) text += ", ";
    const std::int64_t extent = (*port.dims)[i];
    text += extent >= 0               ? fmt::format("{}", extent)
            : port.symbols[i].empty() ? "?"
                                      : port.symbols[i];
  }
  return text + "]";
}

/// Floats in [0, 1), integers 0 and 1: what an image, a mask or an index might be.
pn::Tensor made_up(const pn::TensorType& type) {
  pn::Tensor tensor(type.shape, type.dtype);
  const auto n = static_cast<std::size_t>(tensor.elements());
  for (std::size_t i = 0; i < n; ++i) {
    if (type.dtype == pn::DType::f32) {
      tensor.f32()[i] = static_cast<float>(i) / static_cast<float>(n);
    } else {
      tensor.bytes()[i * pn::size_of(type.dtype)] = static_cast<std::byte>(i % 2);
    }
  }
  return tensor;
}

double largest_difference(const pn::Tensor& a, const pn::Tensor& b) {
  const pn::Array x = pn::to_array(a);
  const pn::Array y = pn::to_array(b);
  double largest = 0;
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    largest = std::max(largest, std::fabs(x.data[i] - y.data[i]));
  }
  return largest;
}

void run(const std::string& file, const std::string& where, std::int64_t batch, bool compare) {
  const pn::OnnxModel model = pn::load(file);
  pn::OnnxBinding binding;
  fmt::print("{}: operator set {}\n", file, model.opset());
  for (const pn::OnnxPort& port : model.inputs()) {
    fmt::print("  takes {}\n", describe(port));
    for (const std::string& symbol : port.symbols) {
      if (!symbol.empty()) binding.symbols[symbol] = batch;
    }
  }
  for (const pn::OnnxPort& port : model.outputs()) fmt::print("  gives {}\n", describe(port));

  pn::Session session = pn::compile(model, pn::select_device(where), binding);
  const pn::Plan& plan = session.plan();
  fmt::print("device {}\n{} kernels, {} steps on the host, {:.1f} MiB\n", session.device().name(),
             plan.kernel_count(), plan.host_count(),
             static_cast<double>(plan.peak_bytes()) / (1 << 20));

  std::map<std::string, pn::Tensor> inputs;
  for (const pn::ValueId id : session.graph().inputs) {
    inputs[session.graph().value(id).name] = made_up(session.graph().type(id));
  }
  session.run(inputs);  // kernels are compiled at the first run
  const auto start = std::chrono::steady_clock::now();
  const std::vector<pn::Tensor> results = session.run(inputs);
  const std::chrono::duration<double, std::milli> time = std::chrono::steady_clock::now() - start;
  fmt::print("one run {:.2f} ms\n", time.count());

  std::vector<pn::Tensor> expected;
  if (compare) expected = pn::compile(model, pn::Device::host(), binding).run(inputs);
  for (std::size_t i = 0; i < results.size(); ++i) {
    fmt::print("  {} {}", session.graph().value(session.graph().outputs[i]).name,
               results[i].type());
    if (compare) {
      fmt::print(", off the host's result by {:.2g}", largest_difference(results[i], expected[i]));
    }
    fmt::print("\n");
  }
}

int main(int argc, char** argv) {
  std::string file;
  std::string device;
  std::int64_t batch = 1;
  bool compare = false;
  CLI::App app("Runs a network from an ONNX file");
  app.add_option("FILE", file, "the model")->required();
  app.add_option("--device", device, "a device's name, cpu, gpu or host (default: the fastest)");
  app.add_option("--batch", batch, "what symbolic extents are")->check(CLI::PositiveNumber);
  app.add_flag("--compare", compare, "compare with the host, which may take minutes");
  if (const std::optional<int> code = samples::parse(app, argc, argv)) return *code;
  try {
    run(file, device, batch, compare);
  } catch (const pn::Error& error) {
    fmt::print(stderr, "06_onnx: {}\n", error.what());
    return 1;
  }
}
