"""Parts of attack_test: the honest players, in a process of their own, and clients that go wrong only where an attack says so."""

import contextlib
import fcntl
import glob
import json
import os
import select
import socket
import struct
import subprocess
import sys
import termios
import time

import realtime
from honest import SecureConnection
from raw import BINARY, SECONDS, frame
from realtime import SERVER, Packet

VERIFY_IDENTITY, COMMAND_VERIFY_IDENTITY = -14, 37


def shard_thread(daemon):
    """Where the kernel says how much the first shard's thread has run."""
    for folder in glob.glob(f"/proc/{daemon.process.pid}/task/*"):
        with open(f"{folder}/comm") as file:
            if file.read().strip() == "shard 0":
                return f"{folder}/schedstat"
    raise AssertionError("no thread called shard 0")


def until(condition, what):
    end = time.monotonic() + 2 * SECONDS  # only to end a test that has failed
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"it did not become true: {what}")
        time.sleep(0.02)


class Honest:
    """The pairs of players, and what they see."""

    def __init__(self, daemon, plain=3, encrypted=3):
        self.sessions = [daemon.create_session() for _ in range(plain + encrypted)]
        pairs = []
        for i, session in enumerate(self.sessions):
            authority = daemon.certificates.path("ca.pem") if i >= plain else None
            pairs.append({"tokens": [daemon.reserve(session), daemon.reserve(session)], "authority": authority})
        program = os.path.join(os.path.dirname(os.path.abspath(__file__)), "honest.py")
        self.process = subprocess.Popen([sys.executable, program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.ask(json.dumps({"tcp_port": daemon.tcp_port, "shard": shard_thread(daemon), "pairs": pairs}))
        self.players = json.loads(self.line())

    def ask(self, text):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(text + "\n")
            self.process.stdin.flush()

    def line(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError(f"an honest player is no longer served: {self.process.communicate()[1]}")
        return line

    def mark(self):
        """What they have seen since the last one."""
        self.ask("mark")
        return json.loads(self.line())

    def stop(self):
        self.process.kill()
        self.process.communicate()


class Association:
    """A DTLS client of another make, and what it sends one record each."""

    def __init__(self, port):
        command = ["openssl", "s_client", "-dtls1_2", "-quiet", "-connect", f"127.0.0.1:{port}"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def send(self, packet):
        self.process.stdin.write(packet.encode())
        self.process.stdin.flush()
        fd = self.process.stdin.fileno()
        until(lambda: self.process.poll() is not None or struct.unpack("i", fcntl.ioctl(fd, termios.FIONREAD, b"\0\0\0\0"))[0] == 0, "it was read")

    def receive(self):
        if not select.select([self.process.stdout], [], [], SECONDS)[0]:
            raise AssertionError("nothing came by DTLS")
        return os.read(self.process.stdout.fileno(), 4096)

    def close(self):
        self.process.kill()
        self.process.communicate()


def identity(player):
    body = realtime.field(1, player.peer_id) + realtime.field(2, player.connect_token.encode())
    return Packet(VERIFY_IDENTITY, target_player=SERVER, sender=player.peer_id, command=COMMAND_VERIFY_IDENTITY, body=body)


def captured_hello():
    """The first datagram of a DTLS client."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trap:
        trap.bind(("127.0.0.1", 0))
        trap.settimeout(SECONDS)
        association = Association(trap.getsockname()[1])
        try:
            return trap.recv(4096)
        finally:
            association.close()


def with_cookie(hello, answer):
    """The second hello of a client, of its first and what the server answered: a HelloVerifyRequest, whose cookie comes behind the session id."""
    size = answer[27]
    cookie, place = answer[28 : 28 + size], 60 + hello[59]
    body = hello[25:place] + bytes([size]) + cookie + hello[place + 1 :]
    length = len(body).to_bytes(3, "big")
    message = hello[13:14] + length + b"\0\1" + bytes(3) + length + body
    return hello[:3] + bytes(7) + b"\1" + len(message).to_bytes(2, "big") + message


class SecurePlayer:
    """One who keeps what proves who it is."""

    def __init__(self, daemon, token):
        authority = daemon.certificates.path("ca.pem")
        self.connection = SecureConnection(daemon, authority)
        self.connection.upgrade().send(frame(BINARY, realtime.login(token).encode()))
        result = realtime.login_result(realtime.decode(self.connection.read_message()))
        self.peer_id, self.fast_port, self.connect_token = result.peer_id, result.fast_port, result.connect_token
