#!/usr/bin/env python3
"""Every sample, compiled by the build, runs on little data and shows what it promises."""
# SPDX-License-Identifier: Apache-2.0
import json
import re
import struct
import unittest

from support import ProgramTest


class Samples(ProgramTest):
    PARAMETERS = {"softmax": "7,850", "mlp": "118,282", "lenet": "61,706"}

    def test_mnist_trains_each_net(self):
        folder = self.digits()
        for net, parameters in self.PARAMETERS.items():
            with self.subTest(net=net):
                done = self.succeeds("01_mnist", "--net", net, "--data", folder, "--epochs", 3,
                                     "--batch", 32)
                loss, accuracy, microseconds = self.last_line(done)
                self.assertRegex(done.stdout, rf"total\s+{parameters}\n")
                self.assertIn("512 training and 128 test samples", done.stdout)
                self.assertIn(str(folder), done.stdout)
                self.assertEqual(done.stderr.count("epoch "), 3, done.stderr)
                self.assertNotIn("\r", done.stderr)  # stderr is no terminal
                self.assertLess(loss, 2.3)
                self.assertGreater(accuracy, 0.2)
                self.assertGreater(microseconds, 0)

    def test_mnist_takes_its_options(self):
        folder = self.digits()
        done = self.succeeds("01_mnist", "--net", "softmax", "--data", folder, "--epochs", 2,
                             "--batch", 7, "--optimizer", "sgd", "--learning-rate", 0.1,
                             "--validation-split", 0, "--seed", 3, "--samples", 100,
                             "--device", "host", "--losses", "losses.txt")
        self.last_line(done)
        self.assertIn("100 training and 100 test samples", done.stdout)
        self.assertIn("device host\n", done.stdout)
        self.assertEqual(len((self.folder / "losses.txt").read_text().split()), 2 * 15)

    def test_mnist_repeats_bit_for_bit(self):
        folder = self.digits()
        losses = []
        for file in ("first.txt", "second.txt"):
            self.succeeds("01_mnist", "--net", "lenet", "--data", folder, "--epochs", 1,
                          "--batch", 50, "--losses", file)
            losses.append((self.folder / file).read_text())
        self.assertEqual(losses[0], losses[1])
        self.succeeds("01_mnist", "--net", "lenet", "--data", folder, "--epochs", 1, "--batch", 50,
                      "--losses", "third.txt", "--seed", 2)
        self.assertNotEqual(losses[0], (self.folder / "third.txt").read_text())

    def test_xor_needs_two_layers(self):
        done = self.succeeds("02_xor")
        wrong = [int(percent) for percent in re.findall(r"(\d+) % wrong", done.stdout)]
        self.assertEqual(len(wrong), 2, done.stdout)
        self.assertGreaterEqual(wrong[0], 25)
        self.assertEqual(wrong[1], 0)

    def test_embed_works_in_foreign_objects(self):
        done = self.succeeds("03_embed")
        self.assertRegex(done.stdout, r"\d kernels on the program's own queue")
        self.assertLess(float(re.search(r"host's result: (\S+)", done.stdout)[1]), 1e-4)

    def test_own_layer_learns(self):
        done = self.succeeds("04_own_layer")
        self.assertGreater(float(re.search(r"test accuracy (\S+) %", done.stdout)[1]), 50)
        slopes = re.search(r"slopes learned, from 0.25 each: (.*)", done.stdout)[1].split()
        self.assertEqual(len(slopes), 8)
        self.assertTrue(any(slope != "0.250" for slope in slopes), slopes)

    def test_own_op_matches_its_reference_and_learns(self):
        done = self.succeeds("05_own_op")
        self.assertLess(float(re.search(r"from the reference (\S+)", done.stdout)[1]), 1e-5)
        self.assertGreater(float(re.search(r"test accuracy (\S+) %", done.stdout)[1]), 50)

    def test_own_op_runs_on_the_host(self):
        self.succeeds("05_own_op", "--device", "host", limit=300)

    def test_quickstart_shows_everything(self):
        done = self.succeeds("quickstart", "--data", self.digits(2000, 200), "--epochs", 4,
                             "--out", "net.safetensors", limit=300)
        for text in ("== devices ==", "== training LeNet on ", "2000 training and 200 test samples",
                     "== the same training step on every device ==", "ms per step",
                     "== what the saved network sees =="):
            self.assertIn(text, done.stdout)
        self.assertNotIn("not usable", done.stdout)
        rates = re.findall(r"(\d+\.\d) %$", done.stdout.split("of the best")[1], re.M)
        self.assertIn("100.0", rates)
        self.assertGreater(float(re.search(r"test accuracy (\S+) %", done.stdout)[1]), 50)
        self.assertEqual(len(re.findall(r"says \d \(\d+\.\d %\), is \d", done.stdout)), 4)
        saved = (self.folder / "net.safetensors").read_bytes()
        size = struct.unpack("<Q", saved[:8])[0]
        self.assertIn("conv2d_1.weight", json.loads(saved[8:8 + size]))

    def test_help_is_no_error(self):
        for name in ("quickstart", "01_mnist", "02_xor", "03_embed", "04_own_layer", "05_own_op"):
            with self.subTest(name=name):
                self.assertIn("--help", self.succeeds(name, "--help").stdout)


if __name__ == "__main__":
    unittest.main()
