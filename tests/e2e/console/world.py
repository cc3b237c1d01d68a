"""What the console is shown: a daemon with tokens of both roles and its service, sessions, scripts, and players who speak."""

import contextlib
import http.client
import io
import json
import os
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "../admin"))
from ringcastd_process import WAIT_SECONDS, RawPlayer, Ringcastd, await_true  # noqa: E402

LUA = """local session
return {
  init = function(s) session = s; s.getLogger().info("init of VERSION") end,
  onMessage = function(msg)
    session.getLogger().info("heard " .. msg.payload)
    session.sendReliableMessage(session.newTextGameMessage(20, -1, "VERSION " .. msg.payload), msg.sender)
  end,
  onServiceMessage = function(msg) session.getLogger().info("service says " .. msg.payload) end,
}
"""
RULES = {"name": "duel", "ruleLanguageVersion": "1.0", "teams": [{"name": "side", "minPlayers": 1, "maxPlayers": 1, "quantity": 2}]}
OPERATOR, READER = "operator-token-of-the-test", "reader-token-of-the-test"


def zip_of(version):
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as file:
        file.writestr(zipfile.ZipInfo("main.lua"), LUA.replace("VERSION", version))
        file.writestr(zipfile.ZipInfo(f"{version}.txt"), f"of {version} only\n")
    return data.getvalue()


class Players:
    """Some on bare sockets, the first of whom speaks to everybody."""

    def __init__(self, port, tokens):
        self.players = [RawPlayer(port, token) for token in tokens]

    def talk(self, opcode=7, payload=b"hello"):
        """Op code, target group -1, reliable, payload; masked with zeros."""
        packet = b"\x08" + bytes([opcode * 2]) + b"\x20" + b"\xff" * 9 + b"\x01\x30\x01\x7a" + bytes([len(payload)]) + payload
        body = bytes([len(packet)]) + packet
        self.players[0].socket.sendall(b"\x82" + bytes([0x80 | len(body)]) + bytes(4) + body)

    def join(self, number, group):
        """Op code -10, to the server, with the command that names the group."""
        packet = b"\x08\x13\x18" + b"\xff" * 9 + b"\x01\x30\x01\xc2\x02\x02\x08" + bytes([group])
        body = bytes([len(packet)]) + packet
        self.players[number].socket.sendall(b"\x82" + bytes([0x80 | len(body)]) + bytes(4) + body)

    def close(self):
        for player in self.players:
            player.close()


class World:
    def __init__(self, *flags):
        self.folder = tempfile.TemporaryDirectory()
        tokens = os.path.join(self.folder.name, "tokens")
        with open(tokens, "w", opener=lambda path, how: os.open(path, how, 0o600), encoding="ascii") as file:
            file.write(f"operator boss {OPERATOR}\nreader watcher {READER}\n")
        self.daemon = Ringcastd("--dev", "--service", "127.0.0.1:0", "--shards", "2", "--listen", "127.0.0.1", "--set", f"admin.tokens={tokens}", "--set", "drain_timeout=0s",
                                "--set", f"scripts.directory={self.folder.name}/scripts", *flags).__enter__()
        self.service_port = int(self.daemon.ready["service"].rsplit(":", 1)[-1]) if ":" in self.daemon.ready["service"] else None
        self.admin_port = int(self.daemon.admin_port)
        self.origin = f"http://127.0.0.1:{self.admin_port}"
        self.tcp_port = self.ask("GET", "/v1/info")["tcp_port"]

    def stop(self):
        self.daemon.process.terminate()
        status = self.daemon.wait()
        text = self.daemon.log_text()
        self.daemon.__exit__(None, None, None)
        self.folder.cleanup()
        if status != 0 or "ERROR: " in text or "runtime error" in text:
            raise AssertionError(f"ringcastd ended with {status}:\n{text}")

    def fetch(self, path, headers=None):
        """(status, headers, body) of a GET without a token."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=WAIT_SECONDS)
        connection.request("GET", path, headers=headers or {})
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, body

    def ask(self, method, path, body=None, data=None):
        """The admin API as an operator; data is a zip."""
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=WAIT_SECONDS)
        kind = "application/zip" if data is not None else "application/json"
        connection.request(method, path, data if data is not None else json.dumps(body or {}), {"Authorization": f"Bearer {OPERATOR}", "Content-Type": kind})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {text}")
        return json.loads(text)

    def service(self, operation, **body):
        """An operation of the service, unsigned, as dev mode takes it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.service_port, timeout=WAIT_SECONDS)
        connection.request("POST", "/", json.dumps(body), {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"})
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status != 200:
            raise AssertionError(f"{operation}: {response.status} {text}")
        return json.loads(text)

    def waiting_service(self):
        """A fleet without game servers, a queue of it with a placement that waits, and a ticket that waits for another."""
        self.service("CreateLocation", LocationName="custom-a")
        fleet = self.service("CreateFleet", Name="eu-fleet", ComputeType="ANYWHERE", Locations=[{"Location": "custom-a"}])["FleetAttributes"]
        self.service("CreateGameSessionQueue", Name="casual", Destinations=[{"DestinationArn": fleet["FleetArn"]}])
        self.service("StartGameSessionPlacement", PlacementId="p1", GameSessionQueueName="casual", MaximumPlayerSessionCount=4)
        self.service("CreateMatchmakingRuleSet", Name="duel", RuleSetBody=json.dumps(RULES))
        self.service("CreateMatchmakingConfiguration", Name="duel", RuleSetName="duel", RequestTimeoutSeconds=3600, AcceptanceRequired=False, FlexMatchMode="STANDALONE")
        self.service("StartMatchmaking", ConfigurationName="duel", TicketId="ticket-of-anna", Players=[{"PlayerId": "anna"}])

    def session(self, name, **options):
        """Players on bare sockets answer no pings: there are none."""
        return self.ask("POST", "/v1/sessions", {"name": name, "ping_interval_ms": 3600000, **options})["id"]

    @contextlib.contextmanager
    def players(self, session, count):
        tokens = [self.ask("POST", f"/v1/sessions/{session}/players", {"player_id": f"player {i + 1}"})["token"] for i in range(count)]
        players = Players(self.tcp_port, tokens)
        try:
            await_true("all are in", lambda: self.ask("GET", f"/v1/sessions/{session}")["player_count"] == count)
            yield players
        finally:
            players.close()
