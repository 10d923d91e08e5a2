// Files that once did harm (test/regress/onnx): each ends in a graph or in a typed error.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <cstring>
#include <pinnacle/error.hpp>
#include <pinnacle/onnx.hpp>
#include <typeinfo>

namespace pinnacle::test {

TEST_CASE("onnx regress: files that once crashed, hung or filled the memory") {
  OnnxLimits limits;
  limits.weight_bytes = 64 << 20;
  limits.nodes = 2000;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PINNACLE_TEST_DIR "/regress/onnx")) {
    const std::string name = entry.path().filename().string();
    CAPTURE(name);
    ++files;
    try {
      verify(load(entry.path(), limits).graph());
    } catch (const Error& error) {
      CHECK_FALSE(typeid(error) == typeid(Error));  // verify()'s: a graph that we made wrongly
      CHECK(std::strlen(error.what()) > 10);
    }
  }
  CHECK(files >= 6);
}

}  // namespace pinnacle::test
