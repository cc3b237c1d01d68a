#!/usr/bin/python3
"""A custom game server's whole life through the agent: docs/examples/custom-server as a build, a fleet of it, and botocore as its backend."""

import http.client
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tarfile
import tempfile
import unittest

from botocore.exceptions import ClientError

import capabilities
from daemon import Daemon
from gamelift import client
from player import until


class Client:
    """A player of the example: lines over TCP."""

    def __init__(self, session, player_session):
        self.socket = socket.create_connection((session["IpAddress"], session["Port"]), timeout=60)
        self.file = self.socket.makefile("r")
        self.say(player_session)

    def say(self, line):
        self.socket.sendall(line.encode() + b"\n")

    def hear(self):
        return self.file.readline()

    def leave(self):
        self.file.close()
        self.socket.close()


class AgentTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="ringcast-agent-test-"))
        (self.folder / "builds/game/1").mkdir(parents=True)
        shutil.copy(os.environ["CUSTOM_SERVER"], self.folder / "builds/game/1/server")
        self.daemon = None
        self.pids = set()

    def tearDown(self):
        if self.daemon:
            self.daemon.stop()
        left = [pid for pid in self.pids if self.is_alive(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.folder)
        self.assertFalse(left, "game servers are left")

    @staticmethod
    def is_alive(pid):
        try:
            return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
        except FileNotFoundError:
            return False

    def start(self, *flags, **settings):
        self.daemon = Daemon("--dev", *flags, service__builds=str(self.folder / "builds"), service__servers=str(self.folder / "servers"), **settings)
        self.gamelift = client(int(re.search(rb'"service":"127.0.0.1:(\d+)"', self.daemon.log_text())[1]))

    def service_flags(self):
        """A fixed address, so that game servers find the next daemon where the last one was."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            return ["--set", f"service.address=127.0.0.1:{free.getsockname()[1]}"]

    def servers(self):
        """pids of running processes, as the agent's state has them."""
        states = [path.read_text().split() for path in (self.folder / "servers/processes").iterdir() if not path.name.endswith(".new")]
        self.pids |= {int(state[2]) for state in states}
        return {int(state[2]) for state in states}

    def create_fleet(self, key="game/1", **options):
        build = self.gamelift.create_build(Name="game", StorageLocation={"Bucket": "local", "Key": key})["Build"]["BuildId"]
        process = {"LaunchPath": "/local/game/server", "ConcurrentExecutions": 1, **options}
        return self.gamelift.create_fleet(Name="game", BuildId=build, RuntimeConfiguration={"ServerProcesses": [process]})["FleetAttributes"]["FleetId"]

    async def create_session(self, fleet, **options):
        """Once a process is ready."""
        made = []

        def create():
            try:
                made.append(self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=2, Name="a game", **options)["GameSession"])
            except ClientError as error:
                self.assertEqual(error.response["Error"]["Code"], "FleetCapacityExceededException")
            return made

        await until(create)
        await until(lambda: self.status(made[0]) == "ACTIVE")
        return made[0]

    def session(self, session):
        return self.gamelift.describe_game_sessions(GameSessionId=session["GameSessionId"])["GameSessions"][0]

    def status(self, session):
        return self.session(session)["Status"]

    def player(self, session, name):
        return self.gamelift.create_player_session(GameSessionId=session["GameSessionId"], PlayerId=name)["PlayerSession"]["PlayerSessionId"]

    def player_status(self, player):
        return self.gamelift.describe_player_sessions(PlayerSessionId=player)["PlayerSessions"][0]["Status"]

    def codes(self, fleet):
        return [event["EventCode"] for event in self.gamelift.describe_fleet_events(FleetId=fleet)["Events"]]

    async def test_a_whole_life(self):
        self.start()
        fleet = self.create_fleet()
        session = await self.create_session(fleet)
        self.assertEqual(session["IpAddress"], "127.0.0.1")
        first = self.servers()
        tokens = [self.player(session, name) for name in ("alice", "bob")]
        alice, bob, stranger = Client(session, tokens[0]), Client(session, tokens[1]), Client(session, "psess-nobody")
        self.assertEqual((alice.hear(), bob.hear(), stranger.hear()), ("welcome\n", "welcome\n", ""))
        alice.say("hello")
        self.assertEqual(bob.hear(), "hello\n")
        await until(lambda: self.player_status(tokens[0]) == "ACTIVE")
        bob.leave()
        await until(lambda: self.player_status(tokens[1]) == "COMPLETED")
        alice.say("close")
        await until(lambda: self.session(session)["PlayerSessionCreationPolicy"] == "DENY_ALL")
        with self.assertRaises(ClientError):
            self.player(session, "carol")
        alice.say("open")
        await until(lambda: self.session(session)["PlayerSessionCreationPolicy"] == "ACCEPT_ALL")
        self.terminate(session)
        self.assertEqual(alice.hear(), "goodbye\n")
        await until(lambda: self.status(session) == "TERMINATED")
        again = await self.create_session(fleet)
        await until(lambda: not first & self.servers())  # an ended process goes, and a new one has taken its place
        self.assertNotIn("SERVER_PROCESS_CRASHED", self.codes(fleet))
        self.terminate(again, "FORCE_TERMINATE")
        await until(lambda: self.status(again) == "TERMINATED")
        output = "".join(path.read_text() for path in (self.folder / "servers/output" / fleet).iterdir())
        self.assertIn('"a game", for 2 players', output)
        self.gamelift.delete_fleet(FleetId=fleet)
        await until(lambda: not self.servers())

    @capabilities.needs_root
    async def test_a_capability_of_the_daemon_is_no_game_server_s(self):
        for path in (self.folder, *self.folder.rglob("*")):
            os.chown(path, capabilities.NOBODY, capabilities.NOBODY)
        with capabilities.passed_on():
            self.start()
        await self.create_session(self.create_fleet())
        self.assertEqual([capabilities.has(pid) for pid in self.servers()], [[]])
        self.assertEqual(capabilities.has(self.daemon.process.pid), ["CapPrm", "CapEff"])

    @capabilities.needs_root
    async def test_a_daemon_that_is_root_passes_nothing_of_it_on(self):
        self.start()
        await self.create_session(self.create_fleet())
        server, = self.servers()
        self.assertEqual(set(capabilities.all_of(server).values()), {0})
        self.assertIn(b"custom game servers run as root", self.daemon.log_text())
        self.assertEqual(capabilities.status_of(server)["NoNewPrivs"], "1")

    @capabilities.needs_root
    async def test_game_servers_of_root_run_as_the_user_that_is_named(self):
        self.folder.chmod(0o755)
        with tarfile.open(self.folder / "builds/packed.tar", "w") as archive:
            archive.add(self.folder / "builds/game/1/server", "server")
        self.start(service__server_user="nobody", service__store=str(self.folder / "store.sqlite"))
        self.assertNotIn(b"custom game servers run as root", self.daemon.log_text())
        fleets = [self.create_fleet(), self.create_fleet("packed.tar")]
        for fleet in fleets:
            session = await self.create_session(fleet)
            alice = Client(session, self.player(session, "alice"))
            self.assertEqual(alice.hear(), "welcome\n")
            alice.leave()
        self.assertEqual(len(self.servers()), 2)
        for server in self.servers():
            status = capabilities.status_of(server)
            self.assertEqual((status["Uid"], status["Groups"].strip()), ("\t".join(4 * [str(capabilities.NOBODY)]), ""))
            self.assertEqual(set(capabilities.all_of(server).values()), {0})
        for fleet in fleets:
            for session in self.gamelift.describe_game_sessions(FleetId=fleet)["GameSessions"]:
                self.terminate(session, "FORCE_TERMINATE")
            await until(lambda: all(session["Status"] == "TERMINATED" for session in self.gamelift.describe_game_sessions(FleetId=fleet)["GameSessions"]))
            self.gamelift.delete_fleet(FleetId=fleet)
        await until(lambda: not self.servers())

    @capabilities.needs_root
    async def test_a_program_that_the_user_may_not_run_is_named(self):
        self.start(service__server_user="nobody")  # whose folder of builds is root's alone
        fleet = self.create_fleet()
        await until(lambda: "SERVER_PROCESS_INVALID_PATH" in self.codes(fleet))
        self.assertIn("Permission denied", str(self.gamelift.describe_fleet_events(FleetId=fleet)["Events"]))

    def terminate(self, session, mode="TRIGGER_ON_PROCESS_TERMINATE"):
        port = int(re.search(rb'"service":"127.0.0.1:(\d+)"', self.daemon.log_text())[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("POST", "/", json.dumps({"GameSessionId": session["GameSessionId"], "TerminationMode": mode}),
                           {"X-Amz-Target": "GameLift.TerminateGameSession", "Content-Type": "application/x-amz-json-1.1"})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()

    async def test_the_longest_data_reaches_the_c_client(self):
        self.start()
        fleet = self.create_fleet()
        for data in ("x" * 262144, "\1" * 262144):
            session = await self.create_session(fleet, GameSessionData=data)
            self.terminate(session)
            await until(lambda: self.status(session) == "TERMINATED")

    async def test_a_crash_ends_the_session_and_a_new_process_comes(self):
        self.start()
        fleet = self.create_fleet()
        session = await self.create_session(fleet)
        alice = Client(session, self.player(session, "alice"))
        self.assertEqual(alice.hear(), "welcome\n")
        alice.say("crash")
        await until(lambda: self.status(session) == "TERMINATED")
        await until(lambda: "SERVER_PROCESS_CRASHED" in self.codes(fleet))
        events = self.gamelift.describe_fleet_events(FleetId=fleet)["Events"]
        said = next(e["Message"] for e in events if e["EventCode"] == "SERVER_PROCESS_CRASHED")
        named = re.search(r"its output is in (\S+)$", said)[1]
        self.assertIn('"a game", for 2 players', (self.folder / "servers/output" / fleet / named).read_text())
        await self.create_session(fleet)
        self.servers()
        alice.leave()

    async def test_a_crash_loop_is_named(self):
        self.start()
        (self.folder / "builds/game/1/broken").write_text("#!/bin/sh\necho no level; exit 1\n")
        (self.folder / "builds/game/1/broken").chmod(0o755)
        fleet = self.create_fleet(LaunchPath="broken")
        loop = lambda: [e["Message"] for e in self.gamelift.describe_fleet_events(FleetId=fleet)["Events"] if "crash loop" in e.get("Message", "")]
        await until(loop)
        self.assertIn("broken has ended 5 times in a row", loop()[0])
        missing = self.create_fleet(LaunchPath="missing")
        await until(lambda: "SERVER_PROCESS_INVALID_PATH" in self.codes(missing))
        with self.assertRaises(ClientError) as caught:
            self.gamelift.create_build(StorageLocation={"Bucket": "local", "Key": "game/2"})
        self.assertIn("game/2: No such file", str(caught.exception))

    async def test_an_archive_is_a_build_that_goes_with_it(self):
        flags = ["--set", f"service.store={self.folder / 'store.sqlite'}", *self.service_flags()]
        with tarfile.open(self.folder / "builds/game-2.tar.gz", "w:gz") as archive:
            archive.add(self.folder / "builds/game/1", "./", filter=lambda entry: entry if entry.isdir() or entry.isfile() else None)
        with tarfile.open(self.folder / "builds/bad.tar", "w") as archive:
            link = tarfile.TarInfo("server")
            link.type, link.linkname = tarfile.SYMTYPE, "/bin/sh"
            archive.addfile(link)
        self.start(*flags)
        with self.assertRaises(ClientError) as caught:
            self.gamelift.create_build(StorageLocation={"Bucket": "local", "Key": "bad.tar"})
        self.assertIn("server: is a link", str(caught.exception))
        build = self.gamelift.create_build(Name="game", StorageLocation={"Bucket": "local", "Key": "game-2.tar.gz"})["Build"]
        self.assertGreater(build["SizeOnDisk"], 0)
        unpacked = self.folder / "servers/builds"
        self.assertEqual([path.name for path in unpacked.iterdir()], [build["BuildId"]])
        process = {"LaunchPath": "/local/game/server", "ConcurrentExecutions": 1}
        fleet = self.gamelift.create_fleet(Name="game", BuildId=build["BuildId"], RuntimeConfiguration={"ServerProcesses": [process]})["FleetAttributes"]["FleetId"]
        session = await self.create_session(fleet)
        self.assertEqual(self.status(session), "ACTIVE")
        (unpacked / "build-of-nobody").mkdir()
        self.daemon.stop()
        self.start(*flags)
        await until(lambda: [path.name for path in unpacked.iterdir()] == [build["BuildId"]])
        self.terminate(session)
        await until(lambda: self.status(session) == "TERMINATED")
        self.gamelift.delete_fleet(FleetId=fleet)
        self.gamelift.delete_build(BuildId=build["BuildId"])
        await until(lambda: list(unpacked.iterdir()) == [])

    async def restart(self, how):
        store = self.folder / "store.sqlite"
        flags = ["--set", f"service.store={store}", *self.service_flags()]
        self.start(*flags)
        fleet = self.create_fleet()
        session = await self.create_session(fleet, IdempotencyToken="once")
        tokens = [self.player(session, name) for name in ("alice", "bob")]
        alice = Client(session, tokens[0])
        self.assertEqual(alice.hear(), "welcome\n")
        await until(lambda: self.player_status(tokens[0]) == "ACTIVE")
        pids = self.servers()
        how()
        self.assertTrue(all(self.is_alive(pid) for pid in pids), "game servers go on without the daemon")
        self.start(*flags)
        await until(lambda: self.gamelift.describe_game_sessions(FleetId=fleet)["GameSessions"])
        self.assertEqual(self.status(session), "ACTIVE")
        again = self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=2, Name="a game", IdempotencyToken="once")["GameSession"]
        self.assertEqual(again["GameSessionId"], session["GameSessionId"], "a token is known after a restart")
        self.assertEqual(self.session(session)["Port"], session["Port"])
        self.assertEqual(self.player_status(tokens[0]), "ACTIVE")
        joined = []

        def join():
            """The game server comes back to the daemon within seconds; until then it can ask nobody about a player."""
            player = Client(session, tokens[1])
            if player.hear() == "welcome\n":
                joined.append(player)
            else:
                player.leave()
            return joined

        await until(join)
        bob = joined[0]
        bob.say("still here")
        self.assertEqual(alice.hear(), "still here\n")
        self.assertEqual(self.servers(), pids)
        self.terminate(session)
        await until(lambda: self.status(session) == "TERMINATED")
        self.gamelift.delete_fleet(FleetId=fleet)
        await until(lambda: not self.servers())
        alice.leave()
        bob.leave()

    async def test_a_restart_of_the_daemon_leaves_games_alone(self):
        await self.restart(lambda: self.daemon.stop())

    async def test_so_does_its_sudden_death(self):
        def kill():
            self.daemon.process.send_signal(signal.SIGKILL)
            self.daemon.process.wait()
            self.daemon.log.close()

        await self.restart(kill)


class StartTest(unittest.TestCase):
    def test_without_builds_no_folder_is_made(self):
        with tempfile.TemporaryDirectory() as folder:
            before, os.environ["TMPDIR"] = os.environ.get("TMPDIR"), folder
            daemon = Daemon("--dev")
            found = [name for name in os.listdir(folder) if name.startswith("ringcast-servers")]
            daemon.stop()
            del os.environ["TMPDIR"]
            if before is not None:
                os.environ["TMPDIR"] = before
            self.assertEqual(found, [])

    def test_a_folder_that_cannot_be_is_named(self):
        for key, path, text in (("builds", "/nowhere/builds", "service.builds: /nowhere/builds: No such file or directory"),
                                ("builds", "/dev/null", "service.builds: /dev/null: is not a folder"),
                                ("servers", "/nowhere/servers", "service.servers: /nowhere/servers: No such file or directory")):
            command = [os.environ["RINGCASTD"], "--dev", "--tcp-port", "0", "--udp-port", "0", "--admin", "off", "--service", "127.0.0.1:0"]
            result = subprocess.run([*command, "--set", f"service.{key}={path}"], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(result.returncode, 0)
            self.assertIn(text, result.stderr)

    def check_user(self, name, *wrapper):
        command = [*wrapper, os.environ["RINGCASTD"], "--dev", "--tcp-port", "0", "--udp-port", "0", "--admin", "off", "--service", "127.0.0.1:0", "--check-config"]
        return subprocess.run([*command, "--set", f"service.server_user={name}"], capture_output=True, text=True, timeout=60)

    def test_a_user_that_game_servers_cannot_be_is_named(self):
        for name, problem in (("no-such-user", "is no user of this machine"), ("root", "is root; name another user")):
            result = self.check_user(name)
            self.assertEqual(result.returncode, 2, result.stderr)
            self.assertIn(f"service.server_user: {name} {problem}", result.stderr)

    @capabilities.needs_root
    def test_only_root_has_users_to_give(self):
        nobody = ["setpriv", "--reuid=nobody", f"--regid={capabilities.NOBODY}", "--clear-groups"]
        result = self.check_user("daemon", *nobody)
        self.assertEqual(result.returncode, 2, result.stderr)
        self.assertIn("service.server_user: daemon can be had only where ringcastd runs as root", result.stderr)
        self.assertEqual(self.check_user("nobody", *nobody).returncode, 0)  # which it is already


if __name__ == "__main__":
    unittest.main()
