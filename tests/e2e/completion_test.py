#!/usr/bin/python3
"""Completions as the shells themselves read them: what stands before the cursor decides what is offered. Needs COMPLETIONS, the folder they were made in.
A shell that is not installed is passed over."""

import os
import pathlib
import pty
import re
import shutil
import subprocess
import tempfile
import unittest

FOLDER = pathlib.Path(os.environ["COMPLETIONS"])
BASH = 'source "$1"; shift; complete=$(complete -p "$1"); function=${complete##*-F }; function=${function%% *}; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); "$function"; printf "%s\\n" "${COMPREPLY[@]}"'
# _arguments and _describe only work while a line is edited; these say what they were asked to offer.
ZSH = """
_arguments() { print -rl -- ARGUMENTS "$words[*]" "$CURRENT" "$@"; }
_describe() { print -rl -- "${(@)offered%%:*}"; }
file=$1; shift
words=("$@"); CURRENT=$#
source $file
"""


def lines(command, folder):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, env={**os.environ, "HOME": str(folder)})
    assert done.returncode == 0 and done.stderr == "", (command[-3:], done.returncode, done.stderr)
    return [line for line in done.stdout.splitlines() if line]


class Shell:
    """What every shell must offer; the last word is what is being typed."""

    def setUp(self):
        if not shutil.which(self.shell):
            self.skipTest(f"{self.shell} is not installed")
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        (self.folder / "arena.lua").touch()

    def test_commands(self):
        offered = self.offered("ringcast", "")
        for noun in ("chat", "session", "script", "doctor", "version"):
            self.assertEqual(offered.count(noun), 1, noun)
        self.assertNotIn("list", offered)

    def test_verbs(self):
        self.assertEqual(set(self.offered("ringcast", "cert", "")), {"ca", "server", "show"})

    def test_options_are_those_of_the_command(self):
        offered = self.offered("ringcast", "session", "create", "--")
        self.assertIn("--players-max", offered)
        self.assertNotIn("--days", offered)
        self.assertIn("--days", self.offered("ringcast", "cert", "ca", "--"))
        self.assertIn("--linger", self.offered("ringcast", "chat", "demo", "--"))

    def test_files_where_files_are_wanted(self):
        self.assertIn("arena.lua", self.offered("ringcast", "script", "push", "arena", ""))
        self.assertEqual(self.offered("ringcast", "session", "end", ""), [])

    def test_the_other_programs(self):
        self.assertIn("--check-config", self.offered("ringcastd", "--"))
        self.assertIn("--to-group", self.offered("ringcast-load", "--"))


class Bash(Shell, unittest.TestCase):
    shell = "bash"

    def offered(self, program, *words):
        return lines(["bash", "--norc", "-c", BASH, "bash", str(FOLDER / program), program, *words], self.folder)

    def test_values(self):
        self.assertEqual(set(self.offered("ringcast", "session", "list", "--output", "")), {"table", "json"})
        self.assertEqual(self.offered("ringcastd", "--io", "u"), ["uring"])
        self.assertEqual(self.offered("ringcastd", "--config", "ar"), ["arena.lua"])
        self.assertEqual(self.offered("ringcastd", "--tcp-port", ""), [])

    def test_words_that_are_folders_too_stay_words(self):
        """As the shell itself completes them on a terminal, beside folders called as commands are: only paths get a slash."""
        for name in ("doctor", "maps"):
            (self.folder / name).mkdir()
        for program in ("ringcast", "ringcastd", "ringcast-load"):
            registered = lines(["bash", "--norc", "-c", 'source "$1"; complete -p "$2"', "bash", str(FOLDER / program), program], self.folder)
            self.assertEqual(registered, [f"complete -F _{program.replace('-', '_')} {program}"])
        self.assertEqual(self.typed("ringcast doct"), "ringcast doctor ")
        self.assertEqual(self.typed("ringcast script push arena ma"), "ringcast script push arena maps/")

    def typed(self, text):
        """What a line becomes by one tabulator."""
        pid, master = pty.fork()
        if pid == 0:
            os.chdir(self.folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "-i"], {**os.environ, "HOME": str(self.folder), "PS1": "$ ", "TERM": "dumb", "INPUTRC": "/dev/null"})
        try:
            os.write(master, f"bind 'set enable-bracketed-paste off'; source {FOLDER / 'ringcast'}; echo 're''ady'\n".encode())
            screen = b""
            while b"ready\r\n$ " not in screen:
                screen += os.read(master, 4096)
            # The line is not run but said back, with an end that can be seen.
            os.write(master, text.encode() + b"\t\x01said='\x05'; echo \"<$said>\"\n")
            screen = b""
            while not re.search(rb"\n<.*>", screen):
                screen += os.read(master, 4096)
            return re.search(rb"\n<(.*)>", screen)[1].decode()
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
            os.close(master)


class Fish(Shell, unittest.TestCase):
    shell = "fish"

    def offered(self, program, *words):
        command = f"source {FOLDER / (program + '.fish')}; complete -C'{' '.join([program, *words])}'"
        return [line.split("\t")[0] for line in lines(["fish", "--no-config", "-c", command], self.folder)]

    def test_values(self):
        self.assertEqual(set(self.offered("ringcast", "session", "list", "--output", "")), {"table", "json"})
        self.assertEqual(self.offered("ringcastd", "--io", "u"), ["uring"])
        self.assertEqual(self.offered("ringcastd", "--config", "ar"), ["arena.lua"])


class Zsh(Shell, unittest.TestCase):
    shell = "zsh"

    def offered(self, program, *words):
        told = lines(["zsh", "-f", "-c", ZSH, "zsh", str(FOLDER / f"_{program}"), program, *words], self.folder)
        if not told or told[0] != "ARGUMENTS":
            return told
        specs = [spec for spec in told[3:] if spec[0] in "(-*"]
        if words[-1].startswith("-"):
            return [spec.split("[")[0].split(")")[-1] for spec in specs]
        return os.listdir(self.folder) if specs[-1].endswith("_files") and specs[-1].startswith("*") else []

    def test_what_is_shifted_away_leaves_the_command(self):
        told = lines(["zsh", "-f", "-c", ZSH, "zsh", str(FOLDER / "_ringcast"), "ringcast", "session", "show", "demo", ""], self.folder)
        self.assertEqual(told[1:3], ["show demo ", "3"])

    def test_values(self):
        told = lines(["zsh", "-f", "-c", ZSH, "zsh", str(FOLDER / "_ringcastd"), "ringcastd", "--"], self.folder)
        self.assertIn("--io[auto, uring or epoll]:NAME:(auto uring epoll)", told)


if __name__ == "__main__":
    unittest.main(verbosity=2)
