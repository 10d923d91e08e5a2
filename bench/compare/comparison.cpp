// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/comparison.hpp"

#include <pinnacle/error.hpp>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "base/files.hpp"
#include "base/json_reader.hpp"
#include "bench/compare/interval.hpp"

namespace pinnacle::bench {
namespace {

constexpr const char* kFormat = "pinnacle comparison 1";
constexpr const char* kHint = "pinnacle-bench compare --json FILE writes it anew";
constexpr std::size_t kMostBytes = 64 << 20;
constexpr std::size_t kMostDevices = 64;
constexpr int kMostBatch = 1 << 20;

double finite(const JsonReader& from, const char* key) {
  const Json& value = from.member(key);
  if (!value.is_number() || !std::isfinite(value.get<double>())) {
    from.fail(fmt::format("has a \"{}\" that is no number", key));
  }
  return value.get<double>();
}

std::optional<double> optional_number(const JsonReader& from, const char* key) {
  if (!from.has(key)) return std::nullopt;
  return finite(from, key);
}

std::string optional_text(const JsonReader& from, const char* key) {
  return from.has(key) ? from.text(key) : std::string();
}

bool truth(const JsonReader& from, const char* key) {
  const Json& value = from.member(key);
  if (!value.is_boolean()) from.fail(fmt::format("has a \"{}\" that is not true or false", key));
  return value.get<bool>();
}

const Json& list(const JsonReader& from, const char* key) {
  const Json& value = from.member(key);
  if (!value.is_array()) from.fail(fmt::format("has \"{}\" that are no list", key));
  return value;
}

void put(Json& json, const char* key, const std::optional<double>& value) {
  if (value) json[key] = *value;
}

void put(Json& json, const char* key, const std::string& text) {
  if (!text.empty()) json[key] = text;
}

Json measurement_json(const Measurement& m) {
  Json json = {{"key", m.key},         {"device", m.device},     {"group", m.group},
               {"subject", m.subject}, {"quantity", m.quantity}, {"unit", m.unit}};
  json["lower_is_better"] = m.lower_is_better;
  put(json, "value", m.value);
  put(json, "low", m.low);
  put(json, "high", m.high);
  if (!m.samples.empty()) json["samples"] = m.samples;
  if (m.batch) json["batch"] = *m.batch;
  put(json, "flop", m.flop);
  put(json, "bytes", m.bytes);
  put(json, "of_roof", m.of_roof);
  put(json, "roof", m.roof);
  put(json, "kernel", m.kernel);
  put(json, "problem", m.problem);
  if (m.failed) json["failed"] = true;
  return json;
}

Measurement read_measurement(const JsonReader& from, std::size_t devices) {
  Measurement m;
  m.key = from.text("key");
  m.device = static_cast<std::size_t>(from.integer("device", 0, static_cast<int>(devices) - 1));
  m.group = from.text("group");
  if (std::find(std::begin(kGroups), std::end(kGroups), m.group) == std::end(kGroups)) {
    from.fail(fmt::format("is of an unknown group \"{}\"", m.group.substr(0, 40)));
  }
  m.subject = from.text("subject");
  m.quantity = from.text("quantity");
  m.unit = from.text("unit");
  m.lower_is_better = truth(from, "lower_is_better");
  m.value = optional_number(from, "value");
  m.low = optional_number(from, "low");
  m.high = optional_number(from, "high");
  if (from.has("samples")) {
    for (const Json& sample : list(from, "samples")) {
      if (!sample.is_number() || !std::isfinite(sample.get<double>())) {
        from.fail("has a sample that is no number");
      }
      m.samples.push_back(sample.get<double>());
    }
  }
  if (from.has("batch")) m.batch = from.integer("batch", 1, kMostBatch);
  m.flop = optional_number(from, "flop");
  m.bytes = optional_number(from, "bytes");
  m.of_roof = optional_number(from, "of_roof");
  m.roof = optional_text(from, "roof");
  m.kernel = optional_text(from, "kernel");
  m.problem = optional_text(from, "problem");
  m.failed = from.has("failed") && truth(from, "failed");
  if (!m.value && m.problem.empty()) from.fail("has neither a \"value\" nor a \"problem\"");
  if (m.value && (!m.low || !m.high)) from.fail("has a \"value\" without \"low\" and \"high\"");
  from.only({"key", "device", "group", "subject", "quantity", "unit", "lower_is_better", "value",
             "low", "high", "samples", "batch", "flop", "bytes", "of_roof", "roof", "kernel",
             "problem", "failed"});
  return m;
}

Environment read_environment(const JsonReader& from) {
  return {.pinnacle = from.text("pinnacle"),
          .build = from.text("build"),
          .cpu = from.text("cpu"),
          .cores = from.integer("cores", 0, 1 << 20),
          .system = from.text("system"),
          .date = from.text("date")};
}

ComparedDevice read_device(const JsonReader& from, const Json& json) {
  return {.index = from.integer("index", -1, 1 << 20),
          .name = from.text("name"),
          .platform = from.text("platform"),
          .driver = from.text("driver"),
          .kind = from.text("kind"),
          .details = json};
}

}  // namespace

bool is_step(const Measurement& measurement) {
  return measurement.group == "layers" && !measurement.key.ends_with(fmt::format("/{}", kAllSteps));
}

void summarize_samples(Measurement& measurement) {
  const Interval interval = bootstrap_median(measurement.samples);
  measurement.value = interval.median;
  measurement.low = interval.low;
  measurement.high = interval.high;
}

const Measurement* Comparison::find(std::string_view key, std::size_t device) const {
  const auto found =
      std::find_if(measurements.begin(), measurements.end(),
                   [&](const Measurement& m) { return m.device == device && m.key == key; });
  return found == measurements.end() ? nullptr : &*found;
}

Json to_json(const Comparison& comparison) {
  Json json = {{"format", kFormat},
               {"suite", comparison.suite},
               {"complete", comparison.complete},
               {"environment", to_json(comparison.environment)},
               {"devices", Json::array()},
               {"measurements", Json::array()}};
  for (const ComparedDevice& device : comparison.devices) {
    json["devices"].push_back(device.details);
  }
  for (const Measurement& measurement : comparison.measurements) {
    json["measurements"].push_back(measurement_json(measurement));
  }
  return json;
}

Comparison parse_comparison(std::string_view text, const std::string& name) {
  const Json json = parse_json(text, kMostBytes, "a comparison", name, kHint);
  const JsonReader top(json, name, "the file", kHint);
  if (top.text("format") != kFormat) {
    top.fail(fmt::format("is of another format than \"{}\"", kFormat));
  }
  Comparison comparison;
  comparison.suite = top.text("suite");
  comparison.complete = truth(top, "complete");
  comparison.environment =
      read_environment(JsonReader(top.member("environment"), name, "the environment", kHint));
  const Json& devices = list(top, "devices");
  if (devices.empty() || devices.size() > kMostDevices) {
    top.fail("has no sensible list of \"devices\"");
  }
  for (const Json& device : devices) {
    const std::string place = fmt::format("device {}", comparison.devices.size());
    comparison.devices.push_back(read_device(JsonReader(device, name, place, kHint), device));
  }
  for (const Json& measurement : list(top, "measurements")) {
    const std::string place = fmt::format("measurement {}", comparison.measurements.size());
    comparison.measurements.push_back(
        read_measurement(JsonReader(measurement, name, place, kHint), comparison.devices.size()));
  }
  top.only({"format", "suite", "complete", "environment", "devices", "measurements"});
  return comparison;
}

Comparison load_comparison(const std::filesystem::path& file) {
  return parse_comparison(read_file(file), file.string());
}

}  // namespace pinnacle::bench
