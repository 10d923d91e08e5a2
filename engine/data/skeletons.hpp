// The strokes that digits are drawn with: several ways of writing each.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>
#include <vector>

namespace pinnacle {

/// In a box [0, 1] x [0, 1], y downwards.
struct Point {
  double x;
  double y;
};
enum class Bend : unsigned char { straight, smooth };
struct Stroke {
  Bend bend;  ///< straight: lines between the points; smooth: a Catmull-Rom spline through them
  std::vector<Point> points;
};
using Skeleton = std::vector<Stroke>;

/// The ways of writing `digit`. REQUIRES: 0 <= digit <= 9
std::span<const Skeleton> skeletons(int digit);

}  // namespace pinnacle
