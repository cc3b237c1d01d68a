"""A server that does what a scenario tells it, right or wrong. Bytes are made here by hand, so that it can break every rule."""

import base64
import hashlib
import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import realtime  # noqa: E402

WAIT_SECONDS = 60  # only to end a run that has failed
HEAD_BYTES_MAX = 8192
GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10
OPCODES = {"continuation": CONTINUATION, "text": TEXT, "binary": BINARY, "close": CLOSE, "ping": PING, "pong": PONG}
PING_RESULT, COMMAND_PING_RESULT = -3, 33
HELLO, HELLO_HEARD, HEARD, COMMAND_UDP_CONNECT = -5, -6, -7, 34
LOGIN_DEFAULTS = {"success": True, "peer": 7, "fast_port": 0}


def frame_bytes(opcode, payload, final=True, reserved=0, mask=False, says_bytes=None, length_bytes=None):
    """says_bytes: the length in the head, if it is a lie; length_bytes: 2 or 8 for a length in longer form than need be."""
    size = len(payload) if says_bytes is None else says_bytes
    head = bytes([(0x80 if final else 0) | reserved << 4 | opcode])
    mask_bit = 0x80 if mask else 0
    if length_bytes is None:
        length_bytes = 0 if size < 126 else 2 if size < 65536 else 8
    head += {0: lambda: bytes([mask_bit | size]), 2: lambda: bytes([mask_bit | 126]) + struct.pack(">H", size),
             8: lambda: bytes([mask_bit | 127]) + struct.pack(">Q", size)}[length_bytes]()
    if not mask:
        return head + payload
    key = b"\x01\x02\x03\x04"
    return head + key + bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))


def close_payload(code=None, reason="", reason_hex=None, **_):
    if code is None:
        return b""
    return struct.pack(">H", code) + (bytes.fromhex(reason_hex) if reason_hex else reason.encode())


def packet_of(fields):
    """A packet's bytes from what a scenario writes: opcode, sender, player, group, payload, bytes, membership, login_result, read, udp, extra."""
    packet = realtime.Packet(fields.get("opcode", 0), payload_of(fields), fields.get("player", 0), fields.get("group", 0), fields.get("sender", -1),
                             fields.get("sequence", 0), fields.get("reliable", True))
    if "membership" in fields:
        update = fields["membership"]
        peers = b"".join(realtime.varint(peer) for peer in update["peers"])
        if update.get("unpacked"):
            peers = b"".join(realtime.varint(2 << 3) + realtime.varint(peer) for peer in update["peers"])
        else:
            peers = realtime.field(2, peers)
        packet.opcode, packet.command = -13, realtime.COMMAND_GROUP_MEMBERSHIP_UPDATE
        packet.body = realtime.field(1, update["group"]) + peers
    if "login_result" in fields:
        result = LOGIN_DEFAULTS | fields["login_result"]
        packet.opcode, packet.command, packet.target_player = -1, realtime.COMMAND_LOGIN_RESULT, result["peer"]
        packet.body = realtime.field(1, int(result["success"])) + realtime.field(2, ("x" * result.get("token_bytes", 0) or result.get("reconnect", "")).encode())
        packet.body += realtime.field(3, result["peer"]) + realtime.field(4, result["fast_port"]) + realtime.field(16, int(result.get("resumed", False)))
        packet.body += realtime.field(17, result.get("window_ms", 0)) + realtime.field(18, result.get("received", 0)) + realtime.field(19, result.get("lost", 0))
        packet.body += realtime.field(20, result.get("merge_bytes", 0))
    if "read" in fields:
        packet.opcode, packet.command, packet.body = PING_RESULT, COMMAND_PING_RESULT, realtime.field(1, fields["read"])
    if "udp" in fields:
        packet.opcode, packet.command = fields["udp"], COMMAND_UDP_CONNECT
    encoded = packet.encode()
    _, at = realtime.read_varint(encoded, 0)
    body = bytes.fromhex(fields.get("before", "")) + encoded[at:] + bytes.fromhex(fields.get("extra", ""))
    return realtime.varint(len(body)) + body


def split(datagram):
    """The packets of a datagram; one that does not end where a packet does is an AssertionError."""
    packets = []
    while datagram:
        size, at = realtime.read_varint(datagram, 0)
        assert at + size <= len(datagram), f"a packet of {size} bytes in {len(datagram) - at}"
        packets.append(realtime.decode(datagram[: at + size], "udp"))
        datagram = datagram[at + size :]
    return packets


def payload_of(fields):
    if "hex" in fields:
        return bytes.fromhex(fields["hex"])
    return b"x" * fields["bytes"] if "bytes" in fields else fields.get("payload", "").encode()


class Server:
    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.listener.settimeout(WAIT_SECONDS)
        self.port = self.listener.getsockname()[1]
        self.connection, self.unread, self.key = None, b"", None
        self.udp, self.udp_peer, self.udp_sequence = None, None, -1
        self.is_mute = False  # a server that does not answer pings and keepalives

    def close(self):
        if self.connection:
            self.connection.close()
        if self.udp:
            self.udp.close()
        self.listener.close()

    # What the client says

    def read(self, size):
        while len(self.unread) < size:
            got = self.connection.recv(65536)
            if not got:
                raise AssertionError(f"the client ended the connection; {len(self.unread)} bytes of {size} were there")
            self.unread += got
        out, self.unread = self.unread[:size], self.unread[size:]
        return out

    def read_frame(self):
        """(opcode, payload) of the next frame; a client's frame that breaks the rules is an AssertionError."""
        first, second = self.read(2)
        size = second & 0x7F
        assert second & 0x80, "a frame of the client has no mask"
        assert first & 0x70 == 0 and first & 0x80, f"the client sent a frame that begins with {first:#x}"
        if size >= 126:
            size = int.from_bytes(self.read(2 if size == 126 else 8), "big")
        key, payload = self.read(4), self.read(size)
        return first & 15, bytes(byte ^ key[i & 3] for i, byte in enumerate(payload))

    def is_keepalive(self, payload):
        """Of a client that has no WebSocket pings to send: it asks who is in the last of all groups, where nobody is."""
        packet = realtime.decode(payload)
        return packet.opcode == realtime.REQUEST_GROUP_MEMBERSHIP and packet.body_fields().get(1) == 2**31 - 1

    def answer_keepalive(self):
        if not self.is_mute:
            self.write(frame_bytes(BINARY, packet_of({"membership": {"group": 2**31 - 1, "peers": []}})))

    def next_frame(self):
        """The next frame that is neither a ping nor a keepalive; those are answered."""
        while True:
            opcode, payload = self.read_frame()
            if opcode == PING:
                if not self.is_mute:
                    self.write(frame_bytes(PONG, payload))
            elif opcode == BINARY and self.is_keepalive(payload):
                self.answer_keepalive()
            else:
                return opcode, payload

    def write(self, data):
        self.connection.sendall(data)

    # Steps of scenarios, by name: each takes the step's other keys

    def accept(self):
        if self.connection:
            self.connection.close()
        self.connection, _ = self.listener.accept()
        self.connection.settimeout(WAIT_SECONDS)
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.unread = b""

    def request(self):
        """Waits for the upgrade request, and judges it."""
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
            assert len(head) <= HEAD_BYTES_MAX, "the upgrade request has no end"
        lines = head.decode("ascii").split("\r\n")
        assert re.fullmatch(r"GET /\S* HTTP/1\.1", lines[0]), lines[0]
        fields = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:-2])}
        assert fields["host"].startswith("127.0.0.1"), fields
        assert fields["upgrade"].lower() == "websocket" and "upgrade" in fields["connection"].lower(), fields
        assert fields["sec-websocket-version"] == "13", fields
        self.key = fields["sec-websocket-key"]
        assert len(base64.b64decode(self.key, validate=True)) == 16, self.key

    def upgrade(self, status="101 Switching Protocols", accept="right", remove=(), add=(), in_pieces=False, then_hex=""):
        """The answer. accept: right, or any other text; remove: header lines left out; add: others; then_hex: bytes in the same write."""
        self.request()
        right = base64.b64encode(hashlib.sha1(self.key.encode() + GUID).digest()).decode()
        lines = [f"HTTP/1.1 {status}", "Upgrade: websocket", "Connection: Upgrade", f"Sec-WebSocket-Accept: {right if accept == 'right' else accept}"]
        lines = [line for line in lines if line.split(":")[0] not in remove] + list(add)
        self.put("\r\n".join(lines + ["", ""]).encode() + bytes.fromhex(then_hex), in_pieces)

    def login(self, token="token-1", payload="", may_resume=False, may_merge=False, **result):
        """Waits for the login packet, judges it, answers. fast_port: a number, or "own" for one behind which this server is."""
        self.receive_login(token, payload, may_resume, may_merge)
        self.send(login_result=result)

    def receive_login(self, token="token-1", payload="", may_resume=False, may_merge=False):
        self.receive_login_of(payload, {1: token.encode(), 2: 2} | ({16: 1} if may_resume else {}) | ({19: 1} if may_merge else {}))

    def receive_login_of(self, payload, body):
        opcode, data = self.next_frame()
        assert opcode == BINARY, f"a frame of opcode {opcode} where the login should be"
        packet = realtime.decode(data)
        found = (packet.opcode, packet.target_player, packet.reliable, packet.payload, packet.command, packet.body_fields())
        assert found == (0, -1, True, payload.encode(), realtime.COMMAND_LOGIN, body), packet

    def greet(self, **login):
        self.accept()
        self.upgrade()
        self.login(**login)

    def return_of(self, token, received=0, may_merge=False):
        """The player connects again, and its login says what it was given and what it has read."""
        self.accept()
        self.upgrade()
        self.receive_login_of("", {2: 2, 16: 1, 17: token.encode()} | ({18: received} if received else {}) | ({19: 1} if may_merge else {}))

    def receive_read(self, received):
        """The client says how many messages it has read."""
        self.receive(opcode=PING_RESULT, player=-1, sender=7, command=COMMAND_PING_RESULT, body={1: received})

    def send(self, in_pieces=False, fragments=1, between="", count=1, **fields):
        """A packet as one message. fragments: in so many frames, with a ping between them (between: ping); in_pieces: byte by byte."""
        if fields.get("login_result", {}).get("fast_port") == "own":
            fields = fields | {"login_result": fields["login_result"] | {"fast_port": self.open_udp()}}
        data = packet_of(fields)
        cuts = [len(data) * i // fragments for i in range(fragments + 1)]
        out = b""
        for i in range(fragments):
            out += frame_bytes(BINARY if i == 0 else CONTINUATION, data[cuts[i] : cuts[i + 1]], final=i == fragments - 1)
            if between and i < fragments - 1:
                out += frame_bytes(OPCODES[between], b"between")
        for _ in range(count):
            self.put(out, in_pieces)

    def frame(self, opcode="binary", count=1, final=True, reserved=0, mask=False, says_bytes=None, length_bytes=None, **payload):
        number = opcode if isinstance(opcode, int) else OPCODES[opcode]
        self.put(frame_bytes(number, payload_of(payload), final, reserved, mask, says_bytes, length_bytes) * count)

    def write_bytes(self, **payload):
        self.put(payload_of(payload))

    def put(self, data, in_pieces=False):
        try:
            for i in range(0, len(data), 1 if in_pieces else len(data)):
                self.write(data[i : i + 1] if in_pieces else data)
        except (BrokenPipeError, ConnectionResetError):
            pass  # a client may hang up as soon as it has seen enough; what it says of it is what counts

    def flood(self, opcode="ping", megabytes=64, final=True, **payload):
        """The same frame again and again, unread as far as this side goes, until all is written or the client hangs up or takes no more."""
        piece = frame_bytes(OPCODES[opcode], payload_of(payload), final)
        piece *= max(1, 65536 // len(piece))
        self.connection.settimeout(2)
        try:
            for _ in range(megabytes * 1048576 // len(piece)):
                self.connection.sendall(piece)
        except OSError:
            pass
        self.connection.settimeout(WAIT_SECONDS)

    def pad_fragments(self, rounds, bytes_each=65536):
        """Pieces of one byte of a message that does not end, each at the start of so many bytes of pongs. The next follows when the client has read them all."""
        pong, ping = frame_bytes(PONG, b"x" * 125), frame_bytes(PING, b"read")
        piece = frame_bytes(CONTINUATION, b"x", final=False) + pong * (bytes_each // len(pong)) + ping
        for _ in range(rounds):
            self.write(piece)
            self.receive_pong("read")

    def receive(self, count=1, **fields):
        """The next packets have these fields."""
        for _ in range(count):
            self.receive_one(fields)

    def receive_one(self, fields):
        opcode, data = self.next_frame()
        assert opcode == BINARY, f"a frame of opcode {opcode}, {data[:40]!r}, where a packet should be"
        packet = realtime.decode(data)
        found = {"opcode": packet.opcode, "player": packet.target_player, "group": packet.target_group, "sender": packet.sender,
                 "reliable": packet.reliable, "payload": packet.payload, "command": packet.command, "body": packet.body_fields()}
        wanted = {name: value for name, value in fields.items() if name in found and name != "payload"}
        if {"payload", "hex", "bytes"} & fields.keys():
            wanted["payload"] = payload_of(fields)
        assert wanted == {name: found[name] for name in wanted}, f"{wanted} expected, got {packet}"
        assert packet.sequence == 0, f"a sequence number on the stream: {packet}"

    # By UDP

    def open_udp(self):
        if self.udp:
            self.udp.close()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.udp.settimeout(WAIT_SECONDS)
        self.udp_sequence = -1
        return self.udp.getsockname()[1]

    def next_datagram(self):
        datagram, self.udp_peer = self.udp.recvfrom(65536)
        packets = split(datagram)
        for packet in packets:
            assert packet.sequence > self.udp_sequence, f"a number that was there: {packet}"
            self.udp_sequence = packet.sequence
        return packets, len(datagram)

    def udp_greet(self):
        """Waits for the client's hello, and answers it with number 0."""
        packets, _ = self.next_datagram()
        assert [packet.opcode for packet in packets] == [HELLO], packets
        self.datagram(packets=[{"udp": HELLO_HEARD, "player": 7}])

    def datagram(self, packets=(), rest_hex="", count=1):
        """Packets one behind the other, each with its sequence, then other bytes, so many times. inner: packets as the payload of one."""
        data = b""
        for fields in packets:
            fields = {"reliable": False} | fields
            if "inner" in fields:
                fields["hex"] = b"".join(packet_of({"reliable": False} | inner) for inner in fields["inner"]).hex()
            data += packet_of(fields)
        self.udp.sendto(data + bytes.fromhex(rest_hex) * count, self.udp_peer)

    def many(self, opcode, count):
        """So many of the shortest messages in one datagram."""
        self.datagram(packets=[{"opcode": opcode, "sequence": 1 + i, "sender": 0} for i in range(count)])

    def receive_datagram(self, count=1, bytes_max=1200, **fields):
        """The next datagram that is no hello holds so many packets, with these fields."""
        packets, size = self.next_datagram()
        while packets[0].opcode in (HELLO, HEARD):
            assert len(packets) == 1, f"of a handshake, and not alone: {packets}"
            packets, size = self.next_datagram()
        assert len(packets) == count and size <= bytes_max, f"{count} packets in {bytes_max} bytes expected, got {len(packets)} in {size}"
        self.compare_datagram(packets, fields)

    def receive_datagrams(self, messages, bytes_max=1200, packets_max=128, fewer_than=None, **fields):
        """So many messages in datagrams of so many bytes at most, and in fewer of them than this."""
        datagrams = found = 0
        while found < messages:
            packets, size = self.next_datagram()
            if packets[0].opcode in (HELLO, HEARD):
                continue
            assert size <= bytes_max and len(packets) <= packets_max, f"{len(packets)} packets in {size} bytes"
            self.compare_datagram(packets, fields)
            datagrams, found = datagrams + 1, found + len(packets)
        assert found == messages and (fewer_than is None or datagrams < fewer_than), f"{found} messages in {datagrams} datagrams"

    def compare_datagram(self, packets, fields):
        for packet in packets:
            found = {"opcode": packet.opcode, "player": packet.target_player, "group": packet.target_group, "sender": packet.sender, "payload": packet.payload.decode()}
            assert fields == {name: found[name] for name in fields}, f"{fields} expected, got {packet}"

    def receive_pong(self, payload=""):
        opcode, data = self.next_frame()
        assert (opcode, data) == (PONG, payload.encode()), f"opcode {opcode}, {data!r} where a pong should be"

    def receive_close(self, code=None):
        """The client's close frame. code: which; no code: any or none. Packets and pongs before it are passed over."""
        while True:
            opcode, data = self.next_frame()
            if opcode == CLOSE:
                break
        found = int.from_bytes(data[:2], "big") if len(data) >= 2 else 1005
        assert code is None or found == code, f"the client closed with {found}, not with {code}"

    def receive_end(self):
        """The client ends the connection, whatever it says before."""
        try:
            while self.connection.recv(65536):
                pass
        except ConnectionResetError:
            pass

    def close_frame(self, **close):
        self.put(frame_bytes(CLOSE, close_payload(**close)))

    def mute(self):
        self.is_mute = True

    def end(self):
        self.connection.close()
        self.connection = None

    def half_close(self):
        self.connection.shutdown(socket.SHUT_WR)

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.end()

    def answer_keepalives(self, count=1):
        """Takes so many pings or keepalives and answers them."""
        for _ in range(count):
            opcode, payload = self.read_frame()
            if opcode == PING:
                self.write(frame_bytes(PONG, payload))
            else:
                assert opcode == BINARY and self.is_keepalive(payload), f"opcode {opcode}, {payload!r} where a keepalive should be"
                self.answer_keepalive()
