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
import zipfile

import scripts
from daemon import AdminError, Daemon
from player import Player, until
from realtime import SERVER
from script_case import HAS_NODE, HOLDS_FREED_MEMORY, SCRIPT_FAILED, SESSION_ENDED, Case


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

    def begin(self):
        """The session's id, also when it has ended before it could be described."""
        try:
            return self.daemon.create_session(script="js")
        except AdminError as error:
            self.assertEqual(error.status, 404)
            return re.search(r"gsess-[0-9a-f]{32}", error.body)[0]

    async def test_on_the_sidecar_socket(self):
        for garbage in (b"\0" * 64, b"\xff" * 4096, b"GET / HTTP/1.1\r\n\r\n", os.urandom(65536)):
            self.start_with(garbage)
            scripts.push(self.daemon, "js", scripts.js("js"))
            scripts.push(self.daemon, "lua", scripts.lua("lua"))
            _, neighbour = await self.play("lua")
            session = self.begin()
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
