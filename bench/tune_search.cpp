// Heuristic default of each variant first; then one parameter after the other of the best two. A
// candidate is measured in turns with the best of its variant so far, so that only ratios count.
// SPDX-License-Identifier: Apache-2.0
#include "bench/tune_search.hpp"

#include <pinnacle/error.hpp>
#include <pinnacle/session.hpp>

#include <algorithm>
#include <set>
#include <utility>

#include "passes/passes.hpp"
#include "plan/tuned_setting.hpp"

namespace pinnacle::bench {
namespace {

constexpr double kLeastGain = 0.98;      // below this ratio of times another setting wins
constexpr double kPreparation = 120;     // seconds for inputs, reference and the heuristic's choice
constexpr double kWorthSearching = 1.6;  // a variant's default against the best one's

}  // namespace

// The search of one node.
class TuneSearch::OneNode {
 public:
  OneNode(TuneSearch& search, const TuneWork& work,
          const std::function<void(int, const std::string&)>& on_progress)
      : search_(search), work_(work), on_progress_(on_progress), graph_(blank_graph(work)) {}

  SearchResult run() {
    if (!start()) return std::move(result_);
    search_variants();
    std::sort(ranking_.begin(), ranking_.end(),
              [](const Ranked& a, const Ranked& b) { return a.score < b.score; });
    for (std::size_t i = 0; i < std::min<std::size_t>(ranking_.size(), 2); ++i) {
      if (ranking_[i].score < kWorthSearching * ranking_[0].score) search_space(ranking_[i]);
    }
    finish();
    return std::move(result_);
  }

 private:
  // A variant's best setting so far; score: its time relative to the heuristic's choice.
  struct Ranked {
    const Variant* variant;
    TunedSetting best;
    double score;
  };

  // For planning only: the parameters hold zeros.
  static Graph blank_graph(const TuneWork& work) {
    std::vector<std::optional<Tensor>> blanks;
    for (const auto& type : work.in) {
      blanks.emplace_back();
      if (type) blanks.back() = Tensor(type->shape, type->dtype);
    }
    return work_graph(work, blanks);
  }

  // The step of the node under a setting; nothing if the setting cannot be used.
  std::optional<Step> planned(const std::string& setting) const {
    Target target = search_.target_;
    target.tuned.clear();
    if (!setting.empty()) target.tuned[work_.key] = setting;
    Graph graph = graph_;
    const Plan plan =
        run_passes(graph, target,
                   {.variants = {},
                    .without = {"fold_constants", "fold_batch_norm", "fuse", "choose_layout"}});
    for (const Step& step : plan.steps) {
      if (step.op != work_.op) continue;
      if (!setting.empty() && !step.reason.starts_with("tuned")) return std::nullopt;
      return step;
    }
    return std::nullopt;
  }

  static std::string calls_text(const Step& step) {
    std::string text;
    for (const Call& call : step.prepare) text += to_text(call) + '\n';
    for (const Call& call : step.calls) text += to_text(call) + '\n';
    return text;
  }

  // Starts the child if there is none and gives it the node. An empty text: all is well.
  std::string give_work(Json& answer) {
    if (!search_.child_) {
      search_.child_ = std::make_unique<ChildProcess>(
          std::vector<std::string>{"tune-worker", "--device", search_.spec_});
    }
    const Json request = {{"work", to_json(work_)}, {"seconds", search_.options_.seconds}};
    const std::string problem = ask(request, kPreparation + search_.options_.time_limit, answer);
    given_ = problem.empty();
    return problem;
  }

  // An empty text: there is an answer. Otherwise the child is gone, or had a problem.
  std::string ask(const Json& request, double limit, Json& answer) {
    std::string line;
    const auto outcome = search_.child_->ask(
        request.dump(-1, ' ', true, Json::error_handler_t::replace), limit, line);
    std::string problem;
    if (outcome == ChildProcess::Answer::line) {
      answer = Json::parse(line, nullptr, false);
      if (answer.is_object() && answer.contains("problem")) {
        return answer["problem"].is_string() ? answer["problem"].get<std::string>() : "no answer";
      }
      const auto has = [&](const char* key) {
        return answer.contains(key) && answer[key].is_number();
      };
      if (answer.is_object() && has("us") && has("error")) return "";
      problem = "gave no sensible answer";
    } else if (outcome == ChildProcess::Answer::late) {
      problem = fmt::format("did not finish within {:g} s", limit);
    }
    // A driver that was cut off may have left anything behind in that process.
    const std::string end = search_.child_->end();
    search_.child_.reset();
    given_ = false;
    return problem.empty() ? "crashed: the process " + end : problem;
  }

  bool start() {
    const std::optional<Step> step = planned("");
    if (!step) {
      result_.problem = "the node is not in its own plan";
      return false;
    }
    Json answer;
    result_.problem = give_work(answer);
    if (!result_.problem.empty()) return false;
    if (!(answer["error"].get<double>() <= work_.tolerance)) {
      result_.problem = fmt::format("the heuristic's choice, {}, is off by {:.0e}", step->variant,
                                    answer["error"].get<double>());
      return false;
    }
    heuristic_us_ = answer["us"].get<double>();
    baseline_.variant = step->variant;
    result_.heuristic = to_text(baseline_);
    seen_.insert(calls_text(*step));
    result_.candidates = 1;
    on_progress_(1, result_.heuristic);
    return true;
  }

  // The time of a candidate relative to that of `against`; nothing if it is no candidate.
  std::optional<double> attempt(const TunedSetting& setting, const TunedSetting& against,
                                double seconds) {
    const std::string text = to_text(setting);
    Json answer;
    if (!given_) {
      const std::string problem = give_work(answer);
      if (!problem.empty()) throw Error("the heuristic's choice does not run again: " + problem);
    }
    const std::string problem = ask({{"try", text},
                                     {"against", against == baseline_ ? "" : to_text(against)},
                                     {"seconds", seconds}},
                                    search_.options_.time_limit, answer);
    ++result_.candidates;
    on_progress_(result_.candidates, to_text(best_));
    if (!problem.empty()) {
      result_.rejected.push_back({text, problem});
      return std::nullopt;
    }
    const double error = answer["error"].get<double>();
    if (!(error <= work_.tolerance)) {
      result_.rejected.push_back({text, fmt::format("its result is off by {:.0e}", error)});
      // What wrote a wrong result may have written elsewhere, too.
      search_.child_->end();
      search_.child_.reset();
      given_ = false;
      return std::nullopt;
    }
    last_us_ = answer["us"].get<double>();
    last_against_us_ = answer["against us"].get<double>();
    return last_us_ / std::max(last_against_us_, 1e-6);
  }

  bool exhausted() const { return result_.candidates >= search_.options_.most_candidates; }

  // A setting that leads to other calls than all before.
  bool is_new(const TunedSetting& setting) {
    const std::optional<Step> step = planned(to_text(setting));
    return step && seen_.insert(calls_text(*step)).second;
  }

  void search_variants() {
    best_ = baseline_;
    const OpView op = fixed_view();
    for (const Variant& variant : op.node->def->variants) {
      if (variant.name == baseline_.variant) {
        ranking_.push_back({&variant, baseline_, 1});
        continue;
      }
      const TunedSetting setting{.variant = variant.name, .values = {}};
      if (exhausted() || variant.accepts(op, search_.target_) || !is_new(setting)) continue;
      const std::optional<double> ratio = attempt(setting, baseline_, search_.options_.seconds);
      if (!ratio) continue;
      ranking_.push_back({&variant, setting, *ratio});
      if (*ratio < best_score_) {
        best_score_ = *ratio;
        best_ = setting;
      }
    }
  }

  void search_space(Ranked& ranked) {
    for (const Tunable& tunable : ranked.variant->space) {
      for (const std::int64_t value : tunable.values) {
        if (exhausted()) return;
        TunedSetting setting = ranked.best;
        if (value == tunable.values.front()) {
          setting.values.erase(tunable.name);
        } else {
          setting.values[tunable.name] = value;
        }
        if (setting == ranked.best || !is_new(setting)) continue;
        const std::optional<double> ratio = attempt(setting, ranked.best, search_.options_.seconds);
        if (!ratio || *ratio > kLeastGain) continue;
        ranked.best = setting;
        ranked.score *= *ratio;
        if (ranked.score < best_score_) {
          best_score_ = ranked.score;
          best_ = setting;
        }
      }
    }
  }

  // The winner against the heuristic's choice once more and longer: products of ratios drift.
  void finish() {
    std::sort(ranking_.begin(), ranking_.end(),
              [](const Ranked& a, const Ranked& b) { return a.score < b.score; });
    TunedSetting winner = baseline_;
    result_.entry.microseconds = result_.entry.heuristic_microseconds = heuristic_us_;
    for (const Ranked& ranked : ranking_) {
      if (ranked.best == baseline_ || ranked.score > kLeastGain) break;
      const std::optional<double> ratio =
          attempt(ranked.best, baseline_, 3 * search_.options_.seconds);
      if (!ratio || *ratio > kLeastGain) continue;
      winner = ranked.best;
      result_.entry.microseconds = last_us_;
      result_.entry.heuristic_microseconds = last_against_us_;
      break;
    }
    result_.entry.setting = to_text(winner);
    std::set<std::string> kernels;
    const std::optional<Step> step = planned(result_.entry.setting);
    const auto add = [&](const std::vector<Call>& calls) {
      for (const Call& call : calls) {
        const auto* kernel = std::get_if<KernelCall>(&call);
        if (kernel != nullptr && kernel->source.empty()) kernels.insert(kernel->file);
      }
    };
    if (step) {
      add(step->prepare);
      add(step->calls);
    }
    result_.entry.kernels.assign(kernels.begin(), kernels.end());
    result_.entry.kernel_hash = runtime::kernel_hash(result_.entry.kernels);
  }

  OpView fixed_view() const {
    OpView op = view(graph_, graph_.nodes.front());
    op.fixed = work_.fixed;
    return op;
  }

  TuneSearch& search_;
  const TuneWork& work_;
  const std::function<void(int, const std::string&)>& on_progress_;
  Graph graph_;
  SearchResult result_;
  TunedSetting baseline_;
  TunedSetting best_;
  double best_score_ = 1;
  double heuristic_us_ = 0;
  double last_us_ = 0;
  double last_against_us_ = 0;
  bool given_ = false;
  std::vector<Ranked> ranking_;
  std::set<std::string> seen_;  // calls of settings that were measured
};

TuneSearch::TuneSearch(Target target, std::string spec, SearchOptions options)
    : target_(std::move(target)), spec_(std::move(spec)), options_(options) {}

SearchResult TuneSearch::run(const TuneWork& work,
                             const std::function<void(int, const std::string&)>& on_progress) {
  return OneNode(*this, work, on_progress).run();
}

}  // namespace pinnacle::bench
