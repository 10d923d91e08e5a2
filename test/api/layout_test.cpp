// A net and its gradients on each device, with and without the pass that puts channels in blocks.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/session.hpp>

#include <algorithm>
#include <cmath>

#include "base/files.hpp"
#include "base/random.hpp"
#include "device_list.hpp"
#include "passes/layout_net.hpp"

namespace pinnacle::test {

TEST_CASE("layout: blocks and rows give the same results, forward and backward") {
  const std::int64_t size = environment("PINNACLE_TEST_SMALL").empty() ? 48 : 12;
  for (const Device& device : test_devices()) {
    CAPTURE(device.name());
    for (const bool training : {false, true}) {
      CAPTURE(training);
      Graph graph = layout_net(4, size, training);
      Random random(7);
      for (GraphValue& value : graph.values) {
        if (value.role != Role::parameter) continue;
        Tensor data(value.type.shape);
        const double spread =
            value.type.shape.rank() == 4
                ? std::sqrt(3.0 / static_cast<double>(data.elements() / value.type.shape[0]))
                : 1.0;
        for (float& v : data.f32()) v = static_cast<float>(random.uniform(-spread, spread));
        value.data = std::make_shared<const Tensor>(std::move(data));
      }
      Tensor x(Shape{4, 3, size, size});
      for (float& v : x.f32()) v = static_cast<float>(random.uniform(-1, 1));
      CompileOptions rows;
      rows.without_passes = {"choose_layout"};
      Session in_rows = compile(graph, device, rows);
      Session in_blocks = compile(graph, device);
      const std::vector<Tensor> wanted = in_rows.run({{"x", x}});
      const std::vector<Tensor> got = in_blocks.run({{"x", x}});
      REQUIRE(wanted.size() == got.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(got[i].shape() == wanted[i].shape());
        double most = 0;
        double scale = 1;
        for (std::size_t k = 0; k < got[i].f32().size(); ++k) {
          most =
              std::max(most, std::fabs(static_cast<double>(got[i].f32()[k]) - wanted[i].f32()[k]));
          scale = std::max(scale, std::fabs(static_cast<double>(wanted[i].f32()[k])));
        }
        CHECK_MESSAGE(most <= 1e-5 * scale, "output " << i << " differs by " << most / scale);
      }
    }
  }
}

}  // namespace pinnacle::test
