#!/usr/bin/env python3
"""Runs the small benchmarks and keeps what they print, with the day and the machine, for docs/benchmarks.md.

    bench/keep.py --build build                                    all of them, some minutes
    bench/keep.py --build build --only micro-match                 those whose name contains this
    bench/keep.py --build build --results bench/results            and keep it there
"""
import argparse
import subprocess
import sys

import results

PROGRAMS = ("micro-hooks", "micro-sidecar", "micro-match", "micro-place", "micro-seal", "micro-limbs", "micro-login-floor")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build", help="a release build (default: build)")
    parser.add_argument("--only", default="", help="programs whose name contains this")
    parser.add_argument("--results", metavar="DIR", help="write result files there")
    arguments = parser.parse_args()
    for name in (name for name in PROGRAMS if arguments.only in name):
        done = subprocess.run([f"{arguments.build}/bench/{name}"], stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode != 0:
            sys.exit(f"{name}: exit {done.returncode}")
        print(done.stdout, flush=True)
        if arguments.results:
            results.write(arguments.results, name, {"rows": done.stdout.splitlines()})


if __name__ == "__main__":
    main()
