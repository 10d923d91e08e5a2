// IDX files: round trips, damage, and MNIST folders.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <zlib.h>
#include <pinnacle/data.hpp>
#include <pinnacle/error.hpp>

#include <cstdlib>

#include "data/digit_files.hpp"
#include "data/md5.hpp"
#include "test_folder.hpp"

namespace pinnacle {
namespace {

Tensor bytes(Shape shape) {
  Tensor tensor(std::move(shape), DType::u8);
  for (std::size_t i = 0; i < tensor.bytes().size(); ++i) {
    tensor.bytes()[i] = static_cast<std::byte>(i % 10);
  }
  return tensor;
}

void write_gzip(const std::filesystem::path& file, const std::string& contents) {
  const gzFile stream = gzopen(file.c_str(), "wb");
  gzwrite(stream, contents.data(), static_cast<unsigned>(contents.size()));
  gzclose(stream);
}

std::string header(std::string magic, std::initializer_list<unsigned> extents) {
  for (const unsigned extent : extents) {
    for (int shift = 24; shift >= 0; shift -= 8) magic += static_cast<char>(extent >> shift & 255);
  }
  return magic;
}

std::string md5_of(std::string_view text) { return md5(std::as_bytes(std::span(text))); }

// Two train and one test digits under the first names.
void write_digits(const test::Folder& folder, const std::string& inside = "") {
  std::filesystem::create_directories(folder / inside);
  const auto file = [&](int i) { return folder / inside / kDigitFiles[i].name; };
  data::write_idx(file(0), bytes({2, 28, 28}));
  data::write_idx(file(1), bytes({2}));
  data::write_idx(file(2), bytes({1, 28, 28}));
  data::write_idx(file(3), bytes({1}));
}

}  // namespace

TEST_CASE("idx: round trip of every rank, plain and gzip") {
  const test::Folder folder;
  for (const Shape& shape : {Shape{7}, Shape{2, 3}, Shape{2, 3, 4}, Shape{2, 1, 3, 5}}) {
    data::write_idx(folder / "a", bytes(shape));
    CHECK(data::read_idx(folder / "a") == bytes(shape));
    write_gzip(folder / "a.gz", folder.read("a"));
    CHECK(data::read_idx(folder / "a.gz") == bytes(shape));
  }
  CHECK_THROWS_AS(data::write_idx(folder / "b", Tensor(Shape{2})), ArgumentError);
  CHECK_THROWS_AS(data::write_idx(folder / "b", Tensor(Shape{0}, DType::u8)), ArgumentError);
}

TEST_CASE("idx: damage is named with the byte") {
  const test::Folder folder;
  const std::string magic1("\0\0\x08\x01", 4), magic3("\0\0\x08\x03", 4);
  struct Case {
    std::string contents;
    const char* problem;
  };
  const Case cases[] = {
      {"", "ends at byte 0"},
      {"<html>", "0x3c"},
      {std::string("\0\0\x0d\x01", 4), "0x0d at byte 2"},
      {std::string("\0\0\x08\x00", 4), "rank 0 at byte 3"},
      {std::string("\0\0\x08\x05", 4), "rank 5 at byte 3"},
      {magic3 + std::string("\0\0", 2), "ends at byte 6 inside the extent of axis 0"},
      {header(magic3, {2, 0, 2}), "axis 1 has extent 0 at byte 8"},
      {header(magic3, {0xffffffff, 0xffffffff, 2}), "more than 4 GiB"},
      {header(magic1, {4}) + "abc", "ends at byte 11; [4] needs 12 bytes"},
      {header(magic1, {0xffffffff}) + "abc", "ends at byte 11"},
      {header(magic1, {4}) + "abcde", "goes on at byte 12"},
  };
  for (const Case& c : cases) {
    CAPTURE(c.problem);
    folder.write("bad", c.contents);
    CHECK_THROWS_WITH_AS(data::read_idx(folder / "bad"), doctest::Contains(c.problem), ParseError);
  }
  CHECK_THROWS_AS(data::read_idx(folder / "missing"), FileError);
  CHECK_THROWS_AS(data::read_idx(folder.path()), FileError);
}

TEST_CASE("idx: a damaged gzip file is refused wherever it is cut or changed") {
  const test::Folder folder;
  data::write_idx(folder / "a", bytes({3, 9, 7}));
  write_gzip(folder / "a.gz", folder.read("a"));
  const std::string good = folder.read("a.gz");
  for (std::size_t size = 0; size < good.size(); ++size) {
    folder.write("b.gz", good.substr(0, size));
    CHECK_THROWS_AS(data::read_idx(folder / "b.gz"), ParseError);
  }
  std::string bad = good;
  bad[good.size() - 6] = static_cast<char>(bad[good.size() - 6] ^ 1);  // the check sum
  folder.write("b.gz", bad);
  CHECK_THROWS_WITH_AS(data::read_idx(folder / "b.gz"), doctest::Contains("damaged"), ParseError);
}

TEST_CASE("md5: the vectors of RFC 1321") {
  CHECK(md5_of("") == "d41d8cd98f00b204e9800998ecf8427e");
  CHECK(md5_of("a") == "0cc175b9c0f1b6a831c399e269772661");
  CHECK(md5_of("abc") == "900150983cd24fb0d6963f7d28e17f72");
  CHECK(md5_of("message digest") == "f96b697d7cb7938d525a2f31aaf161d0");
  CHECK(md5_of("abcdefghijklmnopqrstuvwxyz") == "c3fcd3d76192e4007dfb496cca67e13b");
  CHECK(md5_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") ==
        "d174ab98d277d9f5a5611c2c9f419d9f");
  CHECK(
      md5_of("12345678901234567890123456789012345678901234567890123456789012345678901234567890") ==
      "57edf4a22be3c955ac49da2e2107b67a");
}

TEST_CASE("mnist: reads a folder under all the usual names") {
  const test::Folder folder;
  write_digits(folder);
  const TrainTest sets = data::mnist(folder.path());
  CHECK(sets.train.x.shape() == Shape{2, 1, 28, 28});
  CHECK(sets.train.y == Tensor({2}, std::vector<std::int32_t>{0, 1}));
  CHECK(sets.train.x.f32()[9] == 9 / 255.0f);
  CHECK(sets.test.size() == 1);
  CHECK(sets.train.rows(1, 1).y.i32()[0] == 1);
  CHECK_THROWS_AS(sets.train.rows(1, 2), ShapeError);
  const std::filesystem::path first = folder / kDigitFiles[0].name;
  std::filesystem::rename(first, folder / kDigitFiles[0].other_name);
  CHECK(data::mnist(folder.path()).train.size() == 2);
  write_gzip(first.string() + ".gz", folder.read(kDigitFiles[0].other_name));
  std::filesystem::remove(folder / kDigitFiles[0].other_name);
  CHECK(data::mnist(folder.path()).train.size() == 2);
}

TEST_CASE("mnist: missing, mismatched and foreign files") {
  const test::Folder folder;
  write_digits(folder);
  const auto file = [&](int i) { return folder / kDigitFiles[i].name; };
  CHECK_THROWS_AS(data::mnist(folder / "none"), FileError);
  data::write_idx(file(1), bytes({3}));
  CHECK_THROWS_WITH_AS(data::mnist(folder.path()), doctest::Contains("[3] labels for the 2 images"),
                       ParseError);
  Tensor eleven = bytes({2});
  eleven.bytes()[1] = std::byte{11};
  data::write_idx(file(1), eleven);
  CHECK_THROWS_WITH_AS(data::mnist(folder.path()), doctest::Contains("the label at byte 9 is 11"),
                       ParseError);
  data::write_idx(file(1), bytes({2}));
  data::write_idx(file(0), bytes({2, 14, 14}));
  CHECK_THROWS_WITH_AS(data::mnist(folder.path()), doctest::Contains("[N, 28, 28]"), ParseError);
  std::filesystem::remove(file(0));
  std::filesystem::remove(file(3));
  CHECK_THROWS_WITH_AS(data::mnist(folder.path()),
                       doctest::Contains("train-images-idx3-ubyte, train-images-idx3-ubyte.gz, "
                                         "train-images.idx3-ubyte or"),
                       FileError);
  CHECK_THROWS_WITH_AS(data::mnist(folder.path()), doctest::Contains("t10k-labels"), FileError);
}

TEST_CASE("mnist: the real files, where PINNACLE_DATA names them") {
  const char* data_folder = std::getenv("PINNACLE_DATA");
  if (data_folder == nullptr || *data_folder == '\0') return;
  const TrainTest sets = data::find_digits();
  if (sets.train.size() != 60000) return;  // other digits
  CHECK(sets.test.size() == 10000);
  CHECK(sets.train.y.i32()[0] == 5);
  double sum = 0;
  for (const float pixel : sets.train.x.f32()) sum += pixel;
  CHECK(sum / static_cast<double>(sets.train.x.elements()) ==
        doctest::Approx(0.1307).epsilon(0.001));
}

}  // namespace pinnacle
