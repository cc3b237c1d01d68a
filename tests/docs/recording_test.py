#!/usr/bin/python3
"""recording_test.py BUILD: the README's recording shows the README's commands, says what a run of this build says, and needs nothing from anywhere."""

import pathlib
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree

from commands_test import blocks

BUILD = pathlib.Path(sys.argv.pop(1)).resolve() if __name__ == "__main__" else None
TOP = pathlib.Path(__file__).resolve().parents[2]
PICTURE = TOP / "docs/images/relay.svg"
SKIP = 77
BYTES_MAX = 8_000
ROUND_TRIP = re.compile(r", rtt [0-9.]+ ms")  # of that run, and not there before the first ping was answered


def words(picture):
    root = xml.etree.ElementTree.parse(picture).getroot()
    return [ROUND_TRIP.sub("", line.text) for line in root.iter("{http://www.w3.org/2000/svg}text")]


class Recording(unittest.TestCase):
    def test_its_commands_are_the_readmes(self):
        readme = (TOP / "README.md").read_text()
        self.assertIn(f"]({PICTURE.relative_to(TOP)})", readme)
        shown = [line.removeprefix("$ ") for line in words(PICTURE) if line.startswith("$ ")]
        self.assertEqual(shown, next(block for _, comments, block in blocks(readme) if ("first", "ringcastd --dev &") in comments))

    def test_it_is_small_and_stands_alone(self):
        text = PICTURE.read_text()
        self.assertLess(len(text), BYTES_MAX)
        self.assertIsNone(re.search(r"href|url\(|@import|<script|<image|<foreignObject|\bon[a-z]+=", text))
        self.assertEqual(set(re.findall(r"https?://[^\"]*", text)), {"http://www.w3.org/2000/svg"})
        for wish in ("prefers-color-scheme:dark", "prefers-reduced-motion:reduce"):
            self.assertIn(wish, text)

    def test_a_run_of_today_says_the_same(self):
        with tempfile.TemporaryDirectory() as folder:
            picture = pathlib.Path(folder, "relay.svg")
            done = subprocess.run([TOP / "tools/recording/record", "--build", BUILD, "--output", picture], capture_output=True, text=True, timeout=300)
            if done.returncode == SKIP:
                self.skipTest(done.stderr)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(words(picture), words(PICTURE), "tools/recording/record makes it anew")


if __name__ == "__main__":
    unittest.main()
