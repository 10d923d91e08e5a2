// Sets of shapes by name, for measurements next to other libraries: matrix products, the distinct
// convolution layers of nets, and the ops between them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/op.hpp>

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::bench {

enum class Pass : std::uint8_t { forward, backward_data, backward_filter };
std::string_view to_string(Pass pass);
/// "forward", "backward_data", "backward_filter" or "all". throws ArgumentError
std::vector<Pass> parse_passes(const std::string& text);
/// Positive numbers joined by commas. throws ArgumentError naming `option`
std::vector<std::int64_t> parse_batches(const std::string& text, const std::string& option);

/// One op on one shape.
struct ShapeCase {
  std::string set;
  std::string shape;  ///< "64x56x56 -> 256 1x1 s2": unique among the cases of a set, pass, batch
  std::string op;
  Pass pass = Pass::forward;
  std::int64_t batch = 0;  ///< 0: the set has none
  std::vector<TensorType> in;
  Attributes attributes = {};
  std::vector<std::size_t> constant = {};  ///< inputs that stay the same from run to run
  bool free_ports = false;                 ///< x and y in the layout that a net would have there
  int count = 1;                           ///< how often the net has this layer
  double low = -1;                         ///< of the random inputs
  double high = 1;
};

/// All names, in the order of the documentation.
std::vector<std::string> shape_set_names();
/// The cases of the sets that `names` joins by commas, set by set, pass by pass, batch by batch.
/// Sets without a batch come once; ops without a backward pass come in the forward pass only.
/// throws ArgumentError for an unknown name, or if no case is left
std::vector<ShapeCase> shape_cases(const std::string& names, std::span<const Pass> passes,
                                   std::span<const std::int64_t> batches);

/// "conv3x3 forward, batch 16"
std::string group_name(const ShapeCase& c);
/// "conv3x3 forward": all batches together
std::string whole_group_name(const ShapeCase& c);
/// One node; inputs "x0", "x1", ... but for the constant ones, which get their contents from
/// `inputs`; the node's first output is the graph's output.
Graph shape_graph(const ShapeCase& c, std::span<const Tensor> inputs);
/// By the op's own formula.
Cost shape_cost(const ShapeCase& c);

}  // namespace pinnacle::bench
