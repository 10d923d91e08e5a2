// Programs of one device: each (source, options) is built once per process. What is asked for at
// once is built as one program, and that is what is kept, once per driver version, in
// cache_folder()/programs.
// Thread safety: get() and note() may be called from any thread; builds of one device queue up.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime/opencl.hpp"

namespace pinnacle::runtime {

/// When programs are written to disk.
enum class Keep : std::uint8_t {
  /// From the second build of the same source on, unless that is quick: then the driver keeps
  /// something itself, and asking for a binary may cost more than all the builds that it would save
  /// (PoCL compiles every kernel once more for it).
  when_needed,
  always,
};
/// Where the seconds of the first build are kept, in the same folder.
std::string seconds_key(const std::string& key);

/// A built program, and what the call's kernel is called in it.
struct ProgramKernel {
  bc::program program;
  std::string kernel;
};

class ProgramCache {
 public:
  /// `identity` names device, platform version and driver: programs never cross it.
  ProgramCache(cl_context context, cl_device_id device, std::string device_name,
               std::string identity, Keep keep = Keep::when_needed);

  /// throws   KernelError with the compiler's log; FileError; DeviceError
  ProgramKernel get(const KernelCall& call);
  /// The same for several calls; those that are new share a program.
  std::vector<ProgramKernel> get(std::span<const KernelCall* const> calls);

  /// What an entry on disk is valid for: the device, the options and the whole source.
  /// throws   FileError
  std::string key(const KernelCall& call) const;

  /// Why programs could not be kept on disk, or "".
  std::string note() const;

  struct Counts {
    int built = 0;   ///< compiled from source
    int loaded = 0;  ///< taken from disk
  };
  Counts counts() const;

 private:
  // The source of one program.
  struct Source {
    std::string name;  // for messages: the file, or how many
    std::string text, options;
    std::string key;    // of the program on disk
    std::string entry;  // of one of its kernels
  };
  Source source_of(const KernelCall& call) const;
  void add_bundle(std::span<const KernelCall* const> calls, std::span<const Source> sources);
  bc::program load_or_build(const Source& source);
  bool load(const Source& source, bc::program& program);
  bc::program build(const Source& source);
  void keep(const std::string& key, const bc::program& program, double seconds);
  void report(const std::string& problem);
  void save(const std::string& key, const bc::program& program);

  cl_context context_;
  cl_device_id device_;
  std::string device_name_;
  std::string identity_;
  Keep keep_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, ProgramKernel> programs_;  // by Source::key
  std::string note_;
  Counts counts_;
};

}  // namespace pinnacle::runtime
