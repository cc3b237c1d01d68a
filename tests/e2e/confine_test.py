#!/usr/bin/python3
"""What ringcast-confine leaves of the network, asked by a program that has become it. Needs RINGCAST_CONFINE; exit status 77: not to be had here."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import capabilities

CONFINE = os.environ.get("RINGCAST_CONFINE", "")
PYTHON = "/usr/bin/python3"
SOCKETS = """
import errno, json, socket, sys
def attempt(family, kind, protocol=0):
    try:
        socket.socket(family, kind, protocol).close()
        return "open"
    except OSError as error:
        return errno.errorcode[error.errno]
def send(flags):
    with socket.socket() as s:
        try:
            s.sendto(b"x", flags, ("127.0.0.1", int(sys.argv[1])))
            return "sent"
        except OSError as error:
            return errno.errorcode[error.errno]
print(json.dumps({
    "tcp": attempt(socket.AF_INET, socket.SOCK_STREAM), "tcp6": attempt(socket.AF_INET6, socket.SOCK_STREAM, 6),
    "nonblocking": attempt(socket.AF_INET, socket.SOCK_STREAM | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC, 6),
    "udp": attempt(socket.AF_INET, socket.SOCK_DGRAM), "udp6": attempt(socket.AF_INET6, socket.SOCK_DGRAM, 17),
    "raw": attempt(socket.AF_INET, socket.SOCK_RAW, 1), "mptcp": attempt(socket.AF_INET, socket.SOCK_STREAM, 262),
    "sctp": attempt(socket.AF_INET, socket.SOCK_STREAM, 132), "unix": attempt(socket.AF_UNIX, socket.SOCK_STREAM),
    "packet": attempt(17, socket.SOCK_DGRAM), "addresses": attempt(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "audit": attempt(socket.AF_NETLINK, socket.SOCK_RAW, 9), "pair": bool(socket.socketpair()), "fast_open": send(0x20000000)}))
"""


def confined(*options, program=SOCKETS, arguments=("9",)):
    command = [CONFINE, *options, "--", PYTHON, "-S", "-E", "-c", program, *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")


def report(*options):
    return subprocess.run([CONFINE, *options, "--report"], capture_output=True, text=True, timeout=60).stdout


class Sockets(unittest.TestCase):
    def ask(self, *options):
        done = confined(*options)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    def test_only_tcp_is_left(self):
        got = self.ask("--connect", "443")
        self.assertEqual([name for name, result in got.items() if result == "open"], ["tcp", "tcp6", "nonblocking", "addresses"])
        for name in ("udp", "udp6", "raw", "mptcp", "sctp", "unix", "packet", "audit", "fast_open"):
            self.assertEqual(got[name], "EACCES", name)
        self.assertTrue(got["pair"])
        self.assertIn("udp=confined", report("--connect", "443"))

    def test_udp_must_be_asked_for(self):
        for options in (("--connect", "443", "--connect", "udp"), ("--connect", "any")):
            got = self.ask(*options)
            self.assertEqual([got[name] for name in ("udp", "udp6", "unix", "mptcp", "raw")], ["open", "open", "EACCES", "EACCES", "EACCES"])
            self.assertIn("udp=any port", report(*options))


class Capabilities(unittest.TestCase):
    @capabilities.needs_root
    def test_none_is_passed_on(self):
        command = [*capabilities.WRAPPER, CONFINE, "--", "/usr/bin/python3", "-S", "-E", "-c", "print(open('/proc/self/status').read())"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd="/")
        self.assertEqual(capabilities.sets_with_it(done.stdout), [], done.stderr)


class Names(unittest.TestCase):
    """In a network of its own, with a resolver that answers by TCP alone."""

    INSIDE = """
import socket, struct, subprocess, sys, threading
def answer(connection):
    size = struct.unpack(">H", connection.recv(2))[0]
    query = connection.recv(size)
    end = query.index(b"\\0", 12) + 5
    is_v4 = query[end - 4:end - 2] == b"\\0\\1"
    record = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\1\\0\\4\\x01\\x02\\x03\\x04" if is_v4 else b""
    reply = query[:2] + b"\\x81\\x80\\0\\1" + struct.pack(">H", is_v4) + b"\\0\\0\\0\\0" + query[12:end] + record
    connection.sendall(struct.pack(">H", len(reply)) + reply)
def serve(listener):
    while True:
        connection = listener.accept()[0]
        try:
            while True:
                answer(connection)
        except Exception:
            connection.close()
listener = socket.create_server(("127.0.0.1", 53))
threading.Thread(target=serve, args=(listener,), daemon=True).start()
program = "import socket; print(socket.getaddrinfo('game.test', 443, type=socket.SOCK_STREAM)[0][4][0])"
done = subprocess.run([sys.argv[1], *sys.argv[2:], "--", "/usr/bin/python3", "-S", "-E", "-c", program], capture_output=True, text=True, cwd="/", timeout=60)
print(done.stdout, done.stderr)
"""

    def resolve(self, *options):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "resolv.conf")
            with open(path, "w") as file:
                file.write("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
            shell = f"ip link set lo up && mount --bind {path} /etc/resolv.conf && exec {PYTHON} -c \"$INSIDE\" \"$@\""
            done = subprocess.run(["unshare", "--net", "--mount", "sh", "-c", shell, "sh", CONFINE, *options], capture_output=True, text=True, timeout=120,
                                  env=dict(os.environ, INSIDE=self.INSIDE))
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_names_are_resolved_by_tcp(self):
        if os.geteuid() != 0 or shutil.which("ip") is None or subprocess.run(["unshare", "--net", "--mount", "true"]).returncode != 0:
            self.skipTest("needs root and namespaces")
        self.assertTrue(self.resolve("--connect", "443").startswith("1.2.3.4"))
        self.assertFalse(self.resolve("--connect", "none").startswith("1.2.3.4"))
        self.assertFalse(self.resolve("--connect", "443", "--connect", "udp").startswith("1.2.3.4"))  # by UDP, where nobody answers


if __name__ == "__main__":
    if not os.access(CONFINE, os.X_OK) or "udp=confined" not in report("--connect", "443") or "files=confined" not in report("--connect", "443"):
        print("skipped: this machine does not confine")
        sys.exit(77)
    unittest.main(verbosity=2)
