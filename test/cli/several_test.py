#!/usr/bin/env python3
"""Several devices and several processes as a user starts them: the same losses, shares that are said,
files of shares, and processes that die."""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time
import unittest

from support import BUILD, ICD_FOLDER, STEERING, ProgramTest, icd_folder

BENCH = BUILD / "bench" / "pinnacle-bench"
MNIST = BUILD / "samples" / "01_mnist"
MPIRUN = shutil.which("mpirun")
HAS_MPI = bool(list((BUILD / "engine").glob("libpinnacle_mpi.so*")))


@unittest.skipUnless((ICD_FOLDER / "pocl.icd").exists(), "PoCL is not installed")
class Several(ProgramTest):
    def setUp(self):
        super().setUp()
        self.icds = icd_folder(self.folder, "pocl",
                               {"pocl.icd": (ICD_FOLDER / "pocl.icd").read_text()})

    def drivers(self):
        return {"OCL_ICD_VENDORS": self.icds, "OPENCL_VENDOR_PATH": self.icds}

    def losses(self, name):
        return [float(line) for line in (self.folder / name).read_text().split()]

    def check_equal(self, got, wanted):
        self.assertEqual(len(got), len(wanted))
        for step, (x, y) in enumerate(zip(got, wanted)):
            self.assertLessEqual(abs(x - y), 1e-5 * abs(y), f"step {step}")


class Devices(Several):
    def bench(self, *words):
        done = self.succeeds(BENCH, "train", *words, "--seconds", 0.02, "--json", "out.json",
                             **self.drivers())
        return done, json.loads((self.folder / "out.json").read_text())

    def test_two_cores_share_a_batch(self):
        done, result = self.bench("mlp", "--devices", "sub:0,sub:1", "--strategy", "data", "--batch",
                                  32, "--check", "--save", "shares.json")
        self.assertRegex(done.stdout, r"data over 2 devices")
        self.assertRegex(done.stdout, r"0\.5 of each batch on ")
        self.assertEqual([share["share"] for share in result["shares"]], [0.5, 0.5])
        self.assertGreater(result["samples_per_s"], 0)
        self.assertLessEqual(result["loss_difference"], 1e-5)
        self.assertEqual(result["lost"], 0)
        # Edited by hand: another share.
        shares = json.loads((self.folder / "shares.json").read_text())
        shares["shares"][0]["share"] = 0.75
        shares["shares"][1]["share"] = 0.25
        (self.folder / "shares.json").write_text(json.dumps(shares))
        done, result = self.bench("mlp", "--devices", "sub:0,sub:1", "--batch", 32, "--check",
                                  "--load", "shares.json")
        self.assertEqual([share["share"] for share in result["shares"]], [0.75, 0.25])
        self.assertLessEqual(result["loss_difference"], 1e-5)

    def test_auto_says_what_it_measured(self):
        done, result = self.bench("mlp", "--devices", "cpu", "--batch", 32)
        self.assertRegex(done.stdout, r"taken: .* ms a step")
        self.assertGreaterEqual(len(result["shares"]), 1)

    def test_wrong_wishes(self):
        def wrong(message, *words):
            self.explains(message, BENCH, "train", *words, **self.drivers())

        wrong("training shares batches", "mlp", "--devices", "sub:0,sub:1", "--strategy", "pipeline")
        wrong("there is no", "mlp", "--devices", "sub:77")
        wrong("no net", "nonet", "--devices", "cpu")
        (self.folder / "bad.json").write_text(
            '{"format": "pinnacle placement 1", "strategy": "data", "shares": '
            '[{"device": "nobody", "share": 1}]}')
        wrong('there is no device "nobody"', "mlp", "--devices", "cpu", "--load", "bad.json")
        (self.folder / "bad.json").write_text(
            '{"format": "pinnacle placement 1", "strategy": "data", "shares": []}')
        wrong("sensible list", "mlp", "--devices", "cpu", "--load", "bad.json")


@unittest.skipUnless(MPIRUN and HAS_MPI, "MPI is not installed")
class Processes(Several):
    def command(self, count, *flags):
        return [MPIRUN, "--allow-run-as-root", "--oversubscribe", "-n", str(count), str(MNIST),
                *map(str, flags)]

    def environment(self):
        own = {k: v for k, v in os.environ.items() if k not in STEERING}
        own.update({k: str(v) for k, v in self.drivers().items()})
        own["PINNACLE_OFFLINE"] = "1"
        return own

    def flags(self, net, losses):
        return ("--net", net, "--epochs", 1, "--batch", 24, "--samples", 24 * 8,
                "--validation-split", 0, "--data", self.digits(200, 40), "--losses", losses)

    def test_losses_are_those_of_one_process(self):
        self.succeeds("01_mnist", *self.flags("mlp", "one"), **self.drivers())
        for count in (2, 4):
            with self.subTest(count=count):
                done = subprocess.run(self.command(count, *self.flags("mlp", f"of {count}")),
                                      cwd=self.folder, env=self.environment(), text=True,
                                      capture_output=True, timeout=200)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                self.assertEqual(done.stdout.count("test accuracy"), 1)  # one speaks for all
                self.assertIn(f"process {count - 1} of {count}", done.stdout)
                self.check_equal(self.losses(f"of {count}"), self.losses("one"))

    def test_a_process_that_dies_leaves_the_last_checkpoint(self):
        file = self.folder / "training.safetensors"
        common = ("--net", "mlp", "--batch", 24, "--samples", 24 * 8, "--validation-split", 0,
                  "--data", self.digits(200, 40), "--checkpoint", file)
        process = subprocess.Popen(self.command(2, *common, "--epochs", 100000), cwd=self.folder,
                                   env=self.environment(), text=True, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        try:
            end = time.monotonic() + 60
            while not file.exists() and time.monotonic() < end and process.poll() is None:
                time.sleep(0.05)
            self.assertTrue(file.exists())
            time.sleep(0.3)
            ranks = subprocess.run(["pgrep", "-P", str(process.pid)], text=True,
                                   capture_output=True).stdout.split()
            ranks = [pid for pid in ranks
                     if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "01_mnist"]
            self.assertEqual(len(ranks), 2)
            os.kill(int(ranks[1]), signal.SIGKILL)
            said = process.communicate(timeout=30)[0]
            self.assertNotEqual(process.returncode, 0, said)
        finally:
            process.kill()
            process.wait()
        done = self.succeeds("01_mnist", *common, "--epochs", 1, **self.drivers())
        self.assertIn("test accuracy", done.stdout)
        self.assertEqual(list(self.folder.glob("training.safetensors.*")), [])


if __name__ == "__main__":
    unittest.main()
