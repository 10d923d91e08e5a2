// Several kernels in one program text. A driver's compiler reads its own headers once per program,
// which for small kernels takes longer than the kernels themselves; so what a plan needs is built as
// one program. Names that two texts may share get the suffix of their part, and macros end with it.
// Thread safety: functions of their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <cstddef>
#include <optional>
#include <string>

namespace pinnacle::runtime {

/// One call's program as a part of a larger text.
struct BundlePart {
  std::string text;
  std::string kernel;  ///< what the call's kernel is called there
};

/// Part number `index` of a bundle: `text` (see program_text) with the call's defines before it.
/// Nothing where the names that the text defines are not plain to see, as behind macros: such a
/// program is built alone. Macros that end in _ONCE stay defined for the parts that follow.
std::optional<BundlePart> bundle_part(const KernelCall& call, const std::string& text,
                                      std::size_t index);

}  // namespace pinnacle::runtime
