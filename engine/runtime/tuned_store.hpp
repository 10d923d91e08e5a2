// Tuned choices as files: what pinnacle-bench tune measured on a device, in the user's cache
// folder, and what ships in clkernels/tuned/. Readable JSON; a file is taken whole or not at all,
// and each of its choices only while the kernels that it was measured with are the same.
// Thread safety: functions of their arguments, the files and the environment.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/plan.hpp>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::runtime {

class DeviceHandle;

/// What was measured for one shape.
struct TunedEntry {
  std::string setting;      ///< "variant=wide MR=8", see plan/tuned_setting.hpp
  double microseconds = 0;  ///< of one run with it
  double heuristic_microseconds =
      0;  ///< of one run as the heuristic would have it, in turns with it
  std::vector<std::string> kernels;  ///< the files of clkernels/ that it runs
  std::string kernel_hash;           ///< of their text
};

/// Where choices were measured: capabilities, by which shipped files are matched; and, in a user's
/// file, the device itself.
struct TunedOn {
  Family family = Family::wide;
  int lanes = 0;
  int compute_units = 0;
  std::string name, platform, driver;
  std::string id;  ///< of device, driver and processor together
  bool operator==(const TunedOn&) const = default;
};

struct TunedFile {
  TunedOn device;
  std::map<std::string, TunedEntry> entries;  ///< by shape key
};

std::string to_text(const TunedFile& file);
/// throws   ParseError, `where` being `name`, if the text is not exactly such a file
TunedFile parse_tuned(std::string_view text, const std::string& name);

/// Of the texts of kernels as they are now; "" if one of them is gone.
std::string kernel_hash(const std::vector<std::string>& kernels);
bool is_current(const TunedEntry& entry);

// REQUIRES, below: not the host device.
/// Name and driver; what is measured is taken from `target`.
TunedOn tuned_on(const DeviceHandle& device, const Target& target);
/// The device's file in the user's cache folder; empty if there is no such folder.
std::filesystem::path tuned_path(const DeviceHandle& device);

/// What ships, by name: clkernels/tuned/, or that folder below PINNACLE_KERNEL_DIR.
std::map<std::string, std::string> shipped_tunings();

struct UserTuning {
  std::map<std::string, TunedEntry> entries;  ///< the current ones
  std::string problem;  ///< why the file, or a part of it, is ignored; empty: all is well
};
/// Never throws: a file that cannot be used is a problem.
UserTuning load_user_tuning(const DeviceHandle& device);
/// Adds to the device's file, or begins it anew if it cannot be used. throws FileError
void save_user_tuning(const DeviceHandle& device, const Target& target,
                      const std::map<std::string, TunedEntry>& entries);

/// For Target::tuned: what shipped for such a device, below what the user measured.
std::map<std::string, std::string> tuned_choices(const DeviceHandle& device, const Target& target);

}  // namespace pinnacle::runtime
