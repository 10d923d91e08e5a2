// ONNX Runtime beside a model of ours: a child process that runs the same file on the same inputs.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/tensor.hpp>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bench/peer_process.hpp"

namespace pinnacle::bench {

inline constexpr const char* kOnnxRuntime = "onnxruntime";

class OnnxRuntime {
 public:
  /// Starts it and lets it run once. throws DeviceError that says why it cannot be had
  OnnxRuntime(const std::filesystem::path& file, const std::map<std::string, Tensor>& inputs,
              int threads);
  ~OnnxRuntime();
  OnnxRuntime(const OnnxRuntime&) = delete;
  OnnxRuntime& operator=(const OnnxRuntime&) = delete;

  PeerProcess& process() { return *process_; }
  const std::vector<Tensor>& outputs() const { return outputs_; }

 private:
  std::filesystem::path folder_;
  std::vector<Tensor> outputs_;
  std::unique_ptr<PeerProcess> process_;
};

}  // namespace pinnacle::bench
