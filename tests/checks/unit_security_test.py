#!/usr/bin/python3
"""unit_security_test.py UNIT: what systemd says is left open by the unit that is installed, by the command that docs/operating.md shows, and that the page tells its result.

Exit status 77 where there is no systemd-analyze that rates a file."""

import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import unittest

UNIT = pathlib.Path(sys.argv.pop(1)).resolve() if __name__ == "__main__" else None
TOP = pathlib.Path(__file__).resolve().parents[2]
PAGE = (TOP / "docs/operating.md").read_text()
SKIP = 77


def command():
    """The page's, for the file of this build."""
    (line,) = re.findall(r"^    (systemd-analyze security .*)$", PAGE, re.M)
    return [str(UNIT) if word.endswith(".service") else word for word in shlex.split(line)]


def rate(words):
    return subprocess.run(words, capture_output=True, text=True, timeout=60)


class UnitSecurity(unittest.TestCase):
    def setUp(self):
        self.done = rate(command())
        self.rating = re.search(r"exposure level for ringcastd\.service: ([0-9.]+)", self.done.stdout)[1]

    def test_the_page_tells_the_rating(self):
        """Each systemd rates a little otherwise; of one that the page does not name the command's threshold has to do."""
        self.assertEqual(self.done.returncode, 0, self.done.stdout + self.done.stderr)
        told = dict(map(reversed, re.findall(r"at ([0-9.]+) of 10 that of Debian \d+ \((\d+)\)", PAGE)))
        self.assertEqual(len(told), 2)
        version = re.match(r"systemd (\d+)", rate(["systemd-analyze", "--version"]).stdout)[1]
        self.assertEqual(self.rating, told.get(version, self.rating))

    def test_a_unit_that_leaves_more_open_is_refused(self):
        """So that the command's threshold is one."""
        words = [word for word in command() if not word.startswith("--threshold")]
        self.assertNotEqual(words, command())
        self.assertNotEqual(rate([*words, f"--threshold={round(float(self.rating) * 10) - 1}"]).returncode, 0)


if __name__ == "__main__":
    if shutil.which("systemd-analyze") is None or "--offline" not in rate(["systemd-analyze", "--help"]).stdout:
        print("no systemd-analyze that rates a file", file=sys.stderr)
        sys.exit(SKIP)
    unittest.main()
