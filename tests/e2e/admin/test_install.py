"""meson install into a place of its own: what an operator needs is there, and the programs start from it. Needs BUILD, PREFIX,
CC, CLIENT_TLS (openssl, wolfssl or disabled: what is in the client library) and SANITIZERS (flags of the build); status 77: no meson."""

import fnmatch
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, PREFIX = os.environ["BUILD"], os.environ["PREFIX"]
CLIENT_TLS, SANITIZERS = os.environ["CLIENT_TLS"], os.environ["SANITIZERS"].split()
MESON = shutil.which("meson")
TOP = pathlib.Path(__file__).resolve().parents[3]


# What a game does first; nobody listens there, which it would learn later.
GAME = r"""
#include <ringcast/ringcast_client.h>
#include <stdio.h>

int main(void)
{
	ringcast_client_options options = RINGCAST_CLIENT_OPTIONS_INIT;
	ringcast_client_callbacks callbacks = RINGCAST_CLIENT_CALLBACKS_INIT;
	ringcast_client *client;
	options.callbacks = &callbacks;
	options.is_secure = true;
	if (ringcast_client_create(&options, &client) != 0)
		return 1;
	puts(ringcast_client_connect(client, "127.0.0.1", 1, "dev-demo-alice", NULL, 0) == RINGCAST_CLIENT_ERROR_SECURITY ? "in clear only" : "can encrypt");
	ringcast_client_destroy(&client);
	return 0;
}
"""


def clean():
    return {name: value for name, value in os.environ.items() if name != "LD_LIBRARY_PATH"}


class Install(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        done = subprocess.run([MESON, "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", cls.folder.name], capture_output=True, text=True, timeout=200)
        assert done.returncode == 0, done.stdout + done.stderr
        cls.root = pathlib.Path(cls.folder.name, PREFIX.lstrip("/"))

    def test_everything_is_there(self):
        for path in ("bin/ringcastd", "bin/ringcast", "include/ringcast/ringcast.h", "include/ringcast/ringcast_limits.h", "include/ringcast/ringcast_types.h", "lib/systemd/system/ringcastd.service", "lib/sysusers.d/ringcastd.conf",
                     "share/ringcast/ringcastd.yaml", "share/ringcast/alerts.yml", "share/ringcast/50-ringcastd.conf", "share/doc/ringcast/LICENSE",
                     "share/doc/ringcast/operating.md", "share/doc/ringcast/examples/lua/rooms/main.lua", "share/doc/ringcast/openapi.yaml",
                     "share/doc/ringcast/examples/native/hello.c", "include/ringcast/ringcast_client.h", "share/ringcast/js/sidecar.js",
                     "libexec/ringcast/ringcast-confine", "share/man/man8/ringcastd.8", "share/man/man5/ringcastd.yaml.5", "share/man/man3/ringcast.3",
                     "share/man/man3/ringcast-client.3", "share/man/man1/ringcast.1", "share/man/man1/ringcast-load.1"):
            self.assertTrue((self.root / path).is_file(), path)
        for program in ("ringcast", "ringcastd", "ringcast-load"):
            for path in ("bin/@", "share/bash-completion/completions/@", "share/zsh/site-functions/_@", "share/fish/vendor_completions.d/@.fish"):
                self.assertTrue((self.root / path.replace("@", program)).is_file(), path)
        for library in ("ringcast", "ringcast-client"):
            self.assertEqual(len([*self.root.glob(f"lib*/**/{library}.pc"), *self.root.glob(f"lib*/**/lib{library}.so")]), 2, library)

    def test_the_man_pages_tell_of_everything(self):
        page = lambda name: (self.root / "share/man" / f"man{name[-1]}" / name).read_text().replace("\\-", "-")
        commands = re.findall(r"^  (\w+(?: \w\S*)?) .*?  ", self.help("ringcast"), re.M)
        self.assertGreater(len(commands), 30)
        for command in commands:
            self.assertRegex(page("ringcast.1"), rf"(?m)^\.SS ringcast {command}\b")
        for program, name in (("ringcastd", "ringcastd.8"), ("ringcast-load", "ringcast-load.1")):
            for option in re.findall(r"^  (--\S+)", self.help(program), re.M):
                self.assertIn(f".B {option}", page(name))
        keys = re.findall(r"^\| `([a-z_.]+)`", (self.root / "share/doc/ringcast/configuration.md").read_text(), re.M)
        self.assertGreater(len(keys), 100)
        self.assertEqual([key for key in keys if f".B {key}\n" not in page("ringcastd.yaml.5")], [])
        for header, name in (("ringcast.h", "ringcast.3"), ("ringcast_client.h", "ringcast-client.3")):
            calls = re.findall(r"^RINGCAST\w*_API [^;(]*?(\w+)\(", (self.root / "include/ringcast" / header).read_text(), re.M)
            self.assertGreater(len(calls), 10)
            self.assertEqual([call for call in calls if not re.search(rf"\b{call}\(", page(name))], [])
            self.assertNotIn("#define", page(name))

    def test_each_file_is_in_a_debian_package(self):
        """The package's build fails otherwise, which takes minutes; what debian/rules itself moves is left out."""
        patterns = [line for path in (TOP / "tools/deploy/debian").glob("*.install") for line in path.read_text().split()]
        moved = r"usr/(lib/systemd|lib/sysusers\.d|share/zsh|share/doc/ringcast/LICENSE)"
        left_out = []
        for path in sorted(path for path in self.root.rglob("*") if path.is_file()):
            inner = re.sub(r"^usr/(lib\d*)/[^/]+-linux-gnu/", r"usr/lib/ARCH/", f"usr/{path.relative_to(self.root)}")
            inner = re.sub(r"^usr/lib\d*/(lib|pkgconfig)", r"usr/lib/ARCH/\1", inner)
            if not re.match(moved, inner) and not any(fnmatch.fnmatch(inner, pattern) or inner.startswith(pattern + "/") for pattern in patterns):
                left_out.append(inner)
        self.assertEqual(left_out, [], "name it in one of tools/deploy/debian/*.install")

    def test_each_call_is_among_the_debian_packages_symbols(self):
        """A program that uses one that is not there would get no dependency on the version that has it."""
        for header, package in (("ringcast.h", "libringcast0"), ("ringcast_client.h", "libringcast-client0")):
            calls = re.findall(r"^RINGCAST\w*_API [^;(]*?(\w+)\(", (self.root / "include/ringcast" / header).read_text(), re.M)
            listed = re.findall(r"^ (\w+)@Base ", (TOP / f"tools/deploy/debian/{package}.symbols").read_text(), re.M)
            self.assertEqual(listed, sorted(set(calls)), package)

    def test_what_begins_like_a_script_has_an_interpreter_that_packages_may_name(self):
        """As lintian sees it; scripts for bpftrace need the daemon's pid, so none of them is a program by itself."""
        first_lines = {path.relative_to(self.root): path.read_bytes().partition(b"\n")[0] for path in self.root.rglob("*") if path.is_file()}
        known = re.compile(rb"#!\s*(/usr/bin/env )?(/usr/bin/|/bin/)?(sh|bash|python3|node|luajit|lua)\b")
        self.assertEqual([str(path) for path, line in first_lines.items() if line.startswith(b"#!") and not known.match(line)], [])

    def test_what_building_needs_is_what_the_debian_package_asks_for(self):
        needed = re.findall(r"^\w\S*-dev$", (TOP / "tools/packages").read_text().split("# --- tests")[0], re.M)
        asked = re.findall(r"^ +(\S+?-dev)\b", re.search(r"^Build-Depends:(.*?)^\S", (TOP / "tools/deploy/debian/control").read_text(), re.M | re.S)[1], re.M)
        self.assertEqual(sorted(asked), sorted(set(needed) - {"libc6-dev"}))  # which every build has

    @unittest.skipUnless(shutil.which("man") and shutil.which("groff"), "man or groff is not installed")
    def test_the_man_pages_are_without_fault(self):
        for path in self.root.glob("share/man/man*/*"):
            done = subprocess.run(["man", "--warnings", "-Tutf8", "-l", path], env={**clean(), "MANROFFSEQ": "", "MANWIDTH": "80"}, capture_output=True, text=True)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path)
            self.assertIn("\nNAME\n", re.sub(r".\x08|\x1b\[[0-9;]*m", "", done.stdout))  # bold, as groff 1.22 and 1.23 write it

    def test_the_unit_starts_what_is_installed(self):
        unit = (self.root / "lib/systemd/system/ringcastd.service").read_text()
        self.assertIn(f"ExecStart={PREFIX}/bin/ringcastd ", unit)
        self.assertIn(f"file:{PREFIX}/share/doc/ringcast/operating.md", unit)

    def test_a_game_builds_with_the_client_library(self):
        flags = self.flags("ringcast-client")
        for suffix, standard in (("c", "-std=c11"), ("cc", "-std=c++17")):
            if suffix == "cc" and shutil.which("c++") is None:
                continue
            game = pathlib.Path(self.folder.name, f"game.{suffix}")
            game.write_text(GAME)
            program = game.with_suffix(f".{suffix}.out")
            built = subprocess.run([*os.environ["CC"].split(), standard, "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", *SANITIZERS, game, "-o", program, *flags, f"-Wl,-rpath,{self.library().parent}"],
                                   capture_output=True, text=True, timeout=100)
            self.assertEqual(built.returncode, 0, built.stderr)
            played = subprocess.run([program], env=clean(), capture_output=True, text=True, timeout=100)
            self.assertEqual((played.returncode, played.stdout), (0, "in clear only\n" if CLIENT_TLS == "disabled" else "can encrypt\n"), played.stderr)

    def test_a_program_of_relay_and_client_is_built_elsewhere_and_plays(self):
        """From what is installed alone: the example, as C11 and as C++17, in a folder that knows nothing of the source."""
        flags = [*self.flags("ringcast", "ringcast-client"), f"-Wl,-rpath,{self.library().parent}"]
        source = (self.root / "share/doc/ringcast/examples/native/hello.c").read_text()
        with tempfile.TemporaryDirectory() as elsewhere:
            for suffix, standard, compiler in (("c", "-std=c11", os.environ["CC"].split()), ("cc", "-std=c++17", ["c++"])):
                if shutil.which(compiler[0]) is None:
                    continue
                pathlib.Path(elsewhere, f"hello.{suffix}").write_text(source)
                built = subprocess.run([*compiler, standard, "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-missing-field-initializers", *SANITIZERS, f"hello.{suffix}",
                                        "-o", f"hello-{suffix}", *flags], cwd=elsewhere, capture_output=True, text=True, timeout=100)
                self.assertEqual(built.returncode, 0, built.stderr)
                played = subprocess.run([f"./hello-{suffix}"], cwd=elsewhere, env=clean(), capture_output=True, text=True, timeout=100)
                self.assertEqual((played.returncode, played.stdout), (0, "connected as peer 1\nthe game answered: hello\n"), played.stderr)

    def test_the_example_game_is_built_elsewhere(self):
        """By a compiler that takes C11 at its word: what it calls of POSIX it has to ask for itself, and a warning is an error."""
        source = self.root / "share/doc/ringcast/examples/native/game.c"
        with tempfile.TemporaryDirectory() as elsewhere:
            built = subprocess.run([*os.environ["CC"].split(), "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-Wno-missing-field-initializers", *SANITIZERS, source, "-o", "game",
                                    *self.flags("ringcast")], cwd=elsewhere, capture_output=True, text=True, timeout=100)
            self.assertEqual(built.returncode, 0, built.stderr)

    @unittest.skipIf(CLIENT_TLS == "wolfssl", "asked for by name")
    def test_the_client_library_holds_no_wolfssl(self):
        names = subprocess.run(["nm", self.library()], capture_output=True, text=True, check=True).stdout
        self.assertIn(" ringcast_client_create\n", names)
        self.assertNotRegex(names, r"(?i)\b(wolf|wc_)")
        self.assertEqual(bool(re.search(r" SSL_CTX_new\b", names)), CLIENT_TLS == "openssl")
        needed = subprocess.run(["ldd", self.library()], env=clean(), capture_output=True, text=True, check=True).stdout
        self.assertNotIn("wolfssl", needed)
        self.assertEqual("libssl.so" in needed, CLIENT_TLS == "openssl", needed)

    def library(self):
        return next(self.root.glob("lib*/**/libringcast-client.so")).resolve()

    def help(self, program):
        return subprocess.run([self.root / "bin" / program, "--help"], env=clean(), capture_output=True, text=True, check=True).stdout

    def flags(self, *libraries):
        """As for a package that lies under --destdir: what the file says of the prefix is meant within it."""
        found = next(self.root.glob("lib*/**/pkgconfig/ringcast-client.pc"))
        told = subprocess.run(["pkg-config", f"--define-variable=prefix={self.root}", "--cflags", "--libs", *libraries],
                              env={**clean(), "PKG_CONFIG_PATH": str(found.parent)}, capture_output=True, text=True)
        self.assertEqual(told.returncode, 0, told.stderr)
        self.assertNotIn("wolfssl", told.stdout)
        return told.stdout.split()

    @unittest.skipIf(PREFIX == "/usr", "there the system's own path is right")
    def test_the_programs_find_their_library(self):
        for program in ("ringcastd", "ringcast"):
            linked = subprocess.run([self.root / "bin" / program], env={**clean(), "LD_TRACE_LOADED_OBJECTS": "1"}, capture_output=True, text=True)
            line = next(line for line in linked.stdout.splitlines() if "libringcast.so" in line)
            self.assertIn(str(self.root), os.path.realpath(line.split(" => ")[1].split(" (")[0]), line)
        done = subprocess.run([self.root / "bin/ringcastd", "--version"], env=clean(), capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_the_example_passes_the_check(self):
        example = self.root / "share/ringcast/ringcastd.yaml"
        done = subprocess.run([self.root / "bin/ringcastd", "--config", example, "--print-config"], env=clean(), capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


if __name__ == "__main__":
    if MESON is None:
        sys.exit(77)
    unittest.main(verbosity=1)
