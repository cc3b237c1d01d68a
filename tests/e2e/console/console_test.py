#!/usr/bin/python3
"""The console in headless Chromium: every page as an operator, as a reader and with a wrong token, with mouse and keyboard; its headers, its size, what it asks of whom.

Exit status 77 where there is no Chromium."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
from browser import Browser, find_chromium  # noqa: E402
from world import OPERATOR, READER, World, zip_of  # noqa: E402

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

    def test_an_address_that_is_none_leads_to_the_overview_and_the_menu_says_so(self):
        self.enter("#/sessions/%", "Overview")
        self.assertEqual(self.tab.run("[...document.querySelectorAll('nav a[aria-current=page]')].map((one) => one.innerText)"), ["Overview"])
        self.tab.click_text("nav a", "Sessions")
        self.tab.until("document.querySelector('h1').innerText === 'Sessions'")
        self.assertEqual(self.tab.run("[...document.querySelectorAll('nav a[aria-current]')].map((one) => `${one.innerText} ${one.getAttribute('aria-current')}`)"), ["Sessions page"])

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
        self.tab.until("document.querySelector('h1').innerText === 'arena <b>1</b>'")
        self.tab.shows("The session was created.")
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


class OneSession(ConsoleCase):
    def open_session(self, name, token=OPERATOR, **options):
        session = self.world.session(name, **options)
        self.enter(f"#/sessions/{session}", name, token)
        return session

    def test_players_are_seen_and_kicked_with_a_reason(self):
        session = self.open_session("with players")
        with self.world.players(session, 2) as players:
            self.tab.shows("player 2")
            self.tab.click("[...document.querySelectorAll('button')].find((one) => one.getAttribute('aria-label') === 'Kick player 2')")
            self.tab.fill("Reason, told to the player", "cheating")
            self.tab.click("document.querySelector('dialog button.danger')")
            self.tab.shows("player 2 is on the way out.")
            self.assertIn(b"cheating", players.players[1].receive_to_end())
            self.tab.until("!document.querySelector('table').innerText.includes('player 2')")

    def test_a_player_of_its_own_page(self):
        session = self.open_session("one player")
        with self.world.players(session, 1) as players:
            self.tab.click_text("td a", "1")
            self.tab.until("document.querySelector('h1').innerText === 'player 1'")
            self.tab.shows("WebSocket")
            self.tab.click_text("button", "Kick this player")
            self.tab.click_text("button", "Kick")
            self.assertIn(b"kicked by the operator", players.players[0].receive_to_end())
            self.tab.shows("This player has left.")

    def test_a_place_is_reserved_and_its_token_shown(self):
        session = self.open_session("reserving")
        self.tab.click_text("summary", "Reserve a place")
        self.tab.fill("Player id", "carol")
        self.tab.click_text("button", "Reserve")
        self.tab.shows("Token, shown this once: psess-")
        self.tab.shows("reserved")
        self.assertEqual([player["player_id"] for player in self.world.ask("GET", f"/v1/sessions/{session}/players")["players"]], ["carol"])
        self.tab.click_text("td button", "Cancel")
        self.tab.click_text("button", "Cancel it")
        self.tab.shows("The reservation is cancelled.")
        self.tab.shows("Nobody is here.")

    def test_a_reservation_is_never_taken_for_another_one(self):
        session = self.open_session("two reserved")
        for body in ({"player_id": "first"}, {"player_id": "second"}, {}):
            self.world.ask("POST", f"/v1/sessions/{session}/players", body)
        self.tab.until("document.querySelectorAll('tbody tr').length === 3")
        self.assertEqual(self.tab.run("document.querySelectorAll('tbody a[href]').length"), 0, "none of them has a page")
        visible = "[...document.querySelectorAll('tbody button')].filter((one) => one.getClientRects().length).map((one) => one.getAttribute('aria-label')).sort()"
        self.assertEqual(self.tab.run(visible), ["Cancel first", "Cancel second"], "the third has no name to be cancelled by")
        self.tab.open(f"{self.world.origin}/console/#/sessions/{session}/players/0")
        self.tab.shows("A reservation is no player yet.")
        self.tab.click_text("button", "Kick this player")
        self.tab.click_text("a", "Back to the session")
        self.tab.click("[...document.querySelectorAll('button')].find((one) => one.getAttribute('aria-label') === 'Cancel second')")
        self.tab.click_text("button", "Cancel it")
        self.tab.until("document.querySelectorAll('tbody tr').length === 2")
        self.assertEqual(sorted(player["player_id"] for player in self.world.ask("GET", f"/v1/sessions/{session}/players")["players"]), ["", "first"])

    def test_the_focus_stays_while_rows_are_refreshed(self):
        session = self.open_session("focused")
        for name in ("first", "second"):
            self.world.ask("POST", f"/v1/sessions/{session}/players", {"player_id": name})
        self.tab.until("document.querySelectorAll('tbody button').length === 2")
        self.tab.run("{ window.asked = 0; const fetched = window.fetch; window.fetch = (path, ...more) => { window.asked += String(path).endsWith('/players'); return fetched(path, ...more); }; }")
        self.tab.run("window.focused = [...document.querySelectorAll('tbody button')].find((one) => one.getAttribute('aria-label') === 'Cancel second'), window.focused.focus()")
        self.tab.until("window.asked >= 4", "the page was refreshed")
        self.assertTrue(self.tab.run("document.activeElement === window.focused && window.focused.isConnected"))

    def test_a_capture_is_stopped_and_what_came_is_saved(self):
        session = self.open_session("captured")
        with self.world.players(session, 2) as players:
            self.tab.run("{ window.saved = []; const made = URL.createObjectURL; URL.createObjectURL = (blob) => { window.saved.push(blob); return made.call(URL, blob); }; }")
            self.tab.fill("Seconds", "600")
            self.tab.click_text("button", "Save as pcapng")
            self.tab.run("new Promise((resolve) => setTimeout(resolve, 300))")
            players.talk(7, b"hello")
            self.tab.run("new Promise((resolve) => setTimeout(resolve, 700))")
            self.tab.click_text("button", "Stop and save")
            self.tab.shows("The file was saved.")
            self.assertTrue(self.has_button("Save as pcapng"))
            data = bytes(self.tab.run("window.saved[0].arrayBuffer().then((bytes) => [...new Uint8Array(bytes)])"))
        at, kinds = 0, []
        while at < len(data):
            kind, size = struct.unpack_from("<II", data, at)
            kinds.append(kind)
            at += size
        self.assertEqual((at, kinds[:2]), (len(data), [0x0A0D0D0A, 1]), "whole blocks: a section, an interface, packets")

    def test_the_script_is_told_and_says_something(self):
        self.world.ask("POST", "/v1/scripts/heard", data=zip_of("one"))
        session = self.open_session("scripted", script="heard", properties='{"map": "<i>hills</i>"}')
        self.tab.shows("init of one")
        self.tab.shows('{"map": "<i>hills</i>"}')
        self.tab.click_text("summary", "Send a message")
        self.tab.fill("Payload", "<b>wave</b> 3")
        self.tab.click_text("button", "Send")
        self.tab.shows("service says <b>wave</b> 3")
        self.world.ask("DELETE", f"/v1/sessions/{session}")
        self.tab.shows("This session has ended.")

    def test_groups_and_their_members(self):
        session = self.open_session("grouped")
        with self.world.players(session, 2) as players:
            players.join(0, 4)
            players.join(1, 4)
            self.tab.until("[...document.querySelectorAll('tbody tr')].some((row) => [...row.cells].map((cell) => cell.innerText).join() === '4,2,1, 2')", "group 4 has players 1 and 2")

    def test_messages_are_tapped_with_op_codes_by_name(self):
        session = self.open_session("tapped")
        with self.world.players(session, 2) as players:
            self.tab.fill("Seconds", "600")
            self.tab.click_text("button", "Start the tap")
            self.tab.shows("Running: 0 messages")
            self.tab.run("new Promise((resolve) => setTimeout(resolve, 300))")
            players.talk(7, b"<b>hi</b>")
            players.talk(8, b"\x00\xff")
            rows = "[...document.querySelectorAll('section[aria-label=\"Message tap\"] tbody tr')].map((row) => [...row.cells].slice(1).map((cell) => cell.innerText).join('|'))"
            self.tab.until(f"{rows}.length === 2", "two messages were tapped")
            self.assertEqual(self.tab.run(rows), ["player 1|everyone|8|reliable|allow|2 B|00 ff", "player 1|everyone|7|reliable|allow|9 B|<b>hi</b>"])
            self.tab.fill("Only op code", "7")
            self.tab.until(f"{rows}.length === 1")
            self.tab.click_text("button", "Stop the tap")
            self.tab.shows("Not running")
            self.assertTrue(any("/tap" in entry["object"] for entry in self.world.ask("GET", "/v1/audit")["entries"]))

    def test_op_codes_of_the_protocol_have_names(self):
        self.enter("#/", "Overview")
        self.assertIn('[-10, "join group"]', self.world.fetch("/console/console.js")[2].decode())

    def test_a_reader_looks_on(self):
        session = self.open_session("read only", READER)
        with self.world.players(session, 1):
            self.tab.shows("player 1")
            for text in ("Kick", "End this session", "Reserve", "Send", "Start the tap"):
                self.assertFalse(self.has_button(text), text)


class Scripts(ConsoleCase):
    def test_push_compare_roll_back_remove(self):
        self.enter("#/scripts", "Scripts")
        self.tab.drop_file("document.querySelector('.drop')", "Arena 2.zip", zip_of("first"))
        self.tab.shows("Arena 2.zip")
        self.tab.click_text("button", "Push")
        self.tab.click_text("td a", "arena-2")
        self.tab.until("document.querySelector('h1').innerText === 'arena-2'")
        with tempfile.NamedTemporaryFile(suffix=".zip") as file:
            file.write(zip_of("second"))
            file.flush()
            self.tab.give_file("document.querySelector('input[type=file]')", file.name)
            self.tab.click_text("button", "Push")
            self.tab.until("document.querySelectorAll('tbody tr').length === 2")
        first, second = (self.world.ask("GET", "/v1/scripts/arena-2")["versions"][at]["version"] for at in (1, 0))
        self.tab.click_text("button", "Compare")
        self.tab.shows(f"{first} to {second}: 3 of 3 files differ.")
        self.assertEqual(self.tab.run("[...document.querySelectorAll('summary')].map((one) => one.innerText)"),
                         ["first.txt: gone", "main.lua: 2 lines added, 2 taken away", "second.txt: new"])
        self.assertIn('-   init = function(s) session = s; s.getLogger().info("init of first") end,', self.tab.run("document.querySelectorAll('.diff')[1].innerText"))
        self.assertTrue(self.tab.run("[...document.querySelectorAll('.diff > *')].every((line) => !line.previousSibling || line.offsetTop > line.previousSibling.offsetTop)"),
                        "each line stands below the one before it")
        self.tab.click(f"[...document.querySelectorAll('button')].find((one) => one.getAttribute('aria-label') === 'Make current: {first}')")
        self.tab.shows(f"{first} is the current version")
        self.assertTrue(self.world.ask("GET", "/v1/scripts/arena-2")["versions"][1]["is_current"])
        self.tab.click_text("button", "Remove this script")
        self.tab.click_text("button", "Remove")
        self.tab.until("location.hash === '#/scripts'")

    def test_a_script_with_an_error_is_told(self):
        self.enter("#/scripts", "Scripts")
        self.tab.drop_file("document.querySelector('.drop')", "broken.zip", b"this is no zip")
        self.tab.click_text("button", "Push")
        self.tab.until("document.querySelector('.notice.failed')?.innerText.includes('zip')")

    def test_a_reader_changes_nothing_and_reads_no_sources(self):
        for version in ("a", "b"):
            self.world.ask("POST", "/v1/scripts/looked-at", data=zip_of(version))
        self.enter("#/scripts/looked-at", "looked-at", READER)
        self.tab.until("document.querySelectorAll('tbody tr').length === 2")
        for text in ("Compare", "Make current", "Push", "Remove this script"):
            self.assertFalse(self.has_button(text), text)


class Daemon(ConsoleCase):
    def test_drain_and_back(self):
        self.enter("#/", "Overview")
        self.tab.click_text("button", "Drain")
        self.tab.click("document.querySelector('dialog button.danger')")
        self.tab.shows("draining")
        self.tab.click_text("button", "Take players again")
        self.tab.shows("takes players")
        self.tab.click_text("button", "Reload the configuration")
        self.tab.shows("Changed: nothing.")

    def test_the_configuration_says_where_values_come_from(self):
        self.enter("#/config", "Configuration")
        self.tab.fill("Search by key", "admin.tokens")
        self.tab.until("document.querySelectorAll('tbody tr').length === 1")
        self.assertIn("flag", self.tab.run("document.querySelector('tbody tr').innerText"))
        self.tab.fill("Search by key", "")
        self.tab.choose("Comes from", "flag")
        self.tab.until("document.querySelectorAll('tbody tr').length > 1 && [...document.querySelectorAll('tbody tr')].every((row) => row.cells[2].innerText === 'flag')")
        self.assertNotIn(OPERATOR, self.tab.text())

    def test_disconnects_by_reason(self):
        session = self.world.session("leaving")
        with self.world.players(session, 1) as players:
            self.world.ask("DELETE", f"/v1/sessions/{session}/players/1")
            players.players[0].receive_to_end()
        self.enter("#/disconnects", "Disconnects")
        self.tab.until("[...document.querySelectorAll('tbody tr')].some((row) => /^kicked\\s+[1-9]/.test(row.innerText))", "a kick is counted")
        self.tab.until(f"[...document.querySelectorAll('tbody tr')].some((row) => /kicked, asked for.*3503.*player 1.*{session}/s.test(row.innerText))", "and it is told who it was")

    def test_what_the_console_does_is_in_the_audit_trail(self):
        self.enter("#/sessions", "Sessions")
        self.tab.click_text("summary", "Create a session")
        self.tab.fill("Name", "trailed")
        self.tab.click_text("button", "Create")
        created = self.tab.until("location.hash.startsWith('#/sessions/') && location.hash.slice(11)")
        self.tab.click_text("nav a", "Audit trail")
        self.tab.until(f"[...document.querySelectorAll('tbody tr')].some((row) => /boss .operator.*POST .v1.sessions.*{created}.*201/s.test(row.innerText))", "the creation is in the trail")


class Service(ConsoleCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.world.waiting_service()

    def test_fleets(self):
        self.enter("#/fleets", "Fleets", READER)
        self.tab.until("[...document.querySelectorAll('tbody tr')].some((row) => /eu-fleet.*no game server of it runs/s.test(row.innerText))")

    def test_queues(self):
        self.enter("#/queues", "Queues", READER)
        self.tab.until("[...document.querySelectorAll('tbody tr')].some((row) => /casual.*1 placements wait/s.test(row.innerText))")

    def test_tickets_are_explained(self):
        self.enter("#/tickets", "Matchmaking tickets", READER)
        self.tab.shows("ticket-of-anna")
        self.tab.click_text("button", "Explain")
        self.tab.until("document.activeElement.innerText === 'Ticket ticket-of-anna'")
        self.tab.shows("Others waiting")

    def test_events_and_dead_letters(self):
        self.enter("#/events", "Events")
        self.tab.shows("FLEET_CREATED")
        self.tab.click_text("button", "Send the dead letters again")
        self.tab.until("document.querySelector('.notice').innerText !== ''")

    def test_a_daemon_without_a_service_says_so(self):
        world = World("--service", "off")
        try:
            self.tab.open(f"{world.origin}/console/#/fleets")
            self.tab.fill("Token", READER)
            self.tab.press("Enter")
            self.tab.shows("The service is off")
            self.tab.open("about:blank")
            self.tab.requests.clear()
        finally:
            world.stop()


class Playground(ConsoleCase):
    def player(self, number):
        return f"document.querySelectorAll('.player')[{number - 1}]"

    def heard(self, number, text):
        self.tab.until(f"{self.player(number)}?.querySelector('.heard').innerText.includes({json.dumps(text)})", f"player {number} heard {text!r}")

    def send(self, number, button="Send"):
        self.tab.click(f"[...{self.player(number)}.querySelectorAll('button')].find((one) => one.innerText === {json.dumps(button)})")

    def test_three_players_speak(self):
        self.world.ask("POST", "/v1/scripts/echo", data=zip_of("echo"))
        self.enter("#/playground", "Playground")
        self.tab.fill("Or a new one, by name", "a game")
        self.tab.choose("Script of the new one", "echo")
        self.tab.click_text("button", "Create and play")
        self.heard(2, "connected as peer 2")
        self.tab.click_text("button", "Add a player")
        self.heard(3, "connected as peer 3")
        one = self.player(1)
        self.tab.fill("Op code", "7", one)
        self.tab.fill("Payload", "to <b>all</b>", one)
        self.send(1)
        for number in (2, 3):
            self.heard(number, "op 7 from player 1 by everyone: to <b>all</b>")
        self.tab.choose("To", "player", one)
        self.tab.fill("Its number", "3", one)
        self.tab.choose("As", "hex", one)
        self.tab.fill("Payload", "00 ff", one)
        self.send(1)
        self.heard(3, "op 7 from player 1: 00 ff")
        self.assertNotIn("00 ff", self.tab.run(f"{self.player(2)}.innerText"))
        for number in (2, 3):
            self.tab.fill("Group", "5", self.player(number))
            self.send(number, "Join")
        self.send(2, "Who is in it?")
        self.heard(2, "group 5: 2, 3")
        self.tab.choose("To", "group", self.player(2))
        self.tab.fill("Its number", "5", self.player(2))
        self.send(2)
        self.heard(3, "op 1 from player 2 by group 5: hello")
        self.tab.choose("To", "server", self.player(3))
        self.send(3)
        self.heard(3, "op 20 from server: echo hello")
        self.tab.fill("Payload", "zz", one)
        self.send(1)
        self.heard(1, "The payload is no hexadecimal")
        self.send(3, "Disconnect")
        self.heard(3, "the end: ")

    def test_players_of_two_tabs_meet_in_one_session(self):
        session = self.world.session("shared")
        other = self.browser.tab()
        self.enter(f"#/playground/{session}", "Playground")
        self.heard(2, "connected as peer 2")
        first, self.tab = self.tab, other
        self.enter(f"#/playground/{session}", "Playground")
        self.heard(2, "connected as peer 4")
        self.send(1)
        self.tab = first
        self.heard(1, "op 1 from player 3 by everyone: hello")
        self.tab.click_text("nav a", "Overview")
        self.tab.shows("takes players")
        self.assertEqual(other.complaints, [])
        self.assertEqual(len(other.sockets), 2)
        until_left = f"{{ players = await (await fetch('/v1/sessions/{session}/players', {{ headers: {{ Authorization: 'Bearer {OPERATOR}' }} }})).json() }}"
        self.tab.until(f"(async () => {{ let players; {until_left} return players.players.filter((one) => one.state === 'active').length === 2; }})()", "those of the page that was left have gone")

    def test_a_reader_is_told_why_not(self):
        self.enter("#/playground", "Playground", READER)
        self.tab.shows("A reader may look on only")


if __name__ == "__main__":
    if find_chromium() is None:
        print("skipped: there is no Chromium (Debian: chromium)")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
