// Tensors are exchanged as files of plain elements.
// SPDX-License-Identifier: Apache-2.0
#include "bench/onnxruntime.hpp"

#include <pinnacle/error.hpp>

#include <cstdlib>
#include <cstring>
#include <optional>

#include "base/files.hpp"

namespace pinnacle::bench {
namespace {

std::filesystem::path make_folder() {
  std::string path = (std::filesystem::temp_directory_path() / "pinnacle-peer-XXXXXX").string();
  if (::mkdtemp(path.data()) == nullptr) {
    throw FileError("no folder can be made", path, "TMPDIR names where");
  }
  return path;
}

void write_inputs(const std::filesystem::path& folder,
                  const std::map<std::string, Tensor>& inputs) {
  PeerAnswer ports = PeerAnswer::array();
  for (const auto& [name, tensor] : inputs) {
    const std::string file = fmt::format("input_{}.bin", ports.size());
    ports.push_back({{"name", name},
                     {"dtype", std::string(to_string(tensor.dtype()))},
                     {"shape", tensor.shape().dims()},
                     {"file", file}});
    const auto bytes = tensor.bytes();
    write_file_atomically(folder / file,
                          {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  write_file_atomically(folder / "inputs.json", ports.dump());
}

std::optional<DType> dtype_named(const std::string& name) {
  for (const DType dtype :
       {DType::f32, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8, DType::boolean}) {
    if (to_string(dtype) == name) return dtype;
  }
  return std::nullopt;
}

std::vector<Tensor> read_outputs(const std::filesystem::path& folder, const PeerAnswer& ready) {
  if (!ready.contains("outputs") || !ready.at("outputs").is_array()) {
    throw DeviceError("gave no outputs", kOnnxRuntime);
  }
  std::vector<Tensor> outputs;
  for (const PeerAnswer& port : ready.at("outputs")) {
    const std::optional<DType> dtype = dtype_named(port.value("dtype", ""));
    if (!dtype) throw DeviceError("gave an output of no known type", kOnnxRuntime);
    Tensor tensor(Shape(port.at("shape").get<std::vector<std::int64_t>>()), *dtype);
    const std::string bytes = read_file(folder / port.at("file").get<std::string>());
    if (bytes.size() != tensor.bytes().size()) {
      throw DeviceError("gave an output of another size", kOnnxRuntime);
    }
    if (!bytes.empty()) std::memcpy(tensor.bytes().data(), bytes.data(), bytes.size());
    outputs.push_back(std::move(tensor));
  }
  return outputs;
}

}  // namespace

OnnxRuntime::OnnxRuntime(const std::filesystem::path& file,
                         const std::map<std::string, Tensor>& inputs, int threads)
    : folder_(make_folder()) {
  try {
    write_inputs(folder_, inputs);
    process_ = std::make_unique<PeerProcess>(
        kOnnxRuntime, "model_onnxruntime.py",
        std::vector<std::string>{file.string(), folder_.string(), std::to_string(threads)},
        [this](const PeerAnswer& ready) { outputs_ = read_outputs(folder_, ready); });
  } catch (...) {
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
    throw;
  }
}

OnnxRuntime::~OnnxRuntime() {
  process_.reset();
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

}  // namespace pinnacle::bench
