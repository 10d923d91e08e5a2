#!/usr/bin/env python3
"""The backend tests of the ONNX project through onnx_corpus, and a sample on real models."""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import tarfile
import unittest

from support import BUILD, CACHE, ROOT, ProgramTest

DATA = pathlib.Path(os.environ.get("PINNACLE_DATA", "/nonexistent"))
CORPUS = ("node", "simple", "pytorch-converted", "pytorch-operator")
# Every so many cases run on PoCL as well; all of them do by hand (test/README.md).
SHARE_ON_DEVICE = 20
CORE_PERCENT = 97


@unittest.skipUnless((DATA / "onnx-backend").is_dir(), "PINNACLE_DATA has no onnx-backend")
class Corpus(ProgramTest):
    @classmethod
    def setUpClass(cls):
        cls.cases = CACHE / "onnx-backend"
        for name in CORPUS:
            if not (cls.cases / name).is_dir():
                with tarfile.open(DATA / "onnx-backend" / f"{name}.tar.gz") as archive:
                    archive.extractall(cls.cases, filter="data")

    def run_corpus(self, *flags):
        done = self.succeeds(BUILD / "test" / "onnx_corpus", *flags,
                             *(self.cases / name for name in CORPUS), limit=600)
        counts = re.search(r"^passed (\d+), failed (\d+), unsupported (\d+)$", done.stdout, re.M)
        core = re.search(r"([\d.]+) % of \d+ cases pass", done.stdout)
        self.assertEqual(int(counts[2]), 0, done.stdout)
        self.assertGreaterEqual(float(core[1]), CORE_PERCENT, done.stdout)
        return int(counts[1])

    def test_on_the_host_and_as_documented(self):
        made = self.folder / "ops.md"
        passed = self.run_corpus("--device", "host", "--markdown", made)
        self.assertGreater(passed, 1000)
        self.assertEqual(made.read_text(), (ROOT / "docs" / "ops.md").read_text(),
                         "docs/ops.md is not what onnx_corpus --device host --markdown writes")

    def test_written_and_read_again(self):
        done = self.run_program(BUILD / "test" / "onnx_corpus", "--device", "host", "--export",
                                self.folder, self.cases / "node", limit=600)
        counts = re.search(r"^passed (\d+), failed (\d+), unsupported (\d+)$", done.stdout, re.M)
        self.assertEqual(int(counts[2]), 0, done.stdout)
        self.assertGreater(int(counts[1]), 1200)

    def test_a_share_on_the_device(self):
        self.assertGreater(self.run_corpus("--part", f"1/{SHARE_ON_DEVICE}"), 60)

    def test_wrong_use(self):
        program = BUILD / "test" / "onnx_corpus"
        self.explains("is no folder", program, self.folder / "nothing")
        self.explains("write it like 1/2", program, "--part", "two", self.cases / "simple")
        self.explains("did you mean", program, "--device", "hots", self.cases / "simple")


@unittest.skipUnless((DATA / "onnx-models").is_dir(), "PINNACLE_DATA has no onnx-models")
class Sample(ProgramTest):
    def test_a_model_runs_and_agrees_with_the_host(self):
        done = self.succeeds("06_onnx", DATA / "onnx-models/mnist-8/model.onnx", "--compare")
        self.assertIn("takes Input3 f32[1, 1, 28, 28]", done.stdout)
        self.assertLess(float(re.search(r"result by (\S+)", done.stdout)[1]), 1e-2)

    def test_bad_files(self):
        self.explains("nothing.onnx", "06_onnx", "nothing.onnx")
        text = self.folder / "text.onnx"
        text.write_text("no model")
        self.explains("text.onnx", "06_onnx", text)


if __name__ == "__main__":
    unittest.main()
