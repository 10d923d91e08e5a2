// Kernel texts: the files of clkernels/ embedded in the library, or read from the folder that
// PINNACLE_KERNEL_DIR names, with their includes flattened so that a program is one text.
// Thread safety: functions of their arguments, the files and the environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <span>
#include <string>
#include <string_view>

namespace pinnacle::runtime {

struct KernelFile {
  std::string_view path;  ///< below clkernels/
  std::string_view text;
};

/// Every .cl and .clh file of clkernels/; written by tools/embed_kernels.py.
std::span<const KernelFile> embedded_kernels();
/// The files of clkernels/tuned/, likewise: choices that were measured on devices of one kind.
std::span<const KernelFile> embedded_tunings();

/// The text of `file` with `#include "lib/x.clh"` replaced by the header's text, each part after a
/// `#line` that names the real file. Headers guard themselves against a second inclusion.
/// throws   FileError if there is no such file; KernelError if a file includes itself
std::string resolve_kernel(const std::string& file);

/// The file as compilers and people should see it: "clkernels/matmul/wide.cl", or the path below
/// PINNACLE_KERNEL_DIR.
std::string kernel_path(const std::string& file);

/// The whole program of a call: generated code, then the file (or the call's own source).
std::string program_text(const KernelCall& call);
/// A compiler's log with real files and lines where the compiler ignored the `#line`s of `text`.
std::string with_real_lines(const std::string& log, const std::string& text);
/// The call's -D options, in their order.
std::string define_options(const KernelCall& call);

}  // namespace pinnacle::runtime
