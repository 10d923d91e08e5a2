// split_batch_norm on devices: the loss, the gradients and the statistics of the fused ops.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/session.hpp>

#include "base/random.hpp"
#include "device_list.hpp"
#include "passes/batch_norm_net.hpp"
#include "passes/compare.hpp"

namespace pinnacle::test {
namespace {

// The outputs, then the states, after a run with the numbers that run_random takes.
std::vector<Array> run_on(const Device& device, const Graph& graph) {
  Session session = compile(graph, device);
  Random random(5);
  std::map<std::string, Tensor> inputs;
  for (const GraphValue& value : graph.values) {
    if (value.role == Role::local || value.role == Role::constant) continue;
    const Tensor contents = to_tensor(random_contents(value, random), DType::f32);
    if (value.role == Role::input) {
      inputs[value.name] = contents;
    } else {
      session.write_state(value.name, contents);
    }
  }
  std::vector<Array> results;
  for (const Tensor& output : session.run(inputs)) results.push_back(to_array(output));
  for (const Update& update : graph.updates) {
    results.push_back(to_array(session.read_state(graph.value(update.target).name)));
  }
  return results;
}

}  // namespace

TEST_CASE("split_batch_norm: devices compute what the host does with the fused ops") {
  const Shape shape = small_only() ? Shape{2, 5, 4, 4} : Shape{2, 32, 14, 14};
  const std::vector<Array> whole = run_random(batch_norm_net(shape, BatchNorm::whole));
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    for (const BatchNorm form : {BatchNorm::whole, BatchNorm::parts, BatchNorm::exchanged}) {
      check_same(run_on(device, batch_norm_net(shape, form)), whole, 1e-5);
    }
  }
}

}  // namespace pinnacle::test
