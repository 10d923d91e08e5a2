#!/usr/bin/env bash
# Installs what building Pinnacle needs, if anything is missing; with --tests also what the tests
# and lints use. On Debian and its children through apt; elsewhere it says what to install.
# With everything in place it neither touches the network nor asks for rights.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail

# What the build itself needs, then PoCL: a CPU device that is always there.
packages=(g++ meson ninja-build pkg-config python3 libfmt-dev zlib1g-dev libboost-dev
          opencl-headers ocl-icd-opencl-dev libclblast-dev nlohmann-json3-dev libcli11-dev libonnx-dev
          libprotobuf-dev protobuf-compiler pocl-opencl-icd)
# A second vendor's compiler, an interpreter that finds races, the compilers of the lints, and the
# libraries that pinnacle-bench measures next to; MPI for several processes.
test_packages=(doctest-dev mesa-opencl-icd oclgrind clang clang-format libdnnl-dev
               libopenblas-pthread-dev libopenmpi-dev openmpi-bin
               python3-jsonschema)

case "${1:-}" in
  --tests) packages+=("${test_packages[@]}") ;;
  '') ;;
  *)
    echo "usage: bootstrap.sh [--tests]" >&2
    exit 1
    ;;
esac

missing_debian_packages() {
  local name
  local -A installed=()
  while read -r name; do
    installed[$name]=1
  done < <(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null |
    awk '$1 == "installed" { print $2 }')
  for name in "${packages[@]}"; do
    [ -n "${installed[$name]:-}" ] || echo "$name"
  done
}

install_on_debian() {
  local -a missing as_root=()
  mapfile -t missing < <(missing_debian_packages)
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "bootstrap: not root and there is no sudo; install these packages first:" >&2
      echo "  apt-get install ${missing[*]}" >&2
      exit 1
    fi
    as_root=(sudo)
  fi
  echo "bootstrap: installing ${missing[*]}" >&2
  # An outdated package list may still do, so that a failed update alone is no error.
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2 || true
  if ! "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2; then
    echo "bootstrap: apt-get could not install: ${missing[*]}" >&2
    echo "bootstrap: check the network and the package sources, then run this again" >&2
    exit 1
  fi
}

# Elsewhere: every tool and header by name, with the package that Debian has it in.
check_other_system() {
  local -a missing=()
  local tool header
  for tool in c++ meson ninja pkg-config python3; do
    command -v "$tool" >/dev/null || missing+=("$tool")
  done
  if command -v c++ >/dev/null; then
    for header in fmt/format.h zlib.h boost/compute/core.hpp CL/cl.h nlohmann/json.hpp CLI/CLI.hpp; do
      echo "#include <$header>" | c++ -std=c++20 -x c++ -M - >/dev/null 2>&1 ||
        missing+=("header $header")
    done
  fi
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "bootstrap: this system has no apt, and these are missing:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  echo "bootstrap: install what your system calls these (Debian's names):" >&2
  echo "  ${packages[*]}" >&2
  exit 1
}

if command -v apt-get >/dev/null && command -v dpkg-query >/dev/null; then
  install_on_debian
else
  check_other_system
fi
