// How a formula of operands of any type, with broadcasting, becomes one call of elementwise.cl: the
// generated prelude holds the formula for one element and for a vector, and how each operand is
// loaded and converted.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <pinnacle/op.hpp>

namespace pinnacle {

/// What is computed with a, b, c, which are converted to one type before.
struct ElementFormula {
  std::string type;        ///< T: the OpenCL type of operands and result
  std::string code;        ///< OpenCL C, as in the pointwise table, for T of any width
  std::string expression;  ///< or a pointwise expression; T is float
};

/// A tensor as the kernel sees it.
struct ElementOperand {
  BufferRef buffer;
  Shape shape;
  std::string storage;  ///< OpenCL type: "float", "half" or an integer type
};

/// The OpenCL type that a value of this type is stored as; booleans as uchar.
const char* storage_type(DType dtype);
/// The inputs of a node as they are stored.
std::vector<ElementOperand> operands_of(const OpView& op);
/// Output 0 likewise.
ElementOperand result_of(const OpView& op);

/// REQUIRES: the result has elements, and 1 to 3 operands
KernelCall elementwise_call(const ElementFormula& formula,
                            const std::vector<ElementOperand>& operands,
                            const ElementOperand& result, Family family, const Target& target);
/// The call as a whole variant: nothing for an empty result; y may replace an operand of its type.
Lowering elementwise_lowering(const ElementFormula& formula,
                              const std::vector<ElementOperand>& operands,
                              const ElementOperand& result, Family family, const Target& target);

}  // namespace pinnacle
