// Where digits come from: given, PINNACLE_DATA, cache, download, drawn.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "data/digit_files.hpp"
#include "data/download.hpp"

namespace pinnacle::data {
namespace {

constexpr std::int64_t kDrawnTrain = 12000;
constexpr std::int64_t kDrawnTest = 2000;
constexpr std::uint64_t kDrawnSeed = 1;

// The folder itself or its mnist/, whichever holds digits. throws FileError
TrainTest from_folder(const std::filesystem::path& folder, const std::string& origin) {
  const bool inside = !holds_digits(folder) && holds_digits(folder / "mnist");
  const std::filesystem::path place = inside ? folder / "mnist" : folder;
  try {
    TrainTest sets = mnist(place);
    sets.source = fmt::format("digits from {} ({})", place.string(), origin);
    return sets;
  } catch (const FileError& error) {
    throw FileError(error.what(), origin);
  }
}

// Whatever is wrong with a cache only costs making it again.
std::optional<TrainTest> from_cache(const std::filesystem::path& folder) {
  if (folder.empty() || !holds_digits(folder)) return std::nullopt;
  try {
    return mnist(folder);
  } catch (const Error&) {
    return std::nullopt;
  }
}

TrainTest drawn(const std::filesystem::path& cache) {
  const std::string what = "digits drawn by Pinnacle, because no MNIST was found";
  if (std::optional<TrainTest> sets = from_cache(cache)) {
    sets->source = fmt::format("{}; kept in {}", what, cache.string());
    return std::move(*sets);
  }
  const std::array<DigitBytes, 2> sets{draw_digits(kDrawnTrain, kDrawnSeed, 0),
                                       draw_digits(kDrawnTest, kDrawnSeed, 1)};
  TrainTest result{digits_from_bytes(sets[0].images, sets[0].labels),
                   digits_from_bytes(sets[1].images, sets[1].labels), what};
  const std::array<Tensor, 4> files{sets[0].images, sets[0].labels, sets[1].images, sets[1].labels};
  if (keep_digits(cache, files)) result.source += fmt::format("; kept in {}", cache.string());
  return result;
}

}  // namespace

TrainTest find_digits(const std::filesystem::path& folder) {
  if (!folder.empty()) return from_folder(folder, "the data folder given");
  if (const std::string data = environment("PINNACLE_DATA"); !data.empty()) {
    return from_folder(data, "the environment variable PINNACLE_DATA");
  }
  const std::filesystem::path cache = cache_folder();
  const auto cached = [&](const char* name) { return cache.empty() ? cache : cache / name; };
  if (std::optional<TrainTest> sets = from_cache(cached("mnist"))) {
    sets->source = fmt::format("MNIST from the cache, {}", cached("mnist").string());
    return std::move(*sets);
  }
  if (environment("PINNACLE_OFFLINE") != "1") {
    std::optional<TrainTest> sets = download_mnist(cached("mnist"), kMnistMirrors);
    if (sets) return std::move(*sets);
  }
  return drawn(cached("drawn"));
}

}  // namespace pinnacle::data
