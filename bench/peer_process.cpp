// SPDX-License-Identifier: Apache-2.0
#include "bench/peer_process.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/text.hpp"

extern char** environ;  // NOLINT: POSIX

namespace pinnacle::bench {
namespace {

constexpr double kLongestStart = 300;  // seconds: importing, building, choosing the fastest way
constexpr double kLongestRun = 300;
constexpr int kGoodbye = 2000;  // milliseconds

std::vector<std::string> interpreters() {
  const char* const given = std::getenv("PINNACLE_PEER_PYTHON");
  if (given != nullptr && *given != '\0') return split(given, ':');
  return {"python3", "/usr/bin/python3"};
}

nlohmann::json parse(const std::string& line, const std::string& name) {
  nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
  if (!json.is_object()) throw DeviceError(fmt::format("said \"{}\"", line), name);
  return json;
}

}  // namespace

const std::vector<std::string>& peer_names() {
  static const std::vector<std::string> names = {"pytorch", "tensorflow"};
  return names;
}

PeerProcess::PeerProcess(const std::string& name, const PeerWork& work)
    : PeerProcess(name, fmt::format("nets_{}.py", name),
                  {work.net, work.mode, std::to_string(work.batch), std::to_string(work.threads)},
                  [&](const PeerAnswer& ready) {
                    const std::int64_t parameters = ready.value("parameters", std::int64_t{0});
                    if (parameters == work.parameters) return;
                    throw DeviceError(fmt::format("its {} has {} parameters, ours {}", work.net,
                                                  parameters, work.parameters),
                                      name);
                  }) {}

PeerProcess::PeerProcess(std::string name, const std::string& script,
                         const std::vector<std::string>& arguments,
                         const std::function<void(const PeerAnswer&)>& check)
    : name_(std::move(name)) {
  std::string reasons;
  for (const std::string& python : interpreters()) {
    try {
      start(python, script, arguments);
      const nlohmann::json ready = parse(receive(kLongestStart), name_);
      if (ready.contains("error")) {
        throw DeviceError(ready.at("error").get<std::string>(), name_);
      }
      check(ready);
      version_ = ready.value("version", "");
      way_ = ready.value("way", "");
      return;
    } catch (const DeviceError& error) {
      stop();
      reasons += fmt::format("{}{}: {}", reasons.empty() ? "" : "; ", python, error.what());
    }
  }
  throw DeviceError(reasons, name_, "PINNACLE_PEER_PYTHON names another interpreter");
}

PeerProcess::~PeerProcess() { stop(); }

void PeerProcess::start(const std::string& python, const std::string& script_name,
                        const std::vector<std::string>& arguments) {
  const std::string script = fmt::format("{}/{}", PINNACLE_PEER_FOLDER, script_name);
  std::error_code code;
  if (!std::filesystem::exists(script, code)) {
    throw DeviceError("is not there: it lies in the source folder that this was built from",
                      script);
  }
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    throw DeviceError("no socket for the child process", name_);
  }
  socket_ = ends[0];
  std::FILE* const errors = std::tmpfile();
  errors_ = errors == nullptr ? -1 : ::dup(::fileno(errors));
  if (errors != nullptr) std::fclose(errors);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  if (errors_ >= 0) posix_spawn_file_actions_adddup2(&actions, errors_, STDERR_FILENO);
  std::vector<std::string> words = {python, script};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const int failed =
      ::posix_spawnp(&process_, python.c_str(), &actions, nullptr, pointers.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  if (failed != 0) {
    process_ = -1;
    throw DeviceError("cannot be started", python);
  }
}

// A peer ends when its input does; one that does not is ended.
void PeerProcess::stop() {
  if (socket_ >= 0) ::shutdown(socket_, SHUT_WR);
  if (process_ > 0) {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    char rest[256];
    while (::poll(&wait, 1, kGoodbye) > 0 && ::read(socket_, rest, sizeof(rest)) > 0) {
    }
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
  }
  if (socket_ >= 0) ::close(socket_);
  if (errors_ >= 0) ::close(errors_);
  process_ = -1;
  socket_ = errors_ = -1;
  unread_.clear();
}

void PeerProcess::send(const std::string& line) const {
  const std::string text = line + '\n';
  if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(text.size())) {
    throw DeviceError("has ended: " + last_words(), name_);
  }
}

std::string PeerProcess::receive(double seconds) {
  const double end = now() + seconds;
  std::size_t line_end = 0;
  while ((line_end = unread_.find('\n')) == std::string::npos) {
    pollfd wait{.fd = socket_, .events = POLLIN, .revents = 0};
    const double left = end - now();
    if (left <= 0 || ::poll(&wait, 1, static_cast<int>(1e3 * left) + 1) == 0) {
      throw DeviceError(fmt::format("no answer for {:.0f} s", seconds), name_);
    }
    char part[4096];
    const ssize_t count = ::read(socket_, part, sizeof(part));
    if (count <= 0) throw DeviceError("has ended: " + last_words(), name_);
    unread_.append(part, static_cast<std::size_t>(count));
  }
  const std::string line = unread_.substr(0, line_end);
  unread_.erase(0, line_end + 1);
  return line;
}

std::string PeerProcess::last_words() const {
  char text[4096];
  const off_t size = errors_ < 0 ? 0 : ::lseek(errors_, 0, SEEK_END);
  const off_t from = std::max<off_t>(0, size - static_cast<off_t>(sizeof(text)));
  const ssize_t count = errors_ < 0 ? 0 : ::pread(errors_, text, sizeof(text), from);
  const std::string said =
      trim(std::string_view(text, static_cast<std::size_t>(std::max<ssize_t>(0, count))));
  return said.empty() ? "it said nothing" : said.substr(said.rfind('\n') + 1);
}

double PeerProcess::run(std::int64_t count) {
  send(fmt::format("{{\"run\": {}}}", count));
  const nlohmann::json answer = parse(receive(kLongestRun), name_);
  if (!answer.contains("seconds")) {
    throw DeviceError(answer.value("error", "gave no time"), name_);
  }
  return answer.at("seconds").get<double>();
}

}  // namespace pinnacle::bench
