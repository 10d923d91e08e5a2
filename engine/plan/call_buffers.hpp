// Which buffers a call of a plan reads or writes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <variant>

namespace pinnacle {

/// use(BufferRef&) for every buffer that a call reads or writes; constant where the call is.
template <class AnyCall, class Use>
void for_buffers(AnyCall& call, Use use) {
  if (auto* kernel = std::get_if<KernelCall>(&call)) {
    for (auto& arg : kernel->args) {
      if (auto* ref = std::get_if<BufferRef>(&arg)) use(*ref);
    }
  } else if (auto* zero = std::get_if<ZeroCall>(&call)) {
    use(zero->target);
  } else if (auto* copy = std::get_if<CopyCall>(&call)) {
    use(copy->source);
    use(copy->target);
  } else if (auto* gemm = std::get_if<ClblastGemmCall>(&call)) {
    use(gemm->a);
    use(gemm->b);
    use(gemm->c);
  } else if (auto* host = std::get_if<HostCall>(&call)) {
    for (auto& ref : host->inputs) use(ref);
    for (auto& ref : host->outputs) use(ref);
  } else if (auto* exchange = std::get_if<ExchangeCall>(&call)) {
    for (auto& ref : exchange->inputs) use(ref);
    for (auto& ref : exchange->outputs) use(ref);
  }
}

}  // namespace pinnacle
