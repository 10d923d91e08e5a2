// pinnacle-bench: runs the command line and says what went wrong.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "bench/command_line.hpp"
#include "bench/exit_code.hpp"

int main(int argc, char** argv) {
  try {
    return pinnacle::bench::CommandLine().run(argc, argv);
  } catch (const pinnacle::KernelError& error) {
    fmt::print(stderr, "pinnacle-bench: {}\n{}\n", error.what(), error.log());
    return static_cast<int>(pinnacle::bench::exit_code(error));
  } catch (const std::exception& error) {
    fmt::print(stderr, "pinnacle-bench: {}\n", error.what());
    return static_cast<int>(pinnacle::bench::exit_code(error));
  }
}
