#!/usr/bin/env python3
"""Writes every .cl and .clh file of a folder into one C++ source, as a table of (path, text); and
its tuned/*.json as another.

usage: embed_kernels.py FOLDER OUTPUT.cpp DEPFILE
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import sys

CHUNK = 8000  # compilers limit the length of one string literal


def literals(text):
    for start in range(0, max(len(text), 1), CHUNK):
        yield 'R"pnc(' + text[start:start + CHUNK] + ')pnc"'


def table(name, files, folder):
    rows = []
    for path in files:
        text = path.read_text(encoding="ascii")
        rows.append(f'    {{"{path.relative_to(folder).as_posix()}",\n     '
                    + "\n     ".join(literals(text)) + "},")
    return (f"const std::vector<KernelFile> {name} = {{\n" if not rows else
            f"constexpr KernelFile {name}[] = {{\n") + "\n".join(rows) + "\n};\n"


def main():
    folder, output, depfile = map(pathlib.Path, sys.argv[1:])
    files = sorted(p for p in folder.rglob("*") if p.suffix in (".cl", ".clh"))
    tunings = sorted((folder / "tuned").glob("*.json"))
    folders = sorted({folder, folder / "tuned"} & set(folder.glob("**/")) | {p.parent for p in files})
    output.write_text(
        "// Generated from clkernels/ by tools/embed_kernels.py.\n"
        '#include "runtime/kernel_source.hpp"\n\n#include <vector>\n\n'
        "namespace pinnacle::runtime {\n"
        "namespace {\n" + table("kFiles", files, folder) + table("kTunings", tunings, folder) + "}\n"
        "std::span<const KernelFile> embedded_kernels() { return kFiles; }\n"
        "std::span<const KernelFile> embedded_tunings() { return kTunings; }\n"
        "}  // namespace pinnacle::runtime\n", encoding="ascii")
    depfile.write_text(f"{output}: " + " ".join(str(p) for p in files + tunings + folders) + "\n")


main()
