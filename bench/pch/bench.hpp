// Precompiled: fmt, JSON and the library's headers, which most files of the bench include. Files still
// include what they use: -Db_pch=false builds without this.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/pinnacle.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>
