// SPDX-License-Identifier: Apache-2.0
#include "bench/onnx_work.hpp"

#include <pinnacle/error.hpp>
#include <pinnacle/op.hpp>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/random.hpp"
#include "base/text.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kMostRank = 16;

std::optional<Shape> parse_extents(std::string_view text) {
  std::vector<std::int64_t> dims;
  for (const std::string& word : split(text, 'x')) {
    std::int64_t extent = 0;
    const auto end = word.data() + word.size();
    const auto result = std::from_chars(word.data(), end, extent);
    if (result.ec != std::errc() || result.ptr != end || extent < 0) return std::nullopt;
    dims.push_back(extent);
  }
  if (dims.empty() || dims.size() > kMostRank) return std::nullopt;
  return Shape(std::move(dims));
}

std::vector<std::string> names_of(const std::vector<OnnxPort>& ports) {
  std::vector<std::string> names;
  for (const OnnxPort& port : ports) names.push_back(port.name);
  return names;
}

// The tensors of a folder, for the inputs in their order.
void read_inputs(const std::filesystem::path& folder, const OnnxModel& model,
                 OnnxBinding& binding) {
  std::error_code error;
  if (!std::filesystem::is_directory(folder, error)) {
    throw FileError("there is no such folder", folder.string(),
                    "--inputs takes a folder with input_0.pb, input_1.pb, ...");
  }
  for (std::size_t i = 0; i < model.inputs().size(); ++i) {
    const std::filesystem::path file = folder / fmt::format("input_{}.pb", i);
    if (!std::filesystem::exists(file, error)) {
      throw FileError(fmt::format("is missing; the model has {} inputs", model.inputs().size()),
                      file.string());
    }
    Tensor tensor = load_onnx_tensor(file);
    const std::string& name = model.inputs()[i].name;
    binding.shapes[name] = tensor.shape();
    binding.contents[name] = std::move(tensor);
  }
}

}  // namespace

OnnxBinding bind_batch(const OnnxModel& model, std::int64_t batch) {
  OnnxBinding binding;
  const OnnxPort* fixed = nullptr;
  bool bound = false;
  for (const OnnxPort& input : model.inputs()) {
    if (!input.dims || input.dims->empty()) continue;
    const std::int64_t first = input.dims->front();
    if (first >= 0) {
      if (first != batch && fixed == nullptr) fixed = &input;
      bound = bound || first == batch;
      continue;
    }
    bound = true;
    if (!input.symbols.front().empty()) {
      binding.symbols[input.symbols.front()] = batch;
      continue;
    }
    std::vector<std::int64_t> dims = *input.dims;
    dims.front() = batch;
    // Other extents stay symbolic, or are 1 as where nothing is said.
    if (std::any_of(input.symbols.begin() + 1, input.symbols.end(),
                    [](const std::string& symbol) { return !symbol.empty(); })) {
      throw ArgumentError(fmt::format("the first axis of input \"{}\" has no name", input.name),
                          "--batch",
                          fmt::format("give its shape: --shape {}={}x...", input.name, batch));
    }
    std::replace(dims.begin(), dims.end(), std::int64_t{-1}, std::int64_t{1});
    binding.shapes[input.name] = Shape(std::move(dims));
  }
  if (fixed != nullptr && !bound) {
    throw ArgumentError(fmt::format("the first axis of input \"{}\" is fixed at {} in the file",
                                    fixed->name, fixed->dims->front()),
                        "--batch", "export the model with a symbolic batch axis");
  }
  return binding;
}

std::pair<std::string, Shape> parse_input_shape(const std::string& text,
                                                const std::vector<OnnxPort>& inputs) {
  const std::size_t sign = text.rfind('=');
  const std::optional<Shape> shape =
      parse_extents(sign == std::string::npos ? text : std::string_view(text).substr(sign + 1));
  const std::string example =
      fmt::format("write it like {}=1x3x224x224", inputs.empty() ? "x" : inputs.front().name);
  if (!shape) throw ArgumentError(fmt::format("is \"{}\"", text), "--shape", example);
  if (sign == std::string::npos) {
    if (inputs.size() == 1) return {inputs.front().name, *shape};
    throw ArgumentError(
        fmt::format("\"{}\" names no input, and the model has {}", text, inputs.size()), "--shape",
        example);
  }
  const std::string name = text.substr(0, sign);
  const std::vector<std::string> names = names_of(inputs);
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    const std::string near = suggestion(name, names);
    throw ArgumentError(fmt::format("there is no input \"{}\"", name), "--shape",
                        near.empty() ? fmt::format("there are: {}", fmt::join(names, ", ")) : near);
  }
  return {name, *shape};
}

Tensor made_up(const std::string& name, const TensorType& type) {
  Random random(hash64(name));
  Array array(type.shape);
  const bool real = type.dtype == DType::f32 || type.dtype == DType::f16;
  // At least the first of each row is 1: a row of a mask that is empty means nothing.
  const auto row = type.shape.rank() == 0
                       ? std::size_t{1}
                       : static_cast<std::size_t>(std::max<std::int64_t>(type.shape.back(), 1));
  for (std::size_t i = 0; i < array.data.size(); ++i) {
    const double value = random.uniform(-1, 1);
    array.data[i] = real ? value : i % row == 0 || value > 0 ? 1 : 0;
  }
  return to_tensor(array, type.dtype);
}

OnnxWork make_work(const std::filesystem::path& file, const OnnxWorkOptions& options) {
  const OnnxModel model = load(file);
  OnnxBinding binding = options.batch > 0 ? bind_batch(model, options.batch) : OnnxBinding{};
  if (!options.inputs.empty()) read_inputs(options.inputs, model, binding);
  for (const std::string& text : options.shapes) {
    auto [name, shape] = parse_input_shape(text, model.inputs());
    if (binding.contents.contains(name) && binding.contents[name].shape() != shape) {
      throw ArgumentError(fmt::format("input \"{}\" is {} in the folder of --inputs", name,
                                      binding.contents[name].shape()),
                          "--shape", "leave it out");
    }
    binding.shapes[name] = std::move(shape);
  }
  OnnxWork work{.name = file.filename().string(), .graph = model.graph(binding), .inputs = {}};
  for (auto& [name, tensor] : binding.contents) work.inputs[name] = std::move(tensor);
  for (const ValueId id : work.graph.inputs) {
    const GraphValue& value = work.graph.value(id);
    if (!work.inputs.contains(value.name)) {
      work.inputs[value.name] = made_up(value.name, value.type);
    }
  }
  return work;
}

std::map<std::string, Tensor> run_inputs(const Graph& graph, const OnnxWork& work) {
  std::map<std::string, Tensor> inputs;
  for (const ValueId id : graph.inputs) {
    const std::string& name = graph.value(id).name;
    inputs[name] = work.inputs.at(name);
  }
  return inputs;
}

}  // namespace pinnacle::bench
