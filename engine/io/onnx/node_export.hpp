// NodeExport: one node of ours while it is written as ONNX, as the rows of the map (export/*.cpp) see
// it. A row adds one operator of ONNX or a few; values of the file are known by their names.
// Thread safety: none needed, an export is one thread's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle::onnx {

/// The number of an element type in ONNX files (TensorProto.DataType).
std::int64_t element_type(DType dtype);

class NodeExport {
 public:
  using Ints = Attributes::Ints;
  using Names = std::vector<std::string>;

  virtual ~NodeExport() = default;

  /// The node with the types of its operands.
  virtual const OpView& op() const = 0;
  const Attributes& attributes() const { return op().attributes(); }
  bool has(std::size_t i) const { return op().has_input(i); }
  const Shape& shape(std::size_t i) const { return op().shape(i); }
  DType dtype(std::size_t i) const { return op().in[i]->dtype; }

  /// The name of input i, "" if it is absent: as ONNX leaves out optional inputs.
  virtual std::string in(std::size_t i) const = 0;
  /// The name of output i.
  virtual std::string out(std::size_t i = 0) const = 0;
  /// Whether anything reads output i.
  virtual bool wants(std::size_t i) const = 0;
  Names inputs() const;

  // Constants: the name of an initializer; equal small ones are shared.
  virtual std::string constant(const Tensor& tensor, std::string_view suffix) = 0;
  std::string number(double value, DType dtype = DType::f32);  ///< a scalar
  std::string ints(const Ints& values);                        ///< i64 of rank 1
  /// The integers of an attribute as a value, i64 of rank 1. Those that grow with the batch are
  /// computed from the extent of an input.
  virtual std::string ints_of(std::string_view attribute) = 0;
  /// The extents of output i, in the same way.
  virtual std::string shape_of_output(std::size_t i) = 0;
  /// A shape for Reshape, with -1 or 0 where that is enough to follow the batch.
  virtual std::string reshape_shape() = 0;
  /// Whether an attribute has these integers whatever the batch.
  virtual bool is_static(std::string_view attribute) const = 0;

  // Operators. `attributes`: integers, numbers, texts and lists of integers.
  virtual void add(std::string_view op_type, const Names& inputs, const Names& outputs,
                   const Attributes& attributes = {}) = 0;
  /// A name for a value in between: "gelu_1.erf", with a number behind it if it is taken.
  virtual std::string fresh(std::string_view suffix) = 0;
  /// Adds an operator with one result, and returns its name.
  std::string apply(std::string_view op_type, const Names& inputs,
                    const Attributes& attributes = {});
  /// Adds the operator whose result is output 0.
  void finish(std::string_view op_type, const Names& inputs, const Attributes& attributes = {}) {
    add(op_type, inputs, {out()}, attributes);
  }
  /// `value`, the last result of this row or any other value, becomes output 0.
  virtual void finish_with(const std::string& value) = 0;
  /// What a fused node does to its result: `epilogue` of the node applied to `value`, or `value` as it
  /// is, becomes output 0. `residual`: the input that the epilogue knows as x1.
  void finish_epilogue(const std::string& value, std::size_t residual);

  [[noreturn]] void unsupported(const std::string& why) const;  ///< throws UnsupportedError
};

/// One row of the map: an op of ours and how it is written.
struct ExportRow {
  std::string_view op;
  void (*write)(NodeExport& node);
  /// The attributes that it takes into account, separated by blanks: a node that has others is declined,
  /// so that an op can grow without being written wrongly.
  std::string_view attributes = {};
};

/// Writes a pointwise expression (ops/epilogue.hpp) on operands of these names, whose type is `dtype`.
/// Returns the name of the result: that of an operand if the expression is just that.
std::string write_expression(NodeExport& node, std::string_view expression,
                             const NodeExport::Names& operands, DType dtype);

}  // namespace pinnacle::onnx
