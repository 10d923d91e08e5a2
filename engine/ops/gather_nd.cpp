// gather_nd: slices of x, each found by a tuple of indices along its first axes; the first
// batch_dims axes are shared by x and the indices.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/op.hpp>

#include <algorithm>

#include "ops/indexing.hpp"
#include "ops/launch.hpp"

namespace pinnacle {
namespace {

struct Tuples {
  std::size_t batch_dims = 0;
  std::size_t depth = 0;  // indices in a tuple
  std::int64_t batch = 1;
  std::int64_t each = 1;   // tuples of one batch
  std::int64_t slice = 1;  // elements
  std::int64_t box = 1;    // slices of x in one batch
};

Tuples tuples_of(const OpView& op) {
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  const std::int64_t batch_dims = op.attributes().integer("batch_dims", 0);
  const auto least = static_cast<std::int64_t>(std::min(x.rank(), indices.rank()));
  if (batch_dims < 0 || batch_dims >= least) {
    shape_error(op, "batch_dims is {}; expected less than the ranks of {} and {}", batch_dims, x,
                indices);
  }
  Tuples t;
  t.batch_dims = static_cast<std::size_t>(batch_dims);
  for (std::size_t i = 0; i < t.batch_dims; ++i) {
    if (x[i] != indices[i]) {
      shape_error(op, "x is {} and indices are {}; expected {} equal first extents", x, indices,
                  batch_dims);
    }
  }
  const std::int64_t depth = indices.back();
  if (depth < 1 || depth > static_cast<std::int64_t>(x.rank() - t.batch_dims)) {
    shape_error(op, "indices are {}; expected 1 to {} indices in a tuple", indices,
                x.rank() - t.batch_dims);
  }
  t.depth = static_cast<std::size_t>(depth);
  t.batch = x.elements(0, t.batch_dims);
  t.each = indices.elements(t.batch_dims, indices.rank() - 1);
  t.slice = x.elements(t.batch_dims + t.depth, x.rank());
  t.box = x.elements(t.batch_dims, t.batch_dims + t.depth);
  return t;
}

std::vector<TensorType> infer(const OpView& op) {
  check_inputs(op, 2, 2);
  check_indices(op, 1);
  const Shape& x = op.shape(0);
  const Shape& indices = op.shape(1);
  if (indices.rank() == 0) shape_error(op, "indices are a scalar; expected tuples");
  const Tuples t = tuples_of(op);
  for (std::size_t i = t.batch_dims; i < t.batch_dims + t.depth; ++i) {
    check_not_empty(op, x, i, indices.elements());
  }
  std::vector<std::int64_t> dims(indices.begin(), indices.end() - 1);
  dims.insert(dims.end(), x.begin() + static_cast<std::ptrdiff_t>(t.batch_dims + t.depth), x.end());
  return {{Shape(std::move(dims)), op.in[0]->dtype}};
}

std::vector<Array> reference(const OpView& op, std::span<const Array> in) {
  Array y(infer(op)[0].shape);
  const Tuples t = tuples_of(op);
  auto to = y.data.begin();
  auto index = in[1].data.begin();
  for (std::int64_t row = 0; row < t.batch * t.each; ++row) {
    std::int64_t at = row / t.each;
    for (std::size_t d = 0; d < t.depth; ++d) {
      const std::int64_t extent = op.shape(0)[t.batch_dims + d];
      at = at * extent + position(*index++, extent);
    }
    to = std::copy_n(in[0].data.begin() + at * t.slice, t.slice, to);
  }
  return {std::move(y)};
}

Lowering lower(const OpView& op, const Target& target, Family family) {
  const Tuples t = tuples_of(op);
  Lowering lowering;
  if (op.out_shape().elements() == 0) return lowering;
  KernelCall& call = lowering.call("gather_nd.cl");
  std::string slot = fmt::format("row/{}", t.each);
  for (std::size_t d = 0; d < t.depth; ++d) {
    const std::int64_t extent = op.shape(0)[t.batch_dims + d];
    slot = fmt::format("({})*{}+INDEX_AT(indices[row*{}+{}],{})", slot, extent, t.depth, d, extent);
  }
  call.define("ELEMENT", element_type(op.in[0]->dtype))
      .define("INDEX", index_type(op.in[1]->dtype))
      .define("SLOT", "(" + slot + ")");
  call.arg(in(0)).arg(in(1)).arg(out()).arg(to_int(t.slice));
  spread(call, op.out_shape().elements(), 8, 1, family, target);
  return lowering;
}

}  // namespace

std::vector<OpDef> gather_nd_ops() {
  return {{.name = "gather_nd",
           .infer = infer,
           .reference = reference,
           .gradient = no_gradient("it picks slices by index; nothing before it is trained"),
           .cost =
               [](const OpView& op) {
                 return Cost{.flop = 0,
                             .bytes = static_cast<double>(2 * op.out[0].bytes()) +
                                      static_cast<double>(op.in[1]->bytes())};
               },
           .variants = both_families(lower)}};
}

}  // namespace pinnacle
