// What the files on oneDNN share: its engine, memory with a tensor's numbers, a Peer of a primitive.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <oneapi/dnnl/dnnl.hpp>

#include <unordered_map>

#include "bench/peers/libraries.hpp"

namespace pinnacle::bench {

struct OneDnn {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
};
OneDnn& onednn();

using OneDnnArguments = std::unordered_map<int, dnnl::memory>;

dnnl::memory::dims row_strides(const dnnl::memory::dims& dims);
/// Row-major.
dnnl::memory::desc plain(const dnnl::memory::dims& dims);
/// What the primitive likes best.
dnnl::memory::desc any(const dnnl::memory::dims& dims);
/// What its convolutions make of images [N, C, H, W].
dnnl::memory::desc image_layout(const dnnl::memory::dims& dims);
/// A tensor's numbers in memory of its own, rearranged.
dnnl::memory filled(const dnnl::memory::desc& layout, const dnnl::memory::dims& dims,
                    const Tensor& tensor);
/// `result` is the argument that is compared; `shape` its shape as the op has it.
Peer onednn_primitive(const dnnl::primitive& primitive, OneDnnArguments arguments, int result,
                      Shape shape);

/// Ops other than matrix products and convolutions; nothing if it does not have the op.
std::optional<Peer> onednn_rest(const ShapeCase& c, std::span<const Tensor> inputs,
                                const Shape& output);

}  // namespace pinnacle::bench
