#!/usr/bin/env python3
"""The numbers that matter: LeNet learns MNIST, and devices agree step by step."""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import unittest

from support import ICD_FOLDER, ProgramTest, icd_folder

STEPS = 20
TOLERANCE = 1e-4  # relative


def real_data():
    """The folder with MNIST's files, if PINNACLE_DATA leads to one."""
    given = os.environ.get("PINNACLE_DATA")
    if not given:
        return None
    for folder in (pathlib.Path(given), pathlib.Path(given) / "mnist"):
        if list(folder.glob("train-images*")):
            return folder
    return None


class Learning(ProgramTest):
    def test_lenet_passes_95_percent_in_one_epoch(self):
        data = real_data()
        if data is None:
            self.skipTest("PINNACLE_DATA does not lead to MNIST")
        done = self.succeeds("01_mnist", "--net", "lenet", "--optimizer", "adam", "--epochs", 1,
                             "--batch", 128, "--data", data, limit=600)
        self.assertGreater(self.last_line(done)[1], 0.95)


class Agreement(ProgramTest):
    on_the_host = {}  # by net: the same whatever device it is compared with

    def first_losses(self, net, device, batch, data, **environment):
        file = f"{net}-{device}.txt"
        self.succeeds("01_mnist", "--net", net, "--optimizer", "sgd", "--epochs", 1, "--batch",
                      batch, "--samples", STEPS * batch, "--validation-split", 0, "--device",
                      device, "--data", data, "--losses", file, limit=600, **environment)
        losses = [float(line) for line in (self.folder / file).read_text().split()]
        self.assertEqual(len(losses), STEPS)
        return losses

    def check_agreement(self, driver, device, batch=128, **environment):
        icd = ICD_FOLDER / f"{driver}.icd"
        if not icd.exists():
            self.skipTest(f"{driver} is not installed")
        folder = icd_folder(self.folder, driver, {icd.name: icd.read_text()})
        environment.update(OCL_ICD_VENDORS=folder, OPENCL_VENDOR_PATH=folder)
        data = real_data() or self.digits(STEPS * batch, STEPS * batch)
        for net in ("softmax", "mlp", "lenet"):
            with self.subTest(net=net):
                if net not in self.on_the_host:
                    self.on_the_host[net] = self.first_losses(net, "host", batch, data,
                                                              **environment)
                expected = self.on_the_host[net]
                measured = self.first_losses(net, device, batch, data, **environment)
                for step, (wanted, got) in enumerate(zip(expected, measured), 1):
                    self.assertLessEqual(abs(got - wanted), TOLERANCE * abs(wanted),
                                         f"step {step}: {got} on {device}, {wanted} on the host")

    def test_pocl_agrees_with_the_host(self):
        self.check_agreement("pocl", "portable")

    def test_rusticl_agrees_with_the_host(self):
        self.check_agreement("rusticl", "rusticl", RUSTICL_ENABLE="llvmpipe")


if __name__ == "__main__":
    unittest.main()
