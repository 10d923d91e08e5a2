// adam_update: Adam with bias correction, t = steps + 1.
//   g' = g + weight_decay * p;  m' = b1 m + (1 - b1) g';  v' = b2 v + (1 - b2) g'^2
//   p' = p - learning_rate / (1 + decay * steps) * sqrt(1 - b2^t) / (1 - b1^t) * m' / (sqrt(v') + epsilon)
//
// Layout   all tensors of parameter k: [n_k] contiguous; steps: [1]. New contents may replace the old
//          ones in place.
// Source   Kingma, Ba, "Adam: a method for stochastic optimization", 2014, arXiv:1412.6980, sec. 2,
//          with epsilon outside of the correction.
// Method   a work-item updates elements_each elements of one parameter in vectors; parameter k has
//          the groups up to end_k. 1 - b^t = -expm1(t log b) keeps its digits for b near 1.
// Cost     4 reads, 3 writes per element; about 12 flop, a root and a division.
// Launch   global (the last end_k * WG), local (WG). Wide devices: WG = 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WG           work-group size
//   EACH_PARAMETER(F)   F(0) F(1) ... for as many parameters as there are; made by the host
#include "lib/vector.clh"
#ifndef WG
#define WG 1
#endif
#ifndef EACH_PARAMETER
#define EACH_PARAMETER(F) F(0) F(1)
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

#define PARAMS(k)                                                                               \
  __global const float *parameter##k, __global const float *gradient##k,                        \
      __global const float *m##k, __global const float *v##k, __global float *new_parameter##k, \
      __global float *new_m##k, __global float *new_v##k, const int n##k, const int end##k,
// Whether the group belongs to parameter k: from end of the one before.
#define CHOOSE(k)                     \
  if (n < 0 && group < end##k) {      \
    n = n##k;                         \
    first_group = begin;              \
    parameter = parameter##k;         \
    gradient = gradient##k;           \
    m = m##k;                         \
    v = v##k;                         \
    new_parameter = new_parameter##k; \
    new_m = new_m##k;                 \
    new_v = new_v##k;                 \
  }                                   \
  begin = end##k;

// part1, part2: 1 - b1, 1 - b2;  log1, log2: log b1, log b2 (-infinity for 0).
__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void adam_update(
    EACH_PARAMETER(PARAMS) __global const float* steps, int elements_each, float learning_rate,
    float decay, float part1, float part2, float log1, float log2, float epsilon,
    float weight_decay) {
  const int group = get_group_id(0);
  __global const float* parameter = parameter0;
  __global const float* gradient = gradient0;
  __global const float* m = m0;
  __global const float* v = v0;
  __global float* new_parameter = new_parameter0;
  __global float* new_m = new_m0;
  __global float* new_v = new_v0;
  int n = -1;
  int begin = 0;
  int first_group = 0;
  EACH_PARAMETER(CHOOSE)
  const float t = steps[0] + 1.0f;
  const float rate =
      learning_rate / (1.0f + decay * steps[0]) * sqrt(-expm1(t * log2)) / -expm1(t * log1);
  const int first = ((group - first_group) * WG + (int)get_local_id(0)) * elements_each;
  const int last = min(first + elements_each, n);
  int i = first;
  for (; i + VW <= last; i += VW) {
    STEP(vec_t, LOAD_VEC, STORE_VEC)
  }
  for (; i < last; ++i) {
    STEP(float, LOAD_ONE, STORE_ONE)
  }
}
