// sgd_update: stochastic gradient descent with decay, weight decay, momentum and Nesterov momentum.
//   rate = learning_rate / (1 + decay * steps);  g' = g + weight_decay * p
//   without momentum:  p' = p - rate * g'
//   with:              v' = momentum * v - rate * g';  p' = p + v'
//   Nesterov:          p' = p + momentum * v' - rate * g'
//
// Layout   all tensors of parameter k: [n_k] contiguous; steps: [1]. New contents may replace the old
//          ones in place.
// Source   Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in
//          deep learning", ICML 2013, in the form of Keras.
// Method   a work-item updates elements_each elements of one parameter in vectors; parameter k has
//          the groups up to end_k.
// Cost     2 reads, 1 write per element; with momentum 3 reads, 2 writes.
// Launch   global (the last end_k * WG), local (WG). Wide devices: WG = 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WG           work-group size
//   EACH_PARAMETER(F)   F(0) F(1) ... for as many parameters as there are; made by the host
//   MOMENTUM     1 if there is a velocity
//   NESTEROV     1 for Nesterov momentum
#include "lib/vector.clh"
#ifndef WG
#define WG 1
#endif
#ifndef MOMENTUM
#define MOMENTUM 1
#endif
#ifndef NESTEROV
#define NESTEROV 0
#endif
#ifndef EACH_PARAMETER
#define EACH_PARAMETER(F) F(0) F(1)
#endif

#if MOMENTUM
#define STEP(T, LOAD, STORE)                                       \
  const T p = LOAD(parameter + i);                                 \
  const T change = rate * (LOAD(gradient + i) + weight_decay * p); \
  const T v = momentum * LOAD(velocity + i) - change;              \
  STORE(v, new_velocity + i);                                      \
  STORE(NESTEROV ? p + momentum* v - change : p + v, new_parameter + i);
#else
#define STEP(T, LOAD, STORE)       \
  const T p = LOAD(parameter + i); \
  STORE(p - rate * (LOAD(gradient + i) + weight_decay * p), new_parameter + i);
#endif
#define LOAD_ONE(p) (*(p))
#define STORE_ONE(v, p) (*(p) = (v))
#define LOAD_VEC(p) vec_load(0, p)
#define STORE_VEC(v, p) vec_store(v, 0, p)

#if MOMENTUM
#define PARAMS(k)                                                          \
  __global const float *parameter##k, __global const float *gradient##k,   \
      __global const float *velocity##k, __global float *new_parameter##k, \
      __global float *new_velocity##k, const int n##k, const int end##k,
#define MOMENTS(k)        \
  velocity = velocity##k; \
  new_velocity = new_velocity##k;
#else
#define PARAMS(k)                                                        \
  __global const float *parameter##k, __global const float *gradient##k, \
      __global float *new_parameter##k, const int n##k, const int end##k,
#define MOMENTS(k)
#endif
// Whether the group belongs to parameter k: from end of the one before.
#define CHOOSE(k)                     \
  if (n < 0 && group < end##k) {      \
    n = n##k;                         \
    first_group = begin;              \
    parameter = parameter##k;         \
    gradient = gradient##k;           \
    new_parameter = new_parameter##k; \
    MOMENTS(k)                        \
  }                                   \
  begin = end##k;

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void sgd_update(
    EACH_PARAMETER(PARAMS) __global const float* steps, int elements_each, float momentum,
    float learning_rate, float decay, float weight_decay) {
  const int group = get_group_id(0);
  __global const float* parameter = parameter0;
  __global const float* gradient = gradient0;
  __global float* new_parameter = new_parameter0;
#if MOMENTUM
  __global const float* velocity = velocity0;
  __global float* new_velocity = new_velocity0;
#endif
  int n = -1;
  int begin = 0;
  int first_group = 0;
  EACH_PARAMETER(CHOOSE)
  const float rate = learning_rate / (1.0f + decay * steps[0]);
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
