// Copies of boxes between tensors: what expand, transpose, slice and concat come down to.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// One axis of a box: its extent and the distance of neighbours in source and target, in elements.
struct CopyAxis {
  std::int64_t extent = 1;
  std::int64_t from = 0;
  std::int64_t to = 0;
};

/// The axes without those of extent 1, neighbours joined where both sides allow. At least one; the
/// target is contiguous along the last.
std::vector<CopyAxis> collapse(const std::vector<CopyAxis>& axes);
/// The distance of neighbours along each axis of a contiguous tensor.
std::vector<std::int64_t> strides_of(const Shape& shape);

/// "(row / 6 % 4 * 12 + row % 6 * 2)": the offset of a row of axes [0, count) as OpenCL C. `name` is
/// the variable; pick the member of the axes with `from`.
std::string offset_text(const std::vector<CopyAxis>& axes, std::size_t count, const char* name,
                        std::int64_t CopyAxis::*stride);

/// REQUIRES: axes come from collapse()
KernelCall strided_copy_call(const std::vector<CopyAxis>& axes, BufferRef source,
                             std::int64_t source_offset, BufferRef target_buffer,
                             std::int64_t target_offset, DType dtype, Family family,
                             const Target& target);

/// The same on the host, axis by axis.
void strided_copy(const std::vector<CopyAxis>& axes, const double* source, double* target);

}  // namespace pinnacle
