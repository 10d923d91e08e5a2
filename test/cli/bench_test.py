#!/usr/bin/env python3
"""pinnacle-bench as a user meets it: JSON that parses, errors that help, small work on real devices.

PINNACLE_BUILD names the build folder. No test looks at how long something took.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("PINNACLE_BUILD", "build"))
PROGRAM = BUILD / "bench" / "pinnacle-bench"
SMALL = ["--filter", "128x10x128", "--seconds", "0.01"]


def bench(*words, environment=None, limit=300):
    return subprocess.run([str(PROGRAM), *words], env={**os.environ, **(environment or {})},
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=limit)


def bench_json(*words, environment=None):
    """(result of --json to a file, what was printed)"""
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "result.json"
        run = bench(*words, "--json", str(file), environment=environment)
        if run.returncode != 0:
            raise AssertionError(f"{words}: exit code {run.returncode}\n{run.stdout}{run.stderr}")
        return json.loads(file.read_text()), run.stdout


def opencl_devices():
    return [d for d in json.loads(bench("devices", "--json").stdout)["devices"]
            if d["kind"] != "host"]


def fake_python(folder, parameters, answers=10**6):
    """A program in the place of Python: a peer whose every step takes 2 ms, or so it says. It ends
    after some answers."""
    tool = pathlib.Path(folder) / f"python-{parameters}-{answers}"
    tool.write_text(f"""#!{sys.executable}
import json, sys
print(json.dumps(dict(version="0.0", way="pretended", parameters={parameters})), flush=True)
for line, _ in zip(sys.stdin, range({answers})):
    print(json.dumps(dict(seconds=2e-3 * json.loads(line)["run"])), flush=True)
sys.exit("out of answers")
""")
    tool.chmod(0o755)
    return str(tool)


class Help(unittest.TestCase):
    def test_help_names_the_subcommands(self):
        run = bench("--help")
        self.assertEqual(run.returncode, 0)
        for word in ("devices", "compare", "ops", "PINNACLE_DEVICE"):
            self.assertIn(word, run.stdout)

    def test_help_of_each_subcommand(self):
        options = {"devices": ["--devices", "--json"], "compare": ["--devices", "--suite", "--json"],
                   "ops": ["--op", "--device", "--filter", "--variant", "--all-variants",
                           "--overhead", "--set", "--peers", "--pass", "--batch", "--json"],
                    "nets": ["--mode", "--batch", "--device", "--seconds", "--peers", "--profile",
                             "--first-result", "--json"]}
        for name, flags in options.items():
            run = bench(name, "--help")
            self.assertEqual(run.returncode, 0)
            for flag in flags:
                self.assertIn(flag, run.stdout)

    def test_version(self):
        run = bench("--version")
        self.assertEqual(run.returncode, 0)
        self.assertRegex(run.stdout, r"^pinnacle-bench \d+\.\d+\.\d+\n$")


class WrongInput(unittest.TestCase):
    def refuse(self, words, *texts, environment=None):
        run = bench(*words, environment=environment)
        self.assertEqual(run.returncode, 2, f"{words}: {run.stdout}{run.stderr}")
        self.assertTrue(run.stderr.startswith("pinnacle-bench: "), run.stderr)
        self.assertEqual(run.stdout, "")
        for text in texts:
            self.assertIn(text, run.stderr)
        return run

    def test_no_subcommand(self):
        self.refuse([], "a subcommand is missing", "compare")

    def test_unknown_subcommand(self):
        self.refuse(["compar"], 'no subcommand "compar"', "did you mean compare?")
        self.refuse(["xyzzy"], 'no subcommand "xyzzy"', "--help")

    def test_unknown_option(self):
        self.refuse(["--versoin"], "did you mean --version?")
        self.refuse(["ops", "--filtre", "x"], 'no option "--filtre"', "did you mean --filter?")
        self.refuse(["compare", "--sute"], "did you mean --suite?")
        self.refuse(["devices", "--jsn=x"], "did you mean --json?")

    def test_superfluous_word(self):
        self.refuse(["devices", "please"], 'no argument "please"')

    def test_two_subcommands(self):
        self.refuse(["devices", "compare"], "one subcommand at a time")

    def test_bad_numbers(self):
        for value in ("abc", "-1", "0", "1e9", "nan", ""):
            self.refuse(["ops", "--seconds", value], "--seconds")

    def test_missing_value(self):
        self.refuse(["ops", "--op"], "--op")

    def test_unknown_op(self):
        self.refuse(["ops", "--op", "convd"], 'no op "convd"', "did you mean conv2d?")

    def test_nets(self):
        self.refuse(["nets", "resnet5O"], 'no net "resnet5O"', "did you mean resnet50?")
        self.refuse(["nets", "xyzzy"], 'no net "xyzzy"', "there are: softmax, mlp, lenet")
        self.refuse(["nets", "mlp", "--mode", "train"], "--mode", "training")
        for value in ("0", "-1", "x", "1,x", "1e9"):
            self.refuse(["nets", "mlp", "--batch", value], "--batch")
        self.refuse(["nets", "mlp", "--first-result", "--peers"], "--first-result")
        self.refuse(["nets", "--once"], "--once", "takes one net")

    def test_unknown_case(self):
        self.refuse(["ops", "--filter", "lennet"], 'no case has "lennet"', "LeNet")

    def test_unknown_variant(self):
        self.refuse(["ops", "--op", "matmul", "--variant", "simd"], 'no variant "simd"',
                    "did you mean simt?")

    def test_options_that_exclude_each_other(self):
        self.refuse(["ops", "--variant", "wide", "--all-variants"], "--variant", "--all-variants")
        self.refuse(["ops", "--overhead", "--op", "matmul"], "--overhead")

    def test_unknown_set(self):
        self.refuse(["ops", "--set", "resnet5"], 'no set "resnet5"', "did you mean resnet50?")
        self.refuse(["ops", "--set", ""], 'no set ""', "gemm_square")
        self.refuse(["ops", "--set", "lenet,xyzzy"], 'no set "xyzzy"', "gemm_square", "rest")
        self.refuse(["ops", "--set", "lenet", "--filter", "9x9"], "--filter", "9x9")
        self.refuse(["ops", "--set", "lenet", "--variant", "clblast"], "--variant", "clblast")

    def test_unknown_pass_or_batch(self):
        self.refuse(["ops", "--set", "lenet", "--pass", "backward"], "--pass", "backward_data")
        self.refuse(["ops", "--set", "gemm_square", "--pass", "backward_data"], "--pass", "forward")
        for value in ("0", "-1", "x", "1,,2", "1e9"):
            self.refuse(["ops", "--set", "lenet", "--batch", value], "--batch", "joined by commas")

    def test_options_that_belong_to_sets(self):
        for words in (["--peers"], ["--pass", "all"], ["--batch", "4"]):
            self.refuse(["ops", *words], words[0], "--set")
        for words in (["--overhead"], ["--all-variants"], ["--op", "matmul"]):
            self.refuse(["ops", "--set", "lenet", *words], words[0])
        self.refuse(["ops", "--set", "lenet", "--device", "host"], "--set", "OpenCL")

    def test_unknown_device(self):
        for words in (["ops", "--device", "nonsuch"], ["compare", "--devices", "nonsuch"],
                      ["devices", "--devices", "nonsuch"]):
            self.refuse(words, "nonsuch", "host")
        self.refuse(["compare", "--devices", "99"], "no device 99")
        self.refuse(["ops"], "nonsuch", environment={"PINNACLE_DEVICE": "nonsuch"})

    def test_overhead_needs_opencl(self):
        self.refuse(["ops", "--overhead", "--device", "host"], "--device", "OpenCL")

    def test_output_that_cannot_be_written_is_refused_before_measuring(self):
        for words in (["ops"], ["compare"], ["devices"]):
            self.refuse([*words, "--json", "/nonexistent/x.json"], "/nonexistent", "no such folder")
        self.refuse(["ops", "--json", "/tmp"], "/tmp", "folder")


class Devices(unittest.TestCase):
    def test_table_fits_the_terminal(self):
        run = bench("devices")
        self.assertEqual(run.returncode, 0, run.stderr)
        table = run.stdout.split("Problems:")[0]
        self.assertLessEqual(max(len(line) for line in table.splitlines()[2:]), 80)
        self.assertIn("host", table)

    def test_json(self):
        result, printed = bench_json("devices")
        self.assertIn("Measured", printed)
        self.assertEqual(result["devices"][-1]["kind"], "host")
        for key in ("pinnacle", "cpu", "cores", "system", "date"):
            self.assertTrue(result["environment"][key])
        for index, device in enumerate(result["devices"]):
            self.assertEqual(device["index"], index)
            if device["kind"] == "host":
                continue
            self.assertGreater(device["peak_gflops"], 0)
            self.assertGreater(device["bandwidth_gbs"], 0)
            self.assertGreater(device["launch_us"], 0)
            self.assertIn(device["family"], ("wide", "simt"))
            self.assertGreaterEqual(device["loop_limit"], 0)

    def test_json_alone_goes_to_stdout(self):
        run = bench("devices", "--json")
        self.assertEqual(run.returncode, 0)
        self.assertIn("devices", json.loads(run.stdout))

    def test_without_any_driver(self):
        with tempfile.TemporaryDirectory() as empty:
            run = bench("devices", environment={"OCL_ICD_VENDORS": empty,
                                                "OPENCL_VENDOR_PATH": empty})
        self.assertEqual(run.returncode, 1)
        self.assertIn("host", run.stdout)
        self.assertIn("Problems:", run.stdout)


class Measurements(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not opencl_devices():
            raise unittest.SkipTest("there is no OpenCL device")

    def test_one_op(self):
        result, printed = bench_json("ops", "--op", "matmul", *SMALL)
        self.assertIn("matmul", printed)
        row, = result["rows"]
        self.assertEqual((row["op"], row["case"]), ("matmul", "128x10x128"))
        self.assertEqual(row["shape"], "[128, 128] x [128, 10]")
        self.assertEqual(row["device"], result["device"]["name"])
        self.assertTrue(row["variant"])
        for key in ("ms", "gflops", "gbs", "peak_fraction"):
            self.assertGreater(row[key], 0, key)
        self.assertLess(row["max_error"], row["tolerance"])

    def test_every_variant(self):
        result, _ = bench_json("ops", "--op", "matmul", "--all-variants", *SMALL)
        variants = [row["variant"] for row in result["rows"]]
        self.assertGreater(len(variants), 2)
        self.assertEqual(len(variants), len(set(variants)))
        self.assertTrue(any(row["ms"] for row in result["rows"]))
        for row in result["rows"]:
            self.assertTrue(row["ms"] is not None or row["problem"])

    def test_forced_variant(self):
        result, _ = bench_json("ops", "--op", "matmul", "--variant", "direct", *SMALL)
        self.assertEqual(result["rows"][0]["variant"], "direct")

    def test_table_of_ops_fits_the_terminal(self):
        run = bench("ops", *SMALL)
        self.assertEqual(run.returncode, 0, run.stderr)
        rows = run.stdout.split("roofs:")[1]
        self.assertLessEqual(max(len(line) for line in rows.splitlines()), 80)

    def test_the_host_can_be_measured(self):
        result, _ = bench_json("ops", "--device", "host", *SMALL)
        self.assertEqual(result["rows"][0]["variant"], "reference")
        self.assertIsNone(result["rows"][0]["peak_fraction"])

    def test_a_set(self):
        result, printed = bench_json("ops", "--set", "lenet,gemm_nets", "--batch", "2",
                                     "--pass", "all", "--filter", "5x5", "--seconds", "0.01")
        self.assertIn("lenet backward_filter, batch 2", printed)
        self.assertEqual([(row["pass"], row["op"]) for row in result["rows"]],
                         [("forward", "conv2d")] * 2 + [("backward_data", "conv2d_backward_data")] +
                         [("backward_filter", "conv2d_backward_filter")] * 2)
        for row in result["rows"]:
            self.assertEqual((row["set"], row["batch"], row["count"]), ("lenet", 2, 1))
            self.assertTrue(row["variant"])
            for key in ("ms", "gflops", "peak_gflops", "peak_fraction"):
                self.assertGreater(row[key], 0, key)
            self.assertEqual(row["peers"], {})
        self.assertEqual(result["summary"], {})
        rows = printed.split("forward", 1)[1]
        self.assertLessEqual(max(len(line) for line in rows.splitlines()), 80)

    def test_forced_variant_of_a_set(self):
        result, _ = bench_json("ops", "--set", "gemm_nets", "--variant", "direct", *SMALL)
        self.assertEqual([row["variant"] for row in result["rows"]], ["direct"])

    def test_overhead(self):
        result, printed = bench_json("ops", "--overhead", "--seconds", "0.05")
        self.assertRegex(printed, r"us/kernel")
        plans = {row["plan"]: row for row in result["rows"]}
        self.assertEqual(set(plans), {"LeNet training step", "MLP training step",
                                      "chain of small kernels"})
        self.assertEqual(plans["chain of small kernels"]["kernels_per_step"], 200)
        for row in plans.values():
            self.assertGreater(row["us_per_kernel"], 0)

    def test_nets(self):
        result, printed = bench_json("nets", "mlp", "--batch", "3", "--seconds", "0.05", "--profile")
        self.assertIn("samples/s", printed)
        self.assertGreater(result["peak_gflops"], 0)
        rows = {row["mode"]: row for row in result["rows"]}
        self.assertEqual(set(rows), {"inference", "training"})
        for row in rows.values():
            self.assertEqual((row["net"], row["batch"], row["parameters"]), ("mlp", 3, 118282))
            self.assertAlmostEqual(row["samples_per_second"] * row["ms"], 3e3, delta=1)
            self.assertAlmostEqual(row["gflops"] * row["ms"], 1e3 * row["gflop"], delta=1e-3)
            for key in ("ms", "ms_alone", "times_ideal", "first_seconds"):
                self.assertGreater(row[key], 0, key)
            self.assertEqual(row["peers"], [])
        self.assertAlmostEqual(rows["inference"]["gflop"], 3 * 2 * 118016e-9)
        # Both gradients of each layer but that of the first one's input.
        self.assertAlmostEqual(rows["training"]["gflop"], 3 * 2 * (3 * 118016 - 784 * 128) * 1e-9)
        for profile in result["profiles"]:
            self.assertIn("matmul", {step["op"] for step in profile["steps"]})
            self.assertGreater(sum(step["us"] for step in profile["steps"]), 0)

    def test_trace_of_a_net(self):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "trace.json"
            run = bench("nets", "mlp", "--mode", "training", "--batch", "3", "--seconds", "0.02",
                        "--trace", str(file))
            self.assertEqual(run.returncode, 0, run.stderr)
            events = json.loads(file.read_text())["traceEvents"]
        calls = [event for event in events if event["ph"] == "X"]
        self.assertIn("matmul", {event["args"]["op"] for event in calls})
        self.assertEqual(len([event for event in events if event["ph"] == "M"]), 2)

    def test_a_peer_runs_in_turns(self):
        with tempfile.TemporaryDirectory() as folder:
            tool = fake_python(folder, 118282)
            result, printed = bench_json("nets", "mlp", "--mode", "inference", "--peers",
                                         "--seconds", "0.05",
                                         environment={"PINNACLE_PEER_PYTHON": tool})
        row, = result["rows"]
        self.assertEqual([peer["peer"] for peer in row["peers"]], ["pytorch", "tensorflow"])
        for peer in row["peers"]:
            self.assertEqual((peer["version"], peer["way"]), ("0.0", "pretended"))
            self.assertAlmostEqual(peer["ms"], 2)
            self.assertAlmostEqual(peer["ratio"] * row["ms"], 2)
            self.assertAlmostEqual(peer["ratio_alone"] * row["ms_alone"], 2)
        self.assertIn("pretended", printed)

    def test_peers_that_cannot_be_had_are_skipped(self):
        with tempfile.TemporaryDirectory() as folder:
            for tool, reason in ((fake_python(folder, 5), "has 5 parameters, ours 118282"),
                                 (fake_python(folder, 118282, 3), "out of answers"),
                                 ("/bin/false", "has ended"), ("/no/python", "cannot be started"),
                                 ("/bin/echo", "said")):
                result, printed = bench_json("nets", "mlp", "--mode", "inference", "--peers",
                                             "--seconds", "0.01",
                                             environment={"PINNACLE_PEER_PYTHON": tool})
                self.assertIn("skipped: pytorch", printed)
                for peer in result["rows"][0]["peers"]:
                    self.assertIn(reason, peer["skipped"])

    def test_first_result(self):
        result, printed = bench_json("nets", "mlp", "--first-result")
        self.assertIn("cold", printed)
        rows = {row["caches"]: row for row in result["rows"]}
        self.assertEqual(set(rows), {"cold", "warm"})
        for row in rows.values():
            self.assertGreater(row["seconds"], sum(row["parts"].values()))


class Peers(unittest.TestCase):
    """Other libraries, on a device that runs on the processor as they do."""

    @classmethod
    def setUpClass(cls):
        cpus = [d for d in opencl_devices() if d["kind"] == "cpu"]
        if not cpus:
            raise unittest.SkipTest("there is no OpenCL device on the processor")
        cls.device = ["--device", str(max(cpus, key=lambda d: d["peak_gflops"])["index"])]
        cls.small = [*cls.device, "--batch", "1", "--seconds", "0.01"]
        run = bench("ops", "--set", "lenet", "--peers", "onednn", "--pass", "xyzzy")
        cls.built = "built without" not in run.stderr

    def need_peers(self):
        if not self.built:
            self.skipTest("pinnacle-bench is built without peers (oneDNN and OpenBLAS)")

    def test_without_the_libraries_the_error_names_the_packages(self):
        if self.built:
            self.skipTest("pinnacle-bench is built with peers")
        run = bench("ops", "--set", "lenet", "--peers")
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        for word in ("--peers", "libdnnl-dev", "libopenblas-pthread-dev"):
            self.assertIn(word, run.stderr)

    def test_unknown_peer(self):
        self.need_peers()
        run = bench("ops", "--set", "lenet", "--peers", "onednm", *self.device)
        self.assertEqual((run.returncode, run.stdout), (2, ""))
        self.assertIn("did you mean onednn?", run.stderr)

    def test_convolutions_in_all_passes(self):
        self.need_peers()
        result, printed = bench_json("ops", "--set", "lenet", "--peers", "--pass", "all",
                                     *self.small)
        self.assertEqual(len(result["rows"]), 5)
        for row in result["rows"]:
            self.assertEqual(set(row["peers"]), {"onednn"})
            self.assertLess(row["difference"], 1e-3)
            peer = row["peers"]["onednn"]
            self.assertAlmostEqual(peer["ratio"], peer["ms"] / row["ms"])
        self.assertRegex(printed, r"shape +ms +GFLOP/s +variant +peak +onednn\n")
        for name in ("forward", "backward_data", "backward_filter"):
            rows = [row for row in result["rows"] if row["pass"] == name]
            summary = result["summary"][f"lenet {name}"]
            self.assertEqual(summary, result["summary"][f"lenet {name}, batch 1"])
            self.assertEqual(summary["shapes"], len(rows))
            self.assertAlmostEqual(summary["min"],
                                   min(row["peers"]["onednn"]["ratio"] for row in rows))
            self.assertGreaterEqual(summary["geomean"], summary["min"] * 0.999999)

    def test_products(self):
        self.need_peers()
        for shape in ("128x10x128", "784x128x128 ta", "128x784x128 tb", "12 of 128x128x64 tb"):
            result, _ = bench_json("ops", "--set", "gemm_nets", "--peers", "onednn,openblas",
                                   "--filter", shape, *self.small)
            row, = result["rows"]
            self.assertEqual(set(row["peers"]), {"onednn", "openblas"})
            self.assertLess(row["difference"], 1e-3, shape)

    def test_what_comes_between(self):
        self.need_peers()
        result, _ = bench_json("ops", "--set", "rest", "--peers", *self.small)
        self.assertGreater(len(result["rows"]), 20)
        for row in result["rows"]:
            # The loss is the only one that oneDNN does not have.
            peers = set() if row["op"] == "softmax_cross_entropy" else {"onednn"}
            self.assertEqual(set(row["peers"]), peers, row["shape"])
            if peers:
                self.assertLess(row["difference"], 1e-3, row["shape"])


if __name__ == "__main__":
    if not PROGRAM.exists():
        sys.exit(f"{PROGRAM} is not built; set PINNACLE_BUILD to a build folder")
    unittest.main()
