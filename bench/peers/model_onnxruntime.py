#!/usr/bin/env python3
"""An ONNX model in ONNX Runtime, as a child of pinnacle-bench:
model_onnxruntime.py MODEL FOLDER THREADS.

FOLDER has inputs.json, a list of name, dtype, shape and file of each input; the outputs of a run are
written there as output_N.bin. Then each line {"run": N} is answered with the seconds that N runs took.
"""
# SPDX-License-Identifier: Apache-2.0
import gc
import json
import pathlib
import sys
import time

import peer

np = peer.need("numpy")
ort = peer.need("onnxruntime")

TYPES = {"f32": "float32", "f16": "float16", "i64": "int64", "i32": "int32", "i8": "int8",
         "u8": "uint8", "bool": "bool"}
NAMES = {name: ours for ours, name in TYPES.items()}


def session(model, threads):
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def read_inputs(folder):
    inputs = {}
    for port in json.loads((folder / "inputs.json").read_text()):
        data = np.fromfile(folder / port["file"], dtype=TYPES[port["dtype"]])
        inputs[port["name"]] = data.reshape(port["shape"])
    return inputs


def write_outputs(folder, results):
    ports = []
    for i, result in enumerate(results):
        array = np.asarray(result)
        if str(array.dtype) not in NAMES:
            raise TypeError(f"output {i} is {array.dtype}")
        np.ascontiguousarray(array).tofile(folder / f"output_{i}.bin")
        ports.append({"dtype": NAMES[str(array.dtype)], "shape": list(array.shape),
                      "file": f"output_{i}.bin"})
    return ports


def main():
    model, folder, threads = sys.argv[1], pathlib.Path(sys.argv[2]), int(sys.argv[3])
    try:
        inputs = read_inputs(folder)
        ways = {f"{threads} threads" if threads > 1 else "1 thread": threads}
        if threads > 1:
            ways["1 thread"] = 1  # small models lose more by waking threads than they gain
        sessions = {way: session(model, count) for way, count in ways.items()}
        known = {port.name for port in next(iter(sessions.values())).get_inputs()}
        inputs = {name: data for name, data in inputs.items() if name in known}
        ports = write_outputs(folder, next(iter(sessions.values())).run(None, inputs))

        def step_of(one):
            return lambda: one.run(None, inputs)
        times = peer.best_times({way: (lambda n, step=step_of(one): peer.timed(step, n))
                                 for way, one in sessions.items()})
        way = min(times, key=times.get)
        step = step_of(sessions[way])
        del sessions
    except Exception as error:  # said to the parent, which says it to the user
        peer.answer(error=f"{type(error).__name__}: {str(error).splitlines()[0][:300]}")
        return
    gc.collect()
    gc.disable()
    peer.answer(version=ort.__version__, way=way, outputs=ports)
    for line in sys.stdin:
        seconds = peer.timed(step, json.loads(line)["run"])
        time.sleep(peer.SETTLE)
        peer.answer(seconds=seconds)


if __name__ == "__main__":
    main()
