// Precompiled: standard headers, fmt and what op cases are made of. Files still include what they use:
// -Db_pch=false builds without this.
// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <pinnacle/op.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <vector>
