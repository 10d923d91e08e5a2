"""The code in README.md and docs/: what readers copy must work.

A block fenced as `cpp` with a main() is compiled against the built library and run. One without is
compiled as the body of a function, or at namespace scope. A block after `<!-- quoted from FILE -->`
must stand in that file; a line of three dots leaves lines out.
"""
# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from lints.tree import Skip

BLOCK = re.compile(r"(?:^<!-- quoted from (?P<file>\S+) -->\n)?^```(?P<language>[\w+]*)\n(?P<code>.*?)^```",
                   re.S | re.M)
HEADER = '#include <pinnacle/pinnacle.hpp>\n#include <pinnacle/op.hpp>\nnamespace pn = pinnacle;\n'
RUN_SECONDS = 120


def blocks(tree):
    """(name, line, quoted file or None, code) of each C++ block and each quotation."""
    found = []
    for name in [n for n in tree.files(".md") if n == "README.md" or n.startswith("docs/")]:
        text = tree.text(name)
        for match in BLOCK.finditer(text):
            if match["language"] == "cpp" or match["file"]:
                line = text.count("\n", 0, match.start("code")) + 1
                found.append((name, line, match["file"], match["code"]))
    return found


def squeeze(text):
    return re.sub(r"\s+", "", text)


def is_quoted(code, source):
    """Whether the parts of `code` between lines of dots stand in `source`, in that order. Space and
    line breaks do not count, so that formatting the source keeps a quotation true."""
    at = 0
    rest = squeeze(source)
    for part in re.split(r"^[ /#]*\.\.\.\s*$", code, flags=re.M):
        at = rest.find(squeeze(part), at)
        if at < 0:
            return False
        at += len(squeeze(part))
    return True


def compiler(tree, folder):
    """The command that compiles and links against tree's build."""
    libraries = list((tree.build / "engine").glob("libpinnacle.so")) + list(
        (tree.build / "engine").glob("libpinnacle.a"))
    if not libraries:
        raise Skip(f"{tree.build.name} holds no libpinnacle")
    ccache = ["ccache"] if shutil.which("ccache") else []
    base = [*ccache, "c++", "-std=c++20", "-Wall", "-I", str(tree.root / "engine/include")]
    link = [str(libraries[0]), f"-Wl,-rpath,{libraries[0].parent}", "-lfmt"]
    return base, link


def first_error(output):
    pattern = re.compile(r"\berror:|undefined reference")
    return next((line.strip() for line in output.splitlines() if pattern.search(line)), output[-300:])


def check_program(command, code, folder):
    """Compiles, links and runs a whole program in an empty folder. Returns a problem or None."""
    base, link = command
    source = folder / "program.cpp"
    source.write_text(code)
    built = subprocess.run([*base, str(source), "-o", str(folder / "program"), *link],
                           capture_output=True, text=True)
    if built.returncode != 0:
        return "does not build: " + first_error(built.stderr)
    # Little work on data that needs no download.
    environment = {**os.environ, "PINNACLE_OFFLINE": "1"}
    try:
        ran = subprocess.run([str(folder / "program")], cwd=folder, capture_output=True, text=True,
                             env=environment, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return f"runs longer than {RUN_SECONDS} s"
    if ran.returncode != 0:
        return f"exits with {ran.returncode}: {(ran.stderr or ran.stdout).strip()[-300:]}"
    return None


def check_fragment(command, code, folder):
    """Compiles a fragment at namespace scope or as a function's body. Returns a problem or None."""
    base, _ = command
    includes = "".join(re.findall(r"^#include.*\n", code, re.M))
    rest = re.sub(r"^#include.*\n", "", code, flags=re.M)
    errors = []
    for text in (HEADER + includes + rest, f"{HEADER}{includes}void fragment() {{\n{rest}}}\n"):
        source = folder / "fragment.cpp"
        source.write_text(text)
        built = subprocess.run([*base, "-Wno-unused", "-fsyntax-only", str(source)],
                               capture_output=True, text=True)
        if built.returncode == 0:
            return None
        errors.append(first_error(built.stderr))
    return "does not compile: " + errors[-1]


def documents(tree):
    """The code in README.md and docs/ compiles, programs run, and quotations are true."""
    problems = []
    compiled = []
    for name, line, file, code in blocks(tree):
        if file is None:
            compiled.append((name, line, code))
        elif file not in tree.files():
            problems.append(f"{name}:{line}: quotes {file}, which does not exist")
        elif not is_quoted(code, tree.text(file)):
            problems.append(f"{name}:{line}: is not what {file} says")
    if compiled and tree.build is None:
        if problems:
            return problems
        raise Skip("it needs --build FOLDER")
    for name, line, code in compiled:
        with tempfile.TemporaryDirectory() as folder:
            command = compiler(tree, folder)
            check = check_program if re.search(r"\bint main\(", code) else check_fragment
            problem = check(command, code, pathlib.Path(folder))
        if problem:
            problems.append(f"{name}:{line}: {problem}")
    return problems
