// ModelMaker: small ONNX models for tests, written down in a few lines.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <pinnacle/tensor.hpp>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "io/onnx/proto.hpp"

namespace pinnacle::test {

/// An extent, or a symbol's name.
using Dim = std::variant<std::int64_t, std::string>;
using AttributeValue =
    std::variant<std::int64_t, float, std::string, std::vector<std::int64_t>, ::onnx::GraphProto>;

inline void set_type(::onnx::ValueInfoProto& info, const std::string& name, DType dtype,
                     const std::vector<Dim>& dims);
inline ::onnx::TensorProto tensor_proto(const std::string& name, const Tensor& tensor);

/// A graph: the model's, or the body of a Loop or a branch.
class GraphMaker {
 public:
  explicit GraphMaker(const std::string& name = "g") { graph_.set_name(name); }

  GraphMaker& input(const std::string& name, std::vector<Dim> dims, DType dtype = DType::f32) {
    set_type(*graph_.add_input(), name, dtype, dims);
    return *this;
  }
  GraphMaker& output(const std::string& name, std::vector<Dim> dims = {},
                     DType dtype = DType::f32) {
    set_type(*graph_.add_output(), name, dtype, dims);
    return *this;
  }
  GraphMaker& weight(const std::string& name, const Tensor& tensor) {
    *graph_.add_initializer() = tensor_proto(name, tensor);
    return *this;
  }
  GraphMaker& node(const std::string& op, const std::vector<std::string>& inputs,
                   const std::vector<std::string>& outputs,
                   const std::vector<std::pair<std::string, AttributeValue>>& attributes = {}) {
    return add(*graph_.add_node(), op, inputs, outputs, attributes);
  }
  ::onnx::GraphProto& proto() { return graph_; }

 private:
  GraphMaker& add(::onnx::NodeProto& node, const std::string& op,
                  const std::vector<std::string>& inputs, const std::vector<std::string>& outputs,
                  const std::vector<std::pair<std::string, AttributeValue>>& attributes);

  ::onnx::GraphProto graph_;
};

inline std::int32_t onnx_code(DType dtype) {
  switch (dtype) {
    case DType::f32:
      return ::onnx::TensorProto::FLOAT;
    case DType::f16:
      return ::onnx::TensorProto::FLOAT16;
    case DType::i64:
      return ::onnx::TensorProto::INT64;
    case DType::i32:
      return ::onnx::TensorProto::INT32;
    case DType::i8:
      return ::onnx::TensorProto::INT8;
    case DType::u8:
      return ::onnx::TensorProto::UINT8;
    case DType::boolean:
      return ::onnx::TensorProto::BOOL;
  }
  return 0;
}

inline void set_type(::onnx::ValueInfoProto& info, const std::string& name, DType dtype,
                     const std::vector<Dim>& dims) {
  info.set_name(name);
  auto& tensor = *info.mutable_type()->mutable_tensor_type();
  tensor.set_elem_type(onnx_code(dtype));
  tensor.mutable_shape();
  for (const Dim& dim : dims) {
    auto& added = *tensor.mutable_shape()->add_dim();
    if (const auto* extent = std::get_if<std::int64_t>(&dim)) added.set_dim_value(*extent);
    if (const auto* symbol = std::get_if<std::string>(&dim)) added.set_dim_param(*symbol);
  }
}

inline ::onnx::TensorProto tensor_proto(const std::string& name, const Tensor& tensor) {
  ::onnx::TensorProto proto;
  proto.set_name(name);
  proto.set_data_type(onnx_code(tensor.dtype()));
  for (const std::int64_t extent : tensor.shape()) proto.add_dims(extent);
  proto.set_raw_data(reinterpret_cast<const char*>(tensor.bytes().data()), tensor.bytes().size());
  return proto;
}

inline GraphMaker& GraphMaker::add(
    ::onnx::NodeProto& node, const std::string& op, const std::vector<std::string>& inputs,
    const std::vector<std::string>& outputs,
    const std::vector<std::pair<std::string, AttributeValue>>& attributes) {
  node.set_op_type(op);
  for (const std::string& name : inputs) node.add_input(name);
  for (const std::string& name : outputs) node.add_output(name);
  for (const auto& [name, value] : attributes) {
    ::onnx::AttributeProto& attribute = *node.add_attribute();
    attribute.set_name(name);
    if (const auto* i = std::get_if<std::int64_t>(&value)) {
      attribute.set_type(::onnx::AttributeProto::INT);
      attribute.set_i(*i);
    } else if (const auto* f = std::get_if<float>(&value)) {
      attribute.set_type(::onnx::AttributeProto::FLOAT);
      attribute.set_f(*f);
    } else if (const auto* s = std::get_if<std::string>(&value)) {
      attribute.set_type(::onnx::AttributeProto::STRING);
      attribute.set_s(*s);
    } else if (const auto* ints = std::get_if<std::vector<std::int64_t>>(&value)) {
      attribute.set_type(::onnx::AttributeProto::INTS);
      for (const std::int64_t x : *ints) attribute.add_ints(x);
    } else {
      attribute.set_type(::onnx::AttributeProto::GRAPH);
      *attribute.mutable_g() = std::get<::onnx::GraphProto>(value);
    }
  }
  return *this;
}

/// A model around the graph, as bytes of a file.
inline ::onnx::ModelProto model_of(GraphMaker& graph, std::int64_t opset = 17) {
  ::onnx::ModelProto model;
  model.set_ir_version(8);
  model.set_producer_name("test");
  auto& set = *model.add_opset_import();
  set.set_domain("");
  set.set_version(opset);
  *model.mutable_graph() = graph.proto();
  return model;
}

inline std::vector<std::byte> bytes_of(const ::onnx::ModelProto& model) {
  const std::string text = model.SerializeAsString();
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

}  // namespace pinnacle::test
