#!/usr/bin/python3
"""`ringcast play`: a player by flags, by a file, by a pipe and by hand on a terminal, and its exit codes; `ringcast script new`, whose scripts pass their test,
are taken by a server and are played."""

import os
import pty
import re
import select
import shutil
import socket
import subprocess
import tempfile
import time
import unittest

from daemon import Daemon

ECHO = r"""
local session
return {
	init = function(s) session = s end,
	onMessage = function(msg)
		if msg.payload == "wild" then session:kick(msg.sender, "\27[31mred") return end
		if msg.payload == "last" then
			session:sendReliableMessage(session:newTextGameMessage(6, -1, "the last"), msg.sender)
			session:kick(msg.sender, "as you wish")
			return
		end
		if msg.payload == "bye" then session:kick(msg.sender, "as you wish") return end
		session:sendReliableMessage(session:newTextGameMessage(msg.opCode + 1, -1, "you said " .. msg.payload), msg.sender)
	end,
}
"""
WAIT_SECONDS = 60


class Play(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("main.lua", ECHO)
        self.daemon = Daemon("--dev", "--script", self.folder)
        self.addCleanup(self.daemon.stop)
        self.admin = ["--admin", f"http://127.0.0.1:{self.daemon.admin_port}"]

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def command(self, *arguments):
        return [os.environ["RINGCAST"], "play", "demo", *self.admin, *arguments]

    def play(self, *arguments, lines=None, code=0):
        done = subprocess.run(self.command(*arguments), input=lines, stdin=subprocess.DEVNULL if lines is None else None, capture_output=True, text=True, timeout=WAIT_SECONDS)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout if code == 0 else done.stderr

    def beside(self, *arguments):
        """A player in the background; waits until it is in."""
        process = subprocess.Popen(self.command(*arguments), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        line = process.stdout.readline()
        self.assertIn("you are peer", line, line)
        return process, int(re.search(r"\d+", line)[0])

    def test_flags_in_their_order(self):
        output = self.play("--do", "send 5 hello --to server", "--expect", "6 'you said hello' --from server", "--do", "send 7 hex:41 --to server --fast",
                           "--expect", "8 A --contains", "--expect", "no 6")
        self.assertIn("6 from server by tcp: you said hello\n", output)

    def test_a_file_and_a_pipe(self):
        text = "# what is said is said back\nsend 5 'hello there' --to server\nexpect 6 'you said hello there'\n\nquit\nexpect 999\n"
        self.play("--file", self.write("steps", text))
        self.play(lines=text)
        self.play(lines="send 5 x --to server\nexpect 6")  # the last line need not end

    def test_players_groups_and_members(self):
        other, peer = self.beside()
        self.play("--do", "join 7", "--do", "members 7", "--expect", f"members 7 {peer + 1}", "--do", f"send 5 psst --to {peer}", "--do", "send 9 all", "--expect", "9 all",
                  "--do", "send 10 group --group 7", "--expect", "10 group", "--do", "leave 7")
        other.stdin.write(f"expect 5 psst --from {peer + 1}\nexpect 9 all\nexpect no 10\n")
        other.stdin.close()
        self.assertEqual(other.wait(WAIT_SECONDS), 0, other.stdout.read())

    def test_what_does_not_come_is_told_with_what_came(self):
        told = self.play("--do", "send 5 hello --to server", "--expect", "6 'you said hello' --from server", "--do", "send 5 more --to server", "--expect", "9 --within 0.5", code=5)
        self.assertIn("expect 9 --within 0.5: it did not come", told)
        self.assertIn("there is: 6 from server by tcp: you said more", told)
        told = self.play("--do", "send 5 x --to server", "--expect", "no 6 --within 30", code=1)
        self.assertIn("it came", told)
        self.play(lines="send 5 x --to server\nexpect 9 --within 0\n", code=5)

    def test_the_end_may_be_expected(self):
        self.play("--do", "send 5 bye --to server", "--expect", "closed", "--expect", "no 6 --within 0")
        told = self.play("--do", "send 5 bye --to server", "--expect", "closed 1234", code=1)
        self.assertIn("it was closed with", told)
        told = self.play("--do", "send 5 bye --to server", "--do", "wait 30", code=1)
        self.assertIn("disconnected: as you wish", told)
        self.play("--do", "send 5 bye --to server", "--expect", "closed", "--do", "send 5 more", code=1)
        self.assertIn("it did not come", self.play("--expect", "closed --within 0.1", code=5))

    def test_a_pipe_passes_what_a_file_passes_and_fails_what_it_fails(self):
        for text, code in (("send 5 bye --to server\nexpect closed\n", 0), ("send 5 bye --to server\nexpect closed\nexpect 999\n", 1),
                           ("send 5 last --to server\nexpect 6\nexpect closed\n", 0), ("send 5 last --to server\nexpect 6\nwait 30\n", 1)):
            self.play("--file", self.write("steps", text), code=code)
            self.play(lines=text, code=code)

    def test_a_pipe_that_goes_on_after_the_end_is_read_on(self):
        process = subprocess.Popen(self.command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        process.stdin.write("send 5 bye --to server\nexpect closed\n")
        process.stdin.flush()
        while "* disconnected" not in (line := process.stdout.readline()):
            self.assertTrue(line, "it ended before it was sent away")
        time.sleep(0.5)  # so that a player who does not read on is gone
        output, errors = process.communicate("expect 999\n", timeout=WAIT_SECONDS)
        self.assertEqual(process.returncode, 1, output + errors)
        self.assertIn("expect 999: it did not come", errors)

    def test_what_a_script_says_does_nothing_to_a_terminal(self):
        told = self.play("--do", "send 5 wild --to server", "--do", "wait 30", code=1)
        self.assertIn("disconnected: hex:1b5b33316d726564 (code", told)
        self.assertNotIn("\x1b", told + self.play("--do", "send 5 wild --to server", "--expect", "closed"))
        chat = subprocess.run([os.environ["RINGCAST"], "chat", "demo", *self.admin, "--opcode", "5", "--payload", "wild", "--to", "server", "--linger", "30"],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_SECONDS)
        self.assertIn("disconnected: hex:1b5b33316d726564 (code", chat.stderr)

    def test_op_codes_below_zero_are_a_games_too(self):
        self.play("--do", "send -500 hello --to server", "--expect", "-499 'you said hello' --from server", "--do", "send -2 x", "--expect", "-2 x", "--do", "send -500 y --fast",
                  "--expect", "-500 y", "--expect", "no -500")
        self.assertIn("'-13' is no op code", self.play("--do", "send -13", code=2))

    def test_wrong_lines_are_told_before_anybody_connects(self):
        before = self.daemon.metrics()["ringcast_connections_accepted_total"]
        for arguments, wanted in ((["--do", "dance"], "--do: unknown 'dance'"), (["--expect", "hello"], "--expect: 'hello' is no op code"),
                                  (["--file", self.write("steps", "\nsend\n")], "steps:2: op code is missing")):
            self.assertIn(wanted, self.play(*arguments, code=2))
        self.assertEqual(self.daemon.metrics()["ringcast_connections_accepted_total"], before)
        self.assertIn("No such file", self.play("--file", "/nonexistent", code=1))
        self.assertIn("unknown 'dance'", self.play(lines="dance\nsend 5 x\n", code=2))
        self.assertIn("more than 256 options", self.play(*["--do", "stats"] * 300, code=2))
        self.assertIn("more than 2000 lines", self.play("--file", self.write("steps", "stats\n" * 2001), code=2))

    def terminal(self, *arguments):
        pid, master = pty.fork()
        if pid == 0:
            os.execv(os.environ["RINGCAST"], self.command(*arguments))
        self.addCleanup(os.close, master)
        return pid, master

    def await_screen(self, master, pattern):
        """Reads on until it is there; the whole of what came."""
        until, text = time.monotonic() + WAIT_SECONDS, ""
        while not re.search(pattern, text):
            ready, _, _ = select.select([master], [], [], max(0, until - time.monotonic()))
            self.assertTrue(ready, f"{pattern} did not come: {text!r}")
            text += os.read(master, 65536).decode()
        return text

    def test_by_hand(self):
        pid, master = self.terminal()
        self.await_screen(master, r"> $")
        os.write(master, b"dance\r")
        self.await_screen(master, r"unknown 'dance'[\s\S]*> $")
        os.write(master, b"send 5 hellp\x7fo --to 99\x17server\x1b[A\r")  # a letter erased, a word erased, a key that does nothing
        self.await_screen(master, r"6 from server by tcp: you said hello")
        # What is half typed is still there when something comes in between.
        os.write(master, b"send 5 'half")
        self.await_screen(master, r"> send 5 'half")
        self.play("--do", "send 30 interruption")
        self.await_screen(master, r"30 from \d+ by tcp: interruption\r?\n[\s\S]*> send 5 'half")
        os.write(master, b" and half' --to server\r")
        self.await_screen(master, r"you said half and half")
        os.write(master, b"help\r")
        self.await_screen(master, r"expect members N\|all")
        os.write(master, b"never sent\x15quit\r")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_what_is_typed_while_a_line_is_under_way_waits(self):
        pid, master = self.terminal()
        self.await_screen(master, r"> $")
        os.write(master, b"expect 30 --within 60\r")
        self.await_screen(master, r"\n")
        os.write(master, b"send 5 early --to server\r")
        os.write(master, b"expect 6 'you said early'\rquit\r")
        self.play("--do", "send 30 go")
        self.await_screen(master, r"6 from server by tcp: you said early")
        self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_control_c_ends_a_line_that_is_under_way(self):
        for typed in (b"\x03", b"send 5 never --to server\r\x03", b"half a line\x03"):
            pid, master = self.terminal()
            self.await_screen(master, r"> $")
            os.write(master, b"wait 600\r")
            self.await_screen(master, r"wait 600\r\n")
            os.write(master, typed)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_control_c_ends_a_connecting_that_does_not_end(self):
        with socket.create_server(("127.0.0.1", 0)) as mute:
            pid, master = self.terminal("--server", f"127.0.0.1:{mute.getsockname()[1]}", "--token", "x")
            asked, _ = mute.accept()
            with asked:
                self.assertTrue(asked.recv(1), "it is connecting, and reads keys")
                os.write(master, b"\x03")
                self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)

    def test_control_c_and_d_leave(self):
        for key in (b"\x03", b"\x04"):
            pid, master = self.terminal()
            self.await_screen(master, r"> $")
            os.write(master, key)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)


class New(unittest.TestCase):
    LANGUAGES = ["lua"] + ["js"] * bool(shutil.which("node"))

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def ringcast(self, *arguments, code=0):
        done = subprocess.run([os.environ["RINGCAST"], *arguments], cwd=self.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_SECONDS)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done.stdout + done.stderr

    def test_it_passes_its_test_is_taken_and_is_played(self):
        daemon = Daemon(scripts__directory=os.path.join(self.folder, "scripts"))
        self.addCleanup(daemon.stop)
        admin = ["--admin", f"http://127.0.0.1:{daemon.admin_port}"]
        for language in self.LANGUAGES:
            self.assertIn(f"ringcast script test arena-{language}", self.ringcast("script", "new", language, f"arena-{language}"))
            self.assertIn("1 passed, 0 failed", self.ringcast("script", "test", f"arena-{language}"))
            self.ringcast("script", "push", language, f"arena-{language}", *admin)
            self.ringcast("session", "create", f"hall-{language}", "--script", language, *admin)
            self.ringcast("play", f"hall-{language}", *admin, "--login-payload", "version 1", "--expect", "20 'you have 0'", "--do", "send 10 tap --to server",
                          "--expect", "20 '1 has 1'", "--do", "send 10 tip --to server", "--expect", "22", "--expect", "no 21")

    def test_a_script_that_is_broken_fails_the_test_that_came_with_it(self):
        self.ringcast("script", "new", "lua", "arena")
        path = os.path.join(self.folder, "arena/main.lua")
        with open(path) as file:
            text = file.read()
        with open(path, "w") as file:
            file.write(text.replace("local WINS = 3", "local WINS = 4"))
        self.assertIn("0 passed, 1 failed", self.ringcast("script", "test", "arena", code=1))

    def test_nothing_is_written_over(self):
        self.ringcast("script", "new", "lua", "arena")
        with open(os.path.join(self.folder, "arena/main.lua"), "a") as file:
            file.write("-- mine\n")
        self.assertIn("arena/main.lua is there already", self.ringcast("script", "new", "lua", "arena", code=1))
        self.assertIn("tests/game.scn is there already", self.ringcast("script", "new", "js", "arena", code=1))
        self.assertNotIn("index.js", os.listdir(os.path.join(self.folder, "arena")))
        with open(os.path.join(self.folder, "arena/main.lua")) as file:
            self.assertTrue(file.read().endswith("-- mine\n"))

    def test_languages_and_places_that_there_are_not(self):
        for language in ("python", "all", ""):
            self.assertIn("none of the languages", self.ringcast("script", "new", language, "arena", code=2))
        self.assertIn("No such file", self.ringcast("script", "new", "lua", "no/arena", code=1))
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    unittest.main(verbosity=2)
