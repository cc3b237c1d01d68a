"""A daemon that is nobody and has CAP_NET_RAW, passed on to what it starts unless it sees to it: as a unit's AmbientCapabilities give it."""

import os
import pathlib
import shutil
import unittest
import unittest.mock

from child import TIE

CAP_NET_RAW = 1 << 13
NOBODY = 65534

needs_root = unittest.skipUnless(os.geteuid() == 0 and shutil.which("setpriv"), "needs root and setpriv")
WRAPPER = f"{' '.join(TIE)} --reuid={NOBODY} --regid={NOBODY} --clear-groups --inh-caps=+net_raw --ambient-caps=+net_raw".split()


def passed_on():
    return unittest.mock.patch.dict(os.environ, {"RINGCAST_WRAPPER": " ".join(WRAPPER)})


def sets_with_it(status):
    """In which of its sets a process has it, by the text of its /proc/PID/status."""
    lines = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    return [name for name in ("CapPrm", "CapEff", "CapAmb") if int(lines[name], 16) & CAP_NET_RAW]


def all_of(pid):
    """Every set of a process, by the text of /proc/PID/status: its name -> a number."""
    return {name: int(value, 16) for name, value in status_of(pid).items() if name.startswith("Cap")}


def status_of(pid):
    return dict(line.split(":\t", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)


def has(pid):
    return sets_with_it(pathlib.Path(f"/proc/{pid}/status").read_text())
