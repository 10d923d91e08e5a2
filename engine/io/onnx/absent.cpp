// What reading and writing ONNX files says in a build without them.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>

namespace pinnacle {
namespace {

[[noreturn]] void absent(const std::string& where) {
  throw UnsupportedError("this Pinnacle was built without ONNX", {}, where,
                         "install libonnx-dev and libprotobuf-dev and build with -Donnx=enabled");
}

}  // namespace

struct OnnxModel::Impl {
  std::vector<OnnxPort> none;
};

const std::vector<OnnxPort>& OnnxModel::inputs() const { return impl_->none; }
const std::vector<OnnxPort>& OnnxModel::outputs() const { return impl_->none; }
int OnnxModel::opset() const { return 0; }
Graph OnnxModel::graph(const OnnxBinding&) const { absent("OnnxModel::graph"); }
OnnxModel load(const std::filesystem::path& file, const OnnxLimits&) { absent(file.string()); }
OnnxModel parse_onnx(std::span<const std::byte>, const std::filesystem::path&, const OnnxLimits&) {
  absent("parse_onnx");
}
Tensor load_onnx_tensor(const std::filesystem::path& file) { absent(file.string()); }
void save_onnx(const Graph&, const std::filesystem::path& file) { absent(file.string()); }
void save_onnx(const Model&, const std::filesystem::path& file) { absent(file.string()); }

}  // namespace pinnacle
