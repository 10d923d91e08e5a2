#!/usr/bin/env python3
"""Flags, names and files as a new user gets them wrong: a clear message, exit code 1, no crash."""
# SPDX-License-Identifier: Apache-2.0
import gzip
import unittest

from support import ProgramTest, write_idx

SAMPLES = ("quickstart", "01_mnist", "02_xor", "03_embed", "04_own_layer", "05_own_op")


class Flags(ProgramTest):
    def test_an_unknown_flag_gets_the_nearest(self):
        self.explains(r"no option --epoch; did you mean --epochs\?", "01_mnist", "--epoch", 3)
        self.explains(r"no option --epoch; did you mean --epochs\?", "quickstart", "--epoch=3")
        for name in ("02_xor", "04_own_layer", "05_own_op"):
            self.explains(r"no option --devise; did you mean --device\?", name, "--devise", "cpu")

    def test_a_flag_like_nothing_gets_the_way_to_help(self):
        for name in SAMPLES:
            done = self.explains("no option --qqqqqqqq\n", name, "--qqqqqqqq")
            self.assertIn(f"{name} --help lists the options", done.stderr)

    def test_a_stray_word(self):
        self.explains("no option lenet", "01_mnist", "lenet")

    def test_values_that_make_no_sense(self):
        for flags, message in (
                (("--net", "softmx"), r"--net: \"softmx\" is none of .*; did you mean softmax\?"),
                (("--optimizer", "adm"), r"did you mean adam\?"),
                (("--epochs", "0"), "--epochs: .*0 not in range 1 to"),
                (("--epochs", "many"), "--epochs: .*many not in range"),
                (("--batch", "-5"), "--batch: .*-5 not in range 1 to"),
                (("--validation-split", "1"), "--validation-split: .*1 not in range"),
                (("--learning-rate", "fast"), "--learning-rate: .*fast not in range"),
                (("--epochs",), "--epochs: 1 required")):
            with self.subTest(flags=flags):
                self.explains(message, "01_mnist", *flags)


class Devices(ProgramTest):
    def test_an_unknown_device_gets_the_list_and_the_nearest(self):
        folder = self.digits()
        for name in ("01_mnist", "quickstart"):
            done = self.explains("no device is named like \"hots\"", name, "--data", folder,
                                 "--device", "hots")
            self.assertIn("did you mean host?", done.stderr)
            self.assertRegex(done.stderr, r"\n  0: ")
        self.explains("no device is named like \"qqq\"", "02_xor", "--device", "qqq")

    def test_the_variable_is_named(self):
        self.explains("PINNACLE_DEVICE: no device is named like \"qqq\"", "02_xor",
                      PINNACLE_DEVICE="qqq")

    def test_an_index_too_high(self):
        self.explains("there is no device 99; there is:\n  0: ", "02_xor", "--device", 99)


class Data(ProgramTest):
    IMAGES = "train-images-idx3-ubyte"
    LABELS = "train-labels-idx1-ubyte"

    def refuses(self, message, folder):
        for name in ("01_mnist", "quickstart"):
            with self.subTest(name=name):
                self.explains(message, name, "--data", folder, "--epochs", 1)

    def test_no_folder(self):
        missing = self.folder / "nowhere"
        self.refuses(f"{missing}: there is no such folder", missing)
        self.explains(f"PINNACLE_DATA.*{missing}", "01_mnist", PINNACLE_DATA=missing)

    def test_a_folder_without_the_files(self):
        self.refuses(r"(?s)lacks these MNIST files:.*train-images-idx3-ubyte.*t10k-labels-idx1",
                     self.folder)

    def test_one_file_is_missing(self):
        folder = self.digits()
        (folder / self.LABELS).unlink()
        done = self.explains("lacks these MNIST files:", "01_mnist", "--data", folder)
        self.assertIn(self.LABELS, done.stderr)
        self.assertNotIn(self.IMAGES, done.stderr)

    def test_a_truncated_file_names_the_byte(self):
        folder = self.digits()
        images = folder / self.IMAGES
        whole = images.read_bytes()
        for length in (0, 3, 9, 5000):
            images.write_bytes(whole[:length])
            self.refuses(f"{images}: ends at byte {length}", folder)

    def test_a_truncated_gzip_file(self):
        folder = self.digits()
        packed = gzip.compress((folder / self.IMAGES).read_bytes())
        (folder / self.IMAGES).unlink()
        (folder / (self.IMAGES + ".gz")).write_bytes(packed[:len(packed) // 2])
        self.refuses(f"{self.IMAGES}.gz: ", folder)

    def test_something_else_under_that_name(self):
        folder = self.digits()
        (folder / self.IMAGES).write_text("<!DOCTYPE html><html>not found</html>")
        self.refuses("begins with 0x3c 0x21; an IDX file has two zeros", folder)

    def test_images_of_another_size(self):
        folder = self.digits()
        write_idx(folder / self.IMAGES, (512, 32, 32), bytes(512 * 32 * 32))
        self.refuses(r"holds \[512, 32, 32\]; expected images \[N, 28, 28\]", folder)

    def test_labels_for_other_images(self):
        folder = self.digits()
        write_idx(folder / self.LABELS, (99,), bytes(99))
        self.refuses(r"holds \[99\] labels for the 512 images", folder)

    def test_a_label_out_of_range(self):
        folder = self.digits()
        write_idx(folder / self.LABELS, (512,), bytes(100) + b"\x0a" + bytes(411))
        self.refuses("the label at byte 108 is 10; expected 0 to 9", folder)

    def test_results_that_cannot_be_written(self):
        folder = self.digits()
        self.explains("losses.txt: cannot be written", "01_mnist", "--data", folder, "--net",
                      "softmax", "--losses", self.folder / "none" / "losses.txt")
        self.explains("net.safetensors: cannot be written", "quickstart", "--data", folder,
                      "--epochs", 1, "--out", self.folder / "none" / "net.safetensors")


if __name__ == "__main__":
    unittest.main()
