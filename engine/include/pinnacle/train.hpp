// Training: optimizers, and Trainer, which runs whole steps (forward, loss, backward, update,
// metrics) as one plan on a device.
// Thread safety: one thread at a time per trainer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/data.hpp>
#include <pinnacle/placement.hpp>
#include <pinnacle/session.hpp>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace pinnacle {

struct SgdOptions {
  double learning_rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  double decay = 0;         ///< learning rate / (1 + decay * steps done)
  double weight_decay = 0;  ///< added to the gradient: weight_decay * parameter
};
struct AdamOptions {
  double learning_rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double decay = 0;  ///< learning rate / (1 + decay * steps done)
  double weight_decay = 0;
};

/// How a parameter follows its gradient: adds update nodes for one parameter to a graph.
struct Optimizer {
  std::string name;
  /// (network, parameter, gradient, steps done so far: f32 [] state, before this step)
  std::function<void(Network&, Value parameter, Value gradient, Value steps)> apply;
};
Optimizer sgd(SgdOptions options = {});
/// source   Kingma, Ba, "Adam", 2015, arXiv:1412.6980, algorithm 1
Optimizer adam(AdamOptions options = {});

/// (prediction, target) -> f32 [], the mean over the batch.
using Loss = std::function<Value(Value, Value)>;
using Metric = std::function<Value(Value, Value)>;

struct Progress {
  int epoch = 0;  ///< from 1
  int epochs = 0;
  std::int64_t step = 0;  ///< within the epoch, from 1
  std::int64_t steps = 0;
  double loss = 0;         ///< mean over the epoch so far
  double accuracy = 0;     ///< likewise
  double seconds = 0;      ///< since the epoch began
  double eta_seconds = 0;  ///< until the last epoch ends
  bool epoch_done = false;
  /// After an epoch, if there is a validation split.
  double validation_loss = 0;
  double validation_accuracy = 0;
  bool has_validation = false;
};
using ProgressFunction = std::function<void(const Progress&)>;
/// A bar with ETA, loss and accuracy on stderr; one line per epoch if stderr is no terminal.
ProgressFunction progress_bar();

struct FitOptions {
  Count epochs;
  int batch = 32;
  bool shuffle = true;
  double validation_split = 0;  ///< this share of the samples, taken from the end
  ProgressFunction on_progress = {};
  /// Written after every epoch, and resumed from if there; of several processes the first writes.
  std::filesystem::path checkpoint = {};
  /// Called with the loss of every step; costs a wait per step.
  std::function<void(std::int64_t step, double loss)> on_step = {};
};

struct EpochResult {
  double loss = 0, accuracy = 0;
  double validation_loss = 0, validation_accuracy = 0;
  double seconds = 0;
};

struct Evaluation {
  double loss = 0;
  double accuracy = 0;
};

/// A device that a job goes on without.
struct DeviceLoss {
  std::string device;
  std::string reason;     ///< the error, or that it took too long
  std::int64_t step = 0;  ///< steps of training done by then
  int left = 0;           ///< devices that go on
};

/// Other processes that train the same model together with this one, each with a part of every batch.
struct Peers {
  std::shared_ptr<Exchange> exchange = nullptr;  ///< empty: there are none
  int rank = 0;                                  ///< which of them this process is, from 0
  int count = 1;
};

struct TrainerOptions {
  Loss loss;
  Optimizer optimizer;
  Metric metric = accuracy;  ///< shown as accuracy; empty: none
  std::uint64_t seed = 1;    ///< of parameters, shuffling and dropout
  CompileOptions compile = {};
  /// How a list of devices is used: `automatic` takes what is measured to be fastest for the batch size
  /// of the first step (one of them, a CPU's parts, several together), `data` uses them all.
  Strategy strategy = Strategy::automatic;
  /// Instead: these shares, such as from a file (placement.hpp).
  std::optional<Placement> placement = std::nullopt;
  /// With several devices: batch_norm uses the statistics of all samples of a batch, as one device
  /// would, not those of each device's share.
  bool synchronize_batch_norm = true;
  /// With several unlike devices whose shares were measured: after an epoch the shares follow how long
  /// each was busy, where that gains a tenth. Runs with the same shares repeat bit for bit.
  bool rebalance = true;
  /// With several devices: one that takes longer for a step is left out. Units: s; 0: no limit.
  double step_limit = 120;
  /// Called when a device is left out; false ends the training with a DeviceError. Empty: go on.
  std::function<bool(const DeviceLoss&)> on_device_lost = {};
  Peers peers = {};
};

class Trainer {
 public:
  /// throws   ShapeError if the data does not fit the network
  Trainer(Layer layer, Dataset data, TrainerOptions options, Device device = select_device());
  Trainer(Model model, Dataset data, TrainerOptions options, Device device = select_device());
  /// On these devices, as options.strategy says.
  Trainer(Layer layer, Dataset data, TrainerOptions options, std::vector<Device> devices);
  Trainer(Model model, Dataset data, TrainerOptions options, std::vector<Device> devices);
  ~Trainer();
  Trainer(Trainer&&) noexcept;

  /// throws   ArgumentError (options), DeviceError; FileError, ParseError (checkpoint)
  std::vector<EpochResult> fit(FitOptions options);
  Evaluation evaluate(const Dataset& data);
  double evaluate(const Dataset& data, const Metric& metric);
  /// shapes   x [N, sample...] -> [N, result...]
  Tensor predict(const Tensor& x);

  /// The model with the weights as trained so far.
  const Model& model();
  /// The first of the devices that train.
  const Device& device() const;
  std::vector<Device> devices() const;
  /// How batches of that size are shared, what was measured and what was left out. Decided once, at the
  /// first step or call of this, and rebalanced by options.rebalance; empty for a trainer on a device,
  /// not a list.
  const Placement& placement(int batch);
  /// Devices that were lost, in that order.
  const std::vector<DeviceLoss>& device_losses() const;
  /// The plan of a training step of that batch size on the first device: what will run, and why.
  const Plan& plan(int batch);
  /// One training step of that batch size, for measurements: enqueues `count` steps, waits once.
  /// Returns seconds per step.
  double time_steps(int batch, int count);

  /// Weights, optimizer state and epoch, atomically; resume continues bit for bit.
  /// throws   FileError, ParseError, ShapeError
  void save(const std::filesystem::path& file);
  void resume(const std::filesystem::path& file);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pinnacle
