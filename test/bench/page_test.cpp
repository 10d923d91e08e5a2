// The page of a comparison: its numbers, what it leaves out, and that no text of a file becomes HTML.
// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/page.hpp"

#include <doctest/doctest.h>

#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/files.hpp"
#include "base/text.hpp"
#include "bench/compare/headline.hpp"
#include "bench/compare/svg.hpp"
#include "test_folder.hpp"

namespace pinnacle::bench {
namespace {

Measurement measurement(std::size_t device, const std::string& group, const std::string& subject,
                        const std::string& quantity, const std::string& unit, double value) {
  Measurement m{.key = group + "/" + subject + "/" + quantity,
                .device = device,
                .group = group,
                .subject = subject,
                .quantity = quantity,
                .unit = unit};
  m.samples = {0.98 * value, 0.99 * value, value, 1.01 * value, 1.02 * value};
  summarize_samples(m);
  return m;
}

ComparedDevice device(int index, const std::string& name) {
  return {.index = index,
          .name = name,
          .platform = "P",
          .driver = "1.0",
          .kind = "gpu",
          .details = {{"compute_units", 4}, {"global_memory_bytes", 1 << 30}}};
}

// Every group, device d being 1 / (1 + d) times as good.
Comparison example(std::size_t devices) {
  Comparison comparison;
  comparison.suite = "quick";
  comparison.complete = true;
  comparison.environment = {.pinnacle = "1",
                            .build = "gcc",
                            .cpu = "c",
                            .cores = 2,
                            .system = "s",
                            .date = "2030-01-01T00:00:00Z"};
  for (std::size_t d = 0; d < devices; ++d) {
    const double worse = 1 + static_cast<double>(d);
    comparison.devices.push_back(device(static_cast<int>(d), fmt::format("device {}", d)));
    const auto add = [&](Measurement m) -> Measurement& {
      comparison.measurements.push_back(std::move(m));
      return comparison.measurements.back();
    };
    add(measurement(d, "peaks", "FMA f32", "rate", "GFLOP/s", 123.5 / worse));
    add(measurement(d, "peaks", "copy on the device", "rate", "GB/s", 45.25 / worse));
    Measurement& kernel = add(measurement(d, "kernels", "GEMM", "rate", "GFLOP/s", 77.125 / worse));
    kernel.flop = 1e6;
    kernel.bytes = 1e5;
    kernel.of_roof = 0.625;
    kernel.roof = "FMA";
    for (const std::int64_t batch : {1, 2, 4, 8}) {
      const double rate = batch == 1 ? 100 : batch == 2 ? 193 : 200;
      Measurement& m = add(
          measurement(d, "networks", "lenet", "inference throughput", "samples/s", rate / worse));
      m.batch = batch;
      m.key += fmt::format("/{}", batch);
    }
    for (int i = 0; i < 15; ++i) {
      Measurement& m = add(measurement(d, "layers", "lenet", "time", "us", (10 + i) * worse));
      m.key = fmt::format("layers/lenet/{:03} step", i);
      m.lower_is_better = true;
    }
    add(measurement(d, "compile", "lenet", "time", "s", 1.5 * worse)).lower_is_better = true;
    add(measurement(d, "memory", "lenet", "peak", "MiB", 64.5 * worse)).lower_is_better = true;
    add(measurement(d, "accuracy", "conv2d", "largest error", "relative", 1e-7)).lower_is_better =
        true;
    add(measurement(d, "energy", "lenet", "energy", "J/sample", 0.5 * worse)).lower_is_better =
        true;
  }
  return comparison;
}

bool holds(const std::string& page, const std::string& text) {
  return page.find(text) != std::string::npos;
}

int count(const std::string& page, const std::string& text) {
  int found = 0;
  for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) {
    ++found;
  }
  return found;
}

// What every page must be.
void check_form(const std::string& page) {
  CHECK(page.rfind("<!DOCTYPE html>", 0) == 0);
  for (const std::string element :
       {"table", "section", "svg", "details", "figure", "div", "tr", "ul", "g"}) {
    CAPTURE(element);
    CHECK(count(page, fmt::format("<{}>", element)) + count(page, fmt::format("<{} ", element)) ==
          count(page, fmt::format("</{}>", element)));
  }
  for (const std::string load :
       {"http:", "https:", "src=", "@import", "url(", "<script", "<link"}) {
    CAPTURE(load);
    CHECK_FALSE(holds(page, load));
  }
  for (const std::string number : {"\"nan\"", "\"inf\"", "\"-nan\"", "\"-inf\"", " nan", " inf ",
                                   ">nan", ">inf<", ">inf ", ">-inf", "inf\xC3\x97"}) {
    CAPTURE(number);
    CHECK_FALSE(holds(page, number));
  }
  std::set<std::string> ids;
  for (std::size_t at = page.find(" id=\""); at != std::string::npos;
       at = page.find(" id=\"", at + 1)) {
    const std::string id = page.substr(at + 5, page.find('"', at + 5) - at - 5);
    CAPTURE(id);
    CHECK(ids.insert(id).second);
  }
  const std::string reference = "aria-describedby=\"";
  CHECK(count(page, reference) == count(page, "<svg "));
  for (std::size_t at = page.find(reference); at != std::string::npos;
       at = page.find(reference, at + 1)) {
    const std::size_t begin = at + reference.size();
    for (const std::string& id : split(page.substr(begin, page.find('"', begin) - begin), ' ')) {
      CAPTURE(id);
      CHECK(ids.contains(id));
    }
  }
}

TEST_CASE("page: the time of all steps is no step") {
  Comparison comparison = example(1);
  const std::string before = comparison_page(comparison);
  Measurement all = measurement(0, "layers", "lenet", "time of all steps", "us", 255);
  all.key = "layers/lenet/all steps";
  all.lower_is_better = true;
  comparison.measurements.push_back(all);
  CHECK(holds(before, "15 steps take 255"));
  CHECK(comparison_page(comparison) == before);
}

TEST_CASE("page: one, two and eight devices") {
  for (const std::size_t devices : {1, 2, 8}) {
    CAPTURE(devices);
    const std::string page = comparison_page(example(devices));
    check_form(page);
    CHECK(holds(page, "data-ratio=") == (devices > 1));
    CHECK(holds(page, " to A<small>") == (devices > 1));
    CHECK(holds(page, "alone was measured") == (devices == 1));
  }
  check_form(comparison_page(Comparison{}));
}

TEST_CASE("page: its tables and plots hold the comparison's numbers") {
  const Comparison comparison = example(2);
  const std::string page = comparison_page(comparison);
  for (const Measurement& m : comparison.measurements) {
    CAPTURE(m.key);
    CHECK(holds(page,
                fmt::format("<td class=\"n\" data-key=\"{}\" data-device=\"{}\" data-value=\"{}\"",
                            m.key, m.device, *m.value)));
  }
  CHECK(holds(page, ">77.12<small>"));  // beside its interval
  CHECK(holds(page, "data-x=\"10\" data-value=\"77.125\""));
  CHECK(holds(page, "data-peak=\"123.5\" data-bandwidth=\"45.25\""));
  CHECK(holds(page, "data-value=\"0.625\">62.5</td>"));
  // The 3 fastest of 15 steps from 10 to 24 us, together.
  CHECK(holds(page, "data-key=\"rest\" data-value=\"33\""));
  CHECK(holds(page, "the 3 others"));
}

TEST_CASE("page: a group without measurements has no section") {
  const Comparison all = example(2);
  const std::pair<const char*, const char*> sections[] = {
      {"kernels", ""},          {"networks", "networks"}, {"networks", "sweep"},
      {"layers", "layers"},     {"compile", "compile"},   {"memory", "memory"},
      {"accuracy", "accuracy"}, {"energy", "energy"},     {"peaks", ""}};
  const std::string whole = comparison_page(all);
  for (const auto& [group, id] : sections) {
    CAPTURE(group);
    Comparison without = all;
    std::erase_if(without.measurements,
                  [name = std::string(group)](const Measurement& m) { return m.group == name; });
    const std::string page = comparison_page(without);
    check_form(page);
    if (*id == '\0') continue;
    CHECK(holds(whole, fmt::format("<section id=\"{}\"", id)));
    CHECK_FALSE(holds(page, fmt::format("<section id=\"{}\"", id)));
    CHECK_FALSE(holds(page, fmt::format("href=\"#{}\"", id)));
  }
  Comparison none = all;
  std::erase_if(none.measurements,
                [](const Measurement& m) { return m.group == "peaks" || m.group == "kernels"; });
  CHECK_FALSE(holds(comparison_page(none), "<section id=\"roofline\""));
  CHECK_FALSE(holds(whole, "<section id=\"problems\""));
}

TEST_CASE("page: texts of the file stay texts") {
  const std::string hostile =
      "</title><script>alert(1)</script><img src=x onerror='x' y=\"z\">&amp;\x01";
  Comparison comparison = example(2);
  for (ComparedDevice& d : comparison.devices) {
    d.name = d.platform = d.driver = d.kind = hostile;
    d.details["compute_units"] = hostile;
  }
  comparison.suite = comparison.environment.cpu = comparison.environment.date = hostile;
  comparison.environment.pinnacle = comparison.environment.build = hostile;
  comparison.environment.system = hostile;
  for (Measurement& m : comparison.measurements) {
    m.key += hostile;
    m.subject += hostile;
    m.quantity += hostile;
    m.unit += hostile;
    m.roof = m.kernel = hostile;
  }
  Measurement bad = comparison.measurements.front();
  bad.value.reset();
  bad.problem = hostile;
  bad.failed = true;
  comparison.measurements.push_back(bad);
  const std::string page = comparison_page(comparison);
  CHECK(count(page, "<script") == 0);
  CHECK(count(page, "<img") == 0);
  CHECK(count(page, "</title><script") == 0);
  CHECK(count(page, "onerror='") == 0);
  CHECK(count(page, "y=\"z\"") == 0);
  CHECK(holds(page, "&amp;amp;\xEF\xBF\xBD"));
  CHECK(escape_html("a<b>&\"'") == "a&lt;b&gt;&amp;&quot;&#39;");
}

TEST_CASE("page: what has no value is among the problems") {
  Comparison comparison = example(2);
  Measurement& none = comparison.measurements.front();
  none.value.reset();
  none.low.reset();
  none.high.reset();
  none.samples.clear();
  none.problem = "ran out of patience";
  const std::string limit = comparison_page(comparison);
  check_form(limit);
  CHECK(holds(limit, "ran out of patience"));
  CHECK(holds(limit, "<td>limit</td>"));
  none.failed = true;
  CHECK(holds(comparison_page(comparison), "<td>error</td>"));
  CHECK(holds(comparison_page(comparison), "href=\"#problems\">failed</a>"));
  comparison.complete = false;
  CHECK(holds(comparison_page(comparison), "is not complete"));
  CHECK_FALSE(holds(limit, "is not complete"));
}

TEST_CASE("page: numbers without a range, far apart or none at all") {
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {0.0, -1.0, 5e-324, 1e-100, 1e100, 1.7e308, infinity, std::nan("")}) {
    CAPTURE(value);
    Comparison comparison = example(2);
    for (Measurement& m : comparison.measurements) {
      if (m.device == 1) continue;
      m.value = m.low = m.high = value;
      m.samples.assign(5, value);
      if (m.flop) m.flop = value;
    }
    check_form(comparison_page(comparison));
    for (Measurement& m : comparison.measurements) {
      m.value = m.low = m.high = value;
      m.samples.clear();
      m.of_roof = value;
    }
    check_form(comparison_page(comparison));
  }
}

TEST_CASE("page: the sweet spot is the smallest batch near the best") {
  CHECK(sweet_spot({100}) == 0);
  CHECK(sweet_spot({100, 190, 200, 198}) == 1);
  CHECK(sweet_spot({100, 189, 200, 150}) == 2);
  CHECK(sweet_spot({7, 7, 7}) == 0);
  const std::string page = comparison_page(example(2));
  CHECK(count(page, "data-sweet=\"1\"") == 2);
  CHECK(holds(page, "data-x=\"2\" data-value=\"193\" data-sweet=\"1\""));
  CHECK(count(page, "sweet spot</small>") == 2);
  Comparison one = example(1);
  std::erase_if(one.measurements, [](const Measurement& m) { return m.batch.value_or(1) != 1; });
  CHECK_FALSE(holds(comparison_page(one), "<section id=\"sweep\""));
}

TEST_CASE("headline: who leads, by how much, and when nobody does") {
  const Headline clear = make_headline(example(2));
  REQUIRE(clear.verdicts.size() == 1);
  CHECK(clear.verdicts[0].find("device 0 (A) is better in") == 0);
  CHECK(holds(clear.verdicts[0], "inference throughput (2.00 times)"));
  REQUIRE_FALSE(clear.findings.empty());
  CHECK(holds(clear.findings[0].claims.at(0), "A is faster than B: 2.00 times"));
  CHECK(holds(clear.findings[0].claims.at(0), "ahead in 4"));
  REQUIRE_FALSE(clear.reasons.empty());
  CHECK(holds(clear.reasons[0], "arithmetic 2.00 times (123.5 to 61.75 GFLOP/s)"));

  Comparison even = example(2);
  for (Measurement& m : even.measurements) {
    if (m.device == 0) continue;
    for (double& sample : m.samples) sample *= m.lower_is_better ? 0.5 : 2;
    summarize_samples(m);
  }
  const Headline tie = make_headline(even);
  REQUIRE(tie.verdicts.size() == 1);
  CHECK(holds(tie.verdicts[0], "No difference beyond the noise in"));

  Comparison strangers = example(2);
  for (Measurement& m : strangers.measurements) m.key += fmt::format("{}", m.device);
  CHECK(holds(make_headline(strangers).verdicts.at(0), "no work in common"));
}

TEST_CASE("headline: an advantage is above 1 for what is better") {
  Measurement fast = measurement(0, "networks", "lenet", "latency", "ms", 2);
  Measurement slow = measurement(1, "networks", "lenet", "latency", "ms", 6);
  fast.lower_is_better = slow.lower_is_better = true;
  const std::optional<Advantage> lead = advantage(&fast, &slow);
  REQUIRE(lead);
  CHECK(lead->ratio == doctest::Approx(3));
  CHECK(lead->low < 3);
  CHECK(lead->high > 3);
  CHECK(lead->beyond_noise);
  CHECK(advantage(&slow, &fast)->ratio == doctest::Approx(1.0 / 3));
  slow.samples.clear();  // without samples from the intervals alone
  CHECK(advantage(&fast, &slow)->low == doctest::Approx(*slow.low / *fast.high));
  Measurement near = fast;
  near.value = 2.01;
  near.high = 2.5;
  CHECK_FALSE(advantage(&fast, &near)->beyond_noise);
  slow.unit = "us";
  CHECK_FALSE(advantage(&fast, &slow));
  CHECK_FALSE(advantage(&fast, nullptr));
}

TEST_CASE("page: is written as a whole") {
  const test::Folder folder;
  const std::filesystem::path file = folder / "page.html";
  const Comparison comparison = example(1);
  write_page(comparison, file);
  CHECK(read_file(file) == comparison_page(comparison));
  CHECK_THROWS_AS(write_page(comparison, folder / "none" / "page.html"), FileError);
}

}  // namespace
}  // namespace pinnacle::bench
