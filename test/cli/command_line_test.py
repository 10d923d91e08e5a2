#!/usr/bin/env python3
"""What pinnacle-bench offers beside measuring: exit codes, completion, the manual page, examples."""
# SPDX-License-Identifier: Apache-2.0
import os
import re
import shlex
import shutil
import signal
import subprocess
import unittest

from support import BUILD, ROOT, ProgramTest

BENCH = BUILD / "bench" / "pinnacle-bench"
FOLDERS = ("engine", "bench", "samples", "bindings")
# Read as environment("NAME"), std::getenv("NAME"), os.environ["NAME"].
READ = re.compile(r"""(?:environment|getenv|environ(?:\.get)?)\s*[(\[]\s*["'](PINNACLE_\w+)["']""")


class CommandLine(ProgramTest):
    def help(self, *words):
        return self.succeeds(BENCH, *words, "--help").stdout

    def subcommands(self):
        listed = self.help().split("Subcommands:\n")[1].split("\n\n")[0]
        names = re.findall(r"^  ([a-z][\w-]*)", listed, re.M)
        self.assertIn("diff", names)
        return names

    def options(self, *words):
        """The options that --help lists, without its footer."""
        text = self.help(*words).split("Examples:")[0]
        return set(re.findall(r"^  (?:-\w,)?(--[\w-]+)", text, re.M))


class ExitCodes(CommandLine):
    def test_help_lists_them(self):
        readme = (ROOT / "bench" / "README.md").read_text()
        header = (ROOT / "bench" / "exit_code.hpp").read_text()
        codes = re.findall(r"^  \w+ = (\d+)", header, re.M)
        self.assertEqual(codes, ["0", "1", "2", "130"])
        for code in codes:
            self.assertRegex(self.help(), rf"(?m)^  {code} ")
            self.assertIn(f"\n| {code} | ", readme)

    def test_wrong_usage_and_input(self):
        (self.folder / "text.onnx").write_text("text")
        for words in ((), ("nonsense",), ("--nonsense",), ("nets", "--nonsense"),
                      ("nets", "--mode", "nonsense"), ("nets", "nonsense"), ("model",),
                      ("diff", "a", "b"), ("nets", "mlp", "--trace", "x.json"),
                      ("check", "text.onnx", "--against", "host"), ("completion",),
                      ("devices", "--json", "no/folder.json"), ("ops", "--device", "nonsense")):
            with self.subTest(words=words):
                self.explains("^pinnacle-bench: .", BENCH, *words, code=2)

    def test_success_and_a_device_that_is_not_there(self):
        empty = self.folder / "empty"
        empty.mkdir()
        drivers = {"OCL_ICD_VENDORS": empty, "OPENCL_VENDOR_PATH": empty}
        self.assertEqual(self.run_program(BENCH, "devices", "--devices", "host").returncode, 0)
        self.assertEqual(self.run_program(BENCH, "devices", **drivers).returncode, 1)

    def test_interrupted(self):
        # Stopped, then interrupted, then let go: the signal cannot come too late.
        script = f'kill -STOP $BASHPID; exec {shlex.quote(str(BENCH))} devices'
        child = subprocess.Popen(["bash", "-c", script], stdout=subprocess.DEVNULL,
                                 stderr=subprocess.DEVNULL, preexec_fn=lambda: signal.signal(
                                     signal.SIGINT, signal.SIG_DFL))
        os.waitpid(child.pid, os.WUNTRACED)
        child.send_signal(signal.SIGINT)
        child.send_signal(signal.SIGCONT)
        self.assertEqual(child.wait(60), -signal.SIGINT)  # a shell says 130


@unittest.skipUnless(shutil.which("bash"), "bash is not installed")
class Completion(CommandLine):
    def complete(self, *words):
        """What bash offers for the last of these words."""
        script = self.folder / "completion.bash"
        if not script.exists():
            script.write_text(self.succeeds(BENCH, "completion", "bash").stdout)
        line = " ".join(shlex.quote(word) for word in ("pinnacle-bench", *words))
        done = subprocess.run(
            ["bash", "--norc", "-c",
             f'source {shlex.quote(str(script))}; COMP_WORDS=({line}); COMP_CWORD={len(words)}\n'
             '_pinnacle_bench; printf "%s\\n" "${COMPREPLY[@]}"'],
            cwd=self.folder, capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_subcommands(self):
        self.assertEqual(sorted(self.complete("")), sorted(self.subcommands()))
        self.assertEqual(self.complete("dif"), ["diff"])
        self.assertEqual(self.complete("--vers"), ["--version"])
        self.assertEqual(self.complete("xyzzy"), [])

    def test_options_of_every_subcommand(self):
        for name in self.subcommands():
            offered = set(self.complete(name, "--"))
            self.assertEqual(offered, self.options(name), name)

    def test_values(self):
        self.assertEqual(self.complete("train", "--strategy", ""),
                         ["auto", "data", "pipeline", "hybrid"])
        self.assertEqual(self.complete("nets", "--mode", "=", "inf"), ["inference"])
        self.assertEqual(self.complete("nets", "--mode", "="), ["inference", "training", "all"])
        self.assertEqual(self.complete("nets", "--device", "h"), ["host"])
        self.assertEqual(self.complete("nets", "--seconds", ""), [])
        self.assertEqual(self.complete("completion", ""), ["bash", "zsh", "fish"])

    def test_files(self):
        (self.folder / "some.onnx").touch()
        self.assertEqual(self.complete("model", "som"), ["some.onnx"])
        self.assertEqual(self.complete("nets", "--save", "som"), ["some.onnx"])
        self.assertEqual(self.complete("nets", "--json", "--qqq"), [])
        self.assertIn("--profile", self.complete("nets", "--json", "--"))

    def test_every_shell_accepts_its_script(self):
        for shell in ("bash", "zsh", "fish"):
            script = self.succeeds(BENCH, "completion", shell).stdout
            for name in self.subcommands():
                self.assertIn(name, script)
            for option in self.options("train"):
                self.assertIn(option.lstrip("-"), script)
            if shutil.which(shell):
                (self.folder / shell).write_text(script)
                subprocess.run([shell, "-n", str(self.folder / shell)], check=True)
        self.explains("bash,zsh,fish", BENCH, "completion", "tcsh")


class Manual(CommandLine):
    def page(self):
        return self.succeeds(BENCH, "man").stdout

    def test_it_has_every_subcommand_option_and_example(self):
        page = self.page().replace("\\-", "-")
        for heading in ("NAME", "SYNOPSIS", "DESCRIPTION", "EXIT STATUS", "ENVIRONMENT", "FILES",
                        "EXAMPLES"):
            self.assertIn(f"\n.SH {heading}\n", page)
        for name in self.subcommands():
            section = re.search(rf"(?s)\n\.SS {name}\n(.*?)\n\.S[SH] ", page)
            self.assertIsNotNone(section, name)
            for option in self.options(name):
                self.assertIn(f"\\fB{option}\\fR", section[1], name)
            for example in examples(self.help(name)):
                self.assertIn(example, section[1])

    @unittest.skipUnless(shutil.which("groff"), "groff is not installed")
    def test_groff_warns_of_nothing(self):
        done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-rCHECKSTYLE=3"],
                              input=self.page(), capture_output=True, text=True, check=True)
        self.assertEqual(done.stderr, "")
        self.assertIn("PINNACLE-BENCH(1)", done.stdout)

    def test_the_variables_are_those_of_the_code(self):
        read = set()
        for folder in FOLDERS:
            for file in (ROOT / folder).rglob("*"):
                if file.suffix in (".cpp", ".hpp", ".py", ".c", ".h") and file.is_file():
                    read.update(READ.findall(file.read_text(errors="replace")))
        self.assertIn("PINNACLE_LOG", read)
        page = self.page().split(".SH ENVIRONMENT\n")[1].split(".SH FILES")[0]
        self.assertEqual(set(re.findall(r"\\fB(PINNACLE_\w+)", page)), read)
        document = (ROOT / "docs" / "architecture.md").read_text()
        self.assertEqual(set(re.findall(r"(?m)^\| `(PINNACLE_\w+)` \|", document)), read)


def examples(text):
    return re.findall(r"(?m)^  (pinnacle-bench .*)$", text)


class Examples(CommandLine):
    def test_every_subcommand_has_some(self):
        for name in self.subcommands():
            found = examples(self.help(name))
            self.assertTrue(found, name)
            for line in found:
                self.assertEqual(line.split()[:2], ["pinnacle-bench", name])

    def test_their_options_exist(self):
        for name in self.subcommands():
            for line in examples(self.help(name)):
                used = {word for word in line.split() if word.startswith("--")}
                self.assertLessEqual(used, self.options(name), line)

    def test_those_that_need_no_device_run(self):
        for line in ("pinnacle-bench nets lenet --save lenet.onnx",):
            self.assertIn(line, self.help(line.split()[1]))
            self.succeeds(BENCH, *line.split()[1:])
        self.assertTrue((self.folder / "lenet.onnx").stat().st_size > 10000)


if __name__ == "__main__":
    unittest.main()
