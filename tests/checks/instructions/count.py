#!/usr/bin/env python3
"""
How many instructions a message costs, by workload: counted by valgrind, so a busy machine changes nothing. Fails when a figure is more than 3 % above the
one recorded for the compiler in recorded.txt; and when a connection of many that close costs more than one of few.

  count.py PROGRAM COMPILER            for example gcc-12
  count.py PROGRAM COMPILER --record   writes the figures of this compiler

Exit code 77: there is no valgrind, or nothing is recorded for this compiler.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

RECORDED = pathlib.Path(__file__).with_name("recorded.txt")
RISE_MAX, FALL_MAX = 0.03, 0.05
FEW, MANY, GROWTH_MAX = 16, 128, 1.1  # paused connections that are closed; how much more each may cost where there are many
SKIPPED = 77
HEAD = """\
# Instructions per delivery, or per message where nobody receives it, on x86-64 with -O2: what a shard executes, io and kernel apart.
# A change may lower them. Who raises one says in the commit why that is worth it, and records it: see docs/testing.md.
"""


def count(program, workload, *more, counted="ringcast_shard_tick"):
    """Instructions per delivery. Counted is what a turn of the shard does, without what the tape does in it, since begin_counting; or another of its functions."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        command = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={counted}", "--toggle-collect=op_*",
                   "--zero-before=begin_counting", program, workload, *more]
        run = subprocess.run(command, capture_output=True, text=True)
        if run.returncode != 0:
            sys.exit(f"{workload}: exit code {run.returncode}\n{run.stderr}")
        total = int(re.search(r"^totals: (\d+)$", out.read_text(), re.M).group(1))
        messages, deliveries = map(int, re.fullmatch(r"messages (\d+) deliveries (\d+)\n", run.stdout).groups())
        return total / (deliveries or messages)


def read_recorded():
    """{compiler: {workload: figure}}"""
    table = {}
    for line in RECORDED.read_text().splitlines() if RECORDED.exists() else []:
        if line and not line.startswith("#"):
            compiler, figure, workload = line.split(None, 2)
            table.setdefault(compiler, {})[workload] = float(figure)
    return table


def write_recorded(table):
    lines = [f"{compiler} {figure:8.1f}  {workload}" for compiler in sorted(table) for workload, figure in table[compiler].items()]
    RECORDED.write_text(HEAD + "\n".join(lines) + "\n")


def verdict(figure, recorded):
    if recorded is None:
        return "is not recorded", True
    if figure > recorded * (1 + RISE_MAX):
        return f"FAILED: more than {RISE_MAX:.0%} above {recorded:.1f}", True
    if figure < recorded * (1 - FALL_MAX):
        return f"far below {recorded:.1f}: record it, so that it stays there", False
    return "", False


def check_itself(program, workloads, figures):
    """A lookup more per delivery: were that not seen, nothing would be."""
    workload = next(workload for workload in workloads if "group" in workload)
    planted = count(program, workload, "planted")
    if verdict(planted, figures[workload])[1]:
        return 0
    print(f"FAILED: a planted cost makes {planted:.1f} of {figures[workload]:.1f} and is not seen")
    return 1


def check_closing(program):
    """Where each looked for its own among all the others, the whole grew by the square."""
    few, many = (count(program, "closing", str(number), counted="ringcast_shard_pause_forget") for number in (FEW, MANY))
    is_failure = few == 0 or many > few * GROWTH_MAX
    print(f"{many:8.1f}  to end the pause of one of {MANY} that close, {few:.1f} of {FEW}{'  FAILED: it grows with their number' if is_failure else ''}")
    return int(is_failure)


def main():
    program, compiler = sys.argv[1:3]
    table = read_recorded()
    if shutil.which("valgrind") is None:
        print("no valgrind here")
        return SKIPPED
    workloads = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    figures = {workload: count(program, workload) for workload in workloads}
    if "--record" in sys.argv:
        table[compiler] = figures
        write_recorded(table)
    failures = check_itself(program, workloads, figures) + check_closing(program)
    for workload, figure in figures.items():
        text, is_failure = verdict(figure, table.get(compiler, {}).get(workload))
        failures += is_failure
        print(f"{figure:8.1f}  {workload}  {text}".rstrip())
    if compiler not in table:
        print(f"nothing is recorded for {compiler}; count.py {program} {compiler} --record would")
        return SKIPPED
    return 1 if failures or not figures else 0


sys.exit(main())
