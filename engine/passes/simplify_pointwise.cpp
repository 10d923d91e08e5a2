// simplify_pointwise: formulas that have a name get it: x * sigmoid(x) is silu(x), and gelu, hard_swish,
// softplus and others are found in whatever way they were spelled. Powers with known exponents become
// products and roots.
// Formulas are compared as products and sums without an order: a * 0.5 * (b / 2) is 0.25 times {a, b}. A
// rule may match some factors of a product; the others stay.
// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <map>

#include "ops/pointwise/expression.hpp"
#include "ops/pointwise/pointwise.hpp"
#include "passes/match.hpp"
#include "passes/passes.hpp"

namespace pinnacle {
namespace {

using Kind = Expression::Kind;

// A pattern and what it is, of operands x0, x1, ... that stand for any formulas.
struct Rule {
  std::string_view pattern;
  std::string_view name;
};

// Rules whose ops do not exist are skipped.
constexpr Rule kRules[] = {
    {"reciprocal(add(1, exp(neg(x0))))", "sigmoid(x0)"},
    {"mul(x0, sigmoid(x0))", "silu(x0)"},
    {"log(add(1, exp(x0)))", "softplus(x0)"},
    {"mul(x0, tanh(softplus(x0)))", "mish(x0)"},
    {"mul(min(max(add(x0, 3), 0), 6), 0.16666666666666666)",
     "hard_sigmoid{0.16666666666666666,0.5}(x0)"},
    {"mul(x0, hard_sigmoid{0.16666666666666666,0.5}(x0))", "hard_swish(x0)"},
    {"mul(mul(x0, 0.5), add(1, erf(mul(x0, 0.7071067811865476))))", "gelu(x0)"},
    {"mul(mul(x0, 0.5), add(1, tanh(mul(0.7978845608028654,"
     " add(x0, mul(0.044715, mul(x0, mul(x0, x0))))))))",
     "gelu_tanh(x0)"},
    {"mul(mul(x0, 0.5), add(1, tanh(mul(mul(0.7978845608028654, x0),"
     " add(1, mul(0.044715, mul(x0, x0)))))))",
     "gelu_tanh(x0)"},
    {"mul(mul(x0, 0.5), add(1, tanh(add(mul(0.7978845608028654, x0),"
     " mul(0.035677408136300125, mul(x0, mul(x0, x0)))))))",
     "gelu_tanh(x0)"},
};

// A formula without order: number times (or plus) parts; any other call; an operand.
struct Term {
  enum class Kind { number, operand, call, product, sum } kind = Kind::number;
  double number = 0;               // of a number; factor of a product, summand of a sum
  const Expression* of = nullptr;  // where it comes from; nullptr: several, or a pattern
  int operand = 0;
  std::string name = {};                // of a call
  std::vector<double> parameters = {};  // of a call
  std::vector<Term> parts = {};         // factors, summands or arguments
};

// As near as two ways to round a number to f32 are.
bool close(double a, double b) { return std::fabs(a - b) <= 1e-6 * std::max(std::fabs(a), 1e-3); }

Term to_term(const Expression& e);

// The parts of a nested product or sum side by side.
void flatten(const Expression& e, Term& into) {
  const bool product = into.kind == Term::Kind::product;
  const Term term = to_term(e);
  const auto number = [&](double v) { product ? into.number *= v : into.number += v; };
  if (term.kind == Term::Kind::number) {
    number(term.number);
  } else if (term.kind == into.kind) {
    number(term.number);
    into.parts.insert(into.parts.end(), term.parts.begin(), term.parts.end());
  } else {
    into.parts.push_back(term);
  }
}

Term call(std::string name, std::vector<double> parameters, std::vector<Term> arguments) {
  return {.kind = Term::Kind::call,
          .name = std::move(name),
          .parameters = std::move(parameters),
          .parts = std::move(arguments)};
}

// A number alone or one part alone is not wrapped.
Term unwrapped(Term term) {
  const double nothing = term.kind == Term::Kind::product ? 1 : 0;
  if (term.parts.empty()) return {.kind = Term::Kind::number, .number = term.number};
  if (term.parts.size() == 1 && term.number == nothing) return term.parts[0];
  return term;
}

Term product_of(std::initializer_list<const Expression*> factors, double number) {
  Term term{.kind = Term::Kind::product, .number = number};
  for (const Expression* factor : factors) flatten(*factor, term);
  return unwrapped(std::move(term));
}

std::optional<double> number_of(const Expression& e) {
  return e.kind == Kind::number ? std::optional(e.number) : std::nullopt;
}

// min(max(x, a), b), relu(x) = max(x, 0) and the row clip are one call, with the bounds as parameters.
std::optional<Term> bounded(const Expression& e) {
  const std::string_view name = e.row->name;
  if (name == "clip")
    return call("clip", {e.parameters[0], e.parameters[1]}, {to_term(e.arguments[0])});
  const bool below = name == "relu" || name == "max";
  if (!below && name != "min") return std::nullopt;
  const std::size_t last = e.arguments.size() - 1;
  std::optional<double> bound = name == "relu" ? std::optional(0.0) : number_of(e.arguments[last]);
  const bool first = !bound && last == 1 && number_of(e.arguments[0]);
  if (first) bound = number_of(e.arguments[0]);
  if (!bound) return std::nullopt;
  Term inner = to_term(e.arguments[first ? 1 : 0]);
  const double lower = below ? *bound : -INFINITY;
  const double upper = below ? INFINITY : *bound;
  if (inner.name != "clip") return call("clip", {lower, upper}, {std::move(inner)});
  inner.of = nullptr;
  inner.parameters = {std::max(inner.parameters[0], lower), std::min(inner.parameters[1], upper)};
  return inner;
}

Term named(const Expression& e) {
  const std::string_view name = e.row->name;
  const std::vector<Expression>& x = e.arguments;
  if (name == "mul") return product_of({&x[0], &x[1]}, 1);
  if (name == "neg") return product_of({&x[0]}, -1);
  if (name == "square") return product_of({&x[0], &x[0]}, 1);
  if (name == "div" && number_of(x[1])) return product_of({&x[0]}, 1 / x[1].number);
  if (name == "div") {
    Term term{.kind = Term::Kind::product, .number = 1};
    flatten(x[0], term);
    term.parts.push_back(call("reciprocal", {}, {to_term(x[1])}));
    return unwrapped(std::move(term));
  }
  if (name == "pow" && number_of(x[1])) {
    const double power = x[1].number;
    if (power == 2) return product_of({&x[0], &x[0]}, 1);
    if (power == 3) return product_of({&x[0], &x[0], &x[0]}, 1);
  }
  if (name == "add" || (name == "sub" && number_of(x[1]))) {
    Term term{.kind = Term::Kind::sum};
    flatten(x[0], term);
    if (name == "add") flatten(x[1], term);
    if (name == "sub") term.number -= x[1].number;
    return unwrapped(std::move(term));
  }
  if (auto term = bounded(e)) return *term;
  std::vector<double> parameters;
  for (std::size_t i = 0; i < 2; ++i) {
    if (!e.row->parameter[i].empty()) parameters.push_back(e.parameters[i]);
  }
  std::vector<Term> arguments;
  for (const Expression& argument : x) arguments.push_back(to_term(argument));
  return call(std::string(name), std::move(parameters), std::move(arguments));
}

Term to_term(const Expression& e) {
  Term term;
  if (e.kind == Kind::number) term = {.kind = Term::Kind::number, .number = e.number};
  if (e.kind == Kind::operand) term = {.kind = Term::Kind::operand, .operand = e.operand};
  if (e.kind == Kind::call && e.part == Expression::Part::value) term = named(e);
  if (e.kind == Kind::call && e.part != Expression::Part::value) term = call(to_text(e), {}, {});
  if (term.of == nullptr) term.of = &e;
  return term;
}

// Operand of the pattern -> what it stands for.
using Bindings = std::map<int, Term>;

bool same(const Term& a, const Term& b);

bool matches(const Term& pattern, const Term& term, Bindings& bindings);

// What a pattern has left of a product or sum so far.
struct Rest {
  std::vector<bool> used;
  double number = 0;

  explicit Rest(const Term& term) : used(term.parts.size(), false), number(term.number) {}
  bool is_empty() const { return std::find(used.begin(), used.end(), false) == used.end(); }
};

double without(const Term& term, double number, double part) {
  return term.kind == Term::Kind::product ? number / part : number - part;
}

// Takes the factors of a product out of another, or the summands of a sum.
bool take(const Term& parts, const Term& term, Rest& rest) {
  Rest left = rest;
  for (const Term& part : parts.parts) {
    std::size_t k = 0;
    while (k < term.parts.size() && (left.used[k] || !same(term.parts[k], part))) ++k;
    if (k == term.parts.size()) return false;
    left.used[k] = true;
  }
  left.number = without(term, rest.number, parts.number);
  rest = left;
  return true;
}

// All that is left becomes one operand.
bool bind_rest(const Term& pattern, const Term& term, int operand, const Rest& rest,
               Bindings& bindings) {
  Term bound{.kind = term.kind, .number = without(term, rest.number, pattern.number)};
  for (std::size_t k = 0; k < term.parts.size(); ++k) {
    if (!rest.used[k]) bound.parts.push_back(term.parts[k]);
  }
  if (bound.parts.empty()) return false;
  const double nothing = term.kind == Term::Kind::product ? 1 : 0;
  if (close(nothing, bound.number)) bound.number = nothing;
  bindings[operand] = unwrapped(std::move(bound));
  return true;
}

// The parts of the pattern from `next` on meet parts of the term; whole: none of it is left then. In
// patterns operands come last, so that most are known by then.
bool match_parts(const Term& pattern, const Term& term, std::size_t next, bool whole, Rest& rest,
                 Bindings& bindings) {
  if (next == pattern.parts.size()) {
    return !whole || (rest.is_empty() && close(pattern.number, rest.number));
  }
  const Term& part = pattern.parts[next];
  const Rest before = rest;
  const Bindings bound_before = bindings;
  if (part.kind == Term::Kind::operand) {
    const auto known = bindings.find(part.operand);
    if (known == bindings.end() && whole && next + 1 == pattern.parts.size()) {
      return bind_rest(pattern, term, part.operand, rest, bindings);
    }
    if (known != bindings.end() && known->second.kind == term.kind) {
      return take(known->second, term, rest) &&
             match_parts(pattern, term, next + 1, whole, rest, bindings);
    }
  }
  for (std::size_t k = 0; k < term.parts.size(); ++k) {
    if (rest.used[k]) continue;
    rest.used[k] = true;
    if (matches(part, term.parts[k], bindings) &&
        match_parts(pattern, term, next + 1, whole, rest, bindings)) {
      return true;
    }
    rest = before;
    bindings = bound_before;
  }
  return false;
}

bool matches(const Term& pattern, const Term& term, Bindings& bindings) {
  if (pattern.kind == Term::Kind::operand) {
    const auto [known, is_new] = bindings.emplace(pattern.operand, term);
    return is_new || same(known->second, term);
  }
  if (pattern.kind != term.kind) return false;
  if (pattern.kind == Term::Kind::number) return close(pattern.number, term.number);
  if (pattern.kind != Term::Kind::call) {
    Rest rest(term);
    return pattern.parts.size() <= term.parts.size() &&
           match_parts(pattern, term, 0, true, rest, bindings);
  }
  if (pattern.name != term.name || pattern.parts.size() != term.parts.size() ||
      pattern.parameters.size() != term.parameters.size()) {
    return false;
  }
  for (std::size_t i = 0; i < pattern.parameters.size(); ++i) {
    const double a = pattern.parameters[i];
    if (a != term.parameters[i] && !close(a, term.parameters[i])) return false;
  }
  for (std::size_t i = 0; i < pattern.parts.size(); ++i) {
    if (!matches(pattern.parts[i], term.parts[i], bindings)) return false;
  }
  return true;
}

// Operands of products and sums behind their other parts.
void sort_parts(Term& pattern) {
  for (Term& part : pattern.parts) sort_parts(part);
  if (pattern.kind != Term::Kind::product && pattern.kind != Term::Kind::sum) return;
  std::stable_partition(pattern.parts.begin(), pattern.parts.end(),
                        [](const Term& part) { return part.kind != Term::Kind::operand; });
}

// Equal but for order, with operands that stand for themselves.
bool same(const Term& a, const Term& b) {
  if (a.kind != b.kind || a.parts.size() != b.parts.size() || a.name != b.name ||
      a.operand != b.operand || a.number != b.number || a.parameters != b.parameters) {
    return false;
  }
  if (a.kind == Term::Kind::call)
    return std::equal(a.parts.begin(), a.parts.end(), b.parts.begin(), same);
  return std::is_permutation(a.parts.begin(), a.parts.end(), b.parts.begin(), same);
}

// ---- Back to expressions

Expression number(double value) {
  Expression e;
  e.number = value;
  return e;
}

Expression apply(const char* row, std::vector<Expression> arguments) {
  Expression e;
  e.kind = Kind::call;
  e.row = find_pointwise(row);
  e.arguments = std::move(arguments);
  return e;
}

Expression to_expression(const Term& term) {
  if (term.of != nullptr) return *term.of;
  if (term.kind == Term::Kind::number) return number(term.number);
  const bool product = term.kind == Term::Kind::product;
  if (!product && term.kind != Term::Kind::sum) {
    if (term.name == "clip") {
      Expression e = to_expression(term.parts[0]);
      if (std::isfinite(term.parameters[0])) e = apply("max", {e, number(term.parameters[0])});
      if (std::isfinite(term.parameters[1])) e = apply("min", {e, number(term.parameters[1])});
      return e;
    }
    std::vector<Expression> arguments;
    for (const Term& part : term.parts) arguments.push_back(to_expression(part));
    return apply(term.name.c_str(), std::move(arguments));
  }
  Expression e = to_expression(term.parts[0]);
  for (std::size_t i = 1; i < term.parts.size(); ++i) {
    e = apply(product ? "mul" : "add", {e, to_expression(term.parts[i])});
  }
  const double nothing = product ? 1 : 0;
  return term.number == nothing ? e : apply(product ? "mul" : "add", {e, number(term.number)});
}

class Simplifier {
 public:
  Simplifier() {
    for (const Rule& rule : kRules) {
      if (!exists(rule.pattern) || !exists(rule.name)) continue;
      patterns_.push_back({parse_expression(rule.pattern), parse_expression(rule.name)});
    }
    for (const auto& [pattern, name] : patterns_) {
      terms_.push_back(to_term(pattern));
      sort_parts(terms_.back());
    }
  }

  /// The same formula with the names that it has.
  Expression operator()(Expression e) const {
    for (int round = 0; round < 8; ++round) {
      const auto next = once(e);
      if (!next) return e;
      e = *next;
    }
    return e;
  }

 private:
  // Whether there is a row for every name in the text.
  static bool exists(std::string_view text) {
    for (std::size_t i = 0; i < text.size();) {
      std::size_t end = i;
      while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) != 0 ||
                                   text[end] == '_' || text[end] == '.')) {
        ++end;
      }
      const bool is_name = end > i && std::isalpha(static_cast<unsigned char>(text[i])) != 0 &&
                           end < text.size() && (text[end] == '(' || text[end] == '{');
      if (is_name && find_pointwise(text.substr(i, end - i)) == nullptr) return false;
      i = std::max(end, i + 1);
    }
    return true;
  }

  // One rule applied somewhere, the outermost place first.
  std::optional<Expression> once(const Expression& e) const {
    if (e.kind != Kind::call) return std::nullopt;
    if (auto simpler = power(e)) return simpler;
    const Term term = to_term(e);
    for (std::size_t i = 0; i < terms_.size(); ++i) {
      if (auto found = replaced(terms_[i], patterns_[i].second, term)) return found;
    }
    for (std::size_t k = 0; k < e.arguments.size(); ++k) {
      const auto argument = once(e.arguments[k]);
      if (!argument) continue;
      Expression result = e;
      result.arguments[k] = *argument;
      return result;
    }
    return std::nullopt;
  }

  // pow is among the slowest functions.
  static std::optional<Expression> power(const Expression& e) {
    if (e.row->name != "pow" || e.part != Expression::Part::value || !number_of(e.arguments[1])) {
      return std::nullopt;
    }
    const Expression& x = e.arguments[0];
    const double exponent = e.arguments[1].number;
    if (exponent == 1) return x;
    if (exponent == 2) return apply("square", {x});
    if (exponent == 3) return apply("mul", {x, apply("square", {x})});
    if (exponent == 0.5) return apply("sqrt", {x});
    if (exponent == -0.5) return apply("reciprocal", {apply("sqrt", {x})});
    if (exponent == -1) return apply("reciprocal", {x});
    return std::nullopt;
  }

  static std::optional<Expression> replaced(const Term& pattern, const Expression& name,
                                            const Term& term) {
    Bindings bindings;
    Term rest{.kind = Term::Kind::product, .number = 1};
    if (term.kind == Term::Kind::product) {
      // Some of the factors; a pattern that is no product is one factor.
      Term factors = pattern;
      if (pattern.kind != Term::Kind::product) {
        factors = {.kind = Term::Kind::product, .number = 1, .parts = {pattern}};
      }
      Rest left(term);
      if (factors.parts.size() > term.parts.size() || term.parts.size() > kMostFactors ||
          !match_parts(factors, term, 0, false, left, bindings)) {
        return std::nullopt;
      }
      rest.number = left.number / factors.number;
      if (close(1, rest.number)) rest.number = 1;
      for (std::size_t k = 0; k < term.parts.size(); ++k) {
        if (!left.used[k]) rest.parts.push_back(term.parts[k]);
      }
    } else if (!matches(pattern, term, bindings)) {
      return std::nullopt;
    }
    std::vector<Expression> operands;
    for (const auto& [operand, bound] : bindings) operands.push_back(to_expression(bound));
    Expression e = substitute(name, operands);
    for (const Term& part : rest.parts) e = apply("mul", {e, to_expression(part)});
    return rest.number == 1 ? e : apply("mul", {e, number(rest.number)});
  }

  static constexpr std::size_t kMostFactors = 8;

  std::vector<std::pair<Expression, Expression>> patterns_;
  std::vector<Term> terms_;
};

// One row of x0, x1, ... in this order: the row's own op.
const PointwiseRow* single_row(const Expression& e) {
  if (e.kind != Kind::call || e.part != Expression::Part::value) return nullptr;
  for (std::size_t i = 0; i < e.arguments.size(); ++i) {
    const Expression& x = e.arguments[i];
    if (x.kind != Kind::operand || x.operand != static_cast<int>(i)) return nullptr;
  }
  return e.row;
}

void set_formula(Node& node, const Expression& e) {
  const PointwiseRow* row = single_row(e);
  if (row == nullptr || static_cast<std::size_t>(row->arity) != node.inputs.size()) {
    node.op = "pointwise";
    node.attributes = Attributes{{"expression", to_text(e)}};
  } else {
    node.op = std::string(row->name);
    node.attributes = Attributes();
    for (std::size_t i = 0; i < 2; ++i) {
      if (row->parameter[i].empty()) continue;
      node.attributes.set(std::string(row->parameter[i]), e.parameters[i]);
    }
  }
  node.def = &find_op(node.op);
}

}  // namespace

int simplify_pointwise(Graph& graph) {
  const Simplifier simplify;
  int count = 0;
  for (Node& node : graph.nodes) {
    const bool in_epilogue = node.def->takes_epilogue && node.attributes.has("epilogue");
    if (!node.def->pointwise && !in_epilogue) continue;
    const std::string text =
        in_epilogue ? node.attributes.text("epilogue") : pointwise_expression(node);
    const Expression before = parse_expression(text);
    const Expression after = simplify(before);
    if (to_text(after) == to_text(before)) continue;
    ++count;
    if (in_epilogue) {
      node.attributes.set("epilogue", to_text(after));
    } else {
      set_formula(node, after);
    }
  }
  return count;
}

}  // namespace pinnacle
