// Walk: one import under way. Nodes in order, names in scopes, functions and control flow unrolled into
// the one graph. A node that cannot be imported is noted and the walk goes on, with the shapes that the
// file declares for its results, so that one report names all of them.
// Thread safety: none, an import is one thread's.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "io/onnx/evaluator.hpp"
#include "io/onnx/importer.hpp"

namespace pinnacle::onnx {

/// Attributes of the call that a function's body refers to; nullptr outside of functions.
using FunctionAttributes = std::map<std::string, const ::onnx::AttributeProto*, std::less<>>;

using Declared = std::map<std::string, const ::onnx::ValueInfoProto*, std::less<>>;

/// What names mean in a graph, a subgraph or a function's body.
struct Scope {
  const Scope* outer = nullptr;  ///< subgraphs see the names around them, functions do not
  std::map<std::string, ValueId, std::less<>> values = {};
  /// Types that the file declares, for what cannot be computed.
  const Declared* declared = nullptr;
  std::map<std::string, std::int64_t, std::less<>> opsets = {};  ///< by domain
  const FunctionAttributes* attributes = nullptr;
  std::string prefix = {};  ///< before names of what is unrolled: "loop_1/3/"
  int depth = 0;

  std::optional<ValueId> find(std::string_view name) const;
};

class Walk {
 public:
  Walk(const Document& document, const OnnxBinding& binding);
  Graph run();

  // For node contexts and control flow.
  Builder& builder() { return builder_; }
  Evaluator& evaluator() { return evaluator_; }
  const Document& document() const { return document_; }

 private:
  friend class NodeContext;

  // The graph's border.
  TensorType input_type(const ::onnx::ValueInfoProto& input) const;
  void add_inputs(Scope& scope);
  void set_outputs(const Scope& scope);
  void check_binding() const;

  // Nodes.
  void nodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& all, Scope& scope);
  void node(const ::onnx::NodeProto& proto, Scope& scope);
  std::vector<ValueId> import(const ::onnx::NodeProto& proto, Scope& scope);
  std::vector<ValueId> by_row(const ImportRow& row, const ::onnx::NodeProto& proto, Scope& scope,
                              int opset);
  void bind(const ::onnx::NodeProto& proto, const std::vector<ValueId>& results, Scope& scope,
            std::size_t first_value);
  void add_missing(const std::string& name, std::optional<TensorType> type, Scope& scope);
  void give_up(const ::onnx::NodeProto& proto, Scope& scope, const std::string& why);
  void count_visit(const ::onnx::NodeProto& proto);
  void count_constants(std::size_t first_value, const ::onnx::NodeProto& proto) const;
  std::vector<ValueId> function(const ::onnx::FunctionProto& body, const ::onnx::NodeProto& call,
                                const Scope& scope);

  // Control flow with conditions known now: control_flow.cpp.
  std::vector<ValueId> if_node(const ::onnx::NodeProto& proto, Scope& scope);
  std::vector<ValueId> loop(const ::onnx::NodeProto& proto, Scope& scope);
  std::vector<ValueId> scan(const ::onnx::NodeProto& proto, Scope& scope);
  std::vector<ValueId> body(const ::onnx::GraphProto& graph, const std::vector<ValueId>& inputs,
                            const Scope& outer, const std::string& prefix);
  ValueId input(const ::onnx::NodeProto& proto, int i, const Scope& scope) const;
  ValueId stack(const std::vector<ValueId>& slices, std::int64_t axis);
  ValueId slice_of(ValueId x, std::size_t axis, std::int64_t position);

  std::shared_ptr<const Tensor> weight(const ::onnx::TensorProto& proto);
  void declare(const ::onnx::GraphProto& graph, Scope& scope);
  [[noreturn]] void fail() const;

  const Document& document_;
  const OnnxBinding& binding_;
  Graph graph_;
  Builder builder_{graph_};
  Evaluator evaluator_;
  std::map<const ::onnx::GraphProto*, Declared> declared_;
  std::map<const ::onnx::TensorProto*, std::shared_ptr<const Tensor>> weights_;  // of subgraphs
  std::set<std::string, std::less<>> names_;  // of values: each once
  std::set<ValueId> typeless_;                // results of what cannot be imported, of unknown type
  std::vector<std::string> unsupported_;
  double supported_flop_ = 0;
  double missing_flop_ = 0;
  std::int64_t visited_ = 0;
};

/// `Conv "features.3"`.
std::string label(const ::onnx::NodeProto& node);
/// The attribute of that name; nullptr if the node has none.
const ::onnx::AttributeProto* find_attribute(const ::onnx::NodeProto& node, std::string_view name);

}  // namespace pinnacle::onnx
