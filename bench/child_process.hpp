// This program again as a child, with which lines are exchanged: what may hang or crash is done
// there.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

namespace pinnacle::bench {

class ChildProcess {
 public:
  /// The child finds a socket at its standard input; what it prints is dropped unless PINNACLE_LOG
  /// asks for it. throws Error if it cannot be started
  explicit ChildProcess(std::vector<std::string> words);
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  enum class Answer { line, ended, late };
  /// Sends a line and waits for one. ended: the child is gone; late: not within `seconds`.
  Answer ask(const std::string& line, double seconds, std::string& answer);
  /// Waits for a line.
  Answer receive(double seconds, std::string& answer);
  /// Ends the child if it still runs: "ended by signal 11", or how else.
  std::string end();

 private:
  pid_t pid_ = -1;
  int socket_ = -1;
  std::string received_;
};

/// In the child: lines of standard input, answered on the same socket.
class ParentProcess {
 public:
  /// Ends this process when the parent ends, where the system can do so.
  ParentProcess();
  /// false: the parent is gone
  bool receive(std::string& line);
  void send(const std::string& line);

 private:
  std::string received_;
};

}  // namespace pinnacle::bench
