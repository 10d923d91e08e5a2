// Attention and RotaryEmbedding, made of products, softmax and element-wise ops.
// Source: Vaswani et al., "Attention Is All You Need", 2017, arXiv:1706.03762; Su et al., "RoFormer",
// 2021, arXiv:2104.09864.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <vector>

#include "io/onnx/map/build.hpp"
#include "io/onnx/map/windows.hpp"
#include "io/onnx/node_import.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;

// [batch, length, heads * size] as [batch, heads, length, size].
ValueId split_heads(NodeImport& node, ValueId x, std::int64_t heads) {
  const Shape shape = node.b().shape(x);
  if (heads < 1 || shape[2] % heads != 0) {
    node.invalid(fmt::format("{} does not divide into {} heads", shape, heads));
  }
  const ValueId parts = node.reshape(x, {shape[0], shape[1], heads, shape[2] / heads});
  return node.apply("transpose", {parts}, {{"perm", Ints{0, 2, 1, 3}}});
}

ValueId join_heads(NodeImport& node, ValueId x) {
  const ValueId turned = node.apply("transpose", {x}, {{"perm", Ints{0, 2, 1, 3}}});
  const Shape shape = node.b().shape(turned);
  return node.reshape(turned, {shape[0], shape[1], shape[2] * shape[3]});
}

struct Sizes {
  std::int64_t batch, heads, queries, size, kv_heads, keys, past = 0;
};

// 0 where a query may see a key by the attributes, else -infinity: [batch or 1, 1, queries, keys].
// kNoValue: it sees all. With an external cache positions depend on how much of it is filled.
ValueId frontier(NodeImport& node, const Sizes& s) {
  const bool causal = node.integer("is_causal", 0) != 0;
  const std::int64_t left = node.integer("left_window_size", -1);
  const std::int64_t right = causal ? 0 : node.integer("right_window_size", -1);
  const bool filled = node.has(6);
  if (!causal && left < 0 && right < 0 && !filled) return kNoValue;
  const Shape plane = {1, 1, s.queries, s.keys};
  const double hidden = -INFINITY;
  if (!filled) {
    Tensor bias = new_tensor(node, plane, DType::f32);
    for (std::int64_t i = 0; i < s.queries; ++i) {
      for (std::int64_t j = 0; j < s.keys; ++j) {
        const std::int64_t p = s.past + i;
        const bool seen = (left < 0 || j >= p - left) && (right < 0 || j <= p + right);
        bias.f32()[static_cast<std::size_t>(i * s.keys + j)] = seen ? 0.0F : -INFINITY;
      }
    }
    return node.constant(std::move(bias));
  }
  if (node.shape(6) != Shape({s.batch})) {
    node.invalid(fmt::format("nonpad_kv_seqlen is {}; expected [{}]", node.shape(6), s.batch));
  }
  const ValueId count = node.reshape(node.cast(node.in(6), DType::f32), {s.batch, 1, 1, 1});
  Tensor key_numbers = new_tensor(node, {1, 1, 1, s.keys}, DType::f32);
  Tensor distances = new_tensor(node, plane, DType::f32);  // key - query
  for (std::int64_t j = 0; j < s.keys; ++j) {
    key_numbers.f32()[static_cast<std::size_t>(j)] = static_cast<float>(j);
    for (std::int64_t i = 0; i < s.queries; ++i) {
      distances.f32()[static_cast<std::size_t>(i * s.keys + j)] = static_cast<float>(j - i);
    }
  }
  ValueId seen = node.apply("less", {node.constant(std::move(key_numbers)), count});
  const ValueId from_query = node.constant(std::move(distances));
  // The first query's position.
  const ValueId offset = node.apply("sub", {count, scalar(node, static_cast<double>(s.queries))});
  if (left >= 0) {
    const ValueId least = node.apply("sub", {offset, scalar(node, static_cast<double>(left))});
    seen = node.apply("and", {seen, node.apply("greater_or_equal", {from_query, least})});
  }
  if (right >= 0) {
    const ValueId most = node.apply("add", {offset, scalar(node, static_cast<double>(right))});
    seen = node.apply("and", {seen, node.apply("less_or_equal", {from_query, most})});
  }
  return node.apply("where", {seen, scalar(node, 0), scalar(node, hidden)});
}

// attn_mask as what is added to scores; keys beyond it are hidden.
ValueId mask_bias(NodeImport& node, const Sizes& s) {
  if (!node.has(3)) return kNoValue;
  ValueId mask = node.in(3);
  const Shape shape = node.shape(3);
  if (shape.rank() < 2 || shape.rank() > 4 || shape.back() > s.keys) {
    node.invalid(fmt::format("attn_mask is {} for {} keys", shape, s.keys));
  }
  if (node.dtype(3) == DType::boolean) {
    mask = node.apply("where", {mask, scalar(node, 0), scalar(node, -INFINITY)});
  } else {
    mask = node.cast(mask, DType::f32);
  }
  if (shape.back() == s.keys || shape.back() == 1) return mask;
  Ints pads(2 * shape.rank(), 0);
  pads.back() = s.keys - shape.back();
  return pad_with(node, mask, pads, -INFINITY);
}

std::vector<ValueId> attention(NodeImport& node) {
  ValueId q = node.in(0);
  ValueId k = node.in(1);
  ValueId v = node.in(2);
  const std::size_t rank = node.shape(0).rank();
  if ((rank != 3 && rank != 4) || node.shape(1).rank() != rank || node.shape(2).rank() != rank) {
    node.invalid(fmt::format("Q is {}, K {}, V {}; expected all of rank 3 or 4", node.shape(0),
                             node.shape(1), node.shape(2)));
  }
  if (rank == 3) {
    q = split_heads(node, q, node.integer("q_num_heads", 0));
    k = split_heads(node, k, node.integer("kv_num_heads", 0));
    v = split_heads(node, v, node.integer("kv_num_heads", 0));
  }
  Sizes s{};
  if (node.has(4) != node.has(5)) node.invalid("past_key and past_value go together");
  if (node.has(4)) {
    if (node.shape(4).rank() != 4) {
      node.invalid(fmt::format("past_key is {}; expected rank 4", node.shape(4)));
    }
    s.past = node.shape(4)[2];
    if (s.past > 0) {
      k = node.apply("concat", {node.in(4), k}, {{"axis", std::int64_t{2}}});
      v = node.apply("concat", {node.in(5), v}, {{"axis", std::int64_t{2}}});
    }
  }
  const Shape queries = node.b().shape(q);
  const Shape keys = node.b().shape(k);
  const Shape values = node.b().shape(v);
  s.batch = queries[0];
  s.heads = queries[1];
  s.queries = queries[2];
  s.size = queries[3];
  s.kv_heads = keys[1];
  s.keys = keys[2];
  if (keys != Shape({s.batch, s.kv_heads, s.keys, s.size}) ||
      values != Shape({s.batch, s.kv_heads, s.keys, values[3]}) || s.kv_heads < 1 ||
      s.heads % s.kv_heads != 0) {
    node.invalid(
        fmt::format("queries {}, keys {} and values {} do not fit", queries, keys, values));
  }
  if (queries.elements() == 0 || keys.elements() == 0 || values.elements() == 0) {
    node.unsupported("no queries or keys");
  }
  // Heads that share keys are rows of one product.
  const std::int64_t rows = s.heads / s.kv_heads * s.queries;
  const Shape plane = {s.batch, s.heads, s.queries, s.keys};
  checked_shape(node, plane.dims());
  const double scale = node.number("scale", 1 / std::sqrt(static_cast<double>(s.size)));
  q = node.apply("mul", {q, scalar(node, scale)});
  ValueId scores = node.apply("matmul", {node.reshape(q, {s.batch, s.kv_heads, rows, s.size}), k},
                              {{"transpose_b", std::int64_t{1}}});
  scores = node.reshape(scores, plane);
  std::vector<ValueId> stages = {scores};  // what the last output may show
  const double cap = node.number("softcap", 0);
  if (cap < 0) node.invalid(fmt::format("softcap is {}", cap));
  if (cap > 0) {
    scores = node.apply("tanh", {node.apply("mul", {scores, scalar(node, 1 / cap)})});
    scores = node.apply("mul", {scores, scalar(node, cap)});
  }
  stages.push_back(scores);
  const ValueId mask = mask_bias(node, s);
  for (const ValueId bias : {frontier(node, s), mask}) {
    if (bias != kNoValue) scores = node.apply("add", {scores, bias});
  }
  if (node.b().shape(scores) != plane) {
    node.invalid(
        fmt::format("attn_mask is {}, which does not broadcast to {}", node.shape(3), plane));
  }
  stages.push_back(scores);
  ValueId weights = node.apply("softmax", {scores}, {{"axis", std::int64_t{3}}});
  // A query that sees no key gives zeros. If only later keys are hidden, each sees the first.
  if (node.has(3) || node.has(6) || node.integer("left_window_size", -1) >= 0) {
    const ValueId top =
        node.apply("reduce_max", {scores}, {{"axes", Ints{3}}, {"keepdims", std::int64_t{1}}});
    const ValueId sees = node.apply("greater", {top, scalar(node, -INFINITY)});
    weights = node.apply("where", {sees, weights, scalar(node, 0)});
  }
  stages.push_back(weights);
  ValueId y = node.apply("matmul", {node.reshape(weights, {s.batch, s.kv_heads, rows, s.keys}), v});
  y = node.reshape(y, {s.batch, s.heads, s.queries, values[3]});
  if (rank == 3) y = join_heads(node, y);
  const std::int64_t mode = node.integer("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) node.invalid(fmt::format("qk_matmul_output_mode is {}", mode));
  return {y, k, v, stages[static_cast<std::size_t>(mode)]};
}

// ---- RotaryEmbedding ----------------------------------------------------------------------------

// The table's lines for each token, beside the heads: [batch, 1, length, half].
ValueId angles(NodeImport& node, std::size_t i, std::int64_t batch, std::int64_t length,
               std::int64_t half) {
  ValueId table = node.in(i);
  if (node.has(3)) {
    if (node.shape(i).rank() != 2 || node.shape(3) != Shape({batch, length})) {
      node.invalid(fmt::format("a table is {} and position_ids {}", node.shape(i), node.shape(3)));
    }
    table = gather_axis(node, table, 0, node.in(3));
  }
  if (node.b().shape(table) != Shape({batch, length, half})) {
    node.invalid(
        fmt::format("a table is {}; expected [{}, {}, {}]", node.shape(i), batch, length, half));
  }
  return node.reshape(table, {batch, 1, length, half});
}

std::vector<ValueId> rotary(NodeImport& node) {
  const std::size_t rank = node.shape(0).rank();
  if ((rank != 3 && rank != 4) || node.shape(0).elements() == 0) {
    node.invalid(fmt::format("x is {}; expected rank 3 or 4, not empty", node.shape(0)));
  }
  ValueId x = node.in(0);
  if (rank == 3) x = split_heads(node, x, node.integer("num_heads", 0));
  const Shape shape = node.b().shape(x);
  std::int64_t turned = node.integer("rotary_embedding_dim", 0);
  if (turned == 0) turned = shape[3];
  if (turned < 2 || turned % 2 != 0 || turned > shape[3]) {
    node.invalid(fmt::format("rotates {} of {} numbers; expected an even part", turned, shape[3]));
  }
  const std::int64_t half = turned / 2;
  const ValueId cosine = angles(node, 1, shape[0], shape[2], half);
  const ValueId sine = angles(node, 2, shape[0], shape[2], half);
  const ValueId part = slice_axis(node, x, 3, 0, turned);
  const bool interleaved = node.integer("interleaved", 0) != 0;
  const Shape halves = {shape[0], shape[1], shape[2], half};
  ValueId a = kNoValue;
  ValueId b = kNoValue;
  if (interleaved) {
    const ValueId pairs = node.reshape(part, {shape[0], shape[1], shape[2], half, 2});
    a = node.reshape(slice_axis(node, pairs, 4, 0, 1), halves);
    b = node.reshape(slice_axis(node, pairs, 4, 1, 2), halves);
  } else {
    a = slice_axis(node, part, 3, 0, half);
    b = slice_axis(node, part, 3, half, turned);
  }
  ValueId real = node.apply("sub", {node.apply("mul", {a, cosine}), node.apply("mul", {b, sine})});
  ValueId imaginary =
      node.apply("add", {node.apply("mul", {a, sine}), node.apply("mul", {b, cosine})});
  std::int64_t axis = 3;
  if (interleaved) {
    const Shape column = {shape[0], shape[1], shape[2], half, 1};
    real = node.reshape(real, column);
    imaginary = node.reshape(imaginary, column);
    axis = 4;
  }
  ValueId y = node.apply("concat", {real, imaginary}, {{"axis", axis}});
  y = node.reshape(y, {shape[0], shape[1], shape[2], turned});
  if (turned < shape[3]) {
    y = node.apply("concat", {y, slice_axis(node, x, 3, turned, shape[3])},
                   {{"axis", std::int64_t{3}}});
  }
  return {rank == 3 ? join_heads(node, y) : y};
}

}  // namespace

std::vector<ImportRow> attention_imports() {
  return {{.op = "Attention", .import = attention}, {.op = "RotaryEmbedding", .import = rotary}};
}

}  // namespace pinnacle::onnx
