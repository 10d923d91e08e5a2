#include "io/onnx/tensor_proto.hpp"
#include "io/onnx/document.hpp"
#include <fstream>
#include <sstream>
#include <cstring>
#include <pinnacle/error.hpp>
namespace pinnacle::onnx {
std::optional<DType> dtype_of(int t) { switch (t) { case 1: return DType::f32; case 10: return DType::f16; case 7: return DType::i64; case 6: return DType::i32; case 3: return DType::i8; case 2: return DType::u8; case 9: return DType::boolean; } return std::nullopt; }
DType require_dtype(int t, const std::string& w) { auto d = dtype_of(t); if (!d) throw UnsupportedError("element type", {fmt::format("element type {}", t)}, w); return *d; }
Tensor to_tensor(const ::onnx::TensorProto& p, const TensorContext&) {
  DType d = require_dtype(p.data_type(), p.name());
  Tensor t(Shape(std::vector<std::int64_t>(p.dims().begin(), p.dims().end())), d);
  auto b = t.bytes();
  if (p.has_raw_data()) { if (p.raw_data().size() != b.size()) throw ParseError("size"); std::memcpy(b.data(), p.raw_data().data(), b.size()); return t; }
  for (std::int64_t i = 0; i < t.elements(); ++i) {
    switch (d) {
      case DType::f32: { float v = p.float_data(i); std::memcpy(b.data() + 4 * i, &v, 4); break; }
      case DType::i64: { std::int64_t v = p.int64_data(i); std::memcpy(b.data() + 8 * i, &v, 8); break; }
      case DType::i32: { std::int32_t v = p.int32_data(i); std::memcpy(b.data() + 4 * i, &v, 4); break; }
      case DType::f16: { std::uint16_t v = p.int32_data(i); std::memcpy(b.data() + 2 * i, &v, 2); break; }
      default: b[i] = std::byte(p.int32_data(i)); } }
  return t;
}
static std::string slurp(const std::filesystem::path& f) { std::ifstream in(f, std::ios::binary); std::stringstream s; s << in.rdbuf(); return s.str(); }
::onnx::ModelProto read_document(const std::filesystem::path& f, const OnnxLimits&) { ::onnx::ModelProto m; if (!m.ParseFromString(slurp(f))) throw ParseError("x"); return m; }
::onnx::ModelProto read_document(std::span<const std::byte> b, const OnnxLimits&) { ::onnx::ModelProto m; if (!m.ParseFromArray(b.data(), b.size())) throw ParseError("x"); return m; }
}
namespace pinnacle { Tensor load_onnx_tensor(const std::filesystem::path& f) { ::onnx::TensorProto p; if (!p.ParseFromString(onnx::slurp(f))) throw ParseError("x"); return onnx::to_tensor(p, {}); } }
