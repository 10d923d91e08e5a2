// OpenCL is found at run time, so that a program starts on a machine without any driver and can
// say so. opencl_loader.cpp defines the cl* functions that the engine uses as forwarders to the
// library that it finds.
// Thread safety: everything here may be called from any thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace pinnacle::runtime {

struct OpenclLibrary {
  bool found = false;
  /// Where the functions come from: a library's name, or "the program itself".
  std::string name;
  /// Why nothing was found, one sentence.
  std::string problem;
};

/// The library, searched at the first call.
const OpenclLibrary& opencl_library();

/// A function of that library, or nullptr.
void* opencl_function(const char* name);

}  // namespace pinnacle::runtime
