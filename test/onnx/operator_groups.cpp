// SPDX-License-Identifier: Apache-2.0
#include "onnx/operator_groups.hpp"

#include <algorithm>
#include <cctype>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include <pinnacle/error.hpp>

#include "io/onnx/document.hpp"

namespace pinnacle::test {
namespace {

struct Group {
  const char* name;
  bool core;
  const char* operators;
};

const Group kGroups[] = {
    {"CNN", true,
     "Conv ConvTranspose ConvInteger DeformConv MaxPool AveragePool LpPool GlobalAveragePool "
     "GlobalMaxPool GlobalLpPool MaxUnpool MaxRoiPool RoiAlign BatchNormalization "
     "InstanceNormalization GroupNormalization LayerNormalization RMSNormalization LRN "
     "LpNormalization MeanVarianceNormalization Dropout Resize Upsample DepthToSpace SpaceToDepth "
     "Col2Im GridSample AffineGrid CausalConvWithState"},
    {"matmul", true, "MatMul Gemm Einsum MatMulInteger Det"},
    {"arithmetic", true,
     "Abs Acos Acosh Add Asin Asinh Atan Atanh BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor "
     "Ceil Clip Cos Cosh Div Erf Exp Floor Log Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign "
     "Sin "
     "Sinh Sqrt Sub Sum Tan CumSum CumProd"},
    {"activations", true,
     "Celu Elu Gelu HardSigmoid HardSwish Hardmax LeakyRelu LogSoftmax Mish PRelu Relu Selu Shrink "
     "Sigmoid Softmax Softplus Softsign SwiGLU Swish Tanh ThresholdedRelu"},
    {"compare/logic", true,
     "And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor"},
    {"shape/index", true,
     "BitCast Cast CastLike CenterCropPad Compress Concat Constant ConstantOfShape Expand EyeLike "
     "Flatten Gather GatherElements GatherND Identity NonMaxSuppression NonZero OneHot Pad Range "
     "Reshape ReverseSequence Scatter ScatterElements ScatterND Shape Size Slice Split Squeeze "
     "TensorScatter Tile TopK Transpose Trilu Unique Unsqueeze"},
    {"reductions", true,
     "ArgMax ArgMin ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin "
     "ReduceProd ReduceSum ReduceSumSquare"},
    {"recurrent", true, "GRU LSTM RNN"},
    {"loss", true, "NegativeLogLikelihoodLoss SoftmaxCrossEntropyLoss"},
    {"attention", false, "Attention LinearAttention RotaryEmbedding"},
    {"quantization", false,
     "DequantizeLinear DynamicQuantizeLinear QLinearConv QLinearMatMul QuantizeLinear"},
    {"control flow", false, "If Loop Scan"},
    {"signal", false, "BlackmanWindow DFT HammingWindow HannWindow MelWeightMatrix STFT"},
    {"random", false,
     "Bernoulli Multinomial RandomNormal RandomNormalLike RandomUniform RandomUniformLike"},
    {"sequence/optional", false,
     "ConcatFromSequence Optional OptionalGetElement OptionalHasElement SequenceAt "
     "SequenceConstruct "
     "SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap SplitToSequence"},
    {"text/image", false,
     "ImageDecoder RegexFullMatch StringConcat StringNormalizer StringSplit TfIdfVectorizer "
     "LabelEncoder"},
    {"training", false, "Adagrad Adam Gradient Momentum"},
};

const std::map<std::string, const Group*>& operators() {
  static const auto all = [] {
    std::map<std::string, const Group*> map;
    for (const Group& group : kGroups) {
      std::istringstream words(group.operators);
      for (std::string word; words >> word;) map[word] = &group;
    }
    return map;
  }();
  return all;
}

std::string letters(const std::string& text) {
  std::string plain;
  for (const char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      plain += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
  }
  return plain;
}

// Short forms in the names of the ONNX project's cases.
const std::map<std::string, std::string> kShort = {{"nllloss", "NegativeLogLikelihoodLoss"},
                                                   {"sce", "SoftmaxCrossEntropyLoss"},
                                                   {"clip", "Clip"},
                                                   {"maxpool", "MaxPool"},
                                                   {"averagepool", "AveragePool"},
                                                   {"mvn", "MeanVarianceNormalization"},
                                                   {"l1normalization", "LpNormalization"},
                                                   {"l2normalization", "LpNormalization"},
                                                   {"optional", "OptionalGetElement"},
                                                   {"sequencemap", "SequenceMap"},
                                                   {"sequencemodel", "SequenceConstruct"},
                                                   {"stringnormalizer", "StringNormalizer"},
                                                   {"expandshapemodel", "Expand"},
                                                   {"gradient", "Gradient"},
                                                   {"convwithautopad", "Conv"}};

std::string by_name(const std::string& name) {
  const std::string plain = letters(name.substr(name.find("test_") == 0 ? 5 : 0));
  std::string best;
  std::size_t length = 0;
  const auto consider = [&](const std::string& word, const std::string& op) {
    if (plain.compare(0, word.size(), word) == 0 && word.size() > length) {
      best = op;
      length = word.size();
    }
  };
  for (const auto& [op, group] : operators()) consider(letters(op), op);
  for (const auto& [word, op] : kShort) consider(word, op);
  return best;
}

}  // namespace

std::string operator_of(const std::filesystem::path& folder) {
  ::onnx::ModelProto model;
  try {
    model = onnx::read_document(folder / "model.onnx", {});
  } catch (const Error&) {
    return by_name(folder.filename().string());
  }
  const auto& nodes = model.graph().node();
  if (nodes.size() == 1) return nodes[0].op_type();
  if (const std::string op = by_name(folder.filename().string()); !op.empty()) return op;
  const std::set<std::string> plumbing = {"Constant", "Identity", "Unsqueeze",
                                          "Squeeze",  "Reshape",  "Transpose"};
  for (const auto& node : nodes) {
    if (!plumbing.contains(node.op_type())) return node.op_type();
  }
  return nodes.empty() ? "" : nodes[0].op_type();
}

std::string group_of(const std::string& op) {
  const auto it = operators().find(op);
  return it == operators().end() ? "other" : it->second->name;
}

bool is_core_group(const std::string& group) {
  return std::any_of(std::begin(kGroups), std::end(kGroups),
                     [&](const Group& known) { return known.core && group == known.name; });
}

}  // namespace pinnacle::test
