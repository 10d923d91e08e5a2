"""Lints about the shape of the code: layers, silence, docstrings, kernels that stand alone."""
# SPDX-License-Identifier: Apache-2.0
import ast
import concurrent.futures
import os
import re
import shutil
import subprocess

from lints.tree import Skip, strip_code

# Files that talk to people on purpose: a progress bar and the log that PINNACLE_LOG asks for.
MAY_PRINT = ("engine/train/progress_bar.cpp", "engine/runtime/log.cpp")
DOCUMENTED = ("functions.hpp", "layers.hpp", "data.hpp")


def silence(tree):
    """The library never prints, aborts or exits."""
    pattern = re.compile(r"\b(v?f?printf|puts|fputs|putchar|perror|fmt::print|std::print(?:ln)?)\s*\("
                         r"|\bstd::(cout|cerr|clog)\b"
                         r"|(?<![\w.>])(abort|_?exit|quick_exit|terminate)\s*\(")
    problems = []
    for name in tree.files(".cpp", ".hpp", below="engine/"):
        if name in MAY_PRINT:
            continue
        for number, line in enumerate(strip_code(tree.text(name)).splitlines(), 1):
            if match := pattern.search(line):
                problems.append(f"{name}:{number}: the library must not call {match[0].strip(' (')}")
    return problems


def opencl_only_in_runtime(tree):
    """Only engine/runtime includes an OpenCL, Boost or CLBlast header."""
    pattern = re.compile(r'^\s*#\s*include\s*[<"](CL/|OpenCL/|boost/|clblast)')
    return [f"{name}:{number}: only engine/runtime may include {line.split(None, 1)[1]}"
            for name in tree.files(".cpp", ".hpp", below="engine/")
            if not name.startswith("engine/runtime/")
            for number, line in tree.lines(name) if pattern.match(line)]


def read_layers(text):
    """engine/meson.build's tables as [(folder, [may include], [public headers])]."""
    rows = []
    for table in ("layers", "beside"):
        match = re.search(rf"^{table} = (\[.*?^\])", text, re.S | re.M)
        if match or table == "layers":
            rows += ast.literal_eval(re.sub(r"#[^\n]*", "", match[1]))
    return [tuple(row) for row in rows]


def layers(tree):
    """A folder includes only what its row in engine/meson.build allows."""
    table = read_layers(tree.text("engine/meson.build"))
    owner = {header: folder for folder, _, headers in table for header in headers}
    allowed = {folder: {folder, *may} for folder, may, _ in table}
    problems = []
    for number, (folder, may, _) in enumerate(table):
        below = {row[0] for row in table[:number]}
        problems += [f"engine/meson.build: {folder} may include {other}, which is not below it"
                     for other in may if other not in below]
    for name in tree.files(".cpp", ".hpp", below="engine/"):
        parts = name.split("/")
        folder = owner.get(parts[-1]) if parts[1] == "include" else parts[1]
        if folder not in allowed:
            problems.append(f"{name}: is in no layer of engine/meson.build")
            continue
        for line_number, line in tree.lines(name):
            match = re.match(r'\s*#\s*include\s*[<"]([\w/.]+)[>"]', line)
            if not match:
                continue
            first, _, rest = match[1].partition("/")
            target = owner.get(rest) if first == "pinnacle" else first if first in allowed else None
            if first == "pinnacle" and target is None:
                problems.append(f"{name}:{line_number}: {match[1]} is in no layer")
            elif target is not None and target not in allowed[folder]:
                problems.append(f"{name}:{line_number}: {folder} may not include {match[1]}")
    return problems


def docstring_groups(text):
    """(line, docstring, declarations) of each run of free functions below a docstring.

    Members are indented and so left out; a blank line ends a docstring's reach.
    """
    groups = []
    comment, start, code = [], 0, []
    for number, line in enumerate([*text.splitlines(), ""], 1):
        if line.startswith("///") or not line.strip():
            if comment and code:
                declared = " ".join(code)
                is_type = re.match(r"(struct|class|enum|using|template|inline|#|namespace)", declared)
                if not is_type and re.search(r"\b(operator\S+|\w+)\(.*\)\s*;", declared):
                    groups.append((start, "\n".join(comment), declared))
                comment, code = [], []
            if line.startswith("///"):
                start = start if comment else number
                comment.append(line[3:])
            else:
                comment = []
        elif comment:
            code.append(line.split("//")[0])
    return groups


def docstrings(tree):
    """Functions of the main public headers say which shapes they take and what they throw."""
    problems = []
    for header in DOCUMENTED:
        name = f"engine/include/pinnacle/{header}"
        if name not in tree.files():
            problems.append(f"{name}: is missing")
            continue
        for number, comment, declared in docstring_groups(tree.text(name)):
            keys = set(re.findall(r"^ +(shapes|returns|cost|units|throws|thread|source)\b", comment,
                                  re.M))
            # Without a tensor or a value in it there is no shape to tell.
            about_tensors = re.search(r"\b(Value|Layer|Tensor)\b", declared)
            if "throws" not in keys:
                problems.append(f"{name}:{number}: its docstring lacks throws")
            if about_tensors and not keys & {"shapes", "returns"}:
                problems.append(f"{name}:{number}: its docstring lacks shapes")
    return problems


def kernels(tree):
    """Every kernel compiles alone as OpenCL C 1.2, with the defaults of its parameters."""
    if not shutil.which("clang"):
        raise Skip("clang is not installed")

    def compile_one(name):
        run = subprocess.run(
            ["clang", "-x", "cl", "-cl-std=CL1.2", "-fsyntax-only", "-Wall", "-Werror",
             "-Xclang", "-finclude-default-header", "-I", "clkernels", name],
            cwd=tree.root, capture_output=True, text=True)
        return [] if run.returncode == 0 else [
            next((line for line in run.stderr.splitlines() if "error" in line), f"{name}: fails")]

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        return [problem for found in pool.map(compile_one, tree.files(".cl", below="clkernels/"))
                for problem in found]


def kernel_heads(tree):
    """A kernel's head tells its layout and launch, and each parameter that the file defaults."""
    problems = []
    for name in tree.files(".cl", below="clkernels/"):
        text = tree.text(name)
        head = "\n".join(line for line in text.split("\n#", 1)[0].splitlines()
                         if line.startswith("//"))
        for key in ("Layout", "Launch"):
            if not re.search(rf"^// {key}\b", head, re.M):
                problems.append(f"{name}:1: its head does not tell its {key.lower()}")
        defaults = re.findall(r"^#ifndef (\w+)\n(?:#if.*\n)?#define \1\b", text, re.M)
        problems += [f"{name}:1: its head does not tell what {parameter} is"
                     for parameter in defaults if not re.search(rf"\b{parameter}\b", head)]
    return problems


def kernel_names(tree):
    """A kernel file defines the kernel that is called like the file's stem."""
    problems = []
    for name in tree.files(".cl", below="clkernels/"):
        stem = name.rsplit("/", 1)[1][:-3]
        found = re.findall(r"\b(?:__)?kernel\b(?:\s+__attribute__\s*\(\(.*?\)\)\s*)?\s*void\s+"
                           r"(?:__attribute__\s*\(\(.*?\)\)\s*)?(\w+)\s*\(",
                           strip_code(tree.text(name)), re.S)
        if stem not in found:
            problems.append(f"{name}: has no kernel {stem}; it has {', '.join(found) or 'none'}")
    return problems
