#!/usr/bin/python3
"""Certificates change while players play: a hundred times, and with files that are no good. Nobody notices but newcomers."""

import hashlib
import json
import os
import signal
import socket
import sys
import time
import unittest

import secure
from daemon import AdminError
from secure import HOST_NAME, Certificates, SecureDaemon, players_meanwhile, program

RELOADS = 100


class ReloadTest(unittest.TestCase):
    def setUp(self):
        self.certificates = Certificates()
        self.daemon = SecureDaemon(self.certificates, tls__host_name=HOST_NAME)

    def tearDown(self):
        self.daemon.stop()

    def served(self):
        """The certificate that a newcomer on the stream is shown, as ringcast cert prints its fingerprint."""
        with socket.create_connection(("127.0.0.1", self.daemon.tcp_port)) as plain:
            with self.certificates.context().wrap_socket(plain, server_hostname=HOST_NAME) as connection:
                digest = hashlib.sha256(connection.getpeercert(binary_form=True)).hexdigest().upper()
        return ":".join(digest[i : i + 2] for i in range(0, len(digest), 2))

    def served_by_dtls(self):
        result = secure.run("openssl", "s_client", "-dtls1_2", "-connect", f"127.0.0.1:{self.daemon.udp_ports[0]}", input="")
        digest = secure.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", input=result.stdout)
        return digest.stdout.strip().partition("=")[2]

    def renew(self):
        return self.certificates.make("server", f"{HOST_NAME},127.0.0.1")

    def reload(self, by_tool):
        if not by_tool:
            self.daemon.request("POST", "/v1/reload", {})
            return
        result = secure.run(program("E2E_CLI"), "reload", "--admin", f"http://127.0.0.1:{self.daemon.admin_port}")
        self.assertEqual(result.returncode, 0, result.stderr)

    def test_a_hundred_times_under_load(self):
        number = 0
        while number < RELOADS:  # a busy machine needs more than one round of players
            with players_meanwhile(self.daemon, 10) as players:
                while number < RELOADS and players.poll() is None:
                    fingerprint = self.renew()
                    self.reload(by_tool=number % 10 == 0)
                    self.assertEqual(self.served(), fingerprint)
                    number += 1
        if not secure.missing("openssl"):
            self.assertEqual(self.served_by_dtls(), fingerprint)
        self.assertEqual(self.daemon.log_lines("error"), [])

    def test_sighup(self):
        before = self.served()
        fingerprint = self.renew()
        self.daemon.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while self.served() == before and time.monotonic() < end:
            time.sleep(0.02)
        self.assertEqual(self.served(), fingerprint)


@unittest.skipIf(secure.missing("openssl"), "not installed: openssl")
class BadFilesTest(ReloadTest):
    test_a_hundred_times_under_load = None
    test_sighup = None

    def sign(self, name, *validity):
        """A certificate for the server's key, signed by our CA, by openssl: ringcast cert makes no bad ones."""
        path = self.certificates.path
        extension = path("extension")
        with open(extension, "w") as file:
            file.write(f"subjectAltName=DNS:{name}")
        request = secure.run("openssl", "req", "-new", "-key", path("server.key"), "-subj", f"/CN={name}", "-out", path("request"))
        self.assertEqual(request.returncode, 0, request.stderr)
        return secure.run("openssl", "x509", "-req", "-in", path("request"), "-CA", path("ca.pem"), "-CAkey", path("ca.key"), "-CAcreateserial",
                          "-extfile", extension, "-out", path("server.pem"), *validity)

    def make_expired(self):
        if self.sign(HOST_NAME, "-days", "-1").returncode != 0:  # newer ones do not count backwards
            result = self.sign(HOST_NAME, "-not_before", "20200101000000Z", "-not_after", "20200102000000Z")
            self.assertEqual(result.returncode, 0, result.stderr)

    def make_for_another_host(self):
        self.assertEqual(self.sign("other.test", "-days", "30").returncode, 0)

    def truncate(self, name):
        text = self.certificates.read(name)
        with open(self.certificates.path(name), "w") as file:
            file.write(text[: len(text) // 2])

    def take_key_of_another(self):
        stranger = Certificates()
        os.replace(stranger.path("server.key"), self.certificates.path("server.key"))

    def remove(self):
        os.unlink(self.certificates.path("server.pem"))

    def empty(self):
        open(self.certificates.path("server.pem"), "w").close()

    BAD = {
        "expired": (make_expired, "expired"),
        "wrong host": (make_for_another_host, HOST_NAME),
        "truncated certificate": (lambda self: self.truncate("server.pem"), "certificate"),
        "truncated key": (lambda self: self.truncate("server.key"), "key"),
        "wrong key": (take_key_of_another, "key"),
        "no file": (remove, "server.pem"),
        "empty file": (empty, "server.pem"),
    }

    def error_count(self, at_least):
        """Lines reach the log a moment after the answer."""
        end = time.monotonic() + 30
        while (count := len(self.daemon.log_lines("error"))) < at_least and time.monotonic() < end:
            time.sleep(0.02)
        return count

    def test_each_gives_one_clear_line_and_the_old_certificate_stays(self):
        good = {name: self.certificates.read(name) for name in ("server.pem", "server.key")}
        before = self.served()
        with players_meanwhile(self.daemon, 5):
            for number, (what, (spoil, word)) in enumerate(self.BAD.items()):
                with self.subTest(what):
                    spoil(self)
                    with self.assertRaises(AdminError) as refusal:
                        self.daemon.request("POST", "/v1/reload", {})
                    detail = json.loads(refusal.exception.body)["detail"]
                    print(f"  {what}: {detail}", file=sys.stderr)
                    self.assertIn(word, detail)
                    self.assertNotIn("\n", detail)
                    self.assertNotIn("PRIVATE", detail)
                    self.assertEqual(self.served(), before)
                    self.assertEqual(self.error_count(number + 1), number + 1, "one line in the log for each")
                for name, text in good.items():
                    with open(self.certificates.path(name), "w") as file:
                        file.write(text)
        self.daemon.request("POST", "/v1/reload", {})
        self.assertEqual(self.served(), before)

    def test_a_ca_that_did_not_sign_is_refused_and_the_old_one_stays(self):
        """Clients verify DTLS with the CA that their login names: with a wrong one none would come up."""
        good, before = self.certificates.read("ca.pem"), self.served()
        with open(self.certificates.path("ca.pem"), "w") as file:
            file.write(Certificates().read("ca.pem"))
        with self.assertRaises(AdminError) as refusal:
            self.daemon.request("POST", "/v1/reload", {})
        self.assertIn("(tls.ca) has not signed the certificate (tls.certificate)", json.loads(refusal.exception.body)["detail"])
        self.assertEqual(self.error_count(1), 1)
        with open(self.certificates.path("ca.pem"), "w") as file:
            file.write(good)
        self.assertEqual(self.served(), before)
        with players_meanwhile(self.daemon, 5):
            self.daemon.request("POST", "/v1/reload", {})
        self.assertEqual(self.served(), before)

    def test_a_daemon_does_not_start_with_them(self):
        for what, (spoil, word) in self.BAD.items():
            with self.subTest(what):
                certificates = self.certificates
                self.certificates = Certificates()
                try:
                    spoil(self)
                    with self.assertRaises(AssertionError) as refusal:
                        SecureDaemon(self.certificates, tls__host_name=HOST_NAME)
                    self.assertIn(word, str(refusal.exception))
                finally:
                    self.certificates = certificates


if __name__ == "__main__":
    secure.main(needs_programs=["E2E_CLI", "E2E_LOAD"])
