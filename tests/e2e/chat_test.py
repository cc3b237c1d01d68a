#!/usr/bin/python3
"""`ringcast chat` as the hands of somebody who tries a game: the command that --dev names, op codes and payloads by flags, and clear refusals."""

import os
import re
import shlex
import subprocess
import tempfile
import time
import unittest

from daemon import Daemon

ROOMS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../docs/examples/lua/rooms")
MIRROR = """
local session
return {
	init = function(s) session = s end,
	onMessage = function(msg)
		session:sendReliableMessage(session:newTextGameMessage(60, msg.sender, "mirror " .. msg:text()), msg.sender)
	end,
}
"""


def chat(*arguments, lines=""):
    return subprocess.run([os.environ["RINGCAST"], "chat", *arguments], input=lines, capture_output=True, text=True, timeout=60, check=False)


class Game(unittest.TestCase):
    def start(self, script):
        self.daemon = Daemon("--dev", "--script", script)
        self.addCleanup(self.daemon.stop)
        self.admin = ("--admin", f"http://127.0.0.1:{self.daemon.admin_port}")

    def play(self, *arguments, lines="", code=0):
        result = chat("demo", *self.admin, "--linger", "1", *arguments, lines=lines)
        self.assertEqual(result.returncode, code, result.stdout + result.stderr)
        return result.stdout if code == 0 else result.stderr

    def test_a_game_is_played_by_lines(self):
        self.start(ROOMS)
        output = self.play("--login-payload", "rooms 1", "--to", "server", lines="/op 10 1\n")
        self.assertRegex(output, r"server \(-1, tcp, .*, op 20\): coin 5,1 0 0")
        self.assertRegex(self.play("--opcode", "10", "--to", "server", lines="0\n"), r", op 22\): no such room")

    def test_one_message_by_flags(self):
        self.start(ROOMS)
        for payload in ("9", "hex:39"):
            self.assertRegex(self.play("--opcode", "10", "--payload", payload, "--to", "server"), r", op 20\): coin 5,\d 0 0")

    def test_a_login_payload_that_is_denied(self):
        self.start(ROOMS)
        self.assertIn("denied by the game", self.play("--login-payload", "rooms 2", code=1))
        self.assertIn("denied by the game", self.play("--as", "alice", code=1))
        refused = chat("demo", "--server", f"127.0.0.1:{self.daemon.tcp_port}").stderr
        self.assertIn("--login-payload", refused)
        self.assertNotIn("nothing was reserved", refused)

    def test_what_is_signed_with_our_own_id_is_shown(self):
        with tempfile.TemporaryDirectory() as folder:
            with open(os.path.join(folder, "main.lua"), "w") as file:
                file.write(MIRROR)
            self.start(folder)
            self.assertRegex(self.play("--opcode", "50", "--payload", "x", "--to", "server"), r"op 60, you\): mirror x")
            self.assertRegex(self.play("--as", "ann", "--to", "server", lines="/op 50 y\n"), r"ann \(.*op 60, you\): mirror y")
            self.assertRegex(self.play("--opcode", "-500", "--payload", "x"), r"op -500, you\): x")
            self.assertRegex(self.play("--opcode", "1", lines="/op -500 y\n"), r"op -500, you\): y")

    def test_flags_that_say_nothing(self):
        for arguments, wanted in ((("--payload", "x"), "--payload needs --opcode"), (("--opcode", "0"), "--opcode: '0' is not"),
                                  (("--opcode", "-12"), "--opcode: '-12' is not"), (("--opcode", "-2147483649"), "--opcode: '-2147483649' is not"),
                                  (("--opcode", "1", "--payload", "hex:0"), "two digits"), (("--to", "nobody"), "--to: 'nobody' is not")):
            result = chat("demo", *arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn(wanted, result.stderr)


class Refusals(unittest.TestCase):
    def test_without_a_reservation_it_says_so(self):
        daemon = Daemon()
        self.addCleanup(daemon.stop)
        result = chat("demo", "--server", f"127.0.0.1:{daemon.tcp_port}")
        self.assertEqual(result.returncode, 1)
        self.assertIn("no place is reserved", result.stdout)
        self.assertIn("--admin", result.stderr)
        result = chat("demo", "--server", f"127.0.0.1:{daemon.tcp_port}", "--admin", "http://127.0.0.1:1")
        self.assertEqual(result.returncode, 1, "an admin API that was named is not passed over")
        self.assertIn("nothing answers there", result.stderr)

    def test_tls_only(self):
        daemon = Daemon("--dev", tls__mode="required")
        self.addCleanup(daemon.stop)
        result = chat("demo", "--admin", f"http://127.0.0.1:{daemon.admin_port}")
        self.assertEqual(result.returncode, 2, result.stdout)
        self.assertIn("add --secure", result.stderr)
        result = chat("demo", "--server", f"127.0.0.1:{daemon.tcp_port}")
        self.assertEqual(result.returncode, 1, result.stdout)
        self.assertIn("--secure", result.stderr)


class Banner(unittest.TestCase):
    def try_it(self, *flags):
        command = [os.environ["RINGCASTD"], "--dev", "--tcp-port", "0", "--udp-port", "0", "--service", "127.0.0.1:0", *flags]
        with tempfile.TemporaryFile() as output, subprocess.Popen(command, stdout=output, stderr=subprocess.DEVNULL) as process:
            try:
                until, found = time.monotonic() + 30, None
                while not found and process.poll() is None and time.monotonic() < until:
                    time.sleep(0.05)
                    found = re.search(r"^try: ringcast chat (.*?)(  \(|$)", os.pread(output.fileno(), 65536, 0).decode(), re.MULTILINE)
                self.assertTrue(found and os.pread(output.fileno(), 65536, 0).endswith(b"\n"))
                return chat(*shlex.split(found[1]), "--linger", "1", lines="/op 10 1\n")
            finally:
                process.terminate()

    def test_the_command_works_with_the_example(self):
        for admin in ("127.0.0.1:0", "off"):
            result = self.try_it("--script", ROOMS, "--admin", admin)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertRegex(result.stdout, r", op 20\): coin 5,1 0 0")

    def test_the_command_works_without_a_script(self):
        result = self.try_it("--admin", "127.0.0.1:0")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("you are peer 1", result.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
