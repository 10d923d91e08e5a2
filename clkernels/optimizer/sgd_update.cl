// sgd_update: stochastic gradient descent with decay, weight decay, momentum and Nesterov momentum.
//   rate = learning_rate / (1 + decay * steps);  g' = g + weight_decay * p
//   without momentum:  p' = p - rate * g'
//   with:              v' = momentum * v - rate * g';  p' = p + v'
//   Nesterov:          p' = p + momentum * v' - rate * g'
//
// Layout   all tensors: [n] contiguous; steps: [1]. New contents may replace the old ones in place.
// Source   Sutskever, Martens, Dahl, Hinton, "On the importance of initialization and momentum in
//          deep learning", ICML 2013, in the form of Keras.
// Method   a work-item updates elements_each elements in vectors.
// Cost     2 reads, 1 write per element; with momentum 3 reads, 2 writes.
// Launch   global (>= ceil(n / elements_each)), local (WG). Wide devices: WG = 1.
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   VW           vector width: 1, 2, 4, 8 or 16
//   WG           work-group size
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

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void sgd_update(
    __global const float* parameter, __global const float* gradient,
#if MOMENTUM
    __global const float* velocity,
#endif
    __global const float* steps, __global float* new_parameter,
#if MOMENTUM
    __global float* new_velocity, float momentum,
#endif
    int n, int elements_each, float learning_rate, float decay, float weight_decay) {
  const float rate = learning_rate / (1.0f + decay * steps[0]);
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
