// SPDX-License-Identifier: Apache-2.0
#include "runtime/clblast.hpp"

#include <dlfcn.h>
#include <fmt/format.h>

#include "runtime/opencl_loader.hpp"

namespace pinnacle::runtime {
namespace {

// The C interface of CLBlast 1.4 and later (clblast_c.h), as far as it is used.
constexpr int kRowMajor = 101;
constexpr int kNoTranspose = 111;
constexpr int kTranspose = 112;
using Sgemm = int(int layout, int a_transpose, int b_transpose, std::size_t m, std::size_t n,
                  std::size_t k, float alpha, cl_mem a, std::size_t a_offset, std::size_t a_ld,
                  cl_mem b, std::size_t b_offset, std::size_t b_ld, float beta, cl_mem c,
                  std::size_t c_offset, std::size_t c_ld, cl_command_queue* queue, cl_event* event);
using SgemmStridedBatched = int(int layout, int a_transpose, int b_transpose, std::size_t m,
                                std::size_t n, std::size_t k, float alpha, cl_mem a,
                                std::size_t a_offset, std::size_t a_ld, std::size_t a_stride,
                                cl_mem b, std::size_t b_offset, std::size_t b_ld,
                                std::size_t b_stride, float beta, cl_mem c, std::size_t c_offset,
                                std::size_t c_ld, std::size_t c_stride, std::size_t batch_count,
                                cl_command_queue* queue, cl_event* event);

struct Library {
  Sgemm* sgemm = nullptr;
  SgemmStridedBatched* sgemm_strided_batched = nullptr;
  std::string problem;
};

Library load() {
  Library library;
  if (!opencl_library().found) {
    library.problem = opencl_library().problem;
    return library;
  }
  void* const handle = ::dlopen("libclblast.so.1", RTLD_NOW | RTLD_LOCAL);
  if (handle == nullptr) {
    const char* const why = ::dlerror();
    library.problem = fmt::format("CLBlast cannot be loaded ({}); install it (Debian: libclblast1)",
                                  why == nullptr ? "no reason given" : why);
    return library;
  }
  library.sgemm = reinterpret_cast<Sgemm*>(::dlsym(handle, "CLBlastSgemm"));
  library.sgemm_strided_batched =
      reinterpret_cast<SgemmStridedBatched*>(::dlsym(handle, "CLBlastSgemmStridedBatched"));
  if (library.sgemm == nullptr || library.sgemm_strided_batched == nullptr) {
    library.problem = "libclblast.so.1 lacks CLBlastSgemm or CLBlastSgemmStridedBatched";
  }
  return library;
}

const Library& library() {
  static const Library loaded = load();
  return loaded;
}

}  // namespace

bool clblast_available() { return library().problem.empty(); }
std::string clblast_problem() { return library().problem; }

cl_int clblast_gemm(const ClblastGemmCall& call, cl_mem a, cl_mem b, cl_mem c,
                    cl_command_queue queue, cl_event* event) {
  const auto m = static_cast<std::size_t>(call.m);
  const auto n = static_cast<std::size_t>(call.n);
  const auto k = static_cast<std::size_t>(call.k);
  const int a_transpose = call.transpose_a ? kTranspose : kNoTranspose;
  const int b_transpose = call.transpose_b ? kTranspose : kNoTranspose;
  const std::size_t a_ld = call.transpose_a ? m : k;
  const std::size_t b_ld = call.transpose_b ? k : n;
  if (call.batch == 1) {
    return library().sgemm(kRowMajor, a_transpose, b_transpose, m, n, k, 1.0f, a, 0, a_ld, b, 0,
                           b_ld, 0.0f, c, 0, n, &queue, event);
  }
  return library().sgemm_strided_batched(kRowMajor, a_transpose, b_transpose, m, n, k, 1.0f, a, 0,
                                         a_ld, m * k, b, 0, b_ld, k * n, 0.0f, c, 0, n, m * n,
                                         static_cast<std::size_t>(call.batch), &queue, event);
}

}  // namespace pinnacle::runtime
