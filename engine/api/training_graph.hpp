// The graphs of a Trainer: a whole training step, and an evaluation over a batch.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/train.hpp>

namespace pinnacle {

/// How samples reach a step: from a data set in device memory by indices, or batch by batch.
enum class Feed { resident, streamed };

/// A device's part of a step that several take together.
struct Share {
  std::int64_t batch = 0;  ///< the samples of all
  double of_batch = 1;  ///< this device's part of them; 0: its sample is there but does not count
  bool exchanges = false;   ///< whether there are others: gradients are summed
  bool synchronize = true;  ///< batch_norm's statistics are those of all samples
};

/// forward, loss, backward, update and metrics of one batch.
///   feed resident: input "indices" i32 [batch]; states "dataset.x", "dataset.y" hold all samples
///   feed streamed: inputs "x", "y"
/// Outputs "loss" and, with a metric, "metric", of all devices' samples. States "sum.loss" and
/// "sum.metric" grow by the batch's mean times its size.
///   batch   this device's samples
/// throws ShapeError, UnsupportedError
Graph training_graph(const Model& model, const Dataset& data, const TrainerOptions& options,
                     std::int64_t batch, Feed feed, const Share& share);
/// On one device alone.
Graph training_graph(const Model& model, const Dataset& data, const TrainerOptions& options,
                     std::int64_t batch, Feed feed);

/// Inputs "x", "y"; states "evaluation.loss", "evaluation.metric" grow likewise.
Graph evaluation_graph(const Model& model, const TensorType& target, const TrainerOptions& options,
                       std::int64_t batch);

}  // namespace pinnacle
