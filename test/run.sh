#!/usr/bin/env bash
# Installs what the tests need, builds and runs all of them. The last line reads
# "N passed, N failed, N skipped". Options: see run.py --help.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
if ! "$root/tools/bootstrap.sh" --tests; then
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
exec python3 "$root/test/run.py" "$@"
