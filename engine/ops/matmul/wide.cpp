// matmul, wide and split_k: packed panels and register tiles for devices that run one work-item per
// group; split_k also cuts K, for small results of long sums.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/launch.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return ceil_div(value, step) * step;
}

// How a product is cut; the names are those of the kernel's parameters.
struct Blocking {
  std::int64_t vw = 1, nv = 1, mr = 1, kc = 1, nb = 1, mb = 1, split = 1;
  bool pack_a = false, b_packed = false, b_in_place = false;

  std::int64_t nr() const { return nv * vw; }
  std::int64_t row_groups(const MatmulSizes& s) const { return ceil_div(s.m, mb); }
  std::int64_t col_groups(const MatmulSizes& s) const { return ceil_div(s.n, nb); }
  std::int64_t groups(const MatmulSizes& s) const {
    return row_groups(s) * col_groups(s) * s.batch * split;
  }
  std::int64_t strips(const MatmulSizes& s) const { return ceil_div(s.n, nr()); }
  bool packs_b() const { return !b_packed && !b_in_place; }
  std::int64_t tile_step() const { return mr <= vw ? mr : round_up(mr, vw); }
  std::int64_t panel_bytes() const { return 4 * kc * nb; }
  std::int64_t tile_bytes() const { return 4 * (kc * tile_step() + vw); }
  std::int64_t local_bytes() const {
    return (packs_b() ? panel_bytes() : 0) + (pack_a ? tile_bytes() : 0);
  }
};

// Elements of b that stay in the second cache, about.
constexpr std::int64_t kNearElements = 256 << 10;

bool is_near(const MatmulSizes& s) { return s.n * s.k <= kNearElements; }

std::int64_t tuned(const Params& params, std::string_view name) {
  const auto found = params.find(name);
  return found == params.end() ? 0 : std::max<std::int64_t>(found->second, 0);
}

struct Tile {
  std::int64_t rows, vectors;
};

// The tile that computes c in the least time: what the registers hold, less where ends would be
// mostly empty.
Tile choose_tile(const MatmulSizes& s, std::int64_t vw, bool in_place) {
  // 32 vector registers go with 16 lanes, 16 registers with fewer.
  const std::int64_t sums = vw >= 16 ? 24 : 12;
  const std::int64_t m = std::max<std::int64_t>(s.m, 1), n = std::max<std::int64_t>(s.n, 1);
  // Rows of b that come from memory like long runs.
  const bool far = in_place && !is_near(s);
  Tile best{1, 1};
  double best_cost = 1e300;
  for (std::int64_t vectors : {1, 2, 4}) {
    if (vectors > 1 && n <= vw) break;
    if (vectors > 2 && !in_place) break;  // narrow panels are as fast, and pad less
    if (vectors == 1 && n > vw) continue;
    for (std::int64_t rows = 1; rows <= std::min<std::int64_t>(sums / vectors, 12); ++rows) {
      const auto nv = static_cast<double>(vectors);
      // Each step pays for its sums and, once, for loading its row of b.
      const double step = static_cast<double>(rows) * nv + (far ? 2 + 8 / nv : 2 * nv);
      const double cost = step * static_cast<double>(ceil_div(m, rows)) *
                          static_cast<double>(ceil_div(n, vectors * vw));
      if (cost <= best_cost * (rows == 1 ? 0.999 : 1.0)) {
        best_cost = cost;
        best = {rows, vectors};
      }
    }
  }
  return best;
}

// Microseconds that one unit needs for the arithmetic, about.
double unit_us(const MatmulSizes& s, const Target& target) {
  const double peak = target.peak_gflops > 0 ? target.peak_gflops : 100.0;
  return 2e-3 * double(s.batch) * double(s.m) * double(s.n) * double(s.k) / peak *
         std::max(target.compute_units, 1);
}

// Microseconds of a unit below which it matters that all units end at once: more, smaller groups.
constexpr double kShort = 400;

// Halves the blocks, columns first as long as rows of b stay long, until there are enough groups.
void spread(Blocking& b, const MatmulSizes& s, std::int64_t wanted) {
  while (b.groups(s) < wanted) {
    // a is packed once for each group of columns, and b, where it lies near, is there for all
    const bool rows_first = b.b_in_place ? is_near(s) : b.b_packed && b.pack_a;
    if (b.nb > 2 * b.nr() && !(rows_first && b.mb > 2 * b.mr)) {
      b.nb = round_up(b.nb / 2, b.nr());
    } else if (b.mb > (b.packs_b() ? 3 : 1) * b.mr) {
      b.mb = round_up(b.mb / 2, b.mr);
    } else if (b.nb > b.nr()) {
      b.nb = round_up(b.nb / 2, b.nr());
    } else {
      break;
    }
  }
  // The same number of groups, but of one size.
  b.nb = ceil_div(b.strips(s), b.col_groups(s)) * b.nr();
  b.mb = ceil_div(ceil_div(s.m, b.mr), b.row_groups(s)) * b.mr;
}

Blocking choose(const MatmulSizes& s, const Target& target, const Params& params, bool b_packed,
                bool split) {
  Blocking b;
  b.vw = target.vector_width;
  b.b_packed = b_packed;
  // Rows of b in place, where they are whole vectors: packing them never paid.
  b.b_in_place = !b_packed && !s.transpose_b && s.n > b.vw && tuned(params, "IN_PLACE") != 1;
  const Tile tile = choose_tile(s, b.vw, b.b_in_place);
  b.nv = tuned(params, "NV") > 0 ? std::min<std::int64_t>(tuned(params, "NV"), 4) : tile.vectors;
  b.mr = tuned(params, "MR") > 0 ? std::min<std::int64_t>(tuned(params, "MR"), 16) : tile.rows;
  // A packed copy of a never paid where this was measured, not even with rows a page apart.
  b.pack_a = tuned(params, "PACK_A") == 2;

  // KC: a tile of a stays in the first cache; blocks of one depth.
  const std::int64_t k = std::max<std::int64_t>(s.k, 1);
  const std::int64_t deepest = tuned(params, "KC") > 0 ? tuned(params, "KC") : (k <= 800 ? k : 512);
  b.kc = ceil_div(k, ceil_div(k, deepest));
  if (b.kc < k) b.kc = std::min(round_up(b.kc, b.vw), k);
  if (split) {
    const std::int64_t tiles = ceil_div(s.m, b.mr) * b.strips(s) * s.batch;
    const std::int64_t parts = std::clamp<std::int64_t>(
        ceil_div(4 * std::max(target.compute_units, 1), std::max<std::int64_t>(tiles, 1)), 2, 64);
    b.kc = std::min(b.kc, std::max<std::int64_t>(round_up(ceil_div(k, parts), b.vw), b.vw));
    b.split = std::min(parts, ceil_div(k, b.kc));
  }

  const std::int64_t columns = round_up(std::max<std::int64_t>(s.n, 1), b.nr());
  const std::int64_t rows = round_up(std::max<std::int64_t>(s.m, 1), b.mr);
  const bool alone = !split && unit_us(s, target) < 10;  // waking a second unit would cost more
  b.nb = std::min(columns, round_up(256, b.nr()));
  b.mb = rows;
  if (alone) {
    b.nb = columns;
  } else {
    spread(b, s, (unit_us(s, target) < kShort ? 8 : 4) * std::max(target.compute_units, 1));
  }
  if (tuned(params, "NB") > 0) b.nb = std::min(columns, round_up(tuned(params, "NB"), b.nr()));
  if (tuned(params, "MB") > 0) b.mb = std::min(rows, round_up(tuned(params, "MB"), b.mr));
  while (b.local_bytes() > static_cast<std::int64_t>(target.local_memory)) {
    if (b.packs_b() && b.nb > 4 * b.nr()) {
      b.nb = round_up(b.nb / 2, b.nr());
    } else if (b.kc > b.vw) {
      b.kc = (b.kc + 1) / 2;
    } else if (b.packs_b() && b.nb > b.nr()) {
      b.nb = round_up(b.nb / 2, b.nr());
    } else if (b.pack_a) {
      b.pack_a = false;
    } else if (b.kc > 1) {
      b.kc = (b.kc + 1) / 2;
    } else {
      break;
    }
  }
  return b;
}

std::int64_t iterations(const MatmulSizes& s, const Blocking& b) {
  const std::int64_t strips = b.nb / b.nr();
  const std::int64_t blocks = ceil_div(ceil_div(s.k, b.kc), b.split);
  const std::int64_t depth = blocks * b.kc;
  const std::int64_t pack = b.packs_b() ? strips * (b.nr() + 1) : 0;
  const std::int64_t row_tiles = ceil_div(b.mb, b.mr);
  const std::int64_t tiles = row_tiles * strips;
  // Rows of b in place, near the end of the matrix, go through memory of their own.
  const std::int64_t ends =
      b.b_in_place ? 5 * tiles * (b.nr() + 1 + tile_step_loops(b.mr, b.nv)) : 0;
  return depth * (pack + tiles * tile_step_loops(b.mr, b.nv) +
                  (b.pack_a ? row_tiles * (b.mr + 1) : 0)) +
         std::max<std::int64_t>(blocks, 1) * (tiles * 4 * b.mr * b.nv * b.vw + strips + ends);
}

constexpr std::int64_t kPackRows = 64;

// Adds the call that turns b into panels; run once.
BufferRef pack_once(Lowering& lowering, const MatmulSizes& s, const Blocking& b) {
  const std::int64_t count = s.b_is_shared ? 1 : s.batch;
  const BufferRef packed =
      lowering.add_kept(static_cast<std::size_t>(count * b.strips(s) * b.nr() * s.k) * 4);
  KernelCall& call = lowering.prepare_call("matmul/pack.cl");
  call.define("VW", b.vw).define("R", b.nr()).define("KB", kPackRows);
  call.define("K_FIRST", std::int64_t{!s.transpose_b});
  call.arg(in(1)).arg(packed).arg(to_int(s.n)).arg(to_int(s.k));
  call.range({static_cast<std::size_t>(b.strips(s)),
              static_cast<std::size_t>(ceil_div(s.k, kPackRows)), static_cast<std::size_t>(count)},
             {1, 1, 1});
  call.loops(kPackRows * (b.nr() + 1));
  return packed;
}

void sum_partials(Lowering& lowering, const MatmulSizes& s, const Blocking& b, BufferRef partial,
                  const Target& target) {
  const std::int64_t rows = s.batch * s.m;
  const std::int64_t each = ceil_div(rows, 4 * std::max(target.compute_units, 1));
  KernelCall& call = lowering.call("matmul/sum_partials.cl");
  call.define("VW", b.vw);
  call.define("HAS_BIAS", std::int64_t{s.has_bias});
  if (s.has_residual) call.define("HAS_RESIDUAL", 1);
  call.prelude = epilogue_prelude(s.epilogue, {static_cast<int>(b.vw)}, s.has_residual ? 2 : 1);
  call.arg(partial);
  if (s.has_bias) call.arg(in(2));
  if (s.has_residual) call.arg(in(3));
  call.arg(out()).arg(to_int(rows)).arg(to_int(s.n)).arg(to_int(b.split)).arg(to_int(each));
  call.range({static_cast<std::size_t>(ceil_div(rows, each)), 1, 1}, {1, 1, 1});
  call.loops(each * ceil_div(s.n, b.vw) * (b.split + 2 * b.vw + 1));
}

// Adds the call of matmul/wide.cl.
void add_product(Lowering& lowering, const MatmulSizes& s, const Blocking& b, BufferRef left,
                 BufferRef right, BufferRef result) {
  KernelCall& call = lowering.call("matmul/wide.cl");
  call.define("VW", b.vw).define("NV", b.nv).define("MR", b.mr);
  call.define("PACK_A", std::int64_t{b.pack_a}).define("B_PACKED", std::int64_t{b.b_packed});
  if (b.b_in_place) call.define("B_IN_PLACE", 1);
  describe_matmul(call, s, {static_cast<int>(b.vw)});
  call.arg(left).arg(right);
  if (s.has_bias) call.arg(in(2));
  if (s.has_residual) call.arg(in(3));
  call.arg(result).arg(to_int(s.m)).arg(to_int(s.n)).arg(to_int(s.k));
  const std::int64_t b_elements = s.k * (b.b_packed ? b.strips(s) * b.nr() : s.n);
  call.arg(to_int(s.b_is_shared ? 0 : b_elements));
  call.arg(to_int(b.kc)).arg(to_int(b.nb)).arg(to_int(b.mb)).arg(to_int(b.split));
  if (b.packs_b()) call.arg(LocalBytes{static_cast<std::size_t>(b.panel_bytes())});
  if (b.pack_a) call.arg(LocalBytes{static_cast<std::size_t>(b.tile_bytes())});
  call.range({static_cast<std::size_t>(b.col_groups(s)), static_cast<std::size_t>(b.row_groups(s)),
              static_cast<std::size_t>(s.batch * b.split)},
             {1, 1, 1});
  call.loops(iterations(s, b));
}

Lowering lower(const OpView& op, const Target& target, const Params& params, bool split) {
  const MatmulSizes s = matmul_sizes(op);
  const bool once = op.is_fixed(1) && s.k * s.n > 0;
  const Blocking b = choose(s, target, params, once, split);
  Lowering lowering;
  const BufferRef right = once ? pack_once(lowering, s, b) : in(1);
  MatmulSizes product = s;
  BufferRef result = out();
  if (b.split > 1) {
    product.has_bias = product.has_residual = false;
    product.epilogue.clear();
    result = lowering.add_scratch(static_cast<std::size_t>(b.split * s.batch * s.m * s.n) * 4);
  }
  add_product(lowering, product, b, in(0), right, result);
  if (b.split > 1) sum_partials(lowering, s, b, result, target);
  return lowering;
}

Decline accepts(const OpView& op, const Target& target, bool split) {
  if (target.family != Family::wide) {
    return "made for devices that run one work-item per group well";
  }
  const MatmulSizes s = matmul_sizes(op);
  const std::int64_t lanes = 64;  // panels are padded
  if (s.m * s.k > INT32_MAX || (s.n + lanes) * s.k > INT32_MAX || s.m * s.n > INT32_MAX) {
    return "a matrix has more than 2^31 elements";
  }
  if (split && (s.k < 2 * target.vector_width || s.m * s.n * s.batch == 0)) {
    return fmt::format("nothing to split in a sum of {}", s.k);
  }
  const Blocking b = choose(s, target, {}, op.is_fixed(1), split);
  if (split) {
    const std::int64_t each = ceil_div(s.batch * s.m, 4 * std::max(target.compute_units, 1));
    if (Decline sum =
            fits_loop_limit(target, each * ceil_div(s.n, b.vw) * (b.split + 2 * b.vw + 1))) {
      return sum;
    }
  }
  return fits_loop_limit(target, iterations(s, b));
}

// The values worth trying; 0: the heuristic.
std::vector<Tunable> space() {
  return {{"MR", {0, 4, 6, 8, 10, 12}}, {"NV", {0, 1, 2, 3}},      {"KC", {0, 256, 384, 768}},
          {"NB", {0, 64, 128, 512}},    {"MB", {0, 48, 144, 528}}, {"PACK_A", {0, 1, 2}},
          {"IN_PLACE", {0, 1}}};
}

}  // namespace

std::int64_t packed_columns(const MatmulSizes& s, const Target& target) {
  return choose(s, target, {}, true, false).nr();
}

Decline accepts_packed(const MatmulSizes& s, const Target& target) {
  return fits_loop_limit(target, iterations(s, choose(s, target, {}, true, false)));
}

void add_packed_product(Lowering& lowering, const MatmulSizes& s, const Target& target, BufferRef a,
                        BufferRef b, BufferRef c) {
  add_product(lowering, s, choose(s, target, {}, true, false), a, b, c);
}

Variant matmul_wide() {
  return {
      .name = "wide",
      .accepts = [](const OpView& op, const Target& target) { return accepts(op, target, false); },
      .lower = [](const OpView& op, const Target& target,
                  const Params& params) { return lower(op, target, params, false); },
      .space = space()};
}

Variant matmul_split_k() {
  return {
      .name = "split_k",
      .accepts = [](const OpView& op, const Target& target) { return accepts(op, target, true); },
      .lower = [](const OpView& op, const Target& target,
                  const Params& params) { return lower(op, target, params, true); },
      .space = space(),
      .avoid = [](const OpView& op, const Target& target) -> Decline {
        const MatmulSizes s = matmul_sizes(op);
        const Blocking b = choose(s, target, {}, op.is_fixed(1), false);
        const std::int64_t tiles = ceil_div(s.m, b.mr) * b.strips(s) * s.batch;
        if (tiles >= 2 * target.compute_units) return "enough tiles without splitting K";
        if (unit_us(s, target) < 40) return "too little work for a second kernel";
        return std::nullopt;
      }};
}

}  // namespace pinnacle
