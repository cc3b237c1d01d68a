#!/usr/bin/python3
"""What the service does not take from those who are no backend (a web page in a developer's browser, a body without an end, all its connections), and who leaves early."""

import http.client
import json
import socket
import time
import unittest

from daemon import Daemon
from gamelift import raw, service_port

BODY_MAX = 65536
CONNECTIONS_MAX = 8
CREATE_LOCATION = b"\xa1\x6cLocationName\x6bcustom-page"
LEAVING_COUNT = 80
COUNTED_SECONDS = 20


class GuardTest(unittest.TestCase):
    def setUp(self):
        self.daemon = Daemon("--dev", service__body_max=f"{BODY_MAX}B", service__connections_max=str(CONNECTIONS_MAX))
        self.port = service_port(self.daemon)

    def tearDown(self):
        self.daemon.stop()

    def ask_as_page(self, host):
        """What a page may send to any address without asking first: a simple content type, no headers of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            connection.request("POST", "/service/GameLift/operation/CreateLocation", CREATE_LOCATION,
                               {"Host": host, "Origin": f"http://{host}", "Content-Type": "text/plain"})
            response = connection.getresponse()
            response.read()
            return response.getheader("x-amzn-errortype")
        finally:
            connection.close()

    def locations(self):
        return json.loads(raw(self.port, "ListLocations", "{}")[2])["Locations"]

    def test_without_keys_a_web_page_changes_nothing(self):
        for host in ("page.example", f"127.0.0.1:{self.port}"):
            self.assertEqual(self.ask_as_page(host), "UnauthorizedException")
        self.assertEqual(self.locations(), [])

    def test_a_body_that_is_too_large_is_told_so(self):
        status, fault, _ = raw(self.port, "ListLocations", json.dumps({"x": "x" * BODY_MAX}))
        self.assertEqual((status, fault), (400, "InvalidRequestException"))

    def test_a_body_without_an_end_is_not_read_for_ever(self):
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as stream:
            stream.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000000000\r\n\r\n")
            with self.assertRaises((BrokenPipeError, ConnectionResetError)):
                for _ in range(4096):
                    stream.sendall(b"x" * BODY_MAX)
        self.assertEqual(self.locations(), [])

    def test_who_never_finishes_a_request_keeps_nobody_out(self):
        slow = [socket.create_connection(("127.0.0.1", self.port), timeout=60) for _ in range(2 * CONNECTIONS_MAX)]
        try:
            for stream in slow[-CONNECTIONS_MAX:]:
                stream.sendall(b"POST / HTTP/1.1\r\nX-Slow: ")
            self.assertEqual(self.locations(), [])
            self.assertEqual(slow[0].recv(1), b"")
            slow[-1].setblocking(False)
            self.assertRaises(BlockingIOError, slow[-1].recv, 1)
            self.assertGreater(self.daemon.metrics()['ringcast_service_connections_cut_total{reason="crowd"}'], CONNECTIONS_MAX)
        finally:
            for stream in slow:
                stream.close()


class LeavingTest(unittest.TestCase):
    """Clients that say no more, or are gone, while their request is worked on."""

    def setUp(self):
        self.daemon = Daemon("--dev")
        self.port = service_port(self.daemon)
        self.names = [f"custom-{i}" for i in range(LEAVING_COUNT)]

    def tearDown(self):
        self.daemon.stop()

    def create_location(self, name):
        """A connection on which everything has been sent, and that it was everything."""
        body = json.dumps({"LocationName": name}).encode()
        stream = socket.create_connection(("127.0.0.1", self.port), timeout=60)
        stream.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nX-Amz-Target: GameLift.CreateLocation\r\n"
                       b"Content-Type: application/x-amz-json-1.1\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        return stream

    def uncounted(self):
        """Of the locations that were made, how many the metrics do not tell of yet."""
        made = json.loads(raw(self.port, "ListLocations", json.dumps({"Limit": LEAVING_COUNT}))[2])["Locations"]
        return len(made) - self.daemon.metrics().get('ringcast_service_requests_total{operation="CreateLocation",result="ok"}', 0)

    def test_who_sends_no_more_after_its_request_is_answered(self):
        streams = [self.create_location(name) for name in self.names]
        for stream in streams:
            stream.shutdown(socket.SHUT_WR)
        for stream in streams:
            with stream, stream.makefile("rb") as answer:
                self.assertEqual(answer.read()[:13], b"HTTP/1.1 200 ")

    def test_what_was_changed_for_one_who_has_gone_is_counted(self):
        for stream in [self.create_location(name) for name in self.names]:
            stream.close()
        until = time.monotonic() + COUNTED_SECONDS
        while self.uncounted() > 0 and time.monotonic() < until:
            time.sleep(0.01)
        self.assertEqual(self.uncounted(), 0)


if __name__ == "__main__":
    unittest.main()
