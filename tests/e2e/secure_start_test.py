#!/usr/bin/python3
"""What an operator sees of encryption at the start: which mode it is, what is refused, what is warned of; and a login through openssl s_client."""

import os
import re
import socket
import ssl
import subprocess
import sys
import time
import unittest

import raw
import realtime
import secure
from child import tied
from daemon import Daemon
from secure import Certificates, HOST_NAME

FREE_PORTS = ["--tcp-port", "0", "--udp-port", "0", "--admin", "127.0.0.1:0", "--log-format", "json"]


def refused(*flags):
    """Its one line on standard error, from --check-config, and the log of a start that fails for the same reason."""
    ringcastd = os.environ["RINGCASTD"]
    checked = secure.run(ringcastd, "--check-config", *flags)
    started = secure.run(ringcastd, *FREE_PORTS, *flags)
    if checked.returncode != 2 or started.returncode != 1:
        raise AssertionError(f"not refused: {checked} {started}")
    return checked.stderr, started.stderr


def settings(**values):
    return [part for key, value in values.items() for part in ("--set", f"tls.{key}={value}")]


class ModeTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.certificates = Certificates()
        cls.files = {"certificate": cls.certificates.path("server.pem"), "key": cls.certificates.path("server.key")}

    def mode_of(self, *flags):
        process = subprocess.Popen(tied([os.environ["RINGCASTD"], *FREE_PORTS, *flags]), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        try:
            for line in process.stderr:
                match = re.search(r'"msg":"ready".*"tls":"(\w+)"', line)
                if match:
                    return match[1]
        finally:
            process.terminate()
            process.stderr.read()
            process.stderr.close()
            process.wait()
        raise AssertionError("it did not start")

    def test_plaintext_in_public_must_be_meant(self):
        checked, started = refused("--listen", "0.0.0.0")
        self.assertEqual(checked.count("\n"), 1)
        for text in (checked, started):
            self.assertIn("tls.mode: off", text)
        refused("--listen", "127.0.0.1", "--set", "listen.address_second=::")
        self.assertEqual(self.mode_of("--listen", "0.0.0.0", *settings(mode="off")), "off")

    def test_what_auto_means(self):
        self.assertEqual(self.mode_of("--listen", "127.0.0.1"), "off")
        self.assertEqual(self.mode_of("--listen", "0.0.0.0", *settings(**self.files)), "required")
        self.assertEqual(self.mode_of("--dev"), "optional")
        self.assertEqual(self.mode_of("--dev", *settings(mode="off")), "off")
        self.assertEqual(self.mode_of("--dev", *settings(mode="required")), "required")

    def test_mistakes(self):
        for flags, expected in ((settings(mode="required"), "needs a certificate"),
                                (settings(certificate=self.files["certificate"]), "set tls.key too"),
                                (settings(**{**self.files, "key": self.files["certificate"]}), "key"),
                                (settings(**self.files, host_name="play.example.com"), "not for play.example.com"),
                                (settings(**self.files, ciphers="NO-SUCH-CIPHER"), "NO-SUCH-CIPHER"),
                                (settings(**self.files, ca="/does/not/exist"), "/does/not/exist")):
            with self.subTest(expected):
                result = secure.run(os.environ["RINGCASTD"], *FREE_PORTS, "--listen", "127.0.0.1", *flags)
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(expected, result.stderr)

    def test_a_ca_that_did_not_sign_is_refused(self):
        strangers = Certificates()
        checked, started = refused("--listen", "127.0.0.1", *settings(**self.files, ca=strangers.path("ca.pem")))
        self.assertEqual(checked.count("\n"), 1)
        for text in (checked, started):
            self.assertIn("(tls.ca) has not signed the certificate (tls.certificate)", text)
        self.assertEqual(self.mode_of("--listen", "127.0.0.1", *settings(**self.files, ca=self.certificates.path("ca.pem"))), "required")

    def test_version_names_the_library(self):
        self.assertRegex(secure.run(os.environ["RINGCASTD"], "--version").stdout, r"\nencryption: (wolfSSL|OpenSSL) \d.*TLS 1\.2")


class PlaintextTest(unittest.TestCase):
    def test_is_refused_politely_where_encryption_is_required(self):
        daemon = secure.SecureDaemon(Certificates())
        try:
            with raw.RawConnection(daemon) as connection:
                connection.send(raw.upgrade_request())
                self.assertTrue(connection.read_to_end().startswith(b"HTTP/1.1 400 "))
            with raw.RawConnection(daemon) as connection:
                connection.send(b"\x82\x00")
                self.assertEqual(connection.read_to_end(), b"")
            self.assertEqual(daemon.drops("plaintext"), 2)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.sendto(b"\x12\x08\x09\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\x28\x01\x92\x02\x00", ("127.0.0.1", daemon.udp_ports[0]))
            udp.close()
            end = time.monotonic() + 30
            while daemon.drops("plaintext") < 3 and time.monotonic() < end:
                time.sleep(0.02)
            self.assertEqual(daemon.drops("plaintext"), 3)
        finally:
            daemon.stop()


@unittest.skipIf(secure.missing("openssl"), "not installed: openssl")
class CertificateTest(unittest.TestCase):
    def make(self, directory, days):
        files = {"certificate": os.path.join(directory, "c.pem"), "key": os.path.join(directory, "k.pem")}
        result = secure.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", files["key"], "-out",
                            files["certificate"], "-days", str(days), "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
        self.assertEqual(result.returncode, 0, result.stderr)
        return {f"tls__{name}": path for name, path in files.items()}

    def test_expiry_is_a_metric_and_below_14_days_a_warning(self):
        certificates = Certificates()
        for days, is_warned in ((5, True), (60, False)):
            files = self.make(certificates.directory, days)
            daemon = Daemon("--listen", "127.0.0.1", **files)
            try:
                text = secure.run("openssl", "x509", "-in", files["tls__certificate"], "-noout", "-enddate", "-dateopt", "iso_8601").stdout
                seconds = ssl.cert_time_to_seconds(time.strftime("%b %d %H:%M:%S %Y GMT", time.strptime(text.strip(), "notAfter=%Y-%m-%d %H:%M:%SZ")))
                self.assertEqual(daemon.metrics()["ringcast_certificate_not_after_seconds"], seconds)
                self.assertEqual(b"the certificate expires soon" in daemon.log_text(), is_warned)
            finally:
                daemon.stop()

    def test_what_players_cannot_verify_dtls_with_is_a_warning(self):
        certificates = Certificates()
        server = {"tls__certificate": certificates.path("server.pem"), "tls__key": certificates.path("server.key")}
        whole = certificates.path("whole.pem")
        with open(whole, "w") as file:
            file.write(certificates.read("server.pem") + certificates.read("ca.pem"))
        cases = {"alone": (server, True), "with its CA": ({**server, "tls__ca": certificates.path("ca.pem")}, False),
                 "with its chain": ({**server, "tls__certificate": whole}, False), "self-signed": (self.make(certificates.directory, 60), False)}
        for what, (files, is_warned) in cases.items():
            with self.subTest(what):
                daemon = Daemon("--listen", "127.0.0.1", **files)
                try:
                    daemon.request("POST", "/v1/reload", {})
                    self.assertEqual(b"players who verify DTLS cannot" in daemon.log_text(), is_warned)
                finally:
                    daemon.stop()

    def test_plaintext_has_no_such_metric(self):
        daemon = Daemon("--listen", "127.0.0.1")
        try:
            self.assertNotIn("ringcast_certificate_not_after_seconds", daemon.metrics())
        finally:
            daemon.stop()

    def test_dev_mode_serves_the_certificate_whose_fingerprint_it_prints(self):
        daemon = Daemon("--dev")
        try:
            printed = re.search(rb'"sha256":"([0-9A-F:]+)"', daemon.log_text())[1].decode()
            shown = secure.run("openssl", "s_client", "-connect", f"127.0.0.1:{daemon.tcp_port}", input="").stdout
            end = shown.index("-----END CERTIFICATE-----")
            pem = shown[shown.index("-----BEGIN CERTIFICATE-----"):end] + "-----END CERTIFICATE-----\n"
            self.assertEqual(secure.run("openssl", "x509", "-noout", "-fingerprint", "-sha256", input=pem).stdout.split("=")[1].strip(), printed)
        finally:
            daemon.stop()


@unittest.skipIf(secure.missing("openssl"), "not installed: openssl")
class LoginTest(unittest.TestCase):
    """By hand through openssl s_client: nothing of ours and nothing of Python's in between."""

    def login(self, daemon, token, version):
        command = ["openssl", "s_client", "-quiet", "-connect", f"127.0.0.1:{daemon.tcp_port}", version, "-verify_return_error", "-CAfile",
                   daemon.certificates.path("ca.pem"), "-verify_hostname", HOST_NAME]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            process.stdin.write(raw.upgrade_request())
            process.stdin.flush()
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                head += process.stdout.read(1)
            self.assertTrue(head.startswith(b"HTTP/1.1 101 "))
            process.stdin.write(raw.frame(2, realtime.login(token).encode()))
            process.stdin.flush()
            size = self.read_size(process.stdout)
            return realtime.login_result(realtime.decode(process.stdout.read(size)))
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()

    def read_size(self, stream):
        header = stream.read(2)
        self.assertEqual(header[0], 0x82)
        return header[1] if header[1] < 126 else int.from_bytes(stream.read(2), "big")

    def test_on_every_shard(self):
        certificates = Certificates()
        daemon = secure.SecureDaemon(certificates, "--shards", "2")
        try:
            session = daemon.create_session()
            peers = set()
            for version in ("-tls1_2", "-tls1_3") * 6:  # with two shards, about half are handed over
                result = self.login(daemon, daemon.reserve(session), version)
                self.assertTrue(result.success)
                self.assertEqual(result.ca_cert, certificates.read("ca.pem"))
                self.assertGreater(len(result.connect_token), 32)
                self.assertIn(result.fast_port, daemon.udp_ports)
                peers.add(result.peer_id)
            self.assertEqual(len(peers), 12)
            metrics = daemon.metrics()
            self.assertEqual(metrics["ringcast_tls_handshakes_completed_total"], 12)
            self.assertEqual(metrics["ringcast_logins_total"], 12)
        finally:
            daemon.stop()


if __name__ == "__main__":
    if not secure.program("E2E_CLI"):
        print("skipped: there is no ringcast command to make certificates with")
        sys.exit(secure.SKIP)
    unittest.main(verbosity=2)
