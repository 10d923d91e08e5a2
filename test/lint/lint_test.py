#!/usr/bin/env python3
"""Every lint of tools/lint.py, on a small clean tree and with a violation planted in it: a check
that cannot fail is none."""
# SPDX-License-Identifier: Apache-2.0
import pathlib
import shutil
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tools"))

import lint  # noqa: E402
from lints import code_rules, documents, text_rules, tree as trees  # noqa: E402

SPDX = "SPDX-License-Identifier: Apache-2.0"
HEAD = f"// What it is.\n// {SPDX}\n"
LAYERS = """# The layers.
layers = [
  # folder   may include   headers
  ['base',    [],          ['tensor.hpp']],
  ['ops',     ['base'],    []],
  ['runtime', ['base'],    ['device.hpp']],
]
"""
FUNCTIONS = HEAD + """#pragma once

namespace pinnacle {

/// Sums.
/// shapes   any
/// throws   ShapeError
Value sum(Value x);

}  // namespace pinnacle
"""
KERNEL_HEAD = HEAD + "// Layout   x: [n].\n// Launch   global (n).\n"
KERNEL = KERNEL_HEAD + "__kernel void good(__global float* x) { x[get_global_id(0)] = 1; }\n"
CLEAN = {
    "engine/meson.build": LAYERS,
    "engine/base/tensor.cpp": HEAD + "#include <pinnacle/tensor.hpp>\n",
    "engine/ops/relu.cpp": HEAD + '#include <pinnacle/tensor.hpp>\n\n#include "base/text.hpp"\n',
    "engine/runtime/device.cpp": HEAD + "#include <CL/cl.h>\n",
    "engine/include/pinnacle/functions.hpp": FUNCTIONS,
    "engine/include/pinnacle/layers.hpp": FUNCTIONS,
    "engine/include/pinnacle/data.hpp": FUNCTIONS,
    "clkernels/good.cl": KERNEL,
    "test/golden/plans/net.txt": "plan\n",
    "tools/run.sh": f"#!/usr/bin/env bash\n# What it is.\n# {SPDX}\necho hello\n",
    "docs/page.md": "# A page\n\n[itself](#a-page) and [the tool](../tools/run.sh)\n",
}
# Public headers of the clean tree are in no layer; the real table has them all.
LAYERS_ALL = LAYERS.replace("['tensor.hpp']",
                            "['tensor.hpp', 'functions.hpp', 'layers.hpp', 'data.hpp']")


class LintTest(unittest.TestCase):
    def setUp(self):
        self.root = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, self.root)
        for name, text in CLEAN.items():
            self.write(name, text)
        self.write("engine/meson.build", LAYERS_ALL)
        shutil.copy(ROOT / ".clang-format", self.root)

    def write(self, name, text):
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode("utf-8"))

    def problems(self, check):
        try:
            return check(trees.Tree(self.root))
        except trees.Skip as skip:
            self.skipTest(str(skip))

    def expect(self, check, name, text, part):
        """`check` is content before `name` holds `text`, and complains with `part` after."""
        self.assertEqual(self.problems(check), [])
        self.write(name, text)
        found = "\n".join(self.problems(check))
        self.assertIn(part, found)

    def test_a_clean_tree_passes_every_lint(self):
        for name, check in lint.LINTS.items():
            with self.subTest(name):
                self.assertEqual(self.problems(check), [])

    def test_every_lint_has_a_planted_violation(self):
        tested = {name[5:] for name in dir(self) if name.startswith("test_")}
        for name in lint.LINTS:
            self.assertTrue(any(t.startswith(name) for t in tested), f"{name} has no test")

    def test_file_size(self):
        self.expect(text_rules.file_size, "engine/base/long.cpp", HEAD + "\n" * 600, "602 lines")

    def test_golden_size(self):
        self.expect(text_rules.golden_size, "test/golden/big.txt", "x" * 200001, "200006 bytes")

    def test_vendor_names(self):
        self.expect(text_rules.vendor_names, "clkernels/good.cl",
                    KERNEL + "// fast on " + "Rade" + "on\n", "good.cl:6: names a vendor")

    def test_vendor_names_inside_of_words_are_fine(self):
        self.write("engine/ops/relu.cpp", HEAD + "// lambda, tame, amdahl, intelligible\n")
        self.assertEqual(self.problems(text_rules.vendor_names), [])

    def test_unfinished(self):
        self.expect(text_rules.unfinished, "docs/page.md", "# A page\n\nTO" + "DO: write it\n",
                    "docs/page.md:3: left unfinished")

    def test_machine_paths(self):
        self.expect(text_rules.machine_paths, "docs/page.md", "see " + "/home/" + "ann/net.py\n",
                    "docs/page.md:1: a path of one machine")

    def test_ascii_only(self):
        self.expect(text_rules.ascii_only, "docs/page.md", "# caf\u00e9\n", "docs/page.md:1")

    def test_heads_without_a_licence(self):
        self.expect(text_rules.heads, "engine/base/a.cpp", "// What it is.\nint a;\n", "has no SPDX")

    def test_heads_without_a_description(self):
        self.expect(text_rules.heads, "engine/base/a.cpp", f"// {SPDX}\nint a;\n", "a.cpp:1: says")

    def test_shell_syntax(self):
        self.expect(text_rules.shell_syntax, "tools/run.sh", "#!/usr/bin/env bash\nif true\n",
                    "tools/run.sh")

    def test_links_to_files(self):
        self.expect(text_rules.links, "docs/page.md", "[gone](gone.md)\n", "there is no gone.md")

    def test_links_to_headings(self):
        self.expect(text_rules.links, "docs/page.md", "# A\n[b](#b)\n", "has no heading #b")

    def test_formatting(self):
        self.expect(text_rules.formatting, "engine/base/a.cpp", HEAD + "int  a ;\n", "a.cpp:3")

    def test_silence(self):
        for call in ('printf("x");', "std::cerr << 1;", "abort();", "std::exit(1);", "exit(1);",
                     'fmt::print("x");'):
            with self.subTest(call):
                self.write("engine/base/a.cpp", HEAD + f"void f() {{ {call} }}\n")
                self.assertIn("a.cpp:3: the library must not call",
                              "\n".join(self.problems(code_rules.silence)))

    def test_silence_spares_comments_strings_and_other_names(self):
        self.write("engine/base/a.cpp", HEAD + '// printf("x")\nconst char* a = "abort()";\n'
                   "int b = snprintf(c, 1, d) + fmt_print(e) + last_exit(f);\n")
        self.assertEqual(self.problems(code_rules.silence), [])

    def test_opencl_only_in_runtime(self):
        self.expect(code_rules.opencl_only_in_runtime, "engine/ops/relu.cpp",
                    HEAD + "#include <boost/compute/core.hpp>\n", "relu.cpp:3: only engine/runtime")

    def test_layers(self):
        self.expect(code_rules.layers, "engine/base/tensor.cpp",
                    HEAD + '#include "ops/pool.hpp"\n', "base may not include ops/pool.hpp")

    def test_layers_of_public_headers(self):
        self.expect(code_rules.layers, "engine/ops/relu.cpp", HEAD + "#include <pinnacle/device.hpp>\n",
                    "ops may not include pinnacle/device.hpp")

    def test_layers_that_point_upwards(self):
        self.expect(code_rules.layers, "engine/meson.build",
                    LAYERS_ALL.replace("['base',    []", "['base',    ['ops']"), "not below it")

    def test_docstrings_without_throws(self):
        self.expect(code_rules.docstrings, "engine/include/pinnacle/functions.hpp",
                    FUNCTIONS.replace("/// throws   ShapeError\n", ""), "functions.hpp:7: its docstring")

    def test_docstrings_without_shapes(self):
        self.expect(code_rules.docstrings, "engine/include/pinnacle/layers.hpp",
                    FUNCTIONS.replace("/// shapes   any\n", ""), "lacks shapes")

    def test_kernels(self):
        self.expect(code_rules.kernels, "clkernels/good.cl", KERNEL.replace("= 1", "= nothing"),
                    "good.cl:5")

    def test_kernels_with_a_warning(self):
        self.expect(code_rules.kernels, "clkernels/good.cl", KERNEL.replace("{ x", "{ int y; x"),
                    "unused variable")

    def test_kernel_heads_without_a_launch(self):
        self.expect(code_rules.kernel_heads, "clkernels/good.cl",
                    KERNEL.replace("// Launch", "// Lunch"), "does not tell its launch")

    def test_kernel_heads_without_a_parameter(self):
        self.expect(code_rules.kernel_heads, "clkernels/good.cl",
                    KERNEL.replace("__kernel", "#ifndef WG\n#define WG 64\n#endif\n__kernel"),
                    "what WG is")

    def test_kernel_names(self):
        self.expect(code_rules.kernel_names, "clkernels/other.cl", KERNEL, "has no kernel other")

    def test_documents_quotations(self):
        quote = "<!-- quoted from tools/run.sh -->\n```c++\necho {}\n```\n"
        self.write("docs/page.md", quote.format("hello"))
        self.expect(documents.documents, "docs/page.md", quote.format("goodbye"),
                    "is not what tools/run.sh says")


class QuotationTest(unittest.TestCase):
    SOURCE = "a b;\n  c;\nd;\ne;\n"

    def test_dots_leave_lines_out(self):
        self.assertTrue(documents.is_quoted("a  b;\n// ...\nd;\ne;\n", self.SOURCE))

    def test_order_matters(self):
        self.assertFalse(documents.is_quoted("d;\n// ...\na b;\n", self.SOURCE))

    def test_lines_between_matter(self):
        self.assertFalse(documents.is_quoted("a b;\nd;\n", self.SOURCE))


class ProgramTest(unittest.TestCase):
    """The checks behind `documents`, with a compiler but no library."""

    COMMAND = (["c++", "-std=c++20"], [])

    def check(self, code):
        with tempfile.TemporaryDirectory() as folder:
            return documents.check_program(self.COMMAND, code, pathlib.Path(folder))

    def test_a_program_that_works(self):
        self.assertIsNone(self.check("int main() { return 0; }"))

    def test_a_program_that_does_not_build(self):
        self.assertIn("does not build", self.check("int main() { return x; }"))

    def test_a_program_that_fails(self):
        self.assertIn("exits with 3", self.check("int main() { return 3; }"))


if __name__ == "__main__":
    unittest.main()
