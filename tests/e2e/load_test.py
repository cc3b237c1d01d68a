#!/usr/bin/python3
"""ringcast-load as a judge: what it refuses before a run, its exit codes, and what it says of a server that dies under it."""

import json
import os
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from daemon import Daemon

KEPT, BROKEN, NOT_RUN, INVALID = 0, 1, 2, 3


def load(*arguments):
    return subprocess.run([os.environ["RINGCAST_LOAD"], *arguments], capture_output=True, text=True, timeout=120, check=False)


class WithoutServer(unittest.TestCase):
    """Nothing listens: whoever gets as far as asking for a server says so."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def refused(self, *arguments):
        result = load("--admin", f"unix:{self.folder.name}/nobody", *arguments)
        self.assertEqual(result.returncode, NOT_RUN, result.stderr)
        return result.stderr

    def test_no_server(self):
        self.assertIn("nobody", self.refused())

    def test_a_promise_that_nobody_knows(self):
        self.assertRegex(self.refused("--slo", "p98<5ms"), "--slo: 'p98<5ms' .* one of p50, p90")

    def test_a_report_that_cannot_be_written(self):
        self.assertIn("--json: cannot write /nowhere/report.json: No such file", self.refused("--json", "/nowhere/report.json"))
        self.assertIn("Is a directory", self.refused("--json", self.folder.name))

    def test_the_report_of_an_earlier_run_outlives_a_run_that_does_not_happen(self):
        path = os.path.join(self.folder.name, "report.json")
        self.refused("--json", path)
        self.assertFalse(os.path.exists(path))
        with open(path, "w") as file:
            file.write("earlier")
        self.refused("--json", path)
        with open(path) as file:
            self.assertEqual(file.read(), "earlier")

    def test_the_help_tells_the_codes(self):
        self.assertRegex(load("--help").stdout, "(?s)0  all promises.*1  a promise.*2  it could not run.*3  invalid")


class WithServer(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--dev")
        self.addCleanup(self.end)
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.report = os.path.join(self.folder.name, "report.json")
        self.common = ("--admin", f"http://127.0.0.1:{self.daemon.admin_port}", "--sessions", "1", "--players", "4", "--warmup", "0")
        self.common += ("--json", self.report)

    def end(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()

    def test_what_a_report_tells(self):
        result = load(*self.common, "--duration", "1", "--rate", "50")
        self.assertIn(result.returncode, (KEPT, INVALID), result.stderr)
        with open(self.report) as file:
            report = json.load(file)
        self.assertRegex(report["date"], r"^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertRegex(report["version"], r"^\d+\.\d+")
        for histogram in (*report["latency"].values(), report["login"], report["send_lateness"]):
            self.assertEqual(sum(count for _, count in histogram["buckets"]), histogram["count"])
            tops = [top for top, _ in histogram["buckets"]]
            self.assertEqual(tops, sorted(tops))
        self.assertGreater(report["login"]["count"], 0)

    def test_a_server_that_dies_has_lost_what_was_to_be_sent(self):
        run = {}
        thread = threading.Thread(target=lambda: run.update(result=load(*self.common, "--duration", "6", "--rate", "20")))
        thread.start()
        try:
            while thread.is_alive() and not any(self.daemon.metrics()[f"ringcast_deliveries_{kind}_total"] for kind in ("fast", "reliable")):
                time.sleep(0.05)
            self.daemon.process.send_signal(signal.SIGKILL)
            self.daemon.process.wait()
        finally:
            thread.join()
        result = run["result"]
        self.assertIn(result.returncode, (BROKEN, INVALID), result.stderr)
        self.assertIn("every player was disconnected", result.stderr)
        with open(self.report) as file:
            counts = json.load(file)["counts"]
        self.assertGreater(counts["skipped"], 0)
        self.assertGreaterEqual(counts["lost_fast"] + counts["lost_reliable"], 4 * counts["skipped"], "each was for all four")


if __name__ == "__main__":
    unittest.main(verbosity=2)
