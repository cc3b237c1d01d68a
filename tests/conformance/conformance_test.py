#!/usr/bin/python3
"""conformance.py itself, with drivers that have no client: each says ok to everything, and one that was told to leave says something nobody expects."""

import sys
import unittest

import conformance

DRIVER = """
import json, sys
def say(**said):
    print(json.dumps(said), flush=True)
say(driver="none", can=["reset"])
is_bad = False
for line in sys.stdin:
    command = json.loads(line)
    is_bad = is_bad or command["do"] == "leave"
    if is_bad and command["do"] == "reset":
        say(event="surprise")
    say(id=command["id"], result="ok")
    if command["do"] == "quit":
        break
"""
COMMAND = [sys.executable, "-c", DRIVER]


def scenario(*steps):
    return {"name": "a scenario", "steps": [{"client": client, "do": do} for client, do in steps]}


class Drivers(unittest.TestCase):
    def setUp(self):
        self.idle = {}
        self.addCleanup(lambda: [driver.kill() for driver in self.idle.values()])

    def play(self, *steps):
        return conformance.play(scenario(*steps), COMMAND, None, {"reset"}, self.idle)

    def test_drivers_wait_for_the_next_scenario(self):
        self.assertEqual(self.play(("alice", "join"), ("bob", "join")), "")
        waiting = dict(self.idle)
        self.assertEqual(self.play(("alice", "join"), ("bob", "join")), "")
        self.assertEqual(self.idle, waiting)

    def test_one_that_fails_at_its_reset_spoils_no_later_scenario(self):
        said = self.play(("alice", "join"), ("bob", "leave"))
        self.assertIn("events that nobody expected", said)
        self.assertEqual(self.idle, {}, "a driver that was ended does not wait for work")
        self.assertEqual(self.play(("alice", "join"), ("bob", "join")), "")


if __name__ == "__main__":
    unittest.main()
