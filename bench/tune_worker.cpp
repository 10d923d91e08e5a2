// pinnacle-bench tune-worker: the child in which candidates are built, run, checked and timed. It
// may hang or crash; pinnacle-bench tune watches it. One line of JSON asks, one answers:
//   {"work": node}                               -> {"us", "error"} of the heuristic's choice
//   {"try": setting, "against": setting, ...}    -> {"us", "against us", "error"}
// and {"problem": text} where there is none of these. "" is the heuristic's setting.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>

#include "bench/child_process.hpp"
#include "bench/commands.hpp"
#include "bench/timing.hpp"
#include "bench/tune_work.hpp"
#include "bench/workloads.hpp"
#include "ops/cases.hpp"
#include "ops/host.hpp"
#include "passes/passes.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kMostReferenceFlop = 3e8;  // beyond it the double reference takes too long
constexpr double kHopeless = 2;             // times slower: not worth exact numbers
constexpr double kWarmUpSeconds = 0.02;

bool is_finite(const std::vector<Array>& arrays) {
  for (const Array& array : arrays) {
    for (const double v : array.data) {
      if (!std::isfinite(v)) return false;
    }
  }
  return true;
}

// One node with its inputs and what must come out.
class Bench {
 public:
  Bench(TuneWork work, Device device) : work_(std::move(work)), device_(std::move(device)) {
    make_inputs();
    const Graph& graph = graph_;
    const OpView op = view(graph, graph.nodes.front());
    affordable_ = graph.nodes.front().def->cost(op).flop < kMostReferenceFlop;
    if (affordable_) reference_ = references();
    if (affordable_ && !is_finite(reference_)) {  // a logarithm, a root or the like
      work_.low = 0.1;
      work_.high = 1;
      make_inputs();
      reference_ = references();
    }
  }

  Json heuristic(double seconds) {
    Session& session = session_of("");
    if (!affordable_) reference_ = outputs(session);
    const double error = check(session);
    const Timing timing = time_run(run_of(session), {.seconds = seconds, .batches = 5});
    return {{"us", 1e6 * timing.seconds}, {"error", error}, {"tolerance", work_.tolerance}};
  }

  Json attempt(const std::string& setting, const std::string& against, double seconds) {
    sessions_.erase(setting);
    Session& session = session_of(setting);
    for (const Step& step : session.plan().steps) {
      if (step.op == work_.op && !step.reason.starts_with("tuned")) {
        // compile() went on without the choice.
        return {{"problem", step.reason.starts_with("tuned entry ignored")
                                ? step.reason
                                : "its kernels do not build"}};
      }
    }
    const double error = check(session);
    if (!(error <= work_.tolerance)) {
      sessions_.erase(setting);
      return {{"us", 0}, {"against us", 0}, {"error", std::isfinite(error) ? error : 1e30}};
    }
    const Run runs[] = {run_of(session), run_of(session_of(against))};
    const double one = runs[1](1);
    const double first = runs[0](1);
    std::vector<Timing> timings(2);
    if (first > 20 * one && first > 0.2 * seconds) {
      timings[0].seconds = first;
      timings[1].seconds = one;
    } else {
      // Clocks rise with work, and fall between candidates.
      const double start = now();
      while (now() - start < kWarmUpSeconds) runs[1](1);
      timings = time_interleaved(runs, {.seconds = seconds / 4, .batches = 3});
      if (timings[0].seconds < kHopeless * timings[1].seconds) {
        timings = time_interleaved(runs, {.seconds = seconds, .batches = 9});
      }
    }
    if (setting != against) keep_only(setting, against);
    return {{"us", 1e6 * timings[0].seconds},
            {"against us", 1e6 * timings[1].seconds},
            {"error", error}};
  }

 private:
  void make_inputs() {
    inputs_ = work_inputs(work_);
    graph_ = work_graph(work_, inputs_);
  }

  std::vector<Array> references() const {
    std::map<ValueId, Array> values;
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const ValueId id = graph_.nodes.front().inputs[i];
      if (id != kNoValue) values[id] = to_array(*inputs_[i]);
    }
    run_on_host(graph_, values);
    std::vector<Array> result;
    for (const ValueId id : graph_.outputs) result.push_back(values[id]);
    return result;
  }

  Session& session_of(const std::string& setting) {
    std::unique_ptr<Session>& session = sessions_[setting];
    if (session) return *session;
    CompileOptions options;
    options.without_passes = rewriting_passes();
    options.without_passes.emplace_back("fold_constants");
    options.tuned.emplace();
    if (!setting.empty()) (*options.tuned)[work_.key] = setting;
    session = std::make_unique<Session>(compile(graph_, device_, options));
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      const std::string name = fmt::format("x{}", i);
      const bool given =
          graph_.find(name) != kNoValue && graph_.value(graph_.find(name)).role == Role::input;
      if (given) session->write(name, inputs_[i]->bytes());
    }
    session->enqueue();
    session->finish();
    return *session;
  }

  void keep_only(const std::string& one, const std::string& other) {
    std::erase_if(sessions_, [&](const auto& item) {
      return item.first != one && item.first != other && !item.first.empty();
    });
  }

  static Run run_of(Session& session) {
    return [&session](std::int64_t count) {
      const double start = now();
      for (std::int64_t i = 0; i < count; ++i) session.enqueue();
      session.finish();
      return now() - start;
    };
  }

  static std::vector<Array> outputs(Session& session) {
    std::vector<Array> result;
    for (const ValueId id : session.graph().outputs) {
      result.push_back(to_array(session.read(session.graph().value(id).name)));
    }
    return result;
  }

  double check(Session& session) {
    double worst = 0;
    for (std::size_t i = 0; i < reference_.size(); ++i) {
      const Tensor got = session.read(session.graph().value(session.graph().outputs[i]).name);
      const double error = test::relative_error(got, reference_[i]);
      if (!(error <= worst)) worst = error;
    }
    return worst;
  }

  TuneWork work_;
  Device device_;
  std::vector<std::optional<Tensor>> inputs_;
  Graph graph_;
  bool affordable_ = true;
  std::vector<Array> reference_;
  std::map<std::string, std::unique_ptr<Session>> sessions_;
};

}  // namespace

int run_tune_worker(const std::string& spec) {
  ParentProcess parent;
  std::unique_ptr<Bench> bench;
  std::string line;
  const Device device = select_device(spec);
  while (parent.receive(line)) {
    Json answer;
    try {
      const Json request = Json::parse(line);
      const double seconds = request.at("seconds").get<double>();
      if (request.contains("work")) {
        bench = std::make_unique<Bench>(work_from_json(request.at("work")), device);
        answer = bench->heuristic(seconds);
      } else if (bench) {
        answer = bench->attempt(request.at("try").get<std::string>(),
                                request.at("against").get<std::string>(), seconds);
      } else {
        answer = {{"problem", "there is no node to tune"}};
      }
    } catch (const std::exception& error) {
      answer = {{"problem", error.what()}};
    }
    parent.send(answer.dump(-1, ' ', true, Json::error_handler_t::replace));
  }
  return 0;
}

}  // namespace pinnacle::bench
