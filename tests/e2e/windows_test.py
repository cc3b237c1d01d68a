#!/usr/bin/python3
"""From a clone to two browser windows that talk, as docs/examples/chat/README.md says it: its commands in their order, its addresses, its ports, and a person's hands at two
windows of Chromium. One thing is not done again: what tools/run installs and builds is taken from the build at hand. Prints how many commands it took, and how long.

With WINDOWS_ROOT, a Debian in a folder, nothing is left out: the commands run in there, tools/run and all, after git has been installed. tests/packages/newcomer makes such a root, with
this repository at /repository.git.

Exit status 77 where there is no Chromium, no network of its own, or no clone to make."""

import os
import pathlib
import re
import resource
import shlex
import signal
import socket
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
ROOT = os.environ.get("WINDOWS_ROOT")
WAIT_SECONDS = 3600 if ROOT else 120  # only to end a test that has failed
PAGE = TOP / "docs/examples/chat/README.md"
COMMANDS_MAX = 4
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def commands():
    return [command for line in PAGE.read_text().splitlines() if line.startswith("    ") for command in line.strip().split(" && ")]


def answers(process, url, look=lambda: ""):
    """Waits until a server answers, and looks at its log meanwhile; says so when it ended instead."""
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until and process.poll() is None:
        try:
            with DIRECT.open(url, timeout=WAIT_SECONDS):
                return
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{process.args}: {url}: {error}") from None
        except OSError:  # not yet
            pass
        look()
        time.sleep(0.05)
    raise AssertionError(f"{process.args}: {url} is not answered; {process.poll()} {look()}")


class Windows(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.begun, self.stages = time.monotonic(), []

    def start(self, name, command, folder):
        with open(self.folder / f"{name}.log", "wb") as log:
            process = subprocess.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(self.end, process)
        return process

    @staticmethod
    def end(process):
        """With all that it has started: a build that has not come to its end, too."""
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)

    def start_here(self, clone, run, serve):
        """The daemon of the build at hand, and the page's files, from a clone."""
        subprocess.run(shlex.split(clone.replace("<this repository>", shlex.quote(str(TOP)))), cwd=self.folder, check=True, capture_output=True)
        tree = self.folder / "ringcast"
        self.assertIn("set -- --dev", (tree / run).read_text())
        return self.start("ringcastd", [os.environ["RINGCASTD"], "--dev"], tree), self.start("pages", shlex.split(serve), tree)

    def start_in_root(self, clone, run, serve):
        """On a machine that has nothing yet, not even git."""
        inside = ["env", "-i", "HOME=/root", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", *[f"{name}={value}" for name, value in os.environ.items() if "proxy" in name.lower()],
                  "chroot", ROOT, "sh", "-c"]
        for command in ("apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq git ca-certificates", clone.replace("<this repository>", "/repository.git")):
            done = subprocess.run([*inside, f"cd /root && {command}"], capture_output=True, text=True, timeout=WAIT_SECONDS)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.tell(command.split(" && ")[-1].replace("DEBIAN_FRONTEND=noninteractive ", ""))
        self.before = len(self.stages)
        daemon = self.start("ringcastd", [*inside, f"cd /root/ringcast && exec {run}"], None)
        answers(daemon, "http://127.0.0.1:9080/healthz", self.look)
        return daemon, self.start("pages", [*inside, f"cd /root/ringcast && exec {serve}"], None)

    def log(self):
        return (self.folder / "ringcastd.log").read_text()

    def tell(self, what):
        self.stages.append((time.monotonic() - self.begun, what))

    def look(self):
        """The log; which of its lines are new is told with when they came."""
        for line in self.log().splitlines()[len(self.stages) - self.before :]:
            self.tell(line)
        return self.log()

    def open_window(self, url):
        window = self.browser.tab()
        window.open(url)
        return window

    def say(self, window, text):
        window.click("document.querySelector('#line')")
        window.ask("Input.insertText", text=text)
        window.press("Enter")

    def test_two_windows_talk(self):
        clone, enter, run, serve = commands()
        self.assertLessEqual(len(commands()), COMMANDS_MAX)
        self.assertEqual((clone, enter, run), ("git clone <this repository> ringcast", "cd ringcast", "tools/run"))
        daemon, pages = (self.start_in_root if ROOT else self.start_here)(clone, run, serve)
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
        took_s = time.monotonic() - self.begun
        daemon.terminate()
        for window in (alice, bob):
            window.shows("* the end:")
            self.assertEqual(window.complaints, [])
        self.assertEqual(daemon.wait(WAIT_SECONDS), 0, self.log())
        self.assertNotIn("ERROR: ", self.log())
        print("".join(f"{at_s:6.1f} s  {what[:150]}\n" for at_s, what in self.stages), end="", file=sys.stderr)
        used = resource.getrusage(resource.RUSAGE_CHILDREN)  # without the browser's, which has not ended
        print(f"{len(commands())} commands and two windows: {took_s:.1f} s, {used.ru_utime + used.ru_stime:.1f} s of processors, {'with all' if ROOT else 'without what'} tools/run installs and builds", file=sys.stderr)


def is_free(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def missing():
    if find_chromium() is None:
        return "there is no Chromium (Debian: chromium)"
    if not (TOP / ".git").exists():
        return "this tree is not of a repository that could be cloned"
    if ROOT:  # which needs the network
        taken = [port for port in (7777, 8000, 9080, 9081) if not is_free(port)]
        return f"ports are taken: {taken}" if taken else None
    return None if own_network() else "no network of its own may be made here, and the page's ports may be taken"


if __name__ == "__main__":
    if why := missing():
        print(why, file=sys.stderr)
        sys.exit(SKIP)
    unittest.main()
