// Tables of the bench: alignment, widths, wrapping, numbers.
// SPDX-License-Identifier: Apache-2.0
#include "bench/table.hpp"

#include <doctest/doctest.h>

#include <stdexcept>

#include <cmath>
#include <limits>
#include <stdexcept>

namespace pinnacle::bench {
namespace {

using Lines = std::vector<std::string>;

std::size_t widest_line(const std::string& text) {
  std::size_t widest = 0;
  std::size_t start = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', start)) {
    widest = std::max(widest, display_width(std::string_view(text).substr(start, end - start)));
    start = end + 1;
  }
  return widest;
}

TEST_CASE("a table aligns text to the left and numbers to the right") {
  Table table({{.title = "op"}, {.title = "ms", .right = true}});
  CHECK(table.empty());
  table.add({"matmul", "1.5"});
  table.add({"relu", "12.25"});
  CHECK(table.text() ==
        "op         ms\n"
        "------  -----\n"
        "matmul    1.5\n"
        "relu    12.25\n");
}

TEST_CASE("a table without rows is its title") {
  CHECK(Table({{.title = "a"}, {.title = "b"}}).text() == "a  b\n-  -\n");
}

TEST_CASE("the least width of a column is kept") {
  Table table({{.title = "a", .min_width = 4}, {.title = "b", .right = true, .min_width = 3}});
  table.add({"x", "1"});
  CHECK(table.text() == "a       b\n----  ---\nx       1\n");
}

TEST_CASE("a column that wraps is made narrower until the table fits") {
  Table table({{.title = "case", .wraps = true}, {.title = "ms", .right = true}});
  table.add({"a long name of a case with many words", "1.5"});
  const std::string text = table.text(20);
  CHECK(text ==
        "case              ms\n"
        "---------------  ---\n"
        "a long name of   1.5\n"
        "a case with\n"
        "many words\n");
  CHECK(widest_line(text) <= 20);
}

TEST_CASE("a table whose columns do not wrap stays as wide as it is") {
  Table table({{.title = "name"}});
  table.add({"0123456789"});
  CHECK(widest_line(table.text(5)) == 10);
}

TEST_CASE("a row must have a cell for each column") {
  Table table({{.title = "a"}, {.title = "b"}});
  CHECK_THROWS_AS(table.add({"1"}), std::logic_error);
}

TEST_CASE("text is wrapped between words, and longer words are cut") {
  CHECK(wrap("", 5) == Lines{""});
  CHECK(wrap("abcde", 5) == Lines{"abcde"});
  CHECK(wrap("ab cde", 5) == Lines{"ab", "cde"});
  CHECK(wrap("abcde fg", 5) == Lines{"abcde", "fg"});
  CHECK(wrap("abcdefg hi", 5) == Lines{"abcde", "fg hi"});
  CHECK(wrap("abcdefghijk", 4) == Lines{"abcd", "efgh", "ijk"});
  CHECK(wrap("a   b", 3) == Lines{"a", "b"});
  CHECK(wrap("abc", 0) == Lines{"a", "b", "c"});
}

TEST_CASE("width counts characters, not bytes") {
  CHECK(display_width("") == 0);
  CHECK(display_width("abc") == 3);
  CHECK(display_width("\xc2\xb5s") == 2);
  CHECK(wrap("\xc2\xb5\xc2\xb5\xc2\xb5", 2) == Lines{"\xc2\xb5\xc2\xb5", "\xc2\xb5"});
}

TEST_CASE("numbers have four significant digits and no exponent in the common range") {
  CHECK(number(0) == "0");
  CHECK(number(0.01234) == "0.0123");
  CHECK(number(1.5) == "1.500");
  CHECK(number(12.345) == "12.35");
  CHECK(number(-123.45) == "-123.5");
  CHECK(number(28517.3) == "28517");
  CHECK(number(std::nan("")) == "-");
  CHECK(number(std::numeric_limits<double>::infinity()) == "-");
  CHECK(measured(0) == "-");
  CHECK(measured(2) == "2.000");
}

TEST_CASE("shares as percent") {
  CHECK(percent(1) == "100 %");
  CHECK(percent(0.305) == "30 %");
  CHECK(percent(0.0312) == "3.1 %");
  CHECK(percent(0.00042) == "0.042 %");
  CHECK(percent(0) == "0 %");
  CHECK(percent(std::nan("")) == "-");
}

}  // namespace
}  // namespace pinnacle::bench
