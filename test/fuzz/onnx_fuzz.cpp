// onnx_fuzz: bytes -> model -> graph -> plan, for libFuzzer. Any bytes must end in a plan or in a typed
// error, soon and within bounded memory; a sanitizer's report, another exception or a limit is a finding.
// SPDX-License-Identifier: Apache-2.0
#include <cstddef>
#include <cstdint>
#include <pinnacle/pinnacle.hpp>
#include <span>
#include <typeinfo>

#include "targets.hpp"

namespace {

// Small, so that many inputs pass in little time; what is refused at these limits is at others.
pinnacle::OnnxLimits small_limits() {
  pinnacle::OnnxLimits limits;
  limits.file_bytes = 1 << 20;
  limits.weight_bytes = 64 << 20;
  limits.nodes = 300;
  limits.nesting = 6;
  limits.fold_flop = 1e7;
  return limits;
}

void import_and_plan(std::span<const std::byte> bytes) {
  const pinnacle::OnnxModel model = pinnacle::parse_onnx(bytes, {}, small_limits());
  pinnacle::OnnxBinding binding;
  for (const pinnacle::OnnxPort& input : model.inputs()) {
    if (!input.dims) binding.shapes[input.name] = pinnacle::Shape{2, 3};
  }
  pinnacle::Graph graph = model.graph(binding);
  pinnacle::verify(graph);
  (void)pinnacle::make_plan(std::move(graph), pinnacle::test::simt_target());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    import_and_plan({reinterpret_cast<const std::byte*>(data), size});
  } catch (const pinnacle::Error& error) {
    // The base class alone is what verify() throws of a broken graph: a bug of ours.
    if (typeid(error) == typeid(pinnacle::Error)) throw;
  }
  return 0;
}
