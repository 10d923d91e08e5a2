#!/usr/bin/env python3
"""Makes a seed corpus for onnx_fuzz: the small models of ONNX's backend tests.

usage: make_corpus.py OUT [DATA]      DATA: tar files or folders with CASE/model.onnx; else $PINNACLE_DATA
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys
import tarfile

LARGEST = 4096  # bytes: small inputs are mutated well and quickly


def models(data):
    """Yields (name, bytes) of every small model below the folder, tar files included."""
    for path in sorted(data.rglob("model.onnx")):
        if path.stat().st_size <= LARGEST:
            yield path.parent.name, path.read_bytes()
    for path in sorted(data.rglob("*.tar*")):
        with tarfile.open(path) as archive:
            for member in archive:
                if member.name.endswith("/model.onnx") and member.isfile() and member.size <= LARGEST:
                    yield pathlib.PurePath(member.name).parent.name, archive.extractfile(member).read()


def main():
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__.strip())
    data = sys.argv[2] if len(sys.argv) == 3 else os.environ.get("PINNACLE_DATA")
    if not data or not pathlib.Path(data).is_dir():
        sys.exit("make_corpus: there is no folder DATA, nor does PINNACLE_DATA name one")
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    count = 0
    for name, contents in models(pathlib.Path(data)):
        (out / f"{name}.onnx").write_bytes(contents)
        count += 1
    if count == 0:
        sys.exit(f"make_corpus: no model of at most {LARGEST} bytes below {data}")
    print(f"{count} models in {out}")


if __name__ == "__main__":
    main()
