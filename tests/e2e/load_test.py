#!/usr/bin/python3
"""ringcast-load as a judge: what it refuses before a run, its exit codes, and what it says of a server that dies under it."""

import json
import os
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest

import hdr
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
        self.assertRegex(self.refused("--slo", "q98<5ms"), "--slo: 'q98<5ms' .* one of p50 to p99.999")

    def test_a_report_that_cannot_be_written(self):
        self.assertIn("--json: cannot write /nowhere/report.json: No such file", self.refused("--json", "/nowhere/report.json"))
        self.assertIn("Is a directory", self.refused("--json", self.folder.name))

    def test_results_that_cannot_be_kept(self):
        self.assertIn("--results: cannot write into /nowhere: No such file", self.refused("--results", "/nowhere"))
        self.assertIn("--histograms: cannot write /nowhere/a.hlog: No such file", self.refused("--histograms", "/nowhere/a.hlog"))

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


class Comparing(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def write(self, name, costs, valid=True, **more):
        runs = [{"valid": valid, "deliveries_per_second": 1000, "latency": {"tcp": {"p50_ns": 1e6, "p99_ns": 2e6, "p99_9_ns": 3e6}},
                 "server": {"cpu_ns_per_delivery": cost}, **more} for cost in costs]
        path = os.path.join(self.folder.name, name)
        with open(path, "w") as file:
            json.dump({"runs": runs} if len(runs) != 1 else runs[0], file)
        return path

    def compare(self, before, after, *more, code):
        result = load("compare", before, after, *more)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout + result.stderr

    def cost(self, text):
        return next(line for line in text.splitlines() if line.startswith("server CPU per delivery"))

    def test_the_same_is_the_same(self):
        path = self.write("a.json", [500])
        self.assertRegex(self.cost(self.compare(path, path, code=KEPT)), r"500 +500 ns +1\.000 .* same")

    def test_worse_and_better(self):
        before, after = self.write("a.json", [500]), self.write("b.json", [600])
        self.assertRegex(self.cost(self.compare(before, after, code=BROKEN)), r"1\.200 .* WORSE")
        self.assertRegex(self.cost(self.compare(after, before, code=KEPT)), "better")
        self.assertRegex(self.cost(self.compare(before, after, "25", code=KEPT)), "same")

    def test_what_repeats_differ_by_is_noise(self):
        before, after = self.write("a.json", [400, 500, 600]), self.write("b.json", [500, 560, 570])
        self.assertRegex(self.cost(self.compare(before, after, code=KEPT)), r"500 +560 ns +1\.120 +20\.0% +same")
        self.assertRegex(self.cost(self.compare(before, self.write("b.json", [690, 700, 710]), code=BROKEN)), "WORSE")

    def test_more_deliveries_are_better(self):
        before, after = self.write("a.json", [500]), self.write("b.json", [500], deliveries_per_second=2000)
        self.assertIn("better", self.compare(before, after, code=KEPT).splitlines()[1])
        self.assertIn("WORSE", self.compare(after, before, code=BROKEN).splitlines()[1])

    def test_runs_of_other_work_are_refused(self):
        before = self.write("a.json", [500], options={"rate": 20.0, "sessions": 50, "label": "before", "seed": 1})
        after = self.write("b.json", [500], options={"rate": 40.0, "sessions": 50, "label": "after", "seed": 2})
        said = self.compare(before, after, code=NOT_RUN)
        self.assertIn("the work differs: rate is 20.0 in one and 40.0 in the other", said)
        self.assertIn("--any", said)
        self.assertNotIn("label", said)
        self.assertRegex(self.cost(self.compare("--any", before, after, code=KEPT)), "same")

    def test_repeats_of_other_work_are_refused(self):
        path = self.write("a.json", [500, 510])
        with open(path) as file:
            runs = json.load(file)["runs"]
        runs[1]["options"] = {"players": 9}
        with open(path, "w") as file:
            json.dump(runs, file)
        self.assertIn("players is 8 in one and 9", self.compare(path, path, code=NOT_RUN))
        runs[1]["valid"] = False
        with open(path, "w") as file:
            json.dump(runs, file)
        self.compare(path, path, code=KEPT)

    def test_what_an_older_report_does_not_know_stands_at_its_default(self):
        before = self.write("a.json", [500], options={"rate": 20})
        self.compare(before, self.write("b.json", [500], options={"rate": 20.0, "merge": False, "grid": 0, "slo": None}), code=KEPT)
        self.assertIn("merge", self.compare(before, self.write("b.json", [500], options={"merge": True}), code=NOT_RUN))

    def test_another_machine_is_told(self):
        before = self.write("a.json", [500], environment={"cpu": "one", "cpus": 2, "load_average": "0.1"})
        after = self.write("b.json", [500], environment={"cpu": "other", "cpus": 2, "load_average": "9.0", "clock": "tsc"})
        said = self.compare(before, after, code=KEPT)
        self.assertIn('the machine differs: cpu is "one" in one and "other" in the other', said)
        self.assertIn("clock is nothing in one", said)
        self.assertIn("warning: not the same machine", said)
        self.assertNotIn("load_average", said)
        self.assertNotIn("warning", self.compare(before, before, code=KEPT))

    def test_a_percentile_of_nothing_is_no_improvement(self):
        nothing = {"tcp": {"count": 0, "p50_ns": 0, "p99_ns": 0, "p99_9_ns": 0}}
        said = self.compare(self.write("a.json", [500]), self.write("b.json", [500], latency=nothing), code=KEPT)
        self.assertNotIn("tcp p99", said)

    def test_what_cannot_be_compared(self):
        path = self.write("a.json", [500])
        self.assertIn("no valid run", self.compare(path, self.write("b.json", [500], valid=False), code=NOT_RUN))
        self.assertIn("nowhere is not a report", self.compare(path, "/nowhere", code=NOT_RUN))
        with open(os.path.join(self.folder.name, "c.json"), "w") as file:
            file.write("{}")
        self.assertIn("c.json is not a report", self.compare(path, file.name, code=NOT_RUN))
        self.assertIn("Usage", self.compare(path, path, "much", code=NOT_RUN))
        self.assertIn("Usage", load("compare", "--help").stdout)


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

    def test_a_log_that_other_tools_read(self):
        log = os.path.join(self.folder.name, "run.hlog")
        result = load(*self.common, "--duration", "2", "--rate", "50", "--histograms", log, "--results", self.folder.name, "--label", "kept", "--commit", "abc")
        self.assertIn(result.returncode, (KEPT, INVALID), result.stderr)
        with open(self.report) as file:
            report = json.load(file)
        kept = [name for name in os.listdir(self.folder.name) if name.endswith("-kept.json")]
        self.assertRegex(kept[0], r"^20\d\d-\d\d-\d\dT\d{6}Z-kept.json$")
        with open(os.path.join(self.folder.name, kept[0])) as file:
            self.assertEqual(json.load(file)["latency"], report["latency"])
        self.assertEqual((report["commit"], report["label"]), ("abc", "kept"))
        self.assertIn("mitigations", report["environment"])
        intervals = hdr.read_log(log)
        for channel in ("tcp", "udp"):
            merged = hdr.merge(counts for tag, _, counts in intervals if tag == channel)
            self.assertEqual(merged, {top: count for top, count in report["latency"][channel]["buckets"]})
            self.assertGreater(len(merged), 0)
        starts = [start for tag, start, _ in intervals if tag == "udp"]
        self.assertEqual(starts, sorted(set(starts)))
        self.assertEqual(sum(row["sent"] for row in report["series"]), report["send_lateness"]["count"])

    def reported(self):
        with open(self.report) as file:
            return json.load(file)

    def run_shared(self, *more):
        """Sessions for two processes: what a run of one process counts, one of several counts as well."""
        result = load(*self.common, "--sessions", "5", "--duration", "2", "--rate", "10", *more)
        self.assertIn(result.returncode, (KEPT, INVALID), result.stderr)
        return self.reported()

    def check_shared(self, report, processes):
        self.assertEqual((report["processes"], report["players"]), (processes, 20))
        self.assertEqual(report["send_lateness"]["count"], 400, "5 sessions, 4 players, 10 a second, 2 seconds")
        counts = report["counts"]
        self.assertEqual(counts["skipped"] + counts["refused"], 0)
        self.assertEqual(counts["expected"], 4 * counts["sent"])
        lost = counts["lost_fast"] + counts["lost_reliable"]
        self.assertEqual(sum(report["latency"][channel]["count"] for channel in ("tcp", "udp")), 1600 - lost)
        self.assertEqual(counts["leaks"] + counts["damaged"] + counts["misattributed"] + counts["foreign"], 0)
        self.assertEqual(sum(row["sent"] for row in report["series"]), 400)
        for channel in ("tcp", "udp"):
            rows = hdr.merge(hdr.decode(row[channel]["hdr"]) for row in report["series"] if channel in row)
            self.assertEqual(rows, {top: count for top, count in report["latency"][channel]["buckets"]})

    def test_several_processes_count_what_one_does(self):
        self.check_shared(self.run_shared(), 1)
        self.check_shared(self.run_shared("--processes", "2"), 2)

    def test_processes_from_elsewhere(self):
        secret, wrong = (os.path.join(self.folder.name, name) for name in ("secret", "wrong"))
        for path, text in ((secret, "0123456789abcdef"), (wrong, "0123456789abcdeX")):
            with open(path, "w") as file:
                file.write(text + "\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            place = f"127.0.0.1:{free.getsockname()[1]}"
        run = {}
        thread = threading.Thread(target=lambda: run.update(report=self.run_shared("--processes", "2", "--listen", place, "--secret", secret, "--repeats", "2")))
        thread.start()
        workers = []
        try:
            while thread.is_alive() and load("--work-for", place, "--secret", wrong).returncode != KEPT:  # until it listens; then it is sent away
                time.sleep(0.1)
            workers = [subprocess.Popen([os.environ["RINGCAST_LOAD"], "--work-for", place, "--secret", secret]) for _ in range(2)]
        finally:
            thread.join()
            for worker in workers:
                self.assertEqual(worker.wait(timeout=30), KEPT)
        self.assertEqual(len(run["report"]["runs"]), 2)
        for report in run["report"]["runs"]:
            self.check_shared(report, 2)

    def test_a_stranger_who_drips_keeps_no_worker_waiting(self):
        secret = os.path.join(self.folder.name, "secret")
        with open(secret, "w") as file:
            file.write("0123456789abcdef\n")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            address = free.getsockname()
        run = {}
        command = ("--processes", "2", "--listen", "%s:%u" % address, "--secret", secret)
        thread = threading.Thread(target=lambda: run.update(report=self.run_shared(*command)))
        thread.start()
        stranger = self.connect_when_open(thread, address)
        self.addCleanup(stranger.close)
        workers = []
        try:
            self.assertLess(self.drip(stranger, 1000), 1000, "its hello has one deadline, however slowly it comes")
            silent = [socket.create_connection(address) for _ in range(70)]  # more than the lobby holds
            workers = [subprocess.Popen([os.environ["RINGCAST_LOAD"], "--work-for", command[3], "--secret", secret]) for _ in range(2)]
            for worker in workers:
                self.assertEqual(worker.wait(timeout=60), KEPT)
            for one in silent:
                one.close()
        finally:
            for worker in workers:
                worker.kill()
            thread.join()
        self.check_shared(run["report"], 2)

    def connect_when_open(self, thread, address):
        while thread.is_alive():
            try:
                return socket.create_connection(address)
            except OSError:
                time.sleep(0.05)
        return self.fail("it does not listen")

    def drip(self, stranger, bytes_max):
        """How many single bytes it could say before it was sent away."""
        for said in range(bytes_max):
            try:
                stranger.sendall(b" ")
                stranger.settimeout(0.05)
                if stranger.recv(1) == b"":
                    return said
            except TimeoutError:
                continue
            except OSError:
                return said
        return bytes_max

    def test_a_process_that_has_no_place_calls_off_the_run(self):
        result = load(*self.common, "--sessions", "2", "--processes", "2", "--duration", "30", "--admin", f"unix:{self.folder.name}/nobody")
        self.assertEqual(result.returncode, NOT_RUN)
        self.assertIn("it could not play its part", result.stderr)

    def test_a_search(self):
        result = load(*self.common, "--duration", "1", "--rate", "5", "--search", "15", "--slo", "loss<50%,p50<30s")
        self.assertIn(result.returncode, (KEPT, BROKEN), result.stderr)
        search = self.reported()["search"]
        rates = [entry["rate"] for entry in search["tries"]]
        self.assertEqual(rates[0], 5)
        self.assertEqual(len(self.reported()["runs"]), len(rates))
        self.assertEqual(search["rate"], max([entry["rate"] for entry in search["tries"] if entry["is_kept"]], default=0))
        if all(entry["is_kept"] for entry in search["tries"]):  # else the machine was too busy for so little
            self.assertEqual((rates, search["limited_by"]), ([5, 10, 15], "none"))

    def test_players_who_move_see_what_is_near(self):
        result = load(*self.common, "--players", "20", "--duration", "2", "--rate", "10", "--grid", "5", "--moves", "3", "--to-group", "100", "--churn", "2")
        self.assertIn(result.returncode, (KEPT, INVALID), result.stderr)
        counts = self.reported()["counts"]
        self.assertGreater(counts["moves"], 0)
        self.assertGreater(counts["joins"], counts["leaves"])
        self.assertEqual((counts["leaks"], counts["lost_fast"] + counts["lost_reliable"]), (0, 0))
        deliveries = counts["received_tcp"] + counts["received_udp"]
        self.assertGreater(deliveries, counts["sent"], "each sees itself, and some their neighbours")
        self.assertLess(deliveries, 20 * counts["sent"], "nobody sees all")

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
