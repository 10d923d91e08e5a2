// SPDX-License-Identifier: Apache-2.0
#include "io/onnx/node_context.hpp"

#include <algorithm>
#include <cmath>

#include "io/onnx/document.hpp"

namespace pinnacle::onnx {

// ---- What every NodeImport can do ---------------------------------------------------------------

NodeImport::Ints NodeImport::ints(std::size_t i) {
  const Array values = to_array(contents(i));
  if (values.shape.rank() > 1) {
    invalid(fmt::format("input {} is {}; expected a list of integers", i, values.shape));
  }
  Ints result;
  result.reserve(values.data.size());
  for (const double value : values.data) {
    if (std::isnan(value)) invalid(fmt::format("input {} has an element that is no number", i));
    // Beyond what a double tells apart, an extent or a position means "to the end".
    constexpr double kFar = 9007199254740992.0;
    result.push_back(static_cast<std::int64_t>(std::clamp(value, -kFar, kFar)));
  }
  return result;
}

std::int64_t NodeImport::integer(std::size_t i) {
  const Ints values = ints(i);
  if (values.size() != 1) {
    invalid(fmt::format("input {} has {} elements; expected one integer", i, values.size()));
  }
  return values.front();
}

double NodeImport::number(std::size_t i) {
  const Array values = to_array(contents(i));
  if (values.data.size() != 1) {
    invalid(fmt::format("input {} is {}; expected one number", i, values.shape));
  }
  return values.data.front();
}

ValueId NodeImport::constant(const Ints& values) {
  Tensor tensor({static_cast<std::int64_t>(values.size())}, DType::i64);
  std::copy_n(reinterpret_cast<const std::byte*>(values.data()), tensor.bytes().size(),
              tensor.bytes().data());
  return b().constant(std::move(tensor));
}

ValueId NodeImport::reshape(ValueId x, const Shape& shape) {
  const GraphValue& value = b().graph().value(x);
  if (value.type.shape == shape) return x;
  // A constant keeps its contents, however large it is.
  if (value.role == Role::constant) return b().constant(value.data->reshaped(shape));
  return apply("reshape", {x}, {{"shape", shape.dims()}});
}

ValueId NodeImport::cast(ValueId x, DType dtype) {
  if (b().type(x).dtype == dtype) return x;
  return apply("cast", {x}, {{"to", std::string(to_string(dtype))}});
}

std::size_t NodeImport::axis(std::int64_t given, std::size_t rank) const {
  const auto r = static_cast<std::int64_t>(rank);
  if (given < -r || given >= r) {
    invalid(fmt::format("axis {} is out of range for rank {}", given, rank));
  }
  return static_cast<std::size_t>(given < 0 ? given + r : given);
}

void NodeImport::invalid(const std::string& what) const {
  throw ParseError(what, fmt::format("{} \"{}\"", op(), name()));
}

void NodeImport::unsupported(const std::string& why) const {
  throw UnsupportedError(why, {}, fmt::format("{} \"{}\"", op(), name()));
}

// ---- On a document ------------------------------------------------------------------------------

NodeContext::NodeContext(Walk& walk, const ::onnx::NodeProto& node, const Scope& scope, int opset,
                         std::vector<ValueId> inputs)
    : walk_(walk), node_(node), scope_(scope), opset_(opset), inputs_(std::move(inputs)) {
  const std::string own = !node.name().empty()     ? node.name()
                          : node.output_size() > 0 ? node.output(0)
                                                   : node.op_type();
  name_ = scope.prefix + own;
}

ValueId NodeContext::in(std::size_t i) const {
  if (!has(i)) invalid(fmt::format("input {} is missing", i));
  return inputs_[i];
}

Tensor NodeContext::contents(std::size_t i) { return contents_of(in(i)); }

Tensor NodeContext::contents_of(ValueId id) { return *walk_.evaluator().contents(id); }

bool NodeContext::is_constant(std::size_t i) const {
  return has(i) && walk_.graph_.value(inputs_[i]).role == Role::constant;
}

// In a function's body an attribute may stand for one of the call's, which may be absent.
const ::onnx::AttributeProto* NodeContext::find(std::string_view name,
                                                ::onnx::AttributeProto::AttributeType type) const {
  const ::onnx::AttributeProto* attribute = find_attribute(node_, name);
  if (attribute != nullptr && !attribute->ref_attr_name().empty()) {
    if (scope_.attributes == nullptr) {
      invalid(fmt::format("attribute {} refers to \"{}\" outside of a function", name,
                          attribute->ref_attr_name()));
    }
    const auto it = scope_.attributes->find(attribute->ref_attr_name());
    attribute = it == scope_.attributes->end() ? nullptr : it->second;
  }
  if (attribute == nullptr || type == ::onnx::AttributeProto::UNDEFINED) return attribute;
  if (attribute->type() != type && attribute->type() != ::onnx::AttributeProto::UNDEFINED) {
    invalid(fmt::format("attribute {} is {}; expected {}", name,
                        ::onnx::AttributeProto::AttributeType_Name(attribute->type()),
                        ::onnx::AttributeProto::AttributeType_Name(type)));
  }
  return attribute;
}

bool NodeContext::has_attribute(std::string_view name) const {
  return find(name, ::onnx::AttributeProto::UNDEFINED) != nullptr;
}

std::int64_t NodeContext::integer(std::string_view name, std::int64_t absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::INT);
  return attribute == nullptr ? absent : attribute->i();
}

double NodeContext::number(std::string_view name, double absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::FLOAT);
  return attribute == nullptr ? absent : static_cast<double>(attribute->f());
}

std::string NodeContext::text(std::string_view name, std::string_view absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::STRING);
  if (attribute == nullptr) return std::string(absent);
  // No operator takes such; messages would quote it.
  if (attribute->s().size() > kLongestName) {
    unsupported(fmt::format("attribute {} is a text of {} bytes", name, attribute->s().size()));
  }
  return attribute->s();
}

NodeImport::Ints NodeContext::ints(std::string_view name, const Ints& absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::INTS);
  if (attribute == nullptr) return absent;
  return {attribute->ints().begin(), attribute->ints().end()};
}

std::vector<double> NodeContext::numbers(std::string_view name,
                                         const std::vector<double>& absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::FLOATS);
  if (attribute == nullptr) return absent;
  return {attribute->floats().begin(), attribute->floats().end()};
}

std::vector<std::string> NodeContext::texts(std::string_view name,
                                            const std::vector<std::string>& absent) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::STRINGS);
  if (attribute == nullptr) return absent;
  return {attribute->strings().begin(), attribute->strings().end()};
}

Tensor NodeContext::tensor(std::string_view name) const {
  const auto* attribute = find(name, ::onnx::AttributeProto::TENSOR);
  if (attribute == nullptr) invalid(fmt::format("attribute {} is missing", name));
  return to_tensor(attribute->t(), walk_.document().tensors);
}

bool NodeContext::wants(std::size_t i) const {
  return i < output_count() && !node_.output(static_cast<int>(i)).empty();
}

}  // namespace pinnacle::onnx
