// Training progress as text.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/train.hpp>

#include <string>

namespace pinnacle {

/// "epoch 2/5 [=====>    ]  52 %  loss 0.1234  accuracy 96.12 %  ETA 1:05", without a line end.
std::string progress_bar_line(const Progress& progress);
/// "epoch 2/5  1.9 s  loss 0.1234  accuracy 96.12 %  validation loss ...", without a line end.
std::string progress_epoch_line(const Progress& progress);
/// "0:07", "1:02:03"
std::string clock_time(double seconds);

}  // namespace pinnacle
