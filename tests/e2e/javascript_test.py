#!/usr/bin/python3
"""JavaScript end to end: folders as Node finds them, what confinement keeps from a script, processes that pause, end and lie."""

import asyncio
import os
import re
import shutil
import signal
import subprocess
import unittest
import unittest.mock

import capabilities
import scripts
from player import Player, until
from script_case import HAS_NODE, SCRIPT_FAILED, SCRIPT_LOST, Case

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
ANSWERS_OF_EACH_MIN = 20
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

    @capabilities.needs_root
    async def test_a_capability_of_the_daemon_is_no_script_s(self):
        self.daemon.stop()
        os.chown(self.folder, capabilities.NOBODY, capabilities.NOBODY)
        shutil.rmtree(self.store, True)
        for confine in ("off", "auto"):
            with self.subTest(confine), capabilities.passed_on():
                self.daemon = self.start(scripts__confine=confine)
                self.addCleanup(self.daemon.process.kill)
                scripts.push(self.daemon, "game", scripts.js("one"))
                _, player = await self.play("game")
                self.assertEqual(await self.ask(player), "one hi")
                self.assertEqual({tuple(capabilities.has(pid)) for pid in scripts.node_pids(self.daemon)}, {()})
                self.assertEqual(capabilities.has(self.daemon.process.pid), ["CapPrm", "CapEff"])
                self.daemon.stop()

    @capabilities.needs_root
    async def test_nothing_that_makes_root_mighty_is_a_script_s(self):
        scripts.push(self.daemon, "game", scripts.js("one"))
        _, player = await self.play("game")
        self.assertEqual(await self.ask(player), "one hi")
        for pid in scripts.node_pids(self.daemon):
            sets = capabilities.all_of(pid)
            self.assertEqual({name: sets[name] for name in sets if name != "CapBnd"}, dict.fromkeys(("CapInh", "CapPrm", "CapEff", "CapAmb"), 0))
            self.assertEqual(capabilities.status_of(pid)["NoNewPrivs"], "1")  # so that the bounds give nothing

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


if __name__ == "__main__":
    unittest.main(verbosity=2)
