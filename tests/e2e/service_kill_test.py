#!/usr/bin/python3
"""kill -9 at random moments while backends write: nothing that was answered as accepted is lost, and no session is doubled.

  service_kill_test.py [--kills N] [--seed N]     N: how often, 30 unless said

Every writer has records of its own, so that it knows what each must be: the version that was answered last, or, where the answer never came, the one
that was asked for. What the machine's death does to the file, beyond the process's, the simulation shows (ringcast-service-sim)."""

import argparse
import http.client
import json
import os
import random
import re
import sys
import tempfile
import threading
import time

from daemon import Daemon

WRITERS = 4
RECORDS = 8
KILL_SECONDS_MAX = 0.12


def service_port(daemon):
    return int(re.search(rb'"service":"127.0.0.1:(\d+)"', daemon.log_text())[1])


class Gone(Exception):
    """The daemon was killed before it answered."""


class Caller:
    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def call(self, operation, **arguments):
        """Status and answer; Gone when there was none."""
        headers = {"X-Amz-Target": f"GameLift.{operation}", "Content-Type": "application/x-amz-json-1.1"}
        try:
            self.connection.request("POST", "/", json.dumps(arguments), headers)
            response = self.connection.getresponse()
            return response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            raise Gone from None

    def all(self, operation, name, **arguments):
        found, token = [], None
        while True:
            status, page = self.call(operation, **arguments, **({"NextToken": token} if token else {}))
            assert status == 200, page
            found += page[name]
            token = page.get("NextToken")
            if token is None:
                return found


class Record:
    """An alias. Version 0: it is not there. maybe: what was asked for and not answered."""

    def __init__(self, name):
        self.name, self.id, self.version, self.maybe, self.next = name, None, 0, None, 1

    def write(self, caller, chance):
        version, self.next = (0 if self.version and chance.random() < 0.3 else self.next), self.next + 1
        self.maybe = version
        name = f"{self.name}-{version}"
        if self.version == 0:
            status, answer = caller.call("CreateAlias", Name=name, RoutingStrategy={"Type": "TERMINAL", "Message": "m"}, Tags=[{"Key": "k", "Value": name}])
        elif version == 0:
            status, answer = caller.call("DeleteAlias", AliasId=self.id)
        else:
            status, answer = caller.call("UpdateAlias", AliasId=self.id, Name=name)
        assert status == 200, (self.name, self.version, answer)
        self.id = answer["Alias"]["AliasId"] if "Alias" in answer else self.id
        self.version, self.maybe = version, None

    def check(self, found):
        """found: by name without version, a list of (version, id)."""
        mine = found.get(self.name, [])
        assert len(mine) <= 1, f"{self.name} is there {len(mine)} times: {mine}"
        version, identity = mine[0] if mine else (0, None)
        assert version in (self.version, self.maybe if self.maybe is not None else self.version), \
            f"{self.name}: version {self.version} was answered, {self.maybe} asked for, {version} is there"
        self.version, self.id, self.maybe = version, identity, None


class Writer(threading.Thread):
    """Writes until the daemon is gone."""

    def __init__(self, port, records, sessions, seed):
        super().__init__()
        self.caller, self.records, self.sessions, self.chance = Caller(port), records, sessions, random.Random(seed)
        self.count, self.problem = 0, None

    def create_session(self):
        token = f"t{self.chance.randrange(20)}"
        status, answer = self.caller.call("CreateGameSession", FleetId="fleet-k", MaximumPlayerSessionCount=2, IdempotencyToken=token)
        assert status == 200, answer
        assert self.sessions.setdefault(token, answer["GameSession"]["GameSessionId"]) == answer["GameSession"]["GameSessionId"], "one token, two sessions"

    def run(self):
        try:
            while True:
                if self.chance.random() < 0.2:
                    self.create_session()
                else:
                    self.chance.choice(self.records).write(self.caller, self.chance)
                self.count += 1
        except Gone:
            pass
        except Exception as problem:  # pylint: disable=broad-except
            self.problem = problem


def check_records(caller, writers_records):
    found = {}
    for alias in caller.all("ListAliases", "Aliases"):
        name, version = alias["Name"].rsplit("-", 1)
        found.setdefault(name, []).append((int(version), alias["AliasId"]))
        status, tags = caller.call("ListTagsForResource", ResourceARN=alias["AliasArn"])
        assert status == 200 and len(tags["Tags"]) == 1, f"{alias['Name']} was made with one tag: {tags}"
    for records in writers_records:
        for record in records:
            record.check(found)
    assert set(found) <= {record.name for records in writers_records for record in records}, found


def check_sessions(daemon, caller, tokens):
    """Whoever was not answered asks once more, twice: there is one session for each, here and in the engine."""
    others = len(daemon.request("GET", "/v1/sessions")["sessions"])  # --dev has one of its own
    for token in list(tokens) * 2:
        status, answer = caller.call("CreateGameSession", FleetId="fleet-k", MaximumPlayerSessionCount=2, IdempotencyToken=token)
        assert status == 200, answer
    shown = [session["GameSessionId"] for session in caller.all("DescribeGameSessions", "GameSessions", FleetId="fleet-k")]
    assert len(shown) == len(set(shown)) == len(tokens), shown
    assert len(daemon.request("GET", "/v1/sessions")["sessions"]) == others + len(tokens), "the engine runs others than the service shows"


def life(path, writers_records, chance, tokens):
    """Returns how many writes were answered in it."""
    daemon = Daemon("--dev", "--shards", "1", service__store=path, service__reads_per_second=0, service__changes_per_second=0)
    try:
        port = service_port(daemon)
        caller = Caller(port)
        check_records(caller, writers_records)
        check_sessions(daemon, caller, tokens)
        sessions = {}
        writers = [Writer(port, records, sessions, chance.random()) for records in writers_records]
        for writer in writers:
            writer.start()
        time.sleep(chance.random() * KILL_SECONDS_MAX)
    finally:
        daemon.process.kill()
        daemon.process.wait()
        daemon.log.close()
    for writer in writers:
        writer.join()
        if writer.problem is not None:
            raise writer.problem
    tokens.clear()
    tokens.update(list(sessions)[:5])
    return sum(writer.count for writer in writers)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options = parser.parse_args()
    chance = random.Random(options.seed)
    writers_records = [[Record(f"w{w}r{r}") for r in range(RECORDS)] for w in range(WRITERS)]
    tokens, count = set(), 0
    print(f"seed {options.seed}", flush=True)
    with tempfile.TemporaryDirectory(dir=os.environ.get("KILL_TEST_FOLDER")) as folder:
        for kill in range(options.kills):
            try:
                count += life(os.path.join(folder, "store.db"), writers_records, chance, tokens)
            except AssertionError as problem:
                print(f"after {kill} kills: {problem}", file=sys.stderr)
                return 1
            if (kill + 1) % 100 == 0:
                print(f"{kill + 1} kills, {count} writes answered", flush=True)
    print(f"{options.kills} kills, {count} writes answered, nothing lost, nothing doubled")
    return 0 if count > options.kills else 1


if __name__ == "__main__":
    sys.exit(main())
