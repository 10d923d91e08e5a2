// Trainer: epochs over whole-step plans. The host only writes the indices of the next batch and
// enqueues; it waits when it shows progress and at the end of an epoch.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/train.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstring>
#include <numeric>
#include <optional>

#include "api/calibrate.hpp"
#include "api/place_training.hpp"
#include "api/team.hpp"
#include "base/random.hpp"
#include "runtime/log.hpp"

namespace pinnacle {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kEvaluationBatch = 500;
constexpr std::int64_t kMostStepsAhead = 256;  // enqueued without waiting
constexpr double kProgressSeconds = 0.1;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

TensorType sample_type(const Dataset& data) {
  if (data.x.shape().rank() == 0 || data.size() == 0) {
    throw ShapeError(fmt::format("x is {}; expected at least one sample", data.x.shape()),
                     "Trainer");
  }
  std::vector<std::int64_t> dims(data.x.shape().begin() + 1, data.x.shape().end());
  return {Shape(std::move(dims)), data.x.dtype()};
}

std::span<const std::byte> row_bytes(const Tensor& tensor, std::int64_t first, std::int64_t count) {
  const std::size_t row = tensor.bytes().size() / static_cast<std::size_t>(tensor.shape()[0]);
  return tensor.bytes().subspan(static_cast<std::size_t>(first) * row,
                                static_cast<std::size_t>(count) * row);
}

void finish_quietly(Session& session) {
  try {
    session.finish();
  } catch (const Error&) {
    // What went wrong first is what counts.
  }
}

// The order of an epoch depends on seed and epoch alone, so that a resumed run repeats it.
std::vector<std::int32_t> epoch_order(std::int64_t count, bool shuffle, std::uint64_t seed,
                                      int epoch) {
  std::vector<std::int32_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (!shuffle) return order;
  Random random(seed, static_cast<std::uint64_t>(epoch));
  for (std::size_t i = order.size(); i > 1; --i) {
    std::swap(order[i - 1], order[static_cast<std::size_t>(random.below(i))]);
  }
  return order;
}

}  // namespace

struct Trainer::Impl {
  Impl(Model m, Dataset d, TrainerOptions o, std::vector<Device> list, bool chosen)
      : model(std::move(m)),
        data(std::move(d)),
        options(std::move(o)),
        devices(std::move(list)),
        placed(chosen) {
    if (!options.loss) throw ArgumentError("is not given", "TrainerOptions::loss");
    if (!options.optimizer.apply) throw ArgumentError("is not given", "TrainerOptions::optimizer");
    const Peers& peers = options.peers;
    if (peers.count < 1 || peers.rank < 0 || peers.rank >= peers.count) {
      throw ArgumentError(fmt::format("rank {} of {}", peers.rank, peers.count),
                          "TrainerOptions::peers", "ranks count from 0");
    }
    check(data, "training data");
    if (devices.empty()) {
      throw ArgumentError("is empty; expected one device or more", "Trainer: devices");
    }
    // Until a batch size is known, the first one does what there is to do.
    team = std::make_unique<Team>(model, data, options, std::vector<Device>{devices.front()},
                                  std::vector<double>{});
  }

  // The devices read indices from `order`.
  ~Impl() { team.reset(); }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  // Decides who trains, before the first step.
  void place(std::int64_t batch) {
    if (placed) return;
    TrainingPlace found = place_training(model, data, options, devices, batch);
    runtime::log(2, "{}", to_text(found.placement));
    placement = std::move(found.placement);
    const Weights pending = team->pending();
    evaluations.clear();
    rebalances = options.rebalance && !options.placement && !all_same_kind(found.devices);
    team = std::make_unique<Team>(model, data, options, found.devices, std::move(found.shares));
    team->write(pending);
    placed = true;
  }

  // Shares follow the speeds of unlike devices.
  void rebalance(int epoch) {
    if (!rebalances) return;
    const std::vector<double> shares = team->rebalance();
    if (shares.empty()) return;
    const double all = std::accumulate(shares.begin(), shares.end(), 0.0);
    std::vector<std::string> words;
    for (std::size_t i = 0; i < shares.size(); ++i) {
      words.push_back(fmt::format("{} {:.0f} %", team->device(i).name(), 100 * shares[i] / all));
    }
    placement.notes.push_back(
        fmt::format("shares by the speeds in epoch {}: {}", epoch + 1, fmt::join(words, ", ")));
    runtime::log(2, "{}", placement.notes.back());
    if (placement.shares.size() != shares.size()) return;  // a device was lost meanwhile
    for (std::size_t i = 0; i < shares.size(); ++i) placement.shares[i].share = shares[i] / all;
  }

  void check(const Dataset& d, const char* what) const {
    const TensorType sample = sample_type(d);
    if (sample != model.sample()) {
      throw ShapeError(
          fmt::format("{}: a sample is {} but the network takes {}", what, sample, model.sample()),
          "Trainer");
    }
    if (d.y.shape().rank() == 0 || d.y.shape()[0] != d.size()) {
      throw ShapeError(fmt::format("{}: {} samples but y is {}", what, d.size(), d.y.shape()),
                       "Trainer");
    }
    if (d.y.dtype() != DType::i32 || d.y.shape().rank() != 1 || model.result().rank() == 0) return;
    const std::int64_t classes = model.result()[0];
    for (const std::int32_t label : d.y.i32()) {
      if (label < 0 || label >= classes) {
        throw ArgumentError(fmt::format("{}: there is a label {} but the network has {} classes",
                                        what, label, classes),
                            "Trainer");
      }
    }
  }

  double read_sum(const char* name) {
    return team->any_step().graph().find(name) == kNoValue
               ? 0.0
               : static_cast<double>(team->any_step().read_state(name).f32()[0]);
  }

  void clear_sums(std::int64_t batch) {
    const Graph& graph = team->step(batch).graph();
    Weights zeros;
    for (const char* name : {"sum.loss", "sum.metric"}) {
      const ValueId id = graph.find(name);
      if (id != kNoValue) zeros[name] = Tensor(graph.type(id).shape);
    }
    team->write(zeros);
  }

  EpochResult run_epoch(int epoch, std::int64_t count, const FitOptions& fit, Progress& progress) {
    // A member: pending writes read from it even if a callback throws.
    order = epoch_order(count, fit.shuffle, options.seed, epoch);
    const std::int64_t batch = std::min<std::int64_t>(fit.batch, count);
    clear_sums(batch);
    const Clock::time_point start = Clock::now();
    double shown = 0;
    std::int64_t ahead = 0;
    std::int64_t together = 1;
    std::vector<std::span<const std::int32_t>> batches;
    for (std::int64_t done = 0; done < count;) {
      batches.clear();
      std::int64_t first = done;
      for (; first < count && static_cast<std::int64_t>(batches.size()) < together;) {
        const std::int64_t size = std::min(batch, count - first);
        batches.push_back(std::span<const std::int32_t>(order).subspan(
            static_cast<std::size_t>(first), static_cast<std::size_t>(size)));
        first += size;
      }
      team->run(batches);
      done = first;
      const auto steps = static_cast<std::int64_t>(batches.size());
      progress.step += steps;
      const double now = seconds_since(start);
      if (fit.on_step) {
        const auto size = static_cast<std::int64_t>(batches.back().size());
        fit.on_step(++total_steps, static_cast<double>(team->read(size, "loss").f32()[0]));
      } else if (team->size() > 1) {
        // As many as fit between two looks at the progress, so that the devices' threads need not wait.
        const double each = now / static_cast<double>(progress.step);
        together = std::clamp<std::int64_t>(std::llround(kProgressSeconds / each), 1, 64);
      }
      if ((ahead += steps) >= kMostStepsAhead) {
        team->finish();
        ahead = 0;
      }
      if (fit.on_progress && now - shown >= kProgressSeconds && done < count) {
        shown = now;
        ahead = 0;
        show(fit, progress, done, count, start);
      }
    }
    team->finish();
    EpochResult result;
    result.loss = read_sum("sum.loss") / static_cast<double>(count);
    result.accuracy = read_sum("sum.metric") / static_cast<double>(count);
    result.seconds = seconds_since(start);
    return result;
  }

  void show(const FitOptions& fit, Progress& progress, std::int64_t done, std::int64_t count,
            Clock::time_point start) {
    progress.loss = read_sum("sum.loss") / static_cast<double>(done);
    progress.accuracy = read_sum("sum.metric") / static_cast<double>(done);
    progress.seconds = seconds_since(start);
    const double epoch_seconds =
        progress.seconds / static_cast<double>(done) * static_cast<double>(count);
    progress.eta_seconds = epoch_seconds - progress.seconds +
                           epoch_seconds * static_cast<double>(progress.epochs - progress.epoch);
    fit.on_progress(progress);
  }

  Evaluation evaluate(const Dataset& d, const TrainerOptions& how, bool keep) {
    Evaluation sums;
    std::map<std::int64_t, Session> own;
    std::map<std::int64_t, Session>& sessions = keep ? evaluations : own;
    const std::int64_t batch = std::min(kEvaluationBatch, d.size());
    Session* last = nullptr;
    sync_model();
    for (std::int64_t first = 0; first < d.size(); first += batch) {
      const std::int64_t size = std::min(batch, d.size() - first);
      auto it = sessions.find(size);
      if (it == sessions.end()) {
        it = sessions
                 .emplace(size, compile(evaluation_graph(model, d.y.type(), how, size),
                                        team->device(), how.compile, team->memory()))
                 .first;
      }
      if (last == nullptr) {
        for (const char* name : {"evaluation.loss", "evaluation.metric"}) {
          const ValueId id = it->second.graph().find(name);
          if (id != kNoValue)
            it->second.write_state(name, Tensor(it->second.graph().type(id).shape));
        }
      }
      last = &it->second;
      // The rows lie in the data set's own memory, which stays as it is until the last finish, or until
      // the error has reached the caller.
      try {
        last->write("x", row_bytes(d.x, first, size), false);
        last->write("y", row_bytes(d.y, first, size), false);
        last->enqueue();
      } catch (const Error&) {
        finish_quietly(*last);
        throw;
      }
    }
    const auto mean = [&](const char* name) {
      return last->graph().find(name) == kNoValue
                 ? 0.0
                 : static_cast<double>(last->read_state(name).f32()[0]) /
                       static_cast<double>(d.size());
    };
    last->finish();
    sums.loss = mean("evaluation.loss");
    sums.accuracy = mean("evaluation.metric");
    return sums;
  }

  // Brings the model's weights up to date with the device.
  void sync_model() {
    if (!team->has_session()) return;
    for (auto& [name, tensor] : model.weights()) tensor = team->any_step().read_state(name);
  }

  // Optimizer moments and counters: persistent, but no part of the model or the data.
  std::vector<std::string> optimizer_states() {
    std::vector<std::string> names;
    if (!team->has_session()) return names;
    for (const GraphValue& value : team->any_step().graph().values) {
      if (value.role != Role::state || model.weights().count(value.name) != 0) continue;
      if (value.name.rfind("dataset.", 0) == 0 || value.name.rfind("sum.", 0) == 0) continue;
      names.push_back(value.name);
    }
    return names;
  }

  void save(const std::filesystem::path& file) {
    sync_model();
    Checkpoint checkpoint{.tensors = model.weights(), .metadata = {}};
    for (const std::string& name : optimizer_states()) {
      checkpoint.tensors[name] = team->any_step().read_state(name);
    }
    for (const auto& [name, tensor] : team->pending()) checkpoint.tensors.emplace(name, tensor);
    checkpoint.metadata["epoch"] = fmt::format("{}", epochs_done);
    checkpoint.metadata["optimizer"] = options.optimizer.name;
    checkpoint.metadata["seed"] = fmt::format("{}", options.seed);
    save_safetensors(file, checkpoint);
  }

  void resume(const std::filesystem::path& file) {
    const Checkpoint checkpoint = load_safetensors(file);
    const auto text = [&](const char* key) {
      const auto it = checkpoint.metadata.find(key);
      if (it == checkpoint.metadata.end()) {
        throw ParseError(fmt::format("has no \"{}\": it is not a training checkpoint", key),
                         file.string(), "Model::load reads weights alone");
      }
      return it->second;
    };
    const std::string epoch = text("epoch");
    if (text("optimizer") != options.optimizer.name) {
      throw ArgumentError(
          fmt::format("was trained with {}, not {}", text("optimizer"), options.optimizer.name),
          file.string());
    }
    if (epoch.empty() || epoch.size() > 9 ||
        epoch.find_first_not_of("0123456789") != std::string::npos) {
      throw ParseError(fmt::format("epoch is \"{}\"; expected a number", epoch), file.string());
    }
    for (const auto& [name, tensor] : model.weights()) {
      const auto it = checkpoint.tensors.find(name);
      if (it == checkpoint.tensors.end() || it->second.type() != tensor.type()) {
        throw ShapeError(fmt::format("has {} for {} {}",
                                     it == checkpoint.tensors.end() ? std::string("nothing")
                                                                    : to_string(it->second.type()),
                                     name, tensor.type()),
                         file.string(), "it belongs to another network");
      }
    }
    // Everything fits: from here on nothing can fail half way.
    for (const auto& [name, tensor] : checkpoint.tensors) {
      const auto known = model.weights().find(name);
      if (known != model.weights().end()) known->second = tensor;
    }
    team->write(checkpoint.tensors);
    evaluations.clear();
    team->forget();  // evaluations may have made older contents
    epochs_done = std::stoi(epoch);
  }

  Model model;
  Dataset data;
  TrainerOptions options;
  std::vector<Device> devices;
  bool placed;
  Placement placement;
  bool rebalances = false;
  std::unique_ptr<Team> team;
  std::map<std::int64_t, Session> evaluations;  // by batch size
  std::vector<std::int32_t> order;              // of the samples in this epoch
  int epochs_done = 0;
  std::int64_t total_steps = 0;
};

Trainer::Trainer(Layer layer, Dataset data, TrainerOptions options, Device device)
    // Braces: evaluated from left to right, so that data and options are read before they move.
    : Trainer{Model(std::move(layer), sample_type(data), options.seed), std::move(data),
              std::move(options), std::move(device)} {}

Trainer::Trainer(Model model, Dataset data, TrainerOptions options, Device device)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(data), std::move(options),
                                   std::vector<Device>{std::move(device)}, true)) {}

Trainer::Trainer(Layer layer, Dataset data, TrainerOptions options, std::vector<Device> devices)
    : Trainer{Model(std::move(layer), sample_type(data), options.seed), std::move(data),
              std::move(options), std::move(devices)} {}

Trainer::Trainer(Model model, Dataset data, TrainerOptions options, std::vector<Device> devices)
    : impl_(std::make_unique<Impl>(std::move(model), std::move(data), std::move(options),
                                   std::move(devices), false)) {}

Trainer::~Trainer() = default;
Trainer::Trainer(Trainer&&) noexcept = default;

std::vector<EpochResult> Trainer::fit(FitOptions options) {
  Impl& t = *impl_;
  if (options.epochs < 1) {
    throw ArgumentError(fmt::format("is {}; expected 1 or more", int{options.epochs}),
                        "FitOptions::epochs");
  }
  if (options.batch < 1) {
    throw ArgumentError(fmt::format("is {}; expected 1 or more", options.batch),
                        "FitOptions::batch");
  }
  if (!(options.validation_split >= 0 && options.validation_split < 1)) {
    throw ArgumentError(fmt::format("is {}; expected [0, 1)", options.validation_split),
                        "FitOptions::validation_split");
  }
  const auto held =
      static_cast<std::int64_t>(static_cast<double>(t.data.size()) * options.validation_split);
  const std::int64_t count = t.data.size() - held;
  std::optional<Dataset> validation;
  if (held > 0) validation = t.data.rows(count, held);
  if (!options.checkpoint.empty() && std::filesystem::exists(options.checkpoint)) {
    t.resume(options.checkpoint);
  }

  t.place(std::min<std::int64_t>(options.batch, count));
  std::vector<EpochResult> results;
  const int first = options.checkpoint.empty() ? t.epochs_done : 0;
  const int last = first + options.epochs;
  for (int epoch = t.epochs_done; epoch < last; ++epoch) {
    Progress progress;
    progress.epoch = epoch - first + 1;
    progress.epochs = options.epochs;
    progress.steps = (count + options.batch - 1) / options.batch;
    EpochResult result = t.run_epoch(epoch, count, options, progress);
    if (epoch + 1 < last) t.rebalance(epoch);
    if (validation) {
      const Evaluation held_out = t.evaluate(*validation, t.options, true);
      result.validation_loss = held_out.loss;
      result.validation_accuracy = held_out.accuracy;
    }
    t.epochs_done = epoch + 1;
    if (!options.checkpoint.empty() && t.options.peers.rank == 0) t.save(options.checkpoint);
    if (options.on_progress) {
      progress.loss = result.loss;
      progress.accuracy = result.accuracy;
      progress.seconds = result.seconds;
      progress.eta_seconds = result.seconds * (last - epoch - 1);
      progress.validation_loss = result.validation_loss;
      progress.validation_accuracy = result.validation_accuracy;
      progress.has_validation = validation.has_value();
      progress.epoch_done = true;
      options.on_progress(progress);
    }
    results.push_back(result);
  }
  return results;
}

Evaluation Trainer::evaluate(const Dataset& data) {
  impl_->check(data, "evaluation data");
  return impl_->evaluate(data, impl_->options, true);
}

double Trainer::evaluate(const Dataset& data, const Metric& metric) {
  impl_->check(data, "evaluation data");
  TrainerOptions how = impl_->options;
  how.loss = nullptr;
  how.metric = metric;
  return impl_->evaluate(data, how, false).accuracy;
}

Tensor Trainer::predict(const Tensor& x) {
  Impl& t = *impl_;
  if (x.shape().rank() == 0 || x.shape()[0] == 0) {
    throw ShapeError(fmt::format("x is {}; expected at least one sample", x.shape()), "predict");
  }
  std::vector<std::int64_t> dims = {x.shape()[0]};
  dims.insert(dims.end(), t.model.result().begin(), t.model.result().end());
  Tensor all(Shape(std::move(dims)));
  const std::size_t row = all.bytes().size() / static_cast<std::size_t>(x.shape()[0]);
  const std::int64_t batch = std::min(kEvaluationBatch, x.shape()[0]);
  std::map<std::int64_t, Session> sessions;
  t.sync_model();
  for (std::int64_t first = 0; first < x.shape()[0]; first += batch) {
    const std::int64_t size = std::min(batch, x.shape()[0] - first);
    auto it = sessions.find(size);
    if (it == sessions.end()) {
      it = sessions
               .emplace(size, compile(t.model.inference_graph(size), t.team->device(),
                                      t.options.compile, t.team->memory()))
               .first;
    }
    const Tensor part = it->second(x.rows(first, size));
    std::memcpy(all.bytes().data() + static_cast<std::size_t>(first) * row, part.bytes().data(),
                part.bytes().size());
  }
  return all;
}

const Model& Trainer::model() {
  impl_->sync_model();
  return impl_->model;
}

const Device& Trainer::device() const { return impl_->team->device(); }

std::vector<Device> Trainer::devices() const {
  std::vector<Device> devices;
  for (std::size_t i = 0; i < impl_->team->size(); ++i) devices.push_back(impl_->team->device(i));
  return devices;
}

const std::vector<DeviceLoss>& Trainer::device_losses() const { return impl_->team->losses(); }

const Plan& Trainer::plan(int batch) {
  impl_->place(batch);
  return impl_->team->step(batch).plan();
}

const Placement& Trainer::placement(int batch) {
  impl_->place(batch);
  return impl_->placement;
}

double Trainer::time_steps(int batch, int count) {
  Impl& t = *impl_;
  t.place(std::max(batch, 1));
  t.order = epoch_order(t.data.size(), false, 1, 0);
  const auto size =
      std::min<std::size_t>(static_cast<std::size_t>(std::max(batch, 1)), t.order.size());
  const std::span<const std::int32_t> indices = std::span<const std::int32_t>(t.order).first(size);
  const std::vector<std::span<const std::int32_t>> batches(
      static_cast<std::size_t>(std::max(count, 1)), indices);
  t.team->run(std::span(batches).first(1));
  t.team->finish();
  const Clock::time_point start = Clock::now();
  t.team->run(batches);
  t.team->finish();
  return seconds_since(start) / std::max(count, 1);
}

void Trainer::save(const std::filesystem::path& file) { impl_->save(file); }
void Trainer::resume(const std::filesystem::path& file) { impl_->resume(file); }

}  // namespace pinnacle
