// group_updates: runs of optimizer updates with the same attributes become one node each, whose kernel
// walks over all of their parameters. A step of a small net has as many updates as layers, each of
// which takes less time than its launch.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "ops/optimizer.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

struct Member {
  std::size_t node = 0;
  std::size_t most = 1;
};

class Grouping {
 public:
  explicit Grouping(Graph& graph) : graph_(graph), consumed_(graph.values.size(), false) {
    for (const Node& node : graph.nodes) {
      for (const ValueId id : node.inputs) {
        if (id != kNoValue) consumed_[static_cast<std::size_t>(id)] = true;
      }
    }
  }

  int run() {
    const std::size_t before = graph_.nodes.size();
    std::vector<Node> nodes;
    std::vector<Member> members;
    const auto flush = [&] {
      for (Node& node : grouped(members)) nodes.push_back(std::move(node));
      members.clear();
    };
    for (std::size_t i = 0; i < before; ++i) {
      const std::optional<std::size_t> most = most_beside(i);
      // Between updates that move nothing may lie: gradients would live longer than before.
      if (!most) {
        flush();
        nodes.push_back(std::move(graph_.nodes[i]));
        continue;
      }
      members.push_back({i, *most});
    }
    flush();
    graph_.nodes = std::move(nodes);
    return static_cast<int>(before - graph_.nodes.size());
  }

 private:
  // How many parameters a group with this node may have; nothing if it must stay alone.
  std::optional<std::size_t> most_beside(std::size_t i) const {
    const Node& node = graph_.nodes[i];
    const std::optional<UpdateGroup> group = update_group(node);
    if (!group) return std::nullopt;
    const bool is_read = std::any_of(node.outputs.begin(), node.outputs.end(), [this](ValueId id) {
      return id != kNoValue && consumed_[static_cast<std::size_t>(id)];
    });
    return is_read ? std::nullopt : std::optional(group->most);
  }

  bool belong_together(const Node& a, const Node& b) const {
    const auto lacks_one = [](const Node& node) {
      return std::find(node.inputs.begin(), node.inputs.end(), kNoValue) != node.inputs.end();
    };
    return a.op == b.op && a.attributes == b.attributes && a.inputs.back() == b.inputs.back() &&
           lacks_one(a) == lacks_one(b);
  }

  // Two results in one place, or one that is another's input, would race within a kernel.
  bool shares_a_value(const Node& group, const Node& node) const {
    return std::any_of(node.inputs.begin(), node.inputs.end() - 1, [&](ValueId id) {
      return id != kNoValue &&
             std::find(group.inputs.begin(), group.inputs.end(), id) != group.inputs.end();
    });
  }

  std::vector<Node> grouped(const std::vector<Member>& members) {
    std::vector<Node> result;
    std::vector<std::size_t> sizes;
    for (const Member& member : members) {
      Node& node = graph_.nodes[member.node];
      std::size_t at = 0;
      while (at < result.size() && (sizes[at] >= member.most || shares_a_value(result[at], node) ||
                                    !belong_together(result[at], node))) {
        ++at;
      }
      if (at == result.size()) {
        result.push_back(std::move(node));
        sizes.push_back(1);
        continue;
      }
      Node& into = result[at];
      if (sizes[at] == 1) into.name = graph_.fresh_name("updates");
      into.inputs.insert(into.inputs.end() - 1, node.inputs.begin(), node.inputs.end() - 1);
      into.outputs.insert(into.outputs.end(), node.outputs.begin(), node.outputs.end());
      ++sizes[at];
    }
    return result;
  }

  Graph& graph_;
  std::vector<bool> consumed_;
};

}  // namespace

int group_updates(Graph& graph) { return Grouping(graph).run(); }

}  // namespace pinnacle
