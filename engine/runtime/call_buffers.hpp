// Which buffers a call of a plan reads or writes.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <variant>

namespace pinnacle::runtime {

/// use(BufferRef) for every buffer that a call reads or writes.
template <class Use>
void for_buffers(const Call& call, Use use) {
  if (const auto* kernel = std::get_if<KernelCall>(&call)) {
    for (const Arg& arg : kernel->args) {
      if (const auto* ref = std::get_if<BufferRef>(&arg)) use(*ref);
    }
  } else if (const auto* zero = std::get_if<ZeroCall>(&call)) {
    use(zero->target);
  } else if (const auto* copy = std::get_if<CopyCall>(&call)) {
    use(copy->source);
    use(copy->target);
  } else if (const auto* gemm = std::get_if<ClblastGemmCall>(&call)) {
    for (const BufferRef& ref : {gemm->a, gemm->b, gemm->c}) use(ref);
  } else if (const auto* host = std::get_if<HostCall>(&call)) {
    for (const BufferRef& ref : host->inputs) use(ref);
    for (const BufferRef& ref : host->outputs) use(ref);
  } else if (const auto* exchange = std::get_if<ExchangeCall>(&call)) {
    for (const BufferRef& ref : exchange->inputs) use(ref);
    for (const BufferRef& ref : exchange->outputs) use(ref);
  }
}

}  // namespace pinnacle::runtime
