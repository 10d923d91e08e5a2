// fold_padding: a pad before a convolution or pooling becomes its option `pads`, where that gives the
// same: zeros before a convolution; before max_pool2d what no window chooses; before an average that
// counts its padding, zeros.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Ints = Attributes::Ints;

// Ops whose results are zero or more, or not a number, whatever they are given.
bool never_negative(const Node* node) {
  if (node == nullptr) return false;
  constexpr std::array kOps = {"abs",  "exp",      "hard_sigmoid", "relu",  "sigmoid",
                               "sqrt", "softplus", "softmax",      "square"};
  if (node->op == "clip") return node->attributes.number("min", -1) >= 0;
  return std::find(kOps.begin(), kOps.end(), node->op) != kOps.end();
}

// What lies around a value of rank 4.
struct Padding {
  ValueId x = kNoValue;
  Ints pads;  // top, left, bottom, right
  double value = 0;
};

std::optional<Padding> padding_of(Rewriting& r, ValueId id) {
  const Node* pad = r.writer(id, "pad");
  if (pad == nullptr || pad->inputs.size() != 1 || r.shape(id).rank() != 4) return std::nullopt;
  const Attributes& a = pad->attributes;
  if (a.text("mode", "constant") != "constant" || a.has("axes")) return std::nullopt;
  const Ints& pads = a.ints("pads");
  const bool of_pixels = pads.size() == 8 && pads[0] == 0 && pads[1] == 0 && pads[4] == 0 &&
                         pads[5] == 0 && *std::min_element(pads.begin(), pads.end()) >= 0;
  if (!of_pixels) return std::nullopt;
  return Padding{pad->inputs[0], {pads[2], pads[3], pads[6], pads[7]}, a.number("value", 0)};
}

// Whether the op does with its own padding what it does with this one.
bool is_same(Rewriting& r, const Node& node, const Padding& padding, const Ints& pads) {
  if (node.op == "conv2d") return padding.value == 0;
  const Ints& kernel = node.attributes.ints("kernel_shape");
  for (std::size_t i = 0; i < 4; ++i) {
    if (pads[i] >= kernel[i % 2]) return false;  // a window of padding alone
  }
  if (node.op == "average_pool2d") {
    return padding.value == 0 && node.attributes.integer("count_include_pad", 0) != 0;
  }
  const double least = -std::numeric_limits<float>::max();
  return padding.value <= least || (padding.value <= 0 && never_negative(r.writer(padding.x)));
}

}  // namespace

int fold_padding(Graph& graph) {
  Rewriting r(graph);
  int count = 0;
  r.run([&](Node& node) {
    if (node.op != "conv2d" && node.op != "max_pool2d" && node.op != "average_pool2d") return false;
    const auto padding = padding_of(r, node.inputs[0]);
    if (!padding) return false;
    Ints pads = node.attributes.ints("pads", Ints(4, 0));
    for (std::size_t i = 0; i < pads.size() && i < 4; ++i) pads[i] += padding->pads[i];
    if (pads.size() != 4 || !is_same(r, node, *padding, pads)) return false;
    node.attributes.set("pads", pads);
    node.inputs[0] = padding->x;
    ++count;
    return false;
  });
  return count;
}

}  // namespace pinnacle
