#!/usr/bin/python3
"""What people type: certificates by `ringcast cert`, talking by `ringcast chat --secure`, and what they are told when it goes wrong."""

import os
import re
import stat
import subprocess
import tempfile
import unittest

import secure
from daemon import Daemon
from secure import HOST_NAME, Certificates, SecureDaemon, program


def ringcast(*arguments, **options):
    return secure.run(program("E2E_CLI"), *arguments, **options)


class CertTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.directory = os.path.join(self.folder.name, "certs")
        self.addCleanup(self.folder.cleanup)

    def cert(self, *arguments):
        return ringcast("cert", *arguments, "--dir", self.directory)

    def path(self, name):
        return os.path.join(self.directory, name)

    def make(self, names=f"{HOST_NAME},*.game.test,127.0.0.1,::1"):
        for arguments in (("ca",), ("server", names)):
            result = self.cert(*arguments)
            self.assertEqual(result.returncode, 0, result.stderr)

    def test_files_and_their_modes(self):
        self.make()
        self.assertEqual(sorted(os.listdir(self.directory)), ["ca.key", "ca.pem", "server.key", "server.pem"])
        for name in ("ca.key", "server.key"):
            self.assertEqual(stat.S_IMODE(os.stat(self.path(name)).st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(os.stat(self.directory).st_mode), 0o700)

    @unittest.skipIf(secure.missing("openssl"), "not installed: openssl")
    def test_openssl_agrees(self):
        self.make()
        for check in (("-verify_hostname", HOST_NAME), ("-verify_hostname", "eu.game.test"), ("-verify_ip", "127.0.0.1"), ("-verify_ip", "::1")):
            result = secure.run("openssl", "verify", "-x509_strict", "-purpose", "sslserver", "-CAfile", self.path("ca.pem"), *check, self.path("server.pem"))
            self.assertEqual(result.returncode, 0, f"{check}: {result.stderr}")
        result = secure.run("openssl", "verify", "-CAfile", self.path("ca.pem"), "-verify_hostname", "other.test", self.path("server.pem"))
        self.assertNotEqual(result.returncode, 0)
        text = secure.run("openssl", "x509", "-in", self.path("server.pem"), "-noout", "-text").stdout
        self.assertIn("prime256v1", text)

    def test_show(self):
        self.make()
        result = ringcast("cert", "show", self.path("server.pem"))
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in (HOST_NAME, "*.game.test", "127.0.0.1"):
            self.assertIn(name, result.stdout)
        self.assertRegex(result.stdout, r"fingerprint +([0-9A-F]{2}:){31}[0-9A-F]{2}\n")
        result = ringcast("cert", "show", "/etc/passwd")
        self.assertEqual((result.returncode, result.stderr.count("\n")), (1, 1))

    def test_nothing_is_replaced_unasked(self):
        self.make()
        with open(self.path("ca.key")) as file:
            key = file.read()
        for arguments in (("ca",), ("server", "a.test")):
            result = self.cert(*arguments)
            self.assertEqual(result.returncode, 1)
            self.assertIn("--force", result.stderr)
        with open(self.path("ca.key")) as file:
            self.assertEqual(file.read(), key)
        self.assertEqual(self.cert("ca", "--force").returncode, 0)

    def test_mistakes(self):
        result = self.cert("server", "a.test")
        self.assertEqual(result.returncode, 1)
        self.assertIn("ringcast cert ca", result.stderr)
        self.make()
        for names in ("", "a b", "a,,b", "a/b"):
            self.assertEqual(self.cert("server", names, "--force").returncode, 2, names)
        self.assertEqual(self.cert("server", "a.test", "--days", "398", "--force").returncode, 2)
        os.replace(self.path("server.key"), self.path("ca.key"))
        result = self.cert("server", "a.test", "--force")
        self.assertEqual(result.returncode, 1)
        self.assertIn("key", result.stderr)


class DevTest(unittest.TestCase):
    """What --dev makes is trusted by those who may ask its admin API, and by nobody else."""

    def setUp(self):
        self.daemon = Daemon("--dev")
        self.addCleanup(self.daemon.stop)
        self.admin = ["--admin", f"http://127.0.0.1:{self.daemon.admin_port}"]

    def test_chat_needs_no_file(self):
        result = ringcast("chat", "demo", "--as", "dana", "--secure", *self.admin, "--linger", "1", input="hello\n")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("stream: TLSv1.3", result.stdout)
        self.assertEqual(self.daemon.request("GET", "/v1/info")["tls"]["mode"], "optional")

    def test_without_the_admin_api_it_is_a_stranger(self):
        result = ringcast("chat", "demo", "--secure", "--server", f"127.0.0.1:{self.daemon.tcp_port}", input="")
        self.assertEqual(result.returncode, 1)
        result = ringcast("chat", "demo", "--secure", "--insecure", "--server", f"127.0.0.1:{self.daemon.tcp_port}", input="")
        self.assertEqual(result.returncode, 0, result.stderr)

    @unittest.skipUnless(program("E2E_LOAD"), "no ringcast-load")
    def test_load_needs_no_file(self):
        result = secure.run(program("E2E_LOAD"), "--secure", *self.admin, "--sessions", "1", "--players", "2", "--duration", "0.5", "--warmup", "0")
        self.assertIn(result.returncode, (0, 3), result.stderr)


class ChatTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.daemon = SecureDaemon(cls.certificates)

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def chat(self, name, *arguments, ca=None):
        admin = f"http://127.0.0.1:{self.daemon.admin_port}"
        trust = ["--ca", ca or self.certificates.path("ca.pem")]
        command = [program("E2E_CLI"), "chat", "parlour", "--as", name, "--admin", admin, "--secure", *trust, *arguments]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def read_until(self, process, pattern):
        seen = ""
        while line := process.stdout.readline():
            seen += line
            if re.search(pattern, line):
                return line
        raise AssertionError(f"{pattern} never came: {seen}{process.stderr.read()}")

    def finish(self, process):
        output = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, output)

    def test_two_people(self):
        alice = self.chat("alice", "--host-name", HOST_NAME)
        self.read_until(alice, r"datagrams: DTLSv1\.2 ")
        bob = self.chat("bob")
        self.read_until(bob, r"stream: TLSv1\.3 ")
        self.read_until(bob, r"datagrams: DTLSv1\.2 ")
        self.read_until(alice, "bob is here")
        alice.stdin.write("good evening\n")
        alice.stdin.flush()
        self.read_until(bob, r"^alice \(\d+, udp, .*\): good evening$")
        self.finish(alice)
        self.finish(bob)

    def test_tcp_alone(self):
        carol = self.chat("carol", "--tcp")
        self.read_until(carol, r"stream: TLSv1\.3 ")
        self.finish(carol)

    def refusal(self, *arguments, ca=None):
        process = self.chat("mallory", *arguments, ca=ca)
        output, error = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 1, output)
        self.assertEqual(error.count("\n"), 1, error)
        return error

    def test_strangers_are_not_trusted(self):
        stranger = Certificates()
        self.assertIn("certificate", self.refusal(ca=stranger.path("ca.pem")))
        self.assertIn("other.test", self.refusal("--host-name", "other.test"))
        self.assertIn("No such file", self.refusal(ca=self.certificates.path("absent")))
        self.assertIn("certificate", self.refusal(ca="/etc/hostname"))

    def test_plaintext_gets_no_answer_that_helps(self):
        result = ringcast("chat", "parlour", "--server", f"127.0.0.1:{self.daemon.tcp_port}", input="")
        self.assertEqual(result.returncode, 1)

    def test_plaintext_is_told_by_the_admin_api(self):
        result = ringcast("chat", "parlour", "--admin", f"http://127.0.0.1:{self.daemon.admin_port}", input="")
        self.assertEqual(result.returncode, 2)
        self.assertIn("add --secure", result.stderr)

    def test_options_that_do_not_go_together(self):
        for arguments in (["--ca", "x"], ["--insecure"], ["--secure", "--insecure", "--ca", "x"]):
            self.assertEqual(ringcast("chat", "parlour", *arguments, input="").returncode, 2)


if __name__ == "__main__":
    secure.main(needs_programs=["E2E_CLI"])
