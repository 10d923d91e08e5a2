#!/usr/bin/env python3
"""pinnacle-bench diff on files that the test writes: what is said, what is written, exit codes."""
# SPDX-License-Identifier: Apache-2.0
import copy
import json
import random
import statistics
import unittest

from support import BUILD, ProgramTest

BENCH = BUILD / "bench" / "pinnacle-bench"


def measurement(key, values, **more):
    ordered = sorted(values)
    return {"key": key, "device": 0, "group": "kernels", "subject": key, "quantity": "time",
            "unit": "us", "lower_is_better": True, "value": statistics.median(values),
            "low": ordered[1], "high": ordered[-2], "samples": values, **more}


def comparison(seed, slower=None):
    """30 kernels and 30 layers of a net, which run in turns as winograd4, wide and simt."""
    noise = random.Random(seed)
    measurements = []
    for group in ("kernels", "layers"):
        for i in range(30):
            kernel = ("winograd4", "wide", "simt")[i % 3]
            mean = (100 + i) * (1.4 if kernel == slower else 1)
            values = [mean * noise.uniform(0.99, 1.01) for _ in range(7)]
            measurements.append(measurement(f"{group}/{i:02}", values, group=group, kernel=kernel))
    return {"format": "pinnacle comparison 1", "suite": "quick", "complete": True,
            "environment": {"pinnacle": "1", "build": "gcc", "cpu": "a", "cores": 2, "system": "b",
                            "date": "2030-01-01T00:00:00Z"},
            "devices": [{"index": 0, "name": "one", "platform": "P", "driver": "1", "kind": "cpu"}],
            "measurements": measurements}


class Diff(ProgramTest):
    def write(self, name, contents):
        (self.folder / name).write_text(json.dumps(contents))
        return name

    def diff(self, before, after, *flags, code=0):
        self.write("a.json", before)
        self.write("b.json", after)
        done = self.run_program(BENCH, "diff", "a.json", "b.json", *flags)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        self.assertEqual(done.stderr, "")
        return done.stdout

    def test_no_change(self):
        text = self.diff(comparison(1), comparison(2))
        self.assertIn("no change beyond 3.0 % and the noise\n", text)
        self.assertIn("0 slower, 0 faster, 60 unchanged, 0 new problems", text)
        self.assertNotIn("kernels/", text)
        self.assertIn("Unchanged:", self.diff(comparison(1), comparison(2), "--all"))

    def test_one_kernel_is_slower(self):
        text = self.diff(comparison(1), comparison(2, slower="winograd4"), code=1)
        self.assertIn("in common: winograd4 ran in 20 of the 20 entries with a kernel that are slower,"
                      " and in 0 of the 40 others", text)
        self.assertIn("20 slower, 0 faster, 40 unchanged", text)
        for entry in ("kernels/03", "layers/27"):
            self.assertIn(entry, text)
        self.assertNotIn("layers/28", text)

    def test_the_other_way_is_faster(self):
        text = self.diff(comparison(1, slower="wide"), comparison(2))
        self.assertIn("Faster, or better:", text)
        self.assertIn("0 slower, 20 faster, 40 unchanged", text)

    def test_json(self):
        self.diff(comparison(1), comparison(2, slower="simt"), "--json", "out.json", code=1)
        result = json.loads((self.folder / "out.json").read_text())
        self.assertEqual(result["format"], "pinnacle difference 1")
        self.assertEqual(result["counts"]["slower"], 20)
        self.assertEqual(len(result["changes"]), 20)
        sizes = [change["ratio"] for change in result["changes"]]
        self.assertEqual(sizes, sorted(sizes, reverse=True))
        for change in result["changes"]:
            self.assertEqual((change["verdict"], change["kernel"]), ("slower", "simt"))
            self.assertTrue(1.03 < change["low"] <= change["ratio"] <= change["high"], change)
        self.assertEqual([kernel["name"] for kernel in result["shared_kernels"]], ["simt"])
        # To stdout, instead of the table.
        printed = json.loads(self.diff(comparison(1), comparison(2), "--json", "--all"))
        self.assertEqual(len(printed["changes"]), 60)

    def test_threshold(self):
        slower = comparison(2, slower="simt")
        self.assertIn("no change beyond 50 %",
                      self.diff(comparison(1), slower, "--threshold", 50))
        self.explains("--threshold", BENCH, "diff", "a.json", "b.json", "--threshold", -1)

    def test_problems(self):
        before = comparison(1)
        after = copy.deepcopy(before)
        broken = after["measurements"][7]
        for name in ("value", "low", "high", "samples"):
            del broken[name]
        broken["problem"] = "out of resources"
        self.assertIn("kernels/07 time: out of resources", self.diff(before, after))
        broken["failed"] = True
        self.assertIn("1 new problems", self.diff(before, after, code=1))
        self.assertIn("1 solved", self.diff(after, before))

    def test_devices(self):
        before = comparison(1)
        after = comparison(2)
        after["devices"][0]["name"] = "another"
        self.assertIn("each file has one alone: one (P) in A, another (P) in B",
                      self.diff(before, after))
        after["devices"].append({**after["devices"][0], "name": "third"})
        self.write("b.json", after)
        self.explains("no device in common", BENCH, "diff", "a.json", "b.json")

    def test_wrong_input(self):
        self.write("a.json", comparison(1))
        self.explains("takes two files", BENCH, "diff", "a.json")
        self.explains("takes two files", BENCH, "diff", "a.json", "a.json", "a.json")
        self.explains("nothing.json", BENCH, "diff", "a.json", "nothing.json")
        (self.folder / "text.json").write_text("text")
        self.explains("text.json: is no JSON", BENCH, "diff", "text.json", "a.json")


if __name__ == "__main__":
    unittest.main()
