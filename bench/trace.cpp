// SPDX-License-Identifier: Apache-2.0
#include "bench/trace.hpp"

#include <map>

namespace pinnacle::bench {

Json trace_json(const std::vector<TraceEvent>& events, const std::vector<StepTime>& steps,
                const std::string& process, const std::string& device) {
  std::map<std::string, const StepTime*> by_node;
  for (const StepTime& step : steps) by_node[step.node] = &step;
  Json list = Json::array();
  const auto named = [&list](const char* what, const std::string& name) {
    list.push_back(
        {{"ph", "M"}, {"pid", 1}, {"tid", 1}, {"name", what}, {"args", {{"name", name}}}});
  };
  named("process_name", process);
  named("thread_name", device);
  for (const TraceEvent& event : events) {
    Json arguments = {{"op", event.op}, {"variant", event.variant}, {"call", event.call}};
    if (const auto it = by_node.find(event.node); it != by_node.end()) {
      arguments["node_us"] = it->second->microseconds;
      arguments["node_gflop"] = 1e-9 * it->second->flop;
      arguments["node_mb"] = 1e-6 * it->second->bytes;
    }
    list.push_back({{"ph", "X"},
                    {"pid", 1},
                    {"tid", 1},
                    {"name", event.node},
                    {"cat", event.op},
                    {"ts", event.start},
                    {"dur", event.microseconds},
                    {"args", std::move(arguments)}});
  }
  return {{"displayTimeUnit", "ns"}, {"traceEvents", std::move(list)}};
}

}  // namespace pinnacle::bench
