"""Lints that read lines: size, names that must not appear, headings, shell syntax, links."""
# SPDX-License-Identifier: Apache-2.0
import re
import shutil
import subprocess

from lints.tree import Skip

CODE = (".cpp", ".hpp", ".cl", ".clh", ".py", ".sh")
MOST_LINES = 600
MOST_GOLDEN_BYTES = 200 * 1000


def grep(tree, names, pattern, message):
    return [f"{name}:{number}: {message}: {line.strip()[:80]}"
            for name in names for number, line in tree.lines(name) if pattern.search(line)]


def file_size(tree):
    """No code file is longer than 600 lines."""
    problems = []
    for name in tree.files(*CODE):
        lines = sum(1 for _ in tree.lines(name))
        if lines > MOST_LINES:
            problems.append(f"{name}: {lines} lines; split it at {MOST_LINES}")
    return problems


def golden_size(tree):
    """Golden files take less than 200 KB in all."""
    total = sum((tree.root / name).stat().st_size for name in tree.files(below="test/golden/"))
    if total <= MOST_GOLDEN_BYTES:
        return []
    return [f"test/golden: {total} bytes; at most {MOST_GOLDEN_BYTES}: compute what can be computed"]


def vendor_names(tree):
    """Ops and kernels ask for capabilities, never for a vendor."""
    pattern = re.compile(r"\b(nvidia|geforce|radeon|adreno|amd|intel)\b", re.I)
    names = tree.files(*CODE, ".build", below="engine/ops/")
    names += [n for n in tree.files(*CODE, below="clkernels/") if "/tuned/" not in n]
    return grep(tree, names, pattern, "names a vendor")


def unfinished(tree):
    """Nothing is left as a note to do it later."""
    pattern = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X"]) + r")\b")
    return grep(tree, tree.files(*CODE, ".md", ".build", ".txt"), pattern, "left unfinished")


def machine_paths(tree):
    """No path of one machine: the project is read everywhere."""
    pattern = re.compile(r"(?<![\w.$}/~-])/(work|root|home/\w+|Users/\w+)/[\w.]")
    return grep(tree, tree.files(*CODE, ".md", ".build", ".txt", ".json"), pattern,
                "a path of one machine")


def ascii_only(tree):
    """Code and documents are ASCII."""
    problems = []
    for name in tree.files(*CODE, ".md", ".build", ".txt"):
        data = (tree.root / name).read_bytes()
        if b"\r" in data:
            problems.append(f"{name}: has carriage returns")
        for number, line in enumerate(data.split(b"\n"), 1):
            if any(byte > 126 for byte in line):
                problems.append(f"{name}:{number}: is not ASCII")
                break
    return problems


def heads(tree):
    """A code file opens with a comment that says what it is (or its header does), and names its
    licence; kernels, whose text is data of the library, leave the licence to it."""
    problems = []
    known = set(tree.files(".hpp"))
    for name in tree.files(*CODE):
        lines = tree.text(name).splitlines()
        if not any(line.strip() for line in lines):
            continue  # an empty __init__
        first = [line for line in lines[:3] if not line.startswith("#!")][:1]
        opening = "//" if name.endswith((".cpp", ".hpp", ".cl", ".clh")) else ('"""', "#")
        by_header = name.endswith(".cpp") and name[:-4] + ".hpp" in known
        says = first and first[0].startswith(opening) and "SPDX" not in first[0]
        if not says and not by_header:
            problems.append(f"{name}:1: says not what it is")
        licence = any("SPDX-License-Identifier: Apache-2.0" in line for line in lines[:40])
        if not licence and not name.endswith((".cl", ".clh")):
            problems.append(f"{name}: has no SPDX-License-Identifier line")
    return problems


def shell_syntax(tree):
    """Shell scripts parse, and shellcheck is content where it is installed."""
    problems = []
    for name in tree.files(".sh") + tree.files(below=".ci/"):
        if "bash" not in tree.text(name).split("\n", 1)[0]:
            continue
        parsed = subprocess.run(["bash", "-n", str(tree.root / name)], capture_output=True,
                                text=True)
        if parsed.returncode != 0:
            problems.append(f"{name}: {parsed.stderr.strip()}")
        elif shutil.which("shellcheck"):
            checked = subprocess.run(["shellcheck", "-f", "gcc", "-S", "warning",
                                      str(tree.root / name)], capture_output=True, text=True)
            problems += [line.replace(str(tree.root) + "/", "")
                         for line in checked.stdout.splitlines()]
    return problems


def anchors(text):
    """The headings of a document as GitHub links to them."""
    found = set()
    for line in text.splitlines():
        if match := re.match(r"#+ (.*)", line):
            words = re.sub(r"[^\w\- ]", "", match[1].lower().replace("`", ""))
            found.add(words.strip().replace(" ", "-"))
    return found


def links(tree):
    """Links between documents lead to files and headings that exist."""
    problems = []
    for name in tree.files(".md"):
        text = re.sub(r"^```.*?^```", lambda m: "\n" * m[0].count("\n"), tree.text(name),
                      flags=re.S | re.M)
        for number, line in enumerate(text.splitlines(), 1):
            for target in re.findall(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)", line):
                if re.match(r"[a-z]+:", target):
                    continue
                path, _, anchor = target.partition("#")
                file = (tree.root / name).parent / path if path else tree.root / name
                if not file.exists():
                    problems.append(f"{name}:{number}: there is no {path}")
                elif anchor and file.suffix == ".md" and anchor not in anchors(file.read_text()):
                    problems.append(f"{name}:{number}: {path or name} has no heading #{anchor}")
    return problems


def formatting(tree):
    """clang-format has nothing to change."""
    if not shutil.which("clang-format"):
        raise Skip("clang-format is not installed")
    names = tree.files(".cpp", ".hpp", ".cl", ".clh")
    if not names:
        return []
    run = subprocess.run(["clang-format", "--dry-run", "-Werror", *names], cwd=tree.root,
                         capture_output=True, text=True)
    if run.returncode == 0:
        return []
    at = re.findall(r"^(\S+?):(\d+):\d+: error", run.stderr, re.M)
    first = {}
    for name, number in at:
        first.setdefault(name, number)
    return [f"{name}:{number}: run clang-format -i" for name, number in first.items()] or [
        run.stderr.strip()[:500]]
