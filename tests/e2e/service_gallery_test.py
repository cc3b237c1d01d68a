#!/usr/bin/python3
"""Each rule set of the gallery, from StartMatchmaking by botocore to players on the C client who hear from the server in one session.

A case is a crowd of tickets, of whom some belong together and others would break a rule, and what is to hold for those who met, written down here a second
time and without the rule language. Whoever adds a rule set to the gallery adds a case.
"""

import json
import os
import pathlib
import subprocess
import unittest

from service_match_test import GALLERY, QueueCase

SECONDS = 60  # only to end a test that has failed
KINDS = {str: "S", int: "N", list: "SL", dict: "SDM"}


def person(name, latency=None, **attributes):
    made = {"PlayerId": name, "PlayerAttributes": {key: {KINDS[type(value)]: value} for key, value in attributes.items()}}
    return made if latency is None else {**made, "LatencyInMs": {"local": latency}}


def value(player, attribute, default=None):
    return next(iter(player["PlayerAttributes"].get(attribute, {None: default}).values()))


def values(players, attribute, default=None):
    return [value(player, attribute, default) for player in players]


def mean(numbers):
    return sum(numbers) / len(numbers)


def duel():
    meet = [[person("ann", rating=1000)], [person("bob", rating=1030)]]
    return meet, [[person("far", rating=4000)]]


def is_duel(teams):
    (one,), (two,) = teams.values()
    return abs(value(one, "rating") - value(two, "rating")) <= 50


def five_on_five():
    parties = [[0, 1, 2], [3, 4], [5], [6], [7], [8], [9]]
    meet = [[person(f"p{i}", 40, skill=46 + i, mode="ranked") for i in party] for party in parties]
    return meet, [[person("casual", 40, skill=50, mode="casual")], [person("strong", 40, skill=500, mode="ranked")], [person("slow", 900, skill=50, mode="ranked")]]


def is_five_on_five(teams):
    everybody = [player for team in teams.values() for player in team]
    skills, averages = values(everybody, "skill"), [mean(values(team, "skill")) for team in teams.values()]
    return ([len(team) for team in teams.values()] == [5, 5] and len(set(values(everybody, "mode"))) == 1 and all(abs(skill - mean(skills)) <= 15 for skill in skills)
            and all(abs(average - mean(skills)) <= 3 for average in averages) and all(player["LatencyInMs"]["local"] <= 60 for player in everybody))


def hunt():
    meet = [[person("beast", role="beast", skill=30)], [person("h1", skill=20)], [person("h2", skill=25), person("h3", skill=5)], [person("h4", skill=30)]]
    return meet, [[person("weak", role="beast", skill=1)]]


def is_hunt(teams):
    hunters, (beast,) = teams["hunters"], teams["beast"]
    return (len(hunters) == 4 and set(values(hunters, "role", "hunter")) == {"hunter"} and value(beast, "role") == "beast"
            and value(beast, "skill") >= max(values(hunters, "skill")))


def maps():
    meet = [[person("a", maps=["harbour", "dunes"], liking={"dunes": 90, "harbour": 10}, **{"class": ["medic"]})]]
    meet += [[person(f"d{i}", maps=["dunes", f"own{i}"], modes=["ctf"], liking={"dunes": 50 + i})] for i in range(3)]
    meet += [[person("m", maps=["dunes"], **{"class": ["medic"]}), person("n", maps=["dunes"])]]
    return meet, [[person("ice", maps=["ice"])], [person("race", maps=["dunes"], modes=["race"])]]


def is_maps(teams):
    everybody = [player for team in teams.values() for player in team]
    shared = set.intersection(*(set(names) for names in values(everybody, "maps", ["harbour"])))
    modes = set.intersection(*(set(names) for names in values(everybody, "modes", ["ctf", "coop"])))
    return [len(team) for team in teams.values()] == [3, 3] and bool(shared and modes) and values(everybody, "class", ["soldier"]).count(["medic"]) <= 2


def rivals():
    meet = [[person("a", character=["knight"], wanted=["knight", "mage", "rogue"])], [person("b", character=["mage"], wanted=["knight", "mage", "rogue"])],
            [person("c", character=["rogue"], wanted=["knight", "mage", "rogue"])]]
    return meet, [[person("shy", character=["orc"], wanted=["orc"])]]


def is_rivals(teams):
    wanted = set.intersection(*(set(names) for names in values(teams["arena"], "wanted")))
    return 3 <= len(teams["arena"]) <= 5 and all(wanted & set(names) for names in values(teams["arena"], "character"))


def newcomers():
    meet = [[person("fresh", games=1)], [person("old", games=500)], [person("helper", games=900, helps=1)]]
    return meet, []


def is_newcomers(teams):
    games = values(teams["party"], "games", 0)
    return all(count < 10 for count in games) or all(count >= 10 for count in games) or max(values(teams["party"], "helps", 0)) >= 1


def last_one_standing():
    return [[person(f"p{i}", 100, skill=i % 50)] for i in range(150)], [[person("remote", 900, skill=25)]]


def is_last_one_standing(teams):
    return 150 <= len(teams["field"]) <= 200 and all(player["LatencyInMs"]["local"] <= 150 for player in teams["field"])


# By the name of the file: who comes (outsiders first, so that they could be taken), and what holds for a match.
CASES = {"duel": (duel, is_duel), "five-on-five": (five_on_five, is_five_on_five), "hunt": (hunt, is_hunt), "maps": (maps, is_maps), "rivals": (rivals, is_rivals),
         "newcomers": (newcomers, is_newcomers), "last-one-standing": (last_one_standing, is_last_one_standing)}


class GalleryTest(QueueCase):
    def test_every_rule_set_has_a_case(self):
        self.start()
        self.assertEqual({path.stem for path in pathlib.Path(GALLERY).glob("*.json")}, set(CASES))

    def play(self, tickets):
        """Everybody's place, taken on the C client: a login, and a message to itself and back on the fast path."""
        places = [place for ticket in tickets for place in ticket["GameSessionConnectionInfo"]["MatchedPlayerSessions"]]
        command = [os.environ["E2E_CROWD"], "127.0.0.1", str(self.daemon.tcp_port), "-", "-", str(SECONDS)]
        said = subprocess.run(command, input="".join(f"{place['PlayerSessionId']} 0\n" for place in places), capture_output=True, text=True, timeout=2 * SECONDS)
        self.assertEqual(said.returncode, 0, said.stderr)
        self.assertIn(f"done {len(places)} of {len(places)}", said.stdout)

    def teams(self, tickets, people):
        """The teams as the tickets tell them, which is what the session was told."""
        teams = {}
        for ticket in tickets:
            for player in ticket["Players"]:
                teams.setdefault(player["Team"], []).append(people[player["PlayerId"]])
        told = json.loads(self.session(tickets[0])["MatchmakerData"])["teams"]
        self.assertEqual({team["name"]: {player["playerId"] for player in team["players"]} for team in told},
                         {name: {player["PlayerId"] for player in team} for name, team in teams.items()})
        return teams

    async def run_case(self, name):
        self.start(limits__connections_per_address_max=400, limits__handshakes_per_second_per_address=1000)
        self.rules(name)
        self.configure(name, **self.queue())
        crowd, holds = CASES[name]
        meet, outsiders = crowd()
        waiting = [self.begin(name, *players) for players in outsiders]
        tickets = [await self.becomes(ticket, "COMPLETED") for ticket in [self.begin(name, *players) for players in meet]]
        self.assertEqual(len({ticket["GameSessionConnectionInfo"]["GameSessionArn"] for ticket in tickets}), 1)
        teams = self.teams(tickets, {player["PlayerId"]: player for players in meet for player in players})
        self.assertTrue(holds(teams), teams)
        self.assertEqual([self.status(ticket) for ticket in waiting], ["SEARCHING"] * len(waiting))
        self.assertEqual(self.session(tickets[0])["CurrentPlayerSessionCount"], sum(len(players) for players in meet))
        self.play(tickets)

    async def test_duel(self):
        await self.run_case("duel")

    async def test_five_on_five(self):
        await self.run_case("five-on-five")

    async def test_hunt(self):
        await self.run_case("hunt")

    async def test_maps(self):
        await self.run_case("maps")

    async def test_rivals(self):
        await self.run_case("rivals")

    async def test_newcomers(self):
        await self.run_case("newcomers")

    async def test_last_one_standing(self):
        await self.run_case("last-one-standing")


if __name__ == "__main__":
    unittest.main()
