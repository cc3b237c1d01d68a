#!/usr/bin/python3
"""The console and the admin API behind nginx, which speaks TLS and has them below a path of its own: the page and its policy, hosts and origins, tokens, redirects, and the tap, which comes as it
happens. A browser goes the same way.

Exit status 77 where there is no nginx; the browser's part is left out where there is no Chromium."""

import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from browser import WAIT_SECONDS, Browser, find_chromium
from world import OPERATOR, READER, World

SKIP = 77
HOST = "console.localhost"
NGINX = "/usr/sbin/nginx"
TRIES = 20  # another process may take the port between two looks at it

# What docs/operating.md says, with the folders of the test around it.
CONFIG = """daemon off;
pid {folder}/pid;
error_log stderr;
{user}
events {{ worker_connections 64; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {folder}/cert.pem;
    ssl_certificate_key {folder}/key.pem;
    location /relay/ {{
      proxy_pass http://127.0.0.1:{admin_port}/;
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_read_timeout 1h;
    }}
  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Proxy:
    def __init__(self, admin_port):
        self.folder = tempfile.TemporaryDirectory(prefix="ringcast-nginx-")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", f"/CN={HOST}", "-addext",
                        f"subjectAltName=DNS:{HOST}", "-keyout", f"{self.folder.name}/key.pem", "-out", f"{self.folder.name}/cert.pem"], check=True, capture_output=True)
        for _ in range(TRIES):
            if self.start(admin_port):
                return
        raise AssertionError("nginx does not start")

    def start(self, admin_port):
        self.port = free_port()
        config = Path(self.folder.name) / "nginx.conf"
        config.write_text(CONFIG.format(folder=self.folder.name, port=self.port, admin_port=admin_port, user="user root;" if os.getuid() == 0 else ""))
        self.process = subprocess.Popen([NGINX, "-c", str(config), "-p", self.folder.name], stderr=subprocess.PIPE, text=True)
        while self.process.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=WAIT_SECONDS).close()
                return True
            except ConnectionRefusedError:
                pass
        text = self.process.stderr.read()
        self.process.stderr.close()
        if "Address already in use" not in text:
            raise AssertionError(f"nginx: {text}")
        return False

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stderr.close()
        self.folder.cleanup()


class Behind(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.world = World("--set", f"admin.hosts={HOST}")
        cls.proxy = Proxy(cls.world.admin_port)
        cls.origin = f"https://{HOST}:{cls.proxy.port}"

    @classmethod
    def tearDownClass(cls):
        cls.proxy.stop()
        cls.world.stop()

    def connect(self):
        context = ssl.create_default_context(cafile=f"{self.proxy.folder.name}/cert.pem")
        connection = http.client.HTTPSConnection(HOST, self.proxy.port, timeout=WAIT_SECONDS, context=context)
        connection._create_connection = lambda address, *rest: socket.create_connection(("127.0.0.1", address[1]), *rest)
        return connection

    def ask(self, method, path, body=None, **headers):
        """(status, headers, body) of a request as a page below /relay/ makes it."""
        connection = self.connect()
        sent = {"Content-Type": "application/json"} if method == "POST" else {}
        connection.request(method, f"/relay{path}", body, {**sent, **{name.replace("_", "-"): value for name, value in headers.items()}})
        response = connection.getresponse()
        text = response.read()
        connection.close()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, text

    def create(self, name, **headers):
        return self.ask("POST", "/v1/sessions", json.dumps({"name": name}), **headers)[0]


class Api(Behind):
    bearer = {"Authorization": f"Bearer {OPERATOR}"}

    def test_page_and_policy(self):
        status, headers, body = self.ask("GET", "/console/")
        self.assertEqual(status, 200)
        self.assertIn(b"<title>Ringcast console</title>", body)
        policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
        self.assertEqual(policy["connect-src"], f"'self' ws://{HOST}:* wss://{HOST}:*")
        for name in ("console.js", "console.css", "icon.svg"):
            self.assertEqual(self.ask("GET", f"/console/{name}")[0], 200, name)

    def test_redirects_stay_below_the_path(self):
        for path in ("/", "/console"):
            status, headers, _ = self.ask("GET", path)
            self.assertEqual((status, headers["location"]), (302, "console/"), path)

    def test_tokens_pass(self):
        self.assertEqual(self.ask("GET", "/v1/caller")[0], 401)
        for token, role in ((OPERATOR, "operator"), (READER, "reader")):
            status, _, body = self.ask("GET", "/v1/caller", Authorization=f"Bearer {token}")
            self.assertEqual((status, json.loads(body)["role"]), (200, role))

    def test_the_pages_own_origin_passes_and_no_other(self):
        self.assertEqual(self.create("own", Origin=self.origin, Sec_Fetch_Site="same-origin", **self.bearer), 201)
        for wrong in ("https://evil.example", f"https://{HOST}", f"https://{HOST}:1", "http://evil.example", "null"):
            self.assertEqual(self.create("foreign", Origin=wrong, **self.bearer), 403, wrong)
        self.assertEqual(self.create("foreign", Origin=self.origin, Sec_Fetch_Site="cross-site", **self.bearer), 403)

    def test_a_host_that_is_not_listed_is_refused(self):
        status, _, body = self.ask("GET", "/v1/info", Host="rebound.example", **self.bearer)
        self.assertEqual(status, 403)
        self.assertIn(b"admin.hosts", body)

    def test_the_contract_comes_from_the_daemon(self):
        status, headers, body = self.ask("GET", "/v1/openapi.yaml", **self.bearer)
        self.assertEqual((status, headers["content-type"]), (200, "application/yaml"))
        self.assertEqual(body, (Path(__file__).resolve().parents[3] / "engine/control/openapi.yaml").read_bytes())

    def test_a_tap_comes_as_it_happens(self):
        session = self.world.session("tapped")
        with self.world.players(session, 1) as players:
            connection = self.connect()
            connection.request("GET", f"/relay/v1/sessions/{session}/tap?seconds=3600", headers=self.bearer)
            response = connection.getresponse()
            players.talk(payload=b"now")
            self.assertEqual(json.loads(response.readline())["opcode"], 7)  # and not when the proxy's buffer is full
            connection.close()


@unittest.skipUnless(find_chromium(), "no chromium")
class Page(Behind):
    def setUp(self):
        self.browser = Browser()
        self.addCleanup(self.browser.close)
        self.tab = self.browser.tab()
        self.tab.ask("Security.setIgnoreCertificateErrors", ignore=True)

    def test_the_console_works_below_a_path(self):
        self.tab.open(f"{self.origin}/relay/")
        self.tab.shows("Log in with a token")
        self.assertEqual(self.tab.run("location.pathname"), "/relay/console/")
        self.tab.fill("Token", OPERATOR)
        self.tab.press("Enter")
        self.tab.until("document.querySelector('h1')?.innerText === 'Overview'")
        self.tab.open(f"{self.origin}/relay/console/#/sessions")
        self.tab.until("document.querySelector('h1')?.innerText === 'Sessions'")
        self.tab.click_text("summary", "Create a session")
        self.tab.fill("Name", "by-proxy")
        self.tab.press("Enter")
        self.tab.until("document.querySelector('h1')?.innerText.includes('by-proxy') || document.body.innerText.includes('by-proxy')")
        self.assertEqual(self.tab.complaints, [])
        self.assertEqual([url for url in self.tab.requests if not url.startswith((f"{self.origin}/relay/", "about:", "blob:"))], [])


if __name__ == "__main__":
    if not os.access(NGINX, os.X_OK):
        print("no nginx")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
