// `pinnacle-bench page`: a comparison's file as an HTML page.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/error.hpp>

#include <fmt/format.h>

#include <filesystem>

#include "bench/commands.hpp"
#include "bench/compare/comparison.hpp"
#include "bench/compare/page.hpp"

namespace pinnacle::bench {

int run_page(const PageOptions& options) {
  const std::filesystem::path file = options.file;
  std::filesystem::path html = options.html;
  if (html.empty()) html = std::filesystem::path(file).replace_extension(".html");
  std::error_code unknown;
  if (html == file || std::filesystem::equivalent(html, file, unknown)) {
    throw ArgumentError("would overwrite the comparison", html.string(),
                        "name another file with --html FILE");
  }
  write_page(load_comparison(file), html);
  fmt::print("{}\n", html.string());
  return 0;
}

}  // namespace pinnacle::bench
