"""A walk through all pages of a console that has something to show on each: for axe, and for the pictures in the documents."""

import json

from world import OPERATOR, World, zip_of

PAGES = (("sessions", "#/sessions", "document.querySelectorAll('tbody tr').length > 1"),
         ("disconnects", "#/disconnects", "document.querySelector('tbody tr')"),
         ("scripts", "#/scripts", "document.querySelector('tbody tr')"),
         ("fleets", "#/fleets", "document.querySelector('tbody tr')"),
         ("queues", "#/queues", "document.querySelector('tbody tr')"),
         ("events", "#/events", "document.querySelector('tbody tr')"),
         ("configuration", "#/config", "document.querySelectorAll('tbody tr').length > 100"),
         ("audit", "#/audit", "document.querySelector('tbody tr')"))


class Tour:
    def __init__(self, browser):
        self.world, self.tab = World(), browser.tab()
        for version in ("one", "two"):
            self.world.ask("POST", "/v1/scripts/arena", data=zip_of(version))
        self.world.waiting_service()
        self.lobby = self.world.session("lobby")
        self.session = self.world.session("arena 7", script="arena", players_max=8, properties='{"map": "hills"}')

    def close(self):
        self.world.stop()

    def go(self, page, ready):
        self.tab.run(f"location.hash = {json.dumps(page)}")
        self.tab.until(f"location.hash === {json.dumps(page)} && !!({ready})", f"{page} shows what it has")

    def stops(self):
        """The names of the pages, each while it is shown."""
        self.tab.open(f"{self.world.origin}/console/")
        self.tab.shows("Log in with a token")
        yield "login"
        self.tab.fill("Token", OPERATOR)
        self.tab.press("Enter")
        with self.world.players(self.session, 3) as players:
            self.world.ask("DELETE", f"/v1/sessions/{self.session}/players/3?reason=too+slow")
            players.players[2].receive_to_end()
            yield from self.stops_in_play(players)

    def stops_in_play(self, players):
        self.tab.until("document.querySelectorAll('.chart').length === 4")
        for _ in range(60):
            for _ in range(10):
                players.talk()
            self.tab.run("new Promise((resolve) => setTimeout(resolve, 200))")
        self.tab.until("/reliable: [1-9]/.test(document.querySelector('.chart').innerText)")
        yield "overview"
        for name, page, ready in PAGES:
            self.go(page, ready)
            yield name
        self.go("#/scripts/arena", "document.querySelectorAll('tbody tr').length === 2")
        self.tab.click_text("button", "Compare")
        self.tab.shows("files differ")
        yield "script"
        self.go("#/tickets", "document.querySelector('tbody tr')")
        self.tab.click_text("button", "Explain")
        self.tab.shows("Others waiting")
        yield "tickets"
        self.go(f"#/sessions/{self.session}", "document.querySelector('h1').innerText === 'arena 7'")
        self.tab.shows("init of two")
        self.tab.click_text("button", "Start the tap")
        self.tab.shows("Running: 0 messages")
        for opcode in range(7, 12):
            players.talk(opcode, b"x=12 y=34")
        self.tab.shows("x=12 y=34")
        self.tab.run("scrollTo(0, 0)")
        yield "session"
        self.tab.run("document.querySelector('section[aria-label=\"Message tap\"]').scrollIntoView()")
        yield "tap"
        self.go(f"#/sessions/{self.session}/players/1", "document.querySelector('h1').innerText === 'player 1'")
        yield "player"
        self.tab.click_text("button", "Kick this player")
        self.tab.shows("Kick this player?")
        yield "dialog"
        self.tab.press("Escape")
        yield from self.playground()

    def playground(self):
        self.go(f"#/playground/{self.lobby}", "document.querySelectorAll('.player').length === 2 && /connected as peer 2/.test(document.body.innerText)")
        self.tab.click_text("button", "Add a player")
        self.tab.until("/connected as peer 3/.test(document.body.innerText)")
        self.tab.click("document.querySelector('.player form button')")
        self.tab.until("document.querySelectorAll('.player')[2].innerText.includes('by everyone: hello')")
        self.tab.click("document.querySelector('h1')")
        yield "playground"
