// SPDX-License-Identifier: Apache-2.0
#include "bench/compare/html.hpp"

#include <fmt/format.h>

#include <cmath>

#include "bench/compare/svg.hpp"

namespace pinnacle::bench {

std::string cell(std::string_view text) { return fmt::format("<td>{}</td>", escape_html(text)); }

std::string number_cell(const Number& value, const std::string& shown) {
  if (!value || !std::isfinite(*value)) return "<td class=\"n\">-</td>";
  return fmt::format("<td class=\"n\" data-value=\"{}\">{}</td>", *value, shown);
}

std::string number_cell(const Number& value) {
  return number_cell(value, value ? short_number(*value) : "");
}

std::string percent_cell(const Number& share) {
  return number_cell(share, share ? fmt::format("{:.3g}", 100 * *share) : "");
}

std::string head_cell(std::string_view text, std::string_view unit, bool number) {
  std::string html =
      fmt::format("<th scope=\"col\"{}>{}", number ? " class=\"n\"" : "", escape_html(text));
  if (!unit.empty()) html += fmt::format("<small>{}</small>", escape_html(unit));
  return html + "</th>";
}

std::string row_head(std::string_view text, std::string_view hover) {
  const std::string title = hover.empty() ? "" : fmt::format(" title=\"{}\"", escape_html(hover));
  return fmt::format("<th scope=\"row\"{}>{}</th>", title, escape_html(text));
}

std::string table(const std::string& id, const std::string& caption, const std::string& head,
                  const std::string& body) {
  return fmt::format(
      "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{1}\"><table id=\"{0}\">"
      "<caption>{1}</caption><thead><tr>{2}</tr></thead><tbody>{3}</tbody></table></div>\n",
      id, escape_html(caption), head, body);
}

std::string details(const std::string& summary, const std::string& contents) {
  return fmt::format("<details><summary>{}</summary>{}</details>\n", escape_html(summary),
                     contents);
}

std::string figure(const std::string& svg, const std::string& caption) {
  return fmt::format("<figure>{}<figcaption>{}</figcaption></figure>\n", svg, caption);
}

std::string list(std::string_view classes, const std::vector<std::string>& texts) {
  std::string html = fmt::format("<ul class=\"{}\">", classes);
  for (const std::string& text : texts) html += fmt::format("<li>{}</li>", escape_html(text));
  return html + "</ul>";
}

std::string capital(std::string text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 32);
  return text;
}

}  // namespace pinnacle::bench
