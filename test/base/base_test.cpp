// Tensors, text helpers, files.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <pinnacle/error.hpp>
#include <pinnacle/op.hpp>
#include <pinnacle/tensor.hpp>

#include <cmath>
#include <filesystem>

#include "base/files.hpp"
#include "base/text.hpp"
#include "test_folder.hpp"

namespace pinnacle::test {

TEST_CASE("tensor: sizes, types and views are checked") {
  const Tensor t({2, 3}, {1, 2, 3, 4, 5, 6});
  CHECK(t.elements() == 6);
  CHECK(t.rows(1, 1).f32()[2] == 6.0f);
  CHECK(t.reshaped({3, 2}).shape() == Shape({3, 2}));
  CHECK_THROWS_AS(t.reshaped({4}), ShapeError);
  CHECK_THROWS_AS(t.rows(1, 2), ShapeError);
  CHECK_THROWS_AS(t.i32(), ArgumentError);
  CHECK_THROWS_AS(Tensor({-1}), ShapeError);
  CHECK_THROWS_AS(Tensor({1 << 30, 1 << 30}), ShapeError);
  CHECK_THROWS_AS(Tensor({2}, {1.0f}), ShapeError);
}

TEST_CASE("half precision: round trip of every finite value, rounding to nearest even") {
  Tensor t({1}, DType::f16);
  int checked = 0;
  for (int bits = 0; bits < 0x10000; ++bits) {
    if (((bits >> 10) & 31) == 31) continue;
    t.bytes()[0] = static_cast<std::byte>(bits & 255);
    t.bytes()[1] = static_cast<std::byte>(bits >> 8);
    const Tensor back = to_tensor(to_array(t), DType::f16);
    if (!(back == t)) FAIL_CHECK("bits " << bits);
    ++checked;
  }
  CHECK(checked == 63488);
  const auto half = [](double v) {
    Array a({1}, v);
    return to_array(to_tensor(a, DType::f16)).data[0];
  };
  CHECK(half(1.0 + 1.0 / 2048) == 1.0);               // a tie goes to even
  CHECK(half(1.0 + 3.0 / 2048) == 1.0 + 4.0 / 2048);  // likewise, upwards
  CHECK(half(65519.0) == 65504.0);
  CHECK(std::isinf(half(65520.0)));
  CHECK(half(std::ldexp(1.0, -25)) == 0.0);
}

TEST_CASE("text: suggestions only for near words") {
  const std::vector<std::string> names = {"relu", "sigmoid", "conv2d"};
  CHECK(suggestion("rleu", names) == "did you mean relu?");
  CHECK(suggestion("Conv2D", names) == "did you mean conv2d?");
  CHECK(suggestion("lstm_cell", names).empty());
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(split("a,b,,c", ',').size() == 4);
  CHECK(trim("  x y ") == "x y");
}

TEST_CASE("files: atomic writes leave no trace of a failure") {
  const Folder folder;
  const auto file = folder.path() / "a.txt";
  write_file_atomically(file, "one");
  write_file_atomically(file, "two");
  CHECK(read_file(file) == "two");
  CHECK_THROWS_AS(write_file_atomically(folder.path() / "no" / "b.txt", "x"), FileError);
  CHECK_THROWS_AS(read_file(folder.path()), FileError);
  CHECK_THROWS_WITH_AS(read_file(folder.path() / "none"), doctest::Contains("No such file"),
                       FileError);
  int files = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.path()))
    ++files;
  CHECK(files == 1);
}

TEST_CASE("errors: one line with where, what and what to do") {
  const ArgumentError error("there is no net lnet", "--net", "did you mean lenet?");
  CHECK(std::string(error.what()) == "--net: there is no net lnet; did you mean lenet?");
  CHECK(error.where() == "--net");
  CHECK(error.hint() == "did you mean lenet?");
}

}  // namespace pinnacle::test
