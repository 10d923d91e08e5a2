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
  table: !!document.querySelector('details table#' + e.getAttribute('aria-describedby')),
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
  colours: ['p.verdict', '.meta', 'a', 'figcaption', 'small', '.tag.d0', '.tag.d1', 'svg text.axis'].map(
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


def example():
    """Two devices, every group: the first computes faster, the second starts kernels sooner."""
    devices = [("Example Graphics 9000 with a long name", "gpu", 4000, 320, 9),
               ("Example Processor", "cpu", 410, 38, 2)]
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
    add("energy/resnet18", "energy", "energy", "J/sample", 0.04, lower=True, d=0)
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
