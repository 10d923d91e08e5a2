// How an error's parts read as one line.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>
#include <utility>

namespace pinnacle {
namespace {

std::string one_line(const std::string& message, const std::string& where,
                     const std::string& hint) {
  std::string text = where.empty() ? message : where + ": " + message;
  return hint.empty() ? text : text + "; " + hint;
}

std::string listed(const std::string& message, const std::vector<std::string>& items) {
  std::string text = message;
  for (const auto& item : items) text += "\n  " + item;
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
