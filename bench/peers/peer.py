"""What the peers of pinnacle-bench share: the command line, the choice of the fastest way, the loop.

Answers go to the real stdout, one JSON object a line; whatever a framework prints goes to stderr.
"""
# SPDX-License-Identifier: Apache-2.0
import collections
import gc
import importlib
import json
import os
import statistics
import sys
import time

SAMPLES = dict.fromkeys(("softmax", "mlp", "lenet"), (1, 28, 28))
SAMPLES.update(dict.fromkeys(("mobilenet_v2", "resnet18", "resnet50", "vgg16"), (3, 224, 224)))
CLASSES = {net: 10 if sample[0] == 1 else 1000 for net, sample in SAMPLES.items()}
LEARNING_RATE = 0.01
MOMENTUM = 0.9

ROUNDS = 5       # of the choice
CHOICE = 0.3     # seconds for each way and round, at most
SETTLE = 0.02    # seconds in which worker threads that spin fall asleep

Work = collections.namedtuple("Work", "net mode batch threads")

_answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)


def answer(**fields):
    print(json.dumps(fields), file=_answers, flush=True)


def need(module):
    """The module, or the end of the process with the reason."""
    try:
        return importlib.import_module(module)
    except Exception as error:  # whatever a framework does not like about this machine
        answer(error=f"cannot import {module}: {error}")
        sys.exit(0)


def timed(step, count):
    start = time.perf_counter()
    for _ in range(count):
        step()
    return time.perf_counter() - start


def fastest(steps):
    """The name of the fastest way: medians, in turns."""
    counts = {}
    for way, step in steps.items():
        timed(step, 3)  # some compile in their first runs
        counts[way] = max(1, min(1000, int(CHOICE / max(timed(step, 1), 1e-7))))
    times = {way: [] for way in steps}
    for _ in range(ROUNDS):
        for way, step in steps.items():
            times[way].append(timed(step, counts[way]) / counts[way])
    return min(steps, key=lambda way: statistics.median(times[way]))


def serve(prepare, version):
    """prepare(Work) -> {way: step}, trained parameters; answers until the input ends."""
    net, mode, batch, threads = sys.argv[1:5]
    try:
        steps, parameters = prepare(Work(net, mode, int(batch), int(threads)))
        way = fastest(steps)
    except Exception as error:  # said to the parent, which says it to the user
        answer(error=f"{type(error).__name__}: {error}")
        return
    step = steps[way]
    del steps
    gc.collect()
    gc.disable()
    answer(version=version, way=way, parameters=parameters)
    for line in sys.stdin:
        seconds = timed(step, json.loads(line)["run"])
        time.sleep(SETTLE)
        answer(seconds=seconds)
