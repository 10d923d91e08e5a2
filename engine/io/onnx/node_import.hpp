// NodeImport: one ONNX node while it is imported, as the rows of the map (map/*.cpp) see it.
// A row takes the node apart and adds nodes of ours through the builder. Every value is in the graph
// already, with a static shape; contents() gives what is known of a value at import time.
// Thread safety: none needed, an import is one thread's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle::onnx {

class NodeImport {
 public:
  using Ints = std::vector<std::int64_t>;

  virtual ~NodeImport() = default;

  virtual Builder& b() = 0;
  /// The ONNX operator, "Conv".
  virtual const std::string& op() const = 0;
  /// A name for messages: the node's, or that of its first output.
  virtual const std::string& name() const = 0;
  /// The version of the operator set that the node is from.
  virtual int opset() const = 0;

  // Inputs. An absent optional input counts as not there.
  virtual std::size_t input_count() const = 0;
  virtual bool has(std::size_t i) const = 0;
  /// throws ParseError if it is absent
  virtual ValueId in(std::size_t i) const = 0;
  /// in(i), or kNoValue.
  ValueId in_or_none(std::size_t i) const { return has(i) ? in(i) : kNoValue; }
  const TensorType& type(std::size_t i) { return b().type(in(i)); }
  const Shape& shape(std::size_t i) { return type(i).shape; }
  DType dtype(std::size_t i) { return type(i).dtype; }

  /// What input i holds, found by running on the host what it is made of. An input of the model whose
  /// contents the caller gave becomes fixed by this.
  /// throws UnsupportedError if it depends on inputs whose contents are not given
  virtual Tensor contents(std::size_t i) = 0;
  /// The same for any value.
  virtual Tensor contents_of(ValueId id) = 0;
  /// Whether contents() knows it without fixing an input of the model.
  virtual bool is_constant(std::size_t i) const = 0;
  /// contents(i) as integers or as one number.
  Ints ints(std::size_t i);
  std::int64_t integer(std::size_t i);
  double number(std::size_t i);

  // Attributes. throws ParseError if one has another type
  virtual bool has_attribute(std::string_view name) const = 0;
  virtual std::int64_t integer(std::string_view name, std::int64_t absent) const = 0;
  virtual double number(std::string_view name, double absent) const = 0;
  virtual std::string text(std::string_view name, std::string_view absent) const = 0;
  virtual Ints ints(std::string_view name, const Ints& absent) const = 0;
  virtual std::vector<double> numbers(std::string_view name,
                                      const std::vector<double>& absent) const = 0;
  virtual std::vector<std::string> texts(std::string_view name,
                                         const std::vector<std::string>& absent) const = 0;
  /// throws ParseError if it is absent
  virtual Tensor tensor(std::string_view name) const = 0;

  // Outputs: what the row returns, in order; fewer than output_count() only where wants() says no.
  virtual std::size_t output_count() const = 0;
  /// Whether output i has a name, that is, anybody may use it.
  virtual bool wants(std::size_t i) const = 0;

  // Building. Nodes get this node's name.
  ValueId apply(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {}) {
    return b().apply(op, std::move(inputs), std::move(attributes), b().graph().fresh_name(name()));
  }
  std::vector<ValueId> apply_all(std::string_view op, std::vector<ValueId> inputs,
                                 Attributes attributes = {}) {
    return b().apply_all(find_op(op), std::move(inputs), std::move(attributes),
                         b().graph().fresh_name(name()));
  }
  ValueId constant(Tensor tensor) { return b().constant(std::move(tensor)); }
  ValueId constant(const Ints& values);            ///< i64 of rank 1
  ValueId reshape(ValueId x, const Shape& shape);  ///< x itself if it has this shape
  ValueId cast(ValueId x, DType dtype);            ///< x itself if it has this type

  /// An axis in [0, rank): negative ones count from the back. throws ParseError
  std::size_t axis(std::int64_t given, std::size_t rank) const;

  // What goes wrong: `Conv "features.3": ...`
  [[noreturn]] void invalid(const std::string& what) const;     ///< throws ParseError
  [[noreturn]] void unsupported(const std::string& why) const;  ///< throws UnsupportedError
};

/// How f16 operands are dealt with: kernels that compute in f32 get them cast, and give results back.
enum class Half : std::uint8_t { kept, computed_in_f32 };

/// One row of the map: an operator of ONNX and how it is imported.
struct ImportRow {
  std::string_view op;
  std::vector<ValueId> (*import)(NodeImport& node);
  Half half = Half::computed_in_f32;
  int first_opset = 7;  ///< older nodes are not understood
};

}  // namespace pinnacle::onnx
