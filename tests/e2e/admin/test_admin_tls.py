"""The admin API by TLS, and clients known by their certificates: right, of another CA, expired, for a server, none, without a line, revoked. Certificates
are openssl's. Needs RINGCASTD, RINGCAST."""

import http.client
import json
import os
import pathlib
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import unittest
import warnings

from ringcastd_process import FREE_PORTS, WAIT_SECONDS, Ringcastd, clean_environment, run

RINGCAST = os.environ["RINGCAST"]
TOKEN = "operator-0123456789abcdef"


def try_openssl(*arguments, cwd):
    return subprocess.run(["openssl", *arguments], cwd=cwd, capture_output=True, text=True, timeout=60)


def openssl(*arguments, cwd):
    done = try_openssl(*arguments, cwd=cwd)
    if done.returncode != 0:
        raise AssertionError(done.stderr)


# Without these, and without key usage of the CA, newer versions of Python trust nobody.
KEY_IDENTIFIERS = ("subjectKeyIdentifier=hash", "authorityKeyIdentifier=keyid")


class Authority:
    """A CA in a folder, and what it signs."""

    def __init__(self, folder, name):
        self.folder, self.name = folder, name
        self.key(name)
        openssl("req", "-x509", "-new", "-key", f"{name}.key", "-subj", f"/CN={name}", "-days", "30",
                "-addext", "keyUsage=critical,keyCertSign,cRLSign", "-out", f"{name}.pem", cwd=folder)

    def key(self, name):
        openssl("ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", f"{name}.key", cwd=self.folder)

    def sign(self, name, subject, *extensions, has_expired=False):
        """name.pem and name.key."""
        self.key(name)
        pathlib.Path(self.folder, "ext").write_text("\n".join((*KEY_IDENTIFIERS, *extensions)) + "\n")
        openssl("req", "-new", "-key", f"{name}.key", "-subj", subject, "-out", "request.pem", cwd=self.folder)
        command = ("x509", "-req", "-in", "request.pem", "-CA", f"{self.name}.pem", "-CAkey", f"{self.name}.key", "-CAcreateserial", "-extfile", "ext",
                   "-out", f"{name}.pem")
        if not has_expired:
            openssl(*command, "-days", "30", cwd=self.folder)
        elif try_openssl(*command, "-days", "-1", cwd=self.folder).returncode != 0:  # newer ones do not count backwards
            openssl(*command, "-not_before", "20200101000000Z", "-not_after", "20200102000000Z", cwd=self.folder)


CLIENT, SERVER = "extendedKeyUsage=clientAuth", "extendedKeyUsage=serverAuth"


class AdminTls(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="ringcast-admin-tls-")
        cls.addClassCleanup(shutil.rmtree, cls.folder, True)
        ours, other = Authority(cls.folder, "ours"), Authority(cls.folder, "other")
        ours.sign("server", "/CN=server", SERVER, "subjectAltName=DNS:localhost,IP:127.0.0.1")
        ours.sign("renewed", "/CN=server", SERVER, "subjectAltName=DNS:localhost,IP:127.0.0.1")
        ours.sign("backend", "/CN=backend", CLIENT)
        ours.sign("monitor", "/O=x/CN=nobody in particular", CLIENT, "subjectAltName=DNS:monitor.example,URI:spiffe://example/monitor")
        ours.sign("unlisted", "/CN=unlisted", CLIENT)
        ours.sign("expired", "/CN=backend", CLIENT, has_expired=True)
        ours.sign("misused", "/CN=backend", SERVER)
        other.sign("foreign", "/CN=backend", CLIENT)
        other.sign("successor", "/CN=backend", CLIENT)

    def path(self, name):
        return os.path.join(self.folder, name)

    def setUp(self):
        self.write_tokens()
        self.certificate, self.client_ca = self.path("live.pem"), self.path("live-ca.pem")
        self.live("server", "ours")

    def write_tokens(self, *lines):
        lines = lines or ("operator backend certificate:backend", "reader monitor certificate:spiffe://example/monitor", f"operator script {TOKEN}")
        pathlib.Path(self.path("tokens")).write_text("\n".join(lines) + "\n")

    def live(self, server, ca):
        """What the configuration names from now on."""
        shutil.copy(self.path(f"{server}.pem"), self.certificate)
        shutil.copy(self.path(f"{server}.key"), self.path("live.key"))
        shutil.copy(self.path(f"{ca}.pem"), self.client_ca)

    def flags(self, **options):
        settings = {"tls_certificate": self.certificate, "tls_key": self.path("live.key"), "tls_client_ca": self.client_ca, "tokens": self.path("tokens")}
        settings.update(options)
        return [word for name, value in settings.items() if value is not None for word in ("--set", f"admin.{name}={value}")]

    def start(self, **options):
        daemon = Ringcastd("--shards", "1", "--set", "tls.mode=off", *self.flags(**options))
        self.addCleanup(daemon.__exit__, None, None, None)
        return daemon.__enter__()

    def ask(self, daemon, method, path, certificate=None, token=None):
        """(status, problem code or "", fingerprint of the server's certificate)"""
        context = ssl.create_default_context(cafile=self.path("ours.pem"))
        if certificate:
            context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        connection = http.client.HTTPSConnection("localhost", int(daemon.admin_port), timeout=WAIT_SECONDS, context=context)
        try:
            headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
            connection.request(method, path, "{}" if method == "POST" else None, headers)
            self.server_certificate = connection.sock.getpeercert(True)
            response = connection.getresponse()
            body = response.read().decode()
            self.detail = json.loads(body).get("detail", "") if body.startswith("{") else ""
            return response.status, json.loads(body).get("code", "") if response.status >= 400 else ""
        finally:
            connection.close()

    def reload(self, daemon, status=200):
        self.assertEqual(self.ask(daemon, "POST", "/v1/reload", token=TOKEN)[0], status, self.detail)

    def test_who_is_who(self):
        daemon = self.start()
        cases = [
            ("backend", "POST", (200, "")), ("monitor", "GET", (200, "")), ("monitor", "POST", (403, "role")),
            ("unlisted", "GET", (401, "certificate")), ("expired", "GET", (401, "certificate")), ("foreign", "GET", (401, "certificate")),
            ("misused", "GET", (401, "certificate")), (None, "GET", (401, "token")),
        ]
        for certificate, method, expected in cases:
            with self.subTest(certificate):
                self.assertEqual(self.ask(daemon, method, "/v1/reload" if method == "POST" else "/v1/info", certificate), expected, self.detail)
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "expired")[1], "certificate")
        self.assertIn("expired", self.detail)
        self.assertEqual(self.ask(daemon, "GET", "/healthz"), (200, ""))
        change = daemon.await_event("admin change")
        self.assertEqual((change["role"], change["name"]), ("operator", "backend"))

    def test_a_token_is_as_good_unless_a_certificate_is_required(self):
        daemon = self.start()
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", token=TOKEN), (200, ""))
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "monitor", token="wrong-0123456789abcdef"), (401, "token"))
        self.assertEqual(self.ask(daemon, "POST", "/v1/reload", "monitor", token=TOKEN), (200, ""))
        strict = self.start(tls_client_required="true")
        self.assertEqual(self.ask(strict, "GET", "/v1/info", token=TOKEN), (401, "certificate"))
        self.assertEqual(self.ask(strict, "GET", "/v1/info", "foreign", token=TOKEN), (401, "certificate"))
        self.assertEqual(self.ask(strict, "POST", "/v1/reload", "unlisted", token=TOKEN), (200, ""))
        self.assertEqual(self.ask(strict, "GET", "/v1/info", "backend"), (200, ""))

    def test_a_reload_takes_roles_the_ca_and_the_own_certificate(self):
        daemon = self.start()
        kept = http.client.HTTPSConnection("localhost", int(daemon.admin_port), timeout=WAIT_SECONDS, context=self.context("backend"))
        self.assertEqual(self.status_on(kept), 200)
        self.write_tokens("reader monitor certificate:monitor.example", f"operator script {TOKEN}")
        self.reload(daemon)
        self.assertEqual(self.status_on(kept), 401)  # on a connection that was let in before
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "backend"), (401, "certificate"))
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "monitor"), (200, ""))
        self.write_tokens()
        self.live("renewed", "other")
        self.reload(daemon)
        self.assertEqual(self.status_on(kept), 401)  # its CA is trusted no more
        kept.close()
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "backend"), (401, "certificate"))
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "successor"), (200, ""))
        self.assertEqual(self.server_certificate, ssl.PEM_cert_to_DER_cert(pathlib.Path(self.path("renewed.pem")).read_text()))
        for _ in range(3):
            self.reload(daemon)
        pathlib.Path(self.path("live.key")).write_text("not a key")
        self.reload(daemon, 422)
        self.assertEqual(self.ask(daemon, "GET", "/v1/info", "successor"), (200, ""))
        daemon.process.send_signal(signal.SIGTERM)
        self.assertEqual(daemon.wait(), 0, daemon.log_text())

    def context(self, certificate):
        context = ssl.create_default_context(cafile=self.path("ours.pem"))
        context.load_cert_chain(self.path(f"{certificate}.pem"), self.path(f"{certificate}.key"))
        return context

    def status_on(self, connection):
        connection.request("GET", "/v1/info")
        response = connection.getresponse()
        response.read()
        return response.status

    def test_plain_http_and_old_tls_get_nothing(self):
        daemon = self.start()
        with self.assertRaises((http.client.HTTPException, OSError)):
            daemon.request("GET", "/healthz")
        warnings.simplefilter("ignore", DeprecationWarning)
        old = ssl.create_default_context(cafile=self.path("ours.pem"))
        old.minimum_version = old.maximum_version = ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        connection = http.client.HTTPSConnection("localhost", int(daemon.admin_port), timeout=WAIT_SECONDS, context=old)
        with self.assertRaises(ssl.SSLError):
            connection.request("GET", "/healthz")
        self.assertEqual(self.ask(daemon, "GET", "/healthz"), (200, ""))

    def test_while_cas_change_one_that_has_expired_stands_beside_its_successor(self):
        expired, good = (pathlib.Path(self.path(name)).read_text() for name in ("expired.pem", "ours.pem"))
        for name, texts in {"both": (expired, good), "reversed": (good, expired), "many": (expired,) * 12 + (good,)}.items():
            pathlib.Path(self.path("bundle.pem")).write_text("".join(texts))
            with self.subTest(name):
                daemon = self.start(tls_client_ca=self.path("bundle.pem"))
                self.assertEqual(self.ask(daemon, "GET", "/v1/sessions", "backend"), (200, ""))
        pathlib.Path(self.path("bundle.pem")).write_text(expired * 2)
        status, out, err = run(*FREE_PORTS, "--set", "tls.mode=off", "--check-config", *self.flags(tls_client_ca=self.path("bundle.pem")))
        self.assertEqual(status, 2, out + err)
        self.assertIn("bundle.pem: holds no certificate that is valid now", out + err)

    def test_beyond_loopback_without_a_warning(self):
        with Ringcastd("--admin", "0.0.0.0:0", *self.flags()) as daemon:
            self.assertNotIn("travel in clear", daemon.log_text())

    def test_mistakes_are_one_line(self):
        nothing = self.path("nothing.pem")
        pathlib.Path(nothing).write_text("-----BEGIN CERTIFICATE-----\nnothing\n-----END CERTIFICATE-----\n")
        pathlib.Path(self.path("only-token")).write_text(f"operator script {TOKEN}\n")
        pathlib.Path(self.path("bad-name")).write_text("operator x certificate:\n")
        cases = [
            ({"tls_key": None}, "admin.tls_certificate: a certificate and its key go together; set admin.tls_key too"),
            ({"tls_certificate": None, "tls_key": None}, "admin.tls_client_ca: clients show certificates in TLS only; set admin.tls_certificate too"),
            ({"tokens": None}, "admin.tls_client_ca: set admin.tokens too"),
            ({"tls_client_ca": None}, "has a line for a certificate; set admin.tls_client_ca"),
            ({"tls_client_ca": None, "tls_client_required": "true"}, "admin.tls_client_required: set admin.tls_client_ca too"),
            ({"address": f"unix:{self.path('socket')}"}, "admin.tls_certificate: not for a UNIX socket"),
            ({"tls_certificate": self.path("absent.pem")}, "admin.tls_certificate: " + self.path("absent.pem") + ": No such file or directory"),
            ({"tls_certificate": self.path("expired.pem"), "tls_key": self.path("expired.key")}, "expired.pem: has expired"),
            ({"tls_key": self.path("backend.key")}, "is not the key of admin.tls_certificate"),
            ({"tls_client_ca": nothing}, "admin.tls_client_ca: " + nothing + ": holds no certificate that can be read"),
            ({"tokens": self.path("bad-name")}, "bad-name:1: certificate: is followed by a name in the client's certificate"),
        ]
        for options, expected in cases:
            with self.subTest(expected):
                for mode in ([], ["--check-config"]):
                    status, out, err = run(*FREE_PORTS, "--set", "tls.mode=off", "--log-format", "logfmt", *mode, *self.flags(**options))
                    self.assertIn(status, (1, 2))
                    self.assertEqual(sum(expected in line for line in (out + err).splitlines()), 1, out + err)

    def test_the_command_line(self):
        daemon = self.start()
        url = f"https://localhost:{daemon.admin_port}"

        def ringcast(*arguments, **environment):
            done = subprocess.run([RINGCAST, *arguments], capture_output=True, text=True, timeout=WAIT_SECONDS, env=clean_environment(**environment))
            return done.returncode, done.stdout + done.stderr

        who = ["--admin-ca", self.path("ours.pem"), "--admin-cert", self.path("backend.pem"), "--admin-key", self.path("backend.key")]
        self.assertEqual(ringcast("session", "create", "arena", "--admin", url, *who)[0], 0)
        environment = {"RINGCAST_ADMIN": url, "RINGCAST_ADMIN_CA": self.path("ours.pem"), "RINGCAST_ADMIN_CERT": self.path("monitor.pem"),
                       "RINGCAST_ADMIN_KEY": self.path("monitor.key")}
        status, text = ringcast("session", "list", **environment)
        self.assertEqual(status, 0, text)
        self.assertIn("arena", text)
        self.assertIn("may read only", ringcast("session", "create", "other", **environment)[1])
        for options, expected in (
            (["--admin", url], "is not trusted"),
            (["--admin", url, "--admin-ca", self.path("other.pem")], "is not trusted"),
            (["--admin", url, *who[:4], "--admin-key", self.path("absent.key")], "cannot be read, or do not belong together"),
            (["--admin", url, *who[:4], "--admin-key", self.path("monitor.key")], "cannot be read, or do not belong together"),
            (["--admin", url, *who[:2]], "or a client certificate"),
            (["--admin", url.replace("https", "http"), *who], "the answer is not the admin API's"),
        ):
            status, text = ringcast("session", "list", *options)
            self.assertNotEqual(status, 0)
            self.assertIn(expected, text, options)
        with Ringcastd("--shards", "1", "--set", "tls.mode=off") as plain:
            self.assertIn("TLS did not come about", ringcast("session", "list", "--admin", f"https://127.0.0.1:{plain.admin_port}", *who)[1])


if __name__ == "__main__":
    if shutil.which("openssl") is None:
        print("skipped: no openssl")
        sys.exit(77)
    unittest.main(verbosity=1)
