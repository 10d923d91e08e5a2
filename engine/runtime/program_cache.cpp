// SPDX-License-Identifier: Apache-2.0
#include "runtime/program_cache.hpp"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <pinnacle/error.hpp>
#include <set>
#include <string_view>
#include <utility>

#include "base/files.hpp"
#include "base/text.hpp"
#include "runtime/binary_store.hpp"
#include "runtime/kernel_source.hpp"
#include "runtime/log.hpp"
#include "runtime/program_bundle.hpp"

namespace pinnacle::runtime {
namespace {

// The floor, which every driver still compiles; a 3.0 device need not know 2.0.
// -cl-mad-enable: a * b + c may be one instruction. It rounds once, or on old GPUs truncates the
//   product, well inside the tolerances of the tests.
// -cl-denorms-are-zero: values below 1e-38 (old gradients, softmax tails, decaying moments) are
//   slow on CPUs that handle them in microcode, and nothing here needs them.
// Not -cl-finite-math-only nor -cl-fast-relaxed-math: NaN and infinity must stay visible, a loss
//   that diverged has to say so.
constexpr const char* kOptions = "-cl-std=CL1.2 -cl-mad-enable -cl-denorms-are-zero";

std::filesystem::path folder() {
  const std::filesystem::path base = cache_folder();
  return base.empty() ? base : base / "programs";
}

std::string build_log(const bc::program& program, cl_device_id device) {
  std::size_t size = 0;
  if (clGetProgramBuildInfo(program.get(), device, CL_PROGRAM_BUILD_LOG, 0, nullptr, &size) !=
          CL_SUCCESS ||
      size == 0) {
    return {};
  }
  std::string log(size, '\0');
  if (clGetProgramBuildInfo(program.get(), device, CL_PROGRAM_BUILD_LOG, size, log.data(),
                            nullptr) != CL_SUCCESS) {
    return {};
  }
  return trim(log.c_str());
}

// The log's first line that tells of an error, else its first line.
std::string first_error(const std::string& log) {
  std::string first;
  for (const std::string& line : split(log, '\n')) {
    if (line.find("error") != std::string::npos) return trim(line);
    if (first.empty()) first = trim(line);
  }
  return first.empty() ? "the compiler gives no reason" : first;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

std::string key_of(const std::string& identity, const std::string& options,
                   const std::string& text) {
  return fmt::format("{}\n{}\n{}", identity, options, text);
}

// A PoCL binary from which the program itself is missing (seen after several processes had shared its
// cache; the cause is not known): loading one ends the process by a failed assertion in the driver.
bool is_hollow(std::string_view binary) {
  return binary.substr(0, 7) == "poclbin" && binary.find("/program.bc") == std::string_view::npos;
}

// The program as the driver would load it again; empty if it gives none.
std::string read_binary(const bc::program& program) {
  std::size_t size = 0;
  const auto read_size = [&] {
    return clGetProgramInfo(program.get(), CL_PROGRAM_BINARY_SIZES, sizeof(size), &size, nullptr) ==
           CL_SUCCESS;
  };
  if (!read_size() || size == 0) return {};
  std::string binary(size, '\0');
  auto* data = reinterpret_cast<unsigned char*>(binary.data());
  if (clGetProgramInfo(program.get(), CL_PROGRAM_BINARIES, sizeof(data), static_cast<void*>(&data),
                       nullptr) != CL_SUCCESS) {
    return {};
  }
  return read_size() && size == binary.size() ? binary : std::string();
}

}  // namespace

ProgramCache::ProgramCache(cl_context context, cl_device_id device, std::string device_name,
                           std::string identity, Keep keep)
    : context_(context),
      device_(device),
      device_name_(std::move(device_name)),
      identity_(std::move(identity)),
      keep_(keep) {}

ProgramCache::Source ProgramCache::source_of(const KernelCall& call) const {
  Source source{.name = call.file,
                .text = program_text(call),
                .options = kOptions + define_options(call),
                .key = {},
                .entry = {}};
  source.key = key_of(identity_, source.options, source.text);
  source.entry = source.key + call.kernel;
  return source;
}

ProgramKernel ProgramCache::get(const KernelCall& call) {
  const KernelCall* one = &call;
  return get(std::span(&one, 1)).front();
}

std::vector<ProgramKernel> ProgramCache::get(std::span<const KernelCall* const> calls) {
  std::vector<Source> sources;
  for (const KernelCall* call : calls) sources.push_back(source_of(*call));
  const std::lock_guard lock(mutex_);
  add_bundle(calls, sources);
  std::vector<ProgramKernel> found;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    auto entry = programs_.find(sources[i].entry);
    if (entry == programs_.end()) {
      entry =
          programs_.emplace(sources[i].entry, ProgramKernel{load_or_build(sources[i]), {}}).first;
    }
    found.push_back(entry->second);
    if (found.back().kernel.empty()) found.back().kernel = calls[i]->kernel;
  }
  return found;
}

// Builds what is new among the calls as one program, as far as it can be.
void ProgramCache::add_bundle(std::span<const KernelCall* const> calls,
                              std::span<const Source> sources) {
  Source bundle{.name = {}, .text = {}, .options = kOptions, .key = {}, .entry = {}};
  std::vector<std::pair<std::string, std::string>> kernels;  // entry, name
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < calls.size(); ++i) {
    if (programs_.contains(sources[i].entry) || !seen.insert(sources[i].entry).second) continue;
    auto part = bundle_part(*calls[i], sources[i].text, kernels.size());
    if (!part) continue;
    bundle.text += part->text;
    kernels.emplace_back(sources[i].entry, std::move(part->kernel));
  }
  if (kernels.size() < 2) return;
  bundle.name = fmt::format("{} kernels", kernels.size());
  bundle.key = key_of(identity_, bundle.options, bundle.text);
  try {
    const bc::program program = load_or_build(bundle);
    for (auto& [key, kernel] : kernels) programs_[key] = {program, std::move(kernel)};
  } catch (const Error& error) {
    // One by one it shows which of them is wrong, if any is: or it was too much at once.
    log(1, "not as one program: {}", error.what());
  }
}

bc::program ProgramCache::load_or_build(const Source& source) {
  const auto start = std::chrono::steady_clock::now();
  bc::program program;
  const bool from_disk = load(source, program);
  if (!from_disk) {
    program = build(source);
    keep(source.key, program, seconds_since(start));
  }
  ++(from_disk ? counts_.loaded : counts_.built);
  log(1, "{} {} for {} in {:.1f} ms ({})", from_disk ? "loaded" : "built", source.name,
      device_name_, 1e3 * seconds_since(start), source.options);
  return program;
}

std::string ProgramCache::key(const KernelCall& call) const { return source_of(call).key; }

std::string ProgramCache::note() const {
  const std::lock_guard lock(mutex_);
  return note_;
}

ProgramCache::Counts ProgramCache::counts() const {
  const std::lock_guard lock(mutex_);
  return counts_;
}

bool ProgramCache::load(const Source& source, bc::program& program) {
  const std::optional<std::string> binary = load_binary(folder(), source.key);
  if (!binary || is_hollow(*binary)) return false;
  const auto* data = reinterpret_cast<const unsigned char*>(binary->data());
  const std::size_t size = binary->size();
  cl_int status = CL_SUCCESS;
  cl_int code = CL_SUCCESS;
  const cl_program created =
      clCreateProgramWithBinary(context_, 1, &device_, &size, &data, &status, &code);
  if (created == nullptr) return false;
  program = bc::program(created, false);
  return code == CL_SUCCESS && status == CL_SUCCESS &&
         clBuildProgram(created, 1, &device_, source.options.c_str(), nullptr, nullptr) ==
             CL_SUCCESS;
}

bc::program ProgramCache::build(const Source& source) {
  const std::string& text = source.text;
  log(4, "source of {}:\n{}", source.name, text);
  const char* data = text.c_str();
  const std::size_t size = text.size();
  cl_int code = CL_SUCCESS;
  const cl_program created = clCreateProgramWithSource(context_, 1, &data, &size, &code);
  check(code, "clCreateProgramWithSource", device_name_);
  bc::program program(created, false);
  code = clBuildProgram(created, 1, &device_, source.options.c_str(), nullptr, nullptr);
  if (code == CL_SUCCESS) return program;
  const std::string log = with_real_lines(build_log(program, device_), text);
  if (code != CL_BUILD_PROGRAM_FAILURE && log.empty()) fail(code, "clBuildProgram", device_name_);
  const std::string path = kernel_path(source.name);
  const std::string own_folder = environment("PINNACLE_KERNEL_DIR");
  throw KernelError(
      fmt::format("does not build for {}: {}", device_name_, first_error(log)), path, log,
      !own_folder.empty() && path.starts_with(own_folder)
          ? "the file comes from PINNACLE_KERNEL_DIR; unset it to use the library's own kernels"
          : "");
}

std::string seconds_key(const std::string& key) { return key + "\nseconds of the first build"; }

void ProgramCache::keep(const std::string& key, const bc::program& program, double seconds) {
  if (keep_ == Keep::always) {
    save(key, program);
    return;
  }
  const std::optional<std::string> before = load_binary(folder(), seconds_key(key));
  if (!before) {
    report(save_binary(folder(), seconds_key(key), fmt::format("{:.9f}", seconds)));
  } else if (seconds > 0.5 * std::strtod(before->c_str(), nullptr)) {
    save(key, program);
  }
}

void ProgramCache::report(const std::string& problem) {
  if (problem.empty() || !note_.empty()) return;
  note_ = "programs are not kept on disk: " + problem;
  log(1, "{}", note_);
}

void ProgramCache::save(const std::string& key, const bc::program& program) {
  const std::string binary = read_binary(program);
  // Some drivers put a binary together from files that another process may be changing at that
  // moment; what reads alike twice is whole.
  if (binary.empty() || is_hollow(binary) || binary != read_binary(program)) {
    note_ = "the driver gives no program binaries";
    return;
  }
  report(save_binary(folder(), key, binary));
}

}  // namespace pinnacle::runtime
