// OpDef: one operation, from what to how. A constant made of plain functions; see
// docs/add_an_op.md. Also Builder, which adds nodes to a graph, and Array, the double-precision
// host tensor of the references. Ops from outside the library are made with the same types.
// Thread safety: an OpDef is immutable; everything else is a plain value.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/error.hpp>
#include <pinnacle/graph.hpp>
#include <pinnacle/plan.hpp>

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace pinnacle {

/// A host tensor in double precision, row-major, whatever the dtype on a device. Integers up to
/// 2^53 are exact.
struct Array {
  Shape shape;
  std::vector<double> data;

  Array() = default;
  explicit Array(Shape extents, double fill = 0)
      : shape(std::move(extents)), data(static_cast<std::size_t>(shape.elements()), fill) {}
};
Array to_array(const Tensor& tensor);
/// Rounds to the dtype.
Tensor to_tensor(const Array& array, DType dtype);

/// What an op's functions see of a node: its attributes and the types of its operands.
struct OpView {
  const Node* node = nullptr;
  std::vector<std::optional<TensorType>> in;  ///< empty optional: absent optional input
  std::vector<TensorType> out;                ///< empty while shapes are being inferred
  std::vector<bool> fixed;  ///< inputs that stay the same from run to run; empty: none

  const Attributes& attributes() const { return node->attributes; }
  bool has_input(std::size_t i) const { return i < in.size() && in[i].has_value(); }
  /// A constant, a parameter that the graph does not update, or made of such: worth preparing once.
  bool is_fixed(std::size_t i) const { return i < fixed.size() && fixed[i]; }
  /// REQUIRES: has_input(i)
  const Shape& shape(std::size_t i) const { return in[i]->shape; }
  const Shape& out_shape(std::size_t i = 0) const { return out[i].shape; }
  /// The elements of all operands in bytes: what a perfect kernel must move.
  double operand_bytes() const;
  /// `conv2d "conv2d_2"`, the start of every message about this node.
  std::string label() const;
};
OpView view(const Graph& graph, const Node& node);

/// throws ShapeError `conv2d "conv2d_2": weight is ...`
template <class... Args>
[[noreturn]] void shape_error(const OpView& op, fmt::format_string<Args...> format,
                              Args&&... args) {
  throw ShapeError(fmt::format(format, std::forward<Args>(args)...), op.label());
}
/// Checks that inputs [least, most] are present. throws ShapeError
void check_inputs(const OpView& op, std::size_t least, std::size_t most);

class Builder;

/// What a gradient function gets: the node, its values, and the gradients that arrive.
struct GradientView {
  Builder& b;
  const Node& node;
  std::span<const ValueId> x;   ///< inputs
  std::span<const ValueId> y;   ///< outputs
  std::span<const ValueId> dy;  ///< gradient of each output; kNoValue: not needed by the loss
  /// Which inputs need a gradient; others may be answered with kNoValue to save work.
  std::vector<bool> wanted;
};

/// Floating-point operations and the bytes that must move at least.
struct Cost {
  double flop = 0;
  double bytes = 0;
};

/// Values of a variant's tunable parameters: NAME -> value.
using Params = std::map<std::string, std::int64_t, std::less<>>;

/// One tunable parameter: its name and the values worth trying, the default first.
struct Tunable {
  std::string name;
  std::vector<std::int64_t> values;
};

/// What a variant returns: calls as data, with scratch memory. Units: bytes.
struct Lowering {
  /// Run once, before the first run and again when a parameter was written: they may read fixed
  /// inputs (OpView::is_fixed) and write kept memory.
  std::vector<Call> prepare;
  std::vector<Call> calls;
  std::vector<std::size_t> scratch_bytes;
  std::vector<std::size_t> kept_bytes;  ///< memory that lives as long as the plan
  /// Set: output 0 is input i under another shape; no call, no memory.
  std::optional<int> alias_of;
  /// Pairs (output, input) that may share memory if the input is not needed afterwards.
  std::vector<std::pair<int, int>> may_share;
  /// Set: output 0 is the bytes of an input from `offset` on. Where that can be used, no call runs.
  struct Range {
    int input = 0;
    std::size_t offset = 0;
  };
  std::optional<Range> range_of;
  /// Inputs that are ranges of output 0: one that is written right there makes its call superfluous.
  struct Part {
    int input = 0;
    std::size_t offset = 0;  ///< where it starts. Units: bytes
    std::size_t call = 0;    ///< the index in `calls` that copies it
  };
  std::vector<Part> parts;
  /// The outputs had better lie in one piece of memory, which then is handled at once.
  bool outputs_together = false;

  KernelCall& call(std::string file) {
    calls.emplace_back(KernelCall(std::move(file)));
    return std::get<KernelCall>(calls.back());
  }
  KernelCall& prepare_call(std::string file) {
    prepare.emplace_back(KernelCall(std::move(file)));
    return std::get<KernelCall>(prepare.back());
  }
  BufferRef add_scratch(std::size_t bytes) {
    scratch_bytes.push_back(bytes);
    return scratch(static_cast<int>(scratch_bytes.size()) - 1);
  }
  BufferRef add_kept(std::size_t bytes) {
    kept_bytes.push_back(bytes);
    return kept(static_cast<int>(kept_bytes.size()) - 1);
  }
};

/// Nothing: accepted. A text: why this variant declines.
using Decline = std::optional<std::string>;

/// One way to run an op on a device.
struct Variant {
  std::string name;
  std::function<Decline(const OpView&, const Target&)> accepts;
  std::function<Lowering(const OpView&, const Target&, const Params&)> lower;
  std::vector<Tunable> space = {};
  /// Why another variant is likely to be faster, though this one could run; nothing: go ahead.
  /// Not asked when the variant is forced or tuned.
  std::function<Decline(const OpView&, const Target&)> avoid = {};
};

/// How an op runs on blocked channels: [N, C, H, W] as [N, ceil(C / B), H, W, B], so that the B
/// channels of a pixel are one vector. Lanes beyond C hold anything finite or not: nothing may mix
/// them with others.
struct BlockedForm {
  std::vector<bool> inputs;   ///< which inputs it takes blocked
  std::vector<bool> outputs;  ///< which outputs it then gives blocked
  double seconds_saved = 0;   ///< against the op on plain rows, about; may be negative
  /// Adds the node under that name. Gets the inputs, blocked where asked; returns the outputs.
  std::function<std::vector<ValueId>(Builder&, std::span<const ValueId>, const std::string& name)>
      build;
};

/// A member that must be given: leaving it out does not compile.
template <class T>
struct Required : T {
  Required() = delete;
  template <class U>
  requires std::constructible_from<T, U> Required(U&& value)
      : T(std::forward<U>(value)) {}  // NOLINT: implicit on purpose
};

struct OpDef {
  Required<std::string> name;
  /// Types of the outputs. throws ShapeError
  Required<std::function<std::vector<TensorType>(const OpView&)>> infer;
  /// The definition in double precision, by simple loops: every device result is compared with it.
  Required<std::function<std::vector<Array>(const OpView&, std::span<const Array>)>> reference;
  /// Gradient of each input, built from ordinary nodes; kNoValue where there is none.
  /// For ops that have none: no_gradient("why").
  Required<std::function<std::vector<ValueId>(const GradientView&)>> gradient;
  Required<std::function<Cost(const OpView&)>> cost;
  /// In order of preference; the first that accepts runs, unless tuning or the user says otherwise.
  Required<std::vector<Variant>> variants;
  /// Takes an attribute "epilogue": a pointwise expression applied to output 0 while it is still in
  /// registers, and a bias as optional last input (see passes/fuse).
  bool takes_epilogue = false;
  /// Its result depends on the other participants of the job: never known before a run.
  bool exchanges = false;
  /// A row of the pointwise table: may be fused into chains.
  bool pointwise = false;
  /// How it runs in blocks of `block` channels; nothing: it does not (see passes/choose_layout).
  std::function<std::optional<BlockedForm>(const OpView&, std::int64_t block, const Target&)>
      blocked = {};
};

/// A gradient function that throws UnsupportedError with the reason.
std::function<std::vector<ValueId>(const GradientView&)> no_gradient(std::string reason);

/// Every op of the library, by name.
std::span<const OpDef> builtin_ops();
/// throws UnsupportedError with the nearest names
const OpDef& find_op(std::string_view name);

/// Adds nodes to a graph and infers their types at once.
class Builder {
 public:
  explicit Builder(Graph& graph) : graph_(graph) {}

  Graph& graph() { return graph_; }
  const TensorType& type(ValueId id) const { return graph_.type(id); }
  const Shape& shape(ValueId id) const { return graph_.type(id).shape; }

  /// Adds a node; returns all outputs. throws ShapeError
  std::vector<ValueId> apply_all(const OpDef& op, std::vector<ValueId> inputs,
                                 Attributes attributes = {}, std::string name = {});
  /// The same for the first output.
  ValueId apply(const OpDef& op, std::vector<ValueId> inputs, Attributes attributes = {},
                std::string name = {});
  ValueId apply(std::string_view op, std::vector<ValueId> inputs, Attributes attributes = {},
                std::string name = {});
  ValueId constant(Tensor data, std::string name = {});
  ValueId constant(float value) { return constant(Tensor::scalar(value)); }

 private:
  Graph& graph_;
};

}  // namespace pinnacle
