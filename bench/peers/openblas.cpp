// OpenBLAS: matrix products. Loaded when it is asked for, because it chooses its kernels while it
// is loaded and has to be told which.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <cblas.h>
#include <dlfcn.h>

#include <cstdlib>
#include <memory>

#include "bench/peers/libraries.hpp"

namespace pinnacle::bench {
namespace {

constexpr const char* kLibrary = "libopenblas.so.0";

struct OpenBlas {
  decltype(&cblas_sgemm) sgemm = nullptr;
  decltype(&openblas_set_num_threads) set_threads = nullptr;
};

template <class F>
F symbol(void* library, const char* name) {
  void* const found = ::dlsym(library, name);
  if (found == nullptr) {
    throw DeviceError(fmt::format("has no {}", name), kLibrary,
                      "install libopenblas0-pthread (Debian's name)");
  }
  return reinterpret_cast<F>(found);
}

bool has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

OpenBlas load() {
  // Processors that it does not know get kernels for AVX2, about half as fast where there is
  // AVX-512 (measured on squares from 384 to 3072). What the user has set stays.
  if (has_avx512()) ::setenv("OPENBLAS_CORETYPE", "SkylakeX", 0);
  ::setenv("OPENBLAS_THREAD_TIMEOUT", "15", 0);  // see peers.hpp
  void* const library = ::dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw DeviceError(fmt::format("cannot be loaded: {}", ::dlerror()), kLibrary,
                      "install libopenblas0-pthread (Debian's name)");
  }
  return {.sgemm = symbol<decltype(&cblas_sgemm)>(library, "cblas_sgemm"),
          .set_threads =
              symbol<decltype(&openblas_set_num_threads)>(library, "openblas_set_num_threads")};
}

const OpenBlas& openblas() {
  static const OpenBlas loaded = load();
  return loaded;
}

}  // namespace

void start_openblas(int threads) { openblas().set_threads(threads); }

std::optional<Peer> openblas_peer(const ShapeCase& c, std::span<const Tensor> inputs) {
  if (c.op != "matmul") return std::nullopt;
  const Shape& a = c.in[0].shape;
  const Shape& b = c.in[1].shape;
  const bool ta = c.attributes.integer("transpose_a", 0) != 0;
  const bool tb = c.attributes.integer("transpose_b", 0) != 0;
  const std::size_t rows = a.rank() - 2;
  const std::int64_t m = a[rows + (ta ? 1 : 0)];
  const std::int64_t k = a[rows + (ta ? 0 : 1)];
  const std::int64_t n = b[b.rank() - (tb ? 2 : 1)];
  const std::int64_t batch = a.elements(0, rows);  // it has no call for several at once
  std::vector<std::int64_t> dims(a.begin(), a.end());
  dims[rows] = m;
  dims[rows + 1] = n;
  const auto result = std::make_shared<Tensor>(Shape(dims));
  const float* const pa = inputs[0].f32().data();
  const float* const pb = inputs[1].f32().data();
  return Peer{.name = "openblas",
              .run = peer_run([=] {
                for (std::int64_t i = 0; i < batch; ++i) {
                  openblas().sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans,
                                   tb ? CblasTrans : CblasNoTrans, static_cast<blasint>(m),
                                   static_cast<blasint>(n), static_cast<blasint>(k), 1.0F,
                                   pa + i * m * k, static_cast<blasint>(ta ? m : k), pb + i * k * n,
                                   static_cast<blasint>(tb ? k : n), 0.0F,
                                   result->f32().data() + i * m * n, static_cast<blasint>(n));
                }
              }),
              .result = [result] { return *result; }};
}

}  // namespace pinnacle::bench
