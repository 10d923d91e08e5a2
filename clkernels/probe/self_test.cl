// self_test: y[i] = 3 x[i] + i, then each group's sum through local memory: known answers, exact in
// f32, that a device must give before it is trusted.
//
// Layout   x, y: [n]; sums: one float per group.
// Method   fma, a barrier, local memory, a tree of additions; ranges beyond n do nothing.
// Launch   global (groups * WG), local (WG).
//
// Compile-time parameters (-D), each with the default used when this file is built alone:
//   WG           work-items per group: a power of two.
#ifndef WG
#define WG 16
#endif

__kernel __attribute__((reqd_work_group_size(WG, 1, 1))) void self_test(
    __global const float* restrict x, __global float* restrict y, __global float* restrict sums,
    const int n) {
  __local float parts[WG];
  const int i = (int)get_global_id(0);
  const int lane = (int)get_local_id(0);
  float value = 0.0f;
  if (i < n) {
    value = fma(3.0f, x[i], (float)i);
    y[i] = value;
  }
  parts[lane] = value;
  for (int half_size = WG / 2; half_size > 0; half_size /= 2) {
    barrier(CLK_LOCAL_MEM_FENCE);
    if (lane < half_size) parts[lane] += parts[lane + half_size];
  }
  if (lane == 0) sums[get_group_id(0)] = parts[0];
}
