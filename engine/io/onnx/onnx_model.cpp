// OnnxModel: the public side of reading.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/onnx.hpp>

#include "imports.hpp"
#include "io/onnx/document.hpp"
#include "io/onnx/importer.hpp"

namespace pinnacle {

struct OnnxModel::Impl {
  onnx::Document document;
  std::vector<OnnxPort> inputs;
  std::vector<OnnxPort> outputs;
  int opset = 0;
};

namespace {

OnnxPort port(const ::onnx::ValueInfoProto& info) {
  OnnxPort port;
  port.name = info.name();
  const auto& tensor = info.type().tensor_type();
  const std::optional<DType> dtype = onnx::dtype_of(tensor.elem_type());
  port.supported = info.type().has_tensor_type() && dtype.has_value();
  port.dtype = dtype.value_or(DType::f32);
  if (!tensor.has_shape()) return port;
  port.dims.emplace();
  for (const auto& dim : tensor.shape().dim()) {
    port.dims->push_back(dim.has_dim_value() ? dim.dim_value() : -1);
    port.symbols.push_back(dim.has_dim_param() ? dim.dim_param() : "");
  }
  return port;
}

OnnxModel make_model(::onnx::ModelProto proto, const std::filesystem::path& folder,
                     const OnnxLimits& limits) {
  auto impl = std::make_shared<OnnxModel::Impl>();
  onnx::Document& document = impl->document;
  document.limits = limits;
  document.tensors = onnx::TensorContext(folder, limits);
  for (::onnx::TensorProto& tensor : *proto.mutable_graph()->mutable_initializer()) {
    document.weights[tensor.name()] =
        std::make_shared<const Tensor>(onnx::to_tensor(tensor, document.tensors));
    tensor.Clear();  // what was a name and numbers is in `weights` now
  }
  proto.mutable_graph()->clear_initializer();
  document.model = std::move(proto);
  const ::onnx::GraphProto& graph = document.model.graph();
  for (const auto& input : graph.input()) {
    if (!document.weights.contains(input.name())) impl->inputs.push_back(port(input));
  }
  for (const auto& output : graph.output()) impl->outputs.push_back(port(output));
  for (const auto& set : document.model.opset_import()) {
    if (set.domain().empty() || set.domain() == "ai.onnx") {
      impl->opset = static_cast<int>(set.version());
    }
  }
  return OnnxModel(std::move(impl));
}

}  // namespace

const std::vector<OnnxPort>& OnnxModel::inputs() const { return impl_->inputs; }
const std::vector<OnnxPort>& OnnxModel::outputs() const { return impl_->outputs; }
int OnnxModel::opset() const { return impl_->opset; }

Graph OnnxModel::graph(const OnnxBinding& binding) const {
  return onnx::import_graph(impl_->document, binding);
}

OnnxModel load(const std::filesystem::path& file, const OnnxLimits& limits) {
  return make_model(onnx::read_document(file, limits), onnx::folder_of(file), limits);
}

OnnxModel parse_onnx(std::span<const std::byte> bytes, const std::filesystem::path& folder,
                     const OnnxLimits& limits) {
  return make_model(onnx::read_document(bytes, limits), folder, limits);
}

const std::map<std::string_view, const onnx::ImportRow*>& onnx::import_rows() {
  static const std::vector<ImportRow> rows = all_imports();
  static const auto by_name = [] {
    std::map<std::string_view, const ImportRow*> map;
    for (const ImportRow& row : rows) map[row.op] = &row;
    return map;
  }();
  return by_name;
}

}  // namespace pinnacle
