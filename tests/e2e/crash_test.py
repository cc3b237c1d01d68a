#!/usr/bin/python3
"""A daemon that is killed by a fault says what it was doing, on stderr and in a file; and gdb can look into one that still runs."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import unittest

from daemon import STOP_SECONDS, Daemon
from player import Player

EVERYONE = -1
OPCODE = 4242
GDB_HELPER = pathlib.Path(__file__).resolve().parents[2] / "tools/gdb/ringcast.py"


class Crash(unittest.IsolatedAsyncioTestCase):
    def start(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.daemon = Daemon("--dev", "--shards", "2", log__crash_directory=self.folder.name)
        self.addCleanup(self.daemon.log.close)

    async def play(self):
        """One message of a player; its session, and what it keeps open."""
        session = self.daemon.create_session(name="crashed")
        player = await Player.join(self.daemon, session=session)
        await player.send(OPCODE, b"the last one", group=EVERYONE)
        await player.expect(OPCODE, b"the last one", player.peer_id)
        return session, player

    def check(self, text, session, why):
        for wanted in (f"ringcast: ended by {why}", f"opcode {OPCODE} of peer 1 in session {session} (crashed)", "program ringcastd build ",
                       "messages_received_reliable=1", f" opcode={OPCODE}\n", "shard 0 at ", "shard 1 at ", "ringcast: end of dump"):
            self.assertIn(wanted, text)

    async def test_the_dump_names_session_and_opcode(self):
        for number, why in ((signal.SIGSEGV, "SIGSEGV"), (signal.SIGABRT, "SIGABRT")):
            self.start()
            session, _player = await self.play()
            self.daemon.process.send_signal(number)
            status = self.daemon.process.wait(STOP_SECONDS)
            if not os.environ.get("ASAN_OPTIONS"):  # a sanitizer may end the process in its own way
                self.assertEqual(status, -number)
            self.assertNotEqual(status, 0)
            self.check(self.daemon.log_text().decode(), session, why)
            self.check((pathlib.Path(self.folder.name) / f"crash-{self.daemon.process.pid}.txt").read_text(), session, why)

    async def test_gdb_finds_shards_sessions_and_connections(self):
        if shutil.which("gdb") is None:
            self.skipTest("no gdb")
        self.start()
        session, _player = await self.play()
        commands = [argument for what in ("shards", "sessions", "conns", "probes") for argument in ("-ex", f"ringcast {what}")]
        result = subprocess.run(["gdb", "-nx", "-batch", "-iex", "set debuginfod enabled off", "-p", str(self.daemon.process.pid), "-x", str(GDB_HELPER), *commands],
                                capture_output=True, text=True, timeout=300, check=False)
        self.daemon.process.kill()
        self.daemon.process.wait()
        if "ptrace" in result.stderr and "not permitted" in result.stderr:
            self.skipTest("gdb may not attach here")
        if "no debug information of ringcast" in result.stderr:
            self.skipTest("built without debug information")
        for wanted in (f"{session} \"crashed\" active, 1 of", f"joined, peer 1 of {session}, 0 bytes wait, close none", "connections, ",
                       f"opcode {OPCODE} of peer 1", "route: "):
            self.assertIn(wanted, result.stdout, result.stderr)

    def test_a_folder_where_nothing_can_be_written_is_refused(self):
        for mode in ([], ["--check-config"]):
            result = subprocess.run([os.environ["RINGCASTD"], "--dev", *mode, "--set", "log.crash_directory=/nowhere/at/all"], capture_output=True, text=True,
                                    timeout=STOP_SECONDS, check=False)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn("log.crash_directory: no file can be made in /nowhere/at/all: No such file or directory", result.stderr)


if __name__ == "__main__":
    unittest.main()
