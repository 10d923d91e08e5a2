#!/usr/bin/env python3
"""pinnacle-bench on model files, as a user meets it: nets written as ONNX, measured, checked node by
node, and the same outputs in ONNX Runtime where there is one.

PINNACLE_BUILD names the build folder, PINNACLE_PEER_PYTHON the interpreters that may have ONNX Runtime.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("PINNACLE_BUILD", "build"))
PROGRAM = (BUILD / "bench" / "pinnacle-bench").resolve()
QUICK = ("--seconds", "0.02", "--no-first-result")


def bench(*words, environment=None, limit=600):
    return subprocess.run([str(PROGRAM), *map(str, words)],
                          env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=limit)


def onnxruntime_python():
    """The first interpreter that has ONNX Runtime, or None."""
    given = os.environ.get("PINNACLE_PEER_PYTHON", "")
    for python in given.split(":") if given else ("python3", "/usr/bin/python3"):
        try:
            found = subprocess.run([python, "-c", "import numpy, onnxruntime"], timeout=120,
                                   capture_output=True, check=False).returncode == 0
        except OSError:
            found = False
        if found:
            return python
    return None


class OnnxTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pinnacle-onnx-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.lenet = cls.folder / "lenet.onnx"
        done = bench("nets", "lenet", "--save", cls.lenet)
        assert done.returncode == 0, done.stdout + done.stderr

    def run_json(self, *words, code=0, environment=None):
        file = self.folder / "result.json"
        run = bench(*words, "--json", file, environment=environment)
        self.assertEqual(run.returncode, code, f"{words}: {run.stdout}{run.stderr}")
        return json.loads(file.read_text()), run.stdout


class Help(unittest.TestCase):
    def test_options_and_examples(self):
        for name, words in {"model": ("--batch", "--shape", "--inputs", "--peers", "--profile",
                                      "--trace", "--without-pass", "--no-first-result", "--json"),
                            "check": ("--device", "--against", "--rtol", "--atol", "--inputs",
                                      "--batch", "--shape")}.items():
            run = bench(name, "--help")
            self.assertEqual(run.returncode, 0)
            for word in (*words, "Examples:", ".onnx"):
                self.assertIn(word, run.stdout)


class WrongInput(OnnxTest):
    def refuse(self, words, *texts):
        run = bench(*words)
        self.assertEqual(run.returncode, 2, f"{words}: {run.stdout}{run.stderr}")
        for text in texts:
            self.assertIn(text, run.stdout + run.stderr)

    def test_flags(self):
        self.refuse(["model"], "a model file is missing", "FILE.onnx")
        self.refuse(["check"], "a model file is missing")
        self.refuse(["model", self.lenet, "--bacth", "2"], "did you mean --batch?")
        for value in ("0", "-1", "x", "1e9"):
            self.refuse(["model", self.lenet, "--batch", value], "--batch")
        self.refuse(["model", self.lenet, "--peers", "tensorrt"], "no peer", "onnxruntime")
        self.refuse(["model", self.lenet, self.lenet, "--trace", "t.json"], "--trace", "one file")
        self.refuse(["model", self.lenet, "--trace", "/nonexistent/t.json"], "no such folder")
        self.refuse(["check", self.lenet, "--device", "host"], "--against")
        self.refuse(["check", self.lenet, "--rtol", "-1", "--device", "host"], "--rtol")
        self.refuse(["nets", "--save", "x.onnx"], "--save", "one net")
        self.refuse(["nets", "lenet", "--save", "x.onnx", "--peers"], "--save")
        self.refuse(["nets", "lenet", "--save", "/nonexistent/x.onnx"], "/nonexistent")

    def test_shapes(self):
        words = ["model", self.lenet, *QUICK, "--device", "host"]
        self.refuse([*words, "--shape", "x=1x1x28y28"], "--shape", "x=1x3x224x224")
        self.refuse([*words, "--shape", "picture=1x1x28x28"], 'no input "picture"', "there are: x")
        self.refuse([*words, "--shape", "x=2x3x28x28"], "lenet.onnx")

    def test_files(self):
        bad = self.folder / "bad.onnx"
        bad.write_bytes(b"this is no model")
        for command in ("model", "check"):
            self.refuse([command, bad], "bad.onnx")
            self.refuse([command, self.folder / "none.onnx"], "none.onnx")
        empty = self.folder / "empty"
        empty.mkdir(exist_ok=True)
        self.refuse(["check", self.lenet, "--inputs", empty], "input_0.pb", "missing")
        self.refuse(["model", self.lenet, *QUICK, "--inputs", self.folder / "none"], "no such folder")

    def test_unknown_pass(self):
        self.refuse(["model", self.lenet, *QUICK, "--without-pass", "fus"], "no pass fus")


class Models(OnnxTest):
    def test_measures(self):
        result, printed = self.run_json("model", self.lenet, *QUICK, "--batch", 3)
        row, = result["rows"]
        self.assertEqual((row["model"], row["batch"]), (str(self.lenet), 3))
        for key in ("ms", "p90_ms", "p99_ms", "runs", "ms_queued", "runs_per_second", "nodes"):
            self.assertGreater(row[key], 0, key)
        self.assertGreaterEqual(row["p99_ms"], row["p90_ms"])
        self.assertAlmostEqual(row["gflop"], 3 * 833040e-9, delta=1e-7)
        self.assertEqual(row["peers"], {})
        self.assertIn("p99", printed)
        if result["device"]["kind"] != "host":
            self.assertGreater(row["planned_bytes"], 0)
            self.assertGreater(row["used_bytes"], 0)

    def test_several_models_have_a_mean(self):
        other = self.folder / "mlp.onnx"
        self.assertEqual(bench("nets", "mlp", "--save", other).returncode, 0)
        result, printed = self.run_json("model", self.lenet, other, *QUICK)
        self.assertEqual(result["summary"]["models"], 2)
        a, b = (row["ms"] for row in result["rows"])
        self.assertAlmostEqual(result["summary"]["geomean_ms"], (a * b) ** 0.5, places=6)
        self.assertIn("geometric mean of 2 models", printed)

    def test_one_that_fails_does_not_stop_others(self):
        bad = self.folder / "broken.onnx"
        bad.write_bytes(b"\x08")
        result, printed = self.run_json("model", bad, self.lenet, *QUICK, code=1)
        self.assertIn("problem", result["rows"][0])
        self.assertGreater(result["rows"][1]["ms"], 0)
        self.assertIn("failed: ", printed)

    def test_first_result(self):
        result, printed = self.run_json("model", self.lenet, "--seconds", "0.02")
        first = result["rows"][0]["first_result"]
        for caches in ("cold", "warm"):
            self.assertGreater(first[caches]["seconds"], 0)
            self.assertEqual(set(first[caches]["parts"]), {"device", "import", "compile", "run"})
        self.assertIn("to its first result", printed)

    def test_profile_and_trace(self):
        trace = self.folder / "trace.json"
        words = ("model", self.lenet, *QUICK, "--profile", "--trace", trace)
        self.assertEqual(bench(*words, "--device", "host").returncode, 2)
        result, printed = self.run_json(*words)
        if result["device"]["kind"] == "host":
            self.skipTest("there is no OpenCL device")
        steps = result["profiles"][0]["steps"]
        self.assertIn("conv2d", {step["op"] for step in steps})
        self.assertIn("GFLOP/s", printed)
        events = [e for e in json.loads(trace.read_text())["traceEvents"] if e["ph"] == "X"]
        self.assertGreaterEqual(len(events), 5)
        nodes = {step["node"] for step in steps}
        for event, after in zip(events, events[1:]):
            self.assertLessEqual(event["ts"], after["ts"])
        for event in events:
            self.assertIn(event["name"], nodes)
            self.assertGreaterEqual(event["dur"], 0)

    def test_a_pass_can_be_left_out(self):
        with_all, _ = self.run_json("model", self.lenet, *QUICK)
        without, _ = self.run_json("model", self.lenet, *QUICK, "--without-pass", "fuse")
        if with_all["device"]["kind"] != "host":
            self.assertGreater(without["rows"][0]["kernels"], with_all["rows"][0]["kernels"])


class Check(OnnxTest):
    def test_all_nodes_agree(self):
        result, printed = self.run_json("check", self.lenet, "--batch", 2)
        self.assertGreaterEqual(len(result["nodes"]), 12)
        self.assertTrue(all(node["within"] for node in result["nodes"] + result["outputs"]))
        self.assertIsNone(result["first"])
        self.assertIn("within tolerance", printed)

    def test_the_first_that_differs_is_named(self):
        result, printed = self.run_json("check", self.lenet, "--rtol", "0", "--atol", "0", code=1)
        first = result["first"]
        self.assertEqual(first["node"], result["nodes"][0]["node"])
        self.assertIn("first out of tolerance: conv2d", printed)
        self.assertIn("x", first["inputs"])
        self.assertRegex(first["inputs"]["x"], r"f32\[1, 1, 28, 28\] in \[-")

    def test_not_two_devices(self):
        devices = json.loads(bench("devices", "--json").stdout)["devices"]
        run = bench("check", self.lenet, "--device", len(devices) - 1)  # the host itself
        self.assertEqual(run.returncode, 2)
        self.assertIn("--against", run.stderr)


class OnnxRuntime(OnnxTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.python = onnxruntime_python()
        if cls.python is None:
            raise unittest.SkipTest("no interpreter has onnxruntime; PINNACLE_PEER_PYTHON names some")

    def compare(self, file, *words):
        result, printed = self.run_json("model", file, *QUICK, *words, "--peers", "onnxruntime",
                                        environment={"PINNACLE_PEER_PYTHON": self.python})
        peer = result["rows"][0]["peers"]["onnxruntime"]
        self.assertNotIn("skipped", peer)
        self.assertLess(peer["difference"], 1e-4)
        self.assertGreater(peer["ratio"], 0)
        self.assertIn("Ratios to onnxruntime", printed)

    def test_lenet(self):
        self.compare(self.lenet)
        self.compare(self.lenet, "--batch", 5)

    def test_resnet18(self):
        file = self.folder / "resnet18.onnx"
        self.assertEqual(bench("nets", "resnet18", "--save", file).returncode, 0)
        self.compare(file)


class MissingPeer(OnnxTest):
    def test_it_is_skipped_by_name(self):
        tool = self.folder / "python"
        tool.write_text(f"""#!{sys.executable}
import json
print(json.dumps(dict(version="0.0", way="pretended")), flush=True)
input()
""")
        tool.chmod(0o755)
        for python, reason in (("/bin/false", "has ended"), (tool, "gave no outputs")):
            result, printed = self.run_json("model", self.lenet, *QUICK, "--peers", "onnxruntime",
                                            environment={"PINNACLE_PEER_PYTHON": str(python)})
            self.assertIn("skipped: onnxruntime", printed)
            self.assertIn(reason, result["rows"][0]["peers"]["onnxruntime"]["skipped"])
            self.assertGreater(result["rows"][0]["ms"], 0)


if __name__ == "__main__":
    unittest.main()
