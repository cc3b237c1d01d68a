#!/usr/bin/env python3
"""Half an hour of players who come, play and go: what a server holds must not grow.

    bench/soak.py --build build                     30 minutes
    bench/soak.py --build build --seconds 60        shorter: finds less
    bench/soak.py --build build-test --seconds 20 --skip memory    a sanitizer keeps what was freed

Samples the server's anonymous memory, its open files, and its own gauges (connections, players, sessions, buffers in use) while ringcast-load plays with
churn. The first fifth warms up. Of the rest, the median of the last third is held against that of the first: memory may grow by 2 % or 1 MiB, files
and gauges by a tenth or 8. When the players have left, everything but memory must be what it was before they came. Timers have no gauge: what a
timer hangs on, such as a conn, has, and a timer that is left behind keeps its memory. Exit code 1: something grew, or a promise of ringcast-load was broken.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import marks  # noqa: E402
import results  # noqa: E402

GAUGES = ("ringcast_connections", "ringcast_players", "ringcast_sessions", "ringcast_buffers_in_use")
SAMPLES = 120
MEMORY_RATIO, MEMORY_BYTES = 0.02, 1 << 20
COUNT_RATIO, COUNT = 0.1, 8
LEAVE_SECONDS = 60
KEPT_OPEN = {"buffers_in_use": 1}  # the buffer that a shard writes the next message into


def memory_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("Anonymous:"))


def sample(pid, admin):
    with urllib.request.urlopen(f"{admin}/metrics", timeout=30) as answer:
        text = answer.read().decode()
    taken = {name.removeprefix("ringcast_"): float(re.search(rf"^{name} (\S+)$", text, re.MULTILINE)[1]) for name in GAUGES}
    return {"memory": memory_bytes(pid), "files": len(os.listdir(f"/proc/{pid}/fd")), **taken}


def growths(samples, skipped=()):
    """What grew, one line each."""
    kept = samples[len(samples) // 5:]
    third = len(kept) // 3
    found = []
    for name in samples[0]:
        first, last = (statistics.median(one[name] for one in part) for part in (kept[:third], kept[-third:]))
        ratio, least = (MEMORY_RATIO, MEMORY_BYTES) if name == "memory" else (COUNT_RATIO, COUNT)
        if name not in skipped and last - first > max(ratio * first, least):
            found.append(f"{name} grew from {first:,.0f} to {last:,.0f}")
    return found


def leftovers(before, after):
    """What stayed when the players had left, one line each."""
    return [f"{name}: {before[name]:,.0f} before, {after[name]:,.0f} after the players have left" for name in before
            if name != "memory" and after[name] > before[name] + KEPT_OPEN.get(name, 0)]


def watch(process, pid, admin, seconds):
    samples = []
    while process.poll() is None:
        samples.append({"at": time.monotonic(), **sample(pid, admin)})
        time.sleep(max(0.2, seconds / SAMPLES))
    # the load's own beginning and end: players who join, and those who have left
    first, last = samples[0]["at"], samples[-1]["at"]
    return [{name: value for name, value in one.items() if name != "at"} for one in samples if first + 0.1 * (last - first) < one["at"] < last - 6]


def wait_until_left(before, pid, admin):
    until = time.monotonic() + LEAVE_SECONDS
    while leftovers(before, after := sample(pid, admin)) and time.monotonic() < until:
        time.sleep(0.5)
    return after


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a build (default: build)")
    parser.add_argument("--seconds", type=float, default=1800)
    parser.add_argument("--churn", type=float, default=20, help="players who leave and come back, per second")
    parser.add_argument("--skip", action="append", default=[], choices=["memory"])
    parser.add_argument("--results", metavar="DIR", help="write a result file there")
    arguments = parser.parse_args()
    with marks.Ringcastd(arguments.build) as server, tempfile.NamedTemporaryFile(mode="w+") as log:
        admin, pid = server.target[1], server.process.pid
        before = sample(pid, admin)
        load = subprocess.Popen([f"{arguments.build}/bench/ringcast-load", *server.target, "--sessions", "20", "--players", "8", "--rate", "10", "--groups", "2",
                                 "--to-group", "30", "--to-player", "10", "--churn", str(arguments.churn), "--duration", str(arguments.seconds)],
                                stdout=log, stderr=subprocess.STDOUT)
        samples = watch(load, pid, admin, arguments.seconds)
        after = wait_until_left(before, pid, admin)
        log.seek(0)
        print(log.read())
    if len(samples) < 15:
        sys.exit(f"only {len(samples)} samples: too short to say anything")
    problems = growths(samples, arguments.skip) + leftovers(before, after)
    if load.returncode not in (0, 3):  # 3: the generator was late, which is the machine's fault
        problems.append(f"ringcast-load ended with {load.returncode}")
    for name in samples[0]:
        print(f"{name:16} before {before[name]:>14,.0f}   first {samples[0][name]:>14,.0f}   last {samples[-1][name]:>14,.0f}   after {after[name]:>14,.0f}")
    print("\n".join(problems) if problems else f"nothing grew in {arguments.seconds:,.0f} s, {len(samples)} samples")
    if arguments.results:
        results.write(arguments.results, "soak", {"rows": [before, *samples[::max(1, len(samples) // 30)], after], "seconds": arguments.seconds,
                                                  "churn": arguments.churn, "problems": problems})
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
