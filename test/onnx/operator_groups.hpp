// What a case of the ONNX backend tests is about: its operator, and the operator's group.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

namespace pinnacle::test {

/// The operator of a model with one node; of larger ones what the case's name says ("test_gelu_default_1_
/// expanded": Gelu), else the first node that is no constant.
std::string operator_of(const std::filesystem::path& folder);
/// "CNN", "matmul", ... or "other".
std::string group_of(const std::string& op);
/// Whether Pinnacle means to run all of the group.
bool is_core_group(const std::string& group);

}  // namespace pinnacle::test
