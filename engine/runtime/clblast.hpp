// The CLBlast library, found at run time: its matrix product is one candidate among ours.
// Thread safety: may be called from any thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <string>

#include "runtime/opencl.hpp"

namespace pinnacle::runtime {

bool clblast_available();
/// Why not, or "".
std::string clblast_problem();

/// Enqueues C = A B. Returns 0 or CLBlast's code, which for OpenCL's errors is OpenCL's.
/// REQUIRES: clblast_available()
cl_int clblast_gemm(const ClblastGemmCall& call, cl_mem a, cl_mem b, cl_mem c,
                    cl_command_queue queue, cl_event* event);

}  // namespace pinnacle::runtime
