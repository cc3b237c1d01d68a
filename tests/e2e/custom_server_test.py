#!/usr/bin/python3
"""Custom game servers on machines of a studio's own: botocore registers a compute, processes log in with its token and run sessions."""

import asyncio
import http.client
import json
import os
import re
import signal
import socket
import ssl
import unittest

import websockets
import websockets.exceptions
from botocore.exceptions import ClientError

import secure
from daemon import Daemon
from gamelift import client
from player import until
from server_sdk import GameServer, SdkError


# Older versions of websockets raise the second.
REFUSED = (websockets.exceptions.InvalidStatus, websockets.exceptions.InvalidStatusCode)


def status_of(refusal):
    return refusal.response.status_code if isinstance(refusal, websockets.exceptions.InvalidStatus) else refusal.status_code


class CustomServerTest(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Daemon("--dev", service__token_lifetime="1h")
        cls.port = int(re.search(rb'"service":"127.0.0.1:(\d+)"', cls.daemon.log_text())[1])
        cls.gamelift = client(cls.port)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def setUp(self):
        self.fleet = self.gamelift.create_fleet(Name="custom", ComputeType="ANYWHERE")["FleetAttributes"]["FleetId"]
        self.compute = self.gamelift.register_compute(FleetId=self.fleet, ComputeName="laptop", IpAddress="127.0.0.1")["Compute"]
        self.endpoint = self.compute["GameLiftServiceSdkEndpoint"]
        self.token = self.gamelift.get_compute_auth_token(FleetId=self.fleet, ComputeName="laptop")["AuthToken"]

    async def server(self, **options):
        return await GameServer.connect(self.endpoint, self.token, self.fleet, "laptop", **options)

    def create(self, **options):
        return self.gamelift.create_game_session(FleetId=self.fleet, MaximumPlayerSessionCount=2, **options)["GameSession"]

    def session(self, arn):
        return self.gamelift.describe_game_sessions(GameSessionId=arn)["GameSessions"][0]

    def fault(self, operation, **options):
        with self.assertRaises(ClientError) as caught:
            getattr(self.gamelift, operation)(**options)
        return caught.exception.response["Error"]["Code"]

    async def begin(self, server):
        """A session on a ready process."""
        await server.ready(4000)
        arn = self.create(Name="räum", GameProperties=[{"Key": "mode", "Value": "ctf"}], GameSessionData="d")["GameSessionId"]
        start = await server.push("CreateGameSession")
        self.assertEqual((start["GameSessionId"], start["GameSessionName"], start["GameProperties"]), (arn, "räum", {"mode": "ctf"}))
        await server.ask("ActivateGameSession", GameSessionId=arn)
        await until(lambda: self.session(arn)["Status"] == "ACTIVE")
        return arn

    async def test_a_whole_life(self):
        self.assertEqual(self.fault("create_game_session", FleetId=self.fleet, MaximumPlayerSessionCount=2), "FleetCapacityExceededException")
        server = await self.server()
        await server.ready(4000)
        made = self.create()
        self.assertEqual((made["Status"], made["IpAddress"], made["Port"]), ("ACTIVATING", "127.0.0.1", 4000))
        self.assertEqual(self.fault("create_player_session", GameSessionId=made["GameSessionId"], PlayerId="a"), "InvalidGameSessionStatusException")
        arn = (await server.push("CreateGameSession"))["GameSessionId"]
        await server.ask("ActivateGameSession", GameSessionId=arn)
        await until(lambda: self.session(arn)["Status"] == "ACTIVE")
        players = self.gamelift.create_player_sessions(GameSessionId=arn, PlayerIds=["alice", "bob"], PlayerDataMap={"bob": "red"})["PlayerSessions"]
        self.assertEqual(self.fault("create_player_session", GameSessionId=arn, PlayerId="c"), "GameSessionFullException")
        about = {"GameSessionId": arn, "PlayerSessionId": players[0]["PlayerSessionId"]}
        await server.ask("AcceptPlayerSession", **about)
        with self.assertRaises(SdkError):
            await server.ask("AcceptPlayerSession", GameSessionId=arn, PlayerSessionId="psess-other")
        listed = (await server.ask("DescribePlayerSessions", GameSessionId=arn))["PlayerSessions"]
        self.assertEqual([(p["PlayerId"], p["Status"], p["PlayerData"]) for p in listed], [("alice", "ACTIVE", ""), ("bob", "RESERVED", "red")])
        status = lambda: self.gamelift.describe_player_sessions(PlayerSessionId=players[0]["PlayerSessionId"])["PlayerSessions"][0]["Status"]
        await until(lambda: status() == "ACTIVE")
        await server.ask("RemovePlayerSession", **about)
        await until(lambda: status() == "COMPLETED")
        await server.ask("UpdatePlayerSessionCreationPolicy", GameSessionId=arn, PlayerSessionPolicy="DENY_ALL")
        await until(lambda: self.session(arn)["PlayerSessionCreationPolicy"] == "DENY_ALL")
        self.assertEqual(self.fault("create_player_session", GameSessionId=arn, PlayerId="d"), "InvalidGameSessionStatusException")
        self.gamelift.update_game_session(GameSessionId=arn, MaximumPlayerSessionCount=5, PlayerSessionCreationPolicy="ACCEPT_ALL")
        self.assertEqual((await server.push("UpdateGameSession"))["GameSession"]["MaximumPlayerSessionCount"], 5)
        self.terminate(arn)
        self.assertGreater((await server.push("TerminateProcess"))["TerminationTime"], 1e12)
        self.assertEqual(self.session(arn)["Status"], "TERMINATING")
        await server.ask("TerminateServerProcess")
        await server.close()
        await until(lambda: self.session(arn)["Status"] == "TERMINATED")

    def terminate(self, arn, mode="TRIGGER_ON_PROCESS_TERMINATE"):
        """botocore of Debian does not know it yet."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        connection.request("POST", "/", json.dumps({"GameSessionId": arn, "TerminationMode": mode}),
                           {"X-Amz-Target": "GameLift.TerminateGameSession", "Content-Type": "application/x-amz-json-1.1"})
        response = connection.getresponse()
        response.read()
        connection.close()
        self.assertEqual(response.status, 200 if mode != "FORCE_TERMINATE" else 400)

    async def test_who_has_no_good_token_is_refused(self):
        for options in ({"token": "1-2"}, {"compute": "other"}, {"fleet": "fleet-other"}, {"token": ""}, {"process": " " * 200}):
            given = {"token": self.token, "fleet": self.fleet, "compute": "laptop", **options}
            with self.assertRaises(REFUSED) as caught:
                await GameServer.connect(self.endpoint, **given)
            self.assertEqual(status_of(caught.exception), 400 if "process" in options else 403)

    async def test_a_deregistered_compute_is_out_at_once(self):
        server = await self.server()
        arn = await self.begin(server)
        self.gamelift.deregister_compute(FleetId=self.fleet, ComputeName="laptop")
        await server.push("TerminateProcess")
        await until(lambda: self.session(arn)["Status"] == "TERMINATED")
        await asyncio.wait_for(server.reader, 60)
        again = await self.server()
        await asyncio.wait_for(again.reader, 60)
        self.assertEqual(again.socket.close_code, 1008)

    async def test_a_process_that_comes_back_still_has_its_session(self):
        server = await self.server()
        arn = await self.begin(server)
        server.socket.transport.abort()
        await server.reader
        self.assertEqual(self.session(arn)["Status"], "ACTIVE")
        player = self.gamelift.create_player_session(GameSessionId=arn, PlayerId="a")["PlayerSession"]["PlayerSessionId"]
        again = await self.server(process=server.process)
        await again.ask("AcceptPlayerSession", GameSessionId=arn, PlayerSessionId=player)
        await again.ask("TerminateServerProcess")
        await again.close()
        await until(lambda: self.session(arn)["Status"] == "TERMINATED")

    async def test_a_start_that_was_lost_with_its_connection_is_told_again(self):
        server = await self.server()
        await server.ready(4000)
        server.reader.cancel()  # what comes from here on is never read
        arn = self.create(Name="lost", GameSessionData="d")["GameSessionId"]
        server.socket.transport.abort()
        again = await self.server(process=server.process)
        start = await again.push("CreateGameSession")
        self.assertEqual((start["GameSessionId"], start["GameSessionName"], start["GameSessionData"]), (arn, "lost", "d"))
        await again.ask("ActivateGameSession", GameSessionId=arn)
        await until(lambda: self.session(arn)["Status"] == "ACTIVE")
        last = await self.server(process=server.process)
        await last.ask("ActivateGameSession", GameSessionId=arn)
        self.assertTrue(last.pushes.empty())
        await last.ask("TerminateServerProcess")
        await last.close()

    async def test_force_needs_an_agent_of_ours(self):
        server = await self.server()
        arn = await self.begin(server)
        self.terminate(arn, "FORCE_TERMINATE")
        self.assertEqual(self.session(arn)["Status"], "ACTIVE")
        await server.close()

    async def test_rude_game_servers_are_closed_and_hurt_nobody(self):
        polite = await self.server()
        await polite.ready(4000)
        for data in (b"\x00binary", "{" * 100000, "[]"):
            rude = await self.server()
            for _ in range(20):
                try:
                    await rude.socket.send(data)
                except websockets.ConnectionClosed:
                    break
            await asyncio.wait_for(rude.reader, 60)
            self.assertIn(rude.socket.close_code, (1003, 1008))
        rude = await self.server()
        for _ in range(5):
            await rude.ask("DescribePlayerSessions", PlayerId="x", Junk="y" * 100000)
        rude.socket.transport.abort()
        raw = socket.create_connection(("127.0.0.1", self.port))
        raw.sendall(b"GET /?pID=x HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 12\r\n\r\n")
        self.assertIn(b"426", raw.recv(1000))
        raw.close()
        await polite.ask("HeartbeatServerProcess", HealthStatus=True)
        await polite.close()

    async def test_the_longest_data_reaches_a_game_server(self):
        """Control characters grow to six times their size in JSON, and other alphabets have up to four bytes a character."""
        for data in ("x" * 262144, "\U0001f600" * 262144, "\1" * 262144):
            server = await self.server(max_size=None)
            await server.ready(4000)
            arn = self.create(GameSessionData=data)["GameSessionId"]
            start = await server.push("CreateGameSession")
            self.assertTrue(start["GameSessionData"] == data)
            await server.ask("ActivateGameSession", GameSessionId=arn)
            self.gamelift.update_game_session(GameSessionId=arn, Name="another")
            self.assertEqual((await server.push("UpdateGameSession"))["GameSession"]["Name"], "another")
            await server.ask("TerminateServerProcess")
            await server.close()

    async def test_many_connect_and_go(self):
        servers = await asyncio.gather(*(self.server() for _ in range(50)))
        await asyncio.gather(*(server.ready(4000 + i) for i, server in enumerate(servers)))
        arns = [self.create()["GameSessionId"] for _ in range(50)]
        starts = [await server.push("CreateGameSession") for server in servers]
        self.assertEqual(sorted(arns), sorted(start["GameSessionId"] for start in starts))
        await asyncio.gather(*(server.ask("TerminateServerProcess") for server in servers))
        await asyncio.gather(*(server.close() for server in servers))
        await until(lambda: all(s["Status"] == "TERMINATED" for s in self.gamelift.describe_game_sessions(FleetId=self.fleet)["GameSessions"]))


class TlsTest(unittest.IsolatedAsyncioTestCase):
    async def test_game_servers_come_by_wss_where_the_service_has_a_certificate(self):
        """As the SDK for C++ does, which speaks TLS only, and TLS 1.2."""
        files = secure.Certificates()
        daemon = Daemon("--dev", tls__certificate=files.path("server.pem"), tls__key=files.path("server.key"), tls__ca=files.path("ca.pem"))
        try:
            port = int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1])
            context = ssl.create_default_context(cafile=files.path("ca.pem"))
            context.maximum_version = ssl.TLSVersion.TLSv1_2

            def call(operation, **members):
                connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
                connection.request("POST", "/", json.dumps(members), {"X-Amz-Target": f"GameLift.{operation}"})
                answer = json.loads(connection.getresponse().read())
                connection.close()
                return answer

            fleet = call("CreateFleet", Name="custom", ComputeType="ANYWHERE")["FleetAttributes"]["FleetId"]
            endpoint = call("RegisterCompute", FleetId=fleet, ComputeName="c", IpAddress="127.0.0.1")["Compute"]["GameLiftServiceSdkEndpoint"]
            self.assertTrue(endpoint.startswith("wss://"))
            token = call("GetComputeAuthToken", FleetId=fleet, ComputeName="c")["AuthToken"]
            server = await GameServer.connect(endpoint, token, fleet, "c", ssl=context)
            await server.ready(4000)
            arn = call("CreateGameSession", FleetId=fleet, MaximumPlayerSessionCount=2, GameSessionData="x" * 4000)["GameSession"]["GameSessionId"]
            self.assertEqual(len((await server.push("CreateGameSession"))["GameSessionData"]), 4000)
            await server.ask("ActivateGameSession", GameSessionId=arn)
            await server.ask("TerminateServerProcess")
            await server.close()
            left = await GameServer.connect(endpoint, token, fleet, "c", ssl=context)
        finally:
            daemon.stop()  # with a connection open
        await asyncio.wait_for(left.reader, 60)


class LifetimesTest(unittest.IsolatedAsyncioTestCase):
    async def test_tokens_are_refreshed_and_silence_ends_a_process(self):
        daemon = Daemon("--dev", service__token_lifetime="4s", service__server_health_timeout="3s")
        try:
            port = int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1])
            gamelift = client(port)
            fleet = gamelift.create_fleet(Name="custom", ComputeType="ANYWHERE")["FleetAttributes"]["FleetId"]
            endpoint = gamelift.register_compute(FleetId=fleet, ComputeName="c", IpAddress="127.0.0.1")["Compute"]["GameLiftServiceSdkEndpoint"]
            token = gamelift.get_compute_auth_token(FleetId=fleet, ComputeName="c")["AuthToken"]
            server = await GameServer.connect(endpoint, token, fleet, "c")
            await server.ready(4000)
            refresh = await server.push("RefreshConnection")
            again = await GameServer.connect(refresh["RefreshConnectionEndpoint"], refresh["AuthToken"], fleet, "c", process=server.process)
            await again.ask("HeartbeatServerProcess", HealthStatus=True)
            await server.close()
            while (message := await asyncio.wait_for(again.pushes.get(), 60))["Action"] == "RefreshConnection":
                pass
            self.assertEqual(message["Action"], "TerminateProcess")
            await asyncio.wait_for(again.reader, 60)
            with self.assertRaises(REFUSED):
                await GameServer.connect(endpoint, token, fleet, "c")
        finally:
            daemon.stop()

    async def test_a_daemon_that_did_not_run_blames_nobody(self):
        daemon = Daemon("--dev", service__server_health_timeout="4s")
        try:
            gamelift = client(int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1]))
            fleet = gamelift.create_fleet(Name="custom", ComputeType="ANYWHERE")["FleetAttributes"]["FleetId"]
            endpoint = gamelift.register_compute(FleetId=fleet, ComputeName="c", IpAddress="127.0.0.1")["Compute"]["GameLiftServiceSdkEndpoint"]
            token = gamelift.get_compute_auth_token(FleetId=fleet, ComputeName="c")["AuthToken"]
            server = await GameServer.connect(endpoint, token, fleet, "c")
            await server.ready(4000)
            os.kill(daemon.process.pid, signal.SIGSTOP)
            await asyncio.sleep(6)
            os.kill(daemon.process.pid, signal.SIGCONT)
            await until(lambda: b"game servers' deadlines are put off" in daemon.log_text())
            await asyncio.sleep(0.5)  # some ticks: it would be told to end at the first
            self.assertTrue(server.pushes.empty())
        finally:
            daemon.stop()


if __name__ == "__main__":
    unittest.main()
