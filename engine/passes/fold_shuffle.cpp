// fold_shuffle: a shuffle of channels after a convolution becomes its option `shuffle`: it then stores
// each channel where the shuffle would have moved it. Kernels on blocks store whole blocks, so that
// this comes after choose_layout.
// SPDX-License-Identifier: Apache-2.0
#include <numeric>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Ints = Attributes::Ints;

// reshape to [N, rows, C / rows, ...], exchange of axes 1 and 2, reshape back.
struct Shuffle {
  ValueId x = kNoValue;
  std::int64_t rows = 0;
};

bool exchanges_channels(const Ints& perm) {
  Ints wanted(perm.size());
  std::iota(wanted.begin(), wanted.end(), 0);
  if (perm.size() < 3) return false;
  std::swap(wanted[1], wanted[2]);
  return perm == wanted;
}

std::optional<Shuffle> shuffle_of(Rewriting& r, const Node& back) {
  if (back.op != "reshape" || r.shape(back.outputs[0]).rank() != 4) return std::nullopt;
  const auto read_once = [&](ValueId id) { return r.readers().count(id) == 1; };
  const Node* transpose = r.writer(back.inputs[0], "transpose");
  if (transpose == nullptr || !read_once(back.inputs[0])) return std::nullopt;
  const ValueId apart = transpose->inputs[0];
  const Node* reshape = r.writer(apart, "reshape");
  if (reshape == nullptr || !read_once(apart) || !read_once(reshape->inputs[0])) {
    return std::nullopt;
  }
  const Shape& x = r.shape(reshape->inputs[0]);
  const Shape& rows = r.shape(apart);
  const bool of_channels = exchanges_channels(transpose->attributes.ints("perm")) &&
                           x == r.shape(back.outputs[0]) && rows[0] == x[0] &&
                           rows[1] * rows[2] == x[1];
  if (!of_channels) return std::nullopt;
  return Shuffle{reshape->inputs[0], rows[1]};
}

// A residual is read where the result is stored.
bool can_shuffle(Rewriting& r, const Node& node) {
  return node.inputs.size() < 4 && r.shape(node.inputs[0]).rank() == 4 &&
         node.attributes.integer("block", 0) == 0 && node.attributes.integer("shuffle", 1) == 1;
}

}  // namespace

int fold_shuffle(Graph& graph) {
  Rewriting r(graph);
  return r.run([&](Node& node) {
    const auto shuffle = shuffle_of(r, node);
    if (!shuffle) return false;
    const Node* conv = r.writer(shuffle->x, "conv2d");
    if (conv == nullptr || !can_shuffle(r, *conv)) return false;
    const Node before = *conv;
    Attributes attributes = before.attributes;
    attributes.set("shuffle", shuffle->rows);
    r.b().apply(*before.def, before.inputs, std::move(attributes), before.name);
    r.writes(node.outputs[0]);
    return true;
  });
}

}  // namespace pinnacle
