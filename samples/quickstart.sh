#!/usr/bin/env bash
# The first five minutes: installs what is missing, builds, and runs the quickstart program, which
# lists the OpenCL devices, trains a digit classifier on the fastest one, compares all devices and
# classifies a few digits in the terminal. Options are passed on: --help lists them.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
"$root/tools/bootstrap.sh"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building (release, in $root/build) ..." >&2
if ! "$root/tools/build.sh" "$root/build" --buildtype=release -Dtests=false >"$log" 2>&1; then
  cat "$log" >&2
  echo "quickstart: the build failed; its messages are above" >&2
  exit 1
fi
"$root/build/samples/quickstart" "$@"
