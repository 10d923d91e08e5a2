// adam_update: Adam with bias correction, t = steps + 1.
//   g' = g + weight_decay * p;  m' = b1 m + (1 - b1) g';  v' = b2 v + (1 - b2) g'^2
//   p' = p - learning_rate / (1 + decay * steps) * sqrt(1 - b2^t) / (1 - b1^t) * m' / (sqrt(v') + epsilon)
//
// Layout   all tensors: [n] contiguous; steps: [1]. New contents may replace the old ones in place.
// Source   Kingma, Ba, "Adam: a method for stochastic optimization", 2014, arXiv:1412.6980, sec. 2,
//          with epsilon outside of the correction.
// Method   a work-item updates elements_each elements in vectors; 1 - b^t = -expm1(t log b) keeps
//          its digits for b near 1.
// Cost     4 reads, 3 writes per element; about 12 flop, a root and a division.
// Launch   global (>= ceil(n / elements_each)), local (WG). Wide devices: WG = 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WG           work-group size
#include "lib/vector.clh"
#ifndef WG
#define WG 1
#endif

#define STEP(T, LOAD, STORE)                         \
  const T p = LOAD(parameter + i);                   \
  const T g = LOAD(gradient + i) + weight_decay * p; \
  const T m_old = LOAD(m + i);                       \
  const T v_old = LOAD(v + i);                       \
  const T mean = m_old + part1 * (g - m_old);        \
  const T square = v_old + part2 * (g * g - v_old);  \
  STORE(mean, new_m + i);                            \
  STORE(square, new_v + i);                          \
  STORE(p - rate * mean / (sqrt(square) + epsilon), new_parameter + i);
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define LOAD_VEC(p) vec_load(0, p)
#define STORE_VEC(v, p) vec_store(v, 0, p)

// part1, part2: 1 - b1, 1 - b2;  log1, log2: log b1, log b2 (-infinity for 0).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void adam_update(
    __global const float* parameter, __global const float* gradient, __global const float* m,
    __global const float* v, __global const float* steps, __global float* new_parameter,
    __global float* new_m, __global float* new_v, int n, int elements_each, float learning_rate,
    float decay, float part1, float part2, float log1, float log2, float epsilon,
    float weight_decay) {
  const float t = steps[0] + 1.0f;
  const float rate =
      learning_rate / (1.0f + decay * steps[0]) * sqrt(-expm1(t * log2)) / -expm1(t * log1);
  const int first = get_global_id(0) * elements_each;
  const int last = min(first + elements_each, n);
  int i = first;
  for (; i + VW <= last; i += VW) {
    STEP(vec_t, LOAD_VEC, STORE_VEC)
  }
  for (; i < last; ++i) {
    STEP(float, LOAD_ONE, STORE_ONE)
  }
}
