// Session: a compiled graph on one device. compile() runs the passes, builds the kernels and
// allocates the buffers; after that a run only enqueues.
// Thread safety: one thread at a time per session.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/device.hpp>
#include <pinnacle/exchange.hpp>
#include <pinnacle/model.hpp>

#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace pinnacle {

class OnnxModel;     // onnx.hpp
struct OnnxBinding;  // onnx.hpp

struct CompileOptions {
  /// Force variants: {"matmul", "simt"}. An op whose forced variant declines is an error.
  std::map<std::string, std::string> variants;
  /// Passes to leave out, by name: "fuse", "choose_layout", "plan_memory" (then nothing shares) and
  /// the others of docs/passes.md.
  std::vector<std::string> without_passes;
  bool profile = false;  ///< record the time of every kernel
  /// Inputs and outputs [N, C, H, W] may take the layout that the plan likes, as Session::graph()
  /// then says: for measuring kernels without conversions.
  bool free_ports = false;
  /// Tuned choices instead of the device's (Target::tuned); an empty map: heuristics alone.
  std::optional<std::map<std::string, std::string>> tuned = std::nullopt;
  /// What all_reduce nodes are done with; empty: a participant alone.
  std::shared_ptr<Exchange> exchange = nullptr;
};

struct StepTime {
  std::string node, op, variant;
  double microseconds = 0;
  double flop = 0;
  double bytes = 0;
};

/// One call on the device, such as one kernel. Units: us, from the begin of the run's first call.
struct TraceEvent {
  std::string node, op, variant;
  std::string call;  ///< "matmul/wide(MR=12, NR=32) 11x4 groups of 1"
  double start = 0;
  double microseconds = 0;
};

class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Plan& plan() const;
  const Graph& graph() const;  ///< after the passes
  const Device& device() const;

  /// One input, one output.
  /// shapes   the input's, as compiled
  /// throws   ShapeError, DeviceError
  Tensor operator()(const Tensor& x);
  /// All inputs by name, in any order -> all outputs in the graph's order.
  std::vector<Tensor> run(const std::map<std::string, Tensor>& inputs);

  // The same in parts, for loops that must not wait.
  /// Copies `bytes` to the input before later enqueues. blocking = false: `data` must stay
  /// unchanged until finish().
  /// throws   ArgumentError if there is no such input; ShapeError if the size differs
  void write(std::string_view input, std::span<const std::byte> data, bool blocking = true);
  void enqueue();  ///< one run, without waiting
  void finish();
  Tensor read(std::string_view output);  ///< waits

  /// Runs on the caller's buffers without copies: names of inputs and outputs -> cl_mem of the same
  /// context, at least as large. Waits for `wait_list` on the device. The caller releases the
  /// event. throws   ArgumentError, ShapeError, DeviceError
  cl_event enqueue(const std::vector<std::pair<std::string, cl_mem>>& buffers,
                   std::span<const cl_event> wait_list = {});

  /// Parameters and states as they are on the device now, by name.
  Weights weights() const;
  void set_weights(const Weights& weights);
  /// One of them. throws ArgumentError if there is none of that name
  Tensor read_state(std::string_view name);
  void write_state(std::string_view name, const Tensor& contents);

  /// With CompileOptions::profile: the device time of each step of the last run. Units: us.
  std::vector<StepTime> profile() const;
  /// Likewise: each call of the last run, in order.
  std::vector<TraceEvent> trace() const;

  struct Impl;
  explicit Session(std::unique_ptr<Impl> impl);
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// The persistent values of several sessions on one device: sessions compiled with the same Memory
/// share the parameters and states of equal names.
class Memory {
 public:
  explicit Memory(const Device& device);
  ~Memory();
  Memory(Memory&&) noexcept;
  Memory& operator=(Memory&&) noexcept;
  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

/// throws   ShapeError, UnsupportedError, KernelError, MemoryError, DeviceError
Session compile(const Graph& graph, const Device& device, const CompileOptions& options = {});
Session compile(const Graph& graph, const Device& device, const CompileOptions& options,
                Memory& memory);
/// The inference graph at batch size `batch`.
Session compile(const Model& model, const Device& device, std::int64_t batch = 1,
                const CompileOptions& options = {});

/// A model from an ONNX file; `binding` makes its shapes static.
Session compile(const OnnxModel& model, const Device& device, const OnnxBinding& binding,
                const CompileOptions& options = {});
Session compile(const OnnxModel& model, const Device& device, const CompileOptions& options = {});

/// The plan alone: what would run and why, without touching a device.
/// throws   ShapeError, UnsupportedError, MemoryError
Plan make_plan(Graph graph, const Target& target, const CompileOptions& options = {});

}  // namespace pinnacle
