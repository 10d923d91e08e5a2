// Files of tuned choices: their text form, what is refused, and which choices reach a Target.
// SPDX-License-Identifier: Apache-2.0
#include "runtime/tuned_store.hpp"

#include <doctest/doctest.h>

#include <pinnacle/error.hpp>

#include "device_list.hpp"
#include "runtime/device_handle.hpp"
#include "runtime/kernel_source.hpp"
#include "support.hpp"

using namespace pinnacle;
using runtime::TunedEntry;
using runtime::TunedFile;
using test::ScopedFolder;
using test::ScopedVariable;

namespace {

TunedEntry entry(const std::string& setting) {
  return {.setting = setting,
          .microseconds = 10.5,
          .heuristic_microseconds = 21,
          .kernels = {"probe/empty.cl"},
          .kernel_hash = runtime::kernel_hash({"probe/empty.cl"})};
}

TunedFile file() {
  TunedFile file{.device = {.family = Family::simt,
                            .lanes = 4,
                            .compute_units = 40,
                            .name = "a \"device\"",
                            .platform = "a platform",
                            .driver = "1.2",
                            .id = "0123456789abcdef"},
                 .entries = {}};
  file.entries["matmul f32[1] -> f32[1] epilogue"] = entry("variant=wide MR=8");
  return file;
}

// The file's text with the first `from` replaced.
std::string changed(const std::string& from, const std::string& to) {
  std::string text = to_text(file());
  const std::size_t at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a file of tuned choices survives its text form") {
  const TunedFile read = runtime::parse_tuned(to_text(file()), "x.json");
  CHECK(read.device == file().device);
  REQUIRE(read.entries.size() == 1);
  const auto& [key, value] = *read.entries.begin();
  CHECK(key == "matmul f32[1] -> f32[1] epilogue");
  CHECK(value.setting == "variant=wide MR=8");
  CHECK(value.microseconds == 10.5);
  CHECK(value.heuristic_microseconds == 21);
  CHECK(runtime::is_current(value));
}

TEST_CASE("what is not exactly such a file is refused") {
  const std::string whole = to_text(file());
  for (std::size_t length = 0; length + 2 < whole.size(); length += 7) {
    CHECK_THROWS_AS(runtime::parse_tuned(whole.substr(0, length), "x.json"), ParseError);
  }
  for (const std::string& text :
       {changed("choices 1", "choices 2"), changed("\"lanes\": 4", "\"lanes\": 4.5"),
        changed("\"lanes\": 4", "\"lanes\": -4"), changed("\"lanes\"", "\"lines\""),
        changed("\"simt\"", "\"both\""), changed("\"name\"", "\"vendor\""),
        changed("variant=wide MR=8", "wide and fast"), changed("10.5", "\"10.5\""),
        changed("10.5", "0"), changed("10.5", "1e400"), changed("probe/empty.cl", "/etc/passwd"),
        changed("probe/empty.cl", "../empty.cl"), changed("\"kernels\": [", "\"kernels\": [[],"),
        changed("\"entries\": {", "\"entries\": 1, \"x\": {"), std::string("[]"),
        std::string("null"), std::string(100000, '[')}) {
    CAPTURE(text.substr(0, 1000));
    CHECK_THROWS_AS(runtime::parse_tuned(text, "x.json"), ParseError);
  }
}

TEST_CASE("a choice is current while the text of its kernels is the same") {
  const TunedEntry known = entry("variant=wide");
  const ScopedFolder folder;
  const ScopedVariable variable("PINNACLE_KERNEL_DIR", folder.path().string());
  CHECK(runtime::is_current(known));  // not in the folder: the embedded one
  std::string text;
  for (const runtime::KernelFile& kernel : runtime::embedded_kernels()) {
    if (kernel.path == "probe/empty.cl") text = kernel.text;
  }
  folder.write("probe/empty.cl", text);
  CHECK(runtime::is_current(known));
  folder.write("probe/empty.cl", text + "// changed\n");
  CHECK_FALSE(runtime::is_current(known));
  CHECK(runtime::kernel_hash({"no/such.cl"}).empty());
}

TEST_CASE("a device's tuned choices are kept, merged, and ignored when they are not its own") {
  for (const Device& device : test::test_devices()) {
    const Target target = device.target();
    const ScopedFolder folder;
    const ScopedVariable variable("PINNACLE_CACHE", folder.path().string());
    const runtime::DeviceHandle& handle = device.handle();
    CHECK(runtime::load_user_tuning(handle).entries.empty());
    CHECK(runtime::load_user_tuning(handle).problem.empty());

    runtime::save_user_tuning(handle, target, {{"a", entry("variant=wide")}});
    runtime::save_user_tuning(handle, target, {{"b", entry("variant=direct")}});
    CHECK(runtime::load_user_tuning(handle).entries.size() == 2);
    CHECK(runtime::load_user_tuning(handle).problem.empty());
    CHECK(runtime::tuned_choices(handle, target).at("a") == "variant=wide");

    // Measured with other kernels: that one is left out, the other stays.
    TunedEntry old = entry("variant=simt");
    old.kernel_hash = "0000000000000000";
    runtime::save_user_tuning(handle, target, {{"b", old}});
    runtime::UserTuning tuning = runtime::load_user_tuning(handle);
    CHECK(tuning.entries.size() == 1);
    CHECK(tuning.problem.find("1 of 2 tuned choices were measured with other kernels") !=
          std::string::npos);
    CHECK(runtime::tuned_choices(handle, target).count("b") == 0);

    const std::string path = "tuned/" + runtime::tuned_path(handle).filename().string();
    folder.write(path, to_text(file()));
    tuning = runtime::load_user_tuning(handle);
    CHECK(tuning.entries.empty());
    CHECK(tuning.problem.find("belongs to another device") != std::string::npos);
    folder.write(path, "{");
    tuning = runtime::load_user_tuning(handle);
    CHECK(tuning.entries.empty());
    CHECK(tuning.problem.find("is damaged") != std::string::npos);
    CHECK(runtime::tuned_choices(handle, target).count("a") == 0);
    // The next result begins the file anew.
    runtime::save_user_tuning(handle, target, {{"c", entry("variant=wide")}});
    CHECK(runtime::load_user_tuning(handle).entries.size() == 1);
    CHECK(runtime::load_user_tuning(handle).problem.empty());
  }
}

TEST_CASE("what ships is sound") {
  for (const auto& [path, text] : runtime::shipped_tunings()) {
    CAPTURE(path);
    const TunedFile file = runtime::parse_tuned(text, path);
    CHECK(file.entries.size() > 0);
    CHECK(path.find(fmt::format("tuned/{}-{}", to_string(file.device.family), file.device.lanes)) !=
          std::string::npos);
    for (const auto& [key, value] : file.entries) {
      CHECK(value.microseconds * 1.03 <= value.heuristic_microseconds);
    }
  }
}

TEST_CASE("what ships goes by capability, below what the user measured") {
  const Device device = test::test_devices().front();
  const ScopedFolder folder;
  const ScopedVariable variable("PINNACLE_CACHE", folder.path().string());
  for (const auto& [path, text] : runtime::shipped_tunings()) {
    CAPTURE(path);
    const TunedFile file = runtime::parse_tuned(text, path);
    Target alike = device.target();
    alike.name = "another device";
    alike.family = file.device.family;
    alike.vector_width = file.device.lanes;
    alike.compute_units = 2 * file.device.compute_units;
    const auto choices = [&](const Target& target) {
      return runtime::tuned_choices(device.handle(), target);
    };
    // After a change of its kernels a choice waits to be measured again.
    const auto found = choices(alike);
    for (const auto& [key, value] : file.entries) {
      CHECK(found.count(key) == (runtime::is_current(value) ? 1 : 0));
    }
    Target larger = alike;
    larger.compute_units = 4 * file.device.compute_units;
    CHECK(choices(larger).empty());
    Target other = alike;
    other.vector_width = 3;
    CHECK(choices(other).empty());
    const std::string key = file.entries.begin()->first;
    runtime::save_user_tuning(device.handle(), device.target(), {{key, entry("variant=direct")}});
    CHECK(choices(alike).at(key) == "variant=direct");
    std::filesystem::remove(runtime::tuned_path(device.handle()));
  }
}
