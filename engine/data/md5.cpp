// SPDX-License-Identifier: Apache-2.0
#include "data/md5.hpp"

#include <fmt/format.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace pinnacle {
namespace {

using State = std::array<std::uint32_t, 4>;

// floor(2^32 |sin(i + 1)|), as RFC 1321 defines its table.
std::array<std::uint32_t, 64> sine_table() {
  std::array<std::uint32_t, 64> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = static_cast<std::uint32_t>(
        std::floor(std::fabs(std::sin(static_cast<double>(i + 1))) * 0x1p32));
  }
  return table;
}

void add_block(State& state, const std::byte* block) {
  static const std::array<std::uint32_t, 64> sines = sine_table();
  constexpr int kShifts[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::uint32_t words[16];
  for (std::size_t i = 0; i < 16; ++i) {
    words[i] = 0;
    for (std::size_t j = 4; j-- > 0;) {
      words[i] = words[i] << 8 | std::to_integer<std::uint32_t>(block[4 * i + j]);
    }
  }
  auto [a, b, c, d] = state;
  for (std::uint32_t i = 0; i < 64; ++i) {
    const std::uint32_t round = i / 16;
    std::uint32_t mixed, word;
    switch (round) {
      case 0:
        mixed = (b & c) | (~b & d);
        word = i;
        break;
      case 1:
        mixed = (b & d) | (c & ~d);
        word = (5 * i + 1) % 16;
        break;
      case 2:
        mixed = b ^ c ^ d;
        word = (3 * i + 5) % 16;
        break;
      default:
        mixed = c ^ (b | ~d);
        word = 7 * i % 16;
        break;
    }
    const std::uint32_t turned =
        std::rotl(a + mixed + words[word] + sines[i], kShifts[round][i % 4]);
    a = d;
    d = c;
    c = b;
    b += turned;
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

}  // namespace

std::string md5(std::span<const std::byte> bytes) {
  State state{0x67452301u, 0xefcdab89u, 0x98badcfeu, 0x10325476u};
  const std::size_t whole = bytes.size() / 64 * 64;
  for (std::size_t i = 0; i < whole; i += 64) add_block(state, bytes.data() + i);
  // The rest, a one bit, zeros, and the length in bits.
  std::array<std::byte, 128> tail{};
  const std::size_t rest = bytes.size() - whole;
  if (rest > 0) std::memcpy(tail.data(), bytes.data() + whole, rest);
  tail[rest] = std::byte{0x80};
  const std::size_t tail_size = rest < 56 ? 64 : 128;
  std::uint64_t bits = static_cast<std::uint64_t>(bytes.size()) * 8;
  for (std::size_t i = 0; i < 8; ++i, bits >>= 8) {
    tail[tail_size - 8 + i] = static_cast<std::byte>(bits & 0xff);
  }
  for (std::size_t i = 0; i < tail_size; i += 64) add_block(state, tail.data() + i);
  std::string text;
  for (std::uint32_t word : state) {
    for (int i = 0; i < 4; ++i, word >>= 8) text += fmt::format("{:02x}", word & 0xff);
  }
  return text;
}

}  // namespace pinnacle
