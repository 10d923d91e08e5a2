#!/usr/bin/env python3
"""pinnacle-bench compare: files as docs/compare.schema.json says, going on where one ends, Ctrl-C, and
what is refused. No test looks at how long something took."""
# SPDX-License-Identifier: Apache-2.0
import csv
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

from support import BUILD, ROOT, STEERING, ProgramTest

try:
    import jsonschema
except ImportError:
    jsonschema = None

BENCH = BUILD / "bench" / "pinnacle-bench"
DEVICES = ["--devices", "0,host"]  # the host has the last number


class Compare(ProgramTest):
    @classmethod
    def setUpClass(cls):
        """A file made in five steps, each with the last one's."""
        listed = subprocess.run([str(BENCH), "devices", "--json"], env=cls.environment(),
                                stdin=subprocess.DEVNULL, capture_output=True, text=True,
                                timeout=300)
        if all(d["kind"] == "host" for d in json.loads(listed.stdout)["devices"]):
            raise unittest.SkipTest("there is no OpenCL device")
        cls.shared = pathlib.Path(tempfile.mkdtemp(prefix="pinnacle-compare-"))
        cls.addClassCleanup(shutil.rmtree, cls.shared, ignore_errors=True)
        cls.file = cls.shared / "result.json"
        first = cls.start("--suite", "quick", *DEVICES, "--only", "peaks", "--json", cls.file)
        cls.peaks = json.loads(cls.file.read_text())["measurements"]
        assert first.returncode == 0, first.stdout + first.stderr
        for only in ("GEMM 64", "accuracy: GEMM", "layers", "lenet inference, batch 1"):
            last = cls.start("--resume", cls.file, *DEVICES, "--only", only,
                             "--csv", cls.shared / "result.csv")
            assert last.returncode == 0, last.stdout + last.stderr
        cls.text = last.stdout
        cls.result = json.loads(cls.file.read_text())

    @staticmethod
    def environment():
        return {k: v for k, v in os.environ.items() if k not in STEERING}

    @classmethod
    def start(cls, *flags):
        return subprocess.run([str(BENCH), "compare", *map(str, flags)], env=cls.environment(),
                              stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=300)

    def refuse(self, flags, *words):
        done = self.explains(re.escape(words[0]), BENCH, "compare", *flags)
        for word in words[1:]:
            self.assertIn(word, done.stderr)

    def of(self, group):
        return [m for m in self.result["measurements"] if m["group"] == group]

    def test_measures_each_group(self):
        for group in ("peaks", "kernels", "accuracy", "layers", "networks", "memory"):
            values = [m["value"] for m in self.of(group) if "value" in m]
            self.assertTrue(values, group)
            self.assertTrue(all(value >= 0 for value in values), group)
        for m in self.result["measurements"]:
            self.assertNotIn("failed", m)
            if "value" in m:
                self.assertTrue(m["low"] <= m["value"] <= m["high"], m)
            else:
                self.assertTrue(m["problem"], m)
        self.assertFalse(self.result["complete"])

    def test_kernels_have_a_roof_and_a_variant(self):
        here = [m for m in self.of("kernels") if m["device"] == 0 and "value" in m]
        self.assertTrue(here)
        for m in here:
            self.assertIn(m["roof"], ("FMA", "copy"))
            self.assertGreater(m["of_roof"], 0)
            self.assertRegex(m["kernel"], "matmul/")
            self.assertGreaterEqual(len(m["samples"]), 8)

    def test_layers_sum_up(self):
        steps = [m["value"] for m in self.of("layers")
                 if m["device"] == 0 and m["quantity"] != "time of all steps" and "value" in m]
        total = next(m for m in self.of("layers") if m["device"] == 0)
        if "problem" in total:
            self.assertIn("clock", total["problem"])
            self.assertFalse(steps)
        else:
            self.assertGreaterEqual(len(steps), 5)
            self.assertTrue(total["value"] / 3 < sum(steps) < 3 * total["value"], total)

    def test_errors_are_those_of_f32(self):
        for m in self.of("accuracy"):
            if "value" in m:
                self.assertLess(m["value"], 1e-3)

    def test_resume_keeps_what_there_is(self):
        self.assertEqual(self.of("peaks"), self.peaks)
        keys = [(m["key"], m["device"]) for m in self.result["measurements"]]
        self.assertEqual(len(keys), len(set(keys)))

    def test_text_fits_a_terminal(self):
        tables = self.text.split("\n\n", 1)[1]
        self.assertLessEqual(max(len(line) for line in tables.splitlines()), 80)
        for word in ("peaks", "kernels", "networks", "GEMM 64", "best", "Notes:", "its roofs are",
                     "Not all of the suite"):
            self.assertIn(word, tables)

    def test_csv_has_a_line_per_measurement(self):
        text = (self.shared / "result.csv").read_text()
        rows = list(csv.DictReader(io.StringIO(text)))
        self.assertEqual([row["key"] for row in rows],
                         [m["key"] for m in self.result["measurements"]])
        for row, m in zip(rows, self.result["measurements"]):
            self.assertEqual(row["unit"], m["unit"])
            self.assertEqual(row["problem"], m.get("problem", ""))
            if "value" in m:
                self.assertAlmostEqual(float(row["value"]) / (m["value"] or 1),
                                       1 if m["value"] else 0, places=6)

    def test_json_is_as_the_schema_says(self):
        if jsonschema is None:
            self.skipTest("python3-jsonschema is not installed")
        schema = json.loads((ROOT / "docs" / "compare.schema.json").read_text())
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        self.assertEqual([e.message for e in validator.iter_errors(self.result)], [])
        broken = json.loads(self.file.read_text())
        broken["measurements"][0]["unit"] = "furlongs"
        self.assertTrue(list(validator.iter_errors(broken)))

    def test_schema_explains_each_number(self):
        numbers = 0

        def visit(node, name):
            nonlocal numbers
            if isinstance(node, dict):
                if node.get("type") in ("number", "integer"):
                    numbers += 1
                    self.assertTrue(node.get("description"), name)
                    self.assertTrue(node.get("unit"), name)
                for key, value in node.items():
                    visit(value, key)

        visit(json.loads((ROOT / "docs" / "compare.schema.json").read_text()), "")
        self.assertGreater(numbers, 15)

    def test_interrupted(self):
        file = self.folder / "cut.json"
        run = subprocess.Popen([str(BENCH), "compare", "--suite", "quick", "--devices", "0",
                                "--json", str(file)], env=self.environment(),
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.PIPE, text=True)
        try:
            while run.poll() is None and not file.exists():
                time.sleep(0.01)
            run.send_signal(signal.SIGINT)
            printed, said = run.communicate(timeout=200)
        finally:
            run.kill()
        self.assertEqual(run.returncode, 130, printed + said)
        result = json.loads(file.read_text())
        self.assertFalse(result["complete"])
        self.assertTrue(result["measurements"])
        self.assertIn(result["measurements"][0]["subject"], printed)
        self.assertIn("Not all of the suite was measured", printed)

    def test_json_on_stdout(self):
        done = self.succeeds(BENCH, "compare", "--devices", "host", "--only", "GEMM 64", "--json")
        self.assertEqual(json.loads(done.stdout)["suite"], "standard")

    def test_wrong_flags(self):
        self.refuse(["--suite", "quik"], "quick")
        self.refuse(["--sute", "quick"], "did you mean --suite?")
        self.refuse([*DEVICES, "--only", "xyzzy"], "xyzzy", "kernels: GEMM 64")
        self.refuse(["nonexistent.onnx", *DEVICES], "nonexistent.onnx")

    def test_files_that_cannot_be_written(self):
        self.refuse(["--json", "/nonexistent/x.json"], "/nonexistent", "no such folder")
        model = self.folder / "net.onnx"
        model.write_text("a model")
        self.refuse(["--json", str(model)], "net.onnx", "would overwrite")
        self.assertEqual(model.read_text(), "a model")
        self.refuse(["--csv", str(self.folder)], "--csv", "is a folder")

    def test_files_that_do_not_fit(self):
        self.refuse(["--resume", "/nonexistent/x.json"], "/nonexistent/x.json")
        bad = self.folder / "bad.json"
        bad.write_text('{"format": "a shopping list"}')
        self.refuse(["--resume", bad], "bad.json", "another format")
        self.refuse(["--resume", self.file, "--suite", "full"], "--resume", '"quick"', '"full"')
        self.refuse(["--resume", self.file, "--devices", "host"], "--resume", "devices")
        old = {**self.result, "environment": {**self.result["environment"], "pinnacle": "0.0.1"}}
        bad.write_text(json.dumps(old))
        self.refuse(["--resume", bad, *DEVICES], "--resume", "version", "0.0.1")


if __name__ == "__main__":
    unittest.main()
