// MD5 (RFC 1321), to recognise damaged downloads. Not for security.
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace pinnacle {

/// 32 lower-case hexadecimal digits.
std::string md5(std::span<const std::byte> bytes);

}  // namespace pinnacle
