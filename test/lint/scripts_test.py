#!/usr/bin/env python3
"""The scripts around the build: counting in test/run.py, tools/build.sh, tools/bootstrap.sh."""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "test"))

import run as runner  # noqa: E402

DOCTEST = "[doctest] test cases:  12 |  9 passed | 1 failed | 2 skipped\n"


class CountsTest(unittest.TestCase):
    def test_doctest(self):
        self.assertEqual(runner.read_counts(DOCTEST), runner.Counts(9, 1, 0))

    def test_the_last_doctest_summary_counts(self):
        child = "[doctest] test cases:  1 |  1 passed | 0 failed | 44 skipped\n"
        self.assertEqual(runner.read_counts(child + "x\n" + DOCTEST), runner.Counts(9, 1, 0))

    def test_unittest(self):
        text = "Ran 9 tests in 0.1s\n\nFAILED (failures=1, errors=2, skipped=3)\n"
        self.assertEqual(runner.read_counts(text), runner.Counts(3, 3, 3))
        self.assertEqual(runner.read_counts("Ran 1 test in 0.1s\n\nOK\n"), runner.Counts(1, 0, 0))

    def test_plain(self):
        self.assertEqual(runner.read_counts("x\n3 passed, 1 failed, 2 skipped\n"),
                         runner.Counts(3, 1, 2))

    def test_no_counts(self):
        self.assertIsNone(runner.read_counts("Segmentation fault\n"))


class SuiteTest(unittest.TestCase):
    def run_script(self, script, **options):
        suite = runner.Suite("suite", ["bash", "-c", script], **options)
        counts, reasons, _, _ = runner.execute(suite)
        return counts, " ".join(reasons)

    def test_an_exit_code_is_enough(self):
        self.assertEqual(self.run_script("true")[0], runner.Counts(1, 0, 0))
        self.assertEqual(self.run_script("exit 3")[0], runner.Counts(0, 1, 0))

    def test_a_bad_exit_after_good_counts_fails(self):
        counts, why = self.run_script("echo 5 passed, 0 failed; exit 1")
        self.assertEqual(counts, runner.Counts(5, 1, 0))
        self.assertIn("exited with 1", why)

    def test_no_test_at_all_fails(self):
        self.assertEqual(self.run_script("echo 0 passed, 0 failed")[0].failed, 1)

    def test_a_crash_fails(self):
        counts, why = self.run_script("kill -SEGV $$")
        self.assertEqual(counts.failed, 1)
        self.assertIn("SIGSEGV", why)

    def test_a_timeout_fails_and_ends_the_children(self):
        counts, why = self.run_script("sleep 60 & wait", limit=0.3)
        self.assertEqual(counts.failed, 1)
        self.assertIn("did not end within", why)

    def test_findings_fail(self):
        with tempfile.TemporaryDirectory() as folder:
            log = pathlib.Path(folder) / "log"
            counts, why = self.run_script(f"echo 'Invalid read of size 4' > {log}", findings=log)
        self.assertEqual(counts, runner.Counts(1, 1, 0))
        self.assertIn("Invalid read", why)

    def test_what_doctest_tells_as_skipped_counts(self):
        counts, _ = self.run_script("echo '../t.cpp:9: MESSAGE: skipped: a part of a device'; "
                                    "echo 2 passed, 0 failed")
        self.assertEqual(counts, runner.Counts(2, 0, 1))

    def test_absent_devices_are_skipped_by_name(self):
        counts, _ = self.run_script("echo skipped: no sub-devices; echo 2 passed, 0 failed")
        self.assertEqual(counts, runner.Counts(2, 0, 1))


class BuildTest(unittest.TestCase):
    def test_a_folder_of_the_user_is_left_alone(self):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "thesis.txt").write_text("precious")
            done = subprocess.run([ROOT / "tools/build.sh", folder], capture_output=True, text=True)
            self.assertEqual(done.returncode, 1)
            self.assertIn("is no build folder", done.stderr)
            self.assertTrue((pathlib.Path(folder) / "thesis.txt").exists())


class BootstrapTest(unittest.TestCase):
    """In a folder of links that stands for another system's PATH."""

    def bootstrap(self, tools):
        with tempfile.TemporaryDirectory() as folder:
            for name in tools:
                (pathlib.Path(folder) / name).symlink_to(shutil.which(name))
            return subprocess.run([shutil.which("bash"), ROOT / "tools/bootstrap.sh"],
                                  env={"PATH": folder, "HOME": os.environ.get("HOME", "/")},
                                  capture_output=True, text=True)

    def test_a_system_without_apt_is_told_what_to_install(self):
        done = self.bootstrap(["python3"])
        self.assertEqual(done.returncode, 1)
        self.assertIn("no apt", done.stderr)
        self.assertIn("  meson\n", done.stderr)
        self.assertIn("libfmt-dev", done.stderr)

    def test_a_system_without_apt_that_has_everything_is_fine(self):
        done = self.bootstrap(["c++", "meson", "ninja", "pkg-config", "python3"])
        self.assertEqual(done.stderr, "")
        self.assertEqual(done.returncode, 0)

    def test_an_unknown_option_is_refused(self):
        done = subprocess.run(["bash", ROOT / "tools/bootstrap.sh", "--frobnicate"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn("usage", done.stderr)


if __name__ == "__main__":
    unittest.main()
