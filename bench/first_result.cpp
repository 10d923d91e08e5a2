// SPDX-License-Identifier: Apache-2.0
#include "bench/first_result.hpp"

#include <pinnacle/error.hpp>
#include <pinnacle/session.hpp>

#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "bench/table.hpp"
#include "bench/timing.hpp"
#include "bench/workloads.hpp"

extern char** environ;  // NOLINT: POSIX

namespace pinnacle::bench {
namespace {

constexpr int kWarmRuns = 3;

// An empty folder for caches, removed at the end.
class CacheFolder {
 public:
  CacheFolder() {
    std::string path = (std::filesystem::temp_directory_path() / "pinnacle-bench-XXXXXX").string();
    if (::mkdtemp(path.data()) == nullptr) {
      throw FileError("no folder can be made", path, "TMPDIR names where");
    }
    path_ = path;
  }
  ~CacheFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }
  CacheFolder(const CacheFolder&) = delete;
  CacheFolder& operator=(const CacheFolder&) = delete;

  /// This process's environment with the caches here.
  std::vector<std::string> environment() const {
    std::vector<std::string> all;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const bool ours = std::strncmp(*entry, "PINNACLE_CACHE=", 15) == 0 ||
                        std::strncmp(*entry, "POCL_CACHE_DIR=", 15) == 0;
      if (!ours) all.emplace_back(*entry);
    }
    all.push_back(fmt::format("PINNACLE_CACHE={}/pinnacle", path_));
    all.push_back(fmt::format("POCL_CACHE_DIR={}/pocl", path_));
    return all;
  }

 private:
  std::string path_;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

FirstResult start_and_wait(std::vector<std::string> words, const std::string& name,
                           const CacheFolder& caches) {
  words.insert(words.begin(), "pinnacle-bench");
  std::vector<std::string> variables = caches.environment();
  int ends[2];
  if (::pipe(ends) != 0) throw DeviceError("no pipe for the child process", name);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  pid_t process = -1;
  const double start = now();
  const int failed = ::posix_spawn(&process, "/proc/self/exe", &actions, nullptr,
                                   pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  std::string said;
  double seconds = 0;
  char part[4096];
  ssize_t count = 0;
  while (failed == 0 && (count = ::read(ends[0], part, sizeof(part))) > 0) {
    if (said.empty()) seconds = now() - start;
    said.append(part, static_cast<std::size_t>(count));
  }
  ::close(ends[0]);
  int status = 0;
  if (failed == 0) ::waitpid(process, &status, 0);
  Json parts = Json::parse(said, nullptr, false);
  if (failed != 0 || status != 0 || !parts.is_object()) {
    throw DeviceError("the measured process failed", name, "what it said is above");
  }
  return {.seconds = seconds, .parts = std::move(parts)};
}

}  // namespace

FirstResults measure_first_result(const std::vector<std::string>& words, const std::string& name) {
  const CacheFolder caches;
  FirstResults results;
  results.cold = start_and_wait(words, name, caches);
  std::vector<FirstResult> warm;
  for (int i = 0; i < kWarmRuns; ++i) warm.push_back(start_and_wait(words, name, caches));
  for (const FirstResult& result : warm) results.warm_seconds.push_back(result.seconds);
  std::sort(warm.begin(), warm.end(),
            [](const FirstResult& a, const FirstResult& b) { return a.seconds < b.seconds; });
  results.warm = std::move(warm[kWarmRuns / 2]);
  return results;
}

int run_once(const Net& net, const Device& device) {
  const double start = now();
  device.target();
  const double device_known = now();
  const Model model(net.layer, {net.sample, DType::f32});
  const double model_made = now();
  Session session = compile(model, device);
  const double compiled = now();
  fill_inputs(session);
  session.enqueue();
  session.read("y");
  const Json parts = {{"device", device_known - start},
                      {"model", model_made - device_known},
                      {"compile", compiled - model_made},
                      {"run", now() - compiled}};
  fmt::print("{}\n", parts.dump());
  return 0;
}

int run_first_result(const std::vector<Net>& nets, const std::string& device,
                     const Output& output) {
  Table table({{.title = "net"},
               {.title = "caches"},
               {.title = "seconds", .right = true},
               {.title = "device", .right = true},
               {.title = "weights", .right = true},
               {.title = "compile", .right = true},
               {.title = "run", .right = true}});
  Json rows = Json::array();
  StatusLine status;
  for (const Net& net : nets) {
    status.show(fmt::format("first result of {} ...", net.name));
    std::vector<std::string> words = {"nets", net.name, "--once"};
    if (!device.empty()) words.insert(words.end(), {"--device", device});
    const FirstResults results = measure_first_result(words, net.name);
    for (const bool warm : {false, true}) {
      const FirstResult& result = warm ? results.warm : results.cold;
      const auto part = [&](const char* name) { return number(result.parts.value(name, 0.0)); };
      table.add({net.name, warm ? "warm" : "cold", number(result.seconds), part("device"),
                 part("model"), part("compile"), part("run")});
      rows.push_back({{"net", net.name},
                      {"caches", warm ? "warm" : "cold"},
                      {"seconds", result.seconds},
                      {"parts", result.parts}});
    }
  }
  status.clear();
  const Environment environment = describe_environment();
  output.text(to_text(environment) +
              "\nFrom the start of a process to its first result, seconds, and their parts:\n" +
              table.text());
  output.json({{"environment", to_json(environment)}, {"rows", std::move(rows)}});
  return 0;
}

}  // namespace pinnacle::bench
