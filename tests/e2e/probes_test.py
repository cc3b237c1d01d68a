"""The probes of the table are in the library that was built, and each script of tools/bpftrace attaches to a daemon and shows what happens there."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

import scripts
from daemon import Daemon
from player import Player

TOP = Path(__file__).resolve().parents[2]
LIBRARY = os.environ["PROBES_LIBRARY"]
ROUNDS = (10, 40, 160)  # the last only ends a test that has failed
SCRIPTS = sorted((TOP / "tools/bpftrace").glob("*.bt"))


def table():
    """Names and how many numbers go with each."""
    text = re.sub(r"/\*.*?\*/", "", (TOP / "engine/base/probe.def").read_text(), flags=re.S)
    return re.findall(r'^(?:PROBE|TRACE)\((\w+), "', text, re.M)


def notes():
    done = subprocess.run(["readelf", "-n", LIBRARY], capture_output=True, text=True, check=True)
    return set(re.findall(r"Provider: ringcast\s+Name: (\w+)", done.stdout))


@unittest.skipUnless(os.environ.get("PROBES_BUILT") == "1", "built without sys/sdt.h (systemtap-sdt-dev)")
class Probes(unittest.IsolatedAsyncioTestCase):
    def test_the_library_has_each_probe_of_the_table_and_no_other(self):
        self.assertGreater(len(table()), 10)
        self.assertEqual(notes(), set(table()))

    def test_scripts_name_probes_that_there_are(self):
        self.assertGreater(len(SCRIPTS), 3)
        readme = (TOP / "tools/bpftrace/README.md").read_text()
        for script in SCRIPTS:
            named = set(re.findall(r"^usdt:\*:ringcast:(\w+)$", script.read_text(), re.M))
            self.assertTrue(named, script.name)
            self.assertLessEqual(named, set(table()), script.name)
            self.assertIn(f"`{script.name}`", readme)

    async def play(self, daemon):
        """Something for every script: sessions, players, a message that goes on and one that does not."""
        session = daemon.create_session(name="traced", script="game")
        first, second = await Player.join(daemon, session), await Player.join(daemon, session)
        await first.send(42, b"hello", player=second.peer_id)
        await second.expect(42, b"hello")
        await first.send(42, b"whom", player=99)
        await first.send(43, b"self", player=first.peer_id)
        await first.expect(43)
        daemon.end_session(session)
        await first.expect_close(3502)

    async def trace(self, daemon, script, expected):
        """Who traces says when it begins to attach, not when it is done: more is played each time until the script has shown it at its end."""
        for rounds in ROUNDS:
            tracer = subprocess.Popen(["bpftrace", "-p", str(daemon.process.pid), str(script)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for _ in range(rounds):
                await self.play(daemon)
                await asyncio.sleep(0.2)
            tracer.send_signal(signal.SIGINT)
            out, _ = tracer.communicate(timeout=60)
            if re.search(expected, out):
                break
        return out

    async def test_each_script_shows_what_happens(self):
        if not shutil.which("bpftrace"):
            self.skipTest("bpftrace is not installed")
        probe = subprocess.run(["bpftrace", "-e", "BEGIN { exit(); }"], capture_output=True, text=True)
        if os.geteuid() != 0 or probe.returncode != 0:
            self.skipTest("bpftrace may not run here: " + (probe.stderr.strip().splitlines() or ["not root"])[-1])
        expected = {"drops.bt": r"@drops\[no_target\]: \d+", "deliveries.bt": r"@messages\[42\]: \d+", "ticks.bt": r"@between_turns_us\[\d+\]",
                    "hooks.bt": r"@total_us\[gsess-", "sessions.bt": r"\d open gsess-"}
        self.assertEqual(set(expected), {script.name for script in SCRIPTS})
        with tempfile.TemporaryDirectory() as folder:
            game = os.path.join(folder, "game")
            scripts.write_folder(game, {"main.lua": "return { init = function(s) end, onMessage = function(m) end, onPlayerConnect = function(m) return true end }"})
            daemon = Daemon("--dev", "--shards", "1", "--script", game)
            self.addCleanup(daemon.stop)
            for script in SCRIPTS:
                out = await self.trace(daemon, script, expected[script.name])
                self.assertRegex(out, expected[script.name], script.name)


if __name__ == "__main__":
    unittest.main()
