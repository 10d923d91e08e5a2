"""What every lint reads: the project's files, tracked or about to be."""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import re
import subprocess


class Skip(Exception):
    """A lint cannot run here; the message says what is missing."""


class Tree:
    """The files below a folder. `build` is a finished build of it, or None."""

    def __init__(self, root, build=None):
        self.root = pathlib.Path(root).resolve()
        self.build = pathlib.Path(build).resolve() if build else None
        self._files = self._list()

    def _list(self):
        listed = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-co", "--exclude-standard", "-z"],
            capture_output=True, text=True)
        if listed.returncode == 0:
            names = sorted({name for name in listed.stdout.split("\0") if name})
        else:  # a release archive
            names = sorted(p.relative_to(self.root).as_posix() for p in self.root.rglob("*")
                           if not p.relative_to(self.root).parts[0].startswith((".git", "build")))
        return [name for name in names
                if (self.root / name).is_file() and "__pycache__" not in name]

    def files(self, *suffixes, below=""):
        """Names relative to the root, in order; no suffix: all."""
        return [name for name in self._files
                if name.startswith(below) and (not suffixes or name.endswith(suffixes))]

    def text(self, name):
        return (self.root / name).read_text(encoding="utf-8", errors="replace")

    def lines(self, name):
        """(line number, line) from 1."""
        return enumerate(self.text(name).splitlines(), 1)


def strip_code(text):
    """C or C++ without comments and the contents of literals; line numbers stay."""
    def blank(match):
        keep = match[0][0] if match[0][0] in "\"'" else ""
        return keep + "\n" * match[0].count("\n") + keep

    return re.sub(r'R"(\w*)\(.*?\)\1"|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'|//[^\n]*|/\*.*?\*/',
                  blank, text, flags=re.S)
