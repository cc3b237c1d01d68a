#!/usr/bin/python3
"""From a clone to two browser windows that talk, as docs/examples/chat/README.md says it: its commands in their order, its addresses, its ports, and a person's hands at two
windows of Chromium. One thing is not done again: what tools/run installs and builds is taken from the build at hand. Prints how many commands it took, and how long.

Exit status 77 where there is no Chromium, no network of its own, or no clone to make."""

import os
import pathlib
import re
import shlex
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[1]
sys.path[:0] = [str(HERE / "console"), str(TOP / "tests/docs")]
from browser import Browser, find_chromium  # noqa: E402
from commands_test import own_network  # noqa: E402

SKIP = 77
WAIT_SECONDS = 120  # only to end a test that has failed
PAGE = TOP / "docs/examples/chat/README.md"
COMMANDS_MAX = 4
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def commands():
    return [command for line in PAGE.read_text().splitlines() if line.startswith("    ") for command in line.strip().split(" && ")]


def answers(process, url):
    """Waits until a server answers; says so when it ended instead."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with DIRECT.open(url, timeout=WAIT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{process.args}: {url}: {error}") from None
        except OSError:  # not yet
            pass
        time.sleep(0.05)
    raise AssertionError(f"{process.args}: {url} is not answered; {process.poll()}")


class Windows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def start(self, name, command, folder):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.addCleanup(process.wait)
        self.addCleanup(process.terminate)
        return process

    def open_window(self, url):
        window = self.browser.tab()
        window.open(url)
        return window

    def say(self, window, text):
        window.click("document.querySelector('#line')")
        window.ask("Input.insertText", text=text)
        window.press("Enter")

    def test_two_windows_talk(self):
        begun = time.monotonic()
        clone, enter, run, serve = commands()
        self.assertLessEqual(len(commands()), COMMANDS_MAX)
        self.assertEqual((clone, enter, run), ("git clone <this repository> ringcast", "cd ringcast", "tools/run"))
        subprocess.run(shlex.split(clone.replace("<this repository>", shlex.quote(str(TOP)))), cwd=self.folder, check=True, capture_output=True)
        tree = self.folder / enter.split()[1]
        self.assertIn("set -- --dev", (tree / run).read_text())
        daemon = self.start("ringcastd", [os.environ["RINGCASTD"], "--dev"], tree)
        pages = self.start("pages", shlex.split(serve), tree)
        urls = re.findall(r"<(http://[^>]+)>", PAGE.read_text())
        self.assertEqual(len(urls), 2)
        answers(daemon, "http://127.0.0.1:9080/healthz")
        answers(pages, urls[0])
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        alice = self.open_window(urls[0])
        alice.shows("* you are alice, player 1 of demo")
        bob = self.open_window(urls[1])
        bob.shows("* you are bob, player 2 of demo")
        self.say(alice, "hello, bob")
        bob.shows("alice: hello, bob")
        self.say(bob, "<b>hello</b>, alice")
        alice.shows("bob: <b>hello</b>, alice")
        daemon.terminate()
        for window in (alice, bob):
            window.shows("* the end:")
            self.assertEqual(window.complaints, [])
        log = (self.folder / "ringcastd.log").read_text
        self.assertEqual(daemon.wait(WAIT_SECONDS), 0, log())
        self.assertNotIn("ERROR: ", log())
        print(f"{len(commands())} commands and two windows: {time.monotonic() - begun:.1f} s without what tools/run installs and builds", file=sys.stderr)


def missing():
    if find_chromium() is None:
        return "there is no Chromium (Debian: chromium)"
    if not (TOP / ".git").exists():
        return "this tree is not of a repository that could be cloned"
    return None if own_network() else "no network of its own may be made here, and the page's ports may be taken"


if __name__ == "__main__":
    if why := missing():
        print(why, file=sys.stderr)
        sys.exit(SKIP)
    unittest.main()
