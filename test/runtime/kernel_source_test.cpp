// Kernel files: flattening, line directives, the development folder, errors that name the line.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel_source.hpp"

#include <doctest/doctest.h>

#include <pinnacle/error.hpp>

#include "device_list.hpp"
#include "runtime/device_handle.hpp"
#include "support.hpp"

using namespace pinnacle;
using test::ScopedFolder;
using test::ScopedVariable;

TEST_CASE("kernel files are embedded and flattened with their real names and lines") {
  const std::string text = runtime::resolve_kernel("probe/stream_copy.cl");
  CHECK(text.starts_with("#line 1 \"clkernels/probe/stream_copy.cl\"\n"));
  CHECK(text.find("#line 1 \"clkernels/lib/vector.clh\"\n") != std::string::npos);
  CHECK(text.find("#include \"") == std::string::npos);
  CHECK(text.find("typedef") != std::string::npos);
  // The line after the include is numbered as in the file.
  const std::size_t back = text.rfind("#line ");
  CHECK(text.substr(back).find("\"clkernels/probe/stream_copy.cl\"") != std::string::npos);
}

TEST_CASE("an unknown kernel file is an error with a suggestion") {
  try {
    (void)runtime::resolve_kernel("probe/stream_cpoy.cl");
    FAIL("no error");
  } catch (const FileError& error) {
    CHECK(error.hint() == "did you mean probe/stream_copy.cl?");
  }
}

TEST_CASE("PINNACLE_KERNEL_DIR replaces single files") {
  const ScopedFolder folder;
  const auto file =
      folder.write("probe/empty.cl", "#include \"lib/own.clh\"\n__kernel void empty() {}\n");
  folder.write("lib/own.clh", "#define OWN 1\n");
  const ScopedVariable variable("PINNACLE_KERNEL_DIR", folder.path().string());
  const std::string text = runtime::resolve_kernel("probe/empty.cl");
  CHECK(text.starts_with("#line 1 \"" + file.string() + "\"\n"));
  CHECK(text.find("#define OWN 1") != std::string::npos);
  CHECK(text.find("#line 2 \"" + file.string() + "\"\n__kernel") != std::string::npos);
  CHECK(runtime::kernel_path("probe/empty.cl") == file.string());
  // Not in the folder: the embedded one.
  CHECK(runtime::kernel_path("probe/fma_wide.cl") == "clkernels/probe/fma_wide.cl");
}

TEST_CASE("a kernel file that includes itself or something unknown is an error") {
  const ScopedFolder folder;
  folder.write("probe/empty.cl", "#include \"lib/loop.clh\"\n");
  folder.write("lib/loop.clh", "\n#include \"lib/loop.clh\"\n");
  folder.write("probe/self_test.cl", "\n#include \"lib/vectr.clh\"\n");
  const ScopedVariable variable("PINNACLE_KERNEL_DIR", folder.path().string());
  CHECK_THROWS_AS((void)runtime::resolve_kernel("probe/empty.cl"), KernelError);
  try {
    (void)runtime::resolve_kernel("probe/self_test.cl");
    FAIL("no error");
  } catch (const FileError& error) {
    CHECK(error.where().ends_with("probe/self_test.cl:2"));
    CHECK(error.hint() == "did you mean lib/vector.clh?");
  }
}

TEST_CASE("generated code, odd defines and own sources come before and instead of files") {
  KernelCall call("own/thing.cl");
  call.define("N", 3).define("TYPE", std::string("unsigned int"));
  call.prelude = "#define GENERATED 1";
  call.source = "__kernel void thing() {}\n";
  CHECK(runtime::define_options(call) == " -D N=3");
  CHECK(runtime::program_text(call) ==
        "#line 1 \"generated for own/thing.cl\"\n#define TYPE unsigned int\n#define GENERATED 1\n"
        "#line 1 \"own/thing.cl\"\n__kernel void thing() {}\n");
}

TEST_CASE("logs of compilers that ignore #line get real files and lines") {
  const std::string text = "#line 1 \"clkernels/a.cl\"\nx\n#line 7 \"clkernels/b.clh\"\ny\nz\n";
  CHECK(runtime::with_real_lines("input.cl:2:3: error: x", text) == "clkernels/a.cl:1:3: error: x");
  CHECK(runtime::with_real_lines("<source>:5:1: error: z\n  z\n  ^", text) ==
        "clkernels/b.clh:8:1: error: z\n  z\n  ^");
  for (const char* log : {"clkernels/b.clh:8:1: error: z", "/usr/include/c.h:2:1: note: x",
                          "1 error generated.", "input.cl:99:1: error: far", "error: no place"}) {
    CHECK(runtime::with_real_lines(log, text) == log);
  }
}

TEST_CASE("a typo in a kernel names the real file and line") {
  const ScopedFolder folder;
  const auto file = folder.write(
      "probe/empty.cl",
      "#include \"lib/vector.clh\"\n__kernel void empty(__global int* x) {\n  x[0] = oops;\n}\n");
  const ScopedVariable variable("PINNACLE_KERNEL_DIR", folder.path().string());
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    try {
      (void)device.handle().programs().get(KernelCall("probe/empty.cl"));
      FAIL("no error");
    } catch (const KernelError& error) {
      CAPTURE(error.log());
      CHECK(error.where() == file.string());
      CHECK(error.log().find("empty.cl:3") != std::string::npos);
      CHECK(error.hint().find("PINNACLE_KERNEL_DIR") != std::string::npos);
      CHECK(std::string(error.what()).find("oops") != std::string::npos);
    }
  }
}
