#!/usr/bin/env python3
"""An app outside the tree builds against the installed library with pkg-config, and runs."""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import unittest

from support import BUILD, ROOT, ProgramTest

APP = ROOT / "test" / "install" / "app.cpp"


def checked(test, command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, **options)
    test.assertEqual(done.returncode, 0, f"{shlex.join(map(str, command))}\n{done.stdout}{done.stderr}")
    return done.stdout


class Installed(ProgramTest):
    def setUp(self):
        super().setUp()
        for tool in ("meson", "pkg-config"):
            if shutil.which(tool) is None:
                self.skipTest(f"{tool} is not installed")
        # As if the machine's root were there: nothing is installed for real.
        self.root = self.folder / "root"
        checked(self, ["meson", "install", "-C", BUILD, "--no-rebuild", "--destdir", self.root])
        found = list(self.root.rglob("pinnacle.pc"))
        self.assertEqual(len(found), 1, "pinnacle.pc is not installed")
        self.environment = {**os.environ, "PKG_CONFIG_PATH": str(found[0].parent),
                            "PKG_CONFIG_SYSROOT_DIR": str(self.root)}

    def test_an_app_builds_and_runs(self):
        flags = checked(self, ["pkg-config", "--cflags", "--libs", "pinnacle"],
                        env=self.environment)
        self.assertNotIn(str(ROOT) + "/", flags.replace(str(self.root), ""))
        # fmt's own files are not below the other root; its flags are the compiler's defaults.
        app = self.folder / "app"
        checked(self, ["c++", "-std=c++20", "-Wall", "-Wextra", "-Werror", APP, "-o", app,
                       *shlex.split(flags)], cwd=self.folder)
        libraries = {str(path.parent) for path in self.root.rglob("libpinnacle.so*")}
        done = self.succeeds(app, LD_LIBRARY_PATH=":".join(libraries))
        self.assertRegex(done.stdout, r"\A\[2, 3\] on \S.*\nan error is caught: \S.*\n\Z")

    def test_headers_and_nothing_internal(self):
        includes = [path for path in self.root.rglob("*.hpp")]
        names = {path.name for path in includes}
        self.assertEqual(names, {p.name for p in (ROOT / "engine/include/pinnacle").iterdir()})
        for path in includes:
            self.assertNotRegex(path.read_text(), re.compile(r'#include <(CL|boost)/|#include "'),
                                path.name)

    def test_only_the_api_is_exported(self):
        library = next((path for path in self.root.rglob("libpinnacle.so*")
                        if not path.is_symlink()), None)
        if library is None or shutil.which("nm") is None:
            self.skipTest("no shared library, or no nm")
        symbols = checked(self, ["nm", "-D", "--defined-only", library])
        self.assertNotRegex(symbols, r" [TtWw] cl[A-Z]")  # the program's own OpenCL stays its own


if __name__ == "__main__":
    unittest.main()
