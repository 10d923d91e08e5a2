// SPDX-License-Identifier: Apache-2.0
#include "runtime/kernel_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <pinnacle/error.hpp>

#include "base/files.hpp"
#include "base/text.hpp"

namespace pinnacle::runtime {
namespace {

struct Located {
  std::string path;  // as shown in messages
  std::string text;
};

std::optional<Located> locate(const std::string& file) {
  if (const std::string folder = environment("PINNACLE_KERNEL_DIR"); !folder.empty()) {
    const std::filesystem::path path = std::filesystem::path(folder) / file;
    if (auto text = try_read_file(path)) return Located{path.string(), std::move(*text)};
    std::error_code ignored;
    if (!std::filesystem::is_directory(folder, ignored)) {
      throw FileError(fmt::format("\"{}\" is not a folder", folder), "PINNACLE_KERNEL_DIR",
                      "name a copy of clkernels/, or unset it");
    }
  }
  for (const KernelFile& kernel : embedded_kernels()) {
    if (kernel.path == file) return Located{"clkernels/" + file, std::string(kernel.text)};
  }
  return std::nullopt;
}

[[noreturn]] void fail_missing(const std::string& file, const std::string& where) {
  std::vector<std::string> known;
  for (const KernelFile& kernel : embedded_kernels()) known.emplace_back(kernel.path);
  throw FileError(fmt::format("there is no kernel file \"{}\"", file), where,
                  suggestion(file, known));
}

// The file named by a line `#include "name"`, or nothing.
std::optional<std::string> included_name(std::string_view line) {
  const auto skip_blanks = [&line] {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  };
  skip_blanks();
  if (!line.starts_with('#')) return std::nullopt;
  line.remove_prefix(1);
  skip_blanks();
  if (!line.starts_with("include")) return std::nullopt;
  line.remove_prefix(7);
  skip_blanks();
  if (!line.starts_with('"')) return std::nullopt;
  line.remove_prefix(1);
  const std::size_t end = line.find('"');
  if (end == std::string_view::npos) return std::nullopt;
  return std::string(line.substr(0, end));
}

std::string line_directive(std::size_t line, std::string_view path) {
  std::string escaped;
  for (const char c : path) {
    if (c == '"' || c == '\\') escaped += '\\';
    escaped += c;
  }
  return fmt::format("#line {} \"{}\"\n", line, escaped);
}

class Flattener {
 public:
  std::string run(const std::string& file) {
    const std::optional<Located> located = locate(file);
    if (!located) fail_missing(file, {});
    add(file, located->path, located->text);
    return std::move(out_);
  }
  std::string run_text(const std::string& name, const std::string& text) {
    add(name, name, text);
    return std::move(out_);
  }

 private:
  void add(const std::string& file, const std::string& path, std::string_view text) {
    if (std::find(open_.begin(), open_.end(), file) != open_.end()) {
      throw KernelError("the file includes itself", path, {}, "remove the #include from the cycle");
    }
    open_.push_back(file);
    out_ += line_directive(1, path);
    std::size_t number = 0;
    while (!text.empty()) {
      ++number;
      const std::size_t end = std::min(text.find('\n'), text.size());
      const std::string_view line = text.substr(0, end);
      text.remove_prefix(std::min(end + 1, text.size()));
      if (const auto name = included_name(line)) {
        add_include(*name, file, fmt::format("{}:{}", path, number));
        out_ += line_directive(number + 1, path);
      } else {
        out_.append(line).push_back('\n');
      }
    }
    open_.pop_back();
  }

  // Names are relative to clkernels/, or to the folder of the including file.
  void add_include(const std::string& name, const std::string& from, const std::string& where) {
    const auto sibling =
        (std::filesystem::path(from).parent_path() / name).lexically_normal().generic_string();
    for (const std::string& candidate : {name, sibling}) {
      if (const auto located = locate(candidate)) {
        add(candidate, located->path, located->text);
        return;
      }
    }
    fail_missing(name, where);
  }

  std::string out_;
  std::vector<std::string> open_;
};

struct LineOrigin {
  std::string path;
  std::size_t line = 0;
};

// Where each line of a program text comes from, by its #line directives.
std::vector<LineOrigin> origins(const std::string& text) {
  std::vector<LineOrigin> result;
  LineOrigin next{"", 1};
  for (const std::string& line : split(text, '\n')) {
    result.push_back(next);
    ++next.line;
    const std::size_t quote = line.find('"');
    if (!line.starts_with("#line ") || quote == std::string::npos) continue;
    next.line = static_cast<std::size_t>(std::atoi(line.c_str() + 6));
    next.path = line.substr(quote + 1, line.rfind('"') - quote - 1);
  }
  return result;
}

// Values with other characters would need quoting that every driver understands differently.
bool is_plain(std::string_view value) {
  return std::all_of(value.begin(), value.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-' || c == '+';
  });
}

}  // namespace

std::string resolve_kernel(const std::string& file) { return Flattener().run(file); }

std::string kernel_path(const std::string& file) {
  const std::optional<Located> located = locate(file);
  return located ? located->path : file;
}

std::string program_text(const KernelCall& call) {
  std::string text;
  std::string generated;
  for (const auto& [name, value] : call.defines) {
    if (!is_plain(value)) generated += fmt::format("#define {} {}\n", name, value);
  }
  generated += call.prelude;
  if (!generated.empty()) text = Flattener().run_text("generated for " + call.file, generated);
  return text + (call.source.empty() ? resolve_kernel(call.file)
                                     : Flattener().run_text(call.file, call.source));
}

std::string with_real_lines(const std::string& log, const std::string& text) {
  const std::vector<LineOrigin> lines = origins(text);
  std::string result;
  for (const std::string& line : split(log, '\n')) {
    // "input.cl:26:10: error: ..." or "<source>:26:10: ...": a name of the compiler's own.
    const std::size_t colon = line.find(':');
    const std::string name = line.substr(0, colon);
    const bool ours = std::any_of(lines.begin(), lines.end(), [&name](const LineOrigin& origin) {
      return origin.path == name;
    });
    std::size_t digits_end = colon == std::string::npos ? colon : colon + 1;
    while (digits_end < line.size() && std::isdigit(static_cast<unsigned char>(line[digits_end]))) {
      ++digits_end;
    }
    std::size_t number = 0;
    if (!ours && name.find_first_of("/ ") == std::string::npos && digits_end < line.size() &&
        line[digits_end] == ':') {
      std::from_chars(line.data() + colon + 1, line.data() + digits_end, number);
    }
    if (number >= 1 && number <= lines.size() && !lines[number - 1].path.empty()) {
      const LineOrigin& origin = lines[number - 1];
      result += fmt::format("{}:{}{}\n", origin.path, origin.line, line.substr(digits_end));
    } else {
      result += line + '\n';
    }
  }
  return trim(result);
}

std::string define_options(const KernelCall& call) {
  std::string options;
  for (const auto& [name, value] : call.defines) {
    if (is_plain(value)) options += fmt::format(" -D {}={}", name, value);
  }
  return options;
}

}  // namespace pinnacle::runtime
