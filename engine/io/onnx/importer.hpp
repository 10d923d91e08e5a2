// The importer: a checked model document becomes a Graph with static shapes.
// Nodes are taken in order. What is known at import time (shapes, and what is computed of them) is
// computed at once by the ops' host references, so that only work on a run's inputs stays.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <pinnacle/onnx.hpp>
#include <span>
#include <string>

#include "io/onnx/node_import.hpp"
#include "io/onnx/proto.hpp"
#include "io/onnx/tensor_proto.hpp"

namespace pinnacle::onnx {

/// A model as it was read: the document, and the contents of its initializers by name.
struct Document {
  ::onnx::ModelProto model;  ///< without the data of the graph's initializers
  std::map<std::string, std::shared_ptr<const Tensor>, std::less<>> weights;
  TensorContext tensors;
  OnnxLimits limits;
};

/// Every row of the map, by operator.
const std::map<std::string_view, const ImportRow*>& import_rows();

/// throws UnsupportedError that lists every node that cannot be imported, with the share of the
///        floating-point work that can; ParseError, ShapeError, ArgumentError
Graph import_graph(const Document& document, const OnnxBinding& binding);

}  // namespace pinnacle::onnx
