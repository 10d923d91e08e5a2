#!/usr/bin/env python3
"""pinnacle-bench tune as a user meets it: choices that plans then use, faults that are rejected, files
that are damaged, and an interruption that loses one shape at most.

No test looks at how long something took or at which sound candidate won.
"""
# SPDX-License-Identifier: Apache-2.0
import json
import os
import re
import shutil
import signal
import subprocess
import time
import unittest

from support import BUILD, ICD_FOLDER, ROOT, ProgramTest

PROGRAM = BUILD / "bench" / "pinnacle-bench"
DEVICE = "portable"
# Two shapes of a small product: weights as given, and weights packed once.
SMALL = ("--ops", "--op", "matmul", "--filter", "128x10x128", "--seconds", 0.002)

# Faults as a wrong kernel would have them, each guarded by one value of a parameter, and what is said
# of them.
FAULTS = (
    ("  if (get_group_id(0) == 0) c[0] += 1.0f;\n", "its result is off by"),
    ("  for (volatile int i = 0; i < 2; i = 0) {}\n", "did not finish within 10 s"),
    ("  *(volatile __global float*)0 = 1.0f;\n", "crashed"),
    ("#error no such tile\n", "its kernels do not build"),
)


@unittest.skipUnless((ICD_FOLDER / "pocl.icd").exists(), "PoCL is not installed")
class Tune(ProgramTest):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "cache"
        # Kernels without the choices that ship with them, so that a plan's are the test's own.
        self.kernels = self.folder / "clkernels"
        shutil.copytree(ROOT / "clkernels", self.kernels, ignore=shutil.ignore_patterns("tuned"))
        # What was measured of the device before saves seconds; tuned choices are each test's own.
        known = BUILD / "cache" / "tune_test" / "devices"
        if known.exists():
            shutil.copytree(known, self.cache / "devices")
        else:
            self.bench("devices", "--devices", DEVICE)
            shutil.copytree(self.cache / "devices", known)

    def environment(self, **more):
        return {"PINNACLE_CACHE": self.cache, "PINNACLE_OFFLINE": "1",
                "PINNACLE_KERNEL_DIR": self.kernels, **more}

    def bench(self, *words, fails=False, **more):
        run = self.explains if fails else self.succeeds
        arguments = (fails, PROGRAM) if fails else (PROGRAM,)
        return run(*arguments, *words, limit=300, **self.environment(**more))

    def tune(self, *words, **more):
        return self.bench("tune", "--device", DEVICE, *words, **more)

    def file(self):
        files = list((self.cache / "tuned").glob("*"))
        self.assertEqual(len(files), 1, files)
        return files[0]

    def entries(self):
        return json.loads(self.file().read_text())["entries"]

    def why(self, **more):
        """What the plan of a plain small product says, from the log of choices."""
        done = self.bench("ops", "--device", DEVICE, "--op", "matmul", "--filter", "128x10x128",
                          "--seconds", 0.002, PINNACLE_LOG="3", **more)
        self.assertNotIn("WRONG", done.stdout)
        self.assertNotIn("unchecked", done.stdout)
        return done.stderr

    def test_tunes_and_the_plan_says_so(self):
        self.assertNotIn("why: tuned", self.why())
        done = self.tune(*SMALL)
        self.assertIn("2 shapes, 0 of them known", done.stdout)
        self.assertNotIn("rejected", done.stdout)
        self.assertEqual(len(self.entries()), 2)
        for key, entry in self.entries().items():
            self.assertRegex(key, r"^matmul f32\[128, 128\] f32\[128, 10\] -> f32\[128, 10\]")
            self.assertRegex(entry["setting"], r"^variant=\w+( [A-Z_]+=\d+)*$")
            self.assertTrue(entry["kernels"])
        self.assertIn("why: tuned", self.why())
        # What is known is not measured again.
        before = self.file().read_bytes()
        done = self.tune(*SMALL)
        self.assertIn("2 shapes, 2 of them known", done.stdout)
        self.assertEqual(self.file().read_bytes(), before)

    def test_export_and_import(self):
        self.tune(*SMALL, "--export", "choices.json")
        exported = json.loads((self.folder / "choices.json").read_text())
        self.assertEqual(exported["entries"], self.entries())
        shutil.rmtree(self.cache / "tuned")
        self.tune("--import", "choices.json")
        self.assertEqual(json.loads(self.file().read_text()), exported)
        self.assertIn("why: tuned", self.why())
        # Of two results for a shape the faster one stays.
        slower = json.loads(json.dumps(exported))
        for entry in slower["entries"].values():
            entry.update({"us": 1e6, "setting": "variant=direct"})
        (self.folder / "slower.json").write_text(json.dumps(slower))
        done = self.tune("--import", "slower.json")
        self.assertIn("0 of 2 choices taken over", done.stdout)
        self.assertEqual(json.loads(self.file().read_text()), exported)
        # Another device's choices are refused, and say whose they are.
        foreign = json.loads(json.dumps(exported))
        foreign["device"].update({"id": "0123456789abcdef", "name": "somebody else's"})
        (self.folder / "foreign.json").write_text(json.dumps(foreign))
        self.tune("--import", "foreign.json", fails="measured on somebody else's")
        self.tune("--import", "nowhere.json", fails="nowhere.json: cannot be read")
        (self.folder / "noise.json").write_bytes(bytes(range(256)))
        self.tune("--import", "noise.json", fails="noise.json: is damaged")

    def test_choices_that_ship(self):
        self.tune(*SMALL, "--export", "choices.json")
        shutil.rmtree(self.cache / "tuned")
        self.assertNotIn("why: tuned", self.why())
        choices = json.loads((self.folder / "choices.json").read_text())
        choices["device"].update({"name": "another", "driver": "0", "id": "0123456789abcdef"})
        shipped = self.kernels / "tuned" / "some.json"
        shipped.parent.mkdir()
        shipped.write_text(json.dumps(choices))
        self.assertIn("why: tuned", self.why())
        # What the user measured goes before it.
        own = json.loads((self.folder / "choices.json").read_text())
        for entry in own["entries"].values():
            entry["setting"] = "variant=direct"
        (self.folder / "own.json").write_text(json.dumps(own))
        self.tune("--import", "own.json")
        self.assertIn("matmul [direct]", self.why())
        shutil.rmtree(self.cache / "tuned")
        shipped.write_text(shipped.read_text()[:99])
        log = self.why()
        self.assertRegex(log, "tuned choices are ignored: .*some.json: is damaged")
        self.assertNotIn("why: tuned", log)
        for change in ({"family": "simt"}, {"lanes": 3}, {"compute units": 100000}):
            with self.subTest(change):
                choices["device"] = {**own["device"], **change}
                shipped.write_text(json.dumps(choices))
                self.assertNotIn("why: tuned", self.why())

    def test_damaged_files_are_ignored_with_a_warning(self):
        self.tune(*SMALL)
        path = self.file()
        whole = path.read_text()
        sound = json.loads(whole)
        key = next(iter(sound["entries"]))

        def changed(change):
            copy = json.loads(whole)
            change(copy)
            return json.dumps(copy)

        damaged = {
            "truncated": whole[:len(whole) // 2],
            "empty": "",
            "noise": "\x01\x02{",
            "a list": "[1, 2]",
            "deep": "[" * 200000,
            "another format": changed(lambda f: f.update({"format": "something else"})),
            "no entries": changed(lambda f: f.pop("entries")),
            "a nonsense setting": changed(
                lambda f: f["entries"][key].update({"setting": "as fast as you can"})),
            "a negative time": changed(lambda f: f["entries"][key].update({"us": -1})),
            "a kernel outside": changed(
                lambda f: f["entries"][key].update({"kernels": ["../../etc/passwd"]})),
            "a misspelt field": changed(lambda f: f["entries"][key].update({"seting": "x"})),
            "another device": changed(lambda f: f["device"].update({"id": "0123456789abcdef"})),
            "other kernels": changed(
                lambda f: [e.update({"kernel hash": "0" * 16}) for e in f["entries"].values()]),
        }
        for what, text in damaged.items():
            with self.subTest(what):
                path.write_text(text)
                log = self.why()
                self.assertIn(path.name, log)
                self.assertIn("ignored", log)
                self.assertNotIn("why: tuned", log)
                done = self.bench("devices", "--devices", DEVICE)
                self.assertIn(path.stem, re.sub(r"\s", "", done.stdout + done.stderr))
        # A sound file with a setting that the kernels do not have: that entry alone is ignored.
        path.write_text(changed(
            lambda f: [e.update({"setting": "variant=wide MR=3"}) for e in f["entries"].values()]))
        self.assertIn("tuned entry ignored: MR of wide cannot be 3", self.why())
        # Tuning begins such a file anew.
        path.write_text(damaged["truncated"])
        done = self.tune(*SMALL)
        self.assertIn("ignored", done.stderr)
        self.assertIn("2 shapes, 0 of them known", done.stdout)
        self.assertEqual(len(self.entries()), 2)

    def test_faulty_candidates_are_rejected(self):
        wide = self.kernels / "matmul" / "wide.cl"
        text = wide.read_text()
        end = text.rindex("}")
        # What the heuristic takes must work.
        taken = re.search(r"matmul/wide.cl {.*?MR=(\d+)", self.why())[1]
        values = [value for value in (4, 6, 8, 10, 12) if value != int(taken)][:4]
        wide.write_text(text[:end] + "".join(
            f"#if MR == {value}\n{fault}#endif\n" for value, (fault, _) in zip(values, FAULTS))
            + text[end:])
        done = self.tune(*SMALL, "--time-limit", 10)
        reasons = {value: reason for value, (_, reason) in zip(values, FAULTS)}
        shapes = re.split(r"^\d/\d ", done.stdout, flags=re.M)[1:]
        self.assertEqual(len(shapes), 2, done.stdout)
        for shape in shapes:
            rejected = re.findall(r"^  rejected (.*?): (.*)$", shape, re.M)
            found = set()
            for setting, reason in rejected:
                # Nothing but the planted ones, each for what it did.
                value = int(re.search(r"MR=(\d+)", setting)[1])
                self.assertIn(reasons[value], reason)
                found.add(value)
            self.assertEqual(found, set(values), shape)
        for entry in self.entries().values():
            self.assertNotRegex(entry["setting"], rf"\bMR=({'|'.join(map(str, values))})\b")
        self.assertIn("why: tuned", self.why())
        # A choice that this compiler rejects, as one from elsewhere may be: the heuristic stands in.
        file = json.loads(self.file().read_text())
        for entry in file["entries"].values():
            entry["setting"] = f"variant=wide MR={values[3]}"
        self.file().write_text(json.dumps(file))
        log = self.why()
        self.assertIn("compiling again without tuned choices", log)

    def test_an_interruption_keeps_what_was_finished(self):
        words = ("tune", "--device", DEVICE, "--ops", "--op", "matmul", "--filter", "f32[128, ",
                 "--seconds", "0.02")
        environment = {**os.environ, **{k: str(v) for k, v in self.environment().items()}}
        process = subprocess.Popen([PROGRAM, *words], env=environment, cwd=self.folder,
                                   stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, start_new_session=True)
        done = 0
        said = ""
        for line in process.stdout:
            said += line
            done += "is the fastest of" in line
            if done == 2:
                break
        self.assertEqual(done, 2, said)
        time.sleep(0.05)
        os.killpg(process.pid, signal.SIGINT)
        said += process.stdout.read()
        self.assertEqual(process.wait(30), -signal.SIGINT, said)
        process.stdout.close()
        kept = self.entries()
        self.assertGreaterEqual(len(kept), 2)
        self.assertEqual(list((self.cache / "tuned").glob("*.tmp.*")), [])
        again = self.bench(*words[:-1], 0.002)
        known = int(re.search(r"(\d+) shapes, (\d+) of them known", again.stdout)[2])
        self.assertEqual(known, len(kept))
        for key, entry in kept.items():
            self.assertEqual(self.entries()[key], entry)

    def test_help(self):
        done = self.bench("--help")
        self.assertRegex(done.stdout, r"(?m)^ +tune ")
        self.assertNotIn("tune-worker", done.stdout)
        done = self.bench("tune", "--help")
        for option in ("--ops", "--model", "--batch", "--device", "--op", "--filter", "--again",
                       "--seconds", "--time-limit", "--budget", "--import", "--export"):
            self.assertIn(option, done.stdout)

    def test_a_model(self):
        words = ("--model", "mlp", "--batch", 8, "--seconds", 0.002, "--filter",
                 "f32[8, 128] f32[128, 10]")
        done = self.tune(*words, "--again")
        # The last layer: weights that training changes, and weights that inference keeps.
        for key in ("matmul f32[8, 128] f32[128, 10] f32[10] -> f32[8, 10]",
                    "matmul f32[8, 128] f32[128, 10] f32[10] -> f32[8, 10] fixed=1,2"):
            self.assertIn(key, self.entries())
        self.assertNotIn("rejected", done.stdout)
        # An op whose inputs belong together: the largest values of a pooling's input.
        done = self.tune("--model", "lenet", "--batch", 2, "--seconds", 0.002, "--op",
                         "max_pool2d_backward")
        self.assertNotIn("not tuned", done.stdout)

    def test_wrong_input(self):
        self.tune(fails="give --ops, --model, --import or --export")
        self.tune("--model", "lennet", fails="lennet")
        self.tune("--ops", "--op", "matmull", fails="did you mean matmul")
        self.tune("--ops", "--filter", "no such shape", fails="no shape has")
        self.tune("--ops", "--time-limit", "soon", fails="no number of seconds")
        self.tune("--ops", "--budget", -1, fails="no number of seconds")
        self.tune("--model", "mlp", "--batch", 0, fails="--batch")
        self.bench("tune", "--ops", "--device", "host", fails="host device has no kernels")


if __name__ == "__main__":
    unittest.main()
