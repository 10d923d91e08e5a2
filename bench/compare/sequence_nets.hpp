// Networks of sequences with random weights, for measurements of inference: what image nets do not
// have.
// Thread safety: plain functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "bench/nets.hpp"

namespace pinnacle::bench {

/// One LSTM (Hochreiter, Schmidhuber, 1997) of 256 units over 64 steps of 128 features, then 10
/// classes. The engine does not train it.
Net lstm_net();
/// One encoder block as in BERT (Devlin et al. 2018, arXiv:1810.04805), normalised last: 128 tokens of
/// 256 features, 4 heads, 1024 hidden units.
Net transformer_net();

}  // namespace pinnacle::bench
