// Everything a user needs. See docs/architecture.md for the map.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <pinnacle/data.hpp>
#include <pinnacle/device.hpp>
#include <pinnacle/error.hpp>
#include <pinnacle/exchange.hpp>
#include <pinnacle/layers.hpp>
#include <pinnacle/model.hpp>
#include <pinnacle/onnx.hpp>
#include <pinnacle/pipeline.hpp>
#include <pinnacle/session.hpp>
#include <pinnacle/train.hpp>
