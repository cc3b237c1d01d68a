#!/usr/bin/python3
"""The console in headless Chromium: every page as an operator, as a reader and with a wrong token, with mouse and keyboard; its headers, its size, what it asks of whom.

Exit status 77 where there is no Chromium."""

import json
import os
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import Browser, find_chromium  # noqa: E402
from world import OPERATOR, READER, World  # noqa: E402

SKIP = 77
TOP = Path(__file__).resolve().parents[3]
LOADED_BYTES_MAX = 300_000
POLICY = {"default-src": "'none'", "script-src": "'self'", "style-src": "'self'", "img-src": "'self'", "base-uri": "'none'", "form-action": "'none'",
          "frame-ancestors": "'none'", "require-trusted-types-for": "'script'", "trusted-types": "'none'"}


class ConsoleCase(unittest.TestCase):
    """One browser and one daemon for all; a tab for each test, whose complaints and requests are looked at in the end."""

    @classmethod
    def setUpClass(cls):
        cls.world, cls.browser = World(), Browser()

    @classmethod
    def tearDownClass(cls):
        cls.browser.close()
        cls.world.stop()

    def setUp(self):
        self.tab = self.browser.tab()

    def tearDown(self):
        self.assertEqual(self.tab.complaints, [])
        self.assertEqual([url for url in self.tab.requests if not url.startswith((self.world.origin, "about:", "blob:"))], [])
        self.assertEqual([url for url in self.tab.sockets if not url.startswith(f"ws://127.0.0.1:{self.world.tcp_port}/")], [])

    def log_in(self, token=OPERATOR, page="#/"):
        self.tab.open(f"{self.world.origin}/console/{page}")
        self.tab.shows("Log in with a token")
        self.tab.fill("Token", token)
        self.tab.press("Enter")

    def enter(self, page, heading, token=OPERATOR):
        self.log_in(token, page)
        self.tab.until(f"document.querySelector('h1')?.innerText === {json.dumps(heading)}")

    def has_button(self, text):
        return self.tab.run(f"[...document.querySelectorAll('button')].some((one) => one.innerText.trim() === {json.dumps(text)})")


class Served(ConsoleCase):
    def test_the_root_leads_to_the_console(self):
        self.tab.open(f"{self.world.origin}/")
        self.tab.shows("Log in with a token")
        self.assertEqual(self.tab.run("location.pathname"), "/console/")

    def test_headers_and_size(self):
        self.enter("#/", "Overview")
        total, names = 0, ("", "console.js", "console.css", "icon.svg")
        loaded = {url.partition("#")[0] for url in self.tab.requests if url.startswith(f"{self.world.origin}/console/")}
        self.assertLessEqual(loaded, {f"{self.world.origin}/console/{name}" for name in names})
        for name in names:
            status, headers, body = self.world.fetch(f"/console/{name}")
            total += len(body)
            policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
            self.assertEqual(policy.pop("connect-src"), "'self' ws://127.0.0.1:* wss://127.0.0.1:*")
            self.assertEqual((status, policy), (200, POLICY))
            self.assertEqual((headers["x-content-type-options"], headers["referrer-policy"], headers["x-frame-options"]), ("nosniff", "no-referrer", "DENY"))
        self.assertLess(total, LOADED_BYTES_MAX)

    def test_the_policy_names_the_host_that_the_browser_used(self):
        host = f"localhost:{self.world.admin_port}"
        self.assertIn("ws://localhost:*", self.world.fetch("/console/", {"Host": host})[1]["content-security-policy"])
        literal = self.world.fetch("/console/", {"Host": f"[::1]:{self.world.admin_port}"})[1]["content-security-policy"]
        self.assertNotIn("ws", literal)

    def test_foreign_hosts_and_pages_get_nothing(self):
        for headers in ({"Host": "evil.example"}, {"Origin": "http://evil.example"}):
            self.assertEqual(self.world.fetch("/console/", headers)[0], 403, headers)
            self.assertEqual(self.world.fetch("/console/console.js", headers)[0], 403, headers)

    def test_the_same_sources_give_what_is_served(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, str(TOP / "tools/console/bundle.py"), "--folder", folder], check=True)
            for name in os.listdir(folder):
                served = self.world.fetch(f"/console/{name}" if name != "index.html" else "/console/")[2]
                self.assertEqual(Path(folder, name).read_bytes(), served, name)

    def test_no_other_file(self):
        self.assertEqual(self.world.fetch("/console/passwd")[0], 404)


class Login(ConsoleCase):
    def test_a_wrong_token(self):
        self.log_in("x" * 20)
        self.tab.shows("the token in the header Authorization is none of those in admin.tokens")
        self.assertFalse(self.tab.run("sessionStorage.getItem('ringcast-token')"))

    def test_the_token_is_in_this_tab_only_and_goes_at_the_end(self):
        self.enter("#/", "Overview")
        self.tab.shows("boss (operator)")
        self.assertEqual(self.tab.run("[localStorage.length, document.cookie, sessionStorage.length]"), [0, "", 1])
        self.assertNotIn(OPERATOR, self.tab.run("location.href") + self.tab.run("document.documentElement.outerHTML"))
        self.tab.click_text("button", "Log out")
        self.tab.shows("Log in with a token")
        self.assertEqual(self.tab.run("sessionStorage.length"), 0)

    def test_a_reader_is_offered_nothing_that_would_be_refused(self):
        self.world.session("seen by a reader")
        self.enter("#/sessions", "Sessions", READER)
        self.tab.shows("seen by a reader")
        self.tab.shows("watcher (reader)")
        self.assertFalse(self.has_button("End") or self.has_button("Create"))

    def test_by_keyboard_alone(self):
        self.enter("#/", "Overview")
        self.tab.run("document.activeElement.blur()")
        self.tab.press("Tab")
        self.assertEqual(self.tab.run("document.activeElement.innerText"), "Skip to the page")
        for _ in range(10):
            if self.tab.run("document.activeElement.innerText") == "Sessions":
                break
            self.tab.press("Tab")
        self.tab.press("Enter")
        self.tab.until("document.querySelector('h1').innerText === 'Sessions'")
        self.assertEqual(self.tab.run("document.activeElement.tagName"), "H1")


class Switch(unittest.TestCase):
    def test_the_console_can_be_switched_off(self):
        world = World("--set", "admin.console=false")
        try:
            self.assertEqual([world.fetch(path)[0] for path in ("/", "/console", "/console/", "/console/console.js")], [404] * 4)
            self.assertIn(b"admin.console is false", world.fetch("/console/")[2])
        finally:
            world.stop()


class Overview(ConsoleCase):
    def test_charts_and_numbers(self):
        session = self.world.session("busy")
        with self.world.players(session, 2) as players:
            self.enter("#/", "Overview")
            self.tab.shows("takes players")
            self.tab.until("document.querySelectorAll('polyline').length >= 6", "the charts have lines")
            for _ in range(40):
                players.talk()
            self.tab.until("/reliable: [1-9]/.test(document.querySelector('.chart').innerText)", "deliveries are counted")
            self.tab.until("/players: 2/.test(document.body.innerText)")
        self.assertEqual(self.tab.run("document.querySelectorAll('.chart').length"), 4)


class Sessions(ConsoleCase):
    def test_create_search_end(self):
        self.world.session("another")
        self.enter("#/sessions", "Sessions")
        self.tab.click_text("summary", "Create a session")
        self.tab.fill("Name", "arena <b>1</b>")
        self.tab.fill("Players at most", "5")
        self.tab.fill("Properties (text or JSON)", '{"map": 1}')
        self.tab.click_text("button", "Create")
        created = self.tab.until("location.hash.startsWith('#/sessions/') && location.hash.slice(11)")
        self.assertEqual(self.world.ask("GET", f"/v1/sessions/{created}")["players_max"], 5)
        self.tab.open(f"{self.world.origin}/console/#/sessions")
        self.tab.shows("arena <b>1</b>")
        self.tab.fill("Search by name, id or script", "arena")
        self.tab.until("!document.body.innerText.includes('another')")
        self.tab.click_text("button", "End")
        self.tab.shows("End this session?")
        self.tab.press("Escape")
        self.assertEqual(self.world.ask("GET", f"/v1/sessions/{created}")["state"], "active")
        self.tab.click_text("button", "End")
        self.tab.click_text("button", "End it")
        self.tab.shows("The session ends.")
        self.tab.until("!document.querySelector('table')?.innerText.includes('arena')")


if __name__ == "__main__":
    if find_chromium() is None:
        print("skipped: there is no Chromium (Debian: chromium)")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
