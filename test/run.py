#!/usr/bin/env python3
"""Builds and runs every test suite, each under a time limit, and adds up what they report.

A suite that needs an OpenCL implementation which this machine lacks counts as skipped, by name.
A suite that ends without counts (a crash, a timeout) counts as one failure. The last line reads
"N passed, N failed, N skipped"; the exit code is 1 if anything failed.
"""
# SPDX-License-Identifier: Apache-2.0
import argparse
import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
SANITIZED = "host tests, sanitized"
ICD_FOLDER = pathlib.Path("/etc/OpenCL/vendors")
SHOWN_LINES = 120  # of a failed suite's output
running_groups = set()  # process groups, ended when the user interrupts


@dataclasses.dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclasses.dataclass
class Suite:
    name: str
    command: list
    environment: dict = dataclasses.field(default_factory=dict)
    limit: float = 300  # seconds
    alone: bool = False  # measures time, or uses all cores by itself
    missing: str = ""  # why it cannot run here
    findings: pathlib.Path = None  # a checker's log: every entry is a failure


DOCTEST = re.compile(
    r"\[doctest\] test cases:\s*(\d+)\s*\|\s*(\d+) passed\s*\|\s*(\d+) failed\s*\|\s*(\d+) skipped")
UNITTEST = re.compile(r"^Ran (\d+) tests? in .*?\n\n(OK|FAILED)(?: \((.*)\))?$", re.M)
PLAIN = re.compile(r"^(?:[\w-]+: )?(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
# What a test says of an absent device, by itself or as a message of doctest.
SKIPPED = re.compile(r"^(?:\S+: MESSAGE: )?(skipped: .+)$", re.M)


def read_counts(output):
    """The counts in a suite's output, or None if it has none."""
    counts = Counts()
    found = False
    # The last one: a test that runs the program again as its child may show the child's.
    for match in list(DOCTEST.finditer(output))[-1:]:
        found = True
        # What doctest calls skipped was not asked for: children and other parts of a suite.
        counts.add(Counts(int(match[2]), int(match[3])))
    for match in UNITTEST.finditer(output):
        found = True
        notes = dict(re.findall(r"(\w+)=(\d+)", match[3] or ""))
        failed = int(notes.get("failures", 0)) + int(notes.get("errors", 0))
        skipped = int(notes.get("skipped", 0))
        counts.add(Counts(int(match[1]) - failed - skipped, failed, skipped))
    if not found:
        for match in PLAIN.finditer(output):
            found = True
            counts.add(Counts(int(match[1]), int(match[2]), int(match[3] or 0)))
    return counts if found else None


def judge(suite, code, output, timed_out):
    """Counts of a finished suite and the reasons for what failed beyond its own counts."""
    counts = read_counts(output)
    reasons = []
    if timed_out:
        reasons.append(f"did not end within {suite.limit:.0f} s")
    elif counts is None and code == 0:
        counts = Counts(passed=1)  # a script that says it all by its exit code
    elif code < 0:
        reasons.append(f"was ended by {signal.Signals(-code).name}")
    elif code != 0 and (counts is None or counts.failed == 0):
        reasons.append(f"exited with {code}")
    elif counts.passed + counts.failed + counts.skipped == 0:
        reasons.append("ran no test")
    counts = counts or Counts()
    if suite.findings is not None and suite.findings.exists():
        findings = re.findall(r"^\S.*$", suite.findings.read_text(errors="replace"), re.M)
        if findings:
            reasons.append(f"the checker logged {len(findings)} findings, the first: {findings[0]}")
    counts.failed += len(reasons)
    counts.skipped += len(SKIPPED.findall(output))
    return counts, reasons


def execute(suite):
    """Runs one suite. Returns (counts, reasons, output, seconds)."""
    environment = {**os.environ, **suite.environment}
    if suite.findings is not None:
        suite.findings.unlink(missing_ok=True)
    start = time.monotonic()
    # Its own session, so that a timeout ends its children too.
    process = subprocess.Popen([str(word) for word in suite.command], cwd=ROOT, env=environment,
                               stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                               stderr=subprocess.STDOUT, start_new_session=True)
    running_groups.add(process.pid)
    timed_out = False
    try:
        raw, _ = process.communicate(timeout=suite.limit)
    except subprocess.TimeoutExpired:
        timed_out = True
        os.killpg(process.pid, signal.SIGKILL)
        raw, _ = process.communicate()
    running_groups.discard(process.pid)
    output = raw.decode(errors="replace")
    counts, reasons = judge(suite, process.returncode, output, timed_out)
    return counts, reasons, output, time.monotonic() - start


def report(suite, counts, reasons, output, seconds):
    print(f"{suite.name}: {counts} ({seconds:.1f} s)", flush=True)
    for line in SKIPPED.findall(output):
        print(f"  {line}")
    if counts.failed:
        lines = output.splitlines()
        if len(lines) > SHOWN_LINES:
            print(f"  ... {len(lines) - SHOWN_LINES} lines left out ...")
        for line in lines[-SHOWN_LINES:]:
            print(f"  | {line}")
        for reason in reasons:
            print(f"  {suite.name} {reason}", flush=True)
    if counts.failed and suite.findings is not None and suite.findings.exists():
        for line in suite.findings.read_text(errors="replace").splitlines()[:40]:
            print(f"  # {line}")


def run_all(suites, jobs):
    total = Counts()
    ready = []
    for suite in suites:
        if suite.missing:
            print(f"{suite.name}: skipped, {suite.missing}", flush=True)
            total.skipped += 1
        else:
            ready.append(suite)
    together = [suite for suite in ready if not suite.alone]
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        running = {pool.submit(execute, suite): suite for suite in together}
        for done in concurrent.futures.as_completed(running):
            report(running[done], *done.result())
            total.add(done.result()[0])
    for suite in ready:
        if suite.alone:
            result = execute(suite)
            report(suite, *result)
            total.add(result[0])
    return total


# ---- The suites ---------------------------------------------------------------------------------


def private_icd(build, name, contents):
    """A folder that shows the OpenCL loader one implementation only."""
    folder = build / "icd" / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.icd").write_text(contents)
    return str(folder)


def opencl(build, name, environment):
    """(environment, why it is missing) that restricts OpenCL to one installed implementation."""
    if name == "oclgrind":
        program = shutil.which("oclgrind")
        if program is None:
            return {}, "oclgrind is not installed"
        # As an ICD like the others, steered by the variables that Oclgrind's launcher would set.
        library = pathlib.Path(program).resolve().parent.parent / "lib/oclgrind/liboclgrind-rt-icd.so"
        if not library.exists():
            return {}, f"oclgrind has no {library.name}"
        contents = f"{library}\n"
    else:
        file = ICD_FOLDER / f"{name}.icd"
        if not file.exists():
            return {}, f"{name} is not installed (no {file})"
        contents = file.read_text()
    folder = private_icd(build, name, contents)
    # The first name is understood by ocl-icd, the second by the Khronos loader.
    return {"OCL_ICD_VENDORS": folder, "OPENCL_VENDOR_PATH": folder,
            **caches(build, name), **environment}, ""


def caches(build, name):
    """Caches of its own for each suite that runs beside others: Pinnacle's and PoCL's."""
    pocl = build / "cache" / f"{name}-pocl"
    pocl.mkdir(parents=True, exist_ok=True)
    return {"PINNACLE_CACHE": str(build / "cache" / name), "POCL_CACHE_DIR": str(pocl)}


# Rules of test/faults. All tests pass with them; it takes minutes.
SMALL_LIMITS = ("limit local_memory 16384;limit work_group 64;limit allocation 134217728;"
                "limit sub_devices 0;limit fp64 0")


def device_suites(build, program):
    suites = []
    small = {"PINNACLE_TEST_SMALL": "1"}
    environment, missing = opencl(build, "oclgrind", {
        "PINNACLE_DEVICE": "oclgrind", "OCLGRIND_DATA_RACES": "1",
        "OCLGRIND_LOG": str(build / "oclgrind.log"), **small})
    suites.append(Suite("device tests on Oclgrind", [program], environment, limit=900,
                        missing=missing, findings=build / "oclgrind.log"))
    environment, missing = opencl(build, "rusticl", {
        "PINNACLE_DEVICE": "rusticl", "RUSTICL_ENABLE": "llvmpipe", **small})
    suites.append(Suite("device tests on rusticl", [program], environment, limit=900,
                        missing=missing))
    # Most of the time goes into compiling kernels, on one core: the ops in two processes.
    environment, missing = opencl(build, "pocl", {"PINNACLE_DEVICE": "portable"})
    every_variant = "every variant of every op*"
    parts = [Suite(f"ops on PoCL, part {part}", [program, f"--test-case={every_variant}"],
                   {**environment, **caches(build, f"pocl-{part}"),
                    "PINNACLE_TEST_PART": f"{part}/2"}, limit=900, missing=missing)
             for part in (1, 2)]
    longest = Suite("device tests on PoCL", [program, f"--test-case-exclude={every_variant}"],
                    environment, limit=900, missing=missing)
    # A small GPU's limits, on the same driver: a share of the ops, and what is built of them.
    layer = build / "test" / "faults" / "libpinnacle_faults.so"
    suites.append(Suite(
        "device tests with small limits",
        [program, f"--test-case={every_variant},session*,trainer*,team*,split_batch_norm*"],
        {**environment, **caches(build, "small-limits"), **small, "PINNACLE_TEST_PART": "1/16",
         "OPENCL_LAYERS": str(layer), "PINNACLE_FAULTS": SMALL_LIMITS}, limit=900, missing=missing))
    return [longest, *parts, *suites]  # so that none of them is left to the end


def host_suites(build, asan_build):
    # No OpenCL at all: an empty folder of implementations.
    empty = build / "icd" / "none"
    empty.mkdir(parents=True, exist_ok=True)
    alone = {"OCL_ICD_VENDORS": str(empty), "OPENCL_VENDOR_PATH": str(empty),
             "PINNACLE_CACHE": str(build / "cache" / "host")}
    strict = {**alone, "PINNACLE_CACHE": str(build / "cache" / "sanitized"),
              "ASAN_OPTIONS": "detect_stack_use_after_return=1:strict_string_checks=1",
              "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
    return [Suite("host tests", [build / "test" / "host_tests"], alone, limit=300),
            Suite(SANITIZED, [asan_build / "test" / "host_tests"], strict, limit=600)]


def script_suites(build, asan_build):
    """test/cli/*_test.*: wrong input, samples, installation. They find the build in PINNACLE_BUILD,
    and what is to survive faults in PINNACLE_FAULTS_BUILD: with sanitizers, where that is built."""
    environment, _ = opencl(build, "pocl", {})
    drivers = ROOT / "test" / "faults" / "drivers.supp"
    sanitized_faults = {
        "PINNACLE_FAULTS_BUILD": str(asan_build),
        "LSAN_OPTIONS": f"suppressions={drivers}:print_suppressions=0"} if asan_build else {}
    suites = []
    for script in sorted((ROOT / "test" / "cli").glob("*_test.*")):
        if os.access(script, os.X_OK) and script.is_file():
            own = {**environment, **caches(build, script.stem), "PINNACLE_BUILD": str(build),
                   **sanitized_faults}
            suites.append(Suite(f"cli {script.stem}", [script], own, limit=900))
    return suites


def tool_suites():
    return [Suite(f"tools {script.stem}", [sys.executable, script], limit=300)
            for script in sorted((ROOT / "test" / "lint").glob("*_test.py"))]


def meson_suites(build):
    """Tests registered with Meson that are not run here under their own name."""
    listed = subprocess.run(["meson", "introspect", "--tests", str(build)], capture_output=True,
                            text=True, check=True)
    suites = []
    for test in json.loads(listed.stdout):
        if pathlib.Path(test["cmd"][0]).name in ("host_tests", "device_tests"):
            continue
        suites.append(Suite(f"meson {test['name']}", test["cmd"],
                            {**{k: str(v) for k, v in test.get("env", {}).items()},
                             "PINNACLE_CACHE": str(build / "cache" / "meson")},
                            limit=max(test.get("timeout") or 0, 30)))
    return suites


# ---- Builds -------------------------------------------------------------------------------------


def compile_into(folder, options, targets=()):
    command = [ROOT / "tools" / "build.sh", folder, *options]
    if targets:
        command += ["--", *targets]
    return Suite(f"build {folder.name}", command, limit=1800)


def build_all(build, asan_build, werror, with_sanitized):
    # Not those that GCC 12 derives from what its optimiser made of std::vector: it is often wrong.
    doubtful = ["free-nonheap-object", "maybe-uninitialized", "array-bounds", "stringop-overflow",
                "stringop-overread", "restrict"]
    warnings = ["-Dwerror=true", "-Dcpp_args=" + " ".join(f"-Wno-error={name}" for name in doubtful)
                ] if werror else []
    main = compile_into(build, ["-Doptimization=1", "-Ddebug=false", "-Dtests=true", *warnings])
    # Not all of -fsanitize=undefined: a check of every pointer for null and for its alignment, before
    # AddressSanitizer's, takes as long to compile as all the rest.
    undefined = ("-fsanitize=signed-integer-overflow,shift,integer-divide-by-zero,bounds,"
                 "float-cast-overflow,enum,bool,return,unreachable,vla-bound")
    sanitized = compile_into(asan_build, [
        "--buildtype=plain", "-Doptimization=0", "-Db_sanitize=address",
        "-Db_lundef=false", "-Dtests=true", "-Dsamples=false", "-Dbench=false",
        f"-Dcpp_args=-g1 -fno-sanitize-recover=all {undefined}", f"-Dcpp_link_args={undefined}"],
        ["test/host_tests", "test/faults/short_training", "test/faults/libpinnacle_faults.so"])
    total = Counts()
    for suite in (main, sanitized) if with_sanitized else (main,):
        print(f"{suite.name} ...", flush=True)
        counts, reasons, output, seconds = execute(suite)
        report(suite, counts, reasons, output, seconds)
        total.add(counts)
    return total


def main():
    parser = argparse.ArgumentParser(description="Builds and runs all tests of Pinnacle.")
    parser.add_argument("--only", metavar="TEXT", action="append", default=[],
                        help="only suites whose name contains TEXT (may be repeated)")
    parser.add_argument("--lints", action="store_true", help="run the lints as well")
    parser.add_argument("--werror", action="store_true", help="compiler warnings are errors")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="suites that run at the same time (default: the number of cores)")
    options = parser.parse_args()
    # Started in the background, it may ignore interrupts, and so would the programs under test.
    signal.signal(signal.SIGINT, signal.default_int_handler)

    build, asan_build = ROOT / "build-test", ROOT / "build-asan"
    start = time.monotonic()

    def chosen(name):
        return not options.only or any(text.lower() in name.lower() for text in options.only)

    total = build_all(build, asan_build, options.werror, chosen(SANITIZED))
    if total.failed == 0:
        suites = [*device_suites(build, build / "test" / "device_tests"),
                  *host_suites(build, asan_build), *tool_suites(), *meson_suites(build),
                  *script_suites(build, asan_build if chosen(SANITIZED) else None)]
        if options.lints:
            suites.append(Suite("lints", [sys.executable, ROOT / "tools" / "lint.py",
                                          "--build", build],
                                opencl(build, "pocl", {})[0], limit=900, alone=True))
        suites = [suite for suite in suites if chosen(suite.name)]
        if not suites:
            print(f"no suite is called {' or '.join(options.only)}")
            total.failed += 1
        total.add(run_all(suites, max(1, options.jobs)))
    print(f"all suites: {time.monotonic() - start:.0f} s")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        for group in list(running_groups):
            os.killpg(group, signal.SIGKILL)
        print("interrupted")
        os._exit(130)
