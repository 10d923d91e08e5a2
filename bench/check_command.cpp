// pinnacle-bench check: a model's nodes on two devices, and the first that differ.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <set>

#include "bench/agreement.hpp"
#include "bench/commands.hpp"
#include "bench/environment.hpp"
#include "bench/onnx_work.hpp"
#include "bench/output.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kWorstShown = 5;

// One value that a node makes, on both devices.
struct Compared {
  std::string node, op, value;
  Agreement agreement;
};

using Values = std::map<std::string, Tensor>;

// Every value that a node makes becomes an output, under a name of its own.
Graph with_all_outputs(Graph graph) {
  std::set<std::string> names;
  for (const ValueId id : graph.inputs) names.insert(graph.value(id).name);
  std::set<ValueId> outputs;
  for (const ValueId id : graph.outputs) {
    if (!outputs.insert(id).second) continue;
    names.insert(graph.value(id).name);
  }
  graph.outputs.assign(outputs.begin(), outputs.end());
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      if (!outputs.insert(id).second) continue;
      GraphValue& value = graph.value(id);
      while (!names.insert(value.name).second) value.name = graph.fresh_name(value.name);
      graph.outputs.push_back(id);
    }
  }
  return graph;
}

Values run_all(const Graph& graph, const Device& device, const CompileOptions& how,
               const OnnxWork& work) {
  Session session = compile(graph, device, how);
  const std::vector<Tensor> outputs = session.run(run_inputs(session.graph(), work));
  Values values;
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    values[session.graph().value(session.graph().outputs[i]).name] = outputs[i];
  }
  return values;
}

std::vector<Compared> compare_nodes(const Graph& graph, const Values& got, const Values& wanted,
                                    const Tolerance& tolerance) {
  std::vector<Compared> all;
  for (const Node& node : graph.nodes) {
    for (const ValueId id : node.outputs) {
      const std::string& name = graph.value(id).name;
      const auto a = got.find(name);
      const auto b = wanted.find(name);
      if (a == got.end() || b == wanted.end()) continue;
      all.push_back({node.name, node.op, name, compare(a->second, b->second, tolerance)});
    }
  }
  return all;
}

const Compared* first_bad(const std::vector<Compared>& all) {
  const auto it = std::find_if(all.begin(), all.end(),
                               [](const Compared& one) { return !one.agreement.within; });
  return it == all.end() ? nullptr : &*it;
}

std::string describe(const Agreement& agreement) {
  if (!agreement.problem.empty()) return agreement.problem;
  return fmt::format("element {} is {}, expected {}; largest difference {:.1e} of values up to {}",
                     agreement.element, agreement.got, agreement.wanted, agreement.largest,
                     number(agreement.scale));
}

// The inputs of the node that makes a value, as the device to compare with has them.
std::vector<std::pair<std::string, std::string>> input_ranges(const Graph& graph,
                                                              const std::string& node_name,
                                                              const Values& values,
                                                              const OnnxWork& work) {
  std::vector<std::pair<std::string, std::string>> ranges;
  for (const Node& node : graph.nodes) {
    if (node.name != node_name) continue;
    for (const ValueId id : node.inputs) {
      if (id == kNoValue) continue;
      const GraphValue& value = graph.value(id);
      const auto computed = values.find(value.name);
      const auto given = work.inputs.find(value.name);
      const Tensor* tensor = value.data                   ? value.data.get()
                             : computed != values.end()   ? &computed->second
                             : given != work.inputs.end() ? &given->second
                                                          : nullptr;
      ranges.emplace_back(
          value.name, tensor == nullptr ? fmt::format("{}", value.type) : describe_range(*tensor));
    }
    break;
  }
  return ranges;
}

std::string worst_table(std::vector<Compared> all) {
  std::stable_sort(all.begin(), all.end(), [](const Compared& a, const Compared& b) {
    return a.agreement.relative() > b.agreement.relative();
  });
  Table table({{.title = "node", .wraps = true},
               {.title = "op"},
               {.title = "difference", .right = true},
               {.title = "values up to", .right = true}});
  for (std::size_t i = 0; i < std::min(all.size(), kWorstShown); ++i) {
    table.add({all[i].node, all[i].op, fmt::format("{:.1e}", all[i].agreement.largest),
               number(all[i].agreement.scale)});
  }
  return table.empty()
             ? ""
             : "\nThe largest differences, next to the node's largest value:\n" + table.text();
}

Json compared_json(const Compared& one) {
  Json json = {{"node", one.node},
               {"op", one.op},
               {"value", one.value},
               {"difference", one.agreement.largest},
               {"scale", one.agreement.scale},
               {"within", one.agreement.within}};
  if (!one.agreement.within) json["problem"] = describe(one.agreement);
  return json;
}

// The outputs of the model as it runs otherwise, with all passes.
std::vector<Compared> compare_outputs(const OnnxWork& work, const Device& device,
                                      const CompileOptions& how, const Values& wanted,
                                      const Tolerance& tolerance) {
  const Values got = run_all(work.graph, device, how, work);
  std::vector<Compared> all;
  for (const ValueId id : work.graph.outputs) {
    const std::string& name = work.graph.value(id).name;
    all.push_back({"", "output", name, compare(got.at(name), wanted.at(name), tolerance)});
  }
  return all;
}

}  // namespace

int run_check(const CheckOptions& options) {
  const Output output(options.json);
  const Device device = select_device(options.device);
  const Device against = select_device(options.against);
  if (device == against) {
    throw ArgumentError(fmt::format("is {}, the device that is checked", against.name()),
                        "--against", "name another device");
  }
  const OnnxWork work = make_work(
      options.file, {.batch = options.batch, .shapes = options.shapes, .inputs = options.inputs});
  const Tolerance tolerance{.relative = options.rtol, .absolute = options.atol};
  CompileOptions how;
  how.without_passes = options.without_passes;
  StatusLine status;
  const Graph graph = with_all_outputs(work.graph);
  status.show(fmt::format("{} on {} ...", work.name, against.name()));
  const Values wanted = run_all(graph, against, how, work);
  status.show(fmt::format("{} on {} ...", work.name, device.name()));
  const std::vector<Compared> nodes =
      compare_nodes(graph, run_all(graph, device, how, work), wanted, tolerance);
  const std::vector<Compared> outputs = compare_outputs(work, device, how, wanted, tolerance);
  status.clear();
  const Compared* bad = first_bad(nodes);
  const Compared* bad_output = first_bad(outputs);
  std::string text = fmt::format("{}: {} nodes on {}, next to {}\n", work.name, nodes.size(),
                                 device.name(), against.name());
  Json result = {{"model", options.file},
                 {"device", identity_json(device)},
                 {"against", identity_json(against)},
                 {"nodes", Json::array()},
                 {"outputs", Json::array()},
                 {"first", Json()}};
  if (bad != nullptr) {
    text += fmt::format("first out of tolerance: {} \"{}\": {}\nits inputs:\n", bad->op, bad->node,
                        describe(bad->agreement));
    Json ranges = Json::object();
    for (const auto& [name, range] : input_ranges(graph, bad->node, wanted, work)) {
      text += fmt::format("  {}: {}\n", name, range);
      ranges[name] = range;
    }
    result["first"] = compared_json(*bad);
    result["first"]["inputs"] = std::move(ranges);
  } else if (bad_output != nullptr) {
    text += fmt::format(
        "each node alone is within tolerance, but with all passes output \"{}\" is not: {}\n"
        "--without-pass leaves one out, to find the pass\n",
        bad_output->value, describe(bad_output->agreement));
    result["first"] = compared_json(*bad_output);
  } else {
    text += "all are within tolerance, and so are the outputs with all passes\n";
  }
  output.text(text + worst_table(nodes));
  for (const Compared& one : nodes) result["nodes"].push_back(compared_json(one));
  for (const Compared& one : outputs) result["outputs"].push_back(compared_json(one));
  output.json(result);
  return bad != nullptr || bad_output != nullptr ? 1 : 0;
}

}  // namespace pinnacle::bench
