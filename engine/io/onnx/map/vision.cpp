// Resizing and sampling of images. Resize works along one axis after the other: nearest is a gather,
// all else a weighted sum with tables of indices and weights that are made here.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>

#include "io/onnx/map/build.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = NodeImport::Ints;
using Values = std::vector<ValueId>;

// ---- Resize: what is asked for ------------------------------------------------------------------

enum class Filter : std::uint8_t { nearest, linear, cubic };

struct Resizing {
  Filter filter = Filter::nearest;
  std::string coordinates = "half_pixel";
  std::string rounding = "round_prefer_floor";
  double cubic_a = -0.75;
  double extrapolation = 0;
  bool exclude_outside = false;
  bool antialias = false;
};

/// One axis to be resized; start and end of the region are used by tf_crop_and_resize alone.
struct ResizedAxis {
  std::size_t axis = 0;
  std::int64_t extent = 0;
  std::int64_t result = 0;
  double scale = 1;
  double start = 0;
  double end = 1;

  double wanted() const { return scale * static_cast<double>(extent); }  // may be a fraction
};

template <class Options>
std::string one_of(const NodeImport& node, const char* attribute, std::string value,
                   const Options& options) {
  if (std::find(options.begin(), options.end(), value) == options.end()) {
    node.invalid(fmt::format("{} is \"{}\"", attribute, value));
  }
  return value;
}

Resizing resizing_of(NodeImport& node) {
  using Names = std::vector<std::string_view>;
  Resizing r;
  const std::string mode = one_of(node, "mode", node.text("mode", "nearest"),
                                  Names{"nearest", "linear", "bilinear", "cubic"});
  r.filter = mode == "nearest" ? Filter::nearest : mode == "cubic" ? Filter::cubic : Filter::linear;
  if (node.op() == "Upsample" || node.opset() < 11) {
    r.coordinates = "asymmetric";
    r.rounding = "by_scale";
    return r;
  }
  r.coordinates =
      one_of(node, "coordinate_transformation_mode",
             node.text("coordinate_transformation_mode", "half_pixel"),
             Names{"half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners",
                   "asymmetric", "tf_crop_and_resize", "tf_half_pixel_for_nn"});
  r.rounding = one_of(node, "nearest_mode", node.text("nearest_mode", "round_prefer_floor"),
                      Names{"round_prefer_floor", "round_prefer_ceil", "floor", "ceil"});
  r.cubic_a = node.number("cubic_coeff_a", -0.75);
  r.extrapolation = node.number("extrapolation_value", 0);
  r.exclude_outside = node.integer("exclude_outside", 0) != 0;
  r.antialias = node.integer("antialias", 0) != 0;
  return r;
}

std::vector<double> numbers_of(NodeImport& node, std::size_t i) {
  return node.has(i) ? to_array(node.contents(i)).data : std::vector<double>{};
}

void check_count(const NodeImport& node, const char* what, std::size_t got, std::size_t wanted) {
  if (got != wanted) node.invalid(fmt::format("has {} {} for {} axes", got, what, wanted));
}

// Extents from `sizes`, all by one factor where the aspect ratio is to be kept.
void apply_sizes(NodeImport& node, const Ints& sizes, std::vector<ResizedAxis>& axes) {
  check_count(node, "sizes", sizes.size(), axes.size());
  const std::string policy = node.text("keep_aspect_ratio_policy", "stretch");
  if (policy != "stretch" && policy != "not_larger" && policy != "not_smaller") {
    node.invalid(fmt::format("keep_aspect_ratio_policy is \"{}\"", policy));
  }
  std::optional<double> common;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    ResizedAxis& axis = axes[i];
    if (sizes[i] < 0 || (axis.extent == 0 && sizes[i] > 0)) {
      node.invalid(fmt::format("resizes {} elements to {}", axis.extent, sizes[i]));
    }
    axis.result = sizes[i];
    if (axis.extent == 0) continue;
    axis.scale = static_cast<double>(sizes[i]) / static_cast<double>(axis.extent);
    common = !common                  ? axis.scale
             : policy == "not_larger" ? std::min(*common, axis.scale)
                                      : std::max(*common, axis.scale);
  }
  if (policy == "stretch" || !common) return;
  for (ResizedAxis& axis : axes) {
    axis.scale = *common;
    axis.result = static_cast<std::int64_t>(std::floor(axis.wanted() + 0.5));
  }
}

void apply_scales(NodeImport& node, const std::vector<double>& scales,
                  std::vector<ResizedAxis>& axes) {
  check_count(node, "scales", scales.size(), axes.size());
  for (std::size_t i = 0; i < axes.size(); ++i) {
    axes[i].scale = scales[i];
    // In f32, as the scale is: 10 times 2.3f is 23.
    const double result =
        std::floor(static_cast<float>(axes[i].extent) * static_cast<float>(scales[i]));
    if (!(scales[i] > 0) || !(result < static_cast<double>(kMostElements))) {
      node.invalid(fmt::format("scales axis {} by {}", axes[i].axis, scales[i]));
    }
    axes[i].result = static_cast<std::int64_t>(result);
  }
}

std::vector<ResizedAxis> axes_of(NodeImport& node, const Resizing& r) {
  const Shape& x = node.shape(0);
  std::vector<std::int64_t> given(x.rank());
  std::iota(given.begin(), given.end(), std::int64_t{0});
  if (node.has_attribute("axes")) given = node.ints("axes", {});
  std::vector<ResizedAxis> axes;
  for (const std::int64_t a : given) {
    const std::size_t axis = node.axis(a, x.rank());
    for (const ResizedAxis& other : axes) {
      if (other.axis == axis) node.invalid(fmt::format("names axis {} twice", axis));
    }
    axes.push_back({.axis = axis, .extent = x[axis], .result = x[axis]});
  }
  if (node.op() == "Upsample" || node.opset() < 11) {
    const bool by_input = node.op() == "Resize" || node.opset() >= 9;
    apply_scales(node, by_input ? numbers_of(node, 1) : node.numbers("scales", {}), axes);
    return axes;
  }
  const std::vector<double> scales = numbers_of(node, 2);
  if (node.has(3) && node.shape(3).elements() > 0) {
    apply_sizes(node, node.ints(3), axes);
  } else {
    apply_scales(node, scales, axes);
  }
  if (r.coordinates == "tf_crop_and_resize") {
    const std::vector<double> region = numbers_of(node, 1);
    check_count(node, "numbers of a region, two", region.size(), 2 * axes.size());
    for (std::size_t i = 0; i < axes.size(); ++i) {
      axes[i].start = region[i];
      axes[i].end = region[i + axes.size()];
    }
  }
  return axes;
}

// ---- Resize: tables -----------------------------------------------------------------------------

/// Where element `at` of the result lies in x.
double origin(const Resizing& r, const ResizedAxis& a, std::int64_t at) {
  const auto i = static_cast<double>(at);
  const auto last = static_cast<double>(a.extent - 1);
  if (r.coordinates == "align_corners") return a.wanted() == 1 ? 0 : i * last / (a.wanted() - 1);
  if (r.coordinates == "asymmetric") return i / a.scale;
  if (r.coordinates == "tf_half_pixel_for_nn") return (i + 0.5) / a.scale;
  if (r.coordinates == "tf_crop_and_resize") {
    return a.result > 1 ? a.start * last + i * (a.end - a.start) * last / (a.wanted() - 1)
                        : 0.5 * (a.start + a.end) * last;
  }
  const double half_pixel = (i + 0.5) / a.scale - 0.5;
  if (r.coordinates == "pytorch_half_pixel") return a.result > 1 ? half_pixel : 0;
  if (r.coordinates == "half_pixel_symmetric") {
    const double adjustment = static_cast<double>(a.result) / a.wanted();
    return static_cast<double>(a.extent) / 2 * (1 - adjustment) + half_pixel;
  }
  return half_pixel;
}

double rounded(const std::string& rounding, double scale, double x) {
  // Before it could be said, down when growing and up when shrinking was usual.
  if (rounding == "by_scale") return scale < 1 ? std::ceil(x) : std::floor(x);
  if (rounding == "floor") return std::floor(x);
  if (rounding == "ceil") return std::ceil(x);
  return rounding == "round_prefer_floor" ? std::ceil(x - 0.5) : std::floor(x + 0.5);
}

// R. Keys, "Cubic convolution interpolation", 1981, eq. 4; linear: a triangle.
double kernel(const Resizing& r, double x) {
  x = std::fabs(x);
  if (r.filter == Filter::linear) return std::max(0.0, 1 - x);
  const double a = r.cubic_a;
  if (x <= 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? ((x - 5) * x + 8) * x * a - 4 * a : 0;
}

struct Table {
  std::int64_t taps = 1;
  std::vector<std::int32_t> indices;
  std::vector<float> weights;
};

// Elements [first, last) of the result.
Table table_of(const NodeImport& node, const Resizing& r, const ResizedAxis& a, std::int64_t first,
               std::int64_t last) {
  // Against aliasing the kernel is stretched to cover what falls into one element of the result.
  const double stretch = r.antialias ? std::max(1.0, 1 / a.scale) : 1;
  const double reach = std::ceil((r.filter == Filter::cubic ? 2 : 1) * stretch);
  constexpr double kMostEntries = 1 << 26;
  Table table;
  if (2 * reach * static_cast<double>(last - first) > kMostEntries || a.extent > INT32_MAX) {
    node.unsupported(fmt::format("resizes {} elements to {}", a.extent, a.result));
  }
  if (r.filter != Filter::nearest) table.taps = static_cast<std::int64_t>(2 * reach);
  const auto end = static_cast<double>(a.extent - 1);
  std::vector<double> weights(static_cast<std::size_t>(table.taps));
  for (std::int64_t i = first; i < last; ++i) {
    // Whatever lies further out counts as the border.
    const double x = std::clamp(origin(r, a, i), -2 * reach - 1, end + 2 * reach + 1);
    if (r.filter == Filter::nearest) {
      table.indices.push_back(
          static_cast<std::int32_t>(std::clamp(rounded(r.rounding, a.scale, x), 0.0, end)));
      continue;
    }
    const double lowest = std::floor(x) - reach + 1;
    double sum = 0;
    for (std::int64_t t = 0; t < table.taps; ++t) {
      const double at = lowest + static_cast<double>(t);
      const bool outside = at < 0 || at > end;
      double& weight = weights[static_cast<std::size_t>(t)];
      weight = r.exclude_outside && outside ? 0 : kernel(r, (at - x) / stretch);
      sum += weight;
      table.indices.push_back(static_cast<std::int32_t>(std::clamp(at, 0.0, end)));
    }
    for (const double weight : weights) {
      table.weights.push_back(static_cast<float>(sum == 0 ? weight : weight / sum));
    }
  }
  return table;
}

// ---- Resize: along one axis ---------------------------------------------------------------------

bool is_unchanged(const ResizedAxis& a) {
  return a.result == a.extent && a.scale == 1 && a.start == 0 && a.end == 1;
}

ValueId resize_axis(NodeImport& node, ValueId x, const Resizing& r, const ResizedAxis& a) {
  // What lies outside of x is one value: made by padding. It is at the ends, origin() is monotonic.
  std::int64_t first = 0;
  std::int64_t last = a.result;
  if (r.coordinates == "tf_crop_and_resize") {
    const auto outside = [&](std::int64_t i) {
      const double at = origin(r, a, i);
      return !(at >= 0 && at <= static_cast<double>(a.extent - 1));
    };
    while (first < last && outside(first)) ++first;
    while (last > first && outside(last - 1)) --last;
  }
  if (first == last && a.result > 0) {
    Shape shape = node.b().shape(x);
    shape[a.axis] = a.result;
    const ValueId value =
        node.constant(to_tensor(Array(Shape{}, r.extrapolation), node.b().type(x).dtype));
    return expand_to(node, value, shape);
  }
  const Table table = table_of(node, r, a, first, last);
  if (r.filter == Filter::nearest) {
    x = gather_axis(node, x, a.axis, node.constant(i32_tensor({last - first}, table.indices)));
  } else {
    const Shape shape{last - first, table.taps};
    x = node.apply("resample",
                   {x, node.constant(i32_tensor(shape, table.indices)),
                    node.constant(tensor_of(shape, DType::f32, table.weights))},
                   {{"axis", static_cast<std::int64_t>(a.axis)}});
  }
  const std::size_t rank = node.b().shape(x).rank();
  Ints pads(2 * rank, 0);
  pads[a.axis] = first;
  pads[a.axis + rank] = a.result - last;
  return pad_with(node, x, std::move(pads), r.extrapolation);
}

Values resize(NodeImport& node) {
  const Resizing r = resizing_of(node);
  std::vector<ResizedAxis> axes = axes_of(node, r);
  Shape shape = node.shape(0);
  for (const ResizedAxis& a : axes) {
    shape[a.axis] = a.result;
    if (a.extent == 0 && a.result > 0) node.invalid("resizes nothing to something");
  }
  checked_shape(node, shape.dims());
  // Those that shrink come first: less is left for the others.
  std::stable_sort(axes.begin(), axes.end(),
                   [](const ResizedAxis& a, const ResizedAxis& b) { return a.scale < b.scale; });
  const DType dtype = node.dtype(0);
  ValueId x = node.in(0);
  if (r.filter != Filter::nearest) x = node.cast(x, DType::f32);
  for (const ResizedAxis& a : axes) {
    if (!is_unchanged(a) && a.extent > 0) x = resize_axis(node, x, r, a);
  }
  return {node.cast(x, dtype)};
}

// ---- Sampling by positions ----------------------------------------------------------------------

Values grid_sample(NodeImport& node) {
  std::string mode = node.text("mode", "linear");
  if (mode == "bilinear") mode = "linear";
  if (mode == "bicubic") mode = "cubic";
  return {node.apply("grid_sample", {node.in(0), node.cast(node.in(1), DType::f32)},
                     {{"mode", mode},
                      {"padding_mode", node.text("padding_mode", "zeros")},
                      {"align_corners", node.integer("align_corners", 0)}})};
}

// Positions from -1 to 1: of the centers of the border's elements, or of their outer edges.
double normalized(std::int64_t i, std::int64_t extent, bool align_corners) {
  const auto n = static_cast<double>(extent);
  if (align_corners) return extent == 1 ? 0 : -1 + 2 * static_cast<double>(i) / (n - 1);
  return (2 * static_cast<double>(i) + 1) / n - 1;
}

// A matrix product of all positions [P, axes + 1], the last one 1, and the transforms of all images.
Values affine_grid(NodeImport& node) {
  const Shape& theta = node.shape(0);
  const Ints size = node.ints(1);
  const auto axes = static_cast<std::int64_t>(size.size()) - 2;
  if ((axes != 2 && axes != 3) || theta != Shape{size[0], axes, axes + 1}) {
    node.invalid(
        fmt::format("theta is {} and size {}; expected [N, 2, 3] and 4 extents, or "
                    "[N, 3, 4] and 5",
                    theta, Shape(size)));
  }
  const bool align_corners = node.integer("align_corners", 0) != 0;
  const Shape spatial = checked_shape(node, Ints(size.begin() + 2, size.end()));
  const std::int64_t points = spatial.elements();
  Tensor base = new_tensor(node, {points, axes + 1}, DType::f32);
  for (std::int64_t p = 0; p < points; ++p) {
    std::int64_t rest = p;
    float* row = base.f32().data() + p * (axes + 1);
    for (std::int64_t k = 0; k < axes; ++k) {  // the last axis is x, the first number
      const std::int64_t extent = spatial[static_cast<std::size_t>(axes - 1 - k)];
      row[k] = static_cast<float>(normalized(rest % extent, extent, align_corners));
      rest /= extent;
    }
    row[axes] = 1;
  }
  const std::int64_t n = size[0];
  const ValueId by_row = node.apply("transpose", {node.in(0)}, {{"perm", Ints{2, 0, 1}}});
  const ValueId all = node.reshape(by_row, {axes + 1, n * axes});
  const ValueId moved =
      node.reshape(node.apply("matmul", {node.constant(std::move(base)), all}), {points, n, axes});
  const ValueId grid = node.apply("transpose", {moved}, {{"perm", Ints{1, 0, 2}}});
  Ints dims = {n};
  dims.insert(dims.end(), spatial.begin(), spatial.end());
  dims.push_back(axes);
  return {node.reshape(grid, Shape(std::move(dims)))};
}

// ---- Regions ------------------------------------------------------------------------------------

std::int64_t pooled_extent(const NodeImport& node, std::int64_t extent) {
  if (extent < 1 || extent > (1 << 16)) node.invalid(fmt::format("pools to {} elements", extent));
  return extent;
}

Values roi_align(NodeImport& node) {
  const std::string mode = node.text("mode", "avg");
  if (mode != "avg" && mode != "max") node.invalid(fmt::format("mode is \"{}\"", mode));
  const std::string coordinates = node.text("coordinate_transformation_mode",
                                            node.opset() < 16 ? "output_half_pixel" : "half_pixel");
  const std::int64_t ratio = node.integer("sampling_ratio", 0);
  if (ratio < 0 || ratio > 1024) node.invalid(fmt::format("sampling_ratio is {}", ratio));
  return {node.apply("roi_align", {node.in(0), node.in(1), node.in(2)},
                     {{"mode", mode},
                      {"half_pixel", std::int64_t{coordinates == "half_pixel" ? 1 : 0}},
                      {"sampling_ratio", ratio},
                      {"output_height", pooled_extent(node, node.integer("output_height", 1))},
                      {"output_width", pooled_extent(node, node.integer("output_width", 1))},
                      {"spatial_scale", node.number("spatial_scale", 1)}})};
}

Values max_roi_pool(NodeImport& node) {
  const Ints pooled = node.ints("pooled_shape", {});
  if (pooled.size() != 2) node.invalid("has no pooled_shape of height and width");
  return {node.apply("max_roi_pool", {node.in(0), node.in(1)},
                     {{"output_height", pooled_extent(node, pooled[0])},
                      {"output_width", pooled_extent(node, pooled[1])},
                      {"spatial_scale", node.number("spatial_scale", 1)}})};
}

}  // namespace

std::vector<ImportRow> vision_imports() {
  return {{"AffineGrid", affine_grid, Half::computed_in_f32},
          {"GridSample", grid_sample, Half::computed_in_f32},
          {"MaxRoiPool", max_roi_pool, Half::computed_in_f32, 1},
          {"Resize", resize, Half::computed_in_f32},
          {"RoiAlign", roi_align, Half::computed_in_f32},
          {"Upsample", resize, Half::computed_in_f32}};
}

}  // namespace pinnacle::onnx
