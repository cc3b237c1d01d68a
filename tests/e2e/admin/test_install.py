"""meson install into a place of its own: what an operator needs is there, and the programs start from it. Needs BUILD and PREFIX; status 77: no meson."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, PREFIX = os.environ["BUILD"], os.environ["PREFIX"]
MESON = shutil.which("meson")


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
        for path in ("bin/ringcastd", "bin/ringcast", "include/ringcast/ringcast.h", "lib/systemd/system/ringcastd.service", "lib/sysusers.d/ringcastd.conf",
                     "share/ringcast/ringcastd.yaml", "share/ringcast/alerts.yml", "share/ringcast/50-ringcastd.conf", "share/doc/ringcast/LICENSE",
                     "share/doc/ringcast/operating.md", "share/doc/ringcast/examples/lua/rooms/main.lua", "share/doc/ringcast/openapi.yaml",
                     "share/man/man8/ringcastd.8", "share/man/man1/ringcast.1"):
            self.assertTrue((self.root / path).is_file(), path)

    def test_the_unit_starts_what_is_installed(self):
        unit = (self.root / "lib/systemd/system/ringcastd.service").read_text()
        self.assertIn(f"ExecStart={PREFIX}/bin/ringcastd ", unit)
        self.assertIn(f"file:{PREFIX}/share/doc/ringcast/operating.md", unit)

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
