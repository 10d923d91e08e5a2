// What the samples share: flags are parsed, or it is explained what is wrong with them.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace samples {

/// How many letters must be inserted, deleted or replaced to turn `a` into `b`.
inline std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = row[0]++;
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, row[j + 1] + 1});
    }
  }
  return row.back();
}

/// "; did you mean --epochs?", or "" if no name is near.
inline std::string suggestion(std::string_view word, const std::vector<std::string>& names) {
  std::size_t best = std::max<std::size_t>(2, word.size() / 3) + 1;
  std::string nearest;
  for (const std::string& name : names) {
    const std::size_t distance = edit_distance(word, name);
    if (distance < best) {
      best = distance;
      nearest = name;
    }
  }
  return nearest.empty() ? "" : fmt::format("; did you mean {}?", nearest);
}

/// Accepts these words only: app.add_option(...)->check(one_of({"sgd", "adam"})).
inline CLI::Validator one_of(const std::vector<std::string>& words) {
  const std::string list = fmt::format("{}", fmt::join(words, "|"));
  return {[=](std::string& word) {
            if (std::find(words.begin(), words.end(), word) != words.end()) return std::string();
            return fmt::format("\"{}\" is none of {}{}", word, list, suggestion(word, words));
          },
          list};
}

/// Nothing: go on. Otherwise the program is over and this is its exit code.
inline std::optional<int> parse(CLI::App& app, int argc, char** argv) {
  const std::string program = std::string(argv[0]).substr(std::string(argv[0]).rfind('/') + 1);
  try {
    app.parse(argc, argv);
    return std::nullopt;
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::ExtrasError& error) {
    std::vector<std::string> known;
    for (const CLI::Option* option : app.get_options()) known.push_back(option->get_name());
    const std::vector<std::string> words = app.remaining();
    const auto flag = std::find_if(words.begin(), words.end(),
                                   [](const std::string& word) { return word.starts_with('-'); });
    const std::string word = flag != words.end() ? flag->substr(0, flag->find('=')) : words.front();
    fmt::print(stderr, "{}: there is no option {}{}\n", program, word, suggestion(word, known));
  } catch (const CLI::ParseError& error) {
    fmt::print(stderr, "{}: {}\n", program, error.what());
  }
  fmt::print(stderr, "{} --help lists the options\n", program);
  return 1;
}

}  // namespace samples
