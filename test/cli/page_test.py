#!/usr/bin/env python3
"""pinnacle-bench page as a user meets it: the page of a small comparison, opened in a headless Chromium
on a wide and a narrow screen, light and dark. Its plots and tables hold the file's numbers, marks are
as long as their numbers say, nothing overflows, and what a file's texts hold is never run.

PINNACLE_BUILD names the build folder. Without a Chromium only what needs none is tested.
"""
# SPDX-License-Identifier: Apache-2.0
import html
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ.get("PINNACLE_BUILD", "build"))
PROGRAM = (BUILD / "bench" / "pinnacle-bench").resolve()
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
BROWSER = next((path for path in map(shutil.which, BROWSERS) if path), None)
BATCHES = (1, 2, 4, 8, 16, 32)
HOSTILE = "<script>document.title='run'</script>\"'&"

# What the browser is asked about the page; the answer stands in an element of its own.
PROBE = """<script>
const marks = [...document.querySelectorAll('svg [data-value]')].map(e => {
  const box = e.getBoundingClientRect(), plot = e.ownerSVGElement.getBoundingClientRect();
  return {plot: e.ownerSVGElement.id, kind: e.getAttribute('class'), key: e.dataset.key,
          device: e.dataset.device, value: +e.dataset.value, x: +e.dataset.x,
          sweet: e.dataset.sweet === '1', left: box.left - plot.left, width: box.width,
          middle: [box.left + box.width / 2 - plot.left, box.top + box.height / 2 - plot.top],
          inside: box.left >= plot.left - 1 && box.right <= plot.right + 1 &&
                  box.top >= plot.top - 1 && box.bottom <= plot.bottom + 1};
});
const rgb = (e, name) => getComputedStyle(e)[name];
const plots = [...document.querySelectorAll('svg')].map(e => ({
  id: e.id, role: e.getAttribute('role'), title: e.querySelector('title').textContent,
  table: e.getAttribute('aria-describedby').split(' ').every(
    id => document.querySelector('details table#' + id)),
  outside: [...e.querySelectorAll('text')].filter(t => {
    const box = t.getBBox(), view = e.viewBox.baseVal;
    return box.x < -1 || box.x + box.width > view.width + 1 || box.y + box.height > view.height + 1;
  }).map(t => t.textContent)}));
document.querySelectorAll('details').forEach(e => e.open = true);
const cells = [...document.querySelectorAll('td[data-key]')].map(e => ({
  key: e.dataset.key, device: e.dataset.device, value: +e.dataset.value, text: e.innerText,
  table: e.closest('table').id}));
const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
const probe = document.createElement('pre');
probe.id = 'probe';
probe.textContent = JSON.stringify({
  width: document.documentElement.clientWidth, scroll: document.documentElement.scrollWidth,
  title: document.title, background: rgb(document.body, 'backgroundColor'),
  card: rgb(document.querySelector('section'), 'backgroundColor'),
  colours: ['.verdict', '.meta', 'a', 'figcaption', 'small', '.tag.d0', '.tag.d1', 'svg text.axis'].map(
    s => [s, rgb(document.querySelector(s), s.startsWith('svg') ? 'fill' : 'color')]),
  wide: [...document.querySelectorAll('main *')].filter(e => !e.closest('.scroll') && !e.closest('svg') &&
    e.getBoundingClientRect().right > innerWidth + 1).map(e => e.outerHTML.slice(0, 80)),
  repeated: ids.filter((id, i) => ids.indexOf(id) !== i),
  plots: plots, marks: marks, cells: cells,
  sections: [...document.querySelectorAll('section')].map(e => e.id)});
document.body.append(probe);
</script>"""


def measurement(key, device, group, quantity, unit, value, lower=False, **more):
    subject = more.pop("subject", key.split("/")[1])
    width = more.pop("width", 0.02)
    return {"key": key, "device": device, "group": group, "subject": subject, "quantity": quantity,
            "unit": unit, "lower_is_better": lower, "value": value, "low": value * (1 - width),
            "high": value * (1 + width),
            "samples": [value * (1 + width * part / 3) for part in (-3, -2, -1, 0, 1, 2, 3)], **more}


def without_value(key, device, group, quantity, unit, problem, **more):
    return {"key": key, "device": device, "group": group, "subject": key.split("/")[1],
            "quantity": quantity, "unit": unit, "lower_is_better": False, "problem": problem, **more}


def example(count=2, name="Example Graphics 9000 with a long name"):
    """Every group: the first device computes faster, the second starts kernels sooner."""
    devices = [(name, "gpu", 4000, 320, 9), ("Example Processor", "cpu", 410, 38, 2)]
    devices += [(f"{name} {i}", "gpu", 700 * i, 300 - 31 * i, 3 * i) for i in range(2, count)]
    out = []
    for d, (_, _, peak, copy, launch) in enumerate(devices):
        def add(*words, d=d, **more):
            out.append(measurement(words[0], d, *words[1:], **more))
        add("peaks/FMA f32", "peaks", "rate", "GFLOP/s", peak)
        if d == 0:
            add("peaks/FMA f16", "peaks", "rate", "GFLOP/s", 2.1 * peak)
        else:
            out.append(without_value("peaks/FMA f16", d, "peaks", "rate", "GFLOP/s", "not supported"))
        add("peaks/copy on the device", "peaks", "rate", "GB/s", copy)
        add("peaks/launch", "peaks", "time", "us", launch, lower=True)
        for name, flop, byte in (("GEMM 32 x 32 x 32", 65536, 12288),
                                 ("GEMM 512 x 512 x 512", 2.68e8, 3.1e6),
                                 ("convolution 3 x 3, 64 channels", 2.3e8, 1.7e6),
                                 ("softmax 1024 x 1024", 5.2e6, 8.4e6)):
            roof = min(peak, copy * flop / byte)
            share = 0.08 if flop < 1e5 else 0.62 - 0.1 * d
            add(f"kernels/{name}", "kernels", "rate", "GFLOP/s", share * roof, flop=flop, bytes=byte,
                of_roof=share, roof="FMA" if roof == peak else "copy", kernel="tiled/gemm_tiled")
        for name, one in (("lenet", 0.09), ("resnet18", 4.1), ("mobilenet_v2", 2.2)):
            slow = 0.7 if name == "lenet" and d else 1 + 6.2 * d
            for batch in BATCHES if name == "resnet18" else (1, 32):
                time = one * slow * (batch / (1 if d else 1 + 2.5 * batch / (batch + 4)))
                key = f"networks/{name}/inference/batch {batch}"
                add(f"{key}/latency", "networks", "inference latency", "ms", time, lower=True,
                    batch=batch, subject=name)
                add(f"{key}/throughput", "networks", "inference throughput", "samples/s",
                    1000 * batch / time, batch=batch, subject=name)
            add(f"networks/{name}/training/batch 16/throughput", "networks", "training throughput",
                "samples/s", 130 / one / slow, batch=16, subject=name)
        for i in range(21):
            time = (400 * 0.83 ** i + 12) * (1 + 5 * d)
            add(f"layers/resnet18/{i:03} conv2d n{i}", "layers", "time", "us", time, lower=True,
                batch=1, subject="resnet18", of_roof=0.5 - 0.015 * i, roof="FMA" if i % 3 else "copy",
                kernel="winograd3/transform_input, gemm, transform_output")
        add("compile/resnet18/cold", "compile", "time to the first result, cold", "s", 6.5 - 2 * d,
            lower=True, subject="resnet18")
        add("memory/resnet18", "memory", "peak memory", "MiB", 96 + 3 * d, lower=True, width=0)
        add("accuracy/conv2d", "accuracy", "largest error", "relative", 3.2e-7 * (1 + d), lower=True)
    out.append(measurement("energy/resnet18", 0, "energy", "energy", "J/sample", 0.04, lower=True))
    out.append(without_value("energy/resnet18", 1, "energy", "energy", "J/sample",
                             f"no counter {HOSTILE}", failed=True))
    limits = {"compute_units": 12, "global_memory_bytes": 8 << 30, "local_memory_bytes": 65536,
              "vector_lanes": 4}
    return {"format": "pinnacle comparison 1", "suite": "standard", "complete": True,
            "environment": {"pinnacle": "0.1.0", "build": "gcc 12, optimised", "cpu": f"Example {HOSTILE}",
                            "cores": 8, "system": "Example OS", "date": "2030-01-01T00:00:00Z"},
            "devices": [{"index": i, "name": name, "platform": "Example OpenCL", "driver": "1.2.3",
                         "kind": kind, **limits} for i, (name, kind, *_) in enumerate(devices)],
            "measurements": out}


def page(*words):
    return subprocess.run([str(PROGRAM), "page", *map(str, words)], stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60, check=False)


def browse(file, folder, width, dark):
    """What the probe says of the page on a screen of that width. The file itself stays as it is."""
    text = file.read_text()
    # The page forbids scripts; the copy needs the one of this test.
    text, forbidden = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert forbidden == 1
    copy = folder / f"copy-{width}-{dark}.html"
    copy.write_text(text.replace("</body>", PROBE + "</body>"))
    done = subprocess.run(
        [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
         f"--user-data-dir={folder / 'profile'}", f"--window-size={width},900",
         f"--blink-settings=preferredColorScheme={0 if dark else 1}", "--dump-dom", copy.as_uri()],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    found = re.search(r'<pre id="probe">(.*?)</pre>', done.stdout, re.DOTALL)
    assert found, done.stderr[-2000:] + done.stdout[-500:]
    seen = json.loads(html.unescape(found[1]))
    if seen["width"] > width:  # windows of a whole Chromium have a least width
        raise unittest.SkipTest(f"{BROWSER} has no window of {width} pixels")
    return seen


def luminance(colour):
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    bright, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


class PageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="pinnacle-page-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)
        cls.comparison = example()
        cls.file = cls.folder / "run.json"
        cls.file.write_text(json.dumps(cls.comparison))
        done = page(cls.file)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.html = cls.folder / "run.html"
        cls.seen = {}

    def screen(self, width, dark):
        """Each combination is opened once."""
        if not BROWSER:
            self.skipTest("no Chromium: install chromium-headless-shell")
        if (width, dark) not in self.seen:
            self.seen[width, dark] = browse(self.html, self.folder, width, dark)
        return self.seen[width, dark]

    def values(self, group):
        return {(m["key"], str(m["device"])): m for m in self.comparison["measurements"]
                if m["group"] == group and "value" in m}

    def test_the_file_is_named_or_beside_the_comparison(self):
        before = self.html.read_bytes()
        other = self.folder / "other.html"
        done = page(self.file, "--html", other)
        self.assertEqual((done.returncode, done.stdout.strip()), (0, str(other)), done.stderr)
        self.assertEqual(other.read_bytes(), before)

    def test_what_is_wrong_with_the_files_is_said(self):
        empty = self.folder / "empty.json"
        empty.write_text("{}")
        for words, reason in (((), "file is missing"), ((self.folder / "none.json",), "none.json"),
                              ((empty,), "empty.json"),
                              ((self.file, "--html", self.file), "would overwrite"),
                              ((self.file, "--html", self.folder / "no" / "x.html"), "x.html")):
            done = page(*words)
            self.assertEqual(done.returncode, 2, done.stdout)
            self.assertRegex(done.stderr, f"pinnacle-bench: .*{reason}")
        self.assertEqual(json.loads(self.file.read_text()), self.comparison)

    def test_nothing_is_loaded_or_run(self):
        text = self.html.read_text()
        for load in ("http:", "https:", "src=", "@import", "url(", "<script", "<link"):
            self.assertNotIn(load, text)
        self.assertIn("&lt;script&gt;", text)
        self.assertNotEqual(self.screen(1280, False)["title"], "run")

    def test_nothing_overflows(self):
        for width in (1280, 400):
            for dark in (False, True):
                with self.subTest(width=width, dark=dark):
                    self.check_fits(self.screen(width, dark), width)

    def check_fits(self, seen, width):
        self.assertEqual(seen["width"], width)
        self.assertLessEqual(seen["scroll"], width)
        self.assertEqual(seen["wide"], [])
        self.assertEqual(seen["repeated"], [])
        for plot in seen["plots"]:
            self.assertEqual(plot["outside"], [], plot["id"])
        self.assertEqual([mark["key"] for mark in seen["marks"] if not mark["inside"]], [])

    def test_eight_devices_with_long_names_fit(self):
        many = example(8, "a device whose name has many words and averylongwordwithoutanyspace" * 2)
        file = self.folder / "many.json"
        file.write_text(json.dumps(many))
        self.assertEqual(page(file).returncode, 0)
        if not BROWSER:
            self.skipTest("no Chromium: install chromium-headless-shell")
        for width in (1280, 400):
            with self.subTest(width=width):
                self.check_fits(browse(file.with_suffix(".html"), self.folder, width, False), width)

    def test_light_and_dark_have_contrast(self):
        for width in (1280, 400):
            light, dark = self.screen(width, False), self.screen(width, True)
            self.assertGreater(luminance(light["background"]), 0.8)
            self.assertLess(luminance(dark["background"]), 0.05)
            for seen in (light, dark):
                for selector, colour in seen["colours"]:
                    self.assertGreaterEqual(contrast(colour, seen["card"]), 4.5, selector)

    def test_each_plot_has_a_title_and_a_table(self):
        seen = self.screen(1280, False)
        self.assertGreaterEqual(len(seen["plots"]), 9)
        for plot in seen["plots"]:
            self.assertEqual((plot["role"], plot["table"]), ("img", True), plot["id"])
            self.assertTrue(plot["title"])
        self.assertEqual(seen["sections"],
                         ["headline", "devices", "roofline", "networks", "sweep", "layers", "compile",
                          "memory", "accuracy", "energy", "problems", "environment"])

    def test_tables_hold_the_numbers(self):
        cells = {}
        for cell in self.screen(400, True)["cells"]:
            cells.setdefault((cell["key"], cell["device"]), []).append(cell)
        wanted = {key: m for group in ("peaks", "kernels", "networks", "layers", "compile", "memory",
                                       "accuracy", "energy") for key, m in self.values(group).items()}
        self.assertEqual(set(cells), set(wanted))
        for key, m in wanted.items():
            for cell in cells[key]:
                self.assertEqual(cell["value"], m["value"], key)
                shown = float(cell["text"].split()[0])
                self.assertLess(abs(shown - m["value"]), 0.006 * m["value"], cell)

    def test_marks_lie_where_their_numbers_are(self):
        for width in (1280, 400):
            with self.subTest(width=width):
                marks = self.screen(width, False)["marks"]
                self.check_roofline([m for m in marks if m["plot"] == "roofline-plot"])
                bars = [m for m in marks if m["kind"].startswith("bar")]
                self.check_bars([m for m in bars if m["plot"].startswith("layers")])
                for network in ("lenet", "mobilenet_v2"):  # one block of one plot
                    self.check_bars([m for m in bars if m["key"] ==
                                     f"networks/{network}/inference/batch 1/latency"], count=2)

    def check_roofline(self, points):
        wanted = self.values("kernels")
        self.assertEqual({(p["key"], p["device"]) for p in points}, set(wanted))
        for p in points:
            m = wanted[p["key"], p["device"]]
            self.assertEqual(p["value"], m["value"])
            self.assertAlmostEqual(p["x"], m["flop"] / m["bytes"], delta=1e-9 * p["x"])
        for axis, name in ((0, "x"), (1, "value")):  # more is right of and above less
            order = sorted(points, key=lambda p, name=name: p[name])
            places = [p["middle"][axis] for p in order]
            self.assertEqual(places, sorted(places, reverse=axis == 1))

    def check_bars(self, bars, count=26):
        self.assertEqual(len(bars), count)
        for plot in {bar["plot"] for bar in bars}:
            group = [bar for bar in bars if bar["plot"] == plot]
            scales = [bar["width"] / bar["value"] for bar in group]
            self.assertLess(max(scales) / min(scales), 1.05, plot)

    def test_layers_are_sorted_and_the_rest_is_their_sum(self):
        marks = self.screen(1280, True)["marks"]
        steps = self.values("layers")
        for device in ("0", "1"):
            times = sorted((m["value"] for (_, d), m in steps.items() if d == device), reverse=True)
            plot = next(m["plot"] for m in marks if m["kind"].startswith("bar") and
                        m["plot"].startswith("layers") and m["device"] == device)
            bars = [m for m in marks if m["plot"] == plot]
            self.assertEqual([bar["value"] for bar in bars[:12]], times[:12])
            self.assertEqual(bars[12]["key"], "rest")
            self.assertAlmostEqual(bars[12]["value"], sum(times[12:]), delta=1e-6)

    def test_the_sweet_spot_is_marked(self):
        marks = [m for m in self.screen(1280, False)["marks"] if m["plot"].startswith("sweep") and
                 "/resnet18/" in m["key"]]
        self.assertEqual(sorted({m["x"] for m in marks}), list(BATCHES))
        for device in ("0", "1"):
            line = sorted((m for m in marks if m["device"] == device), key=lambda m: m["x"])
            best = max(m["value"] for m in line)
            first = next(m["x"] for m in line if m["value"] >= 0.95 * best)
            self.assertEqual([m["x"] for m in line if m["sweet"]], [first])
            places = [m["middle"][0] for m in line]
            steps = [right - left for left, right in zip(places, places[1:])]
            self.assertLess(max(steps) - min(steps), 1, "the axis of batches is logarithmic")


if __name__ == "__main__":
    unittest.main()
