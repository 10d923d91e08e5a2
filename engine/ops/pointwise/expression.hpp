// The syntax tree of a pointwise expression:
//   expression := x<digits> | number | name [ "{" number {"," number} "}" ] "(" expression {","
//   expression} ")" name       := a row of the table, or its derivative: "relu", "mul.da",
//   "mul.db", "tanh.dy"
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "ops/pointwise/table.hpp"

namespace pinnacle {

struct Expression {
  enum class Kind { operand, number, call } kind = Kind::number;
  enum class Part { value, da, db, dy } part = Part::value;
  int operand = 0;
  double number = 0;
  const PointwiseRow* row = nullptr;
  std::array<double, 2> parameters = {};
  std::vector<Expression> arguments;
};

/// throws ParseError that quotes the text and the position
Expression parse_expression(std::string_view text);
std::string to_text(const Expression& expression);
double evaluate(const Expression& expression, const double* x);
/// x<i> of `expression` becomes operands[i].
Expression substitute(const Expression& expression, const std::vector<Expression>& operands);
/// 1 + the largest operand index; 0 without operands.
int arity(const Expression& expression);
double flop(const Expression& expression);
int size(const Expression& expression);  ///< number of calls

}  // namespace pinnacle
