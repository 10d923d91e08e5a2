#!/usr/bin/env python3
"""OpenCL calls that fail or hang while a net is trained (test/faults): a run goes on or says what failed,
whichever call it is. It never ends by a signal, never hangs, never loses more than a step."""
# SPDX-License-Identifier: Apache-2.0
import collections
import concurrent.futures
import os
import pathlib
import re
import shutil
import unittest

from support import BUILD, CACHE, ICD_FOLDER, ROOT, ProgramTest, icd_folder

FAULTS_BUILD = pathlib.Path(os.environ.get("PINNACLE_FAULTS_BUILD", BUILD)).resolve()
LAYER = FAULTS_BUILD / "test" / "faults" / "libpinnacle_faults.so"
PROGRAM = FAULTS_BUILD / "test" / "faults" / "short_training"
LAST = re.compile(r"loss (\d+\.\d+), without (\d+) devices\s*\Z")


@unittest.skipUnless((ICD_FOLDER / "pocl.icd").exists(), "PoCL is not installed")
@unittest.skipUnless(LAYER.exists(), "the layer is not built")
class Faults(ProgramTest):
    undisturbed = {}

    def setUp(self):
        super().setUp()
        self.icds = icd_folder(self.folder, "pocl",
                               {"pocl.icd": (ICD_FOLDER / "pocl.icd").read_text()})

    def train(self, rules, name, *flags, **environment):
        """A finished run, whatever its end: by a signal or after 60 s it is no end."""
        return self.run_program(PROGRAM, f"{name}.safetensors", *flags, limit=60,
                                OPENCL_LAYERS=LAYER, PINNACLE_FAULTS=rules,
                                PINNACLE_DEVICE="portable", OCL_ICD_VENDORS=self.icds,
                                OPENCL_VENDOR_PATH=self.icds, PINNACLE_CACHE=CACHE, **environment)

    def loss(self, done):
        match = LAST.search(done.stdout)
        self.assertIsNotNone(match, done.stdout + done.stderr)
        return float(match[1]), int(match[2])

    def expected(self, *flags):
        if flags not in self.undisturbed:
            self.undisturbed[flags] = self.loss(self.train("", "undisturbed", *flags))[0]
        return self.undisturbed[flags]

    def uses(self, *flags):
        self.train("", "warm", *flags)  # builds the kernels that the cache then has
        self.train("count uses.txt", "counted", *flags)
        return self.counted("uses.txt")

    def counted(self, name):
        lines = (self.folder / name).read_text().split("\n")
        return collections.Counter(
            {call: int(count) for call, count in (line.split() for line in lines if line)})

    def releases_all(self, uses, failed):
        """Buffers and kernels; a device's context and programs live as long as the process."""
        uses[failed] -= 1
        made = uses["clCreateBuffer"] + uses["clCreateSubBuffer"] + uses["clRetainMemObject"]
        self.assertEqual(uses["clReleaseMemObject"], made, failed)
        self.assertEqual(uses["clReleaseKernel"], uses["clCreateKernel"], failed)

    def judge(self, rule, *flags):
        name = re.sub(r"\W", "_", rule)
        done = self.train(f"{rule};count {name}.txt", name, *flags)
        call = rule.split()[1]
        if not call.startswith(("clRelease", "clRetain")):
            self.releases_all(self.counted(f"{name}.txt"), call)
        self.assertIn(done.returncode, (0, 1), done.stdout + done.stderr)
        if done.returncode == 0:
            self.assertAlmostEqual(self.loss(done)[0], self.expected(*flags), delta=1e-3, msg=rule)
        else:
            self.assertRegex(done.stderr, r"short_training: .{20}")
        return done.returncode

    def each_in_turn(self, *flags, uses=lambda count: {1, (count + 1) // 2}):
        self.assertGreater(self.expected(*flags), 0)
        rules = []
        for call, count in self.uses(*flags).items():
            rules += [f"fail {call} {use}" for use in sorted(uses(count))]
        self.assertGreater(len(rules), 20)
        self.each(rules, *flags)

    def each(self, rules, *flags):
        self.expected(*flags)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            codes = list(pool.map(lambda rule: self.judge(rule, *flags), rules))
        print(f"{len(rules)} faults: {codes.count(0)} runs went on, {codes.count(1)} said why not")

    def test_each_call_of_one_device(self):
        self.each_in_turn()

    def test_each_call_of_two_parts(self):
        # First uses are as on one device.
        self.each_in_turn("parts", uses=lambda count: {(count + 1) // 2})

    def test_a_part_is_lost_while_its_kernels_are_made(self):
        # Steps of the last, smaller batch are made after those of the others have run.
        made = self.uses("parts")["clCreateKernel"]
        self.each(["fail clCreateKernel %d" % (made * eighth // 8) for eighth in range(1, 8)],
                  "parts")

    def test_one_of_two_dies_in_the_middle(self):
        done = self.train("fail clEnqueueNDRangeKernel 60+ on part 1", "dying", "parts")
        loss, lost = self.loss(done)
        self.assertEqual(lost, 1)
        self.assertAlmostEqual(loss, self.expected("parts"), delta=1e-3)
        self.assertRegex(done.stdout, r"without .* after \d+ steps: .*CL_OUT_OF_RESOURCES")

    def test_one_of_two_hangs(self):
        done = self.train("hang clEnqueueNDRangeKernel 60 on part 0", "hanging", "parts", 3)
        loss, lost = self.loss(done)
        self.assertEqual(lost, 1)
        self.assertAlmostEqual(loss, self.expected("parts"), delta=1e-3)
        self.assertIn("took longer for a step than 3 s", done.stdout)

    def test_both_die(self):
        done = self.train("fail clEnqueueNDRangeKernel 60+", "both", "parts")
        self.assertEqual(done.returncode, 1)
        self.assertIn("CL_OUT_OF_RESOURCES", done.stderr)

    def test_smaller_limits_are_seen(self):
        done = self.succeeds(BUILD / "bench" / "pinnacle-bench", "devices", "--devices", "portable",
                             "--json", OPENCL_LAYERS=BUILD / "test" / "faults" / LAYER.name,
                             PINNACLE_FAULTS="limit sub_devices 0",
                             OCL_ICD_VENDORS=self.icds, OPENCL_VENDOR_PATH=self.icds,
                             PINNACLE_CACHE=CACHE)
        self.assertIn("portable", done.stdout.lower())
        self.explains("cannot be split", PROGRAM, "x.safetensors", "parts", OPENCL_LAYERS=LAYER,
                      PINNACLE_FAULTS="limit sub_devices 0", PINNACLE_DEVICE="portable",
                      OCL_ICD_VENDORS=self.icds, OPENCL_VENDOR_PATH=self.icds, PINNACLE_CACHE=CACHE)

    def test_without_fp64_no_kernel_uses_it(self):
        kernels = self.folder / "clkernels"
        shutil.copytree(ROOT / "clkernels", kernels)
        softmax = kernels / "softmax_cross_entropy" / "wide.cl"
        softmax.write_text("double twice(double x) { return 2 * x; }\n" + softmax.read_text())
        done = self.train("limit fp64 0", "without", PINNACLE_KERNEL_DIR=kernels)
        self.loss(self.train("", "with", PINNACLE_KERNEL_DIR=kernels))
        self.assertEqual(done.returncode, 1)
        self.assertIn("this_device_knows_no_double", done.stderr)

    def test_rules_that_make_no_sense(self):
        for rule in ("fail clNoSuchCall 1", "fail clFinish", "fail clFinish 0", "explode",
                     "limit nothing 3", "fail clFinish 1 on"):
            with self.subTest(rule):
                done = self.train(rule, "wrong")
                self.assertEqual(done.returncode, 2)
                self.assertIn("PINNACLE_FAULTS", done.stderr)


if __name__ == "__main__":
    unittest.main()
