"""What the tests of programs share: where they are, little data, and how to run one as a user does."""
# SPDX-License-Identifier: Apache-2.0
import gzip
import os
import pathlib
import re
import shutil
import struct
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("PINNACLE_BUILD", ROOT / "build-test")).resolve()
CACHE = pathlib.Path(os.environ.get("PINNACLE_CACHE", BUILD / "cache" / "cli")).resolve()
ICD_FOLDER = pathlib.Path("/etc/OpenCL/vendors")
LAST_LINE = re.compile(
    r"test loss (\d+\.\d{4}), test accuracy (\d\.\d{4}), (\d+\.\d{2}) us per sample per epoch")
# What programs that fall over leave behind.
CRASH = re.compile(r"terminate called|Traceback|Segmentation|AddressSanitizer|Assertion .* failed")

# Test programs run on what the suite's environment shows, never on the user's wishes or data.
STEERING = ("PINNACLE_DEVICE", "PINNACLE_DATA", "PINNACLE_KERNEL_DIR", "PINNACLE_LOG",
            "PINNACLE_OPENCL_LIBRARY")


def write_idx(file, shape, data):
    """An IDX file of unsigned bytes; gzip if it is called so."""
    contents = struct.pack(f">BBBB{len(shape)}I", 0, 0, 8, len(shape), *shape) + bytes(data)
    file = pathlib.Path(file)
    file.write_bytes(gzip.compress(contents) if file.suffix == ".gz" else contents)


def icd_folder(folder, name, contents):
    """A folder that shows the OpenCL loader the drivers in `contents` only: name -> text."""
    folder = pathlib.Path(folder) / name
    folder.mkdir()
    for file, text in contents.items():
        (folder / file).write_text(text)
    return folder


class ProgramTest(unittest.TestCase):
    """Runs programs in an empty folder and judges what every one of them owes its user."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="pinnacle-cli-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def run_program(self, name, *flags, limit=120, **environment):
        """A finished process; its output is text. Values of None unset a variable."""
        program = BUILD / "samples" / name if "/" not in str(name) else pathlib.Path(name)
        self.assertTrue(program.exists(), f"{program} is not built; set PINNACLE_BUILD")
        merged = {k: v for k, v in os.environ.items() if k not in STEERING}
        merged["PINNACLE_OFFLINE"] = "1"
        for key, value in environment.items():
            if value is None:
                merged.pop(key, None)
            else:
                merged[key] = str(value)
        done = subprocess.run([str(program), *map(str, flags)], cwd=self.folder, env=merged,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=limit)
        said = f"{program.name} {' '.join(map(str, flags))}\n{done.stdout}{done.stderr}"
        self.assertGreaterEqual(done.returncode, 0, f"ended by a signal: {said}")
        self.assertNotRegex(said, CRASH)
        return done

    def succeeds(self, name, *flags, **options):
        done = self.run_program(name, *flags, **options)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done

    def explains(self, message, name, *flags, code=None, **options):
        """A message on stderr that matches and opens with the program's name, and exit code 1, or 2
        of pinnacle-bench, which tells wrong usage and input from wrong results."""
        if code is None:
            code = 2 if pathlib.Path(name).name == "pinnacle-bench" else 1
        done = self.run_program(name, *flags, **options)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertRegex(done.stderr, message)
        self.assertIn(f"{pathlib.Path(name).name}: ", done.stderr)
        return done

    def last_line(self, done):
        """(loss, accuracy, microseconds) that 01_mnist printed last."""
        match = LAST_LINE.fullmatch(done.stdout.splitlines()[-1])
        self.assertIsNotNone(match, done.stdout)
        return tuple(float(group) for group in match.groups())

    def digits(self, train=512, test=128):
        """A folder with the first digits that the project draws."""
        drawn = CACHE / "drawn"
        if not list(drawn.glob("t10k-labels*")):  # the last of the four to be written
            self.succeeds("01_mnist", "--net", "softmax", "--samples", 1, "--epochs", 1,
                          "--validation-split", 0, "--device", "host", PINNACLE_CACHE=CACHE)
        folder = self.folder / "digits"
        folder.mkdir(exist_ok=True)
        for prefix, count in (("train", train), ("t10k", test)):
            for kind, shape in (("images-idx3", (28, 28)), ("labels-idx1", ())):
                name = f"{prefix}-{kind}-ubyte"
                data = (drawn / name).read_bytes()[8 + 4 * len(shape):]
                size = 784 if shape else 1
                write_idx(folder / name, (count, *shape), data[:count * size])
        return folder
