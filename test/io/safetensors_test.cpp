// Safetensors: what is written is read, and no damaged file gets through.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/error.hpp>
#include <pinnacle/model.hpp>

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>

#include "test_folder.hpp"

namespace pinnacle {
namespace {

std::string with_length(const std::string& header, const std::string& data = {}) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size();
  std::memcpy(file.data(), &length, 8);
  return file + header + data;
}

}  // namespace

TEST_CASE("safetensors: round trip of every element type") {
  const test::Folder folder;
  Checkpoint out;
  out.metadata = {{"epoch", "3"}, {"quote \" and \n", "line\tend \\"}};
  out.tensors.emplace("scalar", Tensor::scalar(2.5f));
  out.tensors.emplace("matrix", Tensor({2, 3}, {1, 2, 3, 4, 5, 6}));
  out.tensors.emplace("empty", Tensor(Shape{3, 0}));
  out.tensors.emplace("name with \"quotes\"", Tensor(Shape{2}, DType::i32));
  for (const DType dtype : {DType::f16, DType::i64, DType::i8, DType::u8, DType::boolean}) {
    Tensor tensor(Shape{3}, dtype);
    tensor.bytes()[1] = std::byte{1};
    out.tensors.emplace(std::string(to_string(dtype)), tensor);
  }
  save_safetensors(folder / "all.safetensors", out);
  const Checkpoint in = load_safetensors(folder / "all.safetensors");
  CHECK(in.tensors == out.tensors);
  CHECK(in.metadata == out.metadata);
  save_safetensors(folder / "none.safetensors", {});
  CHECK(load_safetensors(folder / "none.safetensors").tensors.empty());
}

TEST_CASE("safetensors: the bytes are those of the format") {
  const test::Folder folder;
  save_safetensors(folder / "a", {.tensors = {{"a", Tensor({1}, {1.0f})}}, .metadata = {}});
  std::string header = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  header.resize((header.size() + 7) / 8 * 8, ' ');
  CHECK(folder.read("a") == with_length(header, std::string("\x00\x00\x80\x3f", 4)));
}

TEST_CASE("safetensors: damaged files are refused with the reason") {
  const test::Folder folder;
  const std::string good = R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  const auto entry = [](const char* text) { return with_length(text, "1234"); };
  struct Case {
    std::string bytes;
    const char* problem;
  };
  const Case cases[] = {
      {"", "has 0 bytes"},
      {"1234567", "has 7 bytes"},
      {std::string(8, '\xff') + good, "at most 100000000 are allowed"},
      {with_length(good).substr(0, 20), "inside its header"},
      {with_length(""), "byte 8 must be '{'"},
      {with_length(" " + good, "1234"), "byte 8 must be '{'"},
      {with_length("{\"a\":"), "no valid JSON"},
      {with_length(good + "x", "1234"), "no valid JSON"},
      {with_length("{\"\xff\":1}"), "no valid JSON"},
      {with_length(good, "123"), "lies at [0, 4) but there are 3 bytes"},
      {with_length(good, "12345"), "the tensors end at 4 but there are 5"},
      {entry(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})"), "lies at [4, 0)"},
      {entry(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[1,5]}})"), "lies at [1, 5)"},
      {entry(R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[1,4]}})"), "begins at 1"},
      {entry(R"({"a":{"dtype":"U8","shape":[4],"data_offsets":[0,4]},)"
             R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})"),
       "\"b\" begins at 2 but the one before ends at 4"},
      {entry(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},)"
             R"("b":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})"),
       "\"b\" begins at 2 but the one before ends at 1"},
      {entry(R"({"a":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},)"
             R"("a":{"dtype":"U8","shape":[2],"data_offsets":[2,4]}})"),
       "\"a\" is there twice"},
      {entry(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})"), "is F32[2] but has 4"},
      {entry(R"({"a":{"dtype":"F32","shape":[4294967296,4294967296,4294967297],)"
             R"("data_offsets":[0,4]}})"),
       "but has 4 bytes"},
      {entry(R"({"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}})"),
       "has an extent of"},
      {entry(R"({"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}})"),
       "is no size"},
      {with_length(R"({"a":{"dtype":"F32","shape":[1152921504606846976,0],"data_offsets":[0,0]}})"),
       "too many elements"},
      {entry(R"({"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}})"), "-1 under \"shape\""},
      {entry(R"({"a":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}})"), "1.0 under"},
      {entry(R"({"a":{"dtype":"F33","shape":[1],"data_offsets":[0,4]}})"), "unknown dtype \"F33\""},
      {entry(R"({"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4,4]}})"), "no data_offsets"},
      {entry(R"({"a":{"dtype":"F32","data_offsets":[0,4]}})"), "\"a\" has no shape"},
      {entry(R"({"a":{"shape":[1],"data_offsets":[0,4]}})"), "\"a\" has no dtype"},
      {entry(R"({"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}})"), "twice"},
      {entry(R"({"a":{"dtype":"F32","shape":[1],"more":1,"data_offsets":[0,4]}})"),
       "unknown key \"more\""},
      {entry(R"({"a":{"dtype":"F32","shape":[[1]],"data_offsets":[0,4]}})"), "a list"},
      {entry(R"({"a":{"dtype":"F32","shape":{},"data_offsets":[0,4]}})"), "an object"},
      {entry(R"({"a":[1]})"), "a list is not allowed"},
      {entry(R"({"a":null})"), "null is not allowed"},
      {with_length(R"({"__metadata__":{"a":1}})"), "a number is not allowed"},
      {with_length(R"({"__metadata__":{"a":"1","a":"2"}})"), "is there twice"},
      {with_length(R"({"__metadata__":{},"__metadata__":{}})"), "is there twice"},
      {with_length("{" + std::string(100000, '{')), "no valid JSON"},
      {with_length(R"({"a":)" + std::string(100000, '[')), "a list is not allowed"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.problem);
    folder.write("bad.safetensors", c.bytes);
    CHECK_THROWS_WITH_AS(load_safetensors(folder / "bad.safetensors"), doctest::Contains(c.problem),
                         ParseError);
    CHECK_THROWS_WITH_AS(load_safetensors(folder / "bad.safetensors"),
                         doctest::Contains("bad.safetensors: "), ParseError);
  }
}

TEST_CASE("safetensors: every truncation and many flipped bits of a file are survived") {
  const test::Folder folder;
  save_safetensors(folder / "a", {.tensors = {{"a", Tensor({2}, {1, 2})}, {"b", Tensor({1}, {3})}},
                                  .metadata = {{"k", "v"}}});
  const std::string good = folder.read("a");
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder.write("b", good.substr(0, size));
    CHECK_THROWS_AS(load_safetensors(folder / "b"), ParseError);
  }
  for (std::size_t bit = 0; bit < good.size() * 8; bit += 3) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    folder.write("b", bad);
    try {
      load_safetensors(folder / "b");  // a changed name or number may well be valid
    } catch (const Error&) {
    }
  }
}

TEST_CASE("safetensors: other element types are listed, all of them") {
  const test::Folder folder;
  folder.write("a", with_length(R"({"a":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]},)"
                                R"("b":{"dtype":"F64","shape":[1],"data_offsets":[2,10]}})",
                                "0123456789"));
  try {
    load_safetensors(folder / "a");
    FAIL("was accepted");
  } catch (const UnsupportedError& error) {
    CHECK(error.items() == std::vector<std::string>{"a: BF16", "b: F64"});
  }
}

TEST_CASE("safetensors: files that are not there, and names that cannot be written") {
  const test::Folder folder;
  CHECK_THROWS_AS(load_safetensors(folder / "missing"), FileError);
  CHECK_THROWS_AS(load_safetensors(folder.path()), FileError);
  CHECK_THROWS_AS(save_safetensors(folder / "no" / "such" / "a", {}), FileError);
  CHECK_THROWS_AS(
      save_safetensors(folder / "a", {.tensors = {{"\xff", Tensor({1}, {1})}}, .metadata = {}}),
      ArgumentError);
  CHECK_THROWS_AS(save_safetensors(folder / "a", {.tensors = {{"__metadata__", Tensor({1}, {1})}},
                                                  .metadata = {}}),
                  ArgumentError);
}

TEST_CASE("model files: save and load") {
  const test::Folder folder;
  const Model model(dense(3) | batch_norm() | dropout(0.5), {Shape{2}}, 1);
  model.save(folder / "m");
  Model other(dense(3) | batch_norm() | dropout(0.5), {Shape{2}}, 2);
  CHECK_FALSE(other.weights() == model.weights());
  other.load(folder / "m");
  CHECK(other.weights() == model.weights());
}

TEST_CASE("model files: weights of another model are refused and change nothing") {
  const test::Folder folder;
  Model(dense(3), {Shape{2}}).save(folder / "m");
  Model more(dense(3) | dense(3), {Shape{2}}), wider(dense(4), {Shape{2}});
  const Weights before = wider.weights();
  CHECK_THROWS_WITH_AS(more.load(folder / "m"), doctest::Contains("lacks \"dense_2.bias\""),
                       ShapeError);
  CHECK_THROWS_WITH_AS(wider.load(folder / "m"), doctest::Contains("as f32[3]"), ShapeError);
  CHECK(wider.weights() == before);
  more.save(folder / "m");
  Model small(dense(3), {Shape{2}});
  CHECK_THROWS_WITH_AS(small.load(folder / "m"), doctest::Contains("does not have"), ShapeError);
}

TEST_CASE("model files: a training checkpoint can be loaded, without the optimizer's states") {
  const test::Folder folder;
  Model model(dense(3), {Shape{2}}, 1);
  Checkpoint checkpoint{model.weights(), {}};
  checkpoint.tensors.emplace("steps", Tensor::scalar(9));
  checkpoint.tensors.emplace("dense_1.weight.adam_m", Tensor(Shape{2, 3}));
  save_safetensors(folder / "m", checkpoint);
  Model other(dense(3), {Shape{2}}, 2);
  other.load(folder / "m");
  CHECK(other.weights() == model.weights());
}

}  // namespace pinnacle
