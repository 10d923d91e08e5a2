// Every op of the library, collected from the one list in meson.build.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>
#include <iterator>

#include "base/text.hpp"
#include "op_list.hpp"
#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

std::vector<OpDef> collect() {
  std::vector<OpDef> ops;
  append_all_ops([&](std::vector<OpDef> more) {
    std::move(more.begin(), more.end(), std::back_inserter(ops));
  });
  std::sort(ops.begin(), ops.end(), [](const OpDef& a, const OpDef& b) { return a.name < b.name; });
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const OpDef& op = ops[i];
    if (i > 0 && ops[i - 1].name == op.name) throw Error("is defined twice", op.name);
    if (!op.infer || !op.reference || !op.gradient || !op.cost) {
      throw Error("leaves a part of its OpDef empty", op.name);
    }
  }
  return ops;
}

}  // namespace

std::span<const OpDef> builtin_ops() {
  static const std::vector<OpDef> ops = collect();
  return ops;
}

const OpDef& find_op(std::string_view name) {
  const std::span<const OpDef> ops = builtin_ops();
  const auto it = std::lower_bound(
      ops.begin(), ops.end(), name,
      [](const OpDef& op, std::string_view wanted) { return std::string_view(op.name) < wanted; });
  if (it != ops.end() && std::string_view(it->name) == name) return *it;
  std::vector<std::string> names;
  for (const OpDef& op : ops) names.push_back(op.name);
  throw UnsupportedError("there is no such op", {std::string(name)}, "find_op",
                         suggestion(name, names));
}

Decline fits_loop_limit(const Target& target, std::int64_t iterations) {
  if (target.loop_limit == 0 || iterations <= target.loop_limit) return std::nullopt;
  return fmt::format("needs {} loop iterations per work-item; this device stops after {}",
                     iterations, target.loop_limit);
}

}  // namespace pinnacle
