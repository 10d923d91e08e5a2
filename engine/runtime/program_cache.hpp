// Programs of one device: each (source, options) is built once per process, and once per driver
// version on disk, in cache_folder()/programs.
// Thread safety: get() and note() may be called from any thread; builds of one device queue up.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <cstdint>
#include <filesystem>
#include <mutex>
#include <string>
#include <unordered_map>

#include "runtime/opencl.hpp"

namespace pinnacle::runtime {

/// When programs are written to disk.
enum class Keep : std::uint8_t {
  /// From the second build of the same source on. Asking some drivers for a binary costs as much as the
  /// build, so that where the driver keeps something itself, and the second build is quick, a process
  /// spends about a second on it, and the next one goes on.
  when_needed,
  always,
};
/// Where the seconds of the first build are kept, in the same folder.
std::string seconds_key(const std::string& key);

class ProgramCache {
 public:
  /// `identity` names device, platform version and driver: programs never cross it.
  ProgramCache(bc::context context, cl_device_id device, std::string device_name,
               std::string identity, Keep keep = Keep::when_needed);

  /// throws   KernelError with the compiler's log; FileError; DeviceError
  bc::program get(const KernelCall& call);

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
  bool load(const std::string& key, const std::string& options, bc::program& program);
  bc::program build(const KernelCall& call, const std::string& text, const std::string& options);
  void keep(const std::string& key, const bc::program& program, double seconds);
  void report(const std::string& problem);
  void save(const std::string& key, const bc::program& program);

  bc::context context_;
  cl_device_id device_;
  std::string device_name_;
  std::string identity_;
  Keep keep_;
  double seconds_keeping_ = 0;  // spent on programs that the driver keeps, too
  mutable std::mutex mutex_;
  std::unordered_map<std::string, bc::program> programs_;
  std::string note_;
  Counts counts_;
};

}  // namespace pinnacle::runtime
