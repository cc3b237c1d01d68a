#!/usr/bin/env python3
"""Writes the starting corpus: usage: make_corpus.py PACKET_CODEC. Run again when the vectors change; the files are committed."""
import base64
import io
import stat
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")
ZIP_TIME = (2026, 1, 1, 0, 0, 0)


def write(target, name, content):
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(content)


def frame(opcode, payload, final=True, masked=True):
    size = len(payload)
    length = bytes([size]) if size < 126 else b"\x7e" + size.to_bytes(2, "big") if size < 65536 else b"\x7f" + size.to_bytes(8, "big")
    head = bytes([opcode | (0x80 if final else 0)]) + bytes([length[0] | (0x80 if masked else 0)]) + length[1:]
    if not masked:
        return head + payload
    return head + MASK + bytes(byte ^ MASK[index % 4] for index, byte in enumerate(payload))


def stream(config, *frames):
    return bytes.fromhex(config) + b"".join(frames)


def packets(codec):
    """The captured packets, a few drawn ones, and some that protobuf allows and nobody sends."""
    vectors = [line.split()[:2] for line in subprocess.check_output([codec, "vectors"], text=True).splitlines()]
    drawn = [line.split()[1] for line in subprocess.check_output([codec, "random", "1", "400"], text=True).splitlines()]
    short = sorted((line for line in drawn if len(line) < 400), key=len)[::12]
    for name, text in vectors:
        write("packet", name, bytes.fromhex(text))
    for index, text in enumerate(short):
        write("packet", f"drawn-{index}", bytes.fromhex(text))
        write("packet", f"body-{index}", bytes.fromhex(text)[2 if len(text) > 256 else 1:])
    odd = {
        "players-unpacked": "10da020d10011002080710ff7f12001005",
        "unknown-fields": "2d081440ffff03490102030405060708a20603616263a50101020304ba020102f20108480a0a01784a01797a0161",
        "command-twice": "0bf201030a0178f201021002",
        "too-large": "808001",
        "varint-too-long": "0c08ffffffffffffffffff8100",
    }
    for name, text in odd.items():
        write("packet", name, bytes.fromhex(text))
    return {name: bytes.fromhex(text) for name, text in vectors}


def websocket(vectors):
    """Config: bit 0 masked, bits 1-3 message limit in frames, bits 4-7 and the second byte the frame limit, third the pieces."""
    client = "f1ff05"
    write("websocket", "login", stream(client, frame(2, vectors["login"]), frame(2, vectors["message-reliable"]), frame(8, b"\x03\xe8")))
    write("websocket", "server", stream("f0ff03", frame(2, vectors["login-result"], masked=False), frame(9, b"", masked=False)))
    write("websocket", "fragments", stream("ffff01", frame(1, b"Gr\xc3", False), frame(9, b"ping"), frame(0, b"\xbc\xc3\x9f"),
                                           frame(2, b"abc", False), frame(0, b"", False), frame(0, b"d")))
    write("websocket", "long", stream(client, frame(2, bytes(range(256)) * 2), frame(10, b"x" * 125)))
    write("websocket", "too-big", stream("017d00", frame(2, b"y" * 126)))
    write("websocket", "message-too-big", stream("030a02", frame(2, b"12345678", False), frame(0, b"12345678", False), frame(0, b"123456")))
    write("websocket", "bad-text", stream(client, frame(1, b"\xed\xa0\x80")))
    write("websocket", "close-reason", stream(client, frame(8, b"\x0b\xb8gone \xe2\x82\xac")))
    write("websocket", "huge", stream("f0ff00", frame(2, bytes(66000), masked=False)[:40]))


def http():
    ask = b"Host: h:1900\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    key = b"Sec-WebSocket-Key: " + KEY + b"\r\n"
    requests = {
        "csharp": b"GET /websocket HTTP/1.1\r\n" + ask + key + b"Origin: ws://h:1900\r\n\r\n",
        "javascript": b"GET / HTTP/1.1\r\n" + key + ask + b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n\x82\x80",
        "lists": b"GET /a?b HTTP/1.1\r\nhost:\r\nupgrade: h2c,\r\nUPGRADE: WebSocket\r\nconnection: ,upgrade\r\n"
                 b"sec-websocket-version:13\r\n" + key + b"content-length: 0\r\n\r\n",
        "two-keys": b"GET / HTTP/1.1\r\n" + ask + key + key + b"\r\n",
        "folded": b"GET / HTTP/1.1\r\n" + ask + key + b"X: a\r\n b\r\n\r\n",
        "bare-lf": b"GET / HTTP/1.1\nHost: h\n\n",
        "http-1.0": b"GET / HTTP/1.0\r\n" + ask + key + b"\r\n",
        "post": b"POST / HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody",
        "body": b"GET / HTTP/1.1\r\n" + ask + key + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "tls": bytes.fromhex("16030100c8010000c40303"),
        "response": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
        "response-503": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
    }
    for name, request in requests.items():
        write("http_upgrade", name, request)


def upgrade(extra=b""):
    return (b"GET /websocket HTTP/1.1\r\nHost: h:1900\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: " + KEY + b"\r\n" + extra + b"\r\n")


def flows(vectors):
    """Config: bit 0 of the first byte: already upgraded; second: the size of a piece; third: the message after which the flow moves."""
    login, message = frame(2, vectors["login"]), frame(2, vectors["message-reliable"])
    fragments = frame(2, message[6:9], False) + frame(9, b"ping") + frame(0, b"", False) + frame(10, b"") + frame(0, message[9:])
    write("stream", "login-move", stream("000601", upgrade(), login, message, message, frame(8, b"\x03\xe8")))
    write("stream", "one-byte-pieces", stream("000001", upgrade(b"Origin: http://h\r\n"), login, message))
    write("stream", "fragments-move", stream("010302", login, message, fragments, message))
    write("stream", "large", stream("01ff00", frame(2, bytes(4096)), frame(2, bytes(2300), False), frame(0, bytes(2308)), message))
    write("stream", "too-large", stream("012000", frame(2, bytes(2500), False), frame(0, bytes(2500))))
    write("stream", "text", stream("012000", message, frame(1, b"hello"), message))
    write("stream", "long-head", stream("003f00", upgrade(b"X: " + b"y" * 8000 + b"\r\n")))
    write("stream", "refused", stream("000200", b"POST / HTTP/1.1\r\nHost: h\r\n\r\n"))
    write("stream", "close-text", stream("010100", frame(8, b"\x03\xe8bye \xe2\x82\xac"), message))
    write("stream", "unmasked", stream("010100", message, frame(2, b"x", masked=False)))


def datagrams(vectors):
    """Kind byte (address, 0x80: a raw packet follows with its size), then op code and sequence."""
    raw = lambda kind, name: bytes([kind | 0x80, len(vectors[name])]) + vectors[name]
    hello, ack, message = 0, 2, 4
    write("datagram", "handshake", bytes([0, hello, 0, 0, ack, 1, 0, message, 2, 0, message, 3]))
    write("datagram", "lost-ack", bytes([0, hello, 0, 0, message, 5, 0, message, 4, 0, ack, 6]))
    write("datagram", "moves", bytes([0, hello, 0, 0, ack, 1, 1, message, 9, 1, hello, 2, 0, message, 3, 1, message, 4, 2, hello, 3]))
    write("datagram", "far", bytes([0, hello, 0, 0x40, message, 0x7f, 0x40, message, 0x80, 0x40, hello, 0x7f]))
    names = [name for name in vectors if len(vectors[name]) <= 64]
    write("datagram", "raw", b"".join(raw(index % 4, name) for index, name in enumerate(names)))


def merged():
    """First byte: 0 a client reads, 1 a shard; then the datagram: of player 2, who hears player 1, and of player 1."""

    def one(opcode, sequence, sender, payload=b"x", target="20ffffffffffffffffff01"):
        body = bytes([0x08, opcode * 2, 0x10, sequence]) + bytes.fromhex(target) + bytes([0x28, sender, 0x7A, len(payload)]) + payload
        return bytes([len(body)]) + body

    hello = bytes.fromhex("140809100818ffffffffffffffffff012801920200")
    for side, sender in ((0, 2), (1, 1)):
        several = b"".join(one(20 + index, 2 + index, sender) for index in range(5))
        odd = {
            "several": several,
            "cut": several[:-3],
            "zeros": one(20, 2, sender) + bytes(1300),
            "nested": one(20, 2, sender, several[:100]) + several,
            "twice": several + several,
            "backwards": b"".join(one(20, 9 - index, sender) for index in range(5)),
            "control": several + hello + one(30, 9, sender),
            "another": several + one(21, 9, 3 - sender) + one(22, 10, sender),
            "lying-length": several + b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" + several,
        }
        for name, content in odd.items():
            write("merged", f"{'shard' if side else 'client'}-{name}", bytes([side]) + content)


def addresses():
    """Connections per address, handshakes per second, seed; then open, close (0x80), time (0xc0)."""
    write("address_table", "limits", bytes([2, 0, 1, 1, 1, 1, 0x11, 0x81, 1, 2, 2, 2]))
    write("address_table", "rates", bytes([0, 2, 1, 1, 1, 1, 0xc5, 1, 0xdf, 1, 1, 1, 0xff, 1]))
    write("address_table", "full", bytes([0, 0, 1] + list(range(12)) + [0xff, 0xff] + list(range(0x80, 0x8c)) + [0xff] + list(range(16))))
    write("address_table", "sweep", bytes([1, 1, 7] + [x for host in range(16) for x in (host, host | 0x80, 0xda)] * 2))


def ids():
    write("id", "session", b"gsess-0000000000010000000322334455ffee")
    write("id", "player", b"psess-00000100002a0123456789abcdef0123")
    write("id", "capitals", b"psess-00000100002A0123456789ABCDEF0123")
    write("id", "value", bytes(range(1, 17)) + bytes([7, 0x61, 0, 0]))
    write("id", "secrets", bytes(12) + bytes(11) + b"\x01")


def act(what, detail, payload=None):
    if payload is None:
        return bytes([what, detail])
    size = len(payload) if len(payload) < 192 else 192 + (len(payload) + 95 - 192) // 96
    padded = payload + bytes((size - 192) * 96 + 192 - len(payload)) if size >= 192 else payload
    return bytes([what, detail, size]) + padded


def relays(vectors):
    """What (upgrade, login, write, write a frame, datagram, part, wait, run) and who."""
    enter = lambda who: act(0, who) + act(1, who | 0x80)
    everyone = vectors["message-reliable"]
    write("relay", "join-and-speak", enter(0) + enter(1) + act(7, 0) + act(3, 0, everyone) + act(7, 0) + act(3, 1, everyone))
    write("relay", "behind-the-login", enter(0) + act(3, 0, everyone) + act(1, 1) + act(0, 2) + act(1, 2) + act(3, 2, everyone) + act(7, 0))
    write("relay", "udp", act(0, 0) + act(1, 0) + act(7, 0) + b"".join(act(4, port << 4, vectors[name]) for port in range(4)
                                                       for name in ("udp-hello", "udp-ack", "message-fast") if name in vectors))
    write("relay", "groups", enter(0) + act(7, 0) + b"".join(act(3, 0, vectors[name]) for name in vectors if "group" in name))
    write("relay", "every-vector", enter(1) + act(7, 0) + b"".join(act(3, 1, vectors[name]) for name in vectors))
    write("relay", "parting", enter(0) + act(7, 0) + act(5, 0) + enter(1) + act(5, 0x12) + act(7, 0) + enter(2) + act(5, 0x22) + enter(2))
    write("relay", "waiting", enter(0) + act(6, 255) + act(0, 1) + act(6, 0xf0) + act(6, 0xff))
    write("relay", "half-written", act(2, 0, upgrade()[:60]) + act(7, 0) + act(2, 0, upgrade()[60:]) + act(3, 0, vectors["login"]) + act(5, 0))
    write("relay", "garbage", act(2, 0, b"\x16\x03\x01\r\n\r\n") + act(0, 1) + act(2, 1, b"\xff" * 20) + enter(2) + act(2, 2, b"\x88\x80" + bytes(4)))
    write("relay", "large", enter(0) + act(7, 0) + act(2, 0, frame(2, bytes(4000), False)) + act(7, 0) + act(2, 0, frame(0, b"")) + act(7, 0))


def configs():
    texts = {
        "full": b"listen:\n  address: 0.0.0.0\n  tcp_port: 7777\n  udp_port_base: 7778\nlimits:\n  players_max: 100\n"
                b"  outq_reliable_bytes: 64KiB\n  login_timeout_ms: 10s\nlog:\n  level: info\ndrain_timeout: 90s\n",
        "json": b'{"listen": {"tcp_port": 1, "address": "::"}, "admin": {"address": "unix:/run/x.sock"}, "io": "epoll"}',
        "empty": b"# nothing\n---\n",
        "unknown": b"limts:\n  players_max: 1\n",
        "twice": b"limits:\n  players_max: 1\n  players_max: 2\nlimits:\n",
        "two-documents": b"io: auto\n---\nio: epoll\n",
        "types": b"limits: [1]\nlisten: 3\nio:\n  a: b\n",
        "units": b"limits:\n  bytes_per_second: 1.5MiB\n  ping_interval_ms: 0.25s\n  flush_budget_us: 2ms\ndrain_timeout: 1.0000000001s\n",
        "alias": b"listen: &a\n  tcp_port: 5\nadmin: *a\n? [x]\n: y\n",
        "quoted": b"listen:\n  address: \"127.0.0.1\"\n  tcp_port: '0'\n  udp: false\nadmin:\n  address: \"[::1]:80\"\n  hosts: \"a, b\"\n",
        "not-utf8": b"listen:\n  address: \xff\n",
    }
    for name, text in texts.items():
        write("config", name, text)


def admins():
    bodies = {
        "session": b'{"name": "x", "players_max": 8, "ping_interval_ms": 3000, "tick_interval_ms": 0, "empty_timeout_ms": 0, "shard": 1}',
        "properties": b'{"properties": {"map": "caf\\u00e9", "n": [1, 2.5, null, true]}, "name": "slow"}',
        "player": b'{"player_id": "alice", "player_data": {"skill": 1e3}}',
        "drain": b'{"exit": true}',
        "negative": b'{"players_max": -1}',
        "large-number": b'{"players_max": 18446744073709551616, "shard": 4294967296}',
        "types": b'{"name": 5, "players_max": "8", "exit": 1}',
        "nul": b'{"name": "a\\u0000b"}',
        "unknown": b'{"nmae": "x", "%s": "%n"}',
        "twice": b'{"name": "a", "name": "b"}',
        "deep": b'{"properties": ' + b"[" * 200 + b"]" * 200 + b"}",
        "long": b'{"name": "' + b"n" * 300 + b'"}',
    }
    for name, body in bodies.items():
        write("admin", name, body)


# Captured from OpenSSL: a client's side of one DTLS handshake, and the first bytes of two TLS ones.
CAPTURED = {
    "hello":
        "16feff000000000000000000a5010000990000000000000099fefd0f39e969329f532a1fdb5e122ff086b2e163d45f3e898fc2ac"
        "b1c2e3e6c7277f0000000ec02bc02ccca9c02fc030cca800ff010000610000000f000d00000a72656c61792e74657374000b0004"
        "03000102000a000800060017001d0018002300000016000000170000000d002a0028040305030603080708080809080a080b0804"
        "08050806040105010601030303010302040205020602",
    "hello-with-cookie":
        "16feff000000000000000100c5010000b900010000000000b9fefd0f39e969329f532a1fdb5e122ff086b2e163d45f3e898fc2ac"
        "b1c2e3e6c7277f0020941ecec4ba5a90441892fe3773b18df4ce03fcb779d2b02ea7f33bc9f119a264000ec02bc02ccca9c02fc0"
        "30cca800ff010000610000000f000d00000a72656c61792e74657374000b000403000102000a000800060017001d001800230000"
        "0016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103030301030204020502"
        "0602",
    "last-flight":
        "16fefd0000000000000002004e1000004200020000000000424104d13b6b314fdb957c3b20925b6aca2dbace0d28d4a5231c109c"
        "01aad2d84ddbbe1d3f8af894cf74a7ceb1c8201daaf2df8aa59cbe4489e46fd771b7f2977cba0314fefd00000000000000030001"
        "0116fefd00010000000000000030981852a3770a6055b81bf9cf49aac46ba42a2ec76d19561c21f37ca9a6af5287df67166284f7"
        "26b56c6e02eadd2c4854",
    "data":
        "17fefd0001000000000001001c981852a3770a6056e0cad6675a6af2e469cfb5563939a9d9f923eb69",
    "tls":
        "160301011c010001180303c03761ae2f25ebdcc02ae7eae77cce1e35860a16a361cef12be6bf830fc66be92012ce5166b934e76f"
        "7e108772ef8ce77ea88250bda5c2b15de1e8ec28fa3cebe10014130113021303c02bc02ccca9c02fc030cca800ff010000bb0000"
        "000f000d00000a72656c61792e74657374000b000403000102000a000800060017001d0018002300000016000000170000000d00"
        "2a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602002b00050403040303"
        "002d0002010100330047004500170041044cfba47b671acc60a9d30c57b8be3c03597a83f4d3c51a0eaa8f0ef1bba0be68cf5d25"
        "fbf889b94fad4e6cbc82bec076e04da4c0ba61ace0599453150b464f63",
    "tls-1.2":
        "160301009c010000980303e03c23ab57421a561200c0b7d6f38a77c5b3a67473c8d23a606816c40570afa200000ec02bc02ccca9"
        "c02fc030cca800ff010000610000000f000d00000a72656c61792e74657374000b000403000102000a000800060017001d001800"
        "2300000016000000170000000d002a0028040305030603080708080809080a080b08040805080604010501060103030301030204"
        "0205020602",
}


def record(content, epoch, body, sequence=9, version="fefd"):
    return bytes([content]) + bytes.fromhex(version) + epoch.to_bytes(2, "big") + sequence.to_bytes(6, "big") + len(body).to_bytes(2, "big") + body


def message(kind, body, number=0):
    return bytes([kind]) + len(body).to_bytes(3, "big") + number.to_bytes(2, "big") + bytes(3) + len(body).to_bytes(3, "big") + body


def crypto():
    """prefilter: one byte of state, a datagram. dtls: one of stage and library, datagrams behind their lengths. tls: library, pieces, bytes."""
    taken = {name: bytes.fromhex(text) for name, text in CAPTURED.items()}
    datagrams = {name: taken[name] for name in ("hello", "hello-with-cookie", "last-flight", "data")}
    datagrams["alert"] = record(21, 0, b"\x02\x28")
    datagrams["change"] = record(20, 0, b"\x01")
    datagrams["short"] = record(23, 1, b"1234")
    datagrams["forged"] = record(23, 1, bytes(40)) + record(22, 1, bytes(48))
    datagrams["key-exchange"] = record(22, 0, message(16, b"\x41" + bytes(65), 2))
    datagrams["certificate"] = record(22, 0, message(11, bytes(20), 1))
    datagrams["parts"] = record(22, 0, message(1, bytes(60))[:40])
    for name, datagram in datagrams.items():
        for state in range(2):
            write("prefilter", f"{name}-{state}", bytes([state]) + datagram)
    flow = b"".join(len(datagram).to_bytes(2, "big") + datagram for datagram in datagrams.values())
    for stage in range(16):
        write("dtls", f"flow-{stage}", bytes([stage]) + flow)
    for name in ("hello", "key-exchange", "change", "certificate"):
        write("dtls", f"{name}-half-open", b"\x01" + len(datagrams[name]).to_bytes(2, "big") + datagrams[name])
    for library in range(2):
        write("tls", f"1.3-{library}", bytes([library, 0]) + taken["tls"])
        write("tls", f"1.2-{library}", bytes([library, 40]) + taken["tls-1.2"] + b"\x16\x03\x03\x00\x46\x10\x00\x00\x42\x41" + bytes(65))
        write("tls", f"http-{library}", bytes([library, 255]) + b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")


def sidecar():
    """First byte: the size of the pieces. Then frames: size, kind, flags, zero, session, body (scripting/sidecar/frame.def)."""
    def one(kind, body, flags=0, session=1):
        return struct.pack("<IBBHI", len(body), kind, flags, 0, session) + body

    def text(content):
        return struct.pack("<I", len(content)) + content

    u32, u64 = lambda *values: struct.pack(f"<{len(values)}i", *values), lambda value: struct.pack("<Q", value)
    said = {
        "welcome": one(32, struct.pack("<IIII", 0x43534352, 2, 0, 4711) + text(b"node v20.1.0"), session=0),
        "opened": one(33, u32(8191, 16, 30000, 0)), "credit": one(34, u32(1040)), "answer": one(35, u64(1 << 24) + u32(1)),
        "send": one(36, u32(20, -1, 0, -1) + b"hello everyone", 1), "broadcast": one(37, u32(7, -1)), "kick": one(38, u32(2) + b"too loud"),
        "put": one(39, u32(7, 1)), "take": one(40, u32(7, 1)), "log": one(41, u32(3) + b"onMessage: Error", 1),
        "end": one(42, u32(0) + b"bye"), "memory": one(43, u64(5000000)), "pong": one(44, u64(9), session=0),
        "open": one(2, u64(0) + u32(8, 3000, 100) + text(b"gsess-1") + text(b"") * 3 + text(b"game") + text(b"v1") + text(b"/s") + text(b"m.js") + text(b"")),
        "connect": one(5, u64(1) + u32(1) + text(b"psess-1") + text(b"ann") + text(b"gold") + b"payload"),
    }
    for name, content in said.items():
        write("sidecar", name, b"\x06" + content)
    write("sidecar", "all", b"\x3f" + b"".join(said.values()))
    write("sidecar", "cut", b"\x00" + said["send"] + said["log"][:-5])
    for name, head in (("piece", b"\x06"), ("pieces", b"\x3f")):
        pieces = [one(17, u32(0, 60, at) + b"0123456789" * 2, flags=at < 40) for at in (0, 20, 40)]
        write("sidecar", name, head + (pieces[0] if name == "piece" else b"".join(pieces)))
    # Steps of one byte (fuzz_sidecar_host.c): 0 say up to 32 bytes, 1 up to 128, 2 take, 3 take all, 4 time, 5 open, 6 end, 7 a player enters.
    say = lambda content: b"".join(bytes([(len(part) - 1) << 3]) + part for part in (content[at:at + 32] for at in range(0, len(content), 32)))
    whole = b"\x03" * 8
    write("sidecar_host", "start", whole + say(said["opened"] + one(35, u64(1) + u32(0))) + b"\x07" + whole + say(said["send"] + said["kick"]))
    write("sidecar_host", "too-early", b"\xfa" + say(said["opened"]))
    write("sidecar_host", "fails-half-way", b"\xfa\xfa" + say(said["log"] + said["end"]) + b"\x05" + whole)
    write("sidecar_host", "ended-half-way", b"\xfa\x06\xfc" + whole + b"\x05\x07" + whole + say(said["credit"]))
    write("sidecar_host", "slow", b"\x02\x3a\x07\x0f\xfc" * 12 + whole + say(said["memory"] + said["put"] + said["take"] + said["broadcast"]))


def packages():
    """Zips: good ones, and each of the ways to be bad."""
    link = zipfile.ZipInfo("link", ZIP_TIME)
    link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    cases = {
        "one": {"main.lua": "return {}"}, "folder": {"game/": "", "game/main.lua": "return {}", "game/lib/x.lua": "return 1"},
        "leaves": {"main.lua": "x", "../out": "x"}, "absolute": {"/tmp/out": "x"}, "link": {link: "../../etc/passwd"},
        "deep": {"/".join("abcdefghijklmnopqrst"): "x"}, "file-and-folder": {"q": "1", "a": "x", "a/b": "y"}, "bomb": {"zeros": bytes(1 << 20)},
        "empty": {},
    }
    for name, files in cases.items():
        write("package", name, make_zip(files, zipfile.ZIP_DEFLATED))
    write("package", "stored", make_zip({"main.lua": "return {}", "lib/x.lua": "1"}, zipfile.ZIP_STORED))
    write("package", "no-zip", b"PK\x03\x04 and nothing")


def service():
    session = {"MaximumPlayerSessionCount": 4, "FleetId": "fleet-1", "Name": "räum", "GameProperties": [{"Key": "mode", "Value": "ctf"}]}
    write("cbor", "create", cbor(session))
    write("cbor", "blob", cbor({"ZipFile": b"PK\x03\x04", "Name": "n"}))
    write("cbor", "match", cbor({"ConfigurationName": "c", "Players": [{"PlayerId": "p", "PlayerAttributes": {"skill": {"N": 1.5}}}]}))
    write("cbor", "open-ended", b"\xbf\x61a\x9f\x01\x7f\x61b\xff\xff\xff")
    write("filter", "whole", b"hasAvailablePlayerSessions=true AND (gameSessionProperties.mode = 'c\\'tf' OR NOT maximumSessions < 10)")
    write("filter", "sort", b"playerSessionCount DESC")
    write("page", "behind-a-text", b"\x01gsess-1")
    write("page", "behind-a-long-text", b"\x01" + b"x" * 299)
    write("page", "behind-too-much", b"\x01" + b"x" * 300)
    write("page", "of-another-list", b"\x00MS5hYmMuZ3Nlc3MtMQ")
    head = b"POST\n/\n\nhost:127.0.0.1:9081\nx-amz-date:20261121T065818Z\nauthorization:AWS4-HMAC-SHA256 Credential=AKID/20261121/local/gamelift/aws4_request, "
    for action, rest in (("ActivateServerProcess", '"SdkVersion":"5.4.0","SdkLanguage":"Cpp","Port":7777,"LogPaths":[]'), ("HeartbeatServerProcess", '"HealthStatus":true'),
                         ("ActivateGameSession", '"GameSessionId":"arn:1"'), ("AcceptPlayerSession", '"GameSessionId":"arn:1","PlayerSessionId":"psess-1"'),
                         ("DescribePlayerSessions", '"GameSessionId":"arn:1","Limit":2'), ("TerminateServerProcess", '"x":1')):
        write("sdk", action, f'{{"Action":"{action}","RequestId":"1",{rest}}}\n'.encode())
    ask = lambda action, rest: f'{{"Action":"{action}","RequestId":"{action}",{rest}}}\n'
    players = '[{"PlayerId":"a","Team":"red","PlayerAttributes":{"x":{"AttrType":"DOUBLE","N":1},"y":{"AttrType":"STRING_LIST"}},"LatencyInMs":{"here":20}},7]'
    start = ask("StartMatchBackfill", f'"GameSessionArn":"arn:1","MatchmakingConfigurationArn":"c","TicketId":"t","Players":{players}')
    life = ask("ActivateServerProcess", '"Port":7777') + "d\n" + ask("ActivateGameSession", '"GameSessionId":"arn:1"')
    write("sdk", "backfill", (life + start + "r\n" + ask("StopMatchBackfill", '"GameSessionArn":"arn:1","TicketId":"t"') + "r\n").encode())
    write("sdk", "backfill-late", (life + start * 9 + "x\n" * 24 + "r\n" + start).encode())
    write("sigv4", "header", head + b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64 + b"\n\n{}")
    write("sigv4", "query", b"GET\n/a%20b\nX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F20261121%2Flocal%2Fgamelift%2Faws4_request&X-Amz-Date="
          b"20261121T065818Z&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=" + b"0" * 64 + b"\nhost:a\n\n")


def signed_tokens():
    encode = lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    heads = {"eddsa": '{"alg":"EdDSA","kid":"studio","typ":"JWT"}', "hs256": '{"alg":"HS256","kid":"shared"}', "none": '{"alg":"none"}',
             "crit": '{"alg":"EdDSA","kid":"studio","crit":["b64"],"b64":false}', "confused": '{"alg":"HS256","kid":"studio"}'}
    join = '{"sub":"alice","session":"demo","exp":1800000100,"iat":1800000000,"nbf":1.8e9,"aud":["eu"],"jti":"1","data":"{}"}'
    create = '{"sub":"bob","exp":1800000100,"create":{"name":"m1","players_max":4,"script":"arena","properties":{"map":"ice"}}}'
    for name, head in heads.items():
        write("jwt", name, f"{encode(head)}.{encode(join)}.{'A' * (43 if 'HS' in head else 86)}".encode())
    write("jwt", "create", f"{encode(heads['eddsa'])}.{encode(create)}.{'A' * 86}".encode())
    write("jwt", "two-parts", f"{encode(heads['eddsa'])}.{encode(join)}".encode())


def cbor(value):
    """The few kinds that a request needs."""
    def head(major, number):
        if number < 24:
            return bytes([major << 5 | number])
        return bytes([major << 5 | 25]) + number.to_bytes(2, "big")
    if isinstance(value, dict):
        return head(5, len(value)) + b"".join(cbor(k) + cbor(v) for k, v in value.items())
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(map(cbor, value))
    if isinstance(value, str):
        return head(3, len(value.encode())) + value.encode()
    if isinstance(value, bytes):
        return head(2, len(value)) + value
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    return head(0, value)


def make_zip(files, method):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", method) as archive:
        for name, text in files.items():
            info = zipfile.ZipInfo(name, ZIP_TIME) if isinstance(name, str) else name
            archive.writestr(info, text, method)
    return data.getvalue()


def lua():
    """Calls: function, number of arguments, each argument, how, slot (fuzz_lua.c)."""
    for step in (1, 3, 7, 11, 29, 101):
        write("lua", f"calls-{step}", bytes((at * at * step + at * 13 + step) % 256 for at in range(240)))
    write("lua", "each", b"".join(bytes([at, 1, at, 0, 0]) for at in range(48)))


def rule_sets():
    """The gallery, and what stands in none of its rule sets."""
    for path in sorted((Path(__file__).resolve().parent.parent.parent / "docs/examples/matchmaking").glob("*.json")):
        write("match_rules", path.stem, path.read_bytes())
    rest = """{"ruleLanguageVersion": "1.0", "playerAttributes": [{"name": "a", "type": "number"}, {"name": "m", "type": "string_number_map"}],
"algorithm": {"batchingPreference": "sorted", "sortByAttributes": ["a"], "expansionAgeSelection": "oldest", "backfillPriority": "low"},
"teams": [{"name": "t", "minPlayers": 0, "maxPlayers": 3, "quantity": 2}, {"name": "u", "minPlayers": 1, "maxPlayers": 2}],
"rules": [{"name": "X", "type": "comparison", "operation": "!=", "measurements": ["flatten(teams[t,u].players.attributes[a])"]},
{"name": "Y", "type": "distance", "measurements": ["median(players.attributes[m][b])"], "referenceValue": "stddev(teams[t_1].players.attributes[a])", "minDistance": "1"},
{"name": "L", "type": "latency", "maxDistance": 10, "distanceReference": "avg", "partyAggregation": "max"},
{"name": "C", "type": "compound", "statement": "xor(not(X),and(Y,L))"}],
"expansions": [{"target": "teams[t].maxPlayers", "steps": [{"waitTimeSeconds": 1, "value": 4}]}, {"target": "algorithm.batchingPreference", "steps": [{"waitTimeSeconds": 2, "value": "random"}]}]}"""
    write("match_rules", "the-rest", rest.encode())
    write("placement", "plain", b'[{"Destinations": [{"DestinationArn": "arn:aws:gamelift:local::fleet/fleet-1"}], "TimeoutInSeconds": 20}, {"MaximumPlayerSessionCount": 4, "DesiredPlayerSessions": [{"PlayerId": "a", "PlayerData": "x"}]}]')
    write("placement", "latencies", b'[{"Destinations": [{"DestinationArn": "arn:aws:gamelift:local::fleet/fleet-1"}, {"DestinationArn": "arn:aws:gamelift:local::fleet/fleet-2"}], "PlayerLatencyPolicies": [{"MaximumIndividualPlayerLatencyMilliseconds": 50, "PolicyDurationSeconds": 5}, {"MaximumIndividualPlayerLatencyMilliseconds": 90}], "PriorityConfiguration": {"PriorityOrder": ["LATENCY", "LOCATION"], "LocationOrder": ["local", "custom-a"]}}, {"MaximumPlayerSessionCount": 2, "PlayerLatencies": [{"PlayerId": "a", "RegionIdentifier": "local", "LatencyInMilliseconds": 60.5}, {"PlayerId": "b", "RegionIdentifier": "local", "LatencyInMilliseconds": 0}]}]')
    write("placement", "override", b'[{"Destinations": [{"DestinationArn": "arn:aws:gamelift:local::fleet/fleet-1"}], "FilterConfiguration": {"AllowedLocations": ["local"]}}, {"MaximumPlayerSessionCount": 1, "PriorityConfigurationOverride": {"LocationOrder": ["local", "local", ""], "PlacementFallbackStrategy": "NONE"}}]')
    write("match_ticket", "one", b'[{"PlayerId": "a", "PlayerAttributes": {"skill": {"N": 3}, "mode": {"S": "m"}, "maps": {"SL": ["x", "y"]}, "liking": {"SDM": {"sea": 2.5}}}, "LatencyInMs": {"eu": 20}}]')
    write("match_ticket", "party", b'[{"PlayerId": "a", "LatencyInMs": {"eu": 20, "us": 90}}, {"PlayerId": "b", "Team": "a", "PlayerAttributes": {"skill": {"N": -1e300}}, "LatencyInMs": {"us": 0}}]')
    write("match_ticket", "running", b'[{"PlayerId": "a", "Team": "a", "LatencyInMs": {"eu": 1}}, {"PlayerId": "b", "Team": "b", "LatencyInMs": {"eu": 2}}]')
    write("match_ticket", "running-uneven", b'[{"PlayerId": "a", "Team": "a", "LatencyInMs": {"eu": 1}, "PlayerAttributes": {"skill": {"N": 1e308}}}, '
          b'{"PlayerId": "b", "Team": "a", "LatencyInMs": {"eu": 2}, "PlayerAttributes": {"skill": {"N": -1e308}}}]')


def netlink():
    """What the kernel says of links, neighbours, routes and rules: each by itself, and a day's story. Numbers are those of linux/rtnetlink.h."""
    def attribute(kind, value):
        return struct.pack("=HH", len(value) + 4, kind) + value + bytes(-len(value) % 4)

    def message(kind, head, *attributes):
        body = head + b"".join(attributes)
        return struct.pack("=IHHII", 16 + len(body), kind, 0, 5, 0) + body + bytes(-len(body) % 4)

    def number(kind, value):
        return attribute(kind, struct.pack("=I", value))

    def link(flags, kind=b""):
        info = [attribute(18, attribute(1, kind + b"\0"))] if kind else []
        return message(16, struct.pack("=BxHiII", 0, 1, 7, flags, 0), attribute(3, b"eth0\0"), attribute(1, b"\2\0\0\0\0\1"), number(4, 1500), number(31, 2), *info)

    def neighbour(kind, state):
        return message(kind, struct.pack("=BxxxiHBB", 2, 7, state, 0, 0), attribute(1, b"\x0a\1\0\xfe"), attribute(2, b"\2\0\0\0\0\2"))

    def route(kind, *more):
        return message(24, struct.pack("=BBBBBBBBI", 2, 32, 0, 0, 254, 0, 0, kind, 0), attribute(1, b"\x0a\0\0\1"), number(4, 7), attribute(7, b"\x0a\1\0\1"), *more)

    def rule(table, *selectors):
        return message(32, struct.pack("=BBBBBBBBI", 2, 0, 0, 0, table, 0, 0, 1, 0), number(15, table), number(6, 100), *selectors)

    gateway, metrics = attribute(5, b"\x0a\1\0\xfe"), attribute(8, number(2, 1400) + number(10, 63))
    parts = {"link": link(0x10001), "vlan": link(0x10001, b"vlan"), "down": link(1), "gone": message(17, link(0)[16:]), "neighbour": neighbour(28, 2), "lost": neighbour(29, 2),
             "route": route(1, gateway, metrics), "local": route(2), "wrapped": route(1, attribute(22, b"mpls")), "via": route(1, attribute(18, struct.pack("=H", 10) + bytes(16))),
             "rule": rule(254), "policy": rule(100, number(10, 7)), "address": message(20, bytes(8)), "error": message(2, struct.pack("=i", -101) + bytes(16)), "done": message(3, bytes(4))}
    for name, content in parts.items():
        write("netlink", name, content)
    write("netlink", "story", b"".join(parts[name] for name in ("link", "rule", "route", "neighbour", "route", "lost", "route", "down", "route", "gone", "policy", "done")))


def main():
    vectors = packets(sys.argv[1])
    websocket(vectors)
    http()
    flows(vectors)
    datagrams(vectors)
    merged()
    addresses()
    ids()
    relays(vectors)
    configs()
    admins()
    crypto()
    sidecar()
    packages()
    service()
    signed_tokens()
    rule_sets()
    lua()
    netlink()


if __name__ == "__main__":
    main()
