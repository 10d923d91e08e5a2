#!/usr/bin/env python3
"""pinnacle-bench place as a user meets it: a net on two devices, its placement saved, edited and
loaded again, and what is said of files and devices that do not fit.

PINNACLE_BUILD names the build folder. No test looks at how long something took.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("PINNACLE_BUILD", "build"))
PROGRAM = (BUILD / "bench" / "pinnacle-bench").resolve()
QUICK = ("--seconds", "0.02")


def bench(*words, limit=300):
    return subprocess.run([str(PROGRAM), *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=limit, check=False)


def two_devices():
    """Two cores of the CPU device where it has them, else the first device and the host."""
    return "sub:0,sub:1" if bench("devices", "--devices", "sub:1").returncode == 0 else "0,host"


class PlaceTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pinnacle-place-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.lenet = cls.folder / "lenet.onnx"
        done = bench("nets", "lenet", "--save", cls.lenet)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.devices = two_devices()

    def refuse(self, words, *texts):
        run = bench(*words)
        self.assertEqual(run.returncode, 2, f"{words}: {run.stdout}{run.stderr}")
        self.assertTrue(run.stderr.startswith("pinnacle-bench: "), run.stderr)
        for text in texts:
            self.assertIn(text, run.stderr)

    def place(self, *words):
        file = self.folder / "result.json"
        run = bench("place", self.lenet, "--devices", self.devices, *QUICK, "--json", file, *words)
        self.assertEqual(run.returncode, 0, f"{words}: {run.stdout}{run.stderr}")
        return json.loads(file.read_text()), run.stdout

    def test_help(self):
        run = bench("place", "--help")
        self.assertEqual(run.returncode, 0)
        for word in ("--devices", "--save", "--load", "--batch", "--shape", "sub:0,sub:1"):
            self.assertIn(word, run.stdout)
        self.assertIn("sub:0", bench("--help").stdout)

    def test_measures_saves_and_loads(self):
        saved = self.folder / "cut.json"
        result, text = self.place("--save", saved)
        self.assertIn("runs/s", text)
        self.assertIn("ratio", text)
        self.assertIn("stage 0: nodes 0 to", text)
        self.assertEqual(result["problem"], "")
        self.assertGreater(result["pipeline_ms"], 0)
        placement = json.loads(saved.read_text())
        self.assertEqual(placement, result["placement"])
        nodes = placement["stages"][-1]["last"]
        again, _ = self.place("--load", saved)
        self.assertEqual(again["placement"], placement)
        # By hand: another cut, and no more than a cut needs.
        names = [stage["device"] for stage in placement["stages"]]
        if len(names) == 2:
            placement = {"format": placement["format"], "strategy": "pipeline",
                         "stages": [{"device": names[0], "first": 0, "last": 1},
                                    {"device": names[1], "first": 1, "last": nodes}]}
            saved.write_text(json.dumps(placement))
            edited, text = self.place("--load", saved)
            self.assertEqual(edited["placement"]["stages"][1]["first"], 1)
            self.assertIn(f"stage 1: nodes 1 to {nodes - 1}", text)

    def test_placements_that_do_not_fit(self):
        words = ["place", self.lenet, "--devices", self.devices, "--load"]
        wrong = self.folder / "wrong.json"
        self.refuse([*words, self.folder / "none.json"], "none.json")
        wrong.write_text("{")
        self.refuse([*words, wrong], "wrong.json", "is no JSON", "--save")
        good = {"format": "pinnacle placement 1", "strategy": "pipeline",
                "stages": [{"device": "abacus", "first": 0, "last": 3}]}
        wrong.write_text(json.dumps({**good, "stagse": []}))
        self.refuse([*words, wrong], 'an unknown "stagse"')
        wrong.write_text(json.dumps({**good, "strategy": "magic"}))
        self.refuse([*words, wrong], 'unknown strategy "magic"')
        wrong.write_text(json.dumps(good))
        self.refuse([*words, wrong], '"abacus", which is not among the devices', "there are: ")

    def test_arguments(self):
        self.refuse(["place"], "a model file is missing", "pinnacle-bench place FILE.onnx")
        self.refuse(["place", self.lenet, "--devices", "abacus"], 'named like "abacus"', "sub:0")
        self.refuse(["place", self.folder / "no.onnx", "--devices", self.devices], "no.onnx")
        self.refuse(["place", self.lenet, "--divices", "0"], "did you mean --devices?")
        if self.devices.startswith("sub:"):
            self.refuse(["place", self.lenet, "--devices", "sub:0,sub:9999"],
                        "there is no sub:9999", "cores: sub:0 to sub:")
        else:
            self.refuse(["devices", "--devices", "sub:0"], "split")


if __name__ == "__main__":
    unittest.main()
