// Every op case on the selected device (PINNACLE_DEVICE, else each OpenCL device in turn), with
// every variant forced, against the double reference. A variant that declines must say why.
// PINNACLE_TEST_ONLY=op keeps one op, for work on a kernel; PINNACLE_TEST_PART=1/2 keeps every second
// group of cases from the first one, so that two processes share the work.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/core.h>

#include <pinnacle/session.hpp>

#include <optional>

#include "base/files.hpp"
#include "base/text.hpp"
#include "device_list.hpp"
#include "ops/cases.hpp"
#include "ops/shape_key.hpp"

namespace pinnacle::test {
namespace {

// Cases of one op that a graph holds together: to build a program for each takes longer than to run all.
constexpr std::size_t kTogether = 8;

// Groups of this process, by their number.
bool is_mine(std::size_t number) {
  const std::string part = environment("PINNACLE_TEST_PART");
  if (part.empty()) return true;
  const std::vector<std::string> words = split(part, '/');
  REQUIRE_MESSAGE(words.size() == 2, "PINNACLE_TEST_PART is " << part << "; expected 1/2");
  const unsigned long mine = std::stoul(words[0]);
  const unsigned long parts = std::stoul(words[1]);
  REQUIRE_MESSAGE((mine >= 1 && mine <= parts), "PINNACLE_TEST_PART is " << part);
  return number % parts == mine - 1;
}

void check_case(const OpCase& c, const Device& device, const Variant& variant) {
  const Graph graph = case_graph(c);
  const std::vector<Tensor> inputs = case_inputs(c);
  CompileOptions options;
  options.variants[c.op] = variant.name;
  const OpView op = view(graph, graph.nodes.front());
  const Decline reason = variant.accepts(op, device.target());
  CHECK_MESSAGE((!reason || reason->size() > 5), "declines without a reason");
  // What declines rows may still run on channels in blocks.
  if (reason && !find_op(c.op).blocked) return;
  std::map<std::string, Tensor> named;
  for (std::size_t i = 0; i < inputs.size(); ++i) named[fmt::format("x{}", i)] = inputs[i];
  std::optional<Session> session;
  try {
    session = compile(graph, device, options);
  } catch (const UnsupportedError&) {
    if (reason) return;  // not in blocks either
    throw;
  }
  const std::vector<Tensor> outputs = session->run(named);
  const std::vector<Array> wanted = case_reference(c, graph, inputs);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double error = relative_error(outputs[i], wanted[i]);
    CHECK_MESSAGE(error <= c.tolerance, "output " << i << " is off by " << error);
  }
}

bool accepts(const Variant& variant, const OpCase& c, const Device& device) {
  const Graph graph = case_graph(c);
  return !variant.accepts(view(graph, graph.nodes.front()), device.target());
}

// All of them in one graph. REQUIRES: cases that the variant accepts
void check_together(const std::vector<const OpCase*>& cases, const Device& device,
                    const Variant& variant) {
  Graph graph;
  Builder builder(graph);
  std::map<std::string, Tensor> named;
  for (const OpCase* c : cases) {
    std::vector<ValueId> ids;
    for (const Tensor& input : case_inputs(*c)) {
      const std::string name = fmt::format("x{}", graph.inputs.size());
      named[name] = input;
      ids.push_back(add_input(graph, name, c->in[ids.size()]));
    }
    for (const ValueId id :
         builder.apply_all(find_op(c->op), with_absent(*c, std::move(ids)), c->attributes)) {
      graph.outputs.push_back(id);
    }
  }
  CompileOptions options;
  options.variants[cases.front()->op] = variant.name;
  const std::vector<Tensor> outputs = compile(graph, device, options).run(named);
  std::size_t output = 0;
  for (const OpCase* c : cases) {
    CAPTURE(label(*c));
    for (const Array& wanted : case_reference(*c, case_graph(*c), case_inputs(*c))) {
      const double error = relative_error(outputs.at(output), wanted);
      CHECK_MESSAGE(error <= c->tolerance, "output " << output << " is off by " << error);
      ++output;
    }
  }
  CHECK(output == outputs.size());
}

// One after the other those that the variant declines, or that fail together: it is said which.
void check_group(const std::vector<const OpCase*>& cases, const Device& device,
                 const Variant& variant) {
  std::vector<const OpCase*> together;
  std::vector<const OpCase*> alone;
  for (const OpCase* c : cases) {
    (accepts(variant, *c, device) ? together : alone).push_back(c);
  }
  std::string problem;
  try {
    if (!together.empty()) check_together(together, device, variant);
  } catch (const Error& error) {
    problem = error.what();
    alone.insert(alone.end(), together.begin(), together.end());
  }
  for (const OpCase* c : alone) {
    CAPTURE(label(*c));
    try {
      check_case(*c, device, variant);
    } catch (const Error& error) {
      FAIL_CHECK(std::string(error.what()));
    }
  }
  CHECK_MESSAGE(problem.empty(), "cases of " << cases.front()->op << " in one graph: " << problem);
}

// The same with input 1 as a constant: what a variant prepares once must change nothing.
void check_fixed(const OpCase& c, const Device& device, const Variant& variant) {
  const Graph plain = case_graph(c);
  const std::vector<Tensor> inputs = case_inputs(c);
  Graph graph;
  std::vector<ValueId> ids;
  std::map<std::string, Tensor> named;
  Builder builder(graph);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i == 1) {
      ids.push_back(builder.constant(inputs[i], "fixed"));
      continue;
    }
    const std::string name = fmt::format("x{}", i);
    named[name] = inputs[i];
    ids.push_back(add_input(graph, name, c.in[i]));
  }
  graph.outputs = builder.apply_all(find_op(c.op), with_absent(c, ids), c.attributes);
  OpView op = view(graph, graph.nodes.front());
  op.fixed = std::vector<bool>(inputs.size(), false);
  op.fixed[1] = true;
  if (variant.accepts(op, device.target())) return;
  CompileOptions options;
  options.variants[c.op] = variant.name;
  Session session = compile(graph, device, options);
  const std::vector<Array> wanted = case_reference(c, plain, inputs);
  for (int run = 0; run < 2; ++run) {
    const double error = relative_error(session.run(named).front(), wanted.front());
    CHECK_MESSAGE(error <= c.tolerance, "run " << run << " is off by " << error);
  }
}

// A backward data pass on channels in blocks, tuned with `setting`.
void check_tuned(const Device& device, const Shape& dx, const Shape& w, std::int64_t stride,
                 std::int64_t pad, const std::string& setting) {
  const std::int64_t block = device.target().vector_width;
  const auto extent = [&](std::size_t axis) { return (dx[axis] + 2 * pad - w[axis]) / stride + 1; };
  OpCase c;
  c.op = "conv2d_backward_data";
  c.in = {f32({dx[0], (w[0] + block - 1) / block, extent(2), extent(3), block}), f32(w)};
  c.attributes = {{"input_shape", dx.dims()},
                  {"strides", Attributes::Ints{stride, stride}},
                  {"pads", Attributes::Ints{pad, pad, pad, pad}},
                  {"block", block}};
  const Graph graph = case_graph(c);
  const std::vector<Tensor> inputs = case_inputs(c);
  const OpView op = view(graph, graph.nodes.front());
  CompileOptions options;
  options.tuned.emplace();
  (*options.tuned)[shape_key(op)] = setting;
  Session session = compile(graph, device, options);
  if (device.target().local_memory >= (256 << 10)) {
    CHECK(session.plan().steps.front().reason == "tuned " + setting.substr(setting.find(' ') + 1));
  }
  const std::vector<Tensor> outputs = session.run({{"x0", inputs[0]}, {"x1", inputs[1]}});
  const double error = relative_error(outputs.front(), case_reference(c, graph, inputs).front());
  CHECK_MESSAGE(error <= 3e-5, setting << " is off by " << error);
}

}  // namespace

// Heuristics take these ways for sizes that are too large for a test.
TEST_CASE("backward data by columns gives the same in every order") {
  for (const Device& device : test_devices()) {
    if (device.target().family != Family::wide || device.target().vector_width < 4) continue;
    for (const char* setting :
         {"variant=col2im SLAB=1", "variant=col2im SLAB=2", "variant=col2im NV=1 SLAB=2"}) {
      CAPTURE(device.name());
      check_tuned(device, {1, 16, 12, 12}, {520, 16, 1, 1}, 1, 0, setting);
      check_tuned(device, {1, 16, 11, 13}, {24, 16, 1, 1}, 1, 0, setting);
      check_tuned(device, {3, 32, 9, 7}, {24, 32, 3, 3}, 2, 1, setting);
      check_tuned(device, {2, 64, 7, 5}, {20, 64, 1, 1}, 2, 0, setting);
    }
  }
}

TEST_CASE("a fixed second matrix gives what a given one gives") {
  for (const Device& device : test_devices()) {
    for (const OpCase& c : all_cases()) {
      if (c.perf || c.op != "matmul") continue;
      for (const char* name : {"wide", "split_k"}) {
        for (const Variant& variant : find_op(c.op).variants) {
          if (variant.name != name) continue;
          const std::string what = fmt::format("{} {} on {}", label(c), name, device.name());
          CAPTURE(what);
          try {
            check_fixed(c, device, variant);
          } catch (const Error& error) {
            FAIL_CHECK(std::string(error.what()));
          }
        }
      }
    }
  }
}

TEST_CASE("every variant of every op agrees with the reference") {
  const std::string only = environment("PINNACLE_TEST_ONLY");
  std::vector<std::vector<const OpCase*>> groups;
  const std::vector<OpCase> cases = all_cases();
  for (const OpCase& c : cases) {
    if (c.perf || (!only.empty() && c.op.rfind(only, 0) != 0)) continue;
    if (groups.empty() || groups.back().front()->op != c.op || groups.back().size() == kTogether) {
      groups.emplace_back();
    }
    groups.back().push_back(&c);
  }
  for (const Device& device : test_devices()) {
    for (std::size_t number = 0; number < groups.size(); ++number) {
      if (!is_mine(number)) continue;
      for (const Variant& variant : find_op(groups[number].front()->op).variants) {
        const std::string what =
            fmt::format("{} {} on {}", groups[number].front()->op, variant.name, device.name());
        CAPTURE(what);
        check_group(groups[number], device, variant);
      }
    }
  }
}

}  // namespace pinnacle::test
