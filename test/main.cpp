// The entry point of the test programs.
// SPDX-License-Identifier: Apache-2.0
// Both: the header may have been read before, precompiled.
#define DOCTEST_CONFIG_IMPLEMENT
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
