// Pieces of the comparison page: cells, tables, figures. Texts are escaped here; `contents`, `head`,
// `body`, `svg` and the captions of figures are HTML already.
// Thread safety: pure functions.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pinnacle::bench {

using Number = std::optional<double>;

std::string cell(std::string_view text);
/// The whole value in data-value; "-" if there is none or it is no number.
std::string number_cell(const Number& value, const std::string& shown);
std::string number_cell(const Number& value);
/// Of a share of 1; its column's unit is %.
std::string percent_cell(const Number& share);
std::string head_cell(std::string_view text, std::string_view unit = "", bool number = false);
std::string row_head(std::string_view text, std::string_view hover = "");
/// In a box of its own, which scrolls where it is wider than the page.
std::string table(const std::string& id, const std::string& caption, const std::string& head,
                  const std::string& body);
std::string details(const std::string& summary, const std::string& contents);
std::string figure(const std::string& svg, const std::string& caption);
std::string list(std::string_view classes, const std::vector<std::string>& texts);
std::string capital(std::string text);

}  // namespace pinnacle::bench
