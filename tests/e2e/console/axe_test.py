#!/usr/bin/python3
"""Every page of the console under axe-core, at both widths and in both colour schemes: no violation.

axe-core comes by npm into a folder that RINGCAST_NPM_CACHE names, or a new one; without npm, or where it reaches no registry, or without Chromium, the test is skipped (77)."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import Browser, find_chromium
from tour import Tour

SKIP = 77
INSTALL_SECONDS = 240
PACKAGE = "axe-core@4.14.1"
SIZES = ((1280, 900), (390, 844))
RUN = "axe.run(document, {resultTypes: ['violations']}).then((found) => JSON.stringify(found.violations.map((one) => [one.id, one.nodes.map((node) => [node.html.slice(0, 200), node.failureSummary])])))"


def install(folder):
    """"" when it is there, else why not."""
    if shutil.which("npm") is None:
        return "there is no npm (Debian: npm)"
    if Path(folder, "node_modules/axe-core/axe.min.js").is_file():
        return ""
    Path(folder, "package.json").write_text(json.dumps({"name": "ringcast-test", "private": True}))
    command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", "--fetch-retries", "1", PACKAGE]
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS)
    except subprocess.TimeoutExpired:
        return f"npm has not installed {PACKAGE} within {INSTALL_SECONDS} s"
    return "" if done.returncode == 0 else f"npm cannot install {PACKAGE}: {done.stderr.strip().splitlines()[-1:]}"


class AxeTest(unittest.TestCase):
    folder = None

    def look(self, tour, name):
        """[(page, width, scheme, rule, nodes)]"""
        found = []
        for width, height in SIZES:
            for scheme in ("light", "dark"):
                tour.tab.size(width, height, scheme)
                violations = json.loads(tour.tab.run(RUN))
                found += [(name, width, scheme, *violation) for violation in violations]
                wide = tour.tab.run("document.documentElement.scrollWidth - document.documentElement.clientWidth")
                if wide > 0:
                    found.append((name, width, scheme, "page is wider than the window", wide))
        return found

    def test_no_violation_on_any_page(self):
        axe, found, browser = Path(self.folder, "node_modules/axe-core/axe.min.js").read_text(), [], Browser()
        tour = Tour(browser)
        try:
            for name in tour.stops():
                tour.tab.run(f"if (!self.axe) {{ {axe} }}")
                found += self.look(tour, name)
        finally:
            browser.close()
            tour.close()
        self.assertEqual(found, [], "\n".join(map(str, found)))


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        AxeTest.folder = os.environ.get("RINGCAST_NPM_CACHE") or temporary
        problem = install(AxeTest.folder) if find_chromium() else "there is no Chromium (Debian: chromium)"
        if problem:
            print(f"skipped: {problem}")
            sys.exit(SKIP)
        sys.exit(0 if unittest.main(verbosity=2, exit=False).result.wasSuccessful() else 1)
