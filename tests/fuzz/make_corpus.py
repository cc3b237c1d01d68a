#!/usr/bin/env python3
"""Writes the starting corpus: usage: make_corpus.py PACKET_CODEC. Run again when the vectors change; the files are committed."""
import subprocess
import sys
from pathlib import Path

CORPUS = Path(__file__).resolve().parent / "corpus"
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="
MASK = bytes.fromhex("37fa213d")


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


def main():
    websocket(packets(sys.argv[1]))
    http()


if __name__ == "__main__":
    main()
