#!/usr/bin/python3
"""Scripts end to end: deployed over the admin API and the command line, run for players, updated, rolled back, and failing in every way we know."""

import asyncio
import os
import re
import shutil
import signal
import stat
import subprocess
import tempfile
import time
import unittest
import unittest.mock
import zipfile

import scripts
from daemon import AdminError, Daemon
from player import Player, until
from realtime import SERVER
from scripts import ANSWER

SCRIPT_FAILED, SCRIPT_LOST, SESSION_ENDED = 3508, 3509, 3502
HAS_NODE = shutil.which("node") is not None
with open(os.environ["RINGCASTD"], "rb") as binary:
    HOLDS_FREED_MEMORY = b"__asan_init" in binary.read()  # to catch uses of it


class Case(unittest.IsolatedAsyncioTestCase):
    settings = {}
    flags = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ringcast-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.store = os.path.join(self.folder, "store")
        self.daemon = self.start()
        self.addCleanup(self.stop_if_running)

    def start(self, *flags, **settings):
        return Daemon(*self.flags, *flags, scripts__directory=self.store, **{**self.settings, **settings})

    def stop_if_running(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()

    def restart(self):
        self.daemon.stop()
        self.daemon = self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def refuse(self, status, code, function, *arguments):
        with self.assertRaises(AdminError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(f'"code":"{code}"', caught.exception.body)
        return caught.exception.body

    async def ask(self, player, text="hi"):
        """What the script answers."""
        await player.send(10, text.encode(), player=SERVER)
        return (await player.expect(ANSWER)).payload.decode()

    async def play(self, script, **options):
        session = self.daemon.create_session(script=script, **options)
        return session, await Player.join(self.daemon, session)


SIBLINGS = {"GameServer.js": "exports.ssExports = require('./gameloop.js').ssExports;", "gameloop.js": scripts.js("one")["index.js"]}


@unittest.skipUnless(HAS_NODE, "no node")
class JavaScriptFolders(Case):
    async def test_a_main_file_of_its_own_name_is_said_and_remembered(self):
        body = self.refuse(422, "script", scripts.push, self.daemon, "game", SIBLINGS)
        self.assertIn("which one of GameServer.js, gameloop.js is the script? Name it: --main FILE", body)
        self.assertNotIn(".incoming-", body)
        folder = scripts.write_folder(self.path("source"), SIBLINGS)
        status, _, error = scripts.command("script", "push", "game", folder, "--main", "GameServer.js", daemon=self.daemon)
        self.assertEqual(status, 0, error)
        self.restart()
        self.assertEqual(scripts.versions(self.daemon, "game")[0]["main"], "GameServer.js")
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")
        self.assertIn("gone.js", scripts.command("script", "push", "game", folder, "--main", "gone.js", daemon=self.daemon)[2])

    async def test_one_file_keeps_its_name_and_its_errors_say_what_node_advises(self):
        folder = scripts.write_folder(self.path("single"), {"arena.js": scripts.js("one")["index.js"], "module.cjs": "import fs from 'node:fs';\n"})
        status, _, error = scripts.command("script", "push", "game", os.path.join(folder, "arena.js"), daemon=self.daemon)
        self.assertEqual(status, 0, error)
        self.assertEqual(scripts.versions(self.daemon, "game")[0]["main"], "arena.js")
        status, _, error = scripts.command("script", "push", "game", os.path.join(folder, "module.cjs"), daemon=self.daemon)
        self.assertEqual(status, 1, error)
        self.assertIn("module.cjs:1: ", error)
        # What this Node has to say about the file when nobody is in between; version 18 has nothing.
        advice = 'set "type": "module" in the package.json'
        bare = subprocess.run(["node", "-e", f"require({os.path.join(folder, 'module.cjs')!r})"], capture_output=True, text=True).stderr
        self.assertIn("outside a module", bare)
        self.assertEqual(advice in error, advice in bare, bare)
        self.assertNotIn(".incoming-", error)

    async def test_everyday_sizes_fit(self):
        files = dict(scripts.js("one"))
        files.update({f"node_modules/sdk/dist/f{i}.js": "// " + "x" * 900 for i in range(4000)})
        files["map.bin"] = b"\0" * (8 << 20)
        self.assertEqual(scripts.push(self.daemon, "game", files)["file_count"], 4002)
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")


# What a script with bad intentions tries, by op code; it answers what came of it.
HOSTILE = """
const fs = require('fs');
const net = require('net');
const { execSync } = require('child_process');
let session;
const attempts = {
	1: (text) => fs.readFileSync(text, 'utf8').length,
	2: (text) => fs.writeFileSync(text, 'x'),
	3: () => process.kill(process.ppid, 0),
	4: () => process.kill(process.ppid, 'SIGKILL'),
	5: () => execSync('/bin/sh -c id', { stdio: 'pipe' }).toString(),
	6: () => process.dlopen({ exports: {} }, '/usr/lib/x86_64-linux-gnu/libm.so.6'),
	7: () => fs.openSync('/proc/self/mem', 'r+'),
	8: () => { const all = []; for (let i = 0; i < 256; i++) all.push(Buffer.alloc(64 << 20, 1)); return all.length; },
	9: () => fs.writeFileSync(require('os').tmpdir() + '/' + process.pid, 'x'),
	10: () => Object.keys(process.env).sort().join(' '),
	11: (text) => fs.readFileSync(`/proc/${process.ppid}/environ`).length,
	12: () => fs.writeSync(1, 'forged line\\n'),
};
const say = (m, text) => session.sendReliableMessage(session.newTextGameMessage(20, -1, String(text)), m.sender);
exports.ssExports = {
	init(rtSession) { session = rtSession; },
	onMessage(m) {
		const [attempt, text] = m.payload.toString().split(' ');
		if (attempt === 'connect')
			return void net.connect(Number(text), '127.0.0.1', () => say(m, 'connected')).on('error', (error) => say(m, error.code));
		try {
			say(m, `done ${attempts[attempt](text)}`);
		} catch (error) {
			say(m, error.code || error.message);
		}
	},
};
"""


@unittest.skipUnless(HAS_NODE, "no node")
class Confinement(Case):
    settings = {"scripts__process_memory_max": "1GiB", "scripts__memory_max": "4GiB"}

    def holds(self):
        found = re.search(rb'"how JavaScript is confined","?.*?"holds":"([^"]*)"', self.daemon.log_text())
        self.assertIsNotNone(found, self.daemon.log_text())
        return found[1].decode()

    async def test_a_hostile_script_gets_nowhere(self):
        secret = self.path("secret.key")
        with open(secret, "w") as file:
            file.write("secret")
        os.chmod(secret, 0o644)  # not its mode is what keeps it
        os.environ["TEST_SECRET"] = "x"
        self.addCleanup(os.environ.pop, "TEST_SECRET")
        self.daemon.stop()
        self.daemon = self.start()
        scripts.push(self.daemon, "bad", {"index.js": HOSTILE})
        if "files=confined tcp=confined udp=confined signals=confined syscalls=confined" not in self.holds():
            self.skipTest(f"this machine does not allow it: {self.holds()}")
        _, player = await self.play("bad")
        for attempt, refused in (
            (f"1 {secret}", "EACCES"), ("1 /etc/passwd", "EACCES"), (f"2 {self.path('x')}", "EACCES"), ("2 /tmp/ringcast-forged", "EACCES"),
            ("3", "EPERM"), ("4", "EPERM"), ("5", "EACCES"), ("7", "EACCES"), ("8", "Array buffer allocation failed"), ("11", "EACCES"),
            (f"connect {self.daemon.admin_port}", "EACCES"), (f"connect {self.daemon.tcp_port}", "EACCES"),
        ):
            self.assertEqual(await self.ask(player, attempt), refused, attempt)
        self.assertEqual(await self.ask(player, "9"), "done undefined")  # its own temporary folder
        self.assertNotIn("TEST_SECRET", await self.ask(player, "10"))
        self.assertEqual(await self.ask(player, "12"), "done 12")
        self.assertNotIn(b"forged line", self.daemon.log_text())
        self.assertEqual(self.daemon.request("GET", "/readyz")["status"], "ready")

    async def test_the_dry_run_is_confined_alike(self):
        secret = self.path("secret.key")
        with open(secret, "w") as file:
            file.write("secret")
        os.chmod(secret, 0o644)
        body = self.refuse(422, "script", scripts.push, self.daemon, "bad", {"index.js": f"require('fs').readFileSync('{secret}');"})
        if "files=confined" in self.holds():
            self.assertIn("EACCES", body)

    async def test_what_does_not_hold_is_said_and_can_be_required(self):
        self.daemon.stop()
        self.daemon = self.start(scripts__confine="off")
        scripts.push(self.daemon, "game", scripts.js("one"))
        self.assertIn("NOT confined, as configured", self.holds())
        self.daemon.stop()
        with unittest.mock.patch.dict(os.environ, {"RINGCAST_CONFINE": "/nowhere/ringcast-confine"}):
            self.daemon = self.start(scripts__confine="required")
        self.assertIn("scripts.confine is 'required'", self.refuse(422, "script", scripts.push, self.daemon, "new", scripts.js("two")))


@unittest.skipUnless(HAS_NODE, "no node")
class Pause(Case):
    settings = {"scripts__stall_timeout": "4s"}

    async def test_a_machine_that_stood_still_ends_nothing(self):
        scripts.push(self.daemon, "game", scripts.js("one"))
        _, player = await self.play("game", ping_interval_ms=500)
        self.assertEqual(await self.ask(player), "one hi")
        processes = [self.daemon.process.pid, *scripts.node_pids(self.daemon)]
        self.assertGreater(len(processes), 1)
        for pid in processes:
            os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(12)  # three times what a silent process is given, and twenty pings
        for pid in processes:
            os.kill(pid, signal.SIGCONT)
        self.assertEqual(await self.ask(player), "one hi")
        await asyncio.sleep(2)
        self.assertEqual(await self.ask(player), "one hi")
        self.assertIn(b"the process did not run for a while", self.daemon.log_text())


class Deployment(Case):
    async def test_a_pushed_script_runs_for_new_sessions(self):
        pushed = scripts.push(self.daemon, "game", scripts.lua("one"))
        self.assertEqual((pushed["name"], pushed["language"], pushed["is_current"], pushed["players_max"]), ("game", "lua", True, 12))
        self.assertEqual(pushed["callbacks"], ["init", "onMessage"])
        session, player = await self.play("game")
        described = self.daemon.session(session)
        self.assertEqual((described["script"], described["script_version"], described["players_max"]), ("game", pushed["version"], 12))
        self.assertEqual(await self.ask(player), "one hi")
        self.assertGreater(self.daemon.session(session)["script_bytes"], 1000)
        self.assertEqual(self.daemon.session(self.daemon.create_session(script="game", players_max=3))["players_max"], 3)
        self.assertEqual(self.daemon.session(self.daemon.create_session())["script"], "")

    async def test_sessions_keep_their_version(self):
        first = scripts.push(self.daemon, "game", scripts.lua("one"))["version"]
        old_session, old = await self.play("game")
        second = scripts.push(self.daemon, "game", scripts.lua("two"))["version"]
        _, new = await self.play("game")
        self.assertEqual([await self.ask(old), await self.ask(new)], ["one hi", "two hi"])
        late = await Player.join(self.daemon, old_session)
        self.assertEqual(await self.ask(late), "one hi")
        _, pinned = await self.play(f"game@{first[:8]}")
        self.assertEqual(await self.ask(pinned), "one hi")
        listed = {version["version"]: version for version in scripts.versions(self.daemon, "game")}
        self.assertEqual({version: listed[version]["session_count"] for version in listed}, {first: 2, second: 1})
        self.assertEqual([version for version in listed if listed[version]["is_current"]], [second])

    async def test_rollback_and_back_again(self):
        first = scripts.push(self.daemon, "game", scripts.lua("one"))["version"]
        second = scripts.push(self.daemon, "game", scripts.lua("two"))["version"]
        self.assertEqual(scripts.rollback(self.daemon, "game")["version"], first)
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")
        self.refuse(404, "not_found", scripts.rollback, self.daemon, "game")
        self.assertEqual(scripts.rollback(self.daemon, "game", second[:7])["version"], second)
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "two hi")

    async def test_a_restart_keeps_scripts_and_the_one_that_is_current(self):
        first = scripts.push(self.daemon, "game", scripts.lua("one"))["version"]
        scripts.push(self.daemon, "game", scripts.lua("two"))
        scripts.push(self.daemon, "other", scripts.lua("else"))
        scripts.rollback(self.daemon, "game", first)
        self.restart()
        self.assertEqual([script["name"] for script in self.daemon.request("GET", "/v1/scripts")["scripts"]], ["game", "other"])
        self.assertEqual(len(scripts.versions(self.daemon, "game")), 2)
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")

    async def test_the_same_files_are_the_same_version(self):
        first = scripts.push(self.daemon, "game", scripts.lua("one"))["version"]
        self.assertEqual(scripts.push(self.daemon, "twin", scripts.lua("one"))["version"], first)
        scripts.push(self.daemon, "game", scripts.lua("two"))
        self.assertEqual(scripts.push(self.daemon, "game", scripts.lua("one"))["version"], first)
        self.assertEqual(len(scripts.versions(self.daemon, "game")), 2)

    async def test_a_script_that_is_not_well_changes_nothing(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        for files, told in (
            ({"main.lua": "return {\n  init = functoin() end\n}"}, "main.lua:2: "),
            ({"main.lua": "error('never')"}, "main.lua:1: "),
            ({"main.lua": "while true do end"}, "does not come to an end"),
            ({"main.lua": "return 7"}, "main.lua"),
            ({"main.lua": "return { init = 7 }"}, "init"),
            ({"notes.txt": "no script at all"}, ""),
        ):
            body = self.refuse(422, "script", scripts.push, self.daemon, "game", files)
            self.assertIn(told, body)
        self.assertEqual(len(scripts.versions(self.daemon, "game")), 1)
        self.assertEqual(sorted(os.listdir(self.store)), ["game"])
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")

    async def test_bad_zips_are_refused_whole(self):
        self.daemon.stop()
        self.daemon = self.start(scripts__package_max="5MiB", scripts__unpacked_max="5MiB", scripts__files_max="1000")
        link = zipfile.ZipInfo("link")
        link.create_system, link.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        good = scripts.lua("one")["main.lua"]
        for files in (
            [("main.lua", good), ("../outside.lua", "x")],
            [("main.lua", good), ("/outside.lua", "x")],
            [("main.lua", good), ("a\\..\\..\\outside.lua", "x")],
            [("main.lua", good), (link, "/etc/passwd")],
            [("main.lua", good), ("zeros", bytes(6 << 20))],
            [("main.lua", good)] + [(f"f{i}", "x") for i in range(1001)],
        ):
            self.refuse(422, "package", scripts.push, self.daemon, "game", scripts.make_zip(files))
        self.refuse(422, "package", scripts.push, self.daemon, "game", b"no zip")
        self.refuse(422, "package", scripts.push, self.daemon, "game", scripts.make_zip(scripts.lua("one"))[:-9])
        self.refuse(413, "body_size", scripts.push, self.daemon, "game", os.urandom((5 << 20) + 1))
        self.assertEqual(os.listdir(self.store), [])
        self.assertEqual(os.listdir(self.folder), ["store"])

    async def test_what_does_not_exist(self):
        self.refuse(404, "not_found", self.daemon.create_session_raw, {"script": "none"})
        scripts.push(self.daemon, "game", scripts.lua("one"))
        self.refuse(404, "not_found", self.daemon.create_session_raw, {"script": "game@ffffff"})
        self.refuse(404, "not_found", self.daemon.request, "GET", "/v1/scripts/none")
        self.refuse(404, "not_found", self.daemon.request, "DELETE", "/v1/scripts/none")
        self.refuse(404, "not_found", self.daemon.request, "GET", "/v1/sessions/gsess-nonsense/log")
        self.refuse(400, "name", scripts.push, self.daemon, "Game", scripts.lua("one"))
        self.refuse(415, "content_type", self.daemon.request, "POST", "/v1/scripts/game", {})

    async def test_remove_waits_for_the_last_session(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        session, player = await self.play("game")
        self.refuse(409, "in_use", self.daemon.request, "DELETE", "/v1/scripts/game")
        self.assertEqual(await self.ask(player), "one hi")
        self.daemon.end_session(session)
        await player.expect_close(SESSION_ENDED)
        self.assertEqual(self.daemon.request("DELETE", "/v1/scripts/game")["state"], "removed")
        self.assertEqual(os.listdir(self.store), [])

    async def test_the_command_line_does_it_all(self):
        folder = scripts.write_folder(self.path("arena"), {**scripts.lua("one"), "lib/x.lua": "return 1", ".env": "A=1", ".git/config": "not sent"})
        self.assertEqual(scripts.command("script", "push", "arena", folder, daemon=self.daemon)[0], 0)
        scripts.write_folder(folder, scripts.lua("two"))
        status, out, _ = scripts.command("script", "push", "arena", folder, "-o", "json", daemon=self.daemon)
        self.assertEqual(status, 0)
        self.assertIn('"file_count": 3', out)
        status, out, _ = scripts.command("script", "list", daemon=self.daemon)
        self.assertRegex(out, r"arena +[0-9a-f]{32} +lua")
        self.assertRegex(out, r"(?m) init, onMessage$")
        status, out, _ = scripts.command("script", "versions", "arena", daemon=self.daemon)
        self.assertEqual(len(out.splitlines()), 3)
        self.assertEqual(scripts.command("script", "rollback", "arena", daemon=self.daemon)[0], 0)
        self.assertEqual(scripts.command("session", "create", "match", "--script", "arena", daemon=self.daemon)[0], 0)
        status, out, _ = scripts.command("script", "logs", "match", daemon=self.daemon)
        self.assertIn("init of one", out)
        self.daemon.request("DELETE", "/v1/sessions/" + self.daemon.request("GET", "/v1/sessions")["sessions"][0]["id"])
        self.assertEqual(scripts.command("session", "create", "match", "--script", "arena", daemon=self.daemon)[0], 0)
        follower = subprocess.Popen([os.environ["RINGCAST"], "script", "logs", "match", "--follow", "--admin", f"http://127.0.0.1:{self.daemon.admin_port}"],
                                    stdout=subprocess.PIPE, text=True)
        self.assertIn("init of one", follower.stdout.readline())
        self.daemon.request("DELETE", "/v1/sessions/" + self.daemon.request("GET", "/v1/sessions")["sessions"][0]["id"])
        self.assertIn("the session has ended", follower.communicate(timeout=60)[0])
        self.assertEqual(follower.returncode, 0)
        self.assertEqual(scripts.command("session", "create", "match", "--script", "arena", daemon=self.daemon)[0], 0)
        status, _, err = scripts.command("script", "remove", "arena", daemon=self.daemon)
        self.assertEqual(status, 1)
        self.assertIn("1 sessions run 'arena'", err)
        scripts.write_folder(folder, {"main.lua": "return {"})
        status, _, err = scripts.command("script", "push", "arena", folder, daemon=self.daemon)
        self.assertEqual(status, 1)
        self.assertIn("main.lua:1: ", err)
        os.symlink("/etc/passwd", os.path.join(folder, "link"))
        self.assertIn("is a link", scripts.command("script", "push", "arena", folder, daemon=self.daemon)[2])
        self.assertIn("No such file", scripts.command("script", "push", "arena", self.path("nothing"), daemon=self.daemon)[2])


class Update(Case):
    settings = {"scripts__versions_kept": 5, "shards__count": 2}

    async def test_a_hundred_versions_under_load(self):
        """Players of old and new sessions never stop asking: each gets every answer, and each answer is of its session's version."""
        stopping = False
        counts = {}

        async def keep_asking(player, version):
            counts[version] = 0
            while not stopping:
                self.assertEqual(await self.ask(player, str(counts[version])), f"v{version} {counts[version]}")
                counts[version] += 1

        scripts.push(self.daemon, "game", scripts.lua("v0"))
        asking, sessions = [], []
        rss_at_20 = 0
        for version in range(1, 101):
            scripts.push(self.daemon, "game", scripts.lua(f"v{version}"))
            session, player = await self.play("game")
            if version % 10 == 1:
                sessions.append(session)
                asking.append(asyncio.create_task(keep_asking(player, version)))
            else:
                self.assertEqual(await self.ask(player), f"v{version} hi")
                self.daemon.end_session(session)
                await player.expect_close(SESSION_ENDED)
            if version == 20:
                rss_at_20 = self.daemon.rss_bytes()
            await asyncio.sleep(0)
        stopping = True
        await asyncio.gather(*asking)
        self.assertEqual(len(counts), 10)
        self.assertGreater(min(counts), 0)
        self.assertEqual(self.daemon.gauge('script_sessions{language="lua"}'), 10)
        kept = scripts.versions(self.daemon, "game")
        self.assertLessEqual(len(kept), 10 + 5)
        self.assertEqual({version["version"] for version in kept} | {"current", "versions"}, set(os.listdir(os.path.join(self.store, "game"))))
        if not HOLDS_FREED_MEMORY:
            self.assertLess(self.daemon.rss_bytes() - rss_at_20, 16 << 20)
        for session in sessions:
            self.daemon.end_session(session)
        scripts.push(self.daemon, "game", scripts.lua("last"))
        await until(lambda: self.daemon.gauge("script_programs") <= 2)  # nobody runs the others, so no shard holds them
        self.assertEqual(len(scripts.versions(self.daemon, "game")), 5)


class Logs(Case):
    settings = {"scripts__log_memory": "4KiB", "scripts__errors_max": 3}

    async def test_a_log_outlives_its_session(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        session, player = await self.play("game")
        self.assertEqual(scripts.log_lines(self.daemon, session), [("info", "init of one")])
        await self.ask(player, "end")
        await player.expect_close(SESSION_ENDED)
        await until(lambda: len(scripts.log_lines(self.daemon, session)) == 2)
        self.assertIn("has ended", scripts.log_text(self.daemon, session))
        self.assertEqual(scripts.command("script", "logs", session, daemon=self.daemon)[0], 0)

    async def test_errors_stand_in_it_and_end_the_session_at_last(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        session, player = await self.play("game")
        _, bystander = await self.play("game")
        for _ in range(3):
            await self.ask(player, "fail")
        await player.expect_close(SCRIPT_FAILED)
        text = scripts.log_text(self.daemon, session)
        self.assertIn("main.lua:8: it was told to fail", text)
        self.assertIn("traceback", text)
        self.assertEqual(self.daemon.counter("script_errors"), 3)
        self.assertEqual(await self.ask(bystander), "one hi")

    async def test_a_loop_is_cut_by_the_budget(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        session, player = await self.play("game")
        await self.ask(player, "loop")
        self.assertEqual(await self.ask(player), "one hi")
        self.assertGreaterEqual(self.daemon.counter("script_over_budget"), 1)
        self.assertIn("main.lua:9", scripts.log_text(self.daemon, session))

    async def test_it_is_bounded(self):
        scripts.push(self.daemon, "chatty", {"main.lua": """
            return { init = function(s) for i = 1, 60 do s.getLogger().info(i .. " " .. ("x"):rep(200)) end end }"""})
        session = self.daemon.create_session(script="chatty")
        log = self.daemon.request("GET", f"/v1/sessions/{session}/log")
        self.assertGreater(log["lost_count"], 0)
        self.assertLess(sum(len(line["text"]) for line in log["lines"]), 4096)
        self.assertIn("60 xxx", log["lines"][-1]["text"])

    async def test_sessions_without_a_script_have_an_empty_one(self):
        session = self.daemon.create_session()
        self.assertEqual(scripts.log_lines(self.daemon, session), [])


class Stuck(Case):
    settings = {"scripts__lua_jit": "true"}

    async def test_a_compiled_loop_is_named_and_does_not_keep_the_daemon(self):
        scripts.push(self.daemon, "game", scripts.lua("one"))
        _, player = await self.play("game")
        await player.send(10, b"loop", player=SERVER)
        await until(lambda: b"callback does not come back" in self.daemon.log_text())
        self.daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(await asyncio.to_thread(self.daemon.process.wait, 60), 1)
        self.assertIn(b"a shard does not come to an end", self.daemon.log_text())


class DevMode(Case):
    flags = ("--dev",)

    def start(self, *flags, **settings):
        self.script = scripts.write_folder(self.path("my game"), scripts.lua("one"))
        return super().start("--script", self.script, *flags, **settings)

    def save(self, files):
        """As editors do: written beside, renamed over."""
        for name, text in files.items():
            path = os.path.join(self.script, name)
            with open(path + "~", "w") as file:
                file.write(text)
            os.rename(path + "~", path)

    def demo(self):
        found = [session for session in self.daemon.request("GET", "/v1/sessions")["sessions"] if session["name"] == "demo"]
        return found[0]["id"] if found else None

    def current(self):
        return [script["version"] for script in self.daemon.request("GET", "/v1/scripts")["scripts"]]

    async def test_a_saved_file_is_live_for_new_sessions(self):
        player = await Player.join(self.daemon, token="dev-demo-alice")
        self.assertEqual(await self.ask(player), "one hi")
        before = self.current()
        saved_at = time.monotonic()
        self.save(scripts.lua("two"))
        await until(lambda: self.current() != before)
        self.assertLess(time.monotonic() - saved_at, 20)  # a second, on a machine that is not shared
        _, new = await self.play("my-game")
        self.assertEqual([await self.ask(player), await self.ask(new)], ["one hi", "two hi"])

    async def test_a_slip_keeps_the_version_before_and_says_where(self):
        before = self.current()
        self.save({"main.lua": "return {\n  init = = 1\n}"})
        await until(lambda: b"main.lua:2: " in self.daemon.log_text())
        self.assertEqual(self.current(), before)
        _, new = await self.play("my-game")
        self.assertEqual(await self.ask(new), "one hi")
        self.save(scripts.lua("three"))
        await until(lambda: self.current() != before)

    async def test_files_in_new_folders_are_seen_too(self):
        before = self.current()
        os.mkdir(os.path.join(self.script, "lib"))
        self.save({"lib/x.lua": "return 5"})
        await until(lambda: self.current() != before)

    async def test_a_demo_that_its_script_ended_comes_back_with_the_next_version(self):
        player = await Player.join(self.daemon, token="dev-demo-alice")
        await self.ask(player, "end")
        await player.expect_close(SESSION_ENDED)
        self.save(scripts.lua("two"))
        await until(self.demo)
        self.assertEqual(await self.ask(await Player.join(self.daemon, token="dev-demo-bob")), "two hi")


class ReloadRunning(DevMode):
    def start(self, *flags, **settings):
        return super().start("--reload-running", **settings)

    async def test_a_saved_file_is_live_for_new_sessions(self):
        before = self.demo()
        player = await Player.join(self.daemon, token="dev-demo-alice")
        self.assertEqual(await self.ask(player), "one hi")
        self.save(scripts.lua("two"))
        await player.expect_close(SESSION_ENDED)
        await until(lambda: self.demo() not in (None, before))
        player = await Player.join(self.daemon, token="dev-demo-alice")
        self.assertEqual(await self.ask(player), "two hi")


ANSWERS_OF_EACH_MIN = 20


@unittest.skipUnless(HAS_NODE, "no node")
class JavaScript(Case):
    settings = {"shards__count": 2}

    async def test_versions_are_pinned_as_in_lua(self):
        scripts.push(self.daemon, "game", scripts.js("one"))
        _, old = await self.play("game")
        self.assertEqual(await self.ask(old), "one hi")
        scripts.push(self.daemon, "game", scripts.js("two"))
        _, new = await self.play("game")
        self.assertEqual([await self.ask(old), await self.ask(new)], ["one hi", "two hi"])

    async def test_versions_under_load_do_not_mix(self):
        stopping = False
        counts = {}

        async def keep_asking(player, version):
            counts[version] = 0
            while not stopping:
                self.assertEqual(await self.ask(player, str(counts[version])), f"v{version} {counts[version]}")
                counts[version] += 1

        asking = []
        for version in range(8):
            await asyncio.to_thread(scripts.push, self.daemon, "game", scripts.js(f"v{version}"))
            _, player = await self.play("game")
            asking.append(asyncio.create_task(keep_asking(player, version)))
        await until(lambda: len(counts) == 8 and min(counts.values()) >= ANSWERS_OF_EACH_MIN or any(task.done() for task in asking))
        stopping = True
        await asyncio.gather(*asking)  # and what one of them found wrong
        self.assertEqual(self.daemon.gauge('script_sessions{language="js"}'), 8)

    async def test_a_slip_says_where_and_changes_nothing(self):
        scripts.push(self.daemon, "game", scripts.js("one"))
        body = self.refuse(422, "script", scripts.push, self.daemon, "game", {"index.js": "'use strict';\nlet let = 1;\n"})
        self.assertIn("index.js:2: ", body)
        self.refuse(422, "script", scripts.push, self.daemon, "game", {"index.js": "throw new Error('never');"})
        self.refuse(422, "script", scripts.push, self.daemon, "game", {"index.js": "exports.other = 1;"})
        self.assertEqual(len(scripts.versions(self.daemon, "game")), 1)

    async def test_kill_9_of_node_ends_its_sessions_and_no_others(self):
        scripts.push(self.daemon, "js", scripts.js("js"))
        scripts.push(self.daemon, "lua", scripts.lua("lua"))
        lost = [await self.play("js", shard=0) for _ in range(4)]
        other_shard = await self.play("js", shard=1)
        neighbours = [await self.play("lua", shard=0), (None, await Player.join(self.daemon, self.daemon.create_session(shard=0)))]
        for _, player in lost + [other_shard]:
            self.assertEqual(await self.ask(player), "js hi")
        stopping = False

        async def chat(player):
            while not stopping:
                await player.send(30, b"x", player=player.peer_id)
                await player.expect(30, b"x")

        chats = [asyncio.create_task(chat(player)) for _, player in neighbours + [other_shard]]
        pids = scripts.node_pids(self.daemon)
        self.assertEqual(len(pids), 2)
        victim = next(pid for pid in pids if pid == self.process_of(0))
        os.kill(victim, signal.SIGKILL)
        for session, player in lost:
            self.assertIn("script", await player.expect_close(SCRIPT_LOST))
            self.assertIn("process that ran", scripts.log_text(self.daemon, session))
        stopping = True
        await asyncio.gather(*chats)
        self.assertEqual(await self.ask(other_shard[1]), "js hi")
        self.assertEqual(await self.ask(neighbours[0][1]), "lua hi")
        self.assertEqual(self.daemon.closes("script_lost"), 4)
        await until(lambda: len(scripts.node_pids(self.daemon)) == 2)
        _, player = await self.play("js", shard=0)
        self.assertEqual(await self.ask(player), "js hi")

    def process_of(self, shard):
        for line in self.daemon.log_text().decode().splitlines():
            if '"msg":"sidecar process started"' in line and f'"shard":{shard}' in line:
                return int(line.split('"pid":')[1].split(",")[0].rstrip("}"))
        raise AssertionError("no process was started")

    async def test_node_ends_with_the_daemon(self):
        scripts.push(self.daemon, "js", scripts.js("js"))
        _, player = await self.play("js")
        await self.ask(player)
        pids = scripts.node_pids(self.daemon)
        self.assertEqual(len(pids), 1)
        self.daemon.stop()
        self.assertFalse(os.path.exists(f"/proc/{pids[0]}"))

    async def test_exceptions(self):
        """Thrown by a callback: told, and the session lives on. Caught by nobody: that session ends, and no other."""
        scripts.push(self.daemon, "js", scripts.js("js"))
        session, player = await self.play("js")
        _, bystander = await self.play("js")
        await self.ask(player, "fail")
        self.assertEqual(await self.ask(player), "js hi")
        await until(lambda: "it was told to fail" in scripts.log_text(self.daemon, session))
        self.assertIn("index.js:10", scripts.log_text(self.daemon, session))
        await self.ask(player, "crash")
        await player.expect_close(SCRIPT_FAILED)
        self.assertIn("nobody caught it", scripts.log_text(self.daemon, session))
        self.assertEqual(await self.ask(bystander), "js hi")


GARBAGE_NODE = """#!/usr/bin/python3
import os, sys, time
if any(word.endswith("check.js") for word in sys.argv):
    os.execvp("node", ["node"] + sys.argv[1:])
os.write(3, GARBAGE)
time.sleep(60)
"""


@unittest.skipUnless(HAS_NODE, "no node")
class Garbage(Case):
    def start_with(self, garbage):
        """A node that says this on the sidecar's socket."""
        path = self.path("node")
        with open(path, "w") as file:
            file.write(GARBAGE_NODE.replace("GARBAGE", repr(garbage)))
        os.chmod(path, 0o755)
        self.daemon.stop()
        self.daemon = self.start(scripts__node=path, scripts__confine="off")

    async def test_on_the_sidecar_socket(self):
        for garbage in (b"\0" * 64, b"\xff" * 4096, b"GET / HTTP/1.1\r\n\r\n", os.urandom(65536)):
            self.start_with(garbage)
            scripts.push(self.daemon, "js", scripts.js("js"))
            scripts.push(self.daemon, "lua", scripts.lua("lua"))
            _, neighbour = await self.play("lua")
            session = self.daemon.create_session(script="js")
            await until(lambda: b"cutting it" in self.daemon.log_text())
            await until(lambda: "process that ran" in scripts.log_text(self.daemon, session))
            self.assertEqual(await self.ask(neighbour), "lua hi")
            await until(lambda: self.daemon.counter("script_processes_ended") >= 2)  # killed, started again, killed again, with pauses
            self.assertEqual(await self.ask(neighbour), "lua hi")

    async def test_a_missing_node_is_named(self):
        self.daemon.stop()
        self.daemon = self.start(scripts__node="/nowhere/node")
        body = self.refuse(422, "script", scripts.push, self.daemon, "js", scripts.js("js"))
        self.assertIn("/nowhere/node", body)


class WithoutDirectory(unittest.TestCase):
    def test_there_is_no_place_to_push_to(self):
        daemon = Daemon()
        try:
            with self.assertRaises(AdminError) as caught:
                scripts.push(daemon, "game", scripts.lua("one"))
            self.assertEqual(caught.exception.status, 409)
            self.assertIn("scripts.directory", caught.exception.body)
        finally:
            daemon.stop()


class Scenarios(unittest.TestCase):
    """ringcast script test."""

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ringcast-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, True)

    def run_test(self, files, scenario):
        scripts.write_folder(self.folder, {**files, "tests/one.scn": scenario})
        return scripts.command("script", "test", self.folder)

    def languages(self):
        return [scripts.lua("v")] + ([scripts.js("v")] if HAS_NODE else [])

    def test_what_passes(self):
        for files in self.languages():
            status, out, err = self.run_test(files, """
                session players 3
                join alice
                join bob id "bob's" payload hello
                alice send 10 to server hi     # to the script
                expect alice 20 from server "v hi"
                expect bob no 20
                bob send 30 fast to alice "psst"
                expect alice 30 from bob psst
                alice send 31 to everyone "all"
                expect bob 31 all
                expect alice 31 contains l
                bob joins group 4
                expect bob members group 4 bob
                leave bob
                alice send 10 to server end
                expect alice closed 3502
                expect session ended
                expect log "init of v"
                """)
            self.assertEqual((status, err), (0, ""), out)
            self.assertIn("1 passed, 0 failed", out)
            shutil.rmtree(self.folder)

    def test_what_fails_is_told_with_line_and_what_came(self):
        for files in self.languages():
            status, out, _ = self.run_test(files, "join alice\nalice send 10 to server hi\nexpect alice 20 'v ho'\n")
            self.assertEqual(status, 1)
            self.assertIn("tests/one.scn:3: expect alice 20 'v ho'", out)
            self.assertIn("got: 20 from server 'v hi'", out)
            self.assertIn("init of v", out)
            shutil.rmtree(self.folder)

    def test_other_failures(self):
        for scenario, told in (
            ("join alice\nexpect alice 20 within 50ms", "one.scn:2: expect alice 20 within 50ms\n      got: nothing like it"),
            ("join alice\nalice send 10 to server hi\nexpect alice nothing", "got: 20 from server"),
            ("join alice refused", "got: alice is in"),
            ("session players 1\njoin alice\njoin bob", "one.scn:3: join bob"),
            ("join alice\njoin alice", "alice is in already"),
            ("alice send 10 to server", "there is no player alice"),
            ("join alice\nexpect alice closed within 50ms", "still in"),
            ("expect session ended within 50ms", "the session goes on"),
            ("expect log nothing-of-the-kind within 50ms", "no such line"),
            ("join alice\nalice send 10 to server fail\nexpect alice 20\nwait 100ms", "the script had 1 errors"),
            ("jion alice", "one.scn:1: "),
        ):
            status, out, _ = self.run_test(scripts.lua("v"), scenario)
            self.assertEqual(status, 1, scenario)
            self.assertIn(told, out)
        self.assertEqual(self.run_test(scripts.lua("v"), "errors allowed\njoin alice\nalice send 10 to server fail\nexpect alice 20")[0], 0)

    def test_a_script_that_is_not_well(self):
        status, out, err = self.run_test({"main.lua": "return {"}, "join alice")
        self.assertEqual(status, 1)
        self.assertIn("main.lua:1: ", err)
        shutil.rmtree(os.path.join(self.folder, "tests"))
        self.assertIn("no scenario", scripts.command("script", "test", self.folder)[2])


if __name__ == "__main__":
    unittest.main(verbosity=2)
