// How an error's parts read as one line.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <utility>

namespace pinnacle {
namespace {

// Much of a message may come from files: a terminal must not obey it, nor a log drown in it.
constexpr std::size_t kLongestPart = 4096;
constexpr std::size_t kLongestMessage = 65536;

std::string shown(const std::string& text, std::size_t longest = kLongestPart) {
  std::string safe = text.substr(0, longest);
  for (char& c : safe) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f) c = '?';
  }
  return text.size() <= longest ? safe : safe + " ... (" + std::to_string(text.size()) + " bytes)";
}

std::string one_line(const std::string& message, const std::string& where,
                     const std::string& hint) {
  const std::string text = shown(message, kLongestMessage);
  const std::string placed = where.empty() ? text : shown(where) + ": " + text;
  return hint.empty() ? placed : placed + "; " + shown(hint);
}

std::string listed(const std::string& message, const std::vector<std::string>& items) {
  std::string text = message;
  for (const auto& item : items) {
    if (text.size() > kLongestMessage) break;
    text += "\n  " + shown(item);
  }
  return text;
}

}  // namespace

Error::Error(const std::string& message, const std::string& where, const std::string& hint)
    : std::runtime_error(one_line(message, where, hint)), where_(where), hint_(hint) {}

UnsupportedError::UnsupportedError(const std::string& message, std::vector<std::string> items,
                                   const std::string& where, const std::string& hint)
    : Error(listed(message, items), where, hint), items_(std::move(items)) {}

KernelError::KernelError(const std::string& message, const std::string& where, std::string log,
                         const std::string& hint)
    : Error(message, where, hint), log_(std::move(log)) {}

MemoryError::MemoryError(const std::string& message, const std::string& where, std::size_t asked,
                         std::size_t available, const std::string& hint)
    : Error(message, where, hint), asked_(asked), available_(available) {}

}  // namespace pinnacle
