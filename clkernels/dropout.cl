// dropout: y[i] = x[i] / (1 - rate) where a random 32-bit number is at least rate * 2^32, else 0.
//
// Layout   x, y: [n] contiguous; y may be x. counter: [1], the number of the step.
// Source   Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011:
//          Philox4x32-10 with key = seed and counter = (i / 4, step, 0, 0); element i takes word
//          i % 4. The same integers as the host's reference: the masks agree bit for bit.
// Method   LANES counters at once, so 4 LANES neighbouring elements; a work-item does `each` such
//          blocks.
// Cost     one read and one write per element; about 30 integer operations per element.
// Launch   global (>= ceil(n / (4 LANES each))), local (WG). Wide devices: WG = 1, LANES = vector
//          width; others: LANES = 1 and each = 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   LANES        counters per vector: 1, 4, 8 or 16
//   WG           work-group size
#ifndef LANES
#define LANES 16
#endif
#ifndef WG
#define WG 1
#endif
// The upper half of a product; vectors by wide products, which compilers know better than mul_hi.
#if LANES == 1
typedef uint lanes_t;
#define HIGH(factor, c) mul_hi(factor, c)
#define FIRST 0u
#elif LANES == 4
typedef uint4 lanes_t;
#define HIGH(factor, c) convert_uint4((convert_ulong4(c) * (ulong)(factor)) >> 32)
#define FIRST (uint4)(0, 1, 2, 3)
#define STORE_LANES vstore4
#elif LANES == 8
typedef uint8 lanes_t;
#define HIGH(factor, c) convert_uint8((convert_ulong8(c) * (ulong)(factor)) >> 32)
#define FIRST (uint8)(0, 1, 2, 3, 4, 5, 6, 7)
#define STORE_LANES vstore8
#else
typedef uint16 lanes_t;
#define HIGH(factor, c) convert_uint16((convert_ulong16(c) * (ulong)(factor)) >> 32)
#define FIRST (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
#define STORE_LANES vstore16
#endif

// Elements [first + at, first + at + 16), from four counters: their words in turn.
#define STORE_FOUR(lanes, at)                                                                     \
  {                                                                                               \
    const uint4 a = random.word[0].lanes;                                                         \
    const uint4 b = random.word[1].lanes;                                                         \
    const uint4 c = random.word[2].lanes;                                                         \
    const uint4 d = random.word[3].lanes;                                                         \
    const uint16 bits =                                                                           \
        (uint16)(a.x, b.x, c.x, d.x, a.y, b.y, c.y, d.y, a.z, b.z, c.z, d.z, a.w, b.w, c.w, d.w); \
    const float16 kept = vload16(0, x + first + (at)) * scale;                                    \
    vstore16(select((float16)(0.0f), kept, bits >= (uint16)(least)), 0, y + first + (at));        \
  }

typedef struct {
  lanes_t word[4];
} philox_t;

static inline philox_t philox(lanes_t position, uint step, uint key0, uint key1) {
  lanes_t c0 = position;
  lanes_t c1 = (lanes_t)(step);
  lanes_t c2 = (lanes_t)(0u);
  lanes_t c3 = (lanes_t)(0u);
#pragma unroll
  for (int round = 0; round < 10; ++round) {
    const lanes_t high0 = HIGH(0xD2511F53u, c0);
    const lanes_t low0 = c0 * 0xD2511F53u;
    const lanes_t high1 = HIGH(0xCD9E8D57u, c2);
    const lanes_t low1 = c2 * 0xCD9E8D57u;
    c0 = high1 ^ c1 ^ key0;
    c1 = low1;
    c2 = high0 ^ c3 ^ key1;
    c3 = low0;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  philox_t result;
  result.word[0] = c0;
  result.word[1] = c1;
  result.word[2] = c2;
  result.word[3] = c3;
  return result;
}

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void dropout(
    __global const float* x, __global const float* counter, __global float* y, int n, int each,
    int seed0, int seed1, int threshold, float scale) {
  const uint step = (uint)counter[0];
  const uint least = as_uint(threshold);
  const int block0 = get_global_id(0) * each;
  for (int block = block0; block < block0 + each; ++block) {
    const int first = block * 4 * LANES;
    if (first >= n) break;
    const philox_t random =
        philox((uint)(block * LANES) + FIRST, step, as_uint(seed0), as_uint(seed1));
#if LANES == 1
    const uint bits[4] = {random.word[0], random.word[1], random.word[2], random.word[3]};
    for (int k = 0; k < min(4, n - first); ++k) {
      y[first + k] = bits[k] >= least ? x[first + k] * scale : 0.0f;
    }
#else
    if (first + 4 * LANES <= n) {
      STORE_FOUR(s0123, 0)
#if LANES > 4
      STORE_FOUR(s4567, 16)
#endif
#if LANES > 8
      STORE_FOUR(s89ab, 32)
      STORE_FOUR(scdef, 48)
#endif
    } else {
      uint bits[4][LANES];
      for (int k = 0; k < 4; ++k) STORE_LANES(random.word[k], 0, bits[k]);
      for (int k = 0; first + k < n; ++k) {
        y[first + k] = bits[k % 4][k / 4] >= least ? x[first + k] * scale : 0.0f;
      }
    }
#endif
  }
}
