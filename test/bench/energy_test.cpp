// The processor's energy counters, from folders made up.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/energy.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace pinnacle::bench {
namespace {

class Folder {
 public:
  Folder()
      : path_(std::filesystem::temp_directory_path() /
              ("pinnacle-rapl-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  void write(const std::string& zone, const std::string& file, const std::string& text) const {
    std::filesystem::create_directories(path_ / zone);
    std::ofstream(path_ / zone / file) << text << '\n';
  }

 private:
  std::filesystem::path path_;
};

}  // namespace

TEST_CASE("energy: packages are summed up, their parts are not counted twice") {
  const Folder folder;
  folder.write("intel-rapl:0", "energy_uj", "1000000");
  folder.write("intel-rapl:1", "energy_uj", "5000000");
  folder.write("intel-rapl:0:0", "energy_uj", "900000");
  EnergyCounter counter(folder.path());
  CHECK(counter.problem().empty());
  CHECK(counter.joules() == 0);
  folder.write("intel-rapl:0", "energy_uj", "3500000");
  folder.write("intel-rapl:1", "energy_uj", "5250000");
  folder.write("intel-rapl:0:0", "energy_uj", "1900000");
  CHECK(counter.joules() == doctest::Approx(2.75));
  CHECK(counter.joules() == 0);
}

TEST_CASE("energy: a counter that wraps goes on") {
  const Folder folder;
  folder.write("intel-rapl:0", "max_energy_range_uj", "10000000");
  folder.write("intel-rapl:0", "energy_uj", "9000000");
  EnergyCounter counter(folder.path());
  folder.write("intel-rapl:0", "energy_uj", "500000");
  CHECK(counter.joules() == doctest::Approx(1.5));
}

TEST_CASE("energy: without counters it says so") {
  const Folder folder;
  CHECK(EnergyCounter(folder.path()).problem().find("no energy counters") != std::string::npos);
  CHECK(EnergyCounter("/nonexistent").problem().find("/nonexistent") != std::string::npos);
  folder.write("intel-rapl:0", "energy_uj", "nonsense");
  CHECK(EnergyCounter(folder.path()).problem().find("may not be read") != std::string::npos);
}

}  // namespace pinnacle::bench
