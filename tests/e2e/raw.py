"""A connection that may do everything wrong: plain blocking sockets, frames made by hand."""

import base64
import contextlib
import os
import socket
import struct

import realtime

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
SECONDS = 30  # only to end a test that has failed


def upgrade_request(path="/websocket", **headers):
    """Header names with _ for -; a value of None leaves the header out."""
    fields = {
        "Host": "127.0.0.1",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": base64.b64encode(os.urandom(16)).decode(),
    }
    fields.update({name.replace("_", "-"): value for name, value in headers.items()})
    lines = [f"{name}: {value}\r\n" for name, value in fields.items() if value is not None]
    return (f"GET {path} HTTP/1.1\r\n" + "".join(lines) + "\r\n").encode()


def frame(opcode, payload=b"", final=True, masked=True, reserved=0, size=None, mask=None):
    """size: what the header claims, where that is not the payload's."""
    size = len(payload) if size is None else size
    head = bytes([final << 7 | reserved << 4 | opcode])
    flag = masked << 7
    if size < 126:
        head += bytes([flag | size])
    elif size < 1 << 16:
        head += bytes([flag | 126]) + struct.pack(">H", size)
    else:
        head += bytes([flag | 127]) + struct.pack(">Q", size)
    if masked:
        mask = mask or os.urandom(4)
        payload = bytes(byte ^ mask[i & 3] for i, byte in enumerate(payload))
        head += mask
    return head + payload


class RawConnection:
    def __init__(self, daemon, source="127.0.0.1", receive_buffer=None):
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.socket.settimeout(SECONDS)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", daemon.tcp_port))
        self.unread = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)

    def try_send(self, data):
        """False when the server has already closed."""
        try:
            self.socket.sendall(data)
            return True
        except (BrokenPipeError, ConnectionResetError):
            return False

    def _read(self, size):
        while len(self.unread) < size:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.unread += data
        data, self.unread = self.unread[:size], self.unread[size:]
        return data

    def read_head(self):
        """An HTTP answer's head, as text; what follows stays unread."""
        while b"\r\n\r\n" not in self.unread:
            data = self.socket.recv(65536)
            if not data:
                raise EOFError
            self.unread += data
        head, self.unread = self.unread.split(b"\r\n\r\n", 1)
        return head.decode()

    def upgrade(self):
        self.send(upgrade_request())
        head = self.read_head()
        if not head.startswith("HTTP/1.1 101 "):
            raise AssertionError(head)
        return self

    def login(self, token):
        """Returns the peer id."""
        self.send(frame(BINARY, realtime.login(token).encode()))
        result = realtime.login_result(realtime.decode(self.read_message()))
        if not result.success:
            raise AssertionError("login refused")
        return result.peer_id

    def read_frame(self):
        """(opcode, payload); EOFError at the end. A server's frame is whole and unmasked."""
        head = self._read(2)
        if head[0] & 0x70 or not head[0] & 0x80 or head[1] & 0x80:
            raise AssertionError(f"frame header {head.hex()}")
        size = head[1]
        if size == 126:
            (size,) = struct.unpack(">H", self._read(2))
        elif size == 127:
            (size,) = struct.unpack(">Q", self._read(8))
        return head[0] & 0x0F, self._read(size)

    def read_message(self):
        while True:
            opcode, payload = self.read_frame()
            if opcode == BINARY:
                return payload
            if opcode == CLOSE:
                raise EOFError(payload)

    def read_close(self):
        """The close code, of whatever frames come; 0 when the stream ends without one."""
        with contextlib.suppress(EOFError, ConnectionResetError):
            while True:
                opcode, payload = self.read_frame()
                if opcode == CLOSE:
                    return struct.unpack(">H", payload[:2])[0]
        return 0

    def read_to_end(self):
        """Until the server closes: everything it said."""
        with contextlib.suppress(ConnectionResetError):
            while data := self.socket.recv(65536):
                self.unread += data
        return self.unread

    def reset(self):
        """RST instead of FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
