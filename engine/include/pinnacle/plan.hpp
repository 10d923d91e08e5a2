// Target and Plan: the two data types in which compilation and execution meet.
// A Target says what one device can do (going into the passes); a Plan says which kernels run on
// which buffers, in which order and why (coming out). Both are plain data: no OpenCL here.
// Thread safety: plain values.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/graph.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace pinnacle {

/// How a device's work-items map to its hardware: which kernel family fits it. Decided by
/// measurement at discovery, never by vendor.
enum class Family : std::uint8_t {
  wide,  ///< one work-item per group, explicit vectors: CPUs
  simt,  ///< many work-items per group, local memory: GPUs
};
std::string_view to_string(Family family);

/// One device: its limits, its measured roofs, its tuned parameters.
struct Target {
  std::string name;      ///< for people; nothing may be decided by it
  std::string platform;  ///< likewise
  std::string driver;
  bool host = false;  ///< the reference device: double loops in C++, no kernels

  // Limits that the driver declares. Units: bytes.
  int compute_units = 1;
  std::size_t max_work_group = 1;
  std::array<std::size_t, 3> max_work_item = {1, 1, 1};
  std::size_t local_memory = 0;
  std::size_t global_memory = 0;
  std::size_t max_allocation = 0;
  std::size_t buffer_alignment = 128;
  bool unified_memory = false;  ///< shares memory with the host
  bool has_half = false;        ///< half arithmetic; half storage needs no extension
  bool has_clblast = false;     ///< the CLBlast library can be loaded

  // Measured once per driver, then remembered.
  Family family = Family::simt;
  int vector_width = 4;         ///< f32 lanes of the fastest vector type
  double peak_gflops = 0;       ///< f32 FMA
  double bandwidth_gbs = 0;     ///< device copy, read + write
  double launch_us = 0;         ///< one empty kernel, back to back
  std::int64_t loop_limit = 0;  ///< iterations after which loops are cut short silently; 0: none

  /// Tuned choices: shape key (ops/shape_key.hpp) -> "variant=wide MR=8 NV=2"; parameters that are
  /// not named have their defaults. Empty: heuristics.
  std::map<std::string, std::string> tuned;
};

/// What a person wants to know of a device: name, limits and roofs, a line each.
std::string to_text(const Target& target);

// ---- Calls: what is enqueued -------------------------------------------------------------------

/// A buffer given to a kernel: while lowering, an input, output, scratch or kept buffer of the op;
/// in a Plan always `buffer`, an index into Plan::buffers.
struct BufferRef {
  enum class Space : std::uint8_t { input, output, scratch, kept, buffer };
  Space space = Space::buffer;
  int index = 0;
  bool operator==(const BufferRef&) const = default;
};
inline BufferRef in(int index) { return {BufferRef::Space::input, index}; }
inline BufferRef out(int index = 0) { return {BufferRef::Space::output, index}; }
inline BufferRef scratch(int index) { return {BufferRef::Space::scratch, index}; }
inline BufferRef kept(int index) { return {BufferRef::Space::kept, index}; }

/// Local memory, sized by the host. Units: bytes.
struct LocalBytes {
  std::size_t bytes = 0;
  bool operator==(const LocalBytes&) const = default;
};

using Arg = std::variant<BufferRef, std::int32_t, float, LocalBytes>;

/// One enqueue of one kernel of one source file.
struct KernelCall {
  std::string file;    ///< below clkernels/, e.g. "matmul/wide.cl"; the kernel is its stem
  std::string kernel;  ///< the __kernel function, by default the file's stem
  /// Compile-time parameters, in the order in which they are printed and passed with -D.
  std::vector<std::pair<std::string, std::string>> defines;
  /// Generated code placed before the file (pointwise functions); may be empty.
  std::string prelude;
  /// The whole source if `file` is not one of clkernels/ (an op from outside the library).
  std::string source;
  std::vector<Arg> args;  ///< in the kernel's order
  std::array<std::size_t, 3> global = {1, 1, 1};
  std::array<std::size_t, 3> local = {1, 1, 1};
  /// Loop iterations of the busiest work-item, all its loops counted together (an upper bound).
  std::int64_t loop_iterations = 0;

  explicit KernelCall(std::string file_name);
  KernelCall() = default;

  // Fluent construction, for variants.
  KernelCall& define(std::string name, std::int64_t value);
  KernelCall& define(std::string name, std::string value);
  KernelCall& arg(Arg value);
  KernelCall& range(std::array<std::size_t, 3> global_size, std::array<std::size_t, 3> local_size);
  KernelCall& loops(std::int64_t iterations);
};

/// Fills a buffer with zero bytes.
struct ZeroCall {
  BufferRef target;
};

/// Copies a whole buffer.
struct CopyCall {
  BufferRef source;
  BufferRef target;
};

/// A matrix product by the CLBlast library: C = A B, row-major, f32; batch by strides.
struct ClblastGemmCall {
  std::int64_t m = 0, n = 0, k = 0, batch = 1;
  bool transpose_a = false, transpose_b = false;
  bool b_is_shared = false;  ///< one b for all of the batch
  BufferRef a, b, c;
};

/// Work of the host between the kernels, for an op that has none: the inputs are read from the device,
/// `run` makes the outputs of them, and those are written back. The device waits meanwhile.
struct HostCall {
  std::string op;
  std::vector<BufferRef> inputs;
  std::vector<TensorType> input_types;
  std::vector<BufferRef> outputs;
  std::vector<TensorType> output_types;
  std::function<std::vector<Tensor>(std::span<const Tensor>)> run;
};

/// What the devices of one job do together (exchange.hpp), in place in `outputs`. The device goes on
/// with the calls behind it until one needs the result.
struct ExchangeCall {
  enum class Kind : std::uint8_t {
    sum,      ///< outputs[i] = the sum of all participants' inputs[i]
    moments,  ///< mean and variance of all samples from those of each participant's
  };
  Kind kind = Kind::sum;
  std::string name;  ///< the node's: the same for all participants
  double share = 1;  ///< moments: this participant's part of the samples
  std::vector<BufferRef> inputs;
  std::vector<BufferRef> outputs;
};

using Call = std::variant<KernelCall, ZeroCall, CopyCall, ClblastGemmCall, HostCall, ExchangeCall>;

/// "matmul/wide(MR=12, NR=32) 11x4 groups of 1"
std::string to_text(const Call& call);

// ---- Plan --------------------------------------------------------------------------------------

struct PlanBuffer {
  enum class Place : std::uint8_t {
    arena,       ///< [offset, offset + bytes) of the arena, alive during steps [first, last]
    persistent,  ///< own memory, shared by name between the plans of one device
    constant,    ///< own memory, filled once
    external,    ///< own memory, given or read for each run
    kept,        ///< own memory, filled by Step::prepare
  };
  std::string name;
  TensorType type;
  std::size_t bytes = 0;
  Place place = Place::arena;
  std::size_t offset = 0;  ///< arena only; a multiple of Target::buffer_alignment
  int part_of = -1;  ///< the buffer of which this is a range, which then lives as long; -1: none
  int first = 0;     ///< first and last step that touch it
  int last = 0;
  /// Contents of a constant; first contents of a parameter or state.
  std::shared_ptr<const Tensor> data;
};

/// One node's work.
struct Step {
  std::string node;  ///< the node's name, for messages and profiles
  std::string op;
  std::string variant;  ///< the chosen one
  std::string reason;   ///< why it and not an earlier one: "simt: ..., wide: ..."
  /// Run before the first run, and again when a parameter was written: what depends on nothing else.
  std::vector<Call> prepare;
  std::vector<Call> calls;
  double flop = 0;
  double bytes = 0;
};

struct PlanPort {
  std::string name;
  int buffer = 0;
};

struct Plan {
  std::string device;
  std::vector<PlanBuffer> buffers;
  std::vector<Step> steps;
  std::vector<PlanPort> inputs;
  std::vector<PlanPort> outputs;
  std::size_t arena_bytes = 0;
  bool updates = false;            ///< a run changes persistent buffers
  std::vector<std::string> notes;  ///< what the passes did, in their order

  std::size_t persistent_bytes() const;
  std::size_t external_bytes() const;
  /// What the device must hold at once. Units: bytes.
  std::size_t peak_bytes() const;
  int kernel_count() const;
  /// Steps that wait for the host: ops without a kernel for this device.
  int host_count() const;
};

/// The whole plan: inputs, steps with variants and reasons, buffers with lifetimes, totals.
std::string to_text(const Plan& plan);

}  // namespace pinnacle

template <>
struct fmt::formatter<pinnacle::Plan> : fmt::formatter<std::string> {
  auto format(const pinnacle::Plan& plan, fmt::format_context& context) const {
    return fmt::formatter<std::string>::format(pinnacle::to_text(plan), context);
  }
};
