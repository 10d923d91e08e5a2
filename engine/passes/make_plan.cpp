// The passes in their order.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

bool wanted(const PassOptions& options, const char* name) {
  return std::find(options.without.begin(), options.without.end(), name) == options.without.end();
}

void check_names(const PassOptions& options) {
  static const std::vector<std::string> names = {
      "fold_constants", "eliminate_dead", "fold_batch_norm", "fuse",
      "group_updates",  "choose_layout",  "plan_memory"};
  for (const std::string& name : options.without) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string near = suggestion(name, names);
      throw ArgumentError(
          fmt::format("there is no pass {} that can be left out", name), "without_passes",
          near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : near);
    }
  }
}

}  // namespace

std::vector<std::string> run_graph_passes(Graph& graph, const PassOptions& options) {
  check_names(options);
  std::vector<std::string> notes;
  const auto checked = [&] {
#ifndef NDEBUG
    verify(graph);
#endif
  };
  verify(graph);
  infer_shapes(graph);
  notes.push_back(fmt::format("graph: {} nodes", graph.nodes.size()));
  if (wanted(options, "fold_constants")) {
    if (const int n = fold_constants(graph))
      notes.push_back(fmt::format("fold_constants: {} nodes", n));
    checked();
  }
  if (wanted(options, "eliminate_dead")) {
    if (const int n = eliminate_dead(graph))
      notes.push_back(fmt::format("eliminate_dead: {} nodes", n));
    checked();
  }
  if (wanted(options, "fold_batch_norm")) {
    if (const int n = fold_batch_norm(graph))
      notes.push_back(fmt::format("fold_batch_norm: {} into convolutions", n));
    checked();
  }
  if (wanted(options, "fuse")) {
    if (const int n = fuse(graph)) notes.push_back(fmt::format("fuse: {} nodes joined", n));
    checked();
  }
  if (wanted(options, "group_updates")) {
    if (const int n = group_updates(graph))
      notes.push_back(fmt::format("group_updates: {} nodes joined", n));
    checked();
  }
  return notes;
}

Plan run_passes(Graph& graph, const Target& target, const PassOptions& options) {
  std::vector<std::string> notes = run_graph_passes(graph, options);
  if (wanted(options, "choose_layout")) {
    std::string note = choose_layout(graph, target, options);
    if (!note.empty()) {
      notes.push_back(std::move(note));
      if (wanted(options, "fuse")) {
        if (const int n = fuse(graph))
          notes.push_back(fmt::format("fuse: {} more nodes joined", n));
      }
#ifndef NDEBUG
      verify(graph);
#endif
    }
  }
  std::vector<Choice> choices = choose_variants(graph, target, options.variants);
  const MemoryPlan memory = plan_memory(graph, choices, target, wanted(options, "plan_memory"));
  notes.push_back(fmt::format("plan_memory: arena {}, {} without sharing",
                              human_bytes(static_cast<double>(memory.arena_bytes)),
                              human_bytes(static_cast<double>(memory.unshared_bytes))));
  Plan plan = emit(graph, std::move(choices), memory, target);
  plan.notes = std::move(notes);
  return plan;
}

}  // namespace pinnacle
