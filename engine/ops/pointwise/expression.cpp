// Parsing, evaluating and generating code for pointwise expressions.
// SPDX-License-Identifier: Apache-2.0
#include "ops/pointwise/expression.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <cmath>
#include <map>

#include <pinnacle/error.hpp>

#include "ops/epilogue.hpp"

namespace pinnacle {
namespace {

constexpr int kMaxDepth = 64;

struct Parser {
  std::string_view text;
  std::size_t at = 0;

  [[noreturn]] void fail(const std::string& what) const {
    throw ParseError(fmt::format("{} at character {} of \"{}\"", what, at + 1, text),
                     "pointwise expression");
  }
  void skip() {
    while (at < text.size() && text[at] == ' ') ++at;
  }
  bool take(char c) {
    skip();
    if (at >= text.size() || text[at] != c) return false;
    ++at;
    return true;
  }
  void expect(char c) {
    if (!take(c)) fail(fmt::format("'{}' is missing", c));
  }
  double number() {
    skip();
    double value = 0;
    const auto result = std::from_chars(text.data() + at, text.data() + text.size(), value);
    if (result.ec != std::errc()) fail("a number is missing");
    at = static_cast<std::size_t>(result.ptr - text.data());
    return value;
  }

  Expression expression(int depth) {
    if (depth > kMaxDepth) fail("nesting is too deep");
    skip();
    if (at >= text.size()) fail("something is missing");
    Expression e;
    if (std::isalpha(static_cast<unsigned char>(text[at])) == 0) {
      e.number = number();
      return e;
    }
    const std::size_t start = at;
    while (at < text.size() &&
           (std::isalnum(static_cast<unsigned char>(text[at])) != 0 || text[at] == '_')) {
      ++at;
    }
    const std::string_view name = text.substr(start, at - start);
    if (name.size() > 1 && name.size() < 4 && name[0] == 'x' &&
        std::isdigit(static_cast<unsigned char>(name[1])) != 0) {
      e.kind = Expression::Kind::operand;
      std::from_chars(name.data() + 1, name.data() + name.size(), e.operand);
      return e;
    }
    if (name == "inf" || name == "nan") {
      e.number = name == "inf" ? INFINITY : NAN;
      return e;
    }
    return call(name, depth);
  }

  Expression call(std::string_view name, int depth) {
    Expression e;
    e.kind = Expression::Kind::call;
    e.row = find_pointwise(name);
    if (e.row == nullptr) fail(fmt::format("there is no pointwise op {}", name));
    if (take('.')) {
      const std::string_view part = text.substr(at, 2);
      at = std::min(at + 2, text.size());
      if (part == "da")
        e.part = Expression::Part::da;
      else if (part == "db" && e.row->arity == 2)
        e.part = Expression::Part::db;
      else if (part == "dy" && !e.row->dy.empty())
        e.part = Expression::Part::dy;
      else
        fail(fmt::format("{} has no derivative {}", name, part));
    }
    e.parameters = {e.row->standard[0], e.row->standard[1]};
    if (take('{')) {
      e.parameters[0] = number();
      if (take(',')) e.parameters[1] = number();
      expect('}');
    }
    expect('(');
    e.arguments.push_back(expression(depth + 1));
    while (take(',')) e.arguments.push_back(expression(depth + 1));
    expect(')');
    if (static_cast<int>(e.arguments.size()) != e.row->arity) {
      fail(fmt::format("{} takes {} operands", name, e.row->arity));
    }
    return e;
  }
};

std::string_view formula(const Expression& e) {
  switch (e.part) {
    case Expression::Part::value:
      return e.row->code;
    case Expression::Part::da:
      return e.row->da;
    case Expression::Part::db:
      return e.row->db;
    case Expression::Part::dy:
      return e.row->dy;
  }
  return {};
}

std::string literal(double value) {
  if (std::isnan(value)) return "NAN";
  if (std::isinf(static_cast<float>(value))) return value < 0 ? "-INFINITY" : "INFINITY";
  std::string text = fmt::format("{:.9g}", static_cast<float>(value));
  if (text.find_first_of(".en") == std::string::npos) text += ".0";
  return text + "f";
}

// Replaces the identifiers a, b, p0, p1 and T of a formula.
std::string instantiate(std::string_view formula,
                        const std::map<std::string_view, std::string>& by) {
  std::string out;
  for (std::size_t i = 0; i < formula.size();) {
    const auto c = static_cast<unsigned char>(formula[i]);
    std::size_t end = i + 1;
    if (std::isalpha(c) != 0 || std::isdigit(c) != 0) {
      while (end < formula.size() && (std::isalnum(static_cast<unsigned char>(formula[end])) != 0 ||
                                      formula[end] == '_' || formula[end] == '.')) {
        ++end;
      }
    }
    const std::string_view token = formula.substr(i, end - i);
    const auto it = by.find(token);
    out += it == by.end() ? std::string(token) : it->second;
    i = end;
  }
  return out;
}

std::string type_of(int width) { return width == 1 ? "float" : fmt::format("float{}", width); }

// Built-in functions of OpenCL C for which the formulas get those of clkernels/lib/math.clh.
constexpr std::string_view kMathFunctions[] = {"erf",   "exp",      "expm1", "log",
                                               "log1p", "logistic", "tanh"};

// Emits one statement per distinct call and returns the name of the result.
std::string emit(const Expression& e, int width, std::string& body,
                 std::map<std::string, std::string>& known) {
  const std::string type = type_of(width);
  if (e.kind == Expression::Kind::operand) return fmt::format("x{}", e.operand);
  if (e.kind == Expression::Kind::number) return fmt::format("(({})({}))", type, literal(e.number));
  const std::string key = to_text(e);
  if (const auto it = known.find(key); it != known.end()) return it->second;
  std::map<std::string_view, std::string> by = {
      {"T", type}, {"p0", literal(e.parameters[0])}, {"p1", literal(e.parameters[1])}};
  for (const std::string_view function : kMathFunctions) {
    by[function] = fmt::format("math_{}{}", function, width);
  }
  by["a"] = emit(e.arguments[0], width, body, known);
  if (e.row->arity == 2) by["b"] = emit(e.arguments[1], width, body, known);
  const std::string name = fmt::format("t{}", known.size());
  body += fmt::format("  const {} {} = {};\n", type, name, instantiate(formula(e), by));
  known[key] = name;
  return name;
}

}  // namespace

Expression parse_expression(std::string_view text) {
  Parser parser{.text = text};
  Expression e = parser.expression(0);
  parser.skip();
  if (parser.at != text.size()) parser.fail("unexpected text");
  return e;
}

std::string to_text(const Expression& e) {
  if (e.kind == Expression::Kind::operand) return fmt::format("x{}", e.operand);
  if (e.kind == Expression::Kind::number) return fmt::format("{}", e.number);
  static constexpr const char* kParts[] = {"", ".da", ".db", ".dy"};
  std::string text = std::string(e.row->name) + kParts[static_cast<int>(e.part)];
  if (!e.row->parameter[0].empty()) {
    text += fmt::format("{{{}", e.parameters[0]);
    if (!e.row->parameter[1].empty()) text += fmt::format(",{}", e.parameters[1]);
    text += "}";
  }
  text += "(";
  for (std::size_t i = 0; i < e.arguments.size(); ++i) {
    text += (i == 0 ? "" : ", ") + to_text(e.arguments[i]);
  }
  return text + ")";
}

double evaluate(const Expression& e, const double* x) {
  if (e.kind == Expression::Kind::operand) return x[e.operand];
  if (e.kind == Expression::Kind::number) return e.number;
  const double a = evaluate(e.arguments[0], x);
  const double b = e.row->arity == 2 ? evaluate(e.arguments[1], x) : 0;
  auto* f = e.row->f;
  if (e.part == Expression::Part::da) f = e.row->fa;
  if (e.part == Expression::Part::db) f = e.row->fb;
  if (e.part == Expression::Part::dy) f = e.row->fy;
  return f(a, b, e.parameters[0], e.parameters[1]);
}

Expression substitute(const Expression& e, const std::vector<Expression>& operands) {
  if (e.kind == Expression::Kind::operand) return operands[static_cast<std::size_t>(e.operand)];
  Expression out = e;
  for (Expression& argument : out.arguments) argument = substitute(argument, operands);
  return out;
}

int arity(const Expression& e) {
  if (e.kind == Expression::Kind::operand) return e.operand + 1;
  int most = 0;
  for (const Expression& argument : e.arguments) most = std::max(most, arity(argument));
  return most;
}

double flop(const Expression& e) {
  double sum = e.kind == Expression::Kind::call ? e.row->flop : 0;
  for (const Expression& argument : e.arguments) sum += flop(argument);
  return sum;
}

int size(const Expression& e) {
  int sum = e.kind == Expression::Kind::call ? 1 : 0;
  for (const Expression& argument : e.arguments) sum += size(argument);
  return sum;
}

double evaluate_expression(std::string_view expression, std::span<const double> x) {
  return compile_expression(expression)(x);
}

std::function<double(std::span<const double>)> compile_expression(std::string_view expression) {
  Expression e = parse_expression(expression);
  return
      [e = std::move(e), needed = static_cast<std::size_t>(arity(e))](std::span<const double> x) {
        if (x.size() < needed) {
          throw ShapeError(fmt::format("has {} operands but x{} is used", x.size(), needed - 1),
                           "pointwise expression");
        }
        return evaluate(e, x.data());
      };
}

std::string expression_functions(std::string_view expression, std::string_view name, int arity,
                                 const std::vector<int>& widths) {
  const Expression e = parse_expression(expression);
  std::string text;
  for (const int width : widths) {
    const std::string type = type_of(width);
    std::string parameters;
    for (int i = 0; i < arity; ++i)
      parameters += fmt::format("{}{} x{}", i == 0 ? "" : ", ", type, i);
    std::string body;
    std::map<std::string, std::string> known;
    const std::string result = emit(e, width, body, known);
    if (body.find("math_") != std::string::npos) {
      text += fmt::format("#define MATH_WIDTH {}\n#include \"lib/math.clh\"\n", width);
    }
    text += fmt::format("static inline {} {}{}({}) {{\n{}  return {};\n}}\n", type, name, width,
                        parameters, body, result);
  }
  return text;
}

std::string epilogue_prelude(std::string_view expression, const std::vector<int>& widths,
                             int arity) {
  if (expression.empty()) return "";
  return "#define HAS_EPILOGUE 1\n" + expression_functions(expression, "epilogue", arity, widths);
}

double expression_flop(std::string_view expression) {
  return expression.empty() ? 0 : flop(parse_expression(expression));
}

}  // namespace pinnacle
