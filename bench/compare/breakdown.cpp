// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/breakdown.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bench/compare/headline.hpp"
#include "bench/compare/html.hpp"
#include "bench/compare/svg.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {
namespace {

constexpr std::size_t kMostLayers = 12;

// The part of the key after the last '/': the step of a plan.
std::string step_name(const Measurement& m) {
  return m.key.substr(m.key.rfind('/') + 1);  // npos + 1 is 0
}

}  // namespace

std::string breakdown(const std::string& id, const std::string& device,
                      std::vector<const Measurement*> steps) {
  std::stable_sort(steps.begin(), steps.end(), [](const Measurement* a, const Measurement* b) {
    return *a->value > *b->value;
  });
  const Measurement& first = *steps.front();
  double total = 0, rest = 0;
  for (const Measurement* step : steps) total += *step->value;
  std::vector<BarBlock> blocks;
  std::string body;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Measurement& m = *steps[i];
    const double share = *m.value / total;
    body +=
        "<tr>" + row_head(step_name(m), m.key) +
        fmt::format("<td class=\"n\" data-key=\"{}\" data-device=\"{}\" data-value=\"{}\">{}</td>",
                    escape_html(m.key), m.device, *m.value, short_number(*m.value)) +
        percent_cell(share) + percent_cell(m.of_roof) + cell(m.roof) + cell(m.kernel) + "</tr>";
    if (i >= kMostLayers) {
      rest += *m.value;
      continue;
    }
    const auto [low, high] = shown_interval(m);
    const Bar bar{
        m.device, m.key, m.value,
        low,      high,  fmt::format("{} {}, {}", short_number(*m.value), m.unit, percent(share))};
    blocks.push_back({step_name(m), {bar}});
  }
  if (steps.size() > kMostLayers) {
    const std::string name = fmt::format("the {} others", steps.size() - kMostLayers);
    const Bar bar{std::nullopt,
                  "rest",
                  rest,
                  {},
                  {},
                  fmt::format("{} {}, {}", short_number(rest), first.unit, percent(rest / total))};
    blocks.push_back({name, {bar}});
  }
  const std::string name = fmt::format("{} on {}", work_name(first), device);
  const std::string head = head_cell("Step") + head_cell("Time", first.unit, true) +
                           head_cell("Share", "%", true) + head_cell("Of its roof", "%", true) +
                           head_cell("Limited by") + head_cell("Kernel");
  return fmt::format(
      "<div class=\"plot\"><h3>{}</h3>{}{}</div>\n", escape_html(name),
      figure(bar_plot({id, "Time of the steps of " + name, id + "-table"}, blocks, true),
             fmt::format("{} steps take {} {} in all.", steps.size(), short_number(total),
                         escape_html(first.unit))),
      details("Numbers of this plot",
              table(id + "-table", "Steps of " + name + ", the slowest first", head, body)));
}

}  // namespace pinnacle::bench
