// Several kernels in one program: names do not meet, results are those of programs built alone.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/program_bundle.hpp"

#include <doctest/doctest.h>

#include <fmt/format.h>
#include <pinnacle/error.hpp>
#include <string>

#include "device_list.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/kernel_source.hpp"
#include "support.hpp"

using namespace pinnacle;
using runtime::bundle_part;
using test::ScopedFolder;
using test::ScopedVariable;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++found;
  }
  return found;
}

}  // namespace

TEST_CASE("what a part defines has the part's own names, and its macros end with it") {
  KernelCall call("probe/empty.cl");
  call.define("N", 3);
  const auto part =
      bundle_part(call,
                  "typedef struct {\n  int member;\n} pair_t;  // not typedef odd_t;\n"
                  "#define TWICE(x) \\\n  ((x) + (x))\n"
                  "#define PNC_DEFINE_ADD(NAME) float NAME(float x) { return x; }\n"
                  "PNC_DEFINE_ADD(made)\n"
                  "static inline float helper(float inner) { return other(inner); }\n"
                  "__constant float table[2] = {1, 2};\n"
                  "__kernel __attribute__((reqd_work_group_size(1, 1, 1))) void\n"
                  "empty(__global float* x) { x[0] = helper(N); }\n",
                  7);
  REQUIRE(part);
  CHECK(part->kernel == "empty_p7");
  CHECK(part->text.starts_with("#define N 3\n"));
  for (const char* name : {"pair_t", "made", "helper", "table", "empty"}) {
    CAPTURE(name);
    CHECK(count(part->text, fmt::format("#define {0} {0}_p7\n", name)) == 1);
    CHECK(count(part->text, fmt::format("#undef {}\n", name)) == 1);
  }
  for (const char* macro : {"N", "TWICE", "PNC_DEFINE_ADD"}) {
    CHECK(count(part->text, fmt::format("#undef {}\n", macro)) == 1);
  }
  for (const char* other : {"odd_t", "member", "inner", "other", "x"}) {
    CHECK(part->text.find(fmt::format("#define {} ", other)) == std::string::npos);
  }
}

TEST_CASE("a text whose names are hidden behind macros is no part, unless they are guarded") {
  const KernelCall call("probe/empty.cl");
  const std::string hidden =
      "#define NAME(f) f##16\nstatic float NAME(exp)(float x) { return x; }\n"
      "__kernel void empty() {}\n";
  CHECK_FALSE(bundle_part(call, hidden, 0));
  const auto guarded = bundle_part(call, "#define NAME_16_ONCE\n" + hidden, 0);
  CHECK_FALSE(guarded);  // of another prefix than "NAME("
  const auto other = bundle_part(call,
                                 "#define MATH_16_ONCE\n#define MATH_NAME(f) f##16\n"
                                 "static float MATH_NAME(exp)(float x) { return x; }\n"
                                 "__kernel void empty() {}\n",
                                 0);
  REQUIRE(other);
  CHECK(other->text.find("#undef MATH_16_ONCE") == std::string::npos);
  CHECK(other->text.find("#undef MATH_NAME\n") != std::string::npos);
  CHECK_FALSE(bundle_part(call, "__kernel void another() {}\n", 0));
  KernelCall own("own.cl");
  own.source = "__kernel void own() {}\n";
  CHECK_FALSE(bundle_part(own, own.source, 0));
}

TEST_CASE("every kernel file of the library can be a part") {
  for (const runtime::KernelFile& file : runtime::embedded_kernels()) {
    if (!file.path.ends_with(".cl")) continue;
    CAPTURE(file.path);
    const KernelCall call{std::string(file.path)};
    CHECK(bundle_part(call, runtime::program_text(call), 0));
  }
}

TEST_CASE("kernels that are asked for at once share a program, and a wrong one is found") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    const ScopedFolder folder;
    const ScopedVariable cache("PINNACLE_CACHE", folder.path().string());
    runtime::ProgramCache programs(device.handle().context(), device.handle().id(), device.name(),
                                   "test");
    KernelCall narrow("probe/fma_wide.cl");
    narrow.define("VW", 4);
    KernelCall wide("probe/fma_wide.cl");
    wide.define("VW", 8);
    const KernelCall empty("probe/empty.cl");
    const KernelCall* calls[] = {&narrow, &wide, &empty, &narrow};
    const auto found = programs.get(calls);
    REQUIRE(found.size() == 4);
    CHECK(programs.counts().built == 1);
    CHECK(found[0].program.get() == found[2].program.get());
    CHECK(found[0].kernel == found[3].kernel);
    CHECK(found[0].kernel != found[1].kernel);
    for (const auto& [program, name] : found) {
      cl_int code = CL_SUCCESS;
      const runtime::bc::kernel made(clCreateKernel(program.get(), name.c_str(), &code), false);
      CHECK(code == CL_SUCCESS);
    }
    (void)programs.get(wide);
    CHECK(programs.counts().built == 1);

    const auto file = folder.write("probe/self_test.cl",
                                   "__kernel void self_test(__global int* x) { x[0] = oops; }\n");
    const ScopedVariable kernels("PINNACLE_KERNEL_DIR", folder.path().string());
    const KernelCall broken("probe/self_test.cl");
    const KernelCall* mixed[] = {&empty, &broken};
    const KernelCall sound("probe/count_loop.cl");
    const KernelCall* mixed_new[] = {&sound, &broken};
    CHECK_THROWS_AS((void)programs.get(mixed), KernelError);
    try {
      (void)programs.get(mixed_new);
      FAIL("no error");
    } catch (const KernelError& error) {
      CHECK(error.where() == file.string());
    }
    (void)programs.get(sound);
  }
}
