// SPDX-License-Identifier: Apache-2.0
#include "ops/shape_key.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace pinnacle {
namespace {

struct ShowAttribute {
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return fmt::format("{}", value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const Attributes::Ints& value) const {
    return fmt::format("{}", fmt::join(value, ","));
  }
};

// What an absent option means: layers and importers spell it out, others leave it away.
bool is_default(std::string_view name, const Attributes::Attribute& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) {
    return *integer == (name == "group" ? 1 : 0);
  }
  const auto* list = std::get_if<Attributes::Ints>(&value);
  if (list == nullptr) return false;
  const bool ones = name == "strides" || name == "dilations";
  return (ones || name == "pads") && std::all_of(list->begin(), list->end(), [&](std::int64_t v) {
           return v == (ones ? 1 : 0);
         });
}

}  // namespace

std::string shape_key(const OpView& op) {
  std::string key = op.node->op;
  for (const auto& type : op.in) key += type ? fmt::format(" {}", *type) : " -";
  key += " ->";
  for (const TensorType& type : op.out) key += fmt::format(" {}", type);
  for (const auto& [name, value] : op.attributes().items()) {
    if (name == "epilogue") {
      key += " epilogue";
    } else if (!is_default(name, value)) {
      key += fmt::format(" {}={}", name, std::visit(ShowAttribute(), value));
    }
  }
  std::string fixed;
  for (std::size_t i = 0; i < op.in.size(); ++i) {
    if (op.is_fixed(i)) fixed += fmt::format("{}{}", fixed.empty() ? "" : ",", i);
  }
  return fixed.empty() ? key : fmt::format("{} fixed={}", key, fixed);
}

}  // namespace pinnacle
