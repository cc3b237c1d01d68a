#!/usr/bin/env python3
"""Daemons end with the test program that started them, however that one ends."""

import os
import pathlib
import signal
import subprocess
import sys
import time
import unittest

import capabilities

HERE = pathlib.Path(__file__).resolve().parent
SECONDS = 60

BROKEN_SETUP = """
import unittest
from daemon import Daemon
class Case(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon()
        print(cls.daemon.process.pid, flush=True)
        raise AssertionError("what comes after it fails")
    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
    def test_nothing(self):
        pass
unittest.main()
"""

FROM_THE_ADMIN_TESTS = """
import sys
sys.path.insert(0, "admin")
from ringcastd_process import Ringcastd
print(Ringcastd().__enter__().process.pid, flush=True)
raise AssertionError("nobody leaves it")
"""

WAITS = """
import sys
from daemon import Daemon
print(Daemon().process.pid, flush=True)
sys.stdin.read()
"""


def is_alive(pid):
    """Not as a zombie whose new parent has not looked yet."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class ChildTest(unittest.TestCase):
    def start(self, text):
        """A test program, and the pid of the daemon that it has started."""
        program = subprocess.Popen([sys.executable, "-c", text], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.addCleanup(program.communicate)
        self.addCleanup(program.kill)
        pid = int(program.stdout.readline())
        self.addCleanup(lambda: is_alive(pid) and os.kill(pid, signal.SIGKILL))
        return program, pid

    def expect_gone(self, pid):
        until = time.monotonic() + SECONDS
        while is_alive(pid):
            self.assertLess(time.monotonic(), until, f"ringcastd {pid} has outlived its test")
            time.sleep(0.01)

    def test_of_a_test_whose_set_up_fails(self):
        program, pid = self.start(BROKEN_SETUP)
        self.assertEqual(program.wait(SECONDS), 1)
        self.expect_gone(pid)

    def test_of_a_test_that_is_killed(self):
        program, pid = self.start(WAITS)
        self.assertTrue(is_alive(pid))
        program.kill()
        self.expect_gone(pid)

    @capabilities.needs_root
    def test_of_a_test_that_starts_it_as_somebody_else(self):
        with capabilities.passed_on():
            program, pid = self.start(WAITS)
        program.kill()
        self.expect_gone(pid)

    def test_of_a_test_that_starts_it_by_the_other_helper(self):
        program, pid = self.start(FROM_THE_ADMIN_TESTS)
        self.assertEqual(program.wait(SECONDS), 1)
        self.expect_gone(pid)


if __name__ == "__main__":
    unittest.main()
