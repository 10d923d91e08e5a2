// The program cache on disk: whatever is wrong with an entry costs a rebuild, never an error.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/program_cache.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <pinnacle/error.hpp>
#include <string>

#include "base/files.hpp"
#include "device_list.hpp"
#include "runtime/binary_store.hpp"
#include "runtime/device_handle.hpp"
#include "support.hpp"

using namespace pinnacle;
using runtime::load_binary;
using runtime::save_binary;
using test::ScopedFolder;
using test::ScopedVariable;

namespace {

// A cache of its own, as a new process would have it.
runtime::ProgramCache fresh_cache(const Device& device,
                                  runtime::Keep keep = runtime::Keep::always) {
  return {device.handle().context(), device.handle().id(), device.name(), "test", keep};
}

std::vector<std::filesystem::path> entries(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    files.push_back(entry.path());
  }
  return files;
}

}  // namespace

TEST_CASE("binaries are stored and found by their whole key") {
  const ScopedFolder folder;
  CHECK(save_binary(folder.path() / "programs", "key", "binary") == "");
  CHECK(load_binary(folder.path() / "programs", "key") == "binary");
  CHECK_FALSE(load_binary(folder.path() / "programs", "other key"));
}

TEST_CASE("damaged, truncated and foreign entries read as absent") {
  const ScopedFolder folder;
  REQUIRE(save_binary(folder.path(), "key", "some binary") == "");
  const auto file = runtime::binary_file(folder.path(), "key");
  const std::string sound = read_file(file);
  for (std::size_t length = 0; length < sound.size(); length += 3) {
    write_file_atomically(file, sound.substr(0, length));
    CHECK_FALSE(load_binary(folder.path(), "key"));
  }
  for (std::size_t i = 0; i < sound.size(); ++i) {
    std::string damaged = sound;
    damaged[i] = static_cast<char>(damaged[i] ^ 0x40);
    write_file_atomically(file, damaged);
    CHECK_FALSE(load_binary(folder.path(), "key"));
  }
  write_file_atomically(file, sound + "x");
  CHECK_FALSE(load_binary(folder.path(), "key"));
  // Another key's sound entry under this name, as when two hashes collide.
  REQUIRE(save_binary(folder.path(), "foreign", "other binary") == "");
  std::filesystem::rename(runtime::binary_file(folder.path(), "foreign"), file);
  CHECK_FALSE(load_binary(folder.path(), "key"));
  write_file_atomically(file, sound);
  CHECK(load_binary(folder.path(), "key") == "some binary");
}

TEST_CASE("a folder that cannot be written gives a reason and no error") {
  const ScopedFolder folder;
  const auto file = folder.write("file", "in the way");
  CHECK(save_binary(file / "programs", "key", "binary") != "");
  CHECK(save_binary({}, "key", "binary").find("cache folder") != std::string::npos);
  CHECK_FALSE(load_binary(file / "programs", "key"));
  if (std::filesystem::exists("/dev/full")) {  // a full disk
    std::filesystem::create_directory(folder.path() / "full");
    CHECK(save_binary("/dev/full", "key", "binary") != "");
  }
}

TEST_CASE("programs come from disk the second time, and from source when the entry is bad") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    const ScopedFolder folder;
    const ScopedVariable variable("PINNACLE_CACHE", folder.path().string());
    const KernelCall call("probe/fma_simt.cl");
    auto first = fresh_cache(device);
    (void)first.get(call);
    (void)first.get(call);
    CHECK(first.counts().built == 1);
    if (!first.note().empty()) {
      MESSAGE(device.name() << ": " << first.note());
      continue;
    }
    REQUIRE(entries(folder.path() / "programs").size() == 1);
    const auto file = entries(folder.path() / "programs").front();

    auto second = fresh_cache(device);
    (void)second.get(call);
    CHECK(second.counts().loaded == 1);
    CHECK(second.counts().built == 0);

    std::filesystem::resize_file(file, std::filesystem::file_size(file) / 2);
    auto third = fresh_cache(device);
    (void)third.get(call);
    CHECK(third.counts().built == 1);

    auto fourth = fresh_cache(device);
    (void)fourth.get(call);
    CHECK(fourth.counts().loaded == 1);
  }
}

TEST_CASE("programs are kept from the second build on") {
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    const ScopedFolder folder;
    const ScopedVariable variable("PINNACLE_CACHE", folder.path().string());
    const KernelCall call("probe/fma_simt.cl");
    auto first = fresh_cache(device, runtime::Keep::when_needed);
    (void)first.get(call);
    const auto programs = folder.path() / "programs";
    CHECK(entries(programs).size() == 1);  // how long the build took
    // As if the first build had been quick, so that the second one is no quicker.
    const std::string seconds = runtime::seconds_key(first.key(call));
    REQUIRE(save_binary(programs, seconds, "0.000000001") == "");
    auto second = fresh_cache(device, runtime::Keep::when_needed);
    (void)second.get(call);
    CHECK(second.counts().built == 1);
    if (!second.note().empty()) continue;  // the driver gives no binaries
    auto third = fresh_cache(device, runtime::Keep::when_needed);
    (void)third.get(call);
    CHECK(third.counts().loaded == 1);
    // As if the first build had been slow: the driver has its own cache.
    std::filesystem::remove(runtime::binary_file(programs, first.key(call)));
    REQUIRE(save_binary(programs, seconds, "1000") == "");
    auto fourth = fresh_cache(device, runtime::Keep::when_needed);
    (void)fourth.get(call);
    CHECK(fourth.counts().built == 1);
    CHECK_FALSE(load_binary(programs, first.key(call)));
  }
}

TEST_CASE("child: rejected binary" * doctest::skip()) {
  for (const Device& device : test::test_devices()) {
    const ScopedFolder folder;
    const ScopedVariable variable("PINNACLE_CACHE", folder.path().string());
    const KernelCall call("probe/empty.cl");
    auto cache = fresh_cache(device);
    REQUIRE(save_binary(folder.path() / "programs", cache.key(call), "not a program") == "");
    (void)cache.get(call);
    CHECK(cache.counts().built == 1);
  }
}

// In a child process, because there are drivers that abort on it.
TEST_CASE("a binary that the driver rejects is rebuilt from source") {
  const std::vector<Device> all = devices();
  for (const Device& device : test::test_devices()) {
    const auto index = std::find(all.begin(), all.end(), device) - all.begin();
    const auto child =
        test::run_child("child: rejected binary", "PINNACLE_DEVICE=" + std::to_string(index));
    CAPTURE(child.output);
    if (child.output.find("CRASHED") != std::string::npos ||
        child.output.find("[doctest] Status") == std::string::npos) {
      MESSAGE("skipped: the driver of " << device.name() << " aborts on foreign binaries");
      continue;
    }
    CHECK(child.status == 0);
  }
}

TEST_CASE("an unwritable cache folder only leaves a note") {
  const ScopedFolder folder;
  const auto file = folder.write("file", "in the way");
  const ScopedVariable variable("PINNACLE_CACHE", file.string());
  for (const Device& device : test::test_devices()) {
    CAPTURE(device.name());
    auto cache = fresh_cache(device);
    CHECK_NOTHROW((void)cache.get(KernelCall("probe/empty.cl")));
    CHECK(cache.note() != "");
  }
}
