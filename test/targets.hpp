// Made-up devices for tests that need no device.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

namespace pinnacle::test {

inline Target wide_target() {
  Target t;
  t.name = "wide test device";
  t.platform = "none";
  t.compute_units = 2;
  t.max_work_group = 4096;
  t.max_work_item = {4096, 4096, 4096};
  t.local_memory = 512 << 10;
  t.global_memory = std::size_t{8} << 30;
  t.max_allocation = std::size_t{2} << 30;
  t.buffer_alignment = 128;
  t.family = Family::wide;
  t.vector_width = 16;
  t.peak_gflops = 500;
  t.bandwidth_gbs = 60;
  t.launch_us = 2;
  return t;
}

inline Target simt_target() {
  Target t = wide_target();
  t.name = "simt test device";
  t.compute_units = 40;
  t.max_work_group = 256;
  t.max_work_item = {256, 256, 256};
  t.local_memory = 32 << 10;
  t.family = Family::simt;
  t.vector_width = 4;
  return t;
}

}  // namespace pinnacle::test
