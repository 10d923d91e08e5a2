// NodeContext: a NodeImport on a node of a document.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "io/onnx/walk.hpp"

namespace pinnacle::onnx {

class NodeContext final : public NodeImport {
 public:
  NodeContext(Walk& walk, const ::onnx::NodeProto& node, const Scope& scope, int opset,
              std::vector<ValueId> inputs);

  Builder& b() override { return walk_.builder(); }
  const std::string& op() const override { return node_.op_type(); }
  const std::string& name() const override { return name_; }
  int opset() const override { return opset_; }
  std::size_t input_count() const override { return inputs_.size(); }
  bool has(std::size_t i) const override { return i < inputs_.size() && inputs_[i] != kNoValue; }
  ValueId in(std::size_t i) const override;
  Tensor contents(std::size_t i) override;
  Tensor contents_of(ValueId id) override;
  bool is_constant(std::size_t i) const override;
  bool has_attribute(std::string_view name) const override;
  std::int64_t integer(std::string_view name, std::int64_t absent) const override;
  double number(std::string_view name, double absent) const override;
  std::string text(std::string_view name, std::string_view absent) const override;
  Ints ints(std::string_view name, const Ints& absent) const override;
  std::vector<double> numbers(std::string_view name,
                              const std::vector<double>& absent) const override;
  std::vector<std::string> texts(std::string_view name,
                                 const std::vector<std::string>& absent) const override;
  Tensor tensor(std::string_view name) const override;
  std::size_t output_count() const override {
    return static_cast<std::size_t>(node_.output_size());
  }
  bool wants(std::size_t i) const override;

 private:
  const ::onnx::AttributeProto* find(std::string_view name,
                                     ::onnx::AttributeProto::AttributeType type) const;

  Walk& walk_;
  const ::onnx::NodeProto& node_;
  const Scope& scope_;
  std::string name_;
  int opset_;
  std::vector<ValueId> inputs_;
};

}  // namespace pinnacle::onnx
