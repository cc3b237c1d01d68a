#!/usr/bin/python3
"""Placement through queues, end to end: botocore asks, game servers at two locations and the engine run what is placed, players are in it."""

import json
import os
import signal
import tempfile
import unittest

from botocore.exceptions import ClientError

from daemon import Daemon
from gamelift import client, raw, service_port
from player import Player, until
from server_sdk import GameServer
from webhook_test import Receiver

FLEET = "arn:aws:gamelift:local::fleet/fleet-1"


class PlacementTest(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.receiver = Receiver()
        self.addCleanup(self.receiver.close)
        path = os.path.join(folder.name, "webhooks")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write(f"sns {self.receiver.url} webhook-secret-0123456789\n")
        self.settings = {"service__webhooks": path, "service__store": os.path.join(folder.name, "store.db")}
        self.start()

    def start(self):
        self.daemon = Daemon("--dev", **self.settings)
        self.gamelift = client(service_port(self.daemon))

    def restart(self):
        os.kill(self.daemon.process.pid, signal.SIGKILL)
        self.daemon.process.wait()
        self.start()

    def queue(self, *destinations, name="q", **options):
        self.gamelift.create_game_session_queue(Name=name, Destinations=[{"DestinationArn": arn} for arn in destinations], **options)

    def place(self, name, queue="q", **options):
        return self.gamelift.start_game_session_placement(PlacementId=name, GameSessionQueueName=queue, MaximumPlayerSessionCount=4, **options)["GameSessionPlacement"]

    def place_with_override(self, name, queue, **override):
        """botocore of Debian does not know it yet."""
        body = {"PlacementId": name, "GameSessionQueueName": queue, "MaximumPlayerSessionCount": 4, "PriorityConfigurationOverride": override}
        self.assertEqual(raw(service_port(self.daemon), "StartGameSessionPlacement", json.dumps(body))[0], 200)

    def placement(self, name):
        return self.gamelift.describe_game_session_placement(PlacementId=name)["GameSessionPlacement"]

    async def becomes(self, name, status):
        await until(lambda: self.placement(name)["Status"] != "PENDING")
        self.assertEqual(self.placement(name)["Status"], status)
        return self.placement(name)

    def events(self, name):
        messages = [json.loads(json.loads(body)["Message"]) for _, body in self.receiver.posts]
        return [m for m in messages if m["detail-type"] == "GameLift Queue Placement Event" and m["detail"]["placementId"] == name]

    def fault(self, operation, **options):
        with self.assertRaises(ClientError) as caught:
            getattr(self.gamelift, operation)(**options)
        return caught.exception.response["Error"]["Code"]

    def custom_fleet(self, *locations):
        """Its id and ARN; a compute at each of the locations, named as they are."""
        for location in locations:
            self.gamelift.create_location(LocationName=location)
        fleet = self.gamelift.create_fleet(Name="f", ComputeType="ANYWHERE", Locations=[{"Location": name} for name in locations])["FleetAttributes"]
        for location in locations:
            self.gamelift.register_compute(FleetId=fleet["FleetId"], ComputeName=location, IpAddress="127.0.0.1", Location=location)
        return fleet["FleetId"], fleet["FleetArn"]

    def test_a_console_sees_what_waits_and_why(self):
        def ask(what):
            return self.daemon.request("GET", f"/v1/service/{what}")
        fleet, arn = self.custom_fleet("custom-a")
        self.queue(arn)
        self.place("p1")
        queue = ask("queues")["queues"][0]
        self.assertEqual((queue["name"], queue["depth"], queue["destinations"]), ("q", 1, [arn]))
        self.assertEqual(queue["waiting_because"], "1 placements wait for room in one of its destinations (1)")
        seen = ask("fleets")["fleets"]
        self.assertEqual([(f["id"], f["available"], f["waiting_because"]) for f in seen if f["id"] == fleet], [(fleet, 0, "no game server of it runs")])
        self.assertIn((fleet, "FLEET_CREATED"), [(event["fleet"], event["code"]) for event in ask("events")["events"]])
        self.assertEqual(ask("dead-letters"), ask("letters"))
        self.assertEqual(ask("tickets"), {"tickets": []})
        entries = self.daemon.request("GET", "/v1/audit")["entries"]
        self.assertEqual([e["what"] for e in entries if e["surface"] == "service"][:2], ["StartGameSessionPlacement", "CreateGameSessionQueue"])
        self.gamelift.stop_game_session_placement(PlacementId="p1")

    async def server(self, fleet, compute):
        endpoint = f"ws://127.0.0.1:{service_port(self.daemon)}" # after a restart of the test another one than the compute was told
        token = self.gamelift.get_compute_auth_token(FleetId=fleet, ComputeName=compute)["AuthToken"]
        server = await GameServer.connect(endpoint, token, fleet, compute)
        await server.ready(4000)
        return server

    async def run_session(self, server):
        start = await server.push("CreateGameSession")
        await server.ask("ActivateGameSession", GameSessionId=start["GameSessionId"])
        return start

    async def test_players_get_into_the_session_that_was_placed(self):
        self.queue(FLEET, CustomEventData="mine")
        self.assertEqual(self.place("m", DesiredPlayerSessions=[{"PlayerId": "ann", "PlayerData": "private"}, {"PlayerId": "bob"}])["Status"], "PENDING")
        placed = await self.becomes("m", "FULFILLED")
        self.assertEqual([p["PlayerId"] for p in placed["PlacedPlayerSessions"]], ["ann", "bob"])
        session = self.gamelift.describe_game_sessions(GameSessionId=placed["GameSessionArn"])["GameSessions"][0]
        self.assertEqual((session["Status"], session["CurrentPlayerSessionCount"], session["Port"]), ("ACTIVE", 2, placed["Port"]))
        player = await Player.join(self.daemon, token=placed["PlacedPlayerSessions"][0]["PlayerSessionId"])
        await player.leave()
        await until(lambda: self.events("m"))
        event, = self.events("m")
        self.assertEqual((event["source"], event["resources"], event["detail"]["type"]), ("aws.gamelift", ["arn:aws:gamelift:local::gamesessionqueue/q"], "PlacementFulfilled"))
        self.assertEqual((event["detail"]["port"], event["detail"]["customEventData"]), (str(placed["Port"]), "mine"))
        self.assertEqual([p["playerId"] for p in event["detail"]["placedPlayerSessions"]], ["ann", "bob"])
        self.assertEqual(self.daemon.metrics()['ringcast_service_placements_total{result="FULFILLED"}'], 1)
        self.daemon.stop()

    async def test_the_nearest_location_first_then_what_the_policy_allows_then_any(self):
        fleet, arn = self.custom_fleet("custom-near", "custom-far")
        self.queue(arn, PlayerLatencyPolicies=[{"MaximumIndividualPlayerLatencyMilliseconds": 50, "PolicyDurationSeconds": 3}])
        near, far = await self.server(fleet, "custom-near"), await self.server(fleet, "custom-far")
        said = [{"PlayerId": "ann", "RegionIdentifier": "custom-far", "LatencyInMilliseconds": 90.0}, {"PlayerId": "ann", "RegionIdentifier": "custom-near", "LatencyInMilliseconds": 20.0}]
        self.place("first", PlayerLatencies=said)
        self.assertTrue((await self.run_session(near))["GameSessionId"].endswith("/custom-near/first"))
        self.assertEqual((await self.becomes("first", "FULFILLED"))["GameSessionRegion"], "custom-near")
        self.place("second", PlayerLatencies=said)
        self.assertTrue(far.pushes.empty(), "90 ms are too many yet")
        await self.run_session(far)
        placed = await self.becomes("second", "FULFILLED")
        self.assertEqual(placed["GameSessionRegion"], "custom-far")
        self.assertGreaterEqual((placed["EndTime"] - placed["StartTime"]).total_seconds(), 3)
        self.daemon.stop()

    async def test_who_waits_is_served_in_order_as_game_servers_become_ready_also_after_a_kill(self):
        fleet, arn = self.custom_fleet("custom-a")
        self.queue(arn)
        for name in ("one", "two"):
            self.place(name)
        first = await self.server(fleet, "custom-a")
        self.assertTrue((await self.run_session(first))["GameSessionId"].endswith("/one"))
        await self.becomes("one", "FULFILLED")
        self.assertEqual(self.placement("two")["Status"], "PENDING")
        self.restart()
        self.assertEqual((self.placement("one")["Status"], self.placement("two")["Status"]), ("FULFILLED", "PENDING"))
        second = await self.server(fleet, "custom-a")
        self.assertTrue((await self.run_session(second))["GameSessionId"].endswith("/two"))
        await self.becomes("two", "FULFILLED")
        await until(lambda: self.events("two"))
        self.assertEqual(len(self.events("one")), 1)
        self.daemon.stop()

    async def test_a_game_server_that_dies_before_its_session_is_there_is_replaced(self):
        fleet, arn = self.custom_fleet("custom-a")
        self.queue(arn)
        dying, living = await self.server(fleet, "custom-a"), await self.server(fleet, "custom-a")
        self.place("m", DesiredPlayerSessions=[{"PlayerId": "ann"}])
        await dying.push("CreateGameSession")
        await dying.ask("TerminateServerProcess")
        await self.run_session(living)
        placed = await self.becomes("m", "FULFILLED")
        self.assertTrue(placed["GameSessionArn"].endswith("/m-2"))
        self.assertEqual(len(placed["PlacedPlayerSessions"]), 1)
        self.daemon.stop()

    async def test_aliases_filters_priorities_and_overrides(self):
        here, there = self.custom_fleet("custom-a", "custom-b")[1], FLEET
        alias = self.gamelift.create_alias(Name="a", RoutingStrategy={"Type": "SIMPLE", "FleetId": "fleet-1"})["Alias"]["AliasArn"]
        self.queue(here, alias, FilterConfiguration={"AllowedLocations": ["local", "custom-b"]}, PriorityConfiguration={"PriorityOrder": ["LOCATION"], "LocationOrder": ["custom-b", "local"]})
        self.place("m")
        self.assertEqual((await self.becomes("m", "FULFILLED"))["GameSessionRegion"], "local")
        fleet = here.rsplit("/", 1)[1]
        server = await self.server(fleet, "custom-b")
        self.place("n")
        await self.run_session(server)
        self.assertEqual((await self.becomes("n", "FULFILLED"))["GameSessionRegion"], "custom-b")
        self.queue(there, name="plain", TimeoutInSeconds=1)
        self.place_with_override("o", "plain", LocationOrder=["custom-b"], PlacementFallbackStrategy="NONE")
        await self.becomes("o", "TIMED_OUT")
        self.place_with_override("p", "plain", LocationOrder=["custom-b"])
        await self.becomes("p", "FULFILLED")
        self.daemon.stop()

    async def test_one_is_stopped_times_out_or_fails_with_its_queue(self):
        arn = self.custom_fleet("custom-a")[1]
        self.queue(arn, TimeoutInSeconds=1)
        self.queue(arn, name="r")
        self.place("late")
        self.place("stopped", queue="r")
        self.place("failed", queue="arn:aws:gamelift:local::gamesessionqueue/r")
        self.assertEqual(self.gamelift.stop_game_session_placement(PlacementId="stopped")["GameSessionPlacement"]["Status"], "CANCELLED")
        self.gamelift.delete_game_session_queue(Name="r")
        await self.becomes("late", "TIMED_OUT")
        await self.becomes("failed", "FAILED")
        await until(lambda: len(self.events("late") + self.events("stopped") + self.events("failed")) == 3)
        self.assertEqual([self.events(name)[0]["detail"]["type"] for name in ("late", "stopped", "failed")], ["PlacementTimedOut", "PlacementCancelled", "PlacementFailed"])
        self.assertEqual(self.fault("stop_game_session_placement", PlacementId="late"), "InvalidRequestException")
        self.assertEqual(self.fault("describe_game_session_placement", PlacementId="none"), "NotFoundException")
        self.assertEqual(self.fault("start_game_session_placement", PlacementId="x", GameSessionQueueName="r", MaximumPlayerSessionCount=1), "NotFoundException")
        self.assertEqual(self.fault("update_game_session_queue", Name="q", Destinations=[{"DestinationArn": "arn:aws:gamelift:local::alias/alias-1"}]), "NotFoundException")
        self.daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
