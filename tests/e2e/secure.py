"""What the tests of encryption share: certificates made by `ringcast cert`, a daemon that has them, players on wss."""

import contextlib
import json
import logging
import os
import re
import shutil
import ssl
import subprocess
import tempfile
import time
import weakref

import websockets

from daemon import Daemon
from player import Player

HOST_NAME = "localhost"
SKIP = 77


def program(variable):
    """A program of the build, named by meson; None when it was not built."""
    path = os.environ.get(variable)
    return path if path and os.access(path, os.X_OK) else None


def missing(*tools):
    """Those of these commands that are not installed."""
    return [tool for tool in tools if shutil.which(tool) is None]


def run(*command, **options):
    options.setdefault("timeout", 120)
    return subprocess.run(command, capture_output=True, text=True, **options)


class Certificates:
    """A directory with ca.pem, ca.key, server.pem, server.key."""

    def __init__(self, names=f"{HOST_NAME},127.0.0.1"):
        self.directory = tempfile.mkdtemp(prefix="ringcast-cert-")
        weakref.finalize(self, shutil.rmtree, self.directory)
        self.make("ca")
        self.make("server", names)

    def make(self, what, *arguments):
        result = run(program("E2E_CLI"), "cert", what, *arguments, "--dir", self.directory, "--force")
        if result.returncode != 0:
            raise AssertionError(result.stderr)
        return re.search(r"^fingerprint\s+(\S+)$", result.stdout, re.M)[1]

    def path(self, name):
        return os.path.join(self.directory, name)

    def read(self, name):
        with open(self.path(name)) as file:
            return file.read()

    def context(self, **options):
        """Trusts our CA and nobody else."""
        context = ssl.create_default_context(cafile=self.path("ca.pem"))
        for name, value in options.items():
            setattr(context, name, value)
        return context


class SecureDaemon(Daemon):
    def __init__(self, certificates, *flags, **settings):
        self.certificates = certificates
        for name, file in (("certificate", "server.pem"), ("key", "server.key"), ("ca", "ca.pem")):
            settings.setdefault(f"tls__{name}", certificates.path(file))
        settings.setdefault("tls__mode", "required")
        settings.setdefault("tls__library", os.environ.get("E2E_TLS_LIBRARY", "auto"))
        super().__init__("--set", "listen.address=127.0.0.1", *flags, **settings)

    def log_lines(self, level):
        """The messages of log lines of this level."""
        return [line for line in self.log_text().decode().splitlines() if f'"level":"{level}"' in line]


class SecurePlayer(Player):
    @classmethod
    async def connect(cls, daemon, context=None, **options):
        context = context or daemon.certificates.context()
        url = f"wss://127.0.0.1:{daemon.tcp_port}/websocket"
        websocket = await websockets.connect(url, ssl=context, server_hostname=HOST_NAME, ping_interval=None, max_size=None, **options)
        return cls(websocket, "127.0.0.1")

    @property
    def tls(self):
        return self.websocket.transport.get_extra_info("ssl_object")


@contextlib.contextmanager
def players_meanwhile(daemon, seconds, server=None, sessions=4, players=8, rate=10):
    """Encrypted players who play for so long; in the end they must have lost nothing and nobody. Gives their process."""
    with tempfile.NamedTemporaryFile() as report:
        command = [program("E2E_LOAD"), "--secure", "--ca", daemon.certificates.path("ca.pem"), "--host-name", HOST_NAME, "--json", report.name]
        command += ["--sessions", str(sessions), "--players", str(players), "--rate", str(rate), "--duration", str(seconds)]
        command += ["--admin", f"http://127.0.0.1:{daemon.admin_port}"]
        command += ["--server", server] if server else []
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            while daemon.gauge("players") < sessions * players and process.poll() is None:
                time.sleep(0.05)
            yield process
        finally:
            _, complaints = process.communicate(timeout=seconds + 120)
        if process.returncode not in (0, 3):  # 3: the machine was too busy for the schedule; the proofs hold all the same
            raise AssertionError(complaints)
        counts = json.load(report)["counts"]
    losses = {name: counts[name] for name in ("lost_fast", "lost_reliable", "disconnects", "fast_failures", "leaks", "damaged", "duplicates")}
    if any(losses.values()) or counts["sent"] < 50:
        raise AssertionError(f"{counts['sent']} sent, {losses}")


def main(needs_tools=(), needs_programs=()):
    """unittest.main, or exit 77 with the reason when something is not there."""
    import sys
    import unittest

    lacking = missing(*needs_tools) + [name for name in needs_programs if program(name) is None]
    if not lacking and "has no TLS" in run(program("E2E_CLI"), "cert", "show", "/dev/null").stderr:
        lacking = ["TLS"]
    if lacking:
        print("skipped: not installed or not built: " + ", ".join(lacking))
        sys.exit(SKIP)
    logging.getLogger("asyncio").setLevel(logging.ERROR)  # it tells of every slow callback, which a busy machine has many of
    unittest.main(verbosity=2)
