// Axes are joined until kept and reduced ones alternate; the innermost group decides between the
// kernels for rows (reduced) and for columns (kept). The others become expressions for offsets.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/reduce/reduce.hpp"

namespace pinnacle {
namespace {

std::vector<ReduceAxis> join(const std::vector<ReduceAxis>& axes) {
  std::vector<ReduceAxis> joined;
  for (const ReduceAxis& axis : axes) {
    if (axis.extent == 1) continue;
    if (!joined.empty() && joined.back().reduced == axis.reduced) {
      joined.back().extent *= axis.extent;
      joined.back().stride = axis.stride;
    } else {
      joined.push_back(axis);
    }
  }
  if (joined.empty()) joined.push_back({.extent = 1, .stride = 1, .reduced = true});
  return joined;
}

// The offset of row `index` of the axes of one kind, as OpenCL C, and how many rows there are.
struct Rows {
  std::string offset;
  std::int64_t count = 1;
};

Rows rows_of(const std::vector<ReduceAxis>& axes, bool reduced, const char* index) {
  std::vector<ReduceAxis> kind;
  for (const ReduceAxis& axis : axes) {
    if (axis.reduced == reduced) kind.push_back(axis);
  }
  Rows rows;
  for (std::size_t i = kind.size(); i-- > 0;) {
    rows.offset += rows.offset.empty() ? "" : "+";
    rows.offset += fmt::format("({})", index);
    if (rows.count != 1) rows.offset += fmt::format("/{}", rows.count);
    if (i != 0) rows.offset += fmt::format("%{}", kind[i].extent);
    rows.offset += fmt::format("*{}", kind[i].stride);
    rows.count *= kind[i].extent;
  }
  rows.offset = rows.offset.empty() ? "0" : "(" + rows.offset + ")";
  return rows;
}

struct Problem {
  bool by_rows = true;  // the innermost axis is reduced
  Rows kept;            // without the innermost axis
  Rows reduced;
  std::int64_t cols = 1;  // of the innermost axis

  std::int64_t results() const { return by_rows ? kept.count : kept.count * cols; }
};

Problem problem_of(std::vector<ReduceAxis> axes) {
  Problem problem;
  problem.by_rows = axes.back().reduced;
  problem.cols = axes.back().extent;
  axes.pop_back();
  problem.kept = rows_of(axes, false, "k");
  problem.reduced = rows_of(axes, true, "r");
  return problem;
}

// How a call is cut; parts > 1: partial results.
struct Cut {
  std::int64_t kept_each = 1, rows_each = 1, cols_each = 1;
  std::int64_t groups_kept = 1, groups_rows = 1, groups_cols = 1;
  std::int64_t loops = 0;

  void count(const Problem& p) {
    groups_kept = ceil_div(p.kept.count, kept_each);
    groups_rows = ceil_div(p.reduced.count, rows_each);
    groups_cols = ceil_div(p.cols, cols_each);
  }
  std::int64_t parts(const Problem& p) const {
    return p.by_rows ? groups_rows * groups_cols : groups_rows;
  }
};

constexpr std::int64_t kLeastElements = 8192;  // what is worth a group of its own

Cut cut_wide(const Problem& p, const Target& target) {
  const std::int64_t vw = target.vector_width;
  const std::int64_t total = p.kept.count * p.reduced.count * p.cols;
  std::int64_t groups =
      std::clamp<std::int64_t>(total / kLeastElements, 1, 4 * std::max(target.compute_units, 1));
  Cut cut;
  for (;; groups *= 2) {
    // Results are shared out first; what is left of the wish cuts the reduced axes.
    const std::int64_t kept_groups = std::min(p.kept.count, groups);
    std::int64_t more = ceil_div(groups, kept_groups);
    cut.kept_each = ceil_div(p.kept.count, kept_groups);
    cut.rows_each = p.reduced.count;
    cut.cols_each = p.cols;
    std::int64_t row_loops = 0;
    if (p.by_rows) {
      if (p.reduced.count >= more) {
        cut.rows_each = ceil_div(p.reduced.count, more);
      } else {
        cut.rows_each = 1;
        cut.cols_each =
            ceil_div(ceil_div(p.cols, ceil_div(more, p.reduced.count)), 2 * vw) * 2 * vw;
      }
      row_loops = cut.rows_each * (1 + std::min(p.cols, cut.cols_each / (2 * vw) + vw));
    } else {
      const std::int64_t strips = ceil_div(p.cols, 4 * vw);
      const std::int64_t col_groups = std::min(strips, more);
      cut.cols_each = ceil_div(strips, col_groups) * 4 * vw;
      more = ceil_div(more, col_groups);
      cut.rows_each = ceil_div(p.reduced.count, more);
      // Strips of four vectors, then of one and narrower.
      row_loops = (cut.cols_each / (4 * vw) + 8) * (1 + cut.rows_each);
    }
    cut.loops = cut.kept_each * (1 + row_loops);
    const bool smallest = cut.kept_each == 1 && cut.rows_each == 1 && cut.cols_each <= 4 * vw;
    if (smallest || !fits_loop_limit(target, cut.loops)) break;
  }
  cut.count(p);
  return cut;
}

void describe(KernelCall& call, const Problem& p, Reduction reduction, std::int64_t vw) {
  call.define("VW", vw).define("OPERATION", static_cast<std::int64_t>(reduction));
  call.prelude =
      fmt::format("#define KEPT(k) {}\n#define REDUCED(r) {}\n", p.kept.offset, p.reduced.offset);
}

KernelCall wide_call(const Problem& p, const Cut& cut, Reduction reduction, BufferRef source,
                     BufferRef result, float scale, const Target& target) {
  KernelCall call(p.by_rows ? "reduce/wide_rows.cl" : "reduce/wide_columns.cl");
  describe(call, p, reduction, target.vector_width);
  call.arg(source).arg(result);
  call.arg(to_int(p.kept.count)).arg(to_int(p.reduced.count)).arg(to_int(p.cols));
  call.arg(to_int(cut.kept_each)).arg(to_int(cut.rows_each)).arg(to_int(cut.cols_each)).arg(scale);
  const auto kept = static_cast<std::size_t>(cut.groups_kept);
  const auto cols = static_cast<std::size_t>(cut.groups_cols);
  call.range(
      {p.by_rows ? kept : cols, p.by_rows ? cols : kept, static_cast<std::size_t>(cut.groups_rows)},
      {1, 1, 1});
  call.loops(cut.loops + ceil_div(cut.loops, 32));  // rows and blocks of rows
  return call;
}

// Work-groups of the simt kernels: `lanes` share one result, `lines` results are neighbours.
struct SimtCut {
  std::int64_t lx = 1, ly = 1;
  std::int64_t each = 1;  // reduced elements per part
  std::int64_t parts = 1;
  std::int64_t loops = 0;
};

SimtCut cut_simt(const Problem& p, const Target& target) {
  const std::int64_t length = p.by_rows ? p.reduced.count * p.cols : p.reduced.count;
  const std::int64_t most = work_group(target);
  SimtCut cut;
  std::int64_t lanes = 1;
  std::int64_t lines = 1;
  if (p.by_rows) {
    lanes = power_of_two(ceil_div(length, 4), most);
    lines = power_of_two(p.results(),
                         std::max<std::int64_t>(1, std::min<std::int64_t>(most, 64) / lanes));
    cut.lx = lanes;
    cut.ly = lines;
  } else {
    lines = power_of_two(p.results(), std::min<std::int64_t>(most, 32));
    lanes = power_of_two(ceil_div(length, 4), most / lines);
    cut.lx = lines;
    cut.ly = lanes;
  }
  const std::int64_t groups = ceil_div(p.results(), lines);
  const std::int64_t wanted = ceil_div(4 * std::max(target.compute_units, 1), groups);
  cut.parts = std::clamp<std::int64_t>(std::min(wanted, length / (lanes * 16)), 1, 1024);
  for (;; cut.parts *= 2) {
    cut.each = ceil_div(length, cut.parts);
    cut.loops = ceil_div(cut.each, lanes) + 16;
    if (cut.each <= lanes || !fits_loop_limit(target, cut.loops)) break;
  }
  cut.parts = ceil_div(length, cut.each);
  return cut;
}

KernelCall simt_call(const Problem& p, const SimtCut& cut, Reduction reduction, BufferRef source,
                     BufferRef result, float scale) {
  KernelCall call(p.by_rows ? "reduce/simt_rows.cl" : "reduce/simt_columns.cl");
  describe(call, p, reduction, 1);
  call.define("LX", cut.lx).define("LY", cut.ly);
  call.arg(source).arg(result);
  call.arg(to_int(p.kept.count)).arg(to_int(p.reduced.count)).arg(to_int(p.cols));
  call.arg(to_int(cut.each)).arg(scale);
  const std::int64_t lines = p.by_rows ? cut.ly : cut.lx;
  const auto across = static_cast<std::size_t>(ceil_div(p.results(), lines) * lines);
  const auto along = static_cast<std::size_t>(cut.parts * (p.by_rows ? cut.lx : cut.ly));
  call.range({p.by_rows ? along : across, p.by_rows ? across : along, 1},
             {static_cast<std::size_t>(cut.lx), static_cast<std::size_t>(cut.ly), 1});
  call.loops(cut.loops);
  return call;
}

}  // namespace

void add_reduction(Lowering& lowering, Reduction reduction, const std::vector<ReduceAxis>& axes,
                   BufferRef source, BufferRef result, float scale, Family family,
                   const Target& target) {
  const Problem p = problem_of(join(axes));
  const Cut wide = family == Family::wide ? cut_wide(p, target) : Cut{};
  const SimtCut simt = family == Family::wide ? SimtCut{} : cut_simt(p, target);
  const std::int64_t parts = family == Family::wide ? wide.parts(p) : simt.parts;
  const bool whole = parts == 1;
  const BufferRef to =
      whole ? result
            : lowering.add_scratch(static_cast<std::size_t>(parts * p.results()) * sizeof(float));
  const float factor = whole ? scale : 1.0f;
  lowering.calls.emplace_back(family == Family::wide
                                  ? wide_call(p, wide, reduction, source, to, factor, target)
                                  : simt_call(p, simt, reduction, source, to, factor));
  if (whole) return;
  add_reduction(lowering, reduction,
                {{.extent = parts, .stride = p.results(), .reduced = true},
                 {.extent = p.results(), .stride = 1, .reduced = false}},
                to, result, scale, family, target);
}

void add_sum(Lowering& lowering, std::int64_t count, BufferRef source, BufferRef result,
             Family family, const Target& target) {
  add_reduction(lowering, Reduction::sum, {{.extent = count, .stride = 1, .reduced = true}}, source,
                result, 1.0f, family, target);
}

}  // namespace pinnacle
