// Drawn digits, the search for digits, and digits as text.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <pinnacle/data.hpp>
#include <pinnacle/error.hpp>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <set>

#include "data/digit_files.hpp"
#include "data/download.hpp"
#include "test_folder.hpp"

namespace pinnacle {
namespace {

void write_digits(const std::filesystem::path& folder, std::int64_t count) {
  std::filesystem::create_directories(folder);
  const DigitBytes digits = draw_digits(count, 5, 0);
  for (std::size_t i = 0; i < 4; i += 2) {
    data::write_idx(folder / kDigitFiles[i].name, digits.images);
    data::write_idx(folder / kDigitFiles[i + 1].name, digits.labels);
  }
}

}  // namespace

TEST_CASE("drawn digits: repeatable, distinct, balanced, in range") {
  const TrainTest a = data::drawn_digits(300, 100, 1), b = data::drawn_digits(300, 50, 1);
  CHECK(a.train.x == b.train.x);
  CHECK(a.train.y == b.train.y);
  CHECK(a.test.x.rows(0, 50) == b.test.x);
  CHECK(a.train.x.shape() == Shape{300, 1, 28, 28});
  CHECK_FALSE(data::drawn_digits(300, 50, 2).train.x == a.train.x);
  std::set<std::vector<float>> seen;
  std::array<int, 10> counts{};
  for (std::int64_t i = 0; i < 300; ++i) {
    const Tensor image = a.train.x.rows(i, 1);
    const auto pixels = image.f32();
    seen.emplace(pixels.begin(), pixels.end());
    const auto [low, high] = std::minmax_element(pixels.begin(), pixels.end());
    REQUIRE(*low == 0.0f);
    REQUIRE(*high > 0.5f);
    REQUIRE(*high <= 1.0f);
    const std::int32_t label = a.train.y.i32()[static_cast<std::size_t>(i)];
    REQUIRE(label >= 0);
    REQUIRE(label <= 9);
    ++counts[static_cast<std::size_t>(label)];
  }
  CHECK(seen.size() == 300);
  CHECK(*std::min_element(counts.begin(), counts.end()) >= 10);
  CHECK_THROWS_AS(data::drawn_digits(0, 1, 1), ArgumentError);
}

TEST_CASE("drawn digits: the nearest middle of a class tells most of them apart") {
  const TrainTest sets = data::drawn_digits(2000, 400, 1);
  std::array<std::array<double, 784>, 10> middle{};
  std::array<int, 10> counts{};
  for (std::size_t i = 0; i < 2000; ++i) {
    const auto label = static_cast<std::size_t>(sets.train.y.i32()[i]);
    ++counts[label];
    for (std::size_t k = 0; k < 784; ++k) middle[label][k] += sets.train.x.f32()[i * 784 + k];
  }
  int right = 0;
  for (std::size_t i = 0; i < 400; ++i) {
    std::array<double, 10> distance{};
    for (std::size_t c = 0; c < 10; ++c) {
      for (std::size_t k = 0; k < 784; ++k) {
        const double d = middle[c][k] / counts[c] - sets.test.x.f32()[i * 784 + k];
        distance[c] += d * d;
      }
    }
    const auto best = std::min_element(distance.begin(), distance.end()) - distance.begin();
    right += best == sets.test.y.i32()[i] ? 1 : 0;
  }
  MESSAGE("nearest middle: " << right / 4.0 << " %");
  CHECK(right > 240);  // learnable
  CHECK(right < 388);  // but no toy
}

TEST_CASE("find_digits: a folder given must hold them") {
  const test::Folder folder;
  const test::Environment cache("PINNACLE_CACHE", (folder / "cache").c_str());
  CHECK_THROWS_WITH_AS(data::find_digits(folder / "none"), doctest::Contains("no such folder"),
                       FileError);
  CHECK_THROWS_WITH_AS(data::find_digits(folder.path()),
                       doctest::Contains("t10k-images-idx3-ubyte"), FileError);
  write_digits(folder / "mnist", 3);
  CHECK(data::find_digits(folder.path()).train.size() == 3);
  CHECK(data::find_digits(folder / "mnist").train.size() == 3);
}

TEST_CASE("find_digits: given, PINNACLE_DATA, cache, drawn, in this order") {
  const test::Folder folder;
  const test::Environment offline("PINNACLE_OFFLINE", "1");
  const test::Environment cache("PINNACLE_CACHE", (folder / "cache").c_str());
  write_digits(folder / "given", 3);
  write_digits(folder / "variable" / "mnist", 4);
  {
    const test::Environment data("PINNACLE_DATA", (folder / "variable").c_str());
    CHECK(data::find_digits(folder / "given").train.size() == 3);
    const TrainTest sets = data::find_digits();
    CHECK(sets.train.size() == 4);
    CHECK(sets.source.find("PINNACLE_DATA") != std::string::npos);
  }
  {
    const test::Environment data("PINNACLE_DATA", (folder / "nothing").c_str());
    CHECK_THROWS_WITH_AS(data::find_digits(), doctest::Contains("PINNACLE_DATA"), FileError);
  }
  const test::Environment data("PINNACLE_DATA", nullptr);
  const TrainTest drawn = data::find_digits();
  CHECK(drawn.train.size() == 12000);
  CHECK(drawn.test.size() == 2000);
  CHECK(drawn.source.find("drawn by Pinnacle") != std::string::npos);
  CHECK(holds_digits(folder / "cache" / "drawn"));
  const TrainTest again = data::find_digits();
  CHECK(again.train.x == drawn.train.x);
  CHECK(again.source == drawn.source);
  // A damaged copy only costs drawing again.
  folder.write(std::string("cache/drawn/") + kDigitFiles[1].name, "damaged");
  CHECK(data::find_digits().train.y == drawn.train.y);
  write_digits(folder / "cache" / "mnist", 5);
  const TrainTest cached = data::find_digits();
  CHECK(cached.train.size() == 5);
  CHECK(cached.source.find("cache") != std::string::npos);
  folder.write(std::string("cache/mnist/") + kDigitFiles[0].name, "damaged");
  CHECK(data::find_digits().train.size() == 12000);
}

TEST_CASE("find_digits: without a usable cache the digits stay in memory") {
  const test::Folder folder;
  folder.write("file", "in the way");
  const test::Environment offline("PINNACLE_OFFLINE", "1");
  const test::Environment data("PINNACLE_DATA", nullptr);
  const test::Environment cache("PINNACLE_CACHE", (folder / "file").c_str());
  const TrainTest sets = data::find_digits();
  CHECK(sets.train.size() == 12000);
  CHECK(sets.source.find("kept in") == std::string::npos);
}

TEST_CASE("download: what cannot be fetched is false, without a word") {
  const test::Folder folder;
  CHECK_FALSE(download("file://" + (folder / "none").string(), folder / "target"));
  const test::Environment path("PATH", folder.path().c_str());  // neither curl nor wget
  CHECK_FALSE(download("file:///dev/null", folder / "target"));
}

TEST_CASE("download_mnist: files that are not MNIST's are refused, and nothing is kept") {
  const test::Folder folder;
  write_digits(folder / "mirror", 3);
  for (const DigitFile& file : kDigitFiles) {
    std::filesystem::rename(folder / "mirror" / file.name,
                            folder / "mirror" / (std::string(file.name) + ".gz"));
  }
  const std::string mirror = "file://" + (folder / "mirror").string() + "/";
  const std::array<const char*, 2> mirrors{"file:///no/such/folder/", mirror.c_str()};
  CHECK_FALSE(download_mnist(folder / "cache", mirrors).has_value());
  CHECK_FALSE(std::filesystem::exists(folder / "cache"));
}

TEST_CASE("download_mnist: the second mirror helps out, and the cache keeps the files") {
  const char* place = std::getenv("PINNACLE_DATA");
  const test::Folder folder;
  const std::string mirror = fmt::format("file://{}/mnist/", place == nullptr ? "" : place);
  const std::string probe = std::string(kDigitFiles[3].name) + ".gz";
  if (!download(mirror + probe, folder / probe)) return;  // no MNIST or no curl here
  const std::array<const char*, 2> mirrors{"file:///no/such/folder/", mirror.c_str()};
  const auto sets = download_mnist(folder / "cache", mirrors);
  REQUIRE(sets.has_value());
  CHECK(sets->train.size() == 60000);
  CHECK(sets->source.find("downloaded to") != std::string::npos);
  CHECK(data::mnist(folder / "cache").test.x == sets->test.x);
}

TEST_CASE("draw: half blocks") {
  Tensor image(Shape{28, 28});
  image.f32()[0] = 1;       // above
  image.f32()[28 + 1] = 1;  // below
  image.f32()[2] = 1;       // both
  image.f32()[28 + 2] = 1;
  const std::string text = data::draw(image);
  CHECK(text.starts_with("\xe2\x96\x80\xe2\x96\x84\xe2\x96\x88 "));
  CHECK(std::count(text.begin(), text.end(), '\n') == 14);
  CHECK(data::draw(image.reshaped({1, 28, 28})) == text);
  CHECK_THROWS_AS(data::draw(Tensor(Shape{3, 28, 28})), ShapeError);
}

}  // namespace pinnacle
