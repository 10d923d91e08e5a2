// A program outside the tree: public headers and pkg-config alone. Errors must be catchable across
// the library's border.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

namespace pn = pinnacle;

int main() {
  const pn::Model model(pn::dense(4) | pn::relu | pn::dense(3), {{5}, pn::DType::f32});
  pn::Session session = pn::compile(model, pn::select_device(), 2);
  const pn::Tensor y = session(pn::Tensor({2, 5}));
  fmt::print("{} on {}\n", y.shape(), session.device().name());
  try {
    session(pn::Tensor({2, 6}));
    return 1;
  } catch (const pn::ShapeError& error) {
    fmt::print("an error is caught: {}\n", error.what());
  }
  return 0;
}
