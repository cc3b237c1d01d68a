"""Two or more network namespaces of this test's own, with veth pairs between them; made and taken away by iproute2."""

import contextlib
import ctypes
import itertools
import os
import subprocess
import threading

_numbers = itertools.count(1)
CLONE_NEWNET = 0x40000000


def ip(*arguments, namespace=None):
    command = ["ip"] + (["-n", namespace] if namespace else []) + list(arguments)
    result = subprocess.run(command, capture_output=True, text=True, timeout=60)
    if result.returncode != 0:
        raise AssertionError(f"{' '.join(command)}: {result.stderr.strip()}")
    return result.stdout


def problem():
    """Why there can be no namespaces here; None: there can."""
    name = f"rc-try-{os.getpid()}"
    try:
        result = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True, timeout=60)
    except FileNotFoundError:
        return "no iproute2"
    if result.returncode != 0:
        return f"no network namespaces: {result.stderr.strip()}"
    try:
        ip("link", "add", "rc-a", "type", "veth", "peer", "name", "rc-b", namespace=name)
    except AssertionError as error:
        return f"no veth: {error}"
    finally:
        ip("netns", "del", name)
    return None


class Namespace:
    """name: as `ip netns` knows it."""

    def __init__(self, role):
        self.name = f"rc-{role}-{os.getpid()}-{next(_numbers)}"
        ip("netns", "add", self.name)
        self.ip("link", "set", "lo", "up")

    def ip(self, *arguments):
        return ip(*arguments, namespace=self.name)

    def command(self, *command):
        """The same command, run in here."""
        return ["ip", "netns", "exec", self.name, *command]

    def run(self, *command):
        return subprocess.run(self.command(*command), capture_output=True, text=True, timeout=60, check=True).stdout

    @contextlib.contextmanager
    def entered(self):
        """This thread lives in here meanwhile: sockets that it opens do, for good."""
        libc = ctypes.CDLL(None, use_errno=True)
        before = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/{self.name}", os.O_RDONLY)
        try:
            if libc.setns(there, CLONE_NEWNET) != 0:
                raise OSError(ctypes.get_errno(), "setns")
            yield
        finally:
            libc.setns(before, CLONE_NEWNET)
            os.close(before)
            os.close(there)

    def close(self):
        ip("netns", "del", self.name)


def join(here, there, number, mac=True):
    """A veth pair: link number N, 10.77.N.1 and fd77:N::1 here, .2 there. Returns the two devices' names."""
    devices = f"rc{number}a", f"rc{number}b"
    here.ip("link", "add", devices[0], "numtxqueues", "2", "numrxqueues", "2", "type", "veth", "peer", "name", devices[1], "numtxqueues", "2", "numrxqueues", "2",
            "netns", there.name)
    for place, device, host in ((here, devices[0], 1), (there, devices[1], 2)):
        place.ip("addr", "add", f"10.77.{number}.{host}/24", "dev", device)
        place.ip("addr", "add", f"fd77:{number}::{host}/64", "dev", device, "nodad")
        place.ip("link", "set", device, "up")
    return devices
