// Draws digits: a skeleton with unsteady points, bent by an elastic field, turned, sheared and
// scaled by an affine map, then inked with a round pen into 28 x 28 anti-aliased pixels.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <pinnacle/error.hpp>

#include "base/random.hpp"
#include "data/digit_files.hpp"
#include "data/skeletons.hpp"

namespace pinnacle {
namespace {

constexpr int kSize = 28;
constexpr std::size_t kPixels = 28 * 28;
constexpr double kBox = 19;           // pixels of the skeletons' unit box, as in MNIST
constexpr double kUnsteady = 0.03;    // deviation of a skeleton's points, in boxes
constexpr double kTurn = 0.18;        // deviation, radians
constexpr double kShear = 0.21;       // deviation
constexpr double kElastic = 1.7;      // deviation of the lattice's vectors, pixels
constexpr int kStepsPerSegment = 10;  // of splines and lines

// A smooth random displacement: random vectors on a lattice under cubic B-splines, which smooth
// like the Gaussian of the source at a fraction of its cost.
class ElasticField {
 public:
  explicit ElasticField(Random& random) {
    for (Point& v : lattice_) v = {random.normal() * kElastic, random.normal() * kElastic};
  }

  Point at(Point p) const {
    const double u = std::clamp(p.x / kCell, 0.0, kCells - 1e-9);
    const double v = std::clamp(p.y / kCell, 0.0, kCells - 1e-9);
    const auto column = static_cast<std::size_t>(u), row = static_cast<std::size_t>(v);
    const auto across = weights(u - static_cast<double>(column));
    const auto down = weights(v - static_cast<double>(row));
    Point sum{0, 0};
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t j = 0; j < 4; ++j) {
        const Point& vector = lattice_[(row + i) * kWidth + column + j];
        const double weight = down[i] * across[j];
        sum.x += weight * vector.x;
        sum.y += weight * vector.y;
      }
    }
    return sum;
  }

 private:
  static constexpr double kCell = 7;
  static constexpr std::size_t kCells = 4;
  static constexpr std::size_t kWidth = kCells + 3;

  static std::array<double, 4> weights(double t) {
    const double s = 1 - t;
    return {s * s * s / 6, (3 * t * t * t - 6 * t * t + 4) / 6, (3 * s * s * s - 6 * s * s + 4) / 6,
            t * t * t / 6};
  }

  std::array<Point, kWidth * kWidth> lattice_;
};

// From the unit box to pixels, around the middle of the picture.
class AffineMap {
 public:
  explicit AffineMap(Random& random) {
    const double angle = random.normal() * kTurn, shear = random.normal() * kShear;
    const double wide = random.uniform(0.7, 1.1) * kBox, high = random.uniform(0.85, 1.1) * kBox;
    const double c = std::cos(angle), s = std::sin(angle);
    xx_ = c * wide;
    xy_ = (c * shear - s) * high;
    yx_ = s * wide;
    yy_ = (s * shear + c) * high;
    dx_ = kSize / 2.0 + random.uniform(-1.5, 1.5);
    dy_ = kSize / 2.0 + random.uniform(-1.5, 1.5);
  }

  Point operator()(Point p) const {
    const double x = p.x - 0.5, y = p.y - 0.5;
    return {xx_ * x + xy_ * y + dx_, yx_ * x + yy_ * y + dy_};
  }

 private:
  double xx_, xy_, yx_, yy_, dx_, dy_;
};

Point catmull_rom(Point a, Point b, Point c, Point d, double t) {
  const auto blend = [t](double p, double q, double r, double s) {
    return 0.5 *
           (2 * q + t * ((r - p) + t * ((2 * p - 5 * q + 4 * r - s) + t * (3 * (q - r) + s - p))));
  };
  return {blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)};
}

// The stroke as a dense line: each segment in kStepsPerSegment parts.
std::vector<Point> dense_line(const Stroke& stroke, const std::vector<Point>& points) {
  std::vector<Point> line;
  const std::size_t last = points.size() - 1;
  for (std::size_t i = 0; i < last; ++i) {
    const Point& a = points[i == 0 ? 0 : i - 1];
    const Point& b = points[i];
    const Point& c = points[i + 1];
    const Point& d = points[std::min(i + 2, last)];
    for (int step = 0; step < kStepsPerSegment; ++step) {
      const double t = static_cast<double>(step) / kStepsPerSegment;
      line.push_back(stroke.bend == Bend::smooth
                         ? catmull_rom(a, b, c, d, t)
                         : Point{b.x + t * (c.x - b.x), b.y + t * (c.y - b.y)});
    }
  }
  line.push_back(points.back());
  return line;
}

// Squared distances of the pixels' middles from all ink lines, where near.
class Canvas {
 public:
  explicit Canvas(double pen) : pen_(pen) {
    distance_.fill(std::numeric_limits<double>::infinity());
  }

  void add_segment(Point a, Point b) {
    const double reach = pen_ + 1;
    const auto first = [&](double u, double v) {
      return std::clamp(static_cast<int>(std::floor(std::min(u, v) - reach)), 0, kSize);
    };
    const auto last = [&](double u, double v) {
      return std::clamp(static_cast<int>(std::ceil(std::max(u, v) + reach)), 0, kSize);
    };
    const double dx = b.x - a.x, dy = b.y - a.y;
    const double length = dx * dx + dy * dy, inverse = length > 0 ? 1 / length : 0;
    const int x_first = first(a.x, b.x), x_last = last(a.x, b.x), y_last = last(a.y, b.y);
    for (int y = first(a.y, b.y); y < y_last; ++y) {
      const double py = y + 0.5 - a.y;
      for (int x = x_first; x < x_last; ++x) {
        const double px = x + 0.5 - a.x;
        const double t = std::clamp((px * dx + py * dy) * inverse, 0.0, 1.0);
        const double ex = px - t * dx, ey = py - t * dy;
        double& nearest = distance_[static_cast<std::size_t>(y * kSize + x)];
        nearest = std::min(nearest, ex * ex + ey * ey);
      }
    }
  }

  void write(std::span<std::byte> pixels, double ink) const {
    for (std::size_t i = 0; i < pixels.size(); ++i) {
      const double cover = std::clamp(pen_ + 0.5 - std::sqrt(distance_[i]), 0.0, 1.0);
      pixels[i] = static_cast<std::byte>(static_cast<int>(cover * ink * 255 + 0.5));
    }
  }

 private:
  double pen_;
  std::array<double, kPixels> distance_;
};

void draw_digit(int digit, Random& random, std::span<std::byte> pixels) {
  const auto ways = skeletons(digit);
  const Skeleton& skeleton = ways[random.below(ways.size())];
  const ElasticField elastic(random);
  const AffineMap affine(random);
  Canvas canvas(random.uniform(0.7, 1.7));
  for (const Stroke& stroke : skeleton) {
    std::vector<Point> points = stroke.points;
    for (Point& p : points) {
      p.x += random.normal() * kUnsteady;
      p.y += random.normal() * kUnsteady;
    }
    std::vector<Point> line = dense_line(stroke, points);
    for (Point& p : line) {
      p = affine(p);
      const Point shift = elastic.at(p);
      p = {p.x + shift.x, p.y + shift.y};
    }
    for (std::size_t i = 1; i < line.size(); ++i) canvas.add_segment(line[i - 1], line[i]);
  }
  canvas.write(pixels, random.uniform(0.85, 1.0));
}

}  // namespace

DigitBytes draw_digits(std::int64_t count, std::uint64_t seed, std::uint64_t stream) {
  DigitBytes set{Tensor({count, kSize, kSize}, DType::u8), Tensor({count}, DType::u8)};
  for (std::size_t i = 0; i < static_cast<std::size_t>(count); ++i) {
    // A generator per digit: the first digits are the same whatever the count.
    Random random(seed, stream << 40 | i);
    const int digit = static_cast<int>(random.below(10));
    set.labels.bytes()[i] = static_cast<std::byte>(digit);
    draw_digit(digit, random, set.images.bytes().subspan(i * kPixels, kPixels));
  }
  return set;
}

namespace data {

TrainTest drawn_digits(std::int64_t train_count, std::int64_t test_count, std::uint64_t seed) {
  if (train_count < 1 || test_count < 1) {
    throw ArgumentError(fmt::format("{} and {} digits are asked for; both must be positive",
                                    train_count, test_count),
                        "drawn_digits");
  }
  const DigitBytes train = draw_digits(train_count, seed, 0);
  const DigitBytes test = draw_digits(test_count, seed, 1);
  return {digits_from_bytes(train.images, train.labels),
          digits_from_bytes(test.images, test.labels), "digits drawn by Pinnacle"};
}

}  // namespace data
}  // namespace pinnacle
