// A model's weights in a file.
// SPDX-License-Identifier: Apache-2.0
#include <pinnacle/model.hpp>
#include <pinnacle/onnx.hpp>

#include <algorithm>

#include "base/text.hpp"

namespace pinnacle {
namespace {

// "dense_1.weight.adam_m" follows "dense_1.weight"; "steps" counts training steps.
bool belongs_to_training(const std::string& name, const Weights& weights) {
  return name == "steps" || weights.contains(name.substr(0, name.rfind('.')));
}

}  // namespace

void Model::save(const std::filesystem::path& file) const {
  if (lower_case(file.extension().string()) == ".onnx") return save_onnx(*this, file);
  save_safetensors(file, {.tensors = weights_, .metadata = {{"format", "pinnacle"}}});
}

void Model::load(const std::filesystem::path& file) {
  Checkpoint checkpoint = load_safetensors(file);
  std::vector<std::string> names;
  for (const auto& [name, weight] : weights_) names.push_back(name);
  for (const auto& [name, tensor] : checkpoint.tensors) {
    if (weights_.contains(name) || belongs_to_training(name, weights_)) continue;
    throw ShapeError(fmt::format("holds \"{}\", which this model does not have", name),
                     file.string(), suggestion(name, names));
  }
  for (const auto& [name, weight] : weights_) {
    const auto it = checkpoint.tensors.find(name);
    if (it == checkpoint.tensors.end()) {
      if (name == "steps") continue;
      throw ShapeError(fmt::format("lacks \"{}\", which this model has", name), file.string(),
                       "the file belongs to another model");
    }
    if (it->second.type() != weight.type()) {
      throw ShapeError(fmt::format("holds \"{}\" as {} but this model has {}", name,
                                   it->second.type(), weight.type()),
                       file.string(), "the file belongs to another model");
    }
  }
  for (auto& [name, weight] : weights_) {
    if (const auto it = checkpoint.tensors.find(name); it != checkpoint.tensors.end()) {
      weight = std::move(it->second);
    }
  }
}

}  // namespace pinnacle
