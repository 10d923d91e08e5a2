// matmul, wide: packed panels and register tiles for devices that run one work-item per group.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/epilogue.hpp"
#include "ops/matmul/matmul.hpp"

namespace pinnacle {
namespace {

std::int64_t round_up(std::int64_t value, std::int64_t step) {
  return (value + step - 1) / step * step;
}

struct Blocking {
  std::int64_t vw, nv, mr, kc, nb, mb;
  std::int64_t row_groups(const MatmulSizes& s) const { return (s.m + mb - 1) / mb; }
  std::int64_t col_groups(const MatmulSizes& s) const { return (s.n + nb - 1) / nb; }
};

// The rows of a tile: as many as fit the registers, fewer if the last tile would be mostly empty.
std::int64_t tile_rows(std::int64_t m, std::int64_t most) {
  std::int64_t best = 1;
  double best_cost = 1e300;
  for (std::int64_t mr = 1; mr <= most; ++mr) {
    // Each tile pays for mr rows and, once, for loading its share of the panel.
    const double cost = static_cast<double>((m + mr - 1) / mr) * (static_cast<double>(mr) + 2.0);
    if (cost <= best_cost) {
      best_cost = cost;
      best = mr;
    }
  }
  return best;
}

Blocking choose(const MatmulSizes& s, const Target& target) {
  Blocking b{};
  b.vw = target.vector_width;
  b.nv = s.n <= b.vw ? 1 : 2;
  // 32 vector registers go with 16 lanes, 16 registers with fewer.
  b.mr = tile_rows(s.m, b.vw >= 16 ? 12 : 6);
  b.kc = std::clamp<std::int64_t>(s.k, 1, 256);
  const std::int64_t nr = b.nv * b.vw;
  b.nb = std::min(round_up(s.n, nr), round_up(128, nr));
  b.mb = std::min(round_up(s.m, b.mr), round_up(192, b.mr));
  while (b.kc * b.nb * 4 > static_cast<std::int64_t>(target.local_memory)) {
    if (b.nb > nr) {
      b.nb = round_up(b.nb / 2, nr);
    } else if (b.kc > 1) {
      b.kc = (b.kc + 1) / 2;
    } else {
      break;
    }
  }
  // Enough groups for every unit to have a few, without packing the panel too often.
  const std::int64_t wanted = 4 * std::max(target.compute_units, 1);
  while (b.row_groups(s) * b.col_groups(s) * s.batch < wanted) {
    if (b.mb > 4 * b.mr && b.mb >= b.nb / 2) {
      b.mb = round_up(b.mb / 2, b.mr);
    } else if (b.nb > nr) {
      b.nb = round_up(b.nb / 2, nr);
    } else {
      break;
    }
  }
  return b;
}

std::int64_t iterations(const MatmulSizes& s, const Blocking& b) {
  const std::int64_t strips = b.nb / (b.nv * b.vw);
  const std::int64_t pack = strips * b.nv * b.vw;
  const std::int64_t tiles = (b.mb + b.mr - 1) / b.mr * strips;
  return s.k * (pack + tiles) + ((s.k + b.kc - 1) / b.kc) * tiles * 4 * b.mr * b.vw;
}

}  // namespace

Variant matmul_wide() {
  return {.name = "wide",
          .accepts = [](const OpView& op, const Target& target) -> Decline {
            if (target.family != Family::wide) {
              return "made for devices that run one work-item per group well";
            }
            const MatmulSizes s = matmul_sizes(op);
            if (s.m * s.k > INT32_MAX || s.n * s.k > INT32_MAX || s.m * s.n > INT32_MAX) {
              return "a matrix has more than 2^31 elements";
            }
            return fits_loop_limit(target, iterations(s, choose(s, target)));
          },
          .lower =
              [](const OpView& op, const Target& target, const Params&) {
                const MatmulSizes s = matmul_sizes(op);
                const Blocking b = choose(s, target);
                Lowering lowering;
                KernelCall& call = lowering.call("matmul/wide.cl");
                call.define("VW", b.vw).define("NV", b.nv).define("MR", b.mr).define("KC", b.kc);
                call.define("NB", b.nb).define("MB", b.mb);
                describe_matmul(call, s, {static_cast<int>(b.vw)});
                matmul_arguments(call, s);
                call.range(
                    {static_cast<std::size_t>(b.col_groups(s)),
                     static_cast<std::size_t>(b.row_groups(s)), static_cast<std::size_t>(s.batch)},
                    {1, 1, 1});
                call.loops(iterations(s, b));
                return lowering;
              },
          .space = {}};
}

}  // namespace pinnacle
