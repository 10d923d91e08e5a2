// SPDX-License-Identifier: Apache-2.0
#include "bench/clblast.hpp"

#include <pinnacle/op.hpp>

#include <algorithm>

#include "runtime/clblast.hpp"

namespace pinnacle::bench {
namespace {

// matmul with that one variant, which the library's presence is enough for.
OpDef clblast_matmul() {
  OpDef op = find_op("matmul");
  std::vector<Variant> variants = op.variants;
  std::erase_if(variants, [](const Variant& variant) { return variant.name != "clblast"; });
  for (Variant& variant : variants) {
    variant.accepts = [accepts = variant.accepts](const OpView& view, const Target& target) {
      Target with = target;
      with.has_clblast = true;
      return accepts(view, with);
    };
  }
  op.variants = variants;
  return op;
}

}  // namespace

bool has_clblast() { return runtime::clblast_available(); }

Graph by_clblast(Graph graph) {
  static const OpDef op = clblast_matmul();
  for (Node& node : graph.nodes) {
    if (node.op == "matmul") node.def = &op;
  }
  return graph;
}

}  // namespace pinnacle::bench
