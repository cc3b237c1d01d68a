#!/usr/bin/env python3
"""Plants bugs in a copy of the tree, one at a time, and says which of them the simulation finds, with how many seeds, and by which words.

  run.py [--seeds N] [NAME...]     default: 1000 seeds, all patches of this folder
  run.py --fit                     plants nothing: only whether each patch still fits the code

Each patch begins with a line that says what is planted; those called service-... are for the simulation of the service. Exit 1 when one is not found, or does not apply any more: then it has to be made anew."""

import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
TOP = HERE.parents[2]
FAILURES_MAX = 40  # an assertion ends the run: it goes on behind the seed, so often at most
BUILD = ["ninja", "-C", "build", "tests/sim/ringcast-sim", "tests/sim/service/ringcast-service-sim"]


def run(command, folder, **options):
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, **options)


def left_out(folder, names):
    """What builds have made, at the top; a program called build in a folder of the tree belongs to it."""
    made = shutil.ignore_patterns(".git", "__pycache__", "node_modules", *(["build", "build-*"] if pathlib.Path(folder) == TOP else []))
    return made(folder, names)


def prepare(folder):
    shutil.copytree(TOP, folder / "tree", ignore=left_out, symlinks=True)
    tree = folder / "tree"
    result = run(["meson", "setup", "build", "--buildtype=release"], tree)
    if result.returncode != 0 or run(BUILD, tree).returncode != 0:
        sys.exit(f"the tree does not build: {result.stdout}{result.stderr}")
    return tree


def simulate(tree, program, seeds):
    """How many seeds fail, and what the first of them says."""
    failed, words, seed = 0, "", 1
    while seed <= seeds and failed < FAILURES_MAX:
        result = run([program, f"--seed={seed}", f"--seeds={seeds - seed + 1}"], tree)
        found = re.findall(r"^FAILED seed \d+: (.*)$", result.stderr, re.M)
        failed += len(found)
        words = words or (found[0] if found else "")
        if result.returncode in (0, 1):
            break
        failed += 1
        words = words or next((line for line in result.stderr.splitlines() if "assertion failed" in line), f"ended with {result.returncode}")
        last = re.findall(r"--seed=(\d+)", result.stderr)
        if not last:
            break
        seed = int(last[-1]) + 1
    return failed, words


def plant(tree, patch, seeds):
    text = patch.read_text()
    apply = ["patch", "-p0", "--no-backup-if-mismatch", "-i", str(patch)]
    if run([*apply, "--dry-run"], tree).returncode != 0 or run(apply, tree).returncode != 0:
        return f"| {text.splitlines()[0]} | - | does not apply |", False
    built = run(BUILD, tree)
    program = "build/tests/sim/service/ringcast-service-sim" if patch.name.startswith("service-") else "build/tests/sim/ringcast-sim"
    failed, words = simulate(tree, program, seeds) if built.returncode == 0 else (0, "does not compile")
    run([*apply, "-R"], tree)
    count = f"more than {FAILURES_MAX}" if failed >= FAILURES_MAX and "assert" in words else failed
    return f"| {text.splitlines()[0]} | {count} | {words[:120]} |", failed > 0


def hunks(patch):
    """(file, the lines that must be there) for each place that the patch changes."""
    found = []
    for line in patch.read_text().splitlines()[1:]:
        if line.startswith("+++ "):
            name = line[4:]
        elif line.startswith("@@"):
            found.append((name, []))
        elif found and line[:1] in (" ", "-", "") and not line.startswith("--- "):
            found[-1][1].append(line[1:])
    return found


def fits(patch):
    """What is wrong with it; empty: nothing."""
    wrong = []
    for name, lines in hunks(patch):
        while lines and not lines[-1]:
            lines.pop()  # the end of the patch file
        count = ("\n" + (TOP / name).read_text()).count("\n" + "\n".join(lines) + "\n") if (TOP / name).is_file() else 0
        if not lines or count != 1:
            wrong.append(f"{patch.name}: what it changes in {name} is there {count} times")
    return wrong if hunks(patch) else [f"{patch.name}: it changes nothing"]


def check_fit(patches):
    wrong = [line for patch in patches for line in fits(patch)]
    print("\n".join(wrong) or f"{len(patches)} patches fit")
    return 1 if wrong or not patches else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=1000)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    patches = [patch for patch in sorted(HERE.glob("*.patch")) if not options.names or patch.stem in options.names]
    if options.fit:
        return check_fit(patches)
    lost = 0
    with tempfile.TemporaryDirectory(prefix="ringcast-planted-") as folder:
        tree = prepare(pathlib.Path(folder))
        print("| planted | seeds that fail | what is said |\n|---|---|---|", flush=True)
        for patch in patches:
            line, is_found = plant(tree, patch, options.seeds)
            print(line, flush=True)
            lost += not is_found
    print(f"{len(patches) - lost} of {len(patches)} found")
    return 1 if lost or not patches else 0


if __name__ == "__main__":
    sys.exit(main())
