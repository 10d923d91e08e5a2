// The passes in their order.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/text.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

struct GraphPass {
  const char* name;
  int (*run)(Graph&);
  const char* what;  // the note behind the number that it returned
};

// Whatever reads what a pass made superfluous would hide its readers' own chances, so that
// eliminate_dead follows each.
constexpr GraphPass kPasses[] = {
    {"fold_constants", fold_constants, "nodes"},
    {"eliminate_dead", eliminate_dead, "nodes"},
    {"common_subexpressions", common_subexpressions, "nodes were there twice"},
    {"eliminate_transposes", eliminate_transposes, "nodes changed"},
    {"eliminate_identities", eliminate_identities, "nodes"},
    // What the two moved may meet now; weights may have got transposes.
    {"eliminate_transposes", eliminate_transposes, "more nodes changed"},
    {"eliminate_identities", eliminate_identities, "more nodes"},
    {"fold_constants", fold_constants, "more nodes"},
    {"fold_padding", fold_padding, "into convolutions and poolings"},
    {"recognize", recognize, "nodes"},
    {"fold_batch_norm", fold_batch_norm, "into weights"},
    {"fuse", fuse, "nodes joined"},
    {"simplify_pointwise", simplify_pointwise, "formulas"},
    {"group_updates", group_updates, "nodes joined"},
};

// They know the target: they place memory or choose kernels, or follow such a choice.
constexpr const char* kOthers[] = {"choose_layout", "fold_shuffle", "plan_memory", "share_ranges"};

bool wanted(const PassOptions& options, const char* name) {
  return std::find(options.without.begin(), options.without.end(), name) == options.without.end();
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const GraphPass& pass : kPasses) {
    if (std::find(names.begin(), names.end(), pass.name) == names.end())
      names.emplace_back(pass.name);
  }
  names.insert(names.end(), std::begin(kOthers), std::end(kOthers));
  return names;
}

void check_names(const PassOptions& options) {
  const std::vector<std::string> names = pass_names();
  for (const std::string& name : options.without) {
    if (std::find(names.begin(), names.end(), name) == names.end()) {
      const std::string near = suggestion(name, names);
      throw ArgumentError(
          fmt::format("there is no pass {} that can be left out", name), "without_passes",
          near.empty() ? fmt::format("there are {}", fmt::join(names, ", ")) : near);
    }
  }
}

void run_pass(Graph& graph, const PassOptions& options, const GraphPass& pass,
              std::vector<std::string>& notes) {
  if (!wanted(options, pass.name)) return;
  const int count = pass.run(graph);
  if (count == 0) return;
  notes.push_back(fmt::format("{}: {} {}", pass.name, count, pass.what));
  if (wanted(options, "eliminate_dead")) eliminate_dead(graph);
#ifndef NDEBUG
  verify(graph);
#endif
}

}  // namespace

std::vector<std::string> rewriting_passes() {
  std::vector<std::string> names = pass_names();
  std::erase_if(names, [](const std::string& name) {
    return name == "fold_constants" || name == "eliminate_dead" || name == "group_updates" ||
           name == "plan_memory" || name == "share_ranges";
  });
  return names;
}

std::vector<std::string> run_graph_passes(Graph& graph, const PassOptions& options) {
  check_names(options);
  std::vector<std::string> notes;
  verify(graph);
  infer_shapes(graph);
  notes.push_back(fmt::format("graph: {} nodes", graph.nodes.size()));
  for (const GraphPass& pass : kPasses) run_pass(graph, options, pass, notes);
  return notes;
}

Plan run_passes(Graph& graph, const Target& target, const PassOptions& options) {
  std::vector<std::string> notes = run_graph_passes(graph, options);
  if (wanted(options, "choose_layout")) {
    std::string note = choose_layout(graph, target, options);
    if (!note.empty()) {
      notes.push_back(std::move(note));
      run_pass(graph, options, {"fuse", fuse, "more nodes joined"}, notes);
      run_pass(graph, options, {"simplify_pointwise", simplify_pointwise, "more formulas"}, notes);
#ifndef NDEBUG
      verify(graph);
#endif
    }
  }
  run_pass(graph, options, {"fold_shuffle", fold_shuffle, "into convolutions"}, notes);
  std::vector<Choice> choices = choose_variants(graph, target, options.variants);
  const MemoryPlan memory = plan_memory(
      graph, choices, target,
      {.places = wanted(options, "plan_memory"), .ranges = wanted(options, "share_ranges")});
  notes.push_back(fmt::format("plan_memory: arena {}, {} without sharing",
                              human_bytes(static_cast<double>(memory.arena_bytes)),
                              human_bytes(static_cast<double>(memory.unshared_bytes))));
  const auto ranges = std::count_if(memory.needless.begin(), memory.needless.end(),
                                    [](const auto& calls) { return !calls.empty(); });
  if (ranges > 0)
    notes.push_back(fmt::format("share_ranges: {} nodes copy less or nothing", ranges));
  Plan plan = emit(graph, std::move(choices), memory, target);
  plan.notes = std::move(notes);
  return plan;
}

}  // namespace pinnacle
