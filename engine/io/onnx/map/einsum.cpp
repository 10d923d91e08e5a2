// Einsum: an equation over labelled axes. Repeated labels of an operand are its diagonal, labels that
// nothing else has are summed at once, and operands are joined pair by pair, each pair as one matrix
// product over [shared and kept, own, shared and summed].
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cctype>
#include <map>
#include <string>

#include "io/onnx/map/build.hpp"
#include "io/onnx/map/products.hpp"
#include "io/onnx/map/windows.hpp"

namespace pinnacle::onnx {
namespace {

using Ints = Windows::Ints;

// A letter, or one of the axes that an ellipsis stands for: kEllipsis + their place from the end.
using Label = int;
using Labels = std::vector<Label>;
constexpr Label kEllipsis = 256;

struct Term {
  ValueId value = kNoValue;
  Labels labels;
};

bool holds(const Labels& labels, Label label) {
  return std::find(labels.begin(), labels.end(), label) != labels.end();
}

// The labels of one operand of that rank; `rank` < 0: an ellipsis is `ellipsis` axes.
Labels parse_labels(const NodeImport& node, const std::string& text, std::int64_t rank,
                    std::int64_t ellipsis) {
  const auto letters = static_cast<std::int64_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return c != '.'; }));
  const std::size_t dots = text.find("...");
  const std::string plain =
      dots == std::string::npos ? text : text.substr(0, dots) + text.substr(dots + 3);
  if (!std::all_of(plain.begin(), plain.end(),
                   [](unsigned char c) { return std::isalpha(c) != 0; })) {
    node.invalid(fmt::format("\"{}\" is no list of labels", text));
  }
  if (dots == std::string::npos) {
    ellipsis = 0;
  } else if (rank >= 0) {
    ellipsis = rank - letters;
  }
  if (ellipsis < 0 || (rank >= 0 && letters + ellipsis != rank)) {
    node.invalid(fmt::format("\"{}\" labels an operand of rank {}", text, rank));
  }
  Labels labels;
  for (std::size_t i = 0; i <= plain.size(); ++i) {
    if (i == dots) {
      for (std::int64_t k = ellipsis; k-- > 0;) labels.push_back(kEllipsis + static_cast<Label>(k));
    }
    if (i < plain.size()) labels.push_back(static_cast<unsigned char>(plain[i]));
  }
  return labels;
}

class Einsum {
 public:
  explicit Einsum(NodeImport& node) : node_(node) {}

  ValueId run() {
    parse();
    for (Term& term : terms_) {
      take_diagonals(term);
      for (const Label label : Labels(term.labels)) set_extent(label, extent_in(term, label));
    }
    for (const Label label : result_) {
      if (!extents_.contains(label)) node_.invalid("the result has a label that no operand has");
    }
    Term whole = terms_[0];
    for (std::size_t i = 1; i < terms_.size(); ++i) {
      sum_away(whole, needed_from(i));
      sum_away(terms_[i], [&] {
        Labels needed = needed_from(i + 1);
        needed.insert(needed.end(), whole.labels.begin(), whole.labels.end());
        return needed;
      }());
      whole = join(whole, terms_[i], needed_from(i + 1));
    }
    sum_away(whole, result_);
    whole = arranged(whole, result_);
    return broadcast_to(node_, whole.value, shape_of(result_));
  }

 private:
  Builder& b() { return node_.b(); }

  void parse() {
    std::string equation = node_.text("equation", "");
    equation.erase(std::remove(equation.begin(), equation.end(), ' '), equation.end());
    const std::size_t arrow = equation.find("->");
    const std::string left = equation.substr(0, arrow);
    std::vector<std::string> texts(1);
    for (const char c : left) {
      if (c == ',') {
        texts.emplace_back();
      } else {
        texts.back() += c;
      }
    }
    if (texts.size() != node_.input_count()) {
      node_.invalid(fmt::format("the equation \"{}\" has {} operands; given are {}", equation,
                                texts.size(), node_.input_count()));
    }
    std::int64_t ellipsis = 0;
    for (std::size_t i = 0; i < texts.size(); ++i) {
      const auto rank = static_cast<std::int64_t>(node_.shape(i).rank());
      terms_.push_back({node_.in(i), parse_labels(node_, texts[i], rank, 0)});
      ellipsis = std::max<std::int64_t>(
          ellipsis, std::count_if(terms_.back().labels.begin(), terms_.back().labels.end(),
                                  [](Label label) { return label >= kEllipsis; }));
    }
    if (arrow != std::string::npos) {
      result_ = parse_labels(node_, equation.substr(arrow + 2), -1, ellipsis);
      Labels sorted = result_;
      std::sort(sorted.begin(), sorted.end());
      if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
        node_.invalid("the result names a label twice");
      }
      return;
    }
    // Without an arrow: the ellipsis, then labels that occur once, sorted.
    for (std::int64_t k = ellipsis; k-- > 0;) result_.push_back(kEllipsis + static_cast<Label>(k));
    for (Label label = 0; label < kEllipsis; ++label) {
      std::ptrdiff_t count = 0;
      for (const Term& term : terms_) {
        count += std::count(term.labels.begin(), term.labels.end(), label);
      }
      if (count == 1) result_.push_back(label);
    }
  }

  std::int64_t extent_in(const Term& term, Label label) {
    const auto at = std::find(term.labels.begin(), term.labels.end(), label);
    return b().shape(term.value)[static_cast<std::size_t>(at - term.labels.begin())];
  }

  void set_extent(Label label, std::int64_t extent) {
    const auto [it, fresh] = extents_.emplace(label, extent);
    if (fresh || it->second == extent || extent == 1) return;
    if (it->second != 1) {
      node_.invalid(fmt::format("a label stands for axes of {} and {}", it->second, extent));
    }
    it->second = extent;
  }

  Shape shape_of(const Labels& labels) {
    Ints dims;
    for (const Label label : labels) dims.push_back(extents_.at(label));
    check_size(node_, Shape(dims));
    return Shape(std::move(dims));
  }

  // What the result and the operands from `first` on have.
  Labels needed_from(std::size_t first) const {
    Labels needed = result_;
    for (std::size_t i = first; i < terms_.size(); ++i) {
      needed.insert(needed.end(), terms_[i].labels.begin(), terms_[i].labels.end());
    }
    return needed;
  }

  // Axes in the order of `labels`, the same ones.
  Term arranged(const Term& term, const Labels& labels) {
    Ints perm;
    for (const Label label : labels) {
      perm.push_back(std::find(term.labels.begin(), term.labels.end(), label) -
                     term.labels.begin());
    }
    return {permuted(term.value, perm), labels};
  }

  ValueId permuted(ValueId value, const Ints& perm) {
    if (std::is_sorted(perm.begin(), perm.end())) return value;
    return node_.apply("transpose", {value}, {{"perm", perm}});
  }

  // Two axes of extent n with one label become one: as a list of n n elements, the diagonal's lie n + 1
  // apart.
  void take_diagonals(Term& term) {
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      const auto again = std::find(term.labels.begin() + static_cast<std::ptrdiff_t>(i) + 1,
                                   term.labels.end(), term.labels[i]);
      if (again == term.labels.end()) continue;
      const auto j = static_cast<std::size_t>(again - term.labels.begin());
      const Shape shape = b().shape(term.value);
      const std::int64_t n = shape[i];
      if (shape[j] != n) {
        node_.invalid(fmt::format("a label stands for axes of {} and {}", n, shape[j]));
      }
      Ints perm;
      Labels rest;
      Ints dims;
      for (std::size_t k = 0; k < term.labels.size(); ++k) {
        if (k == i || k == j) continue;
        perm.push_back(static_cast<std::int64_t>(k));
        rest.push_back(term.labels[k]);
        dims.push_back(shape[k]);
      }
      perm.push_back(static_cast<std::int64_t>(i));
      perm.push_back(static_cast<std::int64_t>(j));
      const std::int64_t outer = Shape(dims).elements();
      ValueId value = node_.reshape(permuted(term.value, perm), {outer, n * n});
      value = pad_last(node_, value, {0}, {n});
      value = slice_axis(node_, node_.reshape(value, {outer, n, n + 1}), 2, 0, 1);
      rest.push_back(term.labels[i]);
      dims.push_back(n);
      term = {node_.reshape(value, Shape(std::move(dims))), std::move(rest)};
      i = static_cast<std::size_t>(-1);  // from the first axis again
    }
  }

  void sum_away(Term& term, const Labels& needed) {
    Ints axes;
    Labels kept;
    for (std::size_t i = 0; i < term.labels.size(); ++i) {
      if (holds(needed, term.labels[i])) {
        kept.push_back(term.labels[i]);
      } else {
        axes.push_back(static_cast<std::int64_t>(i));
        // An axis of 1 that stands for more is counted as often.
        const std::int64_t extent = extents_.at(term.labels[i]);
        if (extent != b().shape(term.value)[i]) {
          Shape shape = b().shape(term.value);
          shape[i] = extent;
          term.value = broadcast_to(node_, term.value, shape);
        }
      }
    }
    if (axes.empty()) return;
    term = {
        node_.apply("reduce_sum", {term.value}, {{"axes", axes}, {"keepdims", std::int64_t{0}}}),
        std::move(kept)};
  }

  // As [batch, rows, columns] with axes of 1 repeated where the other operand has more.
  ValueId as_matrices(const Term& term, const Labels& batch, const Labels& rows,
                      const Labels& columns) {
    Labels order = batch;
    order.insert(order.end(), rows.begin(), rows.end());
    order.insert(order.end(), columns.begin(), columns.end());
    const ValueId value = broadcast_to(node_, arranged(term, order).value, shape_of(order));
    return node_.reshape(value, {shape_of(batch).elements(), shape_of(rows).elements(),
                                 shape_of(columns).elements()});
  }

  Term join(const Term& x, const Term& y, const Labels& needed) {
    Labels batch;
    Labels summed;
    Labels own_x;
    Labels own_y;
    for (const Label label : x.labels) {
      if (!holds(y.labels, label)) {
        own_x.push_back(label);
      } else {
        (holds(needed, label) ? batch : summed).push_back(label);
      }
    }
    for (const Label label : y.labels) {
      if (!holds(x.labels, label)) own_y.push_back(label);
    }
    Labels labels = batch;
    labels.insert(labels.end(), own_x.begin(), own_x.end());
    labels.insert(labels.end(), own_y.begin(), own_y.end());
    const ValueId left = as_matrices(x, batch, own_x, summed);
    const ValueId right = as_matrices(y, batch, summed, own_y);
    // Nothing to sum: element by element, broadcast.
    const ValueId product =
        summed.empty() ? node_.apply("mul", {left, right}) : matrix_product(node_, left, right);
    return {node_.cast(node_.reshape(product, shape_of(labels)), b().type(x.value).dtype), labels};
  }

  NodeImport& node_;
  std::vector<Term> terms_;
  Labels result_;
  std::map<Label, std::int64_t> extents_;
};

std::vector<ValueId> einsum(NodeImport& node) {
  if (node.input_count() == 0) node.invalid("has no operands");
  return {Einsum(node).run()};
}

}  // namespace

std::vector<ImportRow> einsum_imports() { return {{.op = "Einsum", .import = einsum}}; }

}  // namespace pinnacle::onnx
