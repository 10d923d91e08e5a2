// Reads what a JSON file must hold, member by member: nothing missing, nothing of another type,
// nothing unknown; says which file and where in it.
// Thread safety: one thread; the JSON must outlive the reader.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <initializer_list>
#include <nlohmann/json.hpp>
#include <pinnacle/error.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace pinnacle {

using Json = nlohmann::ordered_json;

/// The text of a file that holds `what`, such as "a placement".
/// throws   ParseError, `where` being `file`, if it is longer than `most` bytes or no JSON
inline Json parse_json(std::string_view text, std::size_t most, const char* what,
                       const std::string& file, const char* hint) {
  if (text.size() > most) {
    throw ParseError(fmt::format("is too large for {}", what), file, hint);
  }
  try {
    return Json::parse(text);
  } catch (const Json::parse_error& error) {
    throw ParseError(fmt::format("is no JSON: byte {} is unexpected", error.byte), file, hint);
  } catch (const Json::exception& error) {  // a number beyond all numbers
    throw ParseError(fmt::format("is no JSON: {}", error.what()), file, hint);
  }
}

class JsonReader {
 public:
  static constexpr std::size_t kMostText = 4096;

  /// `file` is the errors' `where`; `place` names the object in it; `hint` says what to do.
  /// throws   ParseError if `json` is no object, and below for what is not as asked
  JsonReader(const Json& json, std::string file, std::string place, std::string hint)
      : json_(json), file_(std::move(file)), place_(std::move(place)), hint_(std::move(hint)) {
    if (!json.is_object()) fail("is no object");
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw ParseError(fmt::format("{} {}", place_, what), file_, hint_);
  }
  bool has(const char* key) const { return json_.contains(key); }
  const Json& member(const char* key) const {
    const auto found = json_.find(key);
    if (found == json_.end()) fail(fmt::format("lacks \"{}\"", key));
    return *found;
  }
  std::string text(const char* key) const {
    const Json& value = member(key);
    if (!value.is_string()) fail(fmt::format("has a \"{}\" that is no text", key));
    auto text = value.get<std::string>();
    if (text.size() > kMostText) fail(fmt::format("has a \"{}\" that is too long", key));
    return text;
  }
  double positive(const char* key) const {
    const double number = any_number(key);
    if (!(number > 0 && number < 1e12)) {
      fail(fmt::format("has a \"{}\" that is no positive number", key));
    }
    return number;
  }
  /// Zero, too.
  double amount(const char* key) const {
    const double number = any_number(key);
    if (!(number >= 0 && number < 1e15)) {
      fail(fmt::format("has a \"{}\" that is no number from 0 on", key));
    }
    return number;
  }
  /// An integer from `least` to `most`.
  int integer(const char* key, int least, int most) const {
    const double number = any_number(key);
    if (!(number >= least && number <= most) || number != std::floor(number)) {
      fail(fmt::format("has a \"{}\" that is no whole number from {} to {}", key, least, most));
    }
    return static_cast<int>(number);
  }
  int count(const char* key) const {
    const double number = positive(key);
    if (number != std::floor(number) || number > 1e6) {
      fail(fmt::format("has a \"{}\" that is no sensible count", key));
    }
    return static_cast<int>(number);
  }
  /// Nothing beyond these, so that a misspelt name is not taken for an absent one.
  void only(std::initializer_list<const char*> keys) const {
    for (const auto& [key, value] : json_.items()) {
      bool known = false;
      for (const char* const name : keys) known = known || key == name;
      if (!known) fail(fmt::format("has an unknown \"{}\"", key.substr(0, 40)));
    }
  }

 private:
  double any_number(const char* key) const {
    const Json& value = member(key);
    return value.is_number() ? value.get<double>() : NAN;
  }

  const Json& json_;
  std::string file_;
  std::string place_;
  std::string hint_;
};

}  // namespace pinnacle
