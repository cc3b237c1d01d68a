#!/usr/bin/python3
"""bench/soak.py in short: a server that keeps its books passes, and nothing of the players stays behind."""

import os
import subprocess
import sys
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Soak(unittest.TestCase):
    def test_players_come_and_go(self):
        build = os.path.dirname(os.path.dirname(os.path.abspath(os.environ["RINGCASTD"])))
        # a sanitizer keeps what was freed, so memory says nothing here
        result = subprocess.run([sys.executable, os.path.join(ROOT, "bench", "soak.py"), "--build", build, "--seconds", "14", "--skip", "memory"],
                                capture_output=True, text=True, timeout=240, check=False)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("nothing grew in 14 s", result.stdout)
        self.assertRegex(result.stdout, r"[1-9]\d* left and came back")


if __name__ == "__main__":
    unittest.main(verbosity=2)
