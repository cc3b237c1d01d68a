#!/usr/bin/python3
"""Webhooks end to end: what happens is posted in order and signed, and nobody waits for who does not answer."""

import hmac
import http.server
import json
import os
import re
import signal
import tempfile
import threading
import unittest

import scripts
from daemon import AdminError, Daemon
from gamelift import client, raw, service_port
from player import until


class Receiver:
    """A backend's endpoint for events: keeps what was posted, answers with status, or not before it may."""

    def __init__(self):
        self.posts, self.status, self.may_answer = [], 200, threading.Event()
        self.may_answer.set()
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.may_answer.wait(60)
                receiver.posts.append((dict(self.headers.items()), body))
                self.send_response(receiver.status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/events"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.may_answer.set()
        self.server.shutdown()
        self.server.server_close()

    def types(self):
        return [json.loads(body)["type"] for _, body in self.posts]


class WebhookTest(unittest.IsolatedAsyncioTestCase):
    SECRET = "webhook-secret-0123456789"

    def start(self, *receivers, form="cloudevents", flags=(), **settings):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.path = path = os.path.join(folder.name, "webhooks")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("# who listens\n" + "".join(f"{form} {receiver.url} {self.SECRET}\n" for receiver in receivers))
        for receiver in receivers:
            self.addCleanup(receiver.close)
        self.daemon = Daemon("--dev", *flags, service__webhooks=path, service__store=os.path.join(folder.name, "store.db"), **settings)
        self.gamelift = client(service_port(self.daemon))

    def create(self):
        return self.gamelift.create_game_session(FleetId="fleet-1", MaximumPlayerSessionCount=4)["GameSession"]["GameSessionId"]

    def letters(self):
        return self.daemon.request("GET", "/v1/service/letters")["letters"]

    async def test_what_happens_is_posted_in_order_and_signed(self):
        receiver = Receiver()
        self.start(receiver)
        session = self.create()
        self.gamelift.create_player_session(GameSessionId=session, PlayerId="a", PlayerData="private")
        raw(service_port(self.daemon), "TerminateGameSession", json.dumps({"GameSessionId": session, "TerminationMode": "FORCE_TERMINATE"}))
        await until(lambda: len(receiver.posts) == 5)
        self.assertEqual(receiver.types(), [f"ringcast.{name}" for name in ("GameSessionActive", "PlayerSessionReserved", "GameSessionTerminating",
                                                                            "PlayerSessionCompleted", "GameSessionTerminated")])
        self.assertEqual([json.loads(body)["data"]["sequence"] for _, body in receiver.posts], [1, 2, 3, 4, 5])
        for headers, body in receiver.posts:
            seconds, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", headers["X-Ringcast-Signature"]).groups()
            self.assertEqual(signature, hmac.new(self.SECRET.encode(), f"{seconds}.".encode() + body, "sha256").hexdigest())
            self.assertNotIn(b"private", body)
        self.assertEqual(self.daemon.metrics()['ringcast_service_webhook_events_total{result="delivered"}'], 5)
        self.daemon.stop()

    async def test_an_sns_receiver_understands(self):
        receiver = Receiver()
        self.start(receiver, form="sns")
        fleet = self.gamelift.create_fleet(Name="f")["FleetAttributes"]["FleetId"]
        await until(lambda: len(receiver.posts) == 2)
        headers, body = receiver.posts[0]
        self.assertEqual(headers["x-amz-sns-message-type"], "Notification")
        event = json.loads(json.loads(body)["Message"])
        self.assertEqual((event["detail"]["type"], event["detail"]["fleetId"], event["detail"]["eventCode"]), ("FleetEvent", fleet, "FLEET_CREATED"))
        self.daemon.stop()

    async def test_what_nobody_takes_becomes_a_dead_letter_and_can_be_sent_again(self):
        receiver = Receiver()
        receiver.status = 500
        self.start(receiver, service__webhook_tries="2")
        self.create()
        await until(lambda: self.letters())
        self.assertEqual(len(receiver.posts), 2)
        self.assertIn("answered 500", self.letters()[0]["error"])
        status, out, error = scripts.command("webhook", "letters", daemon=self.daemon)
        self.assertEqual(status, 0, error)
        self.assertIn("GameSessionActive", out)
        receiver.status = 200
        self.assertEqual(scripts.command("webhook", "resend", daemon=self.daemon)[0], 0)
        await until(lambda: len(receiver.posts) == 3)
        self.assertEqual(receiver.posts[2][1], receiver.posts[0][1], "the same event, under the same id")
        self.assertEqual(self.letters(), [])
        self.daemon.stop()

    async def test_a_slow_webhook_holds_up_nobody_and_what_is_too_much_is_counted(self):
        slow, quick = Receiver(), Receiver()
        slow.may_answer.clear()
        self.start(slow, quick, service__webhook_queue="20")
        for _ in range(30):
            self.create()
            await until(lambda: len(quick.posts) == _ + 1)
        self.assertEqual(slow.posts, [])
        self.assertGreaterEqual(self.daemon.metrics()['ringcast_service_webhook_events_total{result="dropped"}'], 9)
        self.daemon.process.send_signal(signal.SIGTERM)
        self.daemon.wait()  # does not wait for the slow one

    async def test_what_waits_at_a_stop_is_there_after_a_start(self):
        receiver = Receiver()
        receiver.may_answer.clear()
        self.start(receiver)
        options = [option for option in self.daemon.process.args if option.startswith("service.")]
        for _ in range(3):
            self.create()
        self.daemon.stop()
        self.daemon = Daemon("--dev", **{name.replace(".", "__"): value for name, value in (option.split("=", 1) for option in options)})
        self.assertEqual([letter["type"] for letter in self.letters()], ["GameSessionActive"] * 3)
        self.daemon.stop()

    async def test_a_reload_takes_the_new_list_and_loses_nothing(self):
        stays, goes, comes = Receiver(), Receiver(), Receiver()
        goes.may_answer.clear()
        self.addCleanup(comes.close)
        self.start(stays, goes)
        for _ in range(3):
            self.create()
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f"cloudevents {stays.url} another-secret-0123456789\ncloudevents {comes.url} {self.SECRET}\n")
        self.daemon.request("POST", "/v1/reload", {})
        self.assertEqual([(letter["url"], letter["type"]) for letter in self.letters()], [(goes.url, "GameSessionActive")] * 3)
        self.create()
        await until(lambda: len(stays.posts) == 4 and len(comes.posts) == 1)
        seconds, signature = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", stays.posts[3][0]["X-Ringcast-Signature"]).groups()
        self.assertEqual(signature, hmac.new(b"another-secret-0123456789", f"{seconds}.".encode() + stays.posts[3][1], "sha256").hexdigest())
        self.assertEqual(scripts.command("webhook", "resend", daemon=self.daemon)[0], 0)
        await until(lambda: len(self.letters()) == 3)
        self.assertIn("no such webhook", self.letters()[0]["error"])
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f"cloudevents {stays.url} short\n")
        with self.assertRaises(AdminError) as refused:
            self.daemon.request("POST", "/v1/reload", {})
        self.assertIn("the secret must be 16 to 128 characters", str(refused.exception))
        with open(self.path, "w", encoding="ascii") as file:
            file.write("# nobody\n")
        self.daemon.request("POST", "/v1/reload", {})
        self.create()
        self.assertEqual((len(stays.posts), len(comes.posts)), (4, 1))
        self.daemon.stop()

    async def test_a_reload_takes_bounds_and_the_scaling_hook(self):
        receiver = Receiver()
        receiver.status = 500
        with tempfile.TemporaryDirectory() as folder:
            told, hook, path = (os.path.join(folder, name) for name in ("told", "hook", "ringcastd.yaml"))
            with open(hook, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o755)) as file:
                file.write(f'#!/bin/sh\necho "$RINGCAST_DESIRED" > {told}\n')

            def configure(text):
                with open(path, "w", encoding="ascii") as file:
                    file.write("service:\n" + text)
            configure("  webhook_tries: 1\n")
            self.start(receiver, flags=["--config", path])
            self.create()
            await until(lambda: len(self.letters()) == 1)
            configure(f"  webhook_tries: 2\n  webhook_queue: 7\n  scaling_hook: {hook}\n  scaling_hook_timeout: 30s\n")
            self.assertEqual(self.daemon.request("POST", "/v1/reload", {}),
                             {"changed": ["service.webhook_queue", "service.webhook_tries", "service.scaling_hook", "service.scaling_hook_timeout"], "needs_restart": []})
            receiver.status = 200
            self.create()
            await until(lambda: len(receiver.posts) == 2)
            receiver.status = 500
            self.create()
            await until(lambda: len(self.letters()) == 2)
            self.assertEqual(len(receiver.posts), 4, "twice")
            fleet = self.gamelift.create_fleet(Name="f")["FleetAttributes"]["FleetId"]
            self.gamelift.update_fleet_capacity(FleetId=fleet, DesiredInstances=3, MinSize=0, MaxSize=5)
            await until(lambda: os.path.exists(told))
            configure(f"  scaling_hook: {hook}.not\n")
            with self.assertRaises(AdminError) as refused:
                self.daemon.request("POST", "/v1/reload", {})
            self.assertIn("service.scaling_hook: " + hook + ".not No such file", str(refused.exception))
        self.daemon.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
