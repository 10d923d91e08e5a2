// If, Loop and Scan with conditions and counts that are known at import: the branch that is taken, the
// body once per turn, all in the one graph.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "io/onnx/document.hpp"
#include "io/onnx/node_context.hpp"

namespace pinnacle::onnx {
namespace {

const ::onnx::GraphProto& subgraph(const ::onnx::NodeProto& node, std::string_view name) {
  const ::onnx::AttributeProto* attribute = find_attribute(node, name);
  if (attribute == nullptr || !attribute->has_g()) {
    throw ParseError(fmt::format("attribute {} is missing or no graph", name), label(node));
  }
  return attribute->g();
}

std::vector<std::int64_t> integers(const ::onnx::NodeProto& node, std::string_view name,
                                   std::size_t count) {
  const ::onnx::AttributeProto* attribute = find_attribute(node, name);
  if (attribute == nullptr) return std::vector<std::int64_t>(count, 0);
  std::vector<std::int64_t> values(attribute->ints().begin(), attribute->ints().end());
  if (values.size() != count) {
    throw ParseError(
        fmt::format("attribute {} has {} entries; expected {}", name, values.size(), count),
        label(node));
  }
  return values;
}

bool has_input(const ::onnx::NodeProto& node, int i) {
  return i < node.input_size() && !node.input(i).empty();
}

std::size_t normal_axis(std::int64_t axis, std::size_t rank, const ::onnx::NodeProto& node) {
  const auto r = static_cast<std::int64_t>(rank);
  if (axis < -r || axis >= r) {
    throw ParseError(fmt::format("axis {} is out of range for rank {}", axis, rank), label(node));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + r : axis);
}

double one_number(const Tensor& tensor, const ::onnx::NodeProto& node, const char* what) {
  const Array values = to_array(tensor);
  if (values.data.size() != 1) {
    throw ParseError(fmt::format("{} is {}; expected one element", what, values.shape),
                     label(node));
  }
  return values.data.front();
}

}  // namespace

// A subgraph on the given inputs: its outputs. Names of its own, those around it seen.
std::vector<ValueId> Walk::body(const ::onnx::GraphProto& graph, const std::vector<ValueId>& inputs,
                                const Scope& outer, const std::string& prefix) {
  if (outer.depth >= document_.limits.nesting) {
    throw ParseError(
        fmt::format("functions and subgraphs are nested deeper than {}", document_.limits.nesting),
        graph.name());
  }
  Scope scope;
  scope.outer = &outer;
  scope.opsets = outer.opsets;
  scope.attributes = outer.attributes;
  scope.prefix = prefix;
  scope.depth = outer.depth + 1;
  declare(graph, scope);
  for (const auto& initializer : graph.initializer()) {
    GraphValue value;
    value.data = weight(initializer);
    value.name = graph_.fresh_name(prefix + initializer.name());
    value.type = value.data->type();
    value.role = Role::constant;
    scope.values[initializer.name()] = graph_.add_value(std::move(value));
  }
  if (static_cast<std::size_t>(graph.input_size()) != inputs.size()) {
    throw ParseError(
        fmt::format("the body has {} inputs; {} are given", graph.input_size(), inputs.size()),
        graph.name());
  }
  for (int i = 0; i < graph.input_size(); ++i) {
    scope.values[graph.input(i).name()] = inputs[static_cast<std::size_t>(i)];
  }
  nodes(graph.node(), scope);
  std::vector<ValueId> outputs;
  for (const auto& output : graph.output()) {
    const std::optional<ValueId> id = scope.find(output.name());
    if (!id) {
      throw ParseError(fmt::format("output \"{}\" is no node's result", output.name()),
                       graph.name());
    }
    outputs.push_back(*id);
  }
  return outputs;
}

std::vector<ValueId> Walk::if_node(const ::onnx::NodeProto& proto, Scope& scope) {
  const bool taken =
      one_number(*evaluator_.contents(input(proto, 0, scope)), proto, "the condition") != 0;
  const char* branch = taken ? "then_branch" : "else_branch";
  return body(subgraph(proto, branch), {}, scope,
              fmt::format("{}{}/", scope.prefix, taken ? "then" : "else"));
}

ValueId Walk::stack(const std::vector<ValueId>& slices, std::int64_t axis) {
  std::vector<ValueId> parts;
  for (const ValueId slice : slices) {
    std::vector<std::int64_t> dims = graph_.type(slice).shape.dims();
    if (axis > static_cast<std::int64_t>(dims.size())) {
      throw ParseError(fmt::format("axis {} of a scan output of rank {}", axis, dims.size() + 1));
    }
    dims.insert(dims.begin() + axis, 1);
    parts.push_back(builder_.apply("reshape", {slice}, {{"shape", dims}}));
  }
  return parts.size() == 1 ? parts.front() : builder_.apply("concat", parts, {{"axis", axis}});
}

std::vector<ValueId> Walk::loop(const ::onnx::NodeProto& proto, Scope& scope) {
  const ::onnx::GraphProto& graph = subgraph(proto, "body");
  const double count =
      has_input(proto, 0)
          ? one_number(*evaluator_.contents(input(proto, 0, scope)), proto, "the trip count")
          : static_cast<double>(document_.limits.nodes);
  bool go_on = !has_input(proto, 1) || one_number(*evaluator_.contents(input(proto, 1, scope)),
                                                  proto, "the condition") != 0;
  std::vector<ValueId> carried;
  for (int i = 2; i < proto.input_size(); ++i) carried.push_back(input(proto, i, scope));
  const std::size_t states = carried.size();
  if (static_cast<std::size_t>(graph.output_size()) < 1 + states) {
    throw ParseError(fmt::format("the body has {} outputs; expected at least {}",
                                 graph.output_size(), 1 + states),
                     label(proto));
  }
  std::vector<std::vector<ValueId>> scans(static_cast<std::size_t>(graph.output_size()) - 1 -
                                          states);
  const std::size_t first_node = graph_.nodes.size();
  for (std::int64_t turn = 0; go_on && static_cast<double>(turn) < count; ++turn) {
    count_visit(proto);
    Tensor number({}, DType::i64);
    std::copy_n(reinterpret_cast<const std::byte*>(&turn), sizeof turn, number.bytes().data());
    Tensor condition({}, DType::boolean);
    condition.bytes()[0] = std::byte{1};
    std::vector<ValueId> inputs = {builder_.constant(std::move(number)),
                                   builder_.constant(std::move(condition))};
    inputs.insert(inputs.end(), carried.begin(), carried.end());
    const std::vector<ValueId> outputs = body(
        graph, inputs, scope, fmt::format("{}{}/{}/", scope.prefix, printable(graph.name()), turn));
    go_on = one_number(*evaluator_.contents(outputs[0]), proto, "the condition") != 0;
    std::copy_n(outputs.begin() + 1, states, carried.begin());
    for (std::size_t s = 0; s < scans.size(); ++s) scans[s].push_back(outputs[1 + states + s]);
  }
  std::vector<ValueId> results = carried;
  for (std::size_t s = 0; s < scans.size(); ++s) {
    if (scans[s].empty()) {
      throw UnsupportedError("does not run at all, and its scan outputs have no shape then", {},
                             label(proto));
    }
    results.push_back(stack(scans[s], 0));
  }
  evaluator_.fold(first_node);
  return results;
}

ValueId Walk::slice_of(ValueId x, std::size_t axis, std::int64_t position) {
  std::vector<std::int64_t> dims = graph_.type(x).shape.dims();
  dims.erase(dims.begin() + static_cast<std::ptrdiff_t>(axis));
  const ValueId row = builder_.apply("slice", {x},
                                     {{"starts", Attributes::Ints{position}},
                                      {"ends", Attributes::Ints{position + 1}},
                                      {"axes", Attributes::Ints{static_cast<std::int64_t>(axis)}}});
  return builder_.apply("reshape", {row}, {{"shape", dims}});
}

std::vector<ValueId> Walk::scan(const ::onnx::NodeProto& proto, Scope& scope) {
  if (const auto opset = scope.opsets.find(""); opset != scope.opsets.end() && opset->second < 9) {
    throw UnsupportedError("with a batch axis, as operator set 8 had it", {}, label(proto));
  }
  const ::onnx::GraphProto& graph = subgraph(proto, "body");
  const ::onnx::AttributeProto* attribute = find_attribute(proto, "num_scan_inputs");
  const std::int64_t scanned = attribute == nullptr ? 0 : attribute->i();
  const std::int64_t states = proto.input_size() - scanned;
  const std::int64_t outputs = graph.output_size() - states;
  if (scanned < 1 || states < 0 || outputs < 0) {
    throw ParseError(fmt::format("num_scan_inputs is {} of {} inputs", scanned, proto.input_size()),
                     label(proto));
  }
  const auto in = static_cast<std::size_t>(scanned);
  const auto kept = static_cast<std::size_t>(states);
  const auto out = static_cast<std::size_t>(outputs);
  const auto in_axes = integers(proto, "scan_input_axes", in);
  const auto in_directions = integers(proto, "scan_input_directions", in);
  const auto out_axes = integers(proto, "scan_output_axes", out);
  const auto out_directions = integers(proto, "scan_output_directions", out);
  std::vector<ValueId> carried;
  for (std::size_t i = 0; i < kept; ++i)
    carried.push_back(input(proto, static_cast<int>(i), scope));
  std::vector<ValueId> sequences;
  std::int64_t length = -1;
  for (std::size_t i = 0; i < in; ++i) {
    sequences.push_back(input(proto, static_cast<int>(kept + i), scope));
    const Shape& shape = graph_.type(sequences.back()).shape;
    const std::int64_t extent = shape[normal_axis(in_axes[i], shape.rank(), proto)];
    if (length >= 0 && extent != length) {
      throw ParseError(fmt::format("scan inputs are {} and {} long", length, extent), label(proto));
    }
    length = extent;
  }
  std::vector<std::vector<ValueId>> scans(out);
  const std::size_t first_node = graph_.nodes.size();
  for (std::int64_t turn = 0; turn < length; ++turn) {
    count_visit(proto);
    std::vector<ValueId> inputs = carried;
    for (std::size_t i = 0; i < in; ++i) {
      const std::size_t axis =
          normal_axis(in_axes[i], graph_.type(sequences[i]).shape.rank(), proto);
      inputs.push_back(
          slice_of(sequences[i], axis, in_directions[i] == 0 ? turn : length - 1 - turn));
    }
    const std::vector<ValueId> results = body(
        graph, inputs, scope, fmt::format("{}{}/{}/", scope.prefix, printable(graph.name()), turn));
    std::copy_n(results.begin(), kept, carried.begin());
    for (std::size_t s = 0; s < out; ++s) scans[s].push_back(results[kept + s]);
  }
  std::vector<ValueId> results = carried;
  for (std::size_t s = 0; s < out; ++s) {
    if (scans[s].empty()) {
      throw UnsupportedError("has nothing to scan, and its outputs have no shape then", {},
                             label(proto));
    }
    if (out_directions[s] != 0) std::reverse(scans[s].begin(), scans[s].end());
    const std::size_t rank = graph_.type(scans[s].front()).shape.rank() + 1;
    results.push_back(
        stack(scans[s], static_cast<std::int64_t>(normal_axis(out_axes[s], rank, proto))));
  }
  evaluator_.fold(first_node);
  return results;
}

}  // namespace pinnacle::onnx
