#!/usr/bin/python3
"""Player tokens that a studio's backend signs: made by PyJWT, which shares no code with the daemon, and taken, or refused, by a daemon of two shards."""

import asyncio
import base64
import contextlib
import hashlib
import hmac
import json
import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time
import unittest

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from daemon import AdminError, Daemon
from player import Player, Refused, until

BAD_TOKEN, NO_RESOURCES, SESSION_FULL, SESSION_ENDED = 3500, 3017, 3504, 3502
SPREAD = os.environ.get("E2E_SPREAD", "never")  # always: the same, with each session's players on both shards
SECRET = b"nobody but this test knows this, and it is long enough"


def letters(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def public_of(key):
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


STUDIO, VISITOR, STRANGER = (Ed25519PrivateKey.generate() for _ in range(3))
KEYS = f"""# role id key
create studio ed25519:{letters(public_of(STUDIO))}
join   visitor ed25519:{letters(public_of(VISITOR))}
create shared hs256:{letters(SECRET)}
"""


def sign(key=STUDIO, kid="studio", algorithm="EdDSA", headers=None, **claims):
    """A good token of alice for the session demo, but for what is said; a claim that is None is left out."""
    claims = {"sub": "alice", "session": "demo", "exp": time.time() + 60} | claims
    return jwt.encode({name: value for name, value in claims.items() if value is not None}, key, algorithm, {"kid": kid} | (headers or {}))


def sign_by_hand(header, claims, sign_it):
    text = f"{letters(json.dumps(header).encode())}.{letters(json.dumps(claims).encode())}"
    return f"{text}.{letters(sign_it(text.encode()))}"


class TokensCase(unittest.IsolatedAsyncioTestCase):
    settings = {}

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.keys = pathlib.Path(cls.folder.name, "player.keys")
        cls.keys.write_text(KEYS)
        cls.keys.chmod(0o600)
        cls.daemon = Daemon("--listen", "127.0.0.1", "--shards", "2", player_tokens__keys=str(cls.keys), limits__connections_per_address_max=100,
                            **{"sessions__spread": SPREAD} | cls.settings)
        cls.demo = cls.daemon.create_session(name="demo", players_max=8)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        cls.folder.cleanup()

    async def asyncSetUp(self):
        self.players = contextlib.AsyncExitStack()

    async def asyncTearDown(self):
        await self.players.aclose()
        await until(lambda: all(not self.daemon.players(session["id"]) for session in self.sessions()))

    def sessions(self):
        return self.daemon.request("GET", "/v1/sessions")["sessions"]

    def named(self, name):
        return [session for session in self.sessions() if session["name"] == name]

    async def join(self, token, **options):
        player = await Player.join(self.daemon, token=token, **options)
        self.players.push_async_callback(player.leave)
        return player

    async def refused(self, token, drop, code=BAD_TOKEN, reason=None):
        before = self.daemon.drops(drop)
        with self.assertRaises(Refused) as caught:
            await self.join(token)
        self.assertEqual(caught.exception.code, code, caught.exception)
        if reason:
            self.assertEqual(caught.exception.reason, reason)
        self.assertEqual(self.daemon.drops(drop), before + 1, drop)


class Join(TokensCase):
    async def test_a_token_lets_its_player_in_without_a_reservation(self):
        for token in (sign(data="seat 3"), sign(SECRET, "shared", "HS256", sub="bob"), sign(VISITOR, "visitor", sub="carol", session=self.demo)):
            await self.join(token)
        players = {player["player_id"]: player for player in self.daemon.players(self.demo)}
        self.assertEqual(sorted(players), ["alice", "bob", "carol"])

    async def test_players_of_signed_and_reserved_places_talk(self):
        alice, bob = await self.join(sign()), await Player.join(self.daemon, self.demo, udp=True)
        self.players.push_async_callback(bob.leave)
        await alice.send(10, b"hello", player=bob.peer_id)
        await bob.expect(10, b"hello", alice.peer_id, "ws")

    async def test_every_shard_finds_a_session_by_name(self):
        for i in range(8):
            name = f"room-{i}"
            session = self.daemon.create_session(name=name)
            await self.join(sign(session=name))
            self.assertEqual(len(self.daemon.players(session)), 1)
        self.assertEqual({session["shard"] for session in self.sessions()}, {0, 1})

    async def test_who_is_in_is_not_let_in_again(self):
        await self.join(sign())
        await self.refused(sign(), "player_exists", reason="player is in the session already")

    async def test_a_session_that_is_not_there_or_full(self):
        await self.refused(sign(session="nowhere"), "no_session", SESSION_ENDED)
        await self.refused(sign(session="gsess-" + "0" * 32), "no_session", SESSION_ENDED)
        await self.refused(sign(session="gsess-0000ff" + "0" * 26), "no_session", SESSION_ENDED)
        self.daemon.create_session(name="small", players_max=1)
        await self.join(sign(session="small"))
        await self.refused(sign(session="small", sub="bob"), "session_full", SESSION_FULL)

    async def test_a_refusal_does_not_use_it_up(self):
        self.daemon.create_session(name="one", players_max=1)
        first = await self.join(sign(session="one", sub="bob"))
        token = sign(session="one", jti="x")
        await self.refused(token, "session_full", SESSION_FULL)
        await first.leave()
        await until(lambda: not self.daemon.players(self.named("one")[0]["id"]))
        await self.join(token)


class Refusals(TokensCase):
    settings = {"player_tokens__audience": "eu"}

    async def test_what_others_have_signed(self):
        await self.refused(sign(STRANGER, aud="eu"), "token_signature")
        await self.refused(sign(STRANGER, "stranger", aud="eu"), "token_key")
        await self.refused(sign(b"x" * 32, "shared", "HS256", aud="eu"), "token_signature")
        await self.refused(sign(VISITOR, "studio", aud="eu"), "token_signature")

    async def test_an_algorithm_that_is_not_the_keys(self):
        claims = {"sub": "alice", "session": "demo", "exp": time.time() + 60, "aud": "eu"}
        for name in ("none", "None", "HS256", "HS512", "RS256", "EdDSA ", ""):
            await self.refused(sign_by_hand({"alg": name, "kid": "studio"}, claims, lambda text: b""), "token_key")
        public = public_of(STUDIO)
        for secret in (public, letters(public).encode()):
            await self.refused(sign_by_hand({"alg": "HS256", "kid": "studio"}, claims, lambda text: hmac.digest(secret, text, hashlib.sha256)), "token_key")
        await self.refused(sign_by_hand({"alg": "EdDSA", "kid": "studio", "crit": ["b64"]}, claims, STUDIO.sign), "token_format")
        await self.join(sign_by_hand({"alg": "EdDSA", "kid": "studio"}, claims, STUDIO.sign))

    async def test_times(self):
        now = time.time()
        await self.refused(sign(exp=now - 31, aud="eu"), "token_expired", reason="player token has expired")
        await self.refused(sign(nbf=now + 60, aud="eu"), "token_early", reason="player token is not good yet")
        await self.refused(sign(iat=now + 60, aud="eu"), "token_early")
        await self.refused(sign(exp=now + 2 * 86400, aud="eu"), "token_claims")
        await self.join(sign(exp=now - 10, nbf=now + 10, aud="eu"))

    async def test_whom_it_is_for(self):
        await self.refused(sign(), "token_audience", reason="player token is for another server")
        await self.refused(sign(aud="us"), "token_audience")
        await self.join(sign(aud=["us", "eu"]))

    async def test_claims_that_are_missing(self):
        for claims in ({"sub": None}, {"session": None}, {"exp": None}, {"sub": 7}, {"create": {"name": "m"}}, {"session": None, "create": {}}):
            await self.refused(sign(aud="eu", **claims), "token_claims", reason="player token lacks a claim")

    async def test_a_token_that_is_too_long(self):
        await self.refused(sign(aud="eu", data="x" * 2000), "token_format")
        await self.join(sign(aud="eu", data="x" * 1000))

    async def test_a_key_that_may_only_join(self):
        await self.refused(sign(VISITOR, "visitor", aud="eu", session=None, create={"name": "m"}), "token_role",
                           reason="player token may not create a session")
        self.assertEqual(self.named("m"), [])


class Once(TokensCase):
    settings = {"limits__tokens_spent_max": 2}

    async def test_a_token_with_a_jti_lets_in_once(self):
        token = sign(jti="ticket 1")
        await (await self.join(token)).leave()
        await until(lambda: not self.daemon.players(self.demo))
        await self.refused(token, "token_spent", reason="player token has been used")
        token = sign()  # without one it is good until it expires
        for _ in range(2):
            await (await self.join(token)).leave()
            await until(lambda: not self.daemon.players(self.demo))
        await (await self.join(sign(jti="ticket 2"))).leave()
        await until(lambda: not self.daemon.players(self.demo))
        await self.refused(sign(jti="ticket 3"), "token_memory", NO_RESOURCES)


class Create(TokensCase):
    async def test_many_at_once_get_one_session(self):
        create = {"name": "match-1", "players_max": 6, "properties": {"map": "ice"}}
        before = self.daemon.metrics()
        await asyncio.gather(*(self.join(sign(sub=f"p{i}", session=None, create=create)) for i in range(6)))
        session, = self.named("match-1")
        self.assertEqual(session["players_max"], 6)
        self.assertEqual(len(self.daemon.players(session["id"])), 6)
        await self.refused(sign(sub="p6", session=None, create=create), "session_full", SESSION_FULL)
        after = self.daemon.metrics()
        self.assertEqual([after[name] - before[name] for name in ("ringcast_token_sessions_total", "ringcast_token_places_total")], [1, 6])

    async def test_a_session_of_a_backend_is_found_and_not_made_again(self):
        made = self.daemon.create_session(name="match-2", players_max=3)
        await self.join(sign(session=None, create={"name": "match-2", "players_max": 6}))
        self.assertEqual([(session["id"], session["players_max"]) for session in self.named("match-2")], [(made, 3)])

    async def test_a_script_that_is_not_there(self):
        await self.refused(sign(session=None, create={"name": "match-3", "script": "nothing"}), "token_script", reason="no such script")
        self.assertEqual(self.named("match-3"), [])

    async def test_names_after_an_end(self):
        create = {"name": "match-4"}
        await (await self.join(sign(session=None, create=create))).leave()
        first, = self.named("match-4")
        self.daemon.end_session(first["id"])
        await self.join(sign(session=None, create=create))
        second, = self.named("match-4")
        self.assertNotEqual(first["id"], second["id"])


class Spread(TokensCase):
    """Who comes with a signed token stays on the shard that took it in, where its session may have players there."""

    settings = {"sessions__spread": "auto", "limits__spread_players_min": 20}
    COUNT = 24

    def shards(self, session):
        return {player["shard"] for player in self.daemon.players(session)}

    async def test_players_stay_where_they_were_accepted(self):
        session = self.daemon.create_session(name="hall", players_max=self.COUNT)
        players = [await self.join(sign(session="hall", sub=f"p{i}", jti=f"hall {i}")) for i in range(self.COUNT)]
        self.assertEqual(self.shards(session), {0, 1}, "the kernel gave all connections to one shard")
        self.assertEqual(sorted(player["player_id"] for player in self.daemon.players(session)), sorted(f"p{i}" for i in range(self.COUNT)))
        await players[0].send(10, b"to all", group=-1)
        for player in players:
            await player.expect(10, b"to all", players[0].peer_id)
        for i in range(8):  # on whichever shard they come
            await self.refused(sign(session="hall", sub="one more"), "session_full", SESSION_FULL)
            await self.refused(sign(session="hall", sub="q", jti=f"hall {i}"), "token_spent", reason="player token has been used")

    async def test_one_that_is_created_large_is_spread_from_its_second_player_on(self):
        create = {"name": "arena", "players_max": self.COUNT}
        for i in range(self.COUNT):
            await self.join(sign(session=None, create=create, sub=f"p{i}"))
        session, = self.named("arena")
        self.assertEqual(self.shards(session["id"]), {0, 1})

    async def test_a_small_one_is_on_one_shard_beside_large_ones(self):
        for shard in (0, 1):
            self.daemon.create_session(name=f"large-{shard}", players_max=self.COUNT, shard=shard)
        session = self.daemon.create_session(name="small", players_max=12)
        for i in range(12):
            await self.join(sign(session="small", sub=f"p{i}", jti=f"small {i}"))
        self.assertEqual(len(self.shards(session)), 1)

    async def test_who_is_in_is_not_let_in_again(self):
        self.daemon.create_session(name="club", players_max=self.COUNT)
        await self.join(sign(session="club"))
        for _ in range(8):
            await self.refused(sign(session="club"), "player_exists", reason="player is in the session already")


class Scripts(TokensCase):
    settings = {"scripts__directory": ""}

    @classmethod
    def setUpClass(cls):
        cls.scripts = tempfile.TemporaryDirectory()
        cls.settings = {"scripts__directory": cls.scripts.name}
        super().setUpClass()

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.scripts.cleanup()

    @unittest.skipUnless(os.environ.get("RINGCAST_HAS_LUA"), "built without Lua")
    async def test_a_session_that_is_created_runs_its_script_which_knows_the_player(self):
        game = pathlib.Path(self.folder.name, "game")
        game.mkdir()
        (game / "main.lua").write_text("""
            local session
            local game = {}
            function game.init(it) session = it end
            function game.onPlayerAccepted(player)
                session:sendReliableMessage(session:newTextGameMessage(7, session:getServerId(), player.playerId .. " " .. player.playerData), player.peerId)
            end
            return game
        """)
        subprocess.run([os.environ["E2E_CLI"], "script", "push", "game", game, "--admin", f"http://127.0.0.1:{self.daemon.admin_port}"], check=True,
                       stdout=subprocess.DEVNULL)
        player = await self.join(sign(session=None, create={"name": "scripted", "script": "game"}, data="seat 3"))
        await player.expect(7, b"alice seat 3")
        session, = self.named("scripted")
        self.assertEqual(session["script"], "game")


class Reload(TokensCase):
    async def test_keys_come_and_go_with_a_reload(self):
        new = Ed25519PrivateKey.generate()
        token = sign(new, "new")
        await self.refused(token, "token_key")
        self.keys.write_text(f"create new ed25519:{letters(public_of(new))}\n")
        self.daemon.process.send_signal(signal.SIGHUP)
        await until(lambda: b"configuration reloaded" in self.daemon.log_text())
        player = await self.join(token)
        await self.refused(sign(sub="bob"), "token_key")
        self.keys.write_text("create new ed25519:short\n")
        with self.assertRaises(AdminError) as caught:
            self.daemon.request("POST", "/v1/reload", {})
        self.assertIn("player.keys:1: the public key must be 32 bytes", str(caught.exception))
        self.keys.write_text("# empty\n")
        with self.assertRaises(AdminError) as caught:
            self.daemon.request("POST", "/v1/reload", {})
        self.assertIn("holds no key", str(caught.exception))
        await self.join(sign(new, "new", sub="bob"))
        await player.send(10, b"still in", player=player.peer_id)
        await player.expect(10, b"still in", player.peer_id, "ws")


class Tools(TokensCase):
    """The command line, and what the document shows for Python and Node."""

    def cli(self, *arguments, status=0):
        run = subprocess.run([os.environ["E2E_CLI"], "token", *map(str, arguments)], capture_output=True, text=True)
        self.assertEqual(run.returncode, status, run.stderr)
        return run.stdout.strip() if status == 0 else run.stderr

    def make_key(self, algorithm, key_id, role="create"):
        jwk = pathlib.Path(self.folder.name, f"{key_id}.jwk")
        self.cli("key", role, algorithm, key_id, "--file", self.keys, "--key", jwk)
        self.assertEqual(jwk.stat().st_mode & 0o777, 0o600)
        self.daemon.request("POST", "/v1/reload", {})
        return jwk

    async def test_made_signed_verified_and_taken(self):
        for algorithm in ("ed25519", "hs256"):
            jwk = self.make_key(algorithm, algorithm)
            token = self.cli("sign", algorithm, "--create", "demo", "--key", jwk, "--once", "--player-data", "seat 3")
            claims = json.loads(self.cli("verify", token, "--file", self.keys))
            self.assertEqual((claims["sub"], claims["create"], claims["data"]), (algorithm, {"name": "demo"}, "seat 3"))
            await self.join(token)
            await self.refused(token, "token_spent")
            self.assertIn("signature is wrong", self.cli("verify", token[:-8] + "AAAAAAAA", "--file", self.keys, status=1))

    async def test_what_people_get_wrong(self):
        jwk = self.make_key("ed25519", "twice")
        self.assertIn("exists", self.cli("key", "create", "ed25519", "other", "--file", self.keys, "--key", jwk, status=1))
        self.assertIn("a key 'twice' already", self.cli("key", "create", "ed25519", "twice", "--file", self.keys, "--key", f"{jwk}.2", status=1))
        self.assertIn("join or create", self.cli("key", "admin", "ed25519", "x", "--file", self.keys, "--key", f"{jwk}.2", status=2))
        self.assertIn("ed25519 or hs256", self.cli("key", "join", "rsa", "x", "--file", self.keys, "--key", f"{jwk}.2", status=2))
        self.assertIn("either --session", self.cli("sign", "alice", "--key", jwk, status=2))
        self.assertIn("no JSON Web Key", self.cli("sign", "alice", "--session", "demo", "--key", self.keys, status=1))

    async def test_the_documents_examples(self):
        secret, key = (json.loads(self.make_key(algorithm, f"doc-{algorithm}").read_text()) for algorithm in ("hs256", "ed25519"))
        examples = pathlib.Path(__file__).parents[2] / "docs/examples/tokens"
        run = lambda *command: subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
        await self.join(run(examples / "sign.py", "doc-hs256", secret["k"], "py", "by-example"))
        if node := shutil.which("node"):
            await self.join(run(node, examples / "sign.mjs", pathlib.Path(self.folder.name, f"{key['kid']}.jwk"), "js", "by-example"))
        session, = self.named("by-example")
        self.assertEqual([player["player_id"] for player in self.daemon.players(session["id"])], ["py", "js"][:1 + bool(shutil.which("node"))])


class Rates(TokensCase):
    settings = {"limits__token_checks_per_second": 5, "limits__token_checks_per_second_per_address": 4}

    async def test_strangers_cost_no_more_than_allowed(self):
        """Ten at once, from one address that may cause four checks a second: at least one is turned away before its signature is looked at."""
        token = sign(STRANGER)
        answers = await asyncio.gather(*(self.join(token) for _ in range(40)), return_exceptions=True)
        self.assertEqual({answer.code for answer in answers}, {BAD_TOKEN, NO_RESOURCES})
        turned_away = sum(answer.code == NO_RESOURCES for answer in answers)
        self.assertEqual(self.daemon.drops("token_rate"), turned_away)
        self.assertEqual(self.daemon.counter("token_checks"), 40 - turned_away)


class Off(unittest.IsolatedAsyncioTestCase):
    async def test_without_keys_a_signed_token_is_a_bad_one(self):
        daemon = Daemon("--listen", "127.0.0.1")
        try:
            daemon.create_session(name="demo")
            with self.assertRaises(Refused) as caught:
                await Player.join(daemon, token=sign())
            self.assertEqual(caught.exception.code, BAD_TOKEN)
            self.assertEqual(daemon.drops("bad_token"), 1)
        finally:
            daemon.stop()


if __name__ == "__main__":
    unittest.main()
