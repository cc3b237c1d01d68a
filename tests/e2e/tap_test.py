"""A tap, as an operator has it: what is said in a session that runs, as lines, as JSON, and as a file that Wireshark reads."""

import asyncio
import base64
import http.client
import json
import os
import shutil
import signal
import subprocess
import tempfile
import unittest

from daemon import Daemon
from player import Player, until

SPREAD = os.environ.get("E2E_SPREAD", "never")  # always: the same, with each session's players on both shards
READER, OPERATOR = "reader-0123456789abcdef", "operator-0123456789abcdef"


class Stream:
    """One GET of a tap, read line by line in a thread."""

    def __init__(self, daemon, session, query="", token=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", daemon.admin_port, timeout=60)
        self.connection.request("GET", f"/v1/sessions/{session}/tap?{query}", headers={"Authorization": f"Bearer {token}"} if token else {})
        self.response = None

    async def line(self):
        return await asyncio.get_running_loop().run_in_executor(None, self._line)

    def _line(self):
        self.response = self.response or self.connection.getresponse()
        if self.response.status != 200:
            raise AssertionError(self.response.read())
        text = self.response.readline()
        return json.loads(text) if text else None

    def close(self):
        if self.response:
            self.response.close()
        self.connection.close()


class Tap(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.daemon = Daemon("--shards", "2" if SPREAD == "always" else "1", sessions__spread=SPREAD)
        self.addCleanup(self.daemon.stop)
        self.session = self.daemon.create_session(name="seen")

    async def two(self):
        return await Player.join(self.daemon, self.session), await Player.join(self.daemon, self.session)

    async def opened(self, count):
        """As many taps are open, and hear: the trail has them once they were answered."""
        await until(lambda: sum(entry["answer"] == "200" for entry in self.daemon.request("GET", "/v1/audit")["entries"] if entry["what"].endswith("/tap")) == count)

    def stream(self, query="seconds=60", **options):
        stream = Stream(self.daemon, self.session, query, **options)
        self.addCleanup(stream.close)
        return stream

    async def test_what_is_said_and_what_becomes_of_it(self):
        first, second = await self.two()
        stream, two = self.stream(), self.stream("seconds=60&opcode=43&messages_max=1")
        await self.opened(2)
        await first.send(42, b"hello", player=second.peer_id)
        await first.send(43, b"\x00\xff", player=99)
        said = await stream.line()
        self.assertGreater(said.pop("at_ns"), 1_600_000_000_000_000_000)
        self.assertEqual(said, {"from": 1, "opcode": 42, "intent": "reliable", "target_player": 2, "target_group": 0,
                                "payload_base64": base64.b64encode(b"hello").decode(), "bytes": 5, "verdict": "allow"})
        lost = await stream.line()
        self.assertEqual((lost["opcode"], lost["drop"], lost["payload_base64"]), (43, "no_target", base64.b64encode(b"\x00\xff").decode()))
        self.assertNotIn("verdict", lost)
        self.assertEqual((await two.line())["opcode"], 43)
        self.assertEqual(await two.line(), {"end": "messages_max", "left_out": 0})
        self.assertIsNone(await two.line())
        self.daemon.request("POST", f"/v1/sessions/{self.session}/messages", {"peer_id": 2, "opcode": 9, "payload": "wave"})
        told = await stream.line()
        self.assertEqual((told["from"], told["target_player"], told["opcode"], told["verdict"]), (-1, 2, 9, "allow"))
        self.daemon.end_session(self.session)
        self.assertEqual((await stream.line())["end"], "session")
        self.assertIsNone(await stream.line())

    async def test_who_goes_gives_the_place_back_and_the_daemon_stops_all_the_same(self):
        streams = [self.stream() for _ in range(4)]
        await self.opened(4)
        with self.assertRaises(Exception) as caught:
            self.daemon.request("GET", f"/v1/sessions/{self.session}/tap")
        self.assertIn("limits.taps_max", str(caught.exception.body if hasattr(caught.exception, "body") else caught.exception))
        streams[0].connection.sock.close()

        def has_room():
            status, _ = self.daemon.request_raw("GET", f"/v1/sessions/{self.session}/tap?seconds=0")
            return status == 200
        await until(has_room)
        self.daemon.process.send_signal(signal.SIGTERM)
        ends = [await stream.line() for stream in streams[1:]]
        self.assertEqual([end["end"] for end in ends], ["session"] * 3)

    async def test_wrong_queries(self):
        for query in ("player=-2", "opcode=x", "format=xml", "seconds=9999", "nobody=1"):
            self.assertEqual(self.daemon.request_raw("GET", f"/v1/sessions/{self.session}/tap?{query}")[0], 400, query)
        self.assertEqual(self.daemon.request_raw("GET", "/v1/sessions/gsess-none/tap")[0], 404)
        self.assertEqual((await self.stream("seconds=0").line()), {"end": "seconds", "left_out": 0})

    async def test_groups_and_disconnects(self):
        first, second = await self.two()
        await first.group_request(-10, 7)
        await first.expect_membership(7, [first.peer_id])
        self.assertEqual(self.daemon.request("GET", f"/v1/sessions/{self.session}/groups"), {"groups": [{"id": 7, "member_count": 1, "members": [first.peer_id]}]})
        self.daemon.kick(self.session, second.peer_id)
        await second.expect_close(3503)
        gone = self.daemon.request("GET", "/v1/disconnects")
        self.assertEqual(gone["counts"]["kicked"], 1)
        self.assertEqual([(one["reason"], one["close_code"], one["peer_id"], one["session_id"], one["is_by_api"]) for one in gone["recent"]],
                         [("kicked", 3503, second.peer_id, self.session, True)])

    def cli(self, *arguments):
        done = subprocess.run([os.environ["RINGCAST"], *arguments, "--admin", f"http://127.0.0.1:{self.daemon.admin_port}"], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    async def test_the_command_line_and_wireshark(self):
        first, second = await self.two()
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "said.pcapng")
            runs = [asyncio.get_running_loop().run_in_executor(None, self.cli, "tap", "seen", "--count", "2", "--seconds", "60", *more)
                    for more in ((), ("--json",), ("--write", path))]
            await self.opened(3)
            await first.send(42, b"hello", player=second.peer_id)
            await first.send(-77, b"\x01\x02", group=99)
            lines, objects, _ = await asyncio.gather(*runs)
            self.assertRegex(lines.splitlines()[0], r"^\d\d:\d\d:\d\d\.\d{6}  1 -> 2  op 42 reliable 5 bytes hello$")
            self.assertRegex(lines.splitlines()[1], r"1 -> group 99  op -77 reliable 2 bytes hex:0102  dropped: not_member$")
            self.assertEqual([json.loads(line).get("opcode") for line in objects.splitlines()], [42, -77, None])
            self.assertIn("GROUP", self.cli("group", "list", "seen"))
            self.assertIn("GET /v1/sessions/{id}/tap", self.cli("audit"))
            self.cli("disconnects")
            if not shutil.which("tshark"):
                self.skipTest("needs tshark")
            command = ["tshark", "-r", path, "-X", f"lua_script:{os.environ['RINGCAST_DISSECTOR']}", "-T", "fields", "-E", "separator=|"]
            for field in ("ringcast.opcode", "ringcast.sender", "ringcast.target_player", "ringcast.target_group", "ringcast.payload", "frame.comment", "_ws.malformed"):
                command += ["-e", field]
            done = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout.splitlines(), ["42|1|2||68656c6c6f|allowed|", "-77|1||99|0102|dropped: not_member|"], done.stderr)


class Operators(unittest.IsolatedAsyncioTestCase):
    async def test_a_reader_does_not_get_to_hear_players(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.write(f"reader prometheus {READER}\noperator backend {OPERATOR}\n")
            file.flush()
            import admin.ringcastd_process as process
            with process.Ringcastd("--set", f"admin.tokens={file.name}") as daemon:
                def ask(method, path, token, body=None):
                    return daemon.request(method, path, body, {"Content-Type": "application/json", "Authorization": f"Bearer {token}"})
                session = json.loads(ask("POST", "/v1/sessions", OPERATOR, {})[1])["id"]
                self.assertEqual(ask("GET", f"/v1/sessions/{session}/groups", READER)[0], 200)
                self.assertEqual(ask("GET", f"/v1/sessions/{session}/tap?seconds=0", READER)[0], 403)
                self.assertEqual(ask("GET", f"/v1/sessions/{session}/tap?seconds=0", OPERATOR)[0], 200)


if __name__ == "__main__":
    unittest.main()
