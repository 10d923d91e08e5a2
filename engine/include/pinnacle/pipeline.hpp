// Pipeline: one network over several devices, a part on each, so that they work on consecutive runs
// at the same time. What crosses from one part to the next goes through the host's memory.
// Thread safety: one thread submits and one takes results; they may be the same. While runs are on
// the way, nothing else may use the pipeline's devices.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/placement.hpp>
#include <pinnacle/session.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace pinnacle {

struct PipelineOptions {
  /// For each stage. `profile` and `free_ports` have no meaning here.
  CompileOptions compile = {};
  /// Used as it is, instead of a measured one.
  std::optional<Placement> placement = std::nullopt;
};

class Pipeline {
 public:
  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  /// Stops at once: what was submitted and not taken is lost.
  ~Pipeline();

  /// All inputs by name -> all outputs in the graph's order: one run through all stages.
  /// throws   as submit() and next(); ArgumentError while other results wait to be taken
  std::vector<Tensor> run(const std::map<std::string, Tensor>& inputs);

  /// Gives one run's inputs to the first stage. Waits only while the stages are full of runs; results
  /// wait without limit until they are taken.
  /// throws   ArgumentError, ShapeError; what a stage threw, see next()
  void submit(const std::map<std::string, Tensor>& inputs);
  /// The oldest result that was not taken yet; waits for it. After a stage failed: the results of the
  /// runs before, then its error each time.
  /// throws   ArgumentError if nothing was submitted; DeviceError, MemoryError or Error that names
  ///          the stage and its device
  std::vector<Tensor> next();
  /// How many runs were submitted whose results were not taken.
  std::size_t pending() const;

  const Placement& placement() const;
  std::size_t stages() const { return placement().stages.size(); }
  /// throws   ArgumentError if there is no such stage
  const Plan& plan(std::size_t stage) const;
  const Device& device(std::size_t stage) const;

  struct Impl;
  explicit Pipeline(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

/// What Stage::device calls these devices: their names, with " (2)" and so on where one comes again.
std::vector<std::string> device_labels(std::span<const Device> devices);

/// Measures the network's nodes on each kind of device (about a second each), cuts it where the
/// slowest part is fastest, and starts a thread per part. Devices that would not help are left out,
/// as placement() says.
/// throws   ArgumentError for no devices or the same one twice, for a graph with updates, or a
///          placement that does not fit graph and devices; what compile() throws
Pipeline compile_pipeline(const Graph& graph, const std::vector<Device>& devices,
                          const PipelineOptions& options = {});
/// The inference graph at batch size `batch`.
Pipeline compile_pipeline(const Model& model, const std::vector<Device>& devices,
                          std::int64_t batch = 1, const PipelineOptions& options = {});
/// A model from an ONNX file; `binding` makes its shapes static.
Pipeline compile_pipeline(const OnnxModel& model, const std::vector<Device>& devices,
                          const OnnxBinding& binding, const PipelineOptions& options = {});
Pipeline compile_pipeline(const OnnxModel& model, const std::vector<Device>& devices,
                          const PipelineOptions& options = {});

}  // namespace pinnacle
