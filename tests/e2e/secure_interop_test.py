#!/usr/bin/python3
"""Clients of other people's making over TLS and DTLS, each verifying our certificate: OpenSSL, GnuTLS, curl, npm ws, Python, mbedTLS."""

import asyncio
import json
import os
import ssl
import subprocess
import sys
import threading
import unittest

import interop_test
import raw
import realtime
import secure
from player import Player
from secure import HOST_NAME, Certificates, SecureDaemon, SecurePlayer, program

HANDSHAKES = 200
SLOWEST_SECONDS = 5  # a bound that only a defect reaches: a lost flight costs one second or more


def needs(*tools):
    lacking = secure.missing(*tools)
    return unittest.skipIf(lacking, "not installed: " + ", ".join(lacking))


class SecureTest(unittest.IsolatedAsyncioTestCase):
    mode = "required"

    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.stranger = Certificates()
        cls.daemon = SecureDaemon(cls.certificates, tls__mode=cls.mode, listen__udp_ports_per_shard=1)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def openssl(self, *arguments, text=b"", until=None, name=HOST_NAME, certificates=None):
        """Everything s_client said. It leaves at the end of its input, or once it has said what we waited for."""
        ca = (certificates or self.certificates).path("ca.pem")
        command = ["openssl", "s_client", "-CAfile", ca, "-verify_return_error", "-verify_hostname", name, *arguments]
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as client:
            killer = threading.Timer(30, client.kill)
            killer.start()
            output = b""
            client.stdin.write(text)
            client.stdin.flush()
            while until is not None and until not in output and (data := os.read(client.stdout.fileno(), 65536)):
                output += data
            if until is not None and until in output:
                client.kill()
            client.stdin.close()
            output += client.stdout.read()
            killer.cancel()
        return output.decode("latin1")


class OpensslTest(SecureTest):
    @needs("openssl")
    def test_tls_upgrades(self):
        for version, name in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            with self.subTest(version):
                output = self.openssl("-connect", f"127.0.0.1:{self.daemon.tcp_port}", version, text=raw.upgrade_request(), until=b"Sec-WebSocket-Accept")
                self.assertIn("Verify return code: 0 (ok)", output)
                self.assertIn("HTTP/1.1 101 ", output)
                self.assertIn(name, output)

    @needs("openssl")
    def test_older_tls_is_refused(self):
        output = self.openssl("-connect", f"127.0.0.1:{self.daemon.tcp_port}", "-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
        self.assertIn("alert protocol version", output)
        self.assertIn("Cipher is (NONE)", output)

    @needs("openssl")
    def test_dtls_1_2(self):
        for port in self.daemon.udp_ports:
            output = self.openssl("-connect", f"127.0.0.1:{port}", "-dtls1_2")
            self.assertIn("Verification: OK", output)
            self.assertIn(f"Verified peername: {HOST_NAME}", output)
            self.assertIn("Cipher is ECDHE-ECDSA-", output)

    @needs("openssl")
    def test_clients_that_must_not_trust_us_do_not(self):
        stream, datagrams = ("-connect", f"127.0.0.1:{self.daemon.tcp_port}"), ("-connect", f"127.0.0.1:{self.daemon.udp_ports[0]}", "-dtls1_2")
        for where in (stream, datagrams):
            self.assertIn("hostname mismatch", self.openssl(*where, name="other.test"))
            self.assertIn("verify error", self.openssl(*where, certificates=self.stranger))

    @needs("openssl")
    def test_a_renegotiating_client_harms_nobody_else(self):
        for where in (("-connect", f"127.0.0.1:{self.daemon.udp_ports[0]}", "-dtls1_2"), ("-connect", f"127.0.0.1:{self.daemon.tcp_port}", "-tls1_2")):
            self.assertIn("RENEGOTIATING", self.openssl(*where, text=b"R\n", until=b"RENEGOTIATING"))
        self.assertIn("Verification: OK", self.openssl("-connect", f"127.0.0.1:{self.daemon.udp_ports[0]}", "-dtls1_2"))


class GnutlsTest(SecureTest):
    def gnutls(self, port, *arguments, name=HOST_NAME, certificates=None):
        ca = (certificates or self.certificates).path("ca.pem")
        return secure.run("gnutls-cli", *arguments, "--x509cafile", ca, "--verify-hostname", name, "-p", str(port), "127.0.0.1", input="")

    @needs("gnutls-cli")
    def test_dtls(self):
        result = self.gnutls(self.daemon.udp_ports[0], "--udp")
        self.assertIn("Handshake was completed", result.stdout)
        self.assertIn("The certificate is trusted", result.stdout)
        self.assertIn("DTLS1.2", result.stdout)

    @needs("gnutls-cli")
    def test_tls(self):
        for priority, name in (("NORMAL:-VERS-ALL:+VERS-TLS1.2", "TLS1.2"), ("NORMAL:-VERS-ALL:+VERS-TLS1.3", "TLS1.3")):
            result = self.gnutls(self.daemon.tcp_port, "--priority", priority)
            self.assertIn("The certificate is trusted", result.stdout)
            self.assertIn(name, result.stdout)

    @needs("gnutls-cli")
    def test_a_stranger_is_not_trusted(self):
        result = self.gnutls(self.daemon.udp_ports[0], "--udp", certificates=self.stranger)
        self.assertNotEqual(result.returncode, 0)
        self.assertNotIn("Handshake was completed", result.stdout)


class CurlTest(SecureTest):
    def curl(self, certificates, name=HOST_NAME):
        port = self.daemon.tcp_port
        headers = ["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="]
        arguments = [word for header in headers for word in ("-H", header)]
        url = f"https://{name}:{port}/websocket"
        # the answer has no end that curl could see: it leaves after two seconds
        return secure.run("curl", "-sS", "--http1.1", "-i", "-N", "--max-time", "2", "--noproxy", "*", "--cacert", certificates.path("ca.pem"),
                          "--resolve", f"{name}:{port}:127.0.0.1", *arguments, url)

    @needs("curl")
    def test_upgrade(self):
        result = self.curl(self.certificates)
        self.assertTrue(result.stdout.startswith("HTTP/1.1 101 "), result.stdout + result.stderr)
        self.assertIn("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", result.stdout)

    @needs("curl")
    def test_verification(self):
        self.assertEqual(self.curl(self.stranger).returncode, 60)
        self.assertEqual(self.curl(self.certificates, "other.test").returncode, 60)


@unittest.skipUnless(interop_test.has_node_ws(), "no node with ws")
class NpmWsTest(SecureTest):
    def test_players(self):
        session = self.daemon.create_session(name="npm")
        tokens = [self.daemon.reserve(session) for _ in range(2)]
        result = interop_test.node("ws_players.js", f"wss://{HOST_NAME}:{self.daemon.tcp_port}/", *tokens, self.certificates.path("ca.pem"))
        self.assertEqual(result.returncode, 0, result.stderr)
        login = json.loads(result.stdout)
        self.assertEqual(login["caCert"].strip(), self.certificates.read("ca.pem").strip())
        self.assertNotIn("PRIVATE", login["caCert"])
        self.assertTrue(login["hasToken"])

    def test_verification(self):
        token = self.daemon.reserve(self.daemon.create_session(name="npm-wrong"))
        url = f"wss://{HOST_NAME}:{self.daemon.tcp_port}/"
        result = interop_test.node("ws_players.js", url, token, "-", self.stranger.path("ca.pem"), "wrong")
        self.assertEqual(result.returncode, 0, result.stderr)


@needs("node")
class JavaScriptClientTest(SecureTest):
    def play(self, ca, *tokens):
        result = interop_test.node("js_client.mjs", f"wss://{HOST_NAME}:{self.daemon.tcp_port}/websocket", ca, *tokens)
        self.assertEqual((result.returncode, result.stderr), (0, ""))
        return json.loads(result.stdout)

    def test_players_after_a_server_that_is_not_trusted(self):
        session = self.daemon.create_session(name="js-client")
        tokens = [self.daemon.reserve(session) for _ in range(2)]
        end = self.play(self.stranger.path("ca.pem"), tokens[0])
        self.assertEqual((end["code"], end["name"]), (1006, "abnormal"))
        self.assertIn("certificate", end["reason"])
        found = self.play(self.certificates.path("ca.pem"), *tokens)  # the token was not shown to the wrong server: it still counts
        self.assertEqual(found, {"peers": [1, 2], "sender": 1, "bytes": 4096, "ends": [1000, 1000]})


class PythonTest(SecureTest):
    async def test_versions(self):
        session = self.daemon.create_session(name="versions")
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = self.certificates.context(minimum_version=version, maximum_version=version)
            player = await SecurePlayer.join(self.daemon, session, context=context)
            self.assertEqual(player.tls.version(), {ssl.TLSVersion.TLSv1_2: "TLSv1.2", ssl.TLSVersion.TLSv1_3: "TLSv1.3"}[version])
            await player.send(5, b"x" * 4096, player=player.peer_id)
            await player.expect(5, b"x" * 4096)
            await player.leave()

    async def test_plaintext_is_refused_where_encryption_is_required(self):
        with raw.RawConnection(self.daemon) as connection:
            connection.try_send(raw.upgrade_request())
            self.assertNotIn(b"101", connection.read_to_end())


class OptionalTest(SecureTest):
    mode = "optional"

    async def test_plain_and_secure_players_share_a_session(self):
        session = self.daemon.create_session(name="mixed")
        plain = await Player.join(self.daemon, session, udp=True)
        encrypted = await SecurePlayer.join(self.daemon, session)
        await plain.send(5, b"in clear", player=encrypted.peer_id)
        await encrypted.expect(5, b"in clear", sender=plain.peer_id)
        await encrypted.send(6, b"sealed", group=realtime.EVERYONE)
        for player in (plain, encrypted):
            await player.expect(6, b"sealed", sender=encrypted.peer_id)
        plain.send_fast(7, b"fast", player=encrypted.peer_id)
        await encrypted.expect(7, b"fast", channel="ws")
        for player in (plain, encrypted):
            await player.leave()


@unittest.skipUnless(program("E2E_MBEDTLS_CLIENT"), "no mbedTLS client in this build")
class MbedtlsTest(SecureTest):
    """The Realtime client's own library, with its one pending datagram."""

    async def log_in(self, count):
        session = self.daemon.create_session(name="mbedtls", players_max=count)
        players, lines = [], []
        for _ in range(count):
            player = await SecurePlayer.connect(self.daemon)
            result = await player.login(self.daemon.reserve(session))
            players.append(player)
            lines.append(f"{result.fast_port} {player.peer_id} {result.connect_token}")
        return players, "\n".join(lines) + "\n"

    async def mbedtls(self, lines, ca, name=HOST_NAME):
        client = await asyncio.create_subprocess_exec(program("E2E_MBEDTLS_CLIENT"), name, "127.0.0.1", ca,
                                                      stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        output, _ = await client.communicate(lines.encode())
        return client.returncode, output.decode().splitlines()

    async def test_two_hundred_of_two_hundred(self):
        players, lines = await self.log_in(HANDSHAKES)
        code, answers = await self.mbedtls(lines, self.certificates.path("ca.pem"))
        self.assertEqual([answer for answer in answers if not answer.startswith("ok ")], [])
        self.assertEqual(len(answers), HANDSHAKES)
        self.assertEqual(code, 0)
        times = sorted(float(answer.split()[1]) for answer in answers)
        overwritten = sum(int(answer.split()[2]) for answer in answers)
        print(f"mbedTLS: {len(times)} handshakes, median {times[len(times) // 2]:.1f} ms, slowest {times[-1]:.1f} ms, "
              f"{sum(time < 100 for time in times)} under 100 ms, {overwritten} datagrams overwritten", file=sys.stderr)
        self.assertEqual(overwritten, 0, "a flight came in more than one datagram")
        self.assertLess(times[-1], 1000 * SLOWEST_SECONDS)
        for player in players:
            await player.leave()

    async def test_what_it_must_not_accept(self):
        players, lines = await self.log_in(1)
        for ca, name in ((self.stranger.path("ca.pem"), HOST_NAME), (self.certificates.path("ca.pem"), "other.test")):
            code, answers = await self.mbedtls(lines, ca, name)
            self.assertEqual(code, 1)
            self.assertIn("failed handshake: X509 - Certificate verification failed", answers[0])
        await players[0].leave()

    async def test_a_wrong_token_proves_nothing(self):
        players, lines = await self.log_in(2)
        swapped = [line.split() for line in lines.splitlines()]
        swapped[0][2], swapped[1][2] = swapped[1][2], swapped[0][2]
        for parts in swapped:
            code, answers = await self.mbedtls(" ".join(parts) + "\n", self.certificates.path("ca.pem"))
            self.assertEqual(code, 1)
            self.assertTrue(answers[0].startswith("failed "), answers)
        code, _ = await self.mbedtls(lines, self.certificates.path("ca.pem"))
        self.assertEqual(code, 0, "the right tokens are still good")
        for player in players:
            await player.leave()


if __name__ == "__main__":
    secure.main(needs_programs=["E2E_CLI"])
