// SPDX-License-Identifier: Apache-2.0
#include "bench/output.hpp"

#include <pinnacle/error.hpp>

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>

#include "base/files.hpp"
#include "bench/table.hpp"

namespace pinnacle::bench {

void check_writable(const std::filesystem::path& file, std::string_view option) {
  std::error_code error;
  if (std::filesystem::is_directory(file, error)) {
    throw FileError(fmt::format("is a folder; {} takes a file", option), file.string());
  }
  const std::filesystem::path folder = file.has_parent_path() ? file.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, error)) {
    throw FileError("there is no such folder", folder.string(), "make it, or name another file");
  }
  if (::access(folder.c_str(), W_OK) != 0) {
    throw FileError("cannot be written", folder.string(), "name a file in another folder");
  }
}

Output::Output(std::optional<std::filesystem::path> json) : json_(std::move(json)) {
  if (!json_ || json_->empty()) return;
  if (json_->extension() == ".onnx") {
    throw ArgumentError(fmt::format("would overwrite \"{}\", by its name a model", json_->string()),
                        "--json", "name the models before --json, or write --json FILE.json");
  }
  check_writable(*json_, "--json");
}

void Output::text(std::string_view part) const {
  if (json_ && json_->empty()) return;
  std::fwrite(part.data(), 1, part.size(), stdout);
  std::fflush(stdout);
}

void Output::json(const Json& json) const {
  if (!json_) return;
  const std::string text = json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
  if (json_->empty()) {
    std::fwrite(text.data(), 1, text.size(), stdout);
  } else {
    write_file_atomically(*json_, text);
  }
}

StatusLine::StatusLine() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void StatusLine::show(const std::string& text) {
  if (!terminal_) return;
  fmt::print(stderr, "\r\x1b[K{}", wrap(text, kTerminalWidth - 1).front());
  std::fflush(stderr);
  shown_ = true;
}

void StatusLine::clear() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace pinnacle::bench
