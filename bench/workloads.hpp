// What the bench runs besides the op cases: networks, chains, and sessions with inputs made of
// random numbers, since only their times matter.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/train.hpp>

#include <cstdint>
#include <memory>

#include "bench/timing.hpp"

namespace pinnacle::bench {

/// 6 and 16 filters of 5 x 5, then 120, 84 and 10 units, for [1, 28, 28].
Layer lenet();
/// Two hidden layers of 128 units, for [1, 28, 28].
Layer mlp();
/// Random images [count, 1, 28, 28] with labels 0 to 9.
Dataset random_digits(std::int64_t count);
/// Softmax cross-entropy, accuracy, Adam.
TrainerOptions training_options();
/// A net trained on random digits, ready for steps of `batch` samples.
Trainer make_trainer(Layer layer, std::int64_t batch, const Device& device);
/// A graph of `kernels` small kernels, one after the other: alternating products [16, 16] and tanh.
/// Compile it without the pass "fuse".
Graph chain(int kernels);

/// Runs of a session that keeps its inputs.
Run session_run(std::shared_ptr<Session> session);
/// Likewise, with a wait after each run.
Run waited_run(std::shared_ptr<Session> session);
/// Writes zeros to integer inputs and numbers in [-1, 1] to the others.
void fill_inputs(Session& session);

}  // namespace pinnacle::bench
