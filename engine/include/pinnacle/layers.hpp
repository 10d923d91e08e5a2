// Layers with parameters or options: functions that return a Layer.
// Every option has a name; one without a sensible default is required at compile time.
// Thread safety: one graph is built by one thread.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/functions.hpp>

namespace pinnacle {

/// A number that must be given: there is no default.
struct Count {
  int value;
  Count(int count) : value(count) {}  // NOLINT: implicit, so that {.filters = 6} reads well
  operator int() const { return value; }
};

/// Height and width; one number means both. There is no default.
struct Extent2 {
  int height;
  int width;
  Extent2(int both) : height(both), width(both) {}  // NOLINT: implicit, {.kernel = 5}
  Extent2(int h, int w) : height(h), width(w) {}
  bool operator==(const Extent2&) const = default;
};

struct Conv2dOptions {
  Count filters;
  Extent2 kernel;
  Extent2 stride = 1;
  Extent2 padding = 0;
  Extent2 dilation = 1;
  int groups = 1;
  bool bias = true;
  Initializer initializer = {};
};
/// 2-D cross-correlation with a trained weight [F, C / groups, kh, kw] and bias [F].
///
/// shapes   x [N, C, H, W]
/// returns  [N, F, H', W'],  H' = (H + 2 ph - dh (kh - 1) - 1) / sh + 1, rounded down
/// cost     2 N F H' W' (C / groups) kh kw flop
/// throws   ShapeError if C or F is not a multiple of groups, or the kernel exceeds the padded input;
///          ArgumentError at once if an option is out of range (also in the layers below)
Layer conv2d(Conv2dOptions options);

struct ConvTranspose2dOptions {
  Count filters;
  Extent2 kernel;
  Extent2 stride = 1;
  Extent2 padding = 0;
  Extent2 output_padding = 0;  ///< rows and columns added at the end; less than stride or dilation
  Extent2 dilation = 1;
  int groups = 1;
  bool bias = true;
  Initializer initializer = {};
};
/// Transposed 2-D convolution: the gradient of conv2d with respect to its input, with a trained
/// weight [C, F / groups, kh, kw] and bias [F].
///
/// shapes   x [N, C, H, W]
/// returns  [N, F, H', W'],  H' = (H - 1) sh - 2 ph + dh (kh - 1) + oh + 1
/// cost     2 N C H W (F / groups) kh kw flop
/// throws   ShapeError if C or F is not a multiple of groups, or nothing is left after the padding;
///          ArgumentError at once if an option is out of range
/// source   Dumoulin, Visin, "A guide to convolution arithmetic for deep learning", 2016,
///          arXiv:1603.07285, section 4
Layer conv_transpose2d(ConvTranspose2dOptions options);

struct DenseOptions {
  bool bias = true;
  Initializer initializer = {};
};
/// x W + b with a trained weight [K, units] and bias [units].
///
/// shapes   x [N, K]
/// returns  [N, units]
/// throws   ShapeError if x has another rank
Layer dense(int units, DenseOptions options = {});

struct Pool2dOptions {
  Extent2 kernel;
  Extent2 stride = 0;   ///< 0: the kernel
  Extent2 padding = 0;  ///< never chosen as a maximum, never counted in an average
};
/// shapes   x [N, C, H, W]
/// returns  [N, C, H', W'],  H' = (H + 2 ph - kh) / sh + 1, rounded down
/// throws   ShapeError if the kernel exceeds the padded input, or the padding is kernel or more
Layer max_pool2d(Pool2dOptions options);
Layer average_pool2d(Pool2dOptions options);
/// [N, C, H, W] -> [N, C]
/// shapes   x [N, C, H, W]
/// throws   ShapeError if x has another rank
Value global_average_pool(Value x);

struct BatchNormOptions {
  double momentum = 0.9;  ///< running = momentum running + (1 - momentum) batch
  double epsilon = 1e-5;
};
/// Normalises each channel over the batch, then scales and shifts with trained gamma and beta.
/// In a network built for inference the running statistics are used.
///
/// shapes   x [N, C] or [N, C, H, W]
/// throws   ShapeError if x has another rank
/// source   Ioffe, Szegedy, "Batch Normalization", 2015, arXiv:1502.03167
Layer batch_norm(BatchNormOptions options = {});

struct LayerNormOptions {
  int axis = -1;  ///< the first of the axes normalised together; negative: from the back
  double epsilon = 1e-5;
};
/// Normalises each sample over the axes from `axis` on, then scales and shifts with trained gamma
/// and beta.
///
/// shapes   any; gamma and beta are like x from `axis` on
/// returns  x's shape
/// throws   ArgumentError if epsilon is not positive; ShapeError if the axis does not exist
/// source   Ba, Kiros, Hinton, "Layer Normalization", 2016, arXiv:1607.06450
Layer layer_norm(LayerNormOptions options = {});

/// In training zeroes each element with probability `rate` and scales the others by 1 / (1 - rate);
/// the identity otherwise. The mask depends on seed, step and position alone.
///
/// shapes   any, kept
/// throws   ArgumentError if rate is not in [0, 1)
/// source   Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011 (Philox 4x32-10)
Layer dropout(double rate);

}  // namespace pinnacle
