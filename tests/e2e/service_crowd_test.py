#!/usr/bin/python3
"""Ten thousand connections to the service, and requests that are none: each is answered in so many words, a backend gets through meanwhile, players in
their sessions notice nothing, and afterwards no descriptor and no memory is kept."""

import concurrent.futures
import http.client
import json
import os
import resource
import socket
import struct
import unittest

from attackers import Honest, until
from daemon import Daemon
from gamelift import raw, service_port

CONNECTIONS = 10000
ATTACKER, OTHER = "127.0.0.66", "127.0.0.67"
SHARD_MS_MAX = 100  # that a player's message may wait, of the shard's processor time
SECONDS = 60
MEMORY_SLACK = 16 << 20
BODY_MAX, TOO_LARGE = 8 << 20, 10 << 20

BAD_JSON = [b"", b"{", b"[]", b"null", b'"x"', b"{}{}", b'{"FleetId": }', b'{"FleetId": "\xff"}', b'{"FleetId": "a\\u0000b"}', b'{"FleetId": 7}',
            b"[" * 100000, b'{"a":' * 100000, b"{" + b'"a":1,' * 10000 + b'"FleetId":1e999}', b"\x00" * 1000]
BAD_CBOR = [b"\xff", b"\xa1", b"\x80", b"\xa0\xa0", b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff", b"\xa1\x67FleetId\x62\x00\x00", b"\xa1\x67FleetId\x07",
            b"\xa1\x67FleetId\x5f", b"\x81" * 100000, b"\xbf\x61a" * 100000, b"\x7b\x00\x00\x00\x10\x00\x00\x00\x00a"]
NEVER_HTTP = [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500), b"\x00" * 5000, b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"]
BAD_HTTP = [b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\n" + b"a" * 100000,
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"]


def connect(port, source):
    stream = socket.socket()
    stream.bind((source, 0))
    stream.settimeout(SECONDS)
    stream.connect(("127.0.0.1", port))
    return stream


def reset(stream):
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def is_closed(stream):
    stream.setblocking(False)
    try:
        return stream.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


class CrowdTest(unittest.TestCase):
    def setUp(self):
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        if hard < 2 * CONNECTIONS:
            self.skipTest(f"{hard} open files are allowed, {2 * CONNECTIONS} are needed")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        before = os.environ.get("ASAN_OPTIONS")
        os.environ["ASAN_OPTIONS"] = f"{before or ''}:quarantine_size_mb=1"  # what is freed shall be free
        try:
            self.daemon = Daemon("--dev", service__connections_max=str(CONNECTIONS), limits__connections_max="1000", shards__count="1",
                                 listen__udp_ports_per_shard="8")
        finally:
            del os.environ["ASAN_OPTIONS"]
            if before is not None:
                os.environ["ASAN_OPTIONS"] = before
        self.port = service_port(self.daemon)
        self.honest = Honest(self.daemon, plain=3, encrypted=0)
        self.backend = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)  # kept open, as an SDK's is
        self.backend_call()
        self.files = self.open_files()
        self.messages = self.honest.mark()["messages"]

    def tearDown(self):
        self.honest.stop()
        self.backend.close()
        self.daemon.stop()  # also: nothing leaked, says the sanitizer

    def ask(self, operation, body):
        """By the connection that is kept."""
        self.backend.request("POST", "/", json.dumps(body), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        response = self.backend.getresponse()
        answer = json.loads(response.read())
        self.assertEqual(response.status, 200)
        return answer

    def backend_call(self):
        session = self.ask("CreateGameSession", {"FleetId": "fleet-1", "MaximumPlayerSessionCount": 2})["GameSession"]
        self.assertEqual(session["Status"], "ACTIVE")
        status, _, body = raw(self.port, "CreatePlayerSession", json.dumps({"GameSessionId": session["GameSessionId"], "PlayerId": "p"}))
        self.assertEqual((status, json.loads(body)["PlayerSession"]["Status"]), (200, "RESERVED"))
        self.assertEqual(raw(self.port, "TerminateGameSession", json.dumps({"GameSessionId": session["GameSessionId"], "TerminationMode": "FORCE_TERMINATE"}))[0], 200)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def resident(self):
        with open(f"/proc/{self.daemon.process.pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def cuts(self, reason):
        return self.daemon.metrics()[f'ringcast_service_connections_cut_total{{reason="{reason}"}}']

    def assert_players_notice_nothing(self):
        """They wait for each other's numbered messages, and end when one is missing."""
        seen = {"messages": 0, "shard_ms": 0}

        def look():
            mark = self.honest.mark()
            seen.update(messages=seen["messages"] + mark["messages"], shard_ms=max(seen["shard_ms"], mark["shard_ms"]))
            return seen["messages"] >= 12
        until(look, "they go on playing")
        self.assertLessEqual(seen["shard_ms"], SHARD_MS_MAX)

    def assert_nothing_kept(self):
        def look():
            self.ask("DescribeFleetCapacity", {})  # or its own connection would be closed for resting while the library takes its time over others
            return self.open_files() <= self.files
        until(look, f"{self.files} files are open again")

    def crowd(self):
        """So many that are slow, and then some more."""
        other = connect(self.port, OTHER)  # as slow, for longer, and not of the crowd
        held, before = [], self.cuts("crowd")
        try:
            for i in range(CONNECTIONS + 500):
                stream = connect(self.port, ATTACKER)
                if i % 2:
                    stream.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
                held.append(stream)
                if i % 2500 == 2499:
                    self.backend_call()
            self.backend_call()
            until(lambda: self.cuts("crowd") >= before + 500, "the oldest of the crowd are closed")
            self.assertTrue(all(is_closed(stream) for stream in held[:400]))
            self.assertFalse(is_closed(held[-1]))
            self.assertFalse(is_closed(other))
            self.assert_players_notice_nothing()
        finally:
            for stream in [other, *held]:
                reset(stream)
        self.assert_nothing_kept()
        self.backend_call()

    def test_ten_thousand_connections_from_one_address(self):
        self.crowd()
        after_first = self.resident()
        self.crowd()
        self.crowd()
        self.assertLess(self.resident(), after_first + MEMORY_SLACK)

    def large_body(self, number):
        return raw(self.port, "CreateLocation", b'{"LocationName": "custom-' + b"x" * TOO_LARGE + b'"}')[:2]

    def test_bodies_of_ten_megabytes(self):
        def round_of():
            with concurrent.futures.ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(self.large_body, range(32)))
                self.backend_call()
            self.assertEqual(set(answers), {(400, "InvalidRequestException")})
            self.assert_players_notice_nothing()
            self.assert_nothing_kept()
        round_of()
        after_first = self.resident()
        round_of()
        self.assertLess(self.resident(), after_first + MEMORY_SLACK)

    def test_bodies_that_never_end_hold_no_more_than_is_said(self):
        held = []
        try:
            for _ in range(80):  # 80 x 7 MiB, where 256 are allowed
                stream = connect(self.port, ATTACKER)
                held.append(stream)
                stream.sendall(f"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: GameLift.ListFleets\r\nContent-Length: {BODY_MAX}\r\n\r\n".encode())
                try:
                    stream.sendall(b"x" * (7 << 20))
                except ConnectionError:
                    pass  # it held most when another came
            until(lambda: self.cuts("memory") > 0, "who holds most is closed")
            self.backend_call()
            self.assert_players_notice_nothing()
        finally:
            for stream in held:
                reset(stream)
        self.assert_nothing_kept()

    def refusals(self):
        for body in BAD_JSON:
            status, fault, text = raw(self.port, "DescribeGameSessions", body)
            with self.subTest(body=body[:40]):
                self.assertEqual(status, 400)
                self.assertIn(fault, ("SerializationException", "InvalidRequestException"))
                self.assertTrue(json.loads(text)["Message"])
        for body in BAD_CBOR:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
            connection.request("POST", "/service/GameLift/operation/DescribeGameSessions", body, {"Content-Type": "application/cbor", "smithy-protocol": "rpc-v2-cbor"})
            response = connection.getresponse()
            with self.subTest(body=body[:40]):
                self.assertEqual(response.status, 400)
                self.assertIn(response.getheader("x-amzn-errortype"), ("SerializationException", "InvalidRequestException"))
                self.assertIn(b"essage", response.read())
            connection.close()
        for text in BAD_HTTP:
            stream = connect(self.port, ATTACKER)
            try:
                stream.sendall(text)
                answer = stream.recv(65536)
                self.assertTrue(answer == b"" or answer.startswith(b"HTTP/1.1 4") or answer.startswith(b"HTTP/1.1 5"), answer[:80])
            except ConnectionError:
                pass
            finally:
                stream.close()
        for text in NEVER_HTTP:
            stream = connect(self.port, ATTACKER)
            stream.sendall(text)
            reset(stream)

    def test_what_is_no_request_is_refused_in_words(self):
        self.refusals()
        self.assert_nothing_kept()
        after_first = self.resident()
        for _ in range(5):
            self.refusals()
            self.backend_call()
        self.assert_players_notice_nothing()
        self.assert_nothing_kept()
        self.assertLess(self.resident(), after_first + MEMORY_SLACK)


if __name__ == "__main__":
    unittest.main()
