// Tensors of ONNX files: every encoding, external data, and what is refused with the reason.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstring>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>

#include "io/onnx/tensor_proto.hpp"
#include "onnx/model_maker.hpp"
#include "test_folder.hpp"

namespace pinnacle::test {
namespace {

using Proto = ::onnx::TensorProto;

Proto proto(int type, const std::vector<std::int64_t>& dims) {
  Proto result;
  result.set_name("w");
  result.set_data_type(type);
  for (const std::int64_t extent : dims) result.add_dims(extent);
  return result;
}

Tensor read(const Proto& tensor, const std::filesystem::path& folder = {}) {
  return onnx::to_tensor(tensor, onnx::TensorContext(folder, {}));
}

template <class T>
std::vector<T> values(const Tensor& tensor) {
  std::vector<T> result(static_cast<std::size_t>(tensor.elements()));
  REQUIRE(tensor.bytes().size() == result.size() * sizeof(T));
  std::memcpy(result.data(), tensor.bytes().data(), tensor.bytes().size());
  return result;
}

Proto external(const std::string& location, std::int64_t elements = 2) {
  Proto tensor = proto(Proto::FLOAT, {elements});
  tensor.set_data_location(Proto::EXTERNAL);
  auto& entry = *tensor.add_external_data();
  entry.set_key("location");
  entry.set_value(location);
  return tensor;
}

Proto with(Proto tensor, const std::string& key, const std::string& value) {
  auto& entry = *tensor.add_external_data();
  entry.set_key(key);
  entry.set_value(value);
  return tensor;
}

const std::string kTwoFloats("\0\0\x80\x3f\0\0\0\x40", 8);  // 1, 2

}  // namespace

TEST_CASE("onnx tensor: raw data of every element type") {
  for (const DType dtype :
       {DType::f32, DType::f16, DType::i64, DType::i32, DType::i8, DType::u8, DType::boolean}) {
    CAPTURE(to_string(dtype));
    Tensor tensor({3}, dtype);
    tensor.bytes()[0] = std::byte{1};
    CHECK(read(onnx::to_proto(tensor, "t")) == tensor);
    CHECK(onnx::dtype_of(onnx::onnx_type(dtype)) == dtype);
  }
}

TEST_CASE("onnx tensor: the typed fields") {
  Proto f32 = proto(Proto::FLOAT, {2});
  f32.add_float_data(1.5f);
  f32.add_float_data(-2.0f);
  CHECK(values<float>(read(f32)) == std::vector<float>{1.5f, -2.0f});
  Proto i64 = proto(Proto::INT64, {1});
  i64.add_int64_data(std::int64_t{-1} << 60);
  CHECK(values<std::int64_t>(read(i64)) == std::vector<std::int64_t>{std::int64_t{-1} << 60});
  Proto f16 = proto(Proto::FLOAT16, {});
  f16.add_int32_data(0x3c00);
  CHECK(values<std::uint16_t>(read(f16)) == std::vector<std::uint16_t>{0x3c00});
  const std::pair<int, std::vector<std::uint8_t>> bytes[] = {
      {Proto::INT8, {0xff, 5}}, {Proto::UINT8, {0xff, 5}}, {Proto::BOOL, {1, 1}}};
  for (const auto& [type, wanted] : bytes) {
    Proto narrow = proto(type, {2});
    narrow.add_int32_data(type == Proto::UINT8 ? 255 : -1);
    narrow.add_int32_data(5);
    CHECK(values<std::uint8_t>(read(narrow)) == wanted);
  }
  Proto i32 = proto(Proto::INT32, {1, 1});
  i32.add_int32_data(-7);
  CHECK(values<std::int32_t>(read(i32)) == std::vector<std::int32_t>{-7});
}

TEST_CASE("onnx tensor: truth is 1 whatever the file has") {
  Proto tensor = proto(Proto::BOOL, {3});
  tensor.set_raw_data(std::string("\0\x02\xff", 3));
  CHECK(values<std::uint8_t>(read(tensor)) == std::vector<std::uint8_t>{0, 1, 1});
}

TEST_CASE("onnx tensor: element types that there are not, by name") {
  const std::pair<int, const char*> types[] = {
      {0, "UNDEFINED"}, {4, "UINT16"},   {5, "INT16"},      {8, "STRING"},    {11, "DOUBLE"},
      {12, "UINT32"},   {13, "UINT64"},  {14, "COMPLEX64"}, {16, "BFLOAT16"}, {17, "FLOAT8E4M3FN"},
      {22, "INT4"},     {99, "type 99"}, {-1, "type -1"}};
  for (const auto& [type, name] : types) {
    CAPTURE(name);
    CHECK_FALSE(onnx::dtype_of(type));
    CHECK_THROWS_WITH_AS((void)read(proto(type, {1})), doctest::Contains(name), UnsupportedError);
  }
}

TEST_CASE("onnx tensor: sizes that do not fit, before anything is allocated") {
  struct Case {
    std::vector<std::int64_t> dims;
    std::size_t bytes;
    const char* problem;
  };
  const Case cases[] = {
      {{2}, 7, "f32[2] needs 8 bytes but has 7"},
      {{2}, 9, "f32[2] needs 8 bytes but has 9"},
      {{}, 0, "needs 4 bytes but has 0"},
      {{-1}, 4, "[-1] has a negative extent"},
      {{0, -1}, 0, "negative extent"},
      {{std::int64_t{1} << 62, 4}, 4, "but has 4"},  // 2^64: 0 when it wraps
      {{std::int64_t{1} << 32, std::int64_t{1} << 32}, 0, "but has 0"},
      {{std::int64_t{1} << 40}, 4, "needs 4398046511104 bytes but has 4"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.problem);
    Proto raw = proto(Proto::FLOAT, c.dims);
    raw.set_raw_data(std::string(c.bytes, '\0'));
    CHECK_THROWS_WITH_AS((void)read(raw), doctest::Contains(c.problem), ParseError);
    CHECK_THROWS_WITH_AS((void)read(raw), doctest::Contains("tensor \"w\""), ParseError);
  }
  Proto fields = proto(Proto::FLOAT, {3});
  fields.add_float_data(1);
  CHECK_THROWS_WITH_AS((void)read(fields), doctest::Contains("needs 3 elements but has 1"),
                       ParseError);
  Proto other_field = proto(Proto::FLOAT, {1});
  other_field.add_int64_data(1);
  CHECK_THROWS_AS((void)read(other_field), ParseError);
  CHECK_THROWS_WITH_AS((void)read(proto(Proto::FLOAT, std::vector<std::int64_t>(100, 1))),
                       doctest::Contains("rank 100"), UnsupportedError);
  CHECK(read(proto(Proto::FLOAT, {0, 5})).shape() == Shape{0, 5});
}

TEST_CASE("onnx tensor: all tensors of a model count together") {
  OnnxLimits limits;
  limits.weight_bytes = 20;
  const onnx::TensorContext context({}, limits);
  const onnx::TensorContext copy = context;
  const Proto eight = onnx::to_proto(Tensor({2}, {1, 2}), "eight");
  CHECK_NOTHROW((void)onnx::to_tensor(eight, context));
  CHECK_NOTHROW((void)onnx::to_tensor(eight, copy));
  CHECK_THROWS_WITH_AS((void)onnx::to_tensor(eight, context),
                       doctest::Contains("OnnxLimits::weight_bytes"), UnsupportedError);
}

TEST_CASE("onnx tensor: external data with and without a place in the file") {
  const Folder folder;
  folder.write("weights.bin", kTwoFloats + kTwoFloats);
  folder.write("deep/er/weights.bin", kTwoFloats);
  CHECK(values<float>(read(external("weights.bin", 4), folder.path())) ==
        std::vector<float>{1, 2, 1, 2});
  CHECK(values<float>(read(external("./deep/er/weights.bin"), folder.path())) ==
        std::vector<float>{1, 2});
  const Proto placed = with(with(external("weights.bin"), "offset", "4"), "length", "8");
  CHECK(values<float>(read(placed, folder.path())) == std::vector<float>{2, 1});
  Proto empty = external("weights.bin", 0);
  CHECK(read(empty, folder.path()).elements() == 0);
}

TEST_CASE("onnx tensor: external data stays in the model's folder") {
  namespace fs = std::filesystem;
  const Folder folder;
  folder.write("secret.bin", kTwoFloats);
  folder.write("model/inside.bin", kTwoFloats);
  folder.write("model/sub/a.bin", kTwoFloats);
  fs::create_symlink(folder / "secret.bin", folder / "model/link.bin");
  fs::create_symlink("inside.bin", folder / "model/inner_link.bin");
  fs::create_directory_symlink(folder.path(), folder / "model/way_out");
  REQUIRE(::mkfifo((folder / "model/pipe").c_str(), 0600) == 0);
  const std::pair<std::string, const char*> cases[] = {
      {(folder / "secret.bin").string(), "absolute path"},
      {"/dev/zero", "absolute path"},
      {"../secret.bin", "leaves the model's folder"},
      {"sub/../../secret.bin", "leaves the model's folder"},
      {"sub/..", "leaves the model's folder"},
      {"link.bin", "goes through a link"},
      {"inner_link.bin", "goes through a link"},
      {"way_out/secret.bin", "goes through a link"},
      {"pipe", "is no regular file"},
      {"sub", "is no regular file"},
      {"sub/", "names a folder"},
      {".", "names a folder"},
      {std::string("inside.bin\0x", 12), "zero byte"},
      {"", "has no location"},
  };
  for (const auto& [location, problem] : cases) {
    CAPTURE(location);
    CHECK_THROWS_WITH_AS((void)read(external(location), folder / "model"),
                         doctest::Contains(problem), ParseError);
  }
  CHECK_THROWS_WITH_AS((void)read(external("inside.bin")), doctest::Contains("comes from memory"),
                       ParseError);
  CHECK_THROWS_AS((void)read(external("nothing.bin"), folder / "model"), FileError);
  CHECK_THROWS_AS((void)read(external("inside.bin/x"), folder / "model"), FileError);
}

TEST_CASE("onnx tensor: external data of another size") {
  const Folder folder;
  folder.write("w.bin", kTwoFloats);
  const Proto cases[] = {
      external("w.bin", 3),
      external("w.bin", std::int64_t{1} << 31),  // 8 GiB, not to be allocated
      with(external("w.bin"), "offset", "1"),
      with(external("w.bin"), "offset", "18446744073709551615"),
      with(external("w.bin"), "offset", "-4"),
      with(external("w.bin"), "offset", "four"),
      with(external("w.bin"), "length", "4"),
      with(external("w.bin"), "length", "99999999999999999999"),
  };
  for (const Proto& c : cases) {
    CAPTURE(c.ShortDebugString());
    CHECK_THROWS_AS((void)read(c, folder.path()), ParseError);
  }
}

TEST_CASE("onnx tensor: external data next to a model named without its folder") {
  const Folder folder;
  folder.write("w.bin", kTwoFloats);
  folder.write("t.pb", external("w.bin").SerializeAsString());
  GraphMaker g;
  *g.proto().add_initializer() = external("w.bin");
  g.input("x", {2}).node("Add", {"x", "w"}, {"y"}).output("y");
  folder.write("m.onnx", model_of(g).SerializeAsString());
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  CHECK_NOTHROW((void)load("m.onnx"));
  CHECK(values<float>(load_onnx_tensor("t.pb")) == std::vector<float>{1, 2});
  std::filesystem::current_path(before);
}

TEST_CASE("onnx tensor: files of test data") {
  const Folder folder;
  const Tensor tensor({2, 2}, {1, 2, 3, 4});
  folder.write("input_0.pb", onnx::to_proto(tensor, "x").SerializeAsString());
  CHECK(load_onnx_tensor(folder / "input_0.pb") == tensor);
  folder.write("empty.pb", "");
  CHECK_THROWS_WITH_AS((void)load_onnx_tensor(folder / "empty.pb"),
                       doctest::Contains("is no tensor of ONNX"), ParseError);
  folder.write("text.pb", "this is no tensor");
  CHECK_THROWS_AS((void)load_onnx_tensor(folder / "text.pb"), Error);
  CHECK_THROWS_AS((void)load_onnx_tensor(folder / "missing.pb"), FileError);
  CHECK_THROWS_AS((void)load_onnx_tensor(folder.path()), FileError);
  const std::string good = folder.read("input_0.pb");
  for (std::size_t length = 0; length < good.size(); ++length) {
    folder.write("part.pb", good.substr(0, length));
    CAPTURE(length);
    CHECK_THROWS_AS((void)load_onnx_tensor(folder / "part.pb"), Error);
  }
}

}  // namespace pinnacle::test
