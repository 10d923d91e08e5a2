#!/usr/bin/env python3
"""Makes the include folder of one layer: links to the folders and public headers it may use.

A file of that layer is compiled with this folder as its only project include path, so naming a
higher layer does not compile.

usage: layer_view.py VIEW ENGINE FOLDER,FOLDER,... HEADER,HEADER,...
"""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import sys


def main():
    view, engine = map(pathlib.Path, sys.argv[1:3])
    folders, headers = (argument.split(",") for argument in sys.argv[3:5])
    if view.exists():
        shutil.rmtree(view)
    (view / "pinnacle").mkdir(parents=True)
    for folder in folders:
        (view / folder).symlink_to(engine / folder)
    for header in headers:
        (view / "pinnacle" / header).symlink_to(engine / "include" / "pinnacle" / header)


main()
