// SPDX-License-Identifier: Apache-2.0
#include "runtime/program_bundle.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>
#include <string_view>
#include <vector>

namespace pinnacle::runtime {
namespace {

// A macro of such a name defines the function that its first argument names.
constexpr std::string_view kDefines = "PNC_DEFINE_";

bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; }

// What a text defines outside of functions.
class Names {
 public:
  explicit Names(std::string_view text) : rest_(text) {
    while (!rest_.empty()) step();
    for (const std::string& macro : macros) declared.erase(macro);
  }

  std::set<std::string> macros;
  std::set<std::string> declared;      // functions, types, constants
  std::vector<std::string> functions;  // whatever takes arguments outside of functions, macros too

 private:
  void step() {
    const char c = rest_.front();
    if (c == '\n') {
      fresh_line_ = true;
      rest_.remove_prefix(1);
    } else if (std::isspace(static_cast<unsigned char>(c)) != 0) {
      rest_.remove_prefix(1);
    } else if (rest_.starts_with("//")) {
      skip_to(rest_.find('\n'));
    } else if (rest_.starts_with("/*")) {
      const std::size_t end = rest_.find("*/", 2);
      skip_to(end == std::string_view::npos ? end : end + 2);
    } else if (c == '#' && fresh_line_) {
      directive();
    } else {
      fresh_line_ = false;
      token();
    }
  }

  void skip_to(std::size_t position) { rest_.remove_prefix(std::min(position, rest_.size())); }

  // A whole preprocessor line with its continuations.
  void directive() {
    std::size_t end = rest_.find('\n');
    while (end != std::string_view::npos && rest_[end - 1] == '\\') end = rest_.find('\n', end + 1);
    std::string_view line = rest_.substr(0, end);
    skip_to(end);
    const auto skip_blanks = [&line] {
      line.remove_prefix(std::min(line.find_first_not_of("# \t"), line.size()));
    };
    skip_blanks();
    if (!line.starts_with("define")) return;
    line.remove_prefix(6);
    skip_blanks();
    const auto name_end = std::find_if_not(line.begin(), line.end(), is_word);
    macros.emplace(line.begin(), name_end);
  }

  void token() {
    const char c = rest_.front();
    if (is_word(c)) {
      const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_word);
      if (names_next_) declared.emplace(rest_.begin(), end);
      names_next_ = false;
      if (braces_ == 0 && parentheses_ == 0) {
        word_.assign(rest_.begin(), end);
        if (word_ == "typedef") is_typedef_ = true;
      }
      skip_to(static_cast<std::size_t>(end - rest_.begin()));
      return;
    }
    const bool outside = braces_ == 0 && parentheses_ == 0;
    if (c == '(' && outside && word_.starts_with(kDefines)) {
      names_next_ = true;
    } else if (c == '(' && outside && !is_typedef_ && word_ != "__attribute__") {
      functions.push_back(word_);
      declared.insert(word_);
    } else if ((c == '[' || c == '=') && outside && !is_typedef_) {
      declared.insert(word_);
    } else if (c == ';' && outside && is_typedef_) {
      declared.insert(word_);
    }
    if (c == '(') ++parentheses_;
    if (c == ')') --parentheses_;
    if (c == '{') ++braces_;
    if (c == '}') --braces_;
    if (braces_ == 0 && parentheses_ == 0 && (c == ';' || (c == '}' && !is_typedef_))) {
      is_typedef_ = false;
      word_.clear();
    }
    rest_.remove_prefix(1);
  }

  std::string_view rest_;
  bool fresh_line_ = true;
  bool is_typedef_ = false;
  bool names_next_ = false;  // the next word is a function's name
  int braces_ = 0;
  int parentheses_ = 0;
  std::string word_;  // the last one outside of braces and parentheses
};

bool is_once(std::string_view macro) { return macro.ends_with("_ONCE"); }

// MATH_NAME is by MATH_16_ONCE.
bool is_guarded(std::string_view macro, const std::set<std::string>& macros) {
  const std::string_view prefix = macro.substr(0, macro.find('_') + 1);  // "" without a _
  return !prefix.empty() &&
         std::any_of(macros.begin(), macros.end(), [prefix](const std::string& other) {
           return is_once(other) && other.starts_with(prefix);
         });
}

}  // namespace

std::optional<BundlePart> bundle_part(const KernelCall& call, const std::string& text,
                                      std::size_t index) {
  Names names(text);
  for (const auto& [name, value] : call.defines) names.macros.insert(name);
  // What other macros define has one name in all parts: right only where a ..._ONCE guards it.
  for (const std::string& function : names.functions) {
    if (names.macros.contains(function) && !is_guarded(function, names.macros)) return std::nullopt;
  }
  if (!names.declared.contains(call.kernel) || !call.source.empty()) return std::nullopt;
  const auto renamed = [index](const std::string& name) {
    return fmt::format("{}_p{}", name, index);
  };
  BundlePart part{.text = {}, .kernel = renamed(call.kernel)};
  for (const auto& [name, value] : call.defines) {
    part.text += fmt::format("#define {} {}\n", name, value);
  }
  for (const std::string& name : names.declared) {
    part.text += fmt::format("#define {} {}\n", name, renamed(name));
  }
  part.text += text;
  for (const std::set<std::string>* all : {&names.declared, &names.macros}) {
    for (const std::string& name : *all) {
      if (!is_once(name)) part.text += fmt::format("#undef {}\n", name);
    }
  }
  return part;
}

}  // namespace pinnacle::runtime
