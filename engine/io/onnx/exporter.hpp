// The exporter: a Graph becomes a model document in ONNX.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <pinnacle/onnx.hpp>
#include <string_view>

#include "io/onnx/node_export.hpp"

namespace pinnacle::onnx {

/// A graph built once more for another batch size: what differs grows with the batch.
struct OtherBatch {
  Graph graph;
  std::int64_t batch = 0;        ///< of the graph that is written
  std::int64_t other_batch = 0;  ///< of this one
};

/// Every row of the map, by op.
const std::map<std::string_view, const ExportRow*>& export_rows();

/// Whether the two are the same network but for extents that follow the batch as a x batch + b. Then the
/// batch axis of one stands for any.
bool follows_batch(const Graph& graph, const OtherBatch& other);

/// Writes the model file. `other`: the batch axis becomes symbolic; nullptr: shapes stay as they are.
/// REQUIRES: follows_batch(graph, *other)
/// throws FileError; UnsupportedError that lists every node that ONNX has no operator for
void write_model(const Graph& graph, const OtherBatch* other, const std::filesystem::path& file);

}  // namespace pinnacle::onnx
