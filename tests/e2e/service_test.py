#!/usr/bin/python3
"""The service as a studio's backend sees it: botocore, unmodified, against ringcastd; players join with what it returned."""

import http.client
import http.server
import json
import os
import re
import ssl
import subprocess
import tempfile
import unittest
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

import scripts
import secure
from daemon import AdminError, Daemon
from gamelift import REGION, client, raw, service_port
from player import Player, Refused, until
from realtime import SERVER
from script_case import HAS_NODE


class ServiceTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--dev", "--shards", "2")
        cls.port = service_port(cls.daemon)
        cls.gamelift = client(cls.port)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def create(self, **options):
        options = {"FleetId": "fleet-123", "MaximumPlayerSessionCount": 4, **options}
        return self.gamelift.create_game_session(**options)["GameSession"]

    def fault(self, operation, **options):
        with self.assertRaises(ClientError) as caught:
            getattr(self.gamelift, operation)(**options)
        return caught.exception.response["Error"]["Code"]

    async def test_players_join_with_what_the_service_returned(self):
        session = self.create(Name="räum", GameProperties=[{"Key": "mode", "Value": "ctf"}])
        self.assertEqual((session["IpAddress"], session["Port"]), ("127.0.0.1", self.daemon.tcp_port))
        players = self.gamelift.create_player_sessions(GameSessionId=session["GameSessionId"], PlayerIds=["alice", "bob"],
                                                       PlayerDataMap={"bob": "team=red"})["PlayerSessions"]
        alice = await Player.join(self.daemon, token=players[0]["PlayerSessionId"], udp=True)
        bob = await Player.join(self.daemon, token=players[1]["PlayerSessionId"])
        await alice.send(10, b"hello", player=bob.peer_id)
        await bob.expect(10, b"hello", alice.peer_id)
        await alice.leave()
        await bob.leave()

    def status_of(self, player):
        return self.gamelift.describe_player_sessions(PlayerSessionId=player)["PlayerSessions"][0]["Status"]

    async def test_the_engine_says_what_becomes_of_players_and_sessions(self):
        session = self.create()["GameSessionId"]
        player = self.gamelift.create_player_session(GameSessionId=session, PlayerId="a")["PlayerSession"]["PlayerSessionId"]
        self.assertEqual(self.status_of(player), "RESERVED")
        joined = await Player.join(self.daemon, token=player)
        await until(lambda: self.status_of(player) == "ACTIVE")
        await joined.leave()
        await until(lambda: self.status_of(player) == "COMPLETED")
        self.gamelift.create_player_session(GameSessionId=session, PlayerId="b")
        self.assertEqual(raw(self.port, "TerminateGameSession", json.dumps({"GameSessionId": session, "TerminationMode": "FORCE_TERMINATE"}))[0], 200)
        await until(lambda: self.gamelift.describe_game_sessions(GameSessionId=session)["GameSessions"][0]["Status"] == "TERMINATED")

    async def test_a_change_holds_in_the_engine_too(self):
        session = self.create(MaximumPlayerSessionCount=1)["GameSessionId"]
        host_session = [s["id"] for s in self.daemon.request("GET", "/v1/sessions")["sessions"] if s["players_max"] == 1][-1]
        self.gamelift.update_game_session(GameSessionId=session, MaximumPlayerSessionCount=3)
        self.assertEqual(self.daemon.session(host_session)["players_max"], 3)
        self.gamelift.create_player_sessions(GameSessionId=session, PlayerIds=["a", "b", "c"])
        self.assertEqual(self.fault("update_game_session", GameSessionId=session, MaximumPlayerSessionCount=2), "InvalidGameSessionStatusException")
        self.gamelift.update_game_session(GameSessionId=session, MaximumPlayerSessionCount=9, PlayerSessionCreationPolicy="DENY_ALL")
        with self.assertRaises(AdminError):
            self.daemon.reserve(host_session)

    async def test_a_token_is_good_once(self):
        session = self.create()
        player = self.gamelift.create_player_session(GameSessionId=session["GameSessionId"], PlayerId="a")["PlayerSession"]
        first = await Player.join(self.daemon, token=player["PlayerSessionId"])
        with self.assertRaises(Refused):
            await Player.join(self.daemon, token=player["PlayerSessionId"])
        await first.leave()

    def test_faults_have_their_types(self):
        session = self.create(MaximumPlayerSessionCount=1)
        about = {"GameSessionId": session["GameSessionId"]}
        self.gamelift.create_player_session(**about, PlayerId="a")
        self.assertEqual(self.fault("create_player_session", **about, PlayerId="b"), "GameSessionFullException")
        self.assertEqual(self.fault("create_player_session", GameSessionId=session["GameSessionId"] + "x", PlayerId="b"), "NotFoundException")
        self.assertEqual(self.fault("create_player_session", **about, PlayerId=""), "InvalidRequestException")
        self.assertEqual(self.fault("create_game_session", MaximumPlayerSessionCount=1), "InvalidRequestException")
        self.assertEqual(self.fault("search_game_sessions", FleetId="fleet-1", FilterExpression="x"), "InvalidRequestException")
        self.create(IdempotencyToken="once", Name="a")
        self.assertEqual(self.fault("create_game_session", FleetId="fleet-123", MaximumPlayerSessionCount=4, IdempotencyToken="once"),
                         "IdempotentParameterMismatchException")
        self.gamelift.update_game_session(**about, PlayerSessionCreationPolicy="DENY_ALL")
        self.assertEqual(self.fault("create_player_session", **about, PlayerId="c"), "InvalidGameSessionStatusException")
        self.assertEqual(self.fault("describe_alias", AliasId="alias-none"), "NotFoundException")

    def test_a_repeated_token_gives_the_same_session(self):
        options = {"IdempotencyToken": "again", "Name": "n"}
        self.assertEqual(self.create(**options)["GameSessionId"], self.create(**options)["GameSessionId"])

    def test_pages_hold_every_session_once(self):
        ids = {self.create(FleetId="fleet-pages")["GameSessionId"] for _ in range(23)}
        seen = []
        for page in self.gamelift.get_paginator("describe_game_sessions").paginate(FleetId="fleet-pages", PaginationConfig={"PageSize": 5}):
            seen += [session["GameSessionId"] for session in page["GameSessions"]]
        self.assertEqual(len(seen), 23)
        self.assertEqual(set(seen), ids)

    def test_aliases_lead_to_fleets(self):
        fleet = self.gamelift.create_fleet(Name="f")["FleetAttributes"]["FleetId"]
        alias = self.gamelift.create_alias(Name="a", RoutingStrategy={"Type": "SIMPLE", "FleetId": fleet})["Alias"]["AliasId"]
        session = self.gamelift.create_game_session(AliasId=alias, MaximumPlayerSessionCount=2)["GameSession"]
        self.assertEqual(session["FleetId"], fleet)

    def test_what_is_no_request_is_refused(self):
        self.assertEqual(raw(self.port, "CreateGameSession", "{")[:2], (400, "SerializationException"))
        self.assertEqual(raw(self.port, "CreateGameSession", "[]")[:2], (400, "InvalidRequestException"))
        self.assertEqual(raw(self.port, "Nothing", "{}")[:2], (400, "UnknownOperationException"))
        self.assertEqual(raw(self.port, "CreateGameSession", b"\xff\xfe{}")[:2], (400, "SerializationException"))
        self.assertEqual(raw(self.port, "CreateGameSession", b"x" * (9 << 20))[:2], (400, "InvalidRequestException"))
        self.assertEqual(raw(self.port, "ListFleets", "")[0], 200)


class ScriptTest(unittest.IsolatedAsyncioTestCase):
    """Scripts of the API: pushed, run, updated, refused, deleted; they survive a restart with their fleets."""

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.start()

    def start(self, **settings):
        self.daemon = Daemon("--dev", service__store=os.path.join(self.folder.name, "store.db"),
                             scripts__directory=os.path.join(self.folder.name, "scripts"),
                             service__session_logs=os.path.join(self.folder.name, "logs"), **settings)
        self.gamelift = client(service_port(self.daemon))

    def fleet_of(self, files):
        script = self.gamelift.create_script(Name="s", Version="v", ZipFile=scripts.make_zip(files))["Script"]["ScriptId"]
        return script, self.gamelift.create_fleet(Name="f", ScriptId=script)["FleetAttributes"]["FleetId"]

    async def answer_of(self, fleet):
        """What a new session's script says."""
        session = self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=4)["GameSession"]["GameSessionId"]
        await until(lambda: self.gamelift.describe_game_sessions(GameSessionId=session)["GameSessions"][0]["Status"] == "ACTIVE")
        token = self.gamelift.create_player_session(GameSessionId=session, PlayerId="a")["PlayerSession"]["PlayerSessionId"]
        player = await Player.join(self.daemon, token=token)
        await player.send(10, b"hi", player=SERVER)
        text = (await player.expect(scripts.ANSWER)).payload.decode()
        await player.leave()
        return session, text

    async def test_a_fleet_runs_its_script_and_its_next_version(self):
        for files in (scripts.lua, scripts.js):
            script, fleet = self.fleet_of(files("one"))
            self.assertEqual((await self.answer_of(fleet))[1], "one hi")
            self.gamelift.update_script(ScriptId=script, ZipFile=scripts.make_zip(files("two")), Version="v2")
            self.assertEqual((await self.answer_of(fleet))[1], "two hi")
            with self.assertRaises(ClientError) as caught:
                self.gamelift.update_script(ScriptId=script, ZipFile=scripts.make_zip({next(iter(files("x"))): "this is no script ("}))
            self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidRequestException")
            self.assertIn(":1:", caught.exception.response["Error"]["Message"])
            self.assertEqual((await self.answer_of(fleet))[1], "two hi")
            codes = [event["EventCode"] for event in self.gamelift.describe_fleet_events(FleetId=fleet)["Events"]]
            self.assertIn("FLEET_VALIDATION_EXECUTABLE_RUNTIME_FAILURE", codes)
            self.assertEqual(self.gamelift.describe_script(ScriptId=script)["Script"]["Version"], "v2")
        self.daemon.stop()

    def status_of(self, session):
        return self.gamelift.describe_game_sessions(GameSessionId=session)["GameSessions"][0]["Status"]

    async def test_a_session_is_activating_until_its_start_is_through(self):
        start = {"index.js": scripts.js("one")["index.js"].replace("onMessage(msg)", """async onStartGameSession(game) {
            await new Promise((resolve) => setTimeout(resolve, game.name === 'slow' ? 60000 : 1000));
            if (game.name === 'bad') throw new Error('no level');
          },
          onMessage(msg)""")}
        _, fleet = self.fleet_of(start)
        self.gamelift.update_runtime_configuration(FleetId=fleet, RuntimeConfiguration={"GameSessionActivationTimeoutSeconds": 30})
        options = {"FleetId": fleet, "MaximumPlayerSessionCount": 4}
        good = self.gamelift.create_game_session(**options, Name="good")["GameSession"]
        bad = self.gamelift.create_game_session(**options, Name="bad")["GameSession"]
        self.gamelift.update_runtime_configuration(FleetId=fleet, RuntimeConfiguration={"GameSessionActivationTimeoutSeconds": 1})
        slow = self.gamelift.create_game_session(**options, Name="slow")["GameSession"]
        self.assertEqual({session["Status"] for session in (good, bad, slow)}, {"ACTIVATING"})
        with self.assertRaises(ClientError) as caught:
            self.gamelift.create_player_session(GameSessionId=slow["GameSessionId"], PlayerId="a")
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidGameSessionStatusException")
        await until(lambda: self.status_of(good["GameSessionId"]) == "ACTIVE")
        await until(lambda: self.status_of(bad["GameSessionId"]) == "ERROR")
        await until(lambda: self.status_of(slow["GameSessionId"]) == "TERMINATED")
        codes = {event["EventCode"] for event in self.gamelift.describe_fleet_events(FleetId=fleet)["Events"]}
        self.assertLessEqual({"SERVER_PROCESS_CRASHED", "GAME_SESSION_ACTIVATION_TIMEOUT"}, codes)
        self.daemon.stop()

    async def test_a_script_sees_what_its_session_was_made_with(self):
        _, fleet = self.fleet_of({"index.js": """let s; exports.ssExports = { init(session) { s = session; },
          onStartGameSession(game) { s.getLogger().info(JSON.stringify([game.name, game.gameProperties.map((p) => [p.key, p.value]), game.gameSessionData])); } };"""})
        plain = {"FleetId": fleet, "MaximumPlayerSessionCount": 4}
        for options, seen in (({"Name": "n", "GameProperties": [{"Key": "mode", "Value": "ctf"}], "GameSessionData": "d"}, '["n",[["mode","ctf"]],"d"]'),
                              ({"Name": "n"}, '["n",[],""]')):
            session = self.gamelift.create_game_session(**plain, **options)["GameSession"]["GameSessionId"]
            url = self.gamelift.get_game_session_log_url(GameSessionId=session)["PreSignedUrl"]
            await until(lambda: self.status_of(session) == "ACTIVE")

            def log():
                try:
                    return urllib.request.urlopen(url, timeout=60).read().decode()
                except urllib.error.HTTPError:
                    return ""  # nothing is written yet

            await until(lambda: seen in log())
        self.daemon.stop()

    async def test_a_lua_script_that_cannot_start_is_an_error_at_once(self):
        _, fleet = self.fleet_of({"main.lua": 'return { init = function(s) end, onStartGameSession = function() error("no level") end }'})
        session = self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=4)["GameSession"]
        self.assertEqual(session["Status"], "ERROR")
        self.daemon.stop()

    async def test_session_data_reaches_a_lua_script_whole_up_to_the_vendors_bound(self):
        self.daemon.stop()
        self.start(scripts__budget_us="2000000")  # a quarter of a million steps are not the question here
        _, fleet = self.fleet_of({"main.lua": '''return { init = function(s) end, onStartGameSession = function(game)
          local data, sum = game.gameSessionData:match('"GameSessionData":"(%l*)"') or "", 0
          for i = 1, #data do sum = (sum * 31 + data:byte(i)) % 65521 end
          if game.name ~= #data .. "-" .. string.format("%d", sum) then error(game.name .. " expected") end
        end }'''})

        def create(data, name=None):
            total = 0
            for byte in data.encode():
                total = (total * 31 + byte) % 65521
            given = {"GameSessionData": data} if data else {}
            return self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=4, Name=name or f"{len(data)}-{total}", **given)["GameSession"]

        longest = "".join(chr(97 + i % 23) for i in range(262144))
        for data in ("", "d", longest):
            self.assertNotEqual(create(data)["Status"], "ERROR", len(data))
        self.assertEqual(create(longest, "1-1")["Status"], "ERROR")
        with self.assertRaises(ClientError):
            create(longest + "x")
        self.daemon.stop()

    @unittest.skipUnless(HAS_NODE, "no node")
    async def test_session_data_reaches_a_javascript_script_whole_up_to_the_vendors_bound(self):
        self.daemon.stop()
        self.start(limits__activation_timeout_ms="120000", scripts__queue_max="64KiB")
        _, fleet = self.fleet_of({"index.js": """exports.ssExports = { init() {}, onStartGameSession(game) {
          let sum = 0;
          for (const byte of Buffer.from(game.gameSessionData)) sum = (sum * 31 + byte) % 65521;
          if (game.name !== `${[...game.gameSessionData].length}-${sum}`) throw new Error(`${game.name} expected`);
        } };"""})

        def create(data, name=None):
            total = 0
            for byte in data.encode():
                total = (total * 31 + byte) % 65521
            return self.gamelift.create_game_session(FleetId=fleet, MaximumPlayerSessionCount=4, GameSessionData=data,
                                                     Name=name or f"{len(data)}-{total}")["GameSession"]["GameSessionId"]

        status = lambda session: self.gamelift.describe_game_sessions(GameSessionId=session)["GameSessions"][0]["Status"]
        letters = "".join(chr(97 + i % 23) for i in range(262144))
        for data in ("d", letters[:16384], letters[:50000], letters, "\1" * 262144, "\U0001f600" * 262144):
            session = create(data)
            await until(lambda: status(session) != "ACTIVATING")
            self.assertEqual(status(session), "ACTIVE", (len(data), data[0]))
        wrong = create(letters, "1-1")
        await until(lambda: status(wrong) != "ACTIVATING")
        self.assertNotEqual(status(wrong), "ACTIVE")
        with self.assertRaises(ClientError):
            create(letters + "x")
        self.daemon.stop()

    async def test_a_sessions_log_has_a_signed_address_while_it_runs_and_after(self):
        _, fleet = self.fleet_of(scripts.lua("one"))
        session, _ = await self.answer_of(fleet)

        def get(url):
            try:
                with urllib.request.urlopen(url, timeout=60) as response:
                    return response.status, response.read().decode()
            except urllib.error.HTTPError as error:
                return error.code, error.read().decode()

        address = lambda: self.gamelift.get_game_session_log_url(GameSessionId=session)["PreSignedUrl"]
        await until(lambda: "init of one" in get(address())[1])
        self.assertEqual(get(address() + "0")[0], 403)
        self.assertEqual(get(re.sub(r"expires=\d+", "expires=99999999999", address()))[0], 403)
        raw(service_port(self.daemon), "TerminateGameSession", json.dumps({"GameSessionId": session, "TerminationMode": "FORCE_TERMINATE"}))
        await until(lambda: "the session has ended" in get(address())[1])
        relay = self.gamelift.create_game_session(FleetId="fleet-1", MaximumPlayerSessionCount=4)["GameSession"]["GameSessionId"]
        self.assertEqual(get(self.gamelift.get_game_session_log_url(GameSessionId=relay)["PreSignedUrl"])[0], 404)
        before = address()
        self.daemon.stop()
        self.start()
        here = re.sub(r"(?<=//)[^/]*", f"127.0.0.1:{service_port(self.daemon)}", before)
        self.assertIn("init of one", get(here)[1], "an address outlives a restart")
        self.daemon.stop()

    async def test_scripts_and_fleets_survive_a_kill_together(self):
        _, fleet = self.fleet_of(scripts.lua("one"))
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.log.close()
        self.start()
        self.assertEqual((await self.answer_of(fleet))[1], "one hi")
        self.daemon.stop()

    async def test_a_script_goes_when_nobody_runs_it(self):
        script, fleet = self.fleet_of(scripts.lua("one"))
        with self.assertRaises(ClientError):
            self.gamelift.delete_script(ScriptId=script)
        self.gamelift.delete_fleet(FleetId=fleet)
        self.gamelift.delete_script(ScriptId=script)
        self.assertEqual(self.gamelift.list_scripts()["Scripts"], [])
        self.assertEqual(os.listdir(os.path.join(self.folder.name, "scripts")), [])
        self.daemon.await_log(f'"operation":"CreateFleet","key":"anybody","resource":"{fleet}"'.encode())
        self.daemon.stop()

    def test_what_is_no_package_is_refused(self):
        with self.assertRaises(ClientError) as caught:
            self.gamelift.create_script(Name="s", ZipFile=b"no zip")
        self.assertEqual(caught.exception.response["Error"]["Code"], "InvalidRequestException")
        with self.assertRaises(ClientError) as caught:
            self.gamelift.create_script(Name="s", StorageLocation={"Bucket": "b", "Key": "k", "RoleArn": "arn:aws:iam::1:role/r"})
        self.assertIn("ZipFile", caught.exception.response["Error"]["Message"])
        self.daemon.stop()


class SignatureTest(unittest.TestCase):
    """Without --dev: no key, no entry."""

    KEYS = "# who may ask\nreader AKIAREADER reader-secret-0123456789\nbackend AKIABACKEND backend-secret-0123456789\n"

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "keys")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(cls.KEYS)
        cls.daemon = Daemon(service__address="127.0.0.1:0", service__keys=path)
        cls.port = service_port(cls.daemon)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        cls.folder.cleanup()

    def fault(self, call, **options):
        with self.assertRaises(ClientError) as caught:
            call(**options)
        return caught.exception.response["Error"]["Code"]

    def test_a_key_opens_what_its_role_may_do(self):
        backend = client(self.port, "AKIABACKEND", "backend-secret-0123456789")
        reader = client(self.port, "AKIAREADER", "reader-secret-0123456789")
        self.assertEqual(reader.list_fleets()["FleetIds"], [])
        self.assertEqual(self.fault(reader.create_game_session, FleetId="fleet-1", MaximumPlayerSessionCount=1), "UnauthorizedException")
        self.assertEqual(self.fault(backend.create_game_session, FleetId="fleet-1", MaximumPlayerSessionCount=1), "NotFoundException")
        self.assertEqual(self.fault(backend.create_fleet, Name="f"), "UnauthorizedException")
        self.assertEqual(self.fault(backend.create_script, Name="s", ZipFile=b"PK"), "UnauthorizedException")

    def test_nobody_enters_without_a_key(self):
        self.assertEqual(self.fault(client(self.port, "AKIANOBODY", "secret").list_fleets), "UnauthorizedException")
        self.assertEqual(self.fault(client(self.port, "AKIAREADER", "another-secret-0123456789").list_fleets), "UnauthorizedException")
        self.assertEqual(raw(self.port, "ListFleets", "{}")[:2], (400, "UnauthorizedException"))


    def test_a_signature_may_stand_in_the_query(self):
        def ask(change=lambda url: url, secret="reader-secret-0123456789", path="/", body=b""):
            request = AWSRequest("POST", f"http://127.0.0.1:{self.port}{path}",
                                 headers={"X-Amz-Target": "GameLift.ListFleets", "Content-Type": "application/x-amz-json-1.1"})
            SigV4QueryAuth(Credentials("AKIAREADER", secret), "gamelift", REGION, expires=60).add_auth(request)
            url = change(request.url)
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
            connection.request("POST", url[url.index("/", 8):], body, dict(request.headers.items()))
            response = connection.getresponse()
            text = response.read()
            connection.close()
            return response.status, text
        self.assertEqual(ask()[0], 200, ask()[1])
        self.assertEqual(ask(secret="another-secret-0123456789")[0], 400)
        self.assertEqual(ask(change=lambda url: url + "0")[0], 400)
        self.assertEqual(ask(body=b"{}")[0], 400)
        self.assertEqual(ask(change=lambda url: url.replace("Expires=60", "Expires=61"))[0], 400)

    def test_an_unsigned_body_is_refused(self):
        headers = {"X-Amz-Target": "GameLift.ListFleets", "Content-Type": "application/x-amz-json-1.1", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
        request = AWSRequest("POST", f"http://127.0.0.1:{self.port}/", data=b"{}", headers=headers)
        SigV4Auth(Credentials("AKIAREADER", "reader-secret-0123456789"), "gamelift", REGION).add_auth(request)
        status, fault, text = raw(self.port, "ListFleets", b"{}", **dict(request.headers.items()))
        self.assertEqual((status, fault), (400, "UnauthorizedException"))
        self.assertIn(b"must be signed", text)

    def test_keys_come_and_go_with_a_reload(self):
        path = os.path.join(self.folder.name, "keys")
        new = client(self.port, "AKIANEW", "operator-secret-0123456789")
        self.assertEqual(self.fault(new.list_fleets), "UnauthorizedException")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.KEYS.replace("# who may ask", "operator AKIANEW operator-secret-0123456789"))
        self.daemon.request("POST", "/v1/reload", {})
        new.create_location(LocationName="custom-audited")
        self.daemon.await_log(b'"operation":"CreateLocation","key":"AKIANEW","resource":"custom-audited","result":"done"')
        newest = self.daemon.request("GET", "/v1/audit?limit=1")["entries"][0]
        self.assertEqual([newest[key] for key in ("surface", "who", "what", "object", "answer")],
                         ["service", "AKIANEW", "CreateLocation", "custom-audited", "done"])
        with open(path, "w", encoding="ascii") as file:
            file.write(self.KEYS + "nonsense\n")
        with self.assertRaises(AdminError):
            self.daemon.request("POST", "/v1/reload", {})
        new.list_fleets()  # a refused reload changes nothing
        with open(path, "w", encoding="ascii") as file:
            file.write(self.KEYS)
        self.daemon.request("POST", "/v1/reload", {})
        self.assertEqual(self.fault(new.list_fleets), "UnauthorizedException")
        self.assertNotIn(b"secret-0123456789", self.daemon.log_text())


class ThrottleTest(unittest.TestCase):
    def test_who_asks_too_often_is_told_to_wait(self):
        daemon = Daemon("--dev", service__changes_per_second="3")
        port = service_port(daemon)
        answers = [raw(port, "CreateLocation", json.dumps({"LocationName": f"custom-{i}"}))[:2] for i in range(40)]
        self.assertEqual(answers[:3], [(200, None)] * 3)
        self.assertIn((400, "ThrottlingException"), answers)
        self.assertEqual(daemon.metrics()["ringcast_service_throttled_total"], answers.count((400, "ThrottlingException")))
        self.assertEqual(raw(port, "ListLocations", "{}")[0], 200)
        daemon.stop()

    def test_a_reload_takes_new_rates(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            def write(rate):
                file.seek(0)
                file.write(f"service: {{changes_per_second: {rate:4}}}\n")
                file.flush()

            write(1)
            daemon = Daemon("--dev", "--config", file.name)
            port = service_port(daemon)
            location = lambda i: raw(port, "CreateLocation", json.dumps({"LocationName": f"custom-{i}"}))[1]
            self.assertIn("ThrottlingException", [location(i) for i in range(20)])
            write(0)
            self.assertEqual(daemon.request("POST", "/v1/reload", {}), {"changed": ["service.changes_per_second"], "needs_restart": []})
            self.assertEqual([location(i) for i in range(100, 120)], [None] * 20)
            write(1)
            daemon.request("POST", "/v1/reload", {})
            self.assertIn("ThrottlingException", [location(i) for i in range(200, 220)])
            daemon.stop()

    def test_a_call_that_is_tried_again_is_done_once(self):
        daemon = Daemon("--dev")
        port = service_port(daemon)
        body = json.dumps({"FleetId": "fleet-1", "MaximumPlayerSessionCount": 2})
        ask = lambda name: json.loads(raw(port, "CreateGameSession", body, **{"amz-sdk-invocation-id": name})[2])["GameSession"]["GameSessionId"]
        self.assertEqual(ask("a"), ask("a"))
        self.assertNotEqual(ask("a"), ask("b"))
        daemon.stop()


class TlsTest(unittest.TestCase):
    """The endpoint has the daemon's certificate, and its next one after a reload."""

    def fingerprint(self, port):
        return ssl.get_server_certificate(("127.0.0.1", port))

    def test_tls_with_the_daemons_certificate(self):
        files = secure.Certificates()
        daemon = Daemon("--dev", tls__certificate=files.path("server.pem"), tls__key=files.path("server.key"), tls__ca=files.path("ca.pem"))
        port = service_port(daemon)
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=ssl.create_default_context(cafile=files.path("ca.pem")), timeout=60)
        connection.request("POST", "/", "{}", {"X-Amz-Target": "GameLift.ListFleets"})
        self.assertEqual(connection.getresponse().status, 200)
        connection.close()
        before = self.fingerprint(port)
        files.make("server", "localhost,127.0.0.1")
        daemon.request("POST", "/v1/reload", {})
        self.assertNotEqual(self.fingerprint(port), before)
        with self.assertRaises(OSError):
            raw(port, "ListFleets", "{}")  # nothing is answered in plain
        daemon.stop()

    def test_plain_where_it_is_meant(self):
        files = secure.Certificates()
        daemon = Daemon("--dev", tls__certificate=files.path("server.pem"), tls__key=files.path("server.key"), tls__ca=files.path("ca.pem"),
                        service__plain="true")
        self.assertEqual(raw(service_port(daemon), "ListFleets", "{}")[0], 200)
        daemon.stop()


class RefusedTest(unittest.TestCase):
    """Mistakes are one line each, for a start and for --check-config alike."""

    def refusal(self, *settings, keys=None):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "keys")
            if keys is not None:
                with open(path, "w", encoding="ascii") as file:
                    file.write(keys)
                settings += (f"service.keys={path}",)
            command = [os.environ["RINGCASTD"], "--check-config", "--set", "tls.mode=off"] + [part for text in settings for part in ("--set", text)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertNotIn("secret-0123456789", done.stderr)
            return done.stderr.replace(folder, "")

    def test_each_mistake_is_told(self):
        here = "service.address=127.0.0.1:0"
        self.assertIn("needs service.keys", self.refusal(here))
        self.assertIn("no UNIX sockets", self.refusal("service.address=unix:/tmp/x"))
        self.assertIn("plain HTTP beyond loopback", self.refusal("service.address=0.0.0.0:0", keys="reader AKIA0 secret-0123456789\n"))
        self.assertIn("/keys:2: the role must be", self.refusal(here, keys="\nadmin AKIA0 secret-0123456789\n"))
        self.assertIn("/keys:1: a line is", self.refusal(here, keys="reader AKIA0\n"))
        self.assertIn("/keys:1: the secret must be", self.refusal(here, keys="reader AKIA0 short\n"))
        self.assertIn("/keys:1: the access key id", self.refusal(here, keys="reader a:b:c secret-0123456789\n"))

    def test_each_mistake_with_webhooks_is_told(self):
        for line, problem in (("x http://a/ secret-0123456789", "form must be"), ("sns ftp://a/ secret-0123456789", "address must be"),
                              ("sns http://a/ short", "secret must be"), ("sns http://a/", "a line is")):
            with tempfile.NamedTemporaryFile("w", suffix="hooks") as file:
                file.write("\n" + line + "\n")
                file.flush()
                text = self.refusal("service.address=127.0.0.1:0", f"service.webhooks={file.name}", keys="reader AKIA0 secret-0123456789\n")
                self.assertIn(":2: the " + problem if problem != "a line is" else ":2: " + problem, text)


class CommandTest(unittest.TestCase):
    """ringcast key and ringcast store."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.keys, self.store, self.copy = (os.path.join(folder.name, name) for name in ("keys", "store.db", "copy.db"))

    def command(self, *arguments, status=0):
        result, out, error = scripts.command(*arguments)
        self.assertEqual(result, status, error)
        return out if status == 0 else error

    def test_a_key_opens_the_service_until_it_is_revoked(self):
        key = json.loads(self.command("key", "create", "operator", "--file", self.keys, "-o", "json"))
        self.assertEqual(os.stat(self.keys).st_mode & 0o777, 0o600)
        daemon = Daemon(service__address="127.0.0.1:0", service__keys=self.keys)
        gamelift = client(service_port(daemon), key["access_key_id"], key["secret_access_key"])
        gamelift.create_location(LocationName="custom-a")
        self.assertIn(key["access_key_id"], self.command("key", "list", "--file", self.keys))
        self.assertNotIn(key["secret_access_key"], self.command("key", "list", "--file", self.keys))
        other = json.loads(self.command("key", "create", "reader", "--file", self.keys, "-o", "json"))
        self.command("key", "revoke", key["access_key_id"], "--file", self.keys)
        daemon.request("POST", "/v1/reload", {})
        with self.assertRaises(ClientError):
            gamelift.list_locations()
        client(service_port(daemon), other["access_key_id"], other["secret_access_key"]).list_locations()
        daemon.stop()

    def test_mistakes_with_keys_are_told(self):
        self.assertIn("reader, backend or operator", self.command("key", "create", "king", "--file", self.keys, status=2))
        self.assertIn("--file", self.command("key", "list", status=2))
        self.assertIn("keys", self.command("key", "list", "--file", self.keys, status=1))
        with open(self.keys, "w", encoding="ascii") as file:
            file.write("# a note\nreader AKIA0 secret-0123456789")
        self.assertIn("there is no key", self.command("key", "revoke", "AKNONE", "--file", self.keys, status=3))
        self.command("key", "create", "reader", "--file", self.keys)
        self.command("key", "revoke", "AKIA0", "--file", self.keys)
        with open(self.keys, encoding="ascii") as file:
            lines = file.read().splitlines()
        self.assertEqual((len(lines), lines[0]), (2, "# a note"))

    def test_a_backup_of_a_store_in_use_is_whole(self):
        daemon = Daemon("--dev", service__store=self.store)
        client(service_port(daemon)).create_fleet(Name="f")
        self.command("store", "backup", self.store, self.copy)
        self.assertEqual(json.loads(self.command("store", "check", self.copy, "-o", "json"))["fleet"], 1)
        self.command("store", "check", self.store)
        self.assertIn("there already", self.command("store", "backup", self.store, self.copy, status=1))
        daemon.stop()
        daemon = Daemon("--dev", service__store=self.copy)
        self.assertEqual(len(client(service_port(daemon)).list_fleets()["FleetIds"]), 1)
        daemon.stop()

    def test_what_is_no_store_is_named(self):
        self.assertIn("cannot be opened", self.command("store", "check", self.store, status=1))
        self.assertFalse(os.path.exists(self.store), "looking makes nothing")
        open(self.store, "w").close()
        self.assertIn("no store", self.command("store", "check", self.store, status=1))
        daemon = Daemon("--dev", service__store=self.copy)
        gamelift = client(service_port(daemon))
        for i in range(300):
            gamelift.create_location(LocationName=f"custom-{i}")
        daemon.stop()
        with open(self.copy, "r+b") as file:
            file.seek(8192)
            file.write(b"\xff" * 4096)
        self.assertIn("damaged", self.command("store", "check", self.copy, status=1))


class StoreTest(unittest.TestCase):
    def test_what_was_accepted_is_there_after_a_kill(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "store.db")
            daemon = Daemon("--dev", service__store=path)
            names = {client(service_port(daemon)).create_fleet(Name=f"f{i}")["FleetAttributes"]["FleetId"] for i in range(5)}
            daemon.process.kill()
            daemon.process.wait()
            daemon.log.close()
            daemon = Daemon("--dev", service__store=path)
            self.assertEqual(set(client(service_port(daemon)).list_fleets()["FleetIds"]), names)
            daemon.stop()


if __name__ == "__main__":
    unittest.main()
