// Precompiled: doctest, fmt and the library's headers, which most tests include. Files still include what
// they use: -Db_pch=false builds without this.
// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>
