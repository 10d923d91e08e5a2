"""What the peers of pinnacle-bench share: the command line, the choice of the fastest way, the loop.

Answers go to the real stdout, one JSON object a line; whatever a framework prints goes to stderr.
"""
# SPDX-License-Identifier: Apache-2.0
import collections
import gc
import importlib
import json
import os
import sys
import time

SAMPLES = dict.fromkeys(("softmax", "mlp", "lenet"), (1, 28, 28))
SAMPLES.update(dict.fromkeys(("mobilenet_v2", "resnet18", "resnet50", "vgg16"), (3, 224, 224)))
CLASSES = {net: 10 if sample[0] == 1 else 1000 for net, sample in SAMPLES.items()}
LEARNING_RATE = 0.01
MOMENTUM = 0.9

ROUNDS = 9       # of the choice
CHOICE = 0.1     # seconds for each way and round, about
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


def best_times(runs):
    """name -> seconds of a step; runs: name -> function of a number of steps. In turns, and the best
    round of each: on a busy machine it says more than the median of so few."""
    counts = {}
    for name, run in runs.items():
        run(3)  # some compile in their first steps
        counts[name] = max(1, min(1000, int(CHOICE / max(run(1), 1e-7))))
    times = {name: [] for name in runs}
    for _ in range(ROUNDS):
        for name, run in runs.items():
            times[name].append(run(counts[name]) / counts[name])
    return {name: min(seconds) for name, seconds in times.items()}


def fastest(steps, threads, set_threads):
    """(name, run) of the fastest way; then whether one thread alone is faster still: small nets
    lose more by waking threads than they gain, above all where the machine does other work."""
    def with_threads(step, count):
        def run(n):
            if set_threads:
                set_threads(count)
            return timed(step, n)
        return run

    runs = {way: with_threads(step, threads) for way, step in steps.items()}
    times = best_times(runs)
    way = min(times, key=times.get)
    if set_threads and threads > 1:
        alone = f"{way}, 1 thread"
        runs = {way: runs[way], alone: with_threads(steps[way], 1)}
        times = best_times(runs)
        way = min(times, key=times.get)
    return way, runs[way]


def serve(prepare, version, set_threads=None):
    """prepare(Work) -> {way: step}, trained parameters; answers until the input ends."""
    net, mode, batch, threads = sys.argv[1:5]
    work = Work(net, mode, int(batch), int(threads))
    try:
        steps, parameters = prepare(work)
        way, run = fastest(steps, work.threads, set_threads)
    except Exception as error:  # said to the parent, which says it to the user
        answer(error=f"{type(error).__name__}: {error}")
        return
    del steps
    gc.collect()
    gc.disable()
    answer(version=version, way=way, parameters=parameters)
    for line in sys.stdin:
        seconds = run(json.loads(line)["run"])
        time.sleep(SETTLE)
        answer(seconds=seconds)
