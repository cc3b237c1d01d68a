#!/usr/bin/env python3
"""The daemon under ThreadSanitizer, whatever the build's own sanitizer is: some of the end-to-end tests with a ringcastd built for it.

    tsan_daemon.py FOLDER [lua] [node] [botocore]     builds in FOLDER; then what there is

Relay on two and three shards, plain and encrypted, with certificates and limits that change; scripts of both languages, pushed under load and failing;
the service as SDKs and as plain HTTP ask it; thousands of sessions listed; and a stop in the middle of it all. Any report fails. What it reports is
mended, or stands in tsan.supp with its reason. tsan.sh (suite slow) is longer, with players who come and go."""

import os
import pathlib
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parents[2]
TARGETS = ["engine/ringcastd", "bench/ringcast-load", "tools/ringcast/ringcast"]
PATIENCE_SECONDS = 600  # for one line of the table; ends what has failed

# test file, what of it (nothing: all), what it needs
CASES = [
    ("relay_test.py", [], []),
    ("spread_test.py", [], []),
    ("questions_test.py", [], []),
    ("secure_interop_test.py", ["PythonTest", "OptionalTest"], []),
    ("secure_network_test.py", ["NetworkTest.test_no_faults"], []),
    ("secure_reload_test.py", ["ReloadTest"], []),
    ("secure_start_test.py", ["LoginTest"], []),
    ("script_test.py", ["Deployment.test_sessions_keep_their_version", "Deployment.test_remove_waits_for_the_last_session", "Update"], ["lua"]),
    ("javascript_test.py", ["JavaScript.test_versions_under_load_do_not_mix", "JavaScript.test_kill_9_of_node_ends_its_sessions_and_no_others"], ["lua", "node"]),
    ("service_test.py", [], ["lua", "botocore"]),
    ("webhook_test.py", [], ["lua", "botocore"]),
    ("stop_test.py", [], []),
]


def build(folder, targets):
    if not (folder / "build.ninja").exists():
        options = ["--buildtype=debugoptimized", "-Doptimization=1", "-Dtests=false", "-Db_sanitize=thread", "-Db_lundef=false", "-Dwerror=false"]
        subprocess.run(["meson", "setup", str(folder), str(TOP), *options], check=True, capture_output=True)
    result = subprocess.run(["ninja", "-C", str(folder), *targets], capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(result.stdout + result.stderr)


def environment(folder, work, have):
    built = {"RINGCASTD": "engine/ringcastd", "RINGCAST_LOAD": "bench/ringcast-load", "E2E_LOAD": "bench/ringcast-load", "RINGCAST": "tools/ringcast/ringcast",
             "E2E_CLI": "tools/ringcast/ringcast", "RINGCAST_LUA_CHECK": "engine/ringcast-lua-check", "RINGCAST_CONFINE": "scripting/sidecar/ringcast-confine"}
    return {**os.environ, **{name: str(folder / path) for name, path in built.items()},
            "RINGCAST_SIDECAR": str(TOP / "scripting/js/sidecar.js"), "RINGCAST_HAS_LUA": "1" if "lua" in have else "", "RINGCAST_HAS_NODE": "1" if "node" in have else "",
            "TSAN_OPTIONS": f"log_path={work}/report exitcode=66 suppressions={TOP}/tests/checks/tsan.supp"}


def run(file, names, environment):
    """None, or what went wrong."""
    try:
        result = subprocess.run([sys.executable, "-W", "ignore", file, *names], cwd=TOP / "tests/e2e", env=environment, capture_output=True, text=True,
                                timeout=PATIENCE_SECONDS, check=False)
    except subprocess.TimeoutExpired as late:
        return f"no end within {PATIENCE_SECONDS} s: {late.output} {late.stderr}"
    ran_some = "\nRan " in result.stderr and "\nRan 0 " not in result.stderr
    return None if result.returncode == 0 and ran_some else f"ended with {result.returncode}: {result.stdout[-4000:]}{result.stderr[-8000:]}"


def main():
    folder, have = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2:]
    build(folder, TARGETS + (["engine/ringcast-lua-check"] if "lua" in have else []) + ["scripting/sidecar/ringcast-confine"])
    wrong = 0
    with tempfile.TemporaryDirectory(prefix="ringcast-tsan-") as work:
        for file, names, needs in CASES:
            if not set(needs) <= set(have):
                print(f"left out without {' and '.join(sorted(set(needs) - set(have)))}: {file} {' '.join(names)}", flush=True)
                continue
            began = time.monotonic()
            problem = run(file, names, environment(folder, work, have))
            print(f"{time.monotonic() - began:6.1f} s  {file} {' '.join(names)}{': ' + problem if problem else ''}", flush=True)
            wrong += problem is not None
        reports = sorted(pathlib.Path(work).glob("report*"))
        for report in reports:
            print(report.read_text())
    print(f"{len(reports)} reports, {wrong} failures")
    return 1 if wrong or reports else 0


if __name__ == "__main__":
    sys.exit(main())
