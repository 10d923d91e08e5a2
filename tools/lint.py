#!/usr/bin/env python3
"""Checks the tree for what a compiler does not: one named check each, problems with file and line.

usage: lint.py [--build FOLDER] [NAME...]
The check `documents` compiles and runs the code of README.md and docs/ against a build.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import pathlib
import sys
import time

TOOLS = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(TOOLS))

from lints import code_rules, documents, text_rules  # noqa: E402
from lints.tree import Skip, Tree  # noqa: E402

LINTS = {lint.__name__: lint for lint in (
    text_rules.file_size, text_rules.golden_size, text_rules.vendor_names, text_rules.unfinished,
    text_rules.machine_paths, text_rules.ascii_only, text_rules.heads, text_rules.shell_syntax,
    text_rules.links, text_rules.formatting, code_rules.silence, code_rules.opencl_only_in_runtime,
    code_rules.layers, code_rules.docstrings, code_rules.kernels, code_rules.kernel_heads,
    code_rules.kernel_names,
    documents.documents)}
MOST_SHOWN = 25


def run(lint, tree):
    """Prints one line and the problems. Returns "passed", "failed" or "skipped"."""
    start = time.monotonic()
    try:
        problems = lint(tree)
    except Skip as skip:
        print(f"lint {lint.__name__}: skipped, {skip}", flush=True)
        return "skipped"
    seconds = time.monotonic() - start
    if not problems:
        print(f"lint {lint.__name__}: ok ({seconds:.1f} s)", flush=True)
        return "passed"
    print(f"lint {lint.__name__}: {len(problems)} problems. {' '.join(lint.__doc__.split())}")
    for problem in problems[:MOST_SHOWN]:
        print(f"  {problem}")
    if len(problems) > MOST_SHOWN:
        print(f"  ... and {len(problems) - MOST_SHOWN} more")
    sys.stdout.flush()
    return "failed"


def main():
    parser = argparse.ArgumentParser(description="Checks what a compiler does not.")
    parser.add_argument("--build", metavar="FOLDER", help="a finished build, for the documents")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these: " + " ".join(LINTS))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in LINTS]
    if unknown:
        parser.error(f"there is no lint {unknown[0]}; there are {', '.join(LINTS)}")
    tree = Tree(TOOLS.parent, options.build)
    results = [run(LINTS[name], tree) for name in options.names or LINTS]
    print(f"{results.count('passed')} passed, {results.count('failed')} failed, "
          f"{results.count('skipped')} skipped")
    return 1 if "failed" in results else 0


if __name__ == "__main__":
    sys.exit(main())
