// schedule_exchanges: exchanges as early as they can be, updates behind them.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <numeric>

#include "passes/passes.hpp"

namespace pinnacle {

void schedule_exchanges(Graph& graph) {
  const std::size_t count = graph.nodes.size();
  std::vector<std::size_t> writer(graph.values.size(), 0);
  for (std::size_t i = 0; i < count; ++i) {
    for (const ValueId id : graph.nodes[i].outputs) writer[static_cast<std::size_t>(id)] = i;
  }
  // Which nodes an exchange needs, and the place of each in the new order.
  std::vector<bool> needed(count, false);
  std::vector<double> place(count);
  for (std::size_t i = count; i-- > 0;) {
    const Node& node = graph.nodes[i];
    needed[i] = needed[i] || node.def->exchanges;
    if (!needed[i]) continue;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && graph.value(id).role == Role::local) {
        needed[writer[static_cast<std::size_t>(id)]] = true;
      }
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    const Node& node = graph.nodes[i];
    place[i] = static_cast<double>(needed[i] ? i : count + i);
    if (!node.def->exchanges) continue;
    double last = 0;
    for (const ValueId id : node.inputs) {
      if (id != kNoValue && graph.value(id).role == Role::local) {
        last = std::max(last, place[writer[static_cast<std::size_t>(id)]]);
      }
    }
    place[i] = last + 0.5;
  }
  std::vector<std::size_t> order(count);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return place[a] < place[b]; });
  std::vector<Node> nodes;
  nodes.reserve(count);
  for (const std::size_t i : order) nodes.push_back(std::move(graph.nodes[i]));
  graph.nodes = std::move(nodes);
}

}  // namespace pinnacle
