// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/walk.hpp"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

#include <algorithm>
#include <limits>

#include "base/shapes.hpp"
#include "base/text.hpp"
#include "io/onnx/document.hpp"
#include "io/onnx/node_context.hpp"

namespace pinnacle::onnx {
namespace {

bool is_default_domain(const std::string& domain) { return domain.empty() || domain == "ai.onnx"; }

std::size_t index(ValueId id) { return static_cast<std::size_t>(id); }

// Of a node that cannot be imported: two operations per weight and result is the order of magnitude.
double guessed_flop(const Graph& graph, const std::vector<ValueId>& inputs,
                    const std::vector<TensorType>& outputs) {
  double flop = 0;
  for (const TensorType& type : outputs) flop += 2.0 * static_cast<double>(type.shape.elements());
  for (const ValueId id : inputs) {
    if (graph.value(id).role == Role::constant) {
      flop += 2.0 * static_cast<double>(graph.type(id).shape.elements());
    }
  }
  return flop;
}

// The field attribute_proto of functions is younger than the definitions of some systems, which keep
// it as unknown.
std::vector<::onnx::AttributeProto> defaults_of(const ::onnx::FunctionProto& function) {
  constexpr int kAttributeProto = 11;
  std::vector<::onnx::AttributeProto> defaults;
  const google::protobuf::Descriptor& type = *function.GetDescriptor();
  const google::protobuf::Reflection& fields = *function.GetReflection();
  if (const auto* field = type.FindFieldByNumber(kAttributeProto)) {
    for (int i = 0; i < fields.FieldSize(function, field); ++i) {
      defaults.emplace_back().CopyFrom(fields.GetRepeatedMessage(function, field, i));
    }
    return defaults;
  }
  const google::protobuf::UnknownFieldSet& unknown = fields.GetUnknownFields(function);
  for (int i = 0; i < unknown.field_count(); ++i) {
    const google::protobuf::UnknownField& field = unknown.field(i);
    if (field.number() != kAttributeProto ||
        field.type() != google::protobuf::UnknownField::TYPE_LENGTH_DELIMITED) {
      continue;
    }
    if (!defaults.emplace_back().ParseFromString(field.length_delimited())) {
      throw ParseError("a default of an attribute is damaged", printable(function.name()));
    }
  }
  return defaults;
}

}  // namespace

std::string label(const ::onnx::NodeProto& node) {
  const std::string name = !node.name().empty()     ? node.name()
                           : node.output_size() > 0 ? node.output(0)
                                                    : "";
  return fmt::format("{} \"{}\"", printable(node.op_type()), printable(name));
}

const ::onnx::AttributeProto* find_attribute(const ::onnx::NodeProto& node, std::string_view name) {
  for (const ::onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

std::optional<ValueId> Scope::find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->outer) {
    const auto it = scope->values.find(name);
    if (it != scope->values.end()) return it->second;
  }
  return std::nullopt;
}

Walk::Walk(const Document& document, const OnnxBinding& binding)
    : document_(document), binding_(binding), evaluator_(graph_, binding, document.limits) {}

// ---- The border ---------------------------------------------------------------------------------

TensorType Walk::input_type(const ::onnx::ValueInfoProto& input) const {
  const std::string& name = input.name();
  if (!input.type().has_tensor_type()) {
    throw UnsupportedError("is no tensor", {"sequences, maps and optional values are not taken"},
                           fmt::format("input \"{}\"", name));
  }
  const auto& tensor = input.type().tensor_type();
  TensorType type{{}, require_dtype(tensor.elem_type(), fmt::format("input \"{}\"", name))};
  const auto given = binding_.contents.find(name);
  if (given != binding_.contents.end() && given->second.dtype() != type.dtype) {
    throw ArgumentError(
        fmt::format("contents are {}; the model takes {}", given->second.type(), type.dtype), name);
  }
  const Shape* wanted = nullptr;
  if (const auto it = binding_.shapes.find(name); it != binding_.shapes.end()) wanted = &it->second;
  if (wanted == nullptr && given != binding_.contents.end()) wanted = &given->second.shape();
  if (!tensor.has_shape()) {
    if (wanted == nullptr) {
      throw ArgumentError("the model does not say its shape", name,
                          fmt::format("give it: OnnxBinding::shapes[\"{}\"]", name));
    }
    check_extents(*wanted, name);
    return {*wanted, type.dtype};
  }
  const auto& dims = tensor.shape().dim();
  if (wanted != nullptr && wanted->rank() != static_cast<std::size_t>(dims.size())) {
    throw ShapeError(fmt::format("is given as {}; the model takes rank {}", *wanted, dims.size()),
                     name);
  }
  std::vector<std::int64_t> extents;
  for (int i = 0; i < dims.size(); ++i) {
    const bool fixed = dims[i].has_dim_value();
    if (wanted != nullptr) {
      const std::int64_t extent = (*wanted)[static_cast<std::size_t>(i)];
      // Extent 0 is how some exporters write "any".
      if (fixed && dims[i].dim_value() > 0 && dims[i].dim_value() != extent) {
        throw ShapeError(fmt::format("is given as {}; extent {} is fixed to {} in the model",
                                     *wanted, i, dims[i].dim_value()),
                         name);
      }
      extents.push_back(extent);
    } else if (fixed) {
      extents.push_back(dims[i].dim_value());
    } else {
      const auto symbol = binding_.symbols.find(dims[i].dim_param());
      extents.push_back(symbol == binding_.symbols.end() ? 1 : symbol->second);
    }
  }
  type.shape = Shape(std::move(extents));
  check_extents(type.shape, name);
  return type;
}

void Walk::check_binding() const {
  std::vector<std::string> inputs;
  std::vector<std::string> symbols;
  for (const auto& input : document_.model.graph().input()) {
    if (document_.weights.contains(input.name())) continue;
    inputs.push_back(input.name());
    for (const auto& dim : input.type().tensor_type().shape().dim()) {
      if (dim.has_dim_param()) symbols.push_back(dim.dim_param());
    }
  }
  const auto check = [](const std::string& name, const std::vector<std::string>& known,
                        const char* kind) {
    if (std::find(known.begin(), known.end(), name) != known.end()) return;
    const std::string near = suggestion(name, known);
    throw ArgumentError(fmt::format("the model has no {} \"{}\"", kind, name), "OnnxBinding",
                        !near.empty()   ? near
                        : known.empty() ? fmt::format("it has no {} at all", kind)
                                        : fmt::format("there are {}", fmt::join(known, ", ")));
  };
  for (const auto& [name, extent] : binding_.symbols) {
    check(name, symbols, "symbolic extent");
    if (extent < 0)
      throw ArgumentError(fmt::format("extent {} is {}", name, extent), "OnnxBinding");
  }
  for (const auto& [name, shape] : binding_.shapes) check(name, inputs, "input");
  for (const auto& [name, tensor] : binding_.contents) check(name, inputs, "input");
}

void Walk::add_inputs(Scope& scope) {
  for (const auto& [name, tensor] : document_.weights) {
    GraphValue value;
    value.name = name;
    value.type = tensor->type();
    value.role = Role::constant;
    value.data = tensor;
    names_.insert(name);
    scope.values[name] = graph_.add_value(std::move(value));
  }
  for (const auto& input : document_.model.graph().input()) {
    if (scope.values.contains(input.name())) continue;
    GraphValue value;
    value.name = input.name();
    value.type = input_type(input);
    value.role = Role::input;
    names_.insert(input.name());
    const ValueId id = graph_.add_value(std::move(value));
    scope.values[input.name()] = id;
    graph_.inputs.push_back(id);
  }
}

void Walk::set_outputs(const Scope& scope) {
  std::set<ValueId> taken;
  for (const auto& output : document_.model.graph().output()) {
    const std::optional<ValueId> found = scope.find(output.name());
    if (!found)
      throw ParseError("is no node's result", fmt::format("output \"{}\"", output.name()));
    ValueId id = *found;
    // Outputs have the file's names, and each its own value.
    if (graph_.value(id).role != Role::local || graph_.value(id).name != output.name() ||
        taken.contains(id)) {
      const Shape shape = graph_.type(id).shape;
      if (graph_.value(id).name == output.name()) {
        graph_.value(id).name = graph_.fresh_name(output.name());
      }
      id = builder_.apply("reshape", {id}, {{"shape", shape.dims()}},
                          graph_.fresh_name(output.name()));
      graph_.value(id).name = output.name();
    }
    taken.insert(id);
    graph_.outputs.push_back(id);
  }
}

// ---- Nodes --------------------------------------------------------------------------------------

// Bodies of loops come here once per turn: what they hold is read once.
std::shared_ptr<const Tensor> Walk::weight(const ::onnx::TensorProto& proto) {
  std::shared_ptr<const Tensor>& tensor = weights_[&proto];
  if (!tensor) tensor = std::make_shared<const Tensor>(to_tensor(proto, document_.tensors));
  return tensor;
}

void Walk::declare(const ::onnx::GraphProto& graph, Scope& scope) {
  const auto [known, is_new] = declared_.try_emplace(&graph);
  if (is_new) {
    for (const auto& info : graph.value_info()) known->second[info.name()] = &info;
    for (const auto& info : graph.output()) known->second[info.name()] = &info;
  }
  scope.declared = &known->second;
}

ValueId Walk::input(const ::onnx::NodeProto& proto, int i, const Scope& scope) const {
  if (i >= proto.input_size() || proto.input(i).empty()) {
    throw ParseError(fmt::format("input {} is missing", i), label(proto));
  }
  const std::optional<ValueId> id = scope.find(proto.input(i));
  if (!id) {
    throw ParseError(
        fmt::format("input {} is \"{}\", which no node before it makes", i, proto.input(i)),
        label(proto), "nodes must come after those whose results they use");
  }
  return *id;
}

void Walk::nodes(const google::protobuf::RepeatedPtrField<::onnx::NodeProto>& all, Scope& scope) {
  for (const ::onnx::NodeProto& proto : all) node(proto, scope);
}

// Nodes of the file, each turn of a loop anew, and what is made of them: one may become many.
void Walk::count_visit(const ::onnx::NodeProto& proto) {
  constexpr std::int64_t kValuesPerNode = 4;
  const auto made = std::max(static_cast<std::int64_t>(graph_.nodes.size()),
                             static_cast<std::int64_t>(graph_.values.size()) / kValuesPerNode);
  if (std::max(++visited_, made) > document_.limits.nodes) {
    throw LimitReached(
        fmt::format("the model has more than {} nodes, loops unrolled", document_.limits.nodes), {},
        label(proto), "see OnnxLimits::nodes");
  }
}

// A few bytes may ask for constants of gigabytes: what nodes make counts as what the file holds.
void Walk::count_constants(std::size_t first_value, const ::onnx::NodeProto& proto) const {
  std::uint64_t bytes = 0;
  for (std::size_t i = first_value; i < graph_.values.size(); ++i) {
    const GraphValue& value = graph_.values[i];
    if (value.role == Role::constant) bytes += value.type.bytes();
  }
  document_.tensors.take(bytes, label(proto));
}

void Walk::node(const ::onnx::NodeProto& proto, Scope& scope) {
  count_visit(proto);
  const std::size_t first_node = graph_.nodes.size();
  const std::size_t first_value = graph_.values.size();
  bool typeless = false;
  for (int i = 0; i < proto.input_size(); ++i) {
    typeless = typeless || (!proto.input(i).empty() && typeless_.contains(input(proto, i, scope)));
  }
  if (typeless) {  // nothing can be said of it
    for (const std::string& name : proto.output()) {
      if (!name.empty()) add_missing(name, std::nullopt, scope);
    }
    return;
  }
  const auto forget = [&](const Error& error) {
    evaluator_.rewind(first_node);
    graph_.nodes.resize(first_node);
    give_up(proto, scope,
            error.where().empty() ? label(proto) + ": " + error.what() : error.what());
  };
  try {
    bind(proto, import(proto, scope), scope, first_value);
  } catch (const LimitReached&) {
    throw;
  } catch (const UnsupportedError& error) {
    forget(error);
  } catch (const ShapeError& error) {
    // The types of what is missing may be declared wrongly.
    if (unsupported_.empty()) throw;
    forget(error);
  }
}

std::vector<ValueId> Walk::import(const ::onnx::NodeProto& proto, Scope& scope) {
  if (!is_default_domain(proto.domain()) || import_rows().count(proto.op_type()) == 0) {
    for (const ::onnx::FunctionProto& body : document_.model.functions()) {
      if (body.name() == proto.op_type() &&
          (body.domain() == proto.domain() ||
           (is_default_domain(body.domain()) && is_default_domain(proto.domain())))) {
        return function(body, proto, scope);
      }
    }
  }
  if (!is_default_domain(proto.domain())) {
    throw UnsupportedError("is from another operator set", {proto.domain()}, label(proto));
  }
  if (proto.op_type() == "If") return if_node(proto, scope);
  if (proto.op_type() == "Loop") return loop(proto, scope);
  if (proto.op_type() == "Scan") return scan(proto, scope);
  const auto row = import_rows().find(proto.op_type());
  const auto opset = scope.opsets.find("");
  if (row == import_rows().end()) {
    throw UnsupportedError("there is no such operator here", {}, label(proto));
  }
  const int version = opset == scope.opsets.end() ? 1 : static_cast<int>(opset->second);
  if (version < row->second->first_opset) {
    throw UnsupportedError(fmt::format("in operator set {}; it is understood from {} on", version,
                                       row->second->first_opset),
                           {}, label(proto), "convert the model with onnx.version_converter");
  }
  return by_row(*row->second, proto, scope, version);
}

std::vector<ValueId> Walk::by_row(const ImportRow& row, const ::onnx::NodeProto& proto,
                                  Scope& scope, int opset) {
  std::vector<ValueId> inputs;
  const std::size_t first_node = graph_.nodes.size();
  const std::size_t first_value = graph_.values.size();
  bool cast = false;
  for (int i = 0; i < proto.input_size(); ++i) {
    ValueId id = proto.input(i).empty() ? kNoValue : input(proto, i, scope);
    if (id != kNoValue && row.half == Half::computed_in_f32 &&
        graph_.type(id).dtype == DType::f16) {
      id = builder_.apply("cast", {id}, {{"to", std::string("f32")}});
      cast = true;
    }
    inputs.push_back(id);
  }
  evaluator_.fold(first_node);
  NodeContext context(*this, proto, scope, opset, std::move(inputs));
  std::vector<ValueId> results = row.import(context);
  if (results.size() > static_cast<std::size_t>(proto.output_size())) {
    results.resize(static_cast<std::size_t>(proto.output_size()));
  }
  for (int i = 0; i < proto.output_size(); ++i) {
    const auto at = static_cast<std::size_t>(i);
    if (!proto.output(i).empty() && (at >= results.size() || results[at] == kNoValue)) {
      throw UnsupportedError(fmt::format("output {} is not made", i), {}, label(proto));
    }
  }
  for (ValueId& id : results) {
    if (cast && id != kNoValue && graph_.type(id).dtype == DType::f32) {
      id = builder_.apply("cast", {id}, {{"to", std::string("f16")}});
    }
  }
  evaluator_.fold(first_node);
  count_constants(first_value, proto);
  for (std::size_t i = first_node; i < graph_.nodes.size(); ++i) {
    supported_flop_ += graph_.nodes[i].def->cost(view(graph_, graph_.nodes[i])).flop;
  }
  return results;
}

void Walk::bind(const ::onnx::NodeProto& proto, const std::vector<ValueId>& results, Scope& scope,
                std::size_t first_value) {
  for (int i = 0; i < proto.output_size(); ++i) {
    const std::string& name = proto.output(i);
    if (name.empty()) continue;
    if (static_cast<std::size_t>(i) >= results.size()) {
      throw ParseError(
          fmt::format("has {} outputs; its body makes {}", proto.output_size(), results.size()),
          label(proto));
    }
    const ValueId id = results[static_cast<std::size_t>(i)];
    if (scope.values.contains(name)) {
      throw ParseError(fmt::format("makes \"{}\", which there is already", name), label(proto));
    }
    scope.values[name] = id;
    // The file's name for what is new; a result may also be a value that had a name before.
    const std::string full = scope.prefix + name;
    if (index(id) >= first_value && names_.insert(full).second) graph_.value(id).name = full;
  }
}

void Walk::add_missing(const std::string& name, std::optional<TensorType> type, Scope& scope) {
  const ValueId id = graph_.add_value({.name = graph_.fresh_name(name),
                                       .type = type.value_or(TensorType{}),
                                       .role = Role::local,
                                       .data = nullptr});
  scope.values[name] = id;
  evaluator_.forget(id);
  if (!type) typeless_.insert(id);
}

// The walk goes on with what the file says of the results.
void Walk::give_up(const ::onnx::NodeProto& proto, Scope& scope, const std::string& why) {
  unsupported_.push_back(why);
  std::vector<TensorType> types;
  for (const std::string& name : proto.output()) {
    if (name.empty()) continue;
    std::optional<TensorType> type;
    const ::onnx::ValueInfoProto* info = nullptr;
    if (scope.declared != nullptr) {
      const auto it = scope.declared->find(name);
      if (it != scope.declared->end()) info = it->second;
    }
    if (info != nullptr) {
      try {
        type = input_type(*info);
        types.push_back(*type);
      } catch (const Error&) {
        type.reset();  // not declared so that it helps
      }
    }
    add_missing(name, type, scope);
  }
  std::vector<ValueId> inputs;
  for (int i = 0; i < proto.input_size(); ++i) {
    if (!proto.input(i).empty()) inputs.push_back(input(proto, i, scope));
  }
  missing_flop_ += guessed_flop(graph_, inputs, types);
}

// ---- Functions ----------------------------------------------------------------------------------

std::vector<ValueId> Walk::function(const ::onnx::FunctionProto& body,
                                    const ::onnx::NodeProto& call, const Scope& scope) {
  if (scope.depth >= document_.limits.nesting) {
    throw ParseError(
        fmt::format("functions and subgraphs are nested deeper than {}", document_.limits.nesting),
        label(call));
  }
  FunctionAttributes attributes;
  for (const auto& attribute : call.attribute()) {
    const ::onnx::AttributeProto* meant = &attribute;
    if (!attribute.ref_attr_name().empty() && scope.attributes != nullptr) {
      const auto it = scope.attributes->find(attribute.ref_attr_name());
      if (it == scope.attributes->end()) continue;
      meant = it->second;
    }
    attributes[attribute.name()] = meant;
  }
  const std::vector<::onnx::AttributeProto> defaults = defaults_of(body);
  for (const ::onnx::AttributeProto& attribute : defaults) {
    attributes.emplace(attribute.name(), &attribute);
  }
  Scope inner;
  inner.attributes = &attributes;
  inner.depth = scope.depth + 1;
  inner.opsets = scope.opsets;
  inner.prefix = scope.prefix + printable(call.name().empty() ? body.name() : call.name()) + "/";
  for (const auto& set : body.opset_import()) {
    inner.opsets[is_default_domain(set.domain()) ? "" : set.domain()] = set.version();
  }
  if (call.input_size() > body.input_size()) {
    throw ParseError(
        fmt::format("has {} inputs; the function takes {}", call.input_size(), body.input_size()),
        label(call));
  }
  for (int i = 0; i < call.input_size(); ++i) {
    if (!call.input(i).empty()) inner.values[body.input(i)] = input(call, i, scope);
  }
  nodes(body.node(), inner);
  std::vector<ValueId> results;
  for (int i = 0; i < call.output_size() && i < body.output_size(); ++i) {
    const std::optional<ValueId> id = inner.find(body.output(i));
    if (!id && !call.output(i).empty()) {
      throw ParseError(fmt::format("the function does not make its output \"{}\"", body.output(i)),
                       label(call));
    }
    results.push_back(id.value_or(kNoValue));
  }
  return results;
}

// ---- The whole ----------------------------------------------------------------------------------

void Walk::fail() const {
  const double all = supported_flop_ + missing_flop_;
  const double share = all > 0 ? 100 * supported_flop_ / all : 0;
  std::vector<std::string> reasons = unsupported_;  // each turn of a loop has the same
  reasons.erase(std::unique(reasons.begin(), reasons.end()), reasons.end());
  throw UnsupportedError(
      fmt::format("{} of {} nodes cannot be imported; the others do about {:.0f} % of the "
                  "floating-point work",
                  unsupported_.size(), visited_, share),
      std::move(reasons), "ONNX model", "docs/ops.md lists the operators that can");
}

Graph Walk::run() {
  check_binding();
  const ::onnx::ModelProto& model = document_.model;
  Scope scope;
  for (const auto& set : model.opset_import()) {
    scope.opsets[is_default_domain(set.domain()) ? "" : set.domain()] = set.version();
  }
  declare(model.graph(), scope);
  add_inputs(scope);
  nodes(model.graph().node(), scope);
  if (!unsupported_.empty()) fail();
  set_outputs(scope);
  // Inputs whose contents were needed are constants by now.
  std::erase_if(graph_.inputs, [&](ValueId id) { return graph_.value(id).role == Role::constant; });
  return std::move(graph_);
}

Graph import_graph(const Document& document, const OnnxBinding& binding) {
  return Walk(document, binding).run();
}

}  // namespace pinnacle::onnx
