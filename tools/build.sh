#!/usr/bin/env bash
# Builds into a folder: sets it up if it is new, was set up with other options or in another place,
# or is damaged; then compiles.
# usage: build.sh FOLDER [MESON OPTION...] [-- TARGET...]
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
folder=$1
shift
options=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
  options+=("$1")
  shift
done
[ $# -eq 0 ] || shift

# Both the place and the options are written into the build files.
stamp="$root ${options[*]}"
stamp_file=$folder/pinnacle-options

set_up() {
  if [ -e "$folder" ]; then
    # Only a folder that a build made, or an empty one, is ours to remove.
    if [ ! -d "$folder/meson-private" ] && ! rmdir "$folder" 2>/dev/null; then
      echo "build: $folder exists and is no build folder; move it away" >&2
      exit 1
    fi
    rm -rf "$folder"
  fi
  meson setup "$folder" "$root" "${options[@]}"
  echo "$stamp" >"$stamp_file"
}

is_usable() {
  [ "$(cat "$stamp_file" 2>/dev/null)" = "$stamp" ] && [ -f "$folder/build.ninja" ] &&
    ninja -C "$folder" -n build.ninja >/dev/null 2>&1
}

if ! is_usable; then set_up; fi
if ! ninja -C "$folder" "$@"; then
  # Was it the code, or a build folder that an update of the compiler or of Meson left behind?
  if meson setup --reconfigure "$folder" "$root" >/dev/null 2>&1; then exit 1; fi
  set_up
  ninja -C "$folder" "$@"
fi
