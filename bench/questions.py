#!/usr/bin/env python3
"""Do questions hold the players up? A daemon full of sessions, relaying, with and without somebody who asks.

    bench/questions.py --build build                     65 536 sessions on two shards
    bench/questions.py --build build --sessions 4096

The same load runs twice. The second time, one client over and over asks for the list of all sessions and others meanwhile for /metrics, a reload of the
configuration with a new certificate, and a new version of the script that some of the sessions run. Printed is how long the shards' turns took, from the
shards' own histogram (ringcast_tick_seconds): in wall-clock time, so where a thread was taken off its processor the turn is long without being busy. Shards
therefore run with real-time priority where that is allowed; how often they were taken off nonetheless, and what processor time they took, is printed too.
"""
import argparse
import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import time

TOP = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(TOP / "tests/e2e"))
import daemon  # noqa: E402
import scripts  # noqa: E402
from questions import Admin, Turns  # noqa: E402

SCRIPTED, SPARE = 64, 256


def make_certificate(folder):
    """A new key and a certificate for it in one go, so that a reload finds a pair; it keeps the old one where it looks between the two."""
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                    "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{folder}/new.key", "-out", f"{folder}/new.pem"],
                   check=True, capture_output=True)
    for end in ("key", "pem"):
        pathlib.Path(f"{folder}/new.{end}").rename(f"{folder}/server.{end}")


class Repeated(threading.Thread):
    """Calls work(number) until told to end, and counts; an exception ends the run."""

    def __init__(self, port, work, pause_s):
        super().__init__()
        self.port, self.work, self.pause_s = port, work, pause_s
        self.is_ending, self.count, self.error = threading.Event(), 0, None
        self.start()

    def run(self):
        try:
            with Admin(self.port) as admin:
                while not self.is_ending.wait(self.pause_s):
                    self.work(admin, self.count)
                    self.count += 1
        except Exception as error:  # told by end()
            self.error = error

    def end(self):
        self.is_ending.set()
        self.join()
        if self.error:
            raise self.error
        return self.count


class Shards:
    """The threads that relay, as the kernel sees them: processor time, and how often each was taken off its processor."""

    def __init__(self, pid, count):
        self.tasks = []
        names = {}
        for task in sorted(pathlib.Path(f"/proc/{pid}/task").iterdir(), key=lambda task: int(task.name)):
            names.setdefault((task / "comm").read_text().strip(), task)  # threads that a shard starts bear its name too
        self.tasks = [names[f"shard {shard}"] for shard in range(count)]

    def put_first(self):
        """So that what is measured is their own work; whether that is allowed."""
        try:
            for task in self.tasks:
                os.sched_setscheduler(int(task.name), os.SCHED_FIFO, os.sched_param(1))
        except PermissionError:
            return False
        return True

    def read(self):
        result = []
        for task in self.tasks:
            cpu_ns = int((task / "schedstat").read_text().split()[0])
            status = (task / "status").read_text()
            result.append((cpu_ns, int(status.split("nonvoluntary_ctxt_switches:")[1].split()[0])))
        return result


def phase(options, server, work):
    """Load for so long, with the questions of work beside it. Returns what the turns took, what the kernel saw, and how often each question was asked."""
    load = subprocess.Popen([f"{options.build}/bench/ringcast-load", "--admin", f"http://127.0.0.1:{server.admin_port}", "--sessions", "25", "--players", "8",
                             "--rate", "6.25", "--size", "64", "--tcp", "--warmup", "1", "--duration", str(options.seconds + 3)],
                            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    shards = Shards(server.process.pid, options.shards)
    with Admin(server.admin_port) as admin:
        time.sleep(2)  # its players log in meanwhile
        before, kernel_before = Turns(admin.metrics()), shards.read()
        repeated = {name: Repeated(server.admin_port, *how) for name, how in work.items()}
        time.sleep(options.seconds)
        asked = {name: thread.end() for name, thread in repeated.items()}
    with Admin(server.admin_port) as admin:
        turns, kernel = Turns(admin.metrics()).since(before), shards.read()
    said = load.communicate()[0]
    if load.returncode not in (0, 3):  # 3: the generator was late, which is no matter here
        sys.exit(said)
    return turns, [tuple(b - a for a, b in zip(*pair)) for pair in zip(kernel_before, kernel)], asked


def longest(buckets):
    return max(bound for bound, count in buckets.items() if count)


def print_table(without, with_questions):
    shards = sorted(without)
    print("| a turn took less than | " + " | ".join(f"shard {shard}, {what}" for shard in shards for what in ("relay only", "and questions")) + " |")
    print("|---|" + "---|" * (2 * len(shards)))
    bounds = sorted(without[shards[0]])
    seen = [bound for bound in bounds if any(phase[shard][bound] for shard in shards for phase in (without, with_questions))]
    for bound in bounds[bounds.index(seen[0]):bounds.index(seen[-1]) + 1]:
        text = f"{bound * 1e6:,.0f} us" if bound < float("inf") else "for ever"
        print(f"| {text} | " + " | ".join(f"{phase[shard][bound]:,}" for shard in shards for phase in (without, with_questions)) + " |")


def print_kernel(name, turns, kernel):
    for shard, (cpu_ns, switches) in zip(sorted(turns), kernel):
        count = sum(turns[shard].values())
        print(f"{name}, shard {shard}: {count:,} turns, {cpu_ns / count / 1e3:.1f} us of processor time each, longest below "
              f"{longest(turns[shard]) * 1e6:,.0f} us, taken off its processor {switches:,} times")


def all_listed(admin, ids):
    found = [session["id"] for page in admin.pages() for session in page["sessions"]]
    if found != sorted(set(found)):
        sys.exit("a list of sessions is out of order, or has one twice")
    missing = ids - set(found)
    if missing:
        sys.exit(f"{len(missing)} of {len(ids)} sessions were not in the list")


def questions(folder, ids):
    def reload(admin, number):
        pathlib.Path(folder, "config.yaml").write_text(f"limits:\n  messages_per_second: {1000 + number}\n")
        make_certificate(folder)
        admin.ask_json("POST", "/v1/reload", {})

    def push(admin, number):
        admin.ask("POST", "/v1/scripts/arena", scripts.make_zip(scripts.lua(f"version {number}")), "application/zip")

    return {"list of all sessions": (lambda admin, _: all_listed(admin, ids), 0), "metrics": (lambda admin, _: admin.metrics(), 0.05),
            "reload": (reload, 0.2), "script": (push, 0.5)}


def start(options, folder):
    make_certificate(folder)
    pathlib.Path(folder, "config.yaml").write_text("limits:\n  messages_per_second: 999\n")
    per_shard = options.sessions // options.shards + SPARE
    return daemon.Daemon("--config", f"{folder}/config.yaml", "--shards", str(options.shards), limits__sessions_max=per_shard, tls__mode="optional",
                         tls__certificate=f"{folder}/server.pem", tls__key=f"{folder}/server.key", limits__connections_per_address_max=2000,
                         limits__handshakes_per_second_per_address=10000, scripts__directory=f"{folder}/scripts")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="folder with engine/ringcastd and bench/ringcast-load")
    parser.add_argument("--sessions", type=int, default=65536)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=20, help="of each of the two runs")
    parser.add_argument("--only", default="", help="only the questions whose name contains this")
    options = parser.parse_args()
    os.environ["RINGCASTD"] = f"{options.build}/engine/ringcastd"
    with tempfile.TemporaryDirectory() as folder:
        server = start(options, folder)
        try:
            with Admin(server.admin_port) as admin:
                admin.ask("POST", "/v1/scripts/arena", scripts.make_zip(scripts.lua("version none")), "application/zip")
                ids = set(admin.create(SCRIPTED, script="arena")) | set(admin.create(options.sessions - SCRIPTED))
                first = Shards(server.process.pid, options.shards).put_first()
                print(f"{admin.metrics()['ringcast_sessions']:,.0f} sessions on {options.shards} shards{', with priority' if first else ''}\n", flush=True)
            without, kernel_without, _ = phase(options, server, {})
            with_questions, kernel_with, asked = phase(options, server, {name: how for name, how in questions(folder, ids).items() if options.only in name})
        finally:
            server.stop()
    print_table(without, with_questions)
    print()
    print_kernel("relay only", without, kernel_without)
    print_kernel("and questions", with_questions, kernel_with)
    print("asked: " + ", ".join(f"{name} {count} times" for name, count in asked.items()))


if __name__ == "__main__":
    main()
