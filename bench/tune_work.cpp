// SPDX-License-Identifier: Apache-2.0
#include "bench/tune_work.hpp"

#include <pinnacle/error.hpp>

#include <algorithm>
#include <set>

#include "api/training_graph.hpp"
#include "base/random.hpp"
#include "base/text.hpp"
#include "bench/workloads.hpp"
#include "ops/cases.hpp"
#include "ops/host.hpp"
#include "ops/shape_key.hpp"
#include "passes/passes.hpp"

namespace pinnacle::bench {
namespace {

using test::OpCase;

Json attribute_json(const Attributes::Attribute& value) {
  struct {
    Json operator()(std::int64_t v) const { return {{"integer", v}}; }
    Json operator()(double v) const { return {{"number", v}}; }
    Json operator()(const std::string& v) const { return {{"text", v}}; }
    Json operator()(const Attributes::Ints& v) const { return {{"integers", v}}; }
  } visitor;
  return std::visit(visitor, value);
}

Attributes::Attribute attribute_of(const Json& json) {
  if (json.contains("integer")) return json.at("integer").get<std::int64_t>();
  if (json.contains("number")) return json.at("number").get<double>();
  if (json.contains("text")) return json.at("text").get<std::string>();
  return json.at("integers").get<Attributes::Ints>();
}

Json attributes_json(const Attributes& attributes) {
  Json json = Json::object();
  for (const auto& [name, value] : attributes.items()) json[name] = attribute_json(value);
  return json;
}

Attributes attributes_of(const Json& json) {
  Attributes attributes;
  for (const auto& [name, value] : json.items()) attributes.set(name, attribute_of(value));
  return attributes;
}

Json type_json(const std::optional<TensorType>& type) {
  if (!type) return nullptr;
  return {{"dtype", static_cast<int>(type->dtype)}, {"shape", type->shape.dims()}};
}

std::optional<TensorType> type_of(const Json& json) {
  if (json.is_null()) return std::nullopt;
  return TensorType{Shape(json.at("shape").get<std::vector<std::int64_t>>()),
                    static_cast<DType>(json.at("dtype").get<int>())};
}

// Collects nodes of compiled graphs.
class Collector {
 public:
  Collector(const WorkSelection& selection, const Target& target)
      : selection_(selection), target_(target) {
    target_.tuned.clear();
  }

  // `ranges`: where the case's numbers come from, and the one op that counts. nullptr: all ops.
  void add(Graph graph, bool free_ports, const OpCase* ranges, bool only_if_prepared = false) {
    // As it was written: conversions of layouts may stand between a value and what it is made of.
    const std::vector<Node> written = graph.nodes;
    Plan plan;
    try {
      plan = run_passes(graph, target_, {.variants = {}, .without = {}, .free_ports = free_ports});
    } catch (const UnsupportedError&) {
      return;  // what cannot run here needs no tuning
    }
    for (const NodeView& node : node_views(graph)) {
      if (node.once || !has_choice(node.op)) continue;
      if (ranges != nullptr && node.op.node->op != ranges->op) continue;
      if (only_if_prepared && !is_prepared(plan, node.op.node->name)) continue;
      TuneWork work = work_of(node.op);
      work.made = made_inputs(written, *node.op.node);
      work.made.merge(made_inputs(graph.nodes, *node.op.node));
      add_work(std::move(work), ranges);
    }
  }

  std::vector<TuneWork> take() { return std::move(works_); }
  const std::set<std::string>& seen_ops() const { return seen_ops_; }

 private:
  static bool is_prepared(const Plan& plan, const std::string& node) {
    return std::any_of(plan.steps.begin(), plan.steps.end(), [&](const Step& step) {
      return step.node == node && !step.prepare.empty();
    });
  }

  bool has_choice(const OpView& op) const {
    if (&find_op(op.node->op) != op.node->def) return false;  // from outside the library
    int accepting = 0;
    bool parameters = false;
    for (const Variant& variant : op.node->def->variants) {
      if (variant.accepts(op, target_)) continue;
      ++accepting;
      parameters = parameters || !variant.space.empty();
    }
    return accepting > 1 || parameters;
  }

  // Inputs of the node that another node makes of its other inputs alone.
  static std::map<std::size_t, MadeInput> made_inputs(const std::vector<Node>& makers,
                                                      const Node& node) {
    std::map<std::size_t, MadeInput> all;
    const auto place_of = [&](ValueId id) {
      const auto place = std::find(node.inputs.begin(), node.inputs.end(), id);
      return place == node.inputs.end() ? -1 : static_cast<int>(place - node.inputs.begin());
    };
    for (const Node& maker : makers) {
      for (std::size_t output = 0; output < maker.outputs.size(); ++output) {
        const int place = place_of(maker.outputs[output]);
        if (place < 0 || &find_op(maker.op) != maker.def) continue;
        MadeInput made{
            .op = maker.op, .from = {}, .attributes = maker.attributes, .output = output};
        bool whole = false;
        for (const ValueId id : maker.inputs) {
          made.from.push_back(id == kNoValue ? -1 : place_of(id));
          whole = id == kNoValue || made.from.back() >= 0;
          if (!whole) break;
        }
        // In order, so that what it is made of is there.
        if (whole && std::all_of(made.from.begin(), made.from.end(),
                                 [&](int from) { return from < place; })) {
          all[static_cast<std::size_t>(place)] = std::move(made);
        }
      }
    }
    return all;
  }

  static TuneWork work_of(const OpView& op) {
    return {.key = shape_key(op),
            .op = op.node->op,
            .in = op.in,
            .fixed = op.fixed,
            .attributes = op.attributes()};
  }

  void add_work(TuneWork work, const OpCase* ranges) {
    seen_ops_.insert(work.op);
    if (!selection_.op.empty() && work.op != selection_.op) return;
    const std::string wanted = lower_case(selection_.filter);
    const std::string named = ranges == nullptr ? work.key : work.key + ' ' + ranges->name;
    if (lower_case(named).find(wanted) == std::string::npos) return;
    if (!seen_.insert(work.key).second) return;
    if (ranges != nullptr) {
      work.low = ranges->low;
      work.high = ranges->high;
      work.int_high = ranges->int_high;
      work.tolerance = std::max(work.tolerance, ranges->tolerance);
    }
    works_.push_back(std::move(work));
  }

  const WorkSelection& selection_;
  Target target_;
  std::vector<TuneWork> works_;
  std::set<std::string> seen_;
  std::set<std::string> seen_ops_;
};

// The same case with input 1 as a parameter that does not change, as weights are in inference.
Graph with_fixed_weights(const OpCase& c) {
  Graph graph = test::case_graph(c);
  if (graph.inputs.size() < 2) return graph;
  GraphValue& weights = graph.value(graph.inputs[1]);
  weights.role = Role::parameter;
  weights.data = std::make_shared<const Tensor>(weights.type.shape, weights.type.dtype);
  graph.inputs.erase(graph.inputs.begin() + 1);
  return graph;
}

void add_cases(Collector& collector) {
  for (const OpCase& c : test::all_cases()) {
    if (!c.perf || !c.values.empty()) continue;
    for (const bool free_ports : {false, true}) {
      collector.add(test::case_graph(c), free_ports, &c);
      if (c.in.size() > 1) collector.add(with_fixed_weights(c), free_ports, &c, true);
    }
  }
}

void add_model(Collector& collector, const std::string& name, std::int64_t batch) {
  const Layer layer = name == "lenet" ? lenet() : mlp();
  const Dataset data = random_digits(std::max<std::int64_t>(batch, 256));
  const Model model(layer, {Shape({1, 28, 28}), DType::f32});
  collector.add(training_graph(model, data, training_options(), batch, Feed::resident), false,
                nullptr);
  collector.add(model.inference_graph(batch), false, nullptr);
  collector.add(model.inference_graph(1), false, nullptr);
}

Tensor make_input(const MadeInput& made, const std::vector<std::optional<Tensor>>& inputs,
                  DType dtype) {
  Graph graph;
  std::map<ValueId, Array> values;
  std::vector<ValueId> ids;
  for (const int from : made.from) {
    ids.push_back(kNoValue);
    if (from < 0) continue;
    const Tensor& tensor = *inputs.at(static_cast<std::size_t>(from));
    GraphValue value;
    value.name = fmt::format("x{}", ids.size());
    value.type = tensor.type();
    value.role = Role::input;
    ids.back() = graph.add_value(std::move(value));
    graph.inputs.push_back(ids.back());
    values[ids.back()] = to_array(tensor);
  }
  graph.outputs = Builder(graph).apply_all(find_op(made.op), ids, made.attributes);
  run_on_host(graph, values);
  return to_tensor(values.at(graph.outputs.at(made.output)), dtype);
}

}  // namespace

Json to_json(const TuneWork& work) {
  Json json = {{"key", work.key},
               {"op", work.op},
               {"in", Json::array()},
               {"fixed", work.fixed},
               {"attributes", attributes_json(work.attributes)},
               {"low", work.low},
               {"high", work.high},
               {"int_high", work.int_high},
               {"tolerance", work.tolerance}};
  for (const auto& type : work.in) json["in"].push_back(type_json(type));
  json["made"] = Json::array();
  for (const auto& [input, made] : work.made) {
    json["made"].push_back({{"input", input},
                            {"op", made.op},
                            {"from", made.from},
                            {"attributes", attributes_json(made.attributes)},
                            {"output", made.output}});
  }
  return json;
}

TuneWork work_from_json(const Json& json) {
  try {
    TuneWork work;
    work.key = json.at("key").get<std::string>();
    work.op = json.at("op").get<std::string>();
    for (const Json& type : json.at("in")) work.in.push_back(type_of(type));
    work.fixed = json.at("fixed").get<std::vector<bool>>();
    work.attributes = attributes_of(json.at("attributes"));
    for (const Json& made : json.at("made")) {
      work.made[made.at("input").get<std::size_t>()] = {
          .op = made.at("op").get<std::string>(),
          .from = made.at("from").get<std::vector<int>>(),
          .attributes = attributes_of(made.at("attributes")),
          .output = made.at("output").get<std::size_t>()};
    }
    work.low = json.at("low").get<double>();
    work.high = json.at("high").get<double>();
    work.int_high = json.at("int_high").get<std::int64_t>();
    work.tolerance = json.at("tolerance").get<double>();
    return work;
  } catch (const Json::exception& error) {
    throw ParseError(fmt::format("is no node to tune: {}", error.what()), "tune-worker");
  }
}

std::vector<std::optional<Tensor>> work_inputs(const TuneWork& work) {
  std::vector<std::optional<Tensor>> inputs;
  Random random(hash64(work.key));
  for (const auto& type : work.in) {
    inputs.emplace_back();
    if (!type) continue;
    Tensor tensor(type->shape, type->dtype);
    if (type->dtype == DType::f32) {
      for (float& v : tensor.f32()) v = static_cast<float>(random.uniform(work.low, work.high));
    } else if (type->dtype == DType::i32) {
      for (std::int32_t& v : tensor.i32()) {
        v = static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(work.int_high)));
      }
    }
    inputs.back() = std::move(tensor);
    if (const auto made = work.made.find(inputs.size() - 1); made != work.made.end()) {
      inputs.back() = make_input(made->second, inputs, type->dtype);
    }
  }
  return inputs;
}

Graph work_graph(const TuneWork& work, const std::vector<std::optional<Tensor>>& inputs) {
  Graph graph;
  std::vector<ValueId> ids;
  for (std::size_t i = 0; i < work.in.size(); ++i) {
    if (!work.in[i]) {
      ids.push_back(kNoValue);
      continue;
    }
    GraphValue value;
    value.name = fmt::format("x{}", i);
    value.type = *work.in[i];
    const bool fixed = i < work.fixed.size() && work.fixed[i];
    value.role = fixed ? Role::parameter : Role::input;
    if (fixed) value.data = std::make_shared<const Tensor>(*inputs[i]);
    ids.push_back(graph.add_value(std::move(value)));
    if (!fixed) graph.inputs.push_back(ids.back());
  }
  Builder builder(graph);
  graph.outputs = builder.apply_all(find_op(work.op), ids, work.attributes);
  return graph;
}

std::vector<TuneWork> select_work(const WorkSelection& selection, const Target& target) {
  Collector collector(selection, target);
  if (selection.ops) add_cases(collector);
  if (!selection.model.empty()) add_model(collector, selection.model, selection.batch);
  std::vector<TuneWork> works = collector.take();
  if (!works.empty()) return works;
  const std::vector<std::string> ops(collector.seen_ops().begin(), collector.seen_ops().end());
  if (!selection.op.empty() && collector.seen_ops().count(selection.op) == 0) {
    const std::string near = suggestion(selection.op, ops);
    throw ArgumentError(fmt::format("there is nothing to tune of an op \"{}\"", selection.op),
                        "--op",
                        near.empty() ? fmt::format("there is of: {}", fmt::join(ops, ", ")) : near);
  }
  throw ArgumentError(fmt::format("no shape has \"{}\" in its name", selection.filter), "--filter");
}

}  // namespace pinnacle::bench
