"""Result files: small JSON documents with the machine and the date in them, from which docs/benchmarks.md is made (bench/page.py)."""
import datetime
import glob
import json
import os
import platform
import subprocess
import sys

LATE_RATIO_MAX = 0.01  # of the sends; a generator that was late for more has measured itself


def _first_line(path):
    try:
        with open(path) as file:
            return file.readline().strip()
    except OSError:
        return None


def _model():
    try:
        with open("/proc/cpuinfo") as file:
            return next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), None)
    except OSError:
        return None


def _commit():
    done = subprocess.run(["git", "-C", os.path.dirname(os.path.abspath(__file__)), "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    return done.stdout.strip() or None


def mitigations():
    folder = "/sys/devices/system/cpu/vulnerabilities"
    found = {name: _first_line(os.path.join(folder, name)) for name in (os.listdir(folder) if os.path.isdir(folder) else [])}
    return {name: text for name, text in sorted(found.items()) if text != "Not affected"}


def machine():
    """What a number means nothing without."""
    return {"kernel": platform.release(), "machine": platform.machine(), "cpu": _model(), "cpus": os.cpu_count(), "mitigations": mitigations(),
            "load_average": _first_line("/proc/loadavg"), "governor": _first_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")}


def _command():
    """As it was given, but for where the build and the results are."""
    words, previous = [os.path.relpath(os.path.abspath(sys.argv[0]), os.path.dirname(os.path.dirname(os.path.abspath(__file__))))], ""
    for word in sys.argv[1:]:
        words.append({"--build": "build", "--after": "build", "--before": "../before/build", "--results": "bench/results"}.get(previous, word))
        previous = word
    return " ".join(words)


def write(folder, kind, content, now=None):
    """folder/<date>-<kind>.json; the path."""
    now = now or datetime.datetime.now(datetime.timezone.utc)
    path = os.path.join(folder, f"{now:%Y-%m-%d}-{kind}.json")
    document = {"kind": kind, "date": f"{now:%Y-%m-%d}", "command": _command(), "commit": _commit(),
                "machine": machine(), **content}
    with open(path, "w") as file:
        json.dump(document, file, indent=1)
        file.write("\n")
    print(f"wrote {path}", file=sys.stderr)
    return path


def refusal(row):
    """Why a row says nothing about what it measured; None: it does."""
    late = row.get("late_ratio")
    if late is not None and late > LATE_RATIO_MAX:
        return f"the generator was late for {late:.0%} of its sends"
    if row.get("valid") is False:
        return f"the generator was late for more than {LATE_RATIO_MAX:.0%} of its sends"
    if late is None and "valid" not in row:
        return "whether the generator kept up was not kept"
    return None


def times(p50_ms, p99_ms):
    """A percentile of nothing is none, and not a short time."""
    return " / ".join("none" if value is None else f"{value:.2f}" for value in (p50_ms, p99_ms))


def milliseconds(ns, digits=3):
    return None if ns is None else round(ns / 1e6, digits)


def latest(folder, kind):
    """The newest result of a kind; None: there is none."""
    paths = sorted(glob.glob(os.path.join(folder, f"????-??-??-{kind}.json")))
    if not paths:
        return None
    with open(paths[-1]) as file:
        return json.load(file)
