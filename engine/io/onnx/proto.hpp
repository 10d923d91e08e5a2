// The official definitions of ONNX files, without the warnings of generated code.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#include <onnx/onnx_pb.h>
#pragma GCC diagnostic pop
