#!/usr/bin/python3
"""A flood of hellos, half-finished handshakes, fragments, garbage and renegotiations, while players play on and lose nothing.

    FLOOD_SECONDS=60 FLOOD_RATE=0 tests/e2e/secure_flood_test.py      at the full rate of one core, for a minute (see docs/load-testing.md)
"""

import os
import subprocess
import sys
import threading
import time
import unittest

import secure
from secure import HOST_NAME, Certificates, SecureDaemon, players_meanwhile, program

SECONDS = float(os.environ.get("FLOOD_SECONDS", "4"))
PLAYERS = 32  # of players_meanwhile
RATE = float(os.environ.get("FLOOD_RATE", "10000"))  # datagrams a second; 0: as many as one core sends
HALF_OPEN_MAX = 16  # of each shard; a flood must reach it
HALF_OPEN_BYTES = 64 * 1024  # more than any library keeps of a handshake
REASONS = ["dtls_malformed", "dtls_short", "dtls_plaintext", "unknown_association", "plaintext", "half_open_limit"]


def is_sanitized(daemon):
    with open(f"/proc/{daemon.process.pid}/maps") as maps:
        return "libasan" in maps.read()


class Renegotiations(threading.Thread):
    """Established clients who ask for another handshake, one after the other."""

    def __init__(self, daemon):
        super().__init__()
        self.daemon_process, self.count, self.is_over = daemon, 0, threading.Event()

    def run(self):
        port = self.daemon_process.udp_ports[0]
        while not self.is_over.is_set():
            command = ["openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{port}"]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
                client.stdin.write(b"R\n")
                client.stdin.flush()
                killer = threading.Timer(2, client.kill)
                killer.start()
                output = b""
                while b"RENEGOTIATING" not in output and (data := os.read(client.stdout.fileno(), 65536)):
                    output += data
                self.count += b"RENEGOTIATING" in output
                self.is_over.wait(0.1)
                client.kill()
                killer.cancel()

    def finish(self):
        self.is_over.set()
        self.join()


class FloodTest(unittest.TestCase):
    def start(self, **limits):
        self.daemon = SecureDaemon(Certificates(), "--shards", "2", **limits)
        self.addCleanup(self.daemon.stop)

    def flood(self):
        command = [program("E2E_FLOOD"), "--admin", f"http://127.0.0.1:{self.daemon.admin_port}", "--seconds", str(SECONDS), "--rate", str(RATE)]
        result = secure.run(*command, timeout=SECONDS + 60)
        self.assertEqual(result.returncode, 0, result.stderr)
        print(result.stdout, file=sys.stderr)
        return {line.split()[0]: int(line.split()[1]) for line in result.stdout.splitlines()[:-1]}

    def until_gone(self, gauge):
        end = time.monotonic() + 30
        while self.daemon.gauge(gauge) > 0 and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(self.daemon.gauge(gauge), 0)

    def until_proven(self, count, process):
        """Who has not said who it is has no claim against the crowd behind its own address, which the flood is."""
        while self.daemon.counter("fast_greetings") < count and process.poll() is None:
            time.sleep(0.05)

    def test_players_lose_nothing(self):
        self.start(limits__half_open_max=HALF_OPEN_MAX, limits__handshake_timeout_ms=2000)
        with players_meanwhile(self.daemon, SECONDS + 3) as players:
            self.until_proven(PLAYERS, players)
            before, drops_before = self.daemon.rss_bytes(), self.daemon.metrics()
            renegotiations = None if secure.missing("openssl") else Renegotiations(self.daemon)
            if renegotiations:
                renegotiations.start()
            sent = self.flood()
            half_open = self.daemon.gauge("half_open")
            growth = self.daemon.rss_bytes() - before
            if renegotiations:
                renegotiations.finish()
        drops = {reason: int(self.daemon.drops(reason) - drops_before[f'ringcast_drops_total{{reason="{reason}"}}']) for reason in REASONS}
        answered = int(self.daemon.counter("dtls_hellos_answered"))
        print(f"drops {drops}; {answered} hellos answered; {half_open:.0f} half open at the end; {growth / 1e6:.1f} MB more memory; "
              f"{renegotiations.count if renegotiations else 0} renegotiations asked for", file=sys.stderr)
        for reason, count in drops.items():
            self.assertGreater(count, 0, reason)
        self.assertLessEqual(sum(drops.values()) + answered, sum(sent.values()) + 10000)
        self.assertLessEqual(half_open, 2 * HALF_OPEN_MAX)
        if not is_sanitized(self.daemon):
            self.assertLess(growth, 2 * HALF_OPEN_MAX * HALF_OPEN_BYTES + (16 << 20))
        if renegotiations:
            self.assertGreater(renegotiations.count, 0)
        self.until_gone("half_open")
        self.assertEqual(self.daemon.log_lines("error"), [])

    def test_newcomers_get_in_during_the_flood(self):
        self.start()
        flood = threading.Thread(target=self.flood)
        flood.start()
        try:
            with players_meanwhile(self.daemon, 1):
                pass
        finally:
            flood.join()


if __name__ == "__main__":
    secure.main(needs_programs=["E2E_CLI", "E2E_LOAD", "E2E_FLOOD"])
