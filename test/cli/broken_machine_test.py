#!/usr/bin/env python3
"""Machines on which something is wrong: no OpenCL, broken drivers, a cache folder that cannot be
used, a kernel with a typo. What can go on goes on; the rest ends with a message and exit code 1."""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from support import ICD_FOLDER, ROOT, ProgramTest, icd_folder

TRAIN = ("--net", "softmax", "--epochs", 1, "--batch", 32)


class OpenCl(ProgramTest):
    def check_without_devices(self, problem, **environment):
        """Without a device the host runs, says so, and a device asked for by name is an error."""
        folder = self.digits(64, 16)
        done = self.succeeds("01_mnist", *TRAIN, "--data", folder, **environment)
        self.assertIn("device host\n", done.stdout)
        self.last_line(done)
        done = self.succeeds("quickstart", "--data", folder, "--epochs", 1, limit=300,
                             **environment)
        self.assertRegex(done.stdout, problem)
        self.assertIn("training LeNet on host", done.stdout)
        done = self.explains("there is no gpu with OpenCL", "02_xor", "--device", "gpu",
                             **environment)
        self.assertRegex(done.stderr, problem)

    def test_no_opencl_library(self):
        self.check_without_devices(
            r"the OpenCL library cannot be loaded \(.*nowhere.so.*PINNACLE_OPENCL_LIBRARY",
            PINNACLE_OPENCL_LIBRARY=self.folder / "nowhere.so")

    def test_a_library_that_is_not_opencl(self):
        self.check_without_devices(r"the OpenCL library cannot be loaded \(libz.so.1",
                                   PINNACLE_OPENCL_LIBRARY="libz.so.1")

    def test_no_driver(self):
        empty = icd_folder(self.folder, "none", {})
        self.check_without_devices(rf"knows no driver \(looked in {empty}\); install one",
                                   OCL_ICD_VENDORS=empty, OPENCL_VENDOR_PATH=empty)
        self.explains("03_embed: there is no OpenCL device; install a driver", "03_embed",
                      OCL_ICD_VENDORS=empty, OPENCL_VENDOR_PATH=empty)

    def test_broken_drivers_only(self):
        broken = icd_folder(self.folder, "broken", {
            "gone.icd": str(self.folder / "libgone.so") + "\n", "empty.icd": "",
            "other.icd": "libz.so.1\n", "noise.icd": "\x01\x02 no library \x03\n"})
        self.check_without_devices("the driver .*libgone.so of .*gone.icd does not load",
                                   OCL_ICD_VENDORS=broken, OPENCL_VENDOR_PATH=broken)

    def test_a_broken_driver_beside_a_good_one(self):
        good = ICD_FOLDER / "pocl.icd"
        if not good.exists():
            self.skipTest("PoCL is not installed")
        both = icd_folder(self.folder, "both", {
            "a_gone.icd": str(self.folder / "libgone.so") + "\n", "pocl.icd": good.read_text()})
        environment = {"OCL_ICD_VENDORS": both, "OPENCL_VENDOR_PATH": both}
        done = self.succeeds("quickstart", "--data", self.digits(256, 16), "--epochs", 1,
                             limit=300, **environment)
        self.assertRegex(done.stdout, "note: the driver .*libgone.so of .*a_gone.icd does not load")
        self.assertNotIn("training LeNet on host", done.stdout)


class Cache(ProgramTest):
    """The cache only saves time: whatever is wrong with it, the result is the same."""

    def losses(self, **environment):
        self.succeeds("01_mnist", *TRAIN, "--data", self.digits(), "--losses", "losses.txt",
                      **environment)
        return [float(line) for line in (self.folder / "losses.txt").read_text().split()]

    def check_losses(self, got, wanted):
        """Not bit for bit: a device measured anew may get kernels of another width."""
        self.assertEqual(len(got), len(wanted))
        for one, other in zip(got, wanted):
            self.assertAlmostEqual(one, other, delta=1e-4 * other)

    def test_read_only_or_impossible(self):
        good = self.losses()
        file = self.folder / "file"
        file.write_text("not a folder")
        locked = self.folder / "locked"
        locked.mkdir(mode=0o555)  # no hindrance for root, hence /proc
        for place in ("/proc/pinnacle", file, file / "below", locked, "/dev/null"):
            with self.subTest(place=str(place)):
                self.check_losses(self.losses(PINNACLE_CACHE=place), good)
        self.assertEqual(file.read_text(), "not a folder")

    def test_no_home(self):
        self.assertTrue(self.losses(PINNACLE_CACHE=None, XDG_CACHE_HOME=None, HOME=None))

    def test_full(self):
        library = self.folder / "full_disk.so"
        source = pathlib.Path(__file__).resolve().parent / "full_disk.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-O1", str(source), "-o", str(library), "-ldl"],
                       check=True)
        good = self.losses()
        full = self.folder / "full"
        full.mkdir()
        environment = {"PINNACLE_CACHE": full, "FULL_FOLDER": full, "LD_PRELOAD": library}
        self.check_losses(self.losses(**environment), good)
        left = [path for path in full.rglob("*") if path.is_file()]
        self.assertEqual(left, [], "half-written files are left behind")
        # Digits that cannot be kept are drawn all the same.
        done = self.succeeds("01_mnist", *TRAIN, "--samples", 64, **environment)
        self.assertRegex(done.stdout, "digits drawn by Pinnacle, because no MNIST was found\n")
        # A result, unlike a cache, is missed.
        self.explains(r"net.safetensors: cannot be written: No space left", "quickstart",
                      "--data", self.digits(64, 16), "--epochs", 1, "--out",
                      full / "net.safetensors", limit=300, FULL_FOLDER=full, LD_PRELOAD=library)

    def test_damaged_entries(self):
        cache = self.folder / "cache"
        good = self.losses(PINNACLE_CACHE=cache)
        files = [path for path in cache.rglob("*") if path.is_file()]
        self.assertTrue(files)
        for number, file in enumerate(files):
            data = file.read_bytes()
            file.write_bytes((b"", data[:len(data) // 2], b"\0" * len(data))[number % 3])
        self.check_losses(self.losses(PINNACLE_CACHE=cache), good)


class Kernels(ProgramTest):
    def kernels(self):
        folder = self.folder / "kernels"
        shutil.copytree(ROOT / "clkernels", folder)
        return folder

    def test_a_folder_of_ones_own(self):
        self.succeeds("01_mnist", *TRAIN, "--data", self.digits(), PINNACLE_KERNEL_DIR=self.kernels())

    def test_a_typo_names_file_and_line(self):
        folder = self.kernels()
        lines = {}
        for file in folder.rglob("*.cl"):
            if file.parent.name != "probe":  # used once per driver, long ago
                text = file.read_text() + "__kernel void oops(__global flaot *x) {}\n"
                file.write_text(text)
                lines[str(file)] = text.count("\n")
        done = self.explains("does not build for", "01_mnist", *TRAIN, "--data", self.digits(),
                             PINNACLE_KERNEL_DIR=folder)
        named = re.search(rf"({re.escape(str(folder))}\S*?\.cl):(\d+)", done.stderr)
        self.assertIsNotNone(named, done.stderr)
        self.assertEqual(int(named[2]), lines[named[1]], done.stderr)
        self.assertIn("PINNACLE_KERNEL_DIR", done.stderr)

    def test_a_missing_include_names_file_and_line(self):
        folder = self.kernels()
        for file in folder.rglob("*.cl"):
            if file.parent.name != "probe":
                file.write_text('#include "lib/nowhere.clh"\n' + file.read_text())
        self.explains(r"\.cl:1: there is no kernel file \"lib/nowhere.clh\"", "01_mnist", *TRAIN,
                      "--data", self.digits(), PINNACLE_KERNEL_DIR=folder)

    def test_a_folder_that_does_not_exist(self):
        self.explains("PINNACLE_KERNEL_DIR: .*nowhere\" is not a folder", "01_mnist", *TRAIN,
                      "--data", self.digits(), PINNACLE_KERNEL_DIR=self.folder / "nowhere")

    def test_probes_that_do_not_build_are_no_reason_to_train_on_the_host(self):
        folder = self.kernels()
        for file in (folder / "probe").glob("*.cl"):
            file.write_text(file.read_text() + "__kernel void oops(__global flaot *x) {}\n")
        self.explains("does not build for", "01_mnist", *TRAIN, "--data", self.digits(),
                      PINNACLE_KERNEL_DIR=folder, PINNACLE_CACHE=self.folder / "fresh")


if __name__ == "__main__":
    unittest.main()
