// The passes, in the order in which make_plan runs them: Graph -> Graph, the last one -> Plan.
// Each leaves a valid graph (verify() holds) and computes the same values.
// Thread safety: plain functions on their arguments.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// What a caller may ask of the passes.
struct PassOptions {
  std::map<std::string, std::string> variants;  ///< forced: op -> variant
  std::vector<std::string> without;             ///< names of passes left out
  bool free_ports = false;                      ///< see choose_layout
};

/// Infers every type again, in order. throws ShapeError if a node does not fit
void infer_shapes(Graph& graph);

/// Removes nodes that no output or update needs. Returns how many.
int eliminate_dead(Graph& graph);

/// Replaces nodes whose inputs are all constants by their values. Returns how many.
int fold_constants(Graph& graph);

/// Adds nodes for d loss / d wanted[i]; returns their values, kNoValue where loss does not depend
/// on it. Gradients that meet are added in a fixed order. loss: f32 with one element.
/// throws UnsupportedError with every op on the way that has no gradient
std::vector<ValueId> differentiate(Graph& graph, ValueId loss, std::span<const ValueId> wanted);

/// Makes one node of nodes with the same op, options and inputs; of small equal constants, too.
/// Returns how many nodes disappeared.
int common_subexpressions(Graph& graph);

/// Lets transposes sink until they meet others, or nothing is left of them. Returns how many nodes
/// changed.
int eliminate_transposes(Graph& graph);

/// Removes nodes that change nothing and reshapes of reshapes. Returns how many.
int eliminate_identities(Graph& graph);

/// Makes pads the padding of the convolutions and poolings after them. Returns how many.
int fold_padding(Graph& graph);

/// Lets convolutions on rows store their channels shuffled as nodes after them would. Returns how many.
int fold_shuffle(Graph& graph);

/// Finds layer_norm and softmax in the nodes of their formulas. Returns how many nodes it took.
int recognize(Graph& graph);

/// Makes batch_norm, and what else scales and shifts channels, part of the weights and bias of the
/// convolution or product before it, where none of these changes from run to run. A batch_norm that
/// stays becomes a pointwise node. Returns how many nodes it took.
int fold_batch_norm(Graph& graph);

/// Joins bias and activation into ops that take an epilogue, and chains of pointwise nodes into
/// one; a second operand becomes the residual of a product or convolution.
/// Returns how many nodes disappeared.
int fuse(Graph& graph);

/// Gives formulas of pointwise nodes and epilogues the names that they have, such as gelu. Returns how
/// many changed.
int simplify_pointwise(Graph& graph);

/// Makes one node of optimizer updates that follow each other and have the same attributes, as many
/// as a kernel takes. Returns how many nodes disappeared.
int group_updates(Graph& graph);

/// Makes of each batch_norm_training its parts: statistics of these samples, statistics of the samples of
/// all devices (all_reduce_moments with that share; left out without one), normalisation. To be
/// differentiated afterwards. Returns how many there were.
int split_batch_norm(Graph& graph, std::optional<double> share);

/// Orders the nodes of a graph whose exchanges (OpDef::exchanges) happen together with other devices:
/// each as soon as its operands are there, and what none of them needs, such as updates, behind the
/// last. A step that another device's failure stops has then changed nothing that persists.
void schedule_exchanges(Graph& graph);

/// Runs nodes on blocked channels where that saves time, with conversions at the borders; nodes with
/// a forced variant where that variant runs. With `free_ports` the graph's inputs and outputs may be
/// blocked, too. Returns what it did; may be "".
std::string choose_layout(Graph& graph, const Target& target, const PassOptions& options = {});

/// A node as its variants see it, with what is fixed.
struct NodeView {
  OpView op;
  bool once = false;  ///< all inputs are fixed: it runs once, before the first run
};
/// All nodes of a graph, in order; the graph must outlive them.
std::vector<NodeView> node_views(const Graph& graph);

/// What runs one node, and why.
struct Choice {
  const Variant* variant = nullptr;
  std::string reason;
  Lowering lowering;
  /// All inputs are fixed: the node runs once, before the first run.
  bool once = false;
};
/// For each node the forced variant (op -> variant), else the one of Target::tuned if it fits, else
/// the first that accepts, else the host.
/// throws UnsupportedError that lists every node whose forced variant declines, with the reasons
std::vector<Choice> choose_variants(const Graph& graph, const Target& target,
                                    const std::map<std::string, std::string>& forced);

/// Where every value lives.
struct MemoryPlan {
  std::vector<PlanBuffer> buffers;                 ///< lifetimes in node numbers
  std::vector<int> of_value;                       ///< value -> buffer, -1 if unused
  std::vector<std::vector<int>> scratch;           ///< node -> its scratch buffers
  std::vector<std::vector<int>> kept;              ///< node -> its buffers that outlive a run
  std::vector<std::vector<std::size_t>> needless;  ///< node -> its calls that are left out
  /// Copies after the last node, in order: outputs that must be saved, then updates.
  std::vector<std::pair<int, int>> final_copies;
  std::map<ValueId, int> output_copy;  ///< outputs that are read from a copy
  std::size_t arena_bytes = 0;
  std::size_t unshared_bytes = 0;  ///< what the arena would take if nothing shared
};
/// How values may share memory.
struct Sharing {
  bool places = true;  ///< values that are not alive together, and results in place of operands
  bool ranges = true;  ///< values that are ranges of others, so that they need not be copied
};
/// Liveness, aliases, in-place updates, one arena.
MemoryPlan plan_memory(const Graph& graph, const std::vector<Choice>& choices, const Target& target,
                       const Sharing& sharing = {});

/// Graph, choices and memory as a Plan.
Plan emit(const Graph& graph, std::vector<Choice> choices, const MemoryPlan& memory,
          const Target& target);

/// All of them. `graph` is left as it was after the graph passes.
Plan run_passes(Graph& graph, const Target& target, const PassOptions& options);
/// The graph passes alone, for the host device.
std::vector<std::string> run_graph_passes(Graph& graph, const PassOptions& options);
/// The passes that change which ops compute a value: left out where a graph is to run as written.
std::vector<std::string> rewriting_passes();

}  // namespace pinnacle
