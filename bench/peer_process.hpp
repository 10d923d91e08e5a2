// Other frameworks as child processes: each runs the same net, step by step, when it is told to, so
// that its batches fall between ours. They talk in lines of JSON (peers/nets_pytorch.py).
// Thread safety: one thread at a time per peer.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/timing.hpp"

namespace pinnacle::bench {

struct PeerWork {
  std::string net;
  std::string mode;  ///< "inference" or "training"
  std::int64_t batch = 1;
  int threads = 1;
  std::int64_t parameters = 0;  ///< of ours: the peer's net must have as many
};

/// What a peer says before it runs: version, way, and what its kind of work asks for.
using PeerAnswer = nlohmann::json;

/// The frameworks that can be asked for: "pytorch", "tensorflow".
const std::vector<std::string>& peer_names();

class PeerProcess {
 public:
  /// Starts `name` with the first Python interpreter that can import it, and waits until it has
  /// chosen its fastest way of doing `work`. The interpreters are those of PINNACLE_PEER_PYTHON,
  /// separated by colons, else python3 and the system's.
  /// throws   DeviceError that says why it cannot be had
  PeerProcess(const std::string& name, const PeerWork& work);
  /// The same for any script of bench/peers that talks so. `check` throws DeviceError for an answer
  /// that will not do: then the next interpreter is tried.
  PeerProcess(std::string name, const std::string& script,
              const std::vector<std::string>& arguments,
              const std::function<void(const PeerAnswer&)>& check);
  ~PeerProcess();
  PeerProcess(const PeerProcess&) = delete;
  PeerProcess& operator=(const PeerProcess&) = delete;

  const std::string& name() const { return name_; }
  const std::string& version() const { return version_; }
  const std::string& way() const { return way_; }  ///< "eager", "torchscript", ...
  /// throws   DeviceError if the peer has died
  double run(std::int64_t count);

 private:
  void start(const std::string& python, const std::string& script,
             const std::vector<std::string>& arguments);
  void stop();
  void send(const std::string& line) const;
  std::string receive(double seconds);
  std::string last_words() const;

  std::string name_, version_, way_;
  std::string unread_;
  int socket_ = -1;
  int errors_ = -1;  // its stderr, a file
  pid_t process_ = -1;
};

}  // namespace pinnacle::bench
