"""ringcastd as its operator sees it: command line, exit status, standard output, log lines, signals, admin API."""

import http.client
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent))
from child import tied

RINGCASTD = os.environ.get("RINGCASTD", "ringcastd")
WAIT_SECONDS = 60  # only ends a test that has failed; nothing is measured
FREE_PORTS = ["--service", "off", "--tcp-port", "0", "--udp-port", "0", "--admin", "127.0.0.1:0"]


def clean_environment(**extra):
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RINGCAST_") and name != "NOTIFY_SOCKET"}
    return {**environment, **extra}


def run(*flags, **environment):
    """To its end: (exit status, stdout, stderr)."""
    done = subprocess.run([RINGCASTD, *flags], capture_output=True, text=True, timeout=WAIT_SECONDS, env=clean_environment(**environment))
    return done.returncode, done.stdout, done.stderr


def await_true(what, check):
    until = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < until:
        result = check()
        if result:
            return result
        time.sleep(0.01)
    raise AssertionError(f"never came true: {what}")


class Ringcastd:
    def __init__(self, *flags, **environment):
        self.stdout, self.stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        meant = [] if "--dev" in flags or any("tls." in flag for flag in flags) else ["--set", "tls.mode=off"]
        command = [RINGCASTD, *FREE_PORTS, "--log-format", "json", *meant, *flags]
        self.process = subprocess.Popen(tied(command), stdout=self.stdout, stderr=self.stderr, env=clean_environment(**environment))

    def __enter__(self):
        try:
            self.ready = self.await_event("ready")
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise
        host, self.admin_port = self.ready["admin"].rsplit(":", 1) if ":" in self.ready["admin"] else (None, None)
        return self

    def __exit__(self, kind, value, traceback):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.stdout.close()
        self.stderr.close()

    def log_text(self):
        return os.pread(self.stderr.fileno(), 1 << 24, 0).decode()

    def events(self, message):
        """All whole log lines with this message."""
        lines = self.log_text().split("\n")[:-1]
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["msg"] == message]

    def await_event(self, message, count=1):
        def check():
            events = self.events(message)
            if len(events) < count and self.process.poll() is not None and len(self.events(message)) < count:
                raise AssertionError(f"ended with {self.process.returncode} before '{message}':\n{self.log_text()}")
            return events[count - 1] if len(events) >= count else None

        return await_true(message, check)

    def wait(self):
        """The exit status."""
        try:
            return self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end:\n{self.log_text()}") from None

    def request(self, method, path, body=None, headers=None):
        """(status, text)"""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.admin_port), timeout=WAIT_SECONDS)
        try:
            text = None if body is None else json.dumps(body)
            given = headers if headers is not None else {"Content-Type": "application/json"} if body is not None else {}
            connection.request(method, path, text, given)
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def ask(self, method, path, body=None, expected=200):
        status, text = self.request(method, path, body)
        if status != expected:
            raise AssertionError(f"{method} {path}: {status} {text}")
        return json.loads(text)


class RawPlayer:
    """One player on a bare socket: upgrade and login by hand, just enough to be counted."""

    def __init__(self, port, token):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=WAIT_SECONDS)
        self.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OTAxMjM0NQ==\r\n\r\n"
        )
        self.received = b""
        self._receive_until(b"\r\n\r\n")
        name = token.encode()
        login = b"\x0a" + bytes([len(name)]) + name + b"\x10\x02"
        packet = b"\x18" + b"\xff" * 9 + b"\x01\x30\x01\xf2\x01" + bytes([len(login)]) + login
        payload = bytes([len(packet)]) + packet
        self.socket.sendall(b"\x82" + bytes([0x80 | len(payload)]) + bytes(4) + payload)  # masked with zeros

    def _receive_until(self, mark):
        while mark not in self.received:
            data = self.socket.recv(4096)
            if not data:
                raise AssertionError(f"hung up after {self.received!r}")
            self.received += data

    def receive_to_end(self):
        """Everything until the server hangs up; the last bytes hold the close frame."""
        while True:
            try:
                data = self.socket.recv(4096)
            except ConnectionResetError:
                data = b""
            if not data:
                return self.received
            self.received += data

    def close(self):
        self.socket.close()
