// SPDX-License-Identifier: Apache-2.0
#include "data/download.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <pinnacle/error.hpp>

extern char** environ;

namespace pinnacle {
namespace {

// Runs a program found in PATH, without a shell and with its streams closed; true if it succeeds.
bool run(std::vector<std::string> command) {
  std::vector<char*> arguments;
  for (std::string& word : command) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  posix_spawn_file_actions_t streams;
  if (posix_spawn_file_actions_init(&streams) != 0) return false;
  for (int i = 0; i < 3; ++i) {
    posix_spawn_file_actions_addopen(&streams, i, "/dev/null", i == 0 ? O_RDONLY : O_WRONLY, 0);
  }
  pid_t child = 0;
  const int code = posix_spawnp(&child, arguments[0], &streams, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&streams);
  if (code != 0) return false;
  int status = 0;
  while (::waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return false;
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool download(const std::string& url, const std::filesystem::path& target) {
  const std::string file = target.string();
  return run({"curl", "--fail", "--silent", "--location", "--connect-timeout", "8", "--max-time",
              "180", "--output", file, "--", url}) ||
         run({"wget", "--quiet", "--tries=1", "--connect-timeout=8", "--dns-timeout=8",
              "--read-timeout=30", "--output-document=" + file, "--", url});
}

TemporaryFolder::TemporaryFolder() {
  std::error_code error;
  const std::filesystem::path parent = std::filesystem::temp_directory_path(error);
  std::string name = ((error ? "/tmp" : parent) / "pinnacle-XXXXXX").string();
  if (::mkdtemp(name.data()) == nullptr) {
    throw FileError(std::string("cannot be made: ") + std::strerror(errno), name);
  }
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

}  // namespace pinnacle
