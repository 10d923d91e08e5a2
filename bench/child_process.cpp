// SPDX-License-Identifier: Apache-2.0
#include "bench/child_process.hpp"

#include <fmt/format.h>
#include <pinnacle/error.hpp>

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/files.hpp"
#include "bench/timing.hpp"

extern char** environ;  // NOLINT: as POSIX has it

namespace pinnacle::bench {
namespace {

#ifdef MSG_NOSIGNAL
constexpr int kNoSignal = MSG_NOSIGNAL;
#else
constexpr int kNoSignal = 0;
#endif

// false: nobody reads any more
bool send_all(int socket, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t sent = ::send(socket, text.data() + done, text.size() - done, kNoSignal);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

// Moves a whole line out of what was received.
bool take_line(std::string& received, std::string& line) {
  const std::size_t end = received.find('\n');
  if (end == std::string::npos) return false;
  line = received.substr(0, end);
  received.erase(0, end + 1);
  return true;
}

// false: the other side is gone
bool receive_some(int socket, std::string& received) {
  char buffer[4096];
  ssize_t count = -1;
  do {
    count = ::recv(socket, buffer, sizeof(buffer), 0);
  } while (count < 0 && errno == EINTR);
  if (count > 0) received.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> words) {
  std::error_code error;
  const std::filesystem::path self = std::filesystem::read_symlink("/proc/self/exe", error);
  if (error) throw Error("cannot find this program again: " + error.message(), "/proc/self/exe");
  int ends[2] = {-1, -1};
  if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) {
    throw Error(fmt::format("no socket for a child process: {}", std::strerror(errno)), "tune");
  }
  ::fcntl(ends[0], F_SETFD, FD_CLOEXEC);
  ::fcntl(ends[1], F_SETFD, FD_CLOEXEC);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDIN_FILENO);
  ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  if (environment("PINNACLE_LOG").empty()) {
    ::posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  }
  std::string program = self.string();
  std::vector<char*> arguments = {program.data()};
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const int code =
      ::posix_spawn(&pid_, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  socket_ = ends[0];
  if (code != 0) {
    ::close(socket_);
    throw Error(fmt::format("a child process cannot be started: {}", std::strerror(code)), program);
  }
}

ChildProcess::~ChildProcess() {
  end();
  ::close(socket_);
}

ChildProcess::Answer ChildProcess::ask(const std::string& line, double seconds,
                                       std::string& answer) {
  if (!send_all(socket_, line + '\n')) return Answer::ended;
  return receive(seconds, answer);
}

ChildProcess::Answer ChildProcess::receive(double seconds, std::string& answer) {
  const double last = now() + seconds;
  while (!take_line(received_, answer)) {
    const double left = last - now();
    if (left <= 0) return Answer::late;
    pollfd wait = {socket_, POLLIN, 0};
    const int ready = ::poll(&wait, 1, static_cast<int>(std::min(1e3 * left + 1, 1e9)));
    if (ready > 0 && !receive_some(socket_, received_)) return Answer::ended;
  }
  return Answer::line;
}

std::string ChildProcess::end() {
  if (pid_ < 0) return "";
  // One that closed its socket is about to end by itself; how it does tells what happened.
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 100 && ended == 0; ++i) {
    pollfd wait = {socket_, POLLIN, 0};
    if (::poll(&wait, 1, 0) == 0) break;
    ended = ::waitpid(pid_, &status, WNOHANG);
    if (ended == 0) ::usleep(10000);
  }
  const bool killed = ended == 0;
  if (killed) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
  }
  pid_ = -1;
  if (killed) return "was stopped";
  if (WIFSIGNALED(status)) {
    return fmt::format("ended by signal {}", WTERMSIG(status));
  }
  return fmt::format("exited with {}", WEXITSTATUS(status));
}

ParentProcess::ParentProcess() {
#ifdef __linux__
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
#endif
}

bool ParentProcess::receive(std::string& line) {
  while (!take_line(received_, line)) {
    if (!receive_some(STDIN_FILENO, received_)) return false;
  }
  return true;
}

void ParentProcess::send(const std::string& line) { send_all(STDIN_FILENO, line + '\n'); }

}  // namespace pinnacle::bench
