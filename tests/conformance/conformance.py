#!/usr/bin/python3
"""Runs scenarios with one client: conformance.py [--only WORD] SCENARIOS.yaml... -- DRIVER COMMAND...    What they say: README.md"""

import argparse
import os
import sys
import time
import traceback

import yaml

from driver import SKIP, WAIT_SECONDS, Driver, Missing
from relay import Relay
from server import Server

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))

SERVER_STEPS = ("accept", "request", "upgrade", "login", "receive_login", "greet", "send", "frame", "write_bytes", "flood", "pad_fragments", "receive", "receive_pong",
                "receive_close", "receive_end", "close_frame", "mute", "end", "half_close", "reset", "answer_keepalives", "return_of", "receive_read",
                "udp_greet", "datagram", "many", "receive_datagram", "receive_datagrams")
# Times that no scenario is about are long, so that a busy machine does not end one.
QUIET = {"connect_timeout_ms": 60_000, "close_timeout_ms": 60_000, "ping_interval_ms": 600_000}


class Run:
    """One scenario: its clients by name, and a server, scripted or ringcastd. idle: drivers that wait for work, by name."""

    def __init__(self, command, daemon, idle):
        self.command, self.daemon, self.idle, self.clients = command, daemon, idle, {}
        self.server = None if daemon else Server()
        self.session = daemon.create_session(name="conformance", players_max=8) if daemon else None
        self.peers, self.start_bytes, self.relay = {}, {}, None

    def client(self, name):
        if name not in self.clients:
            self.clients[name] = self.idle.pop(name, None) or Driver(self.command)
        return self.clients[name]

    def end(self, is_good):
        for name, driver in self.clients.items():
            if is_good and "reset" in driver.can:
                driver.reset()
                self.idle[name] = driver
            elif is_good:
                driver.quit()
            else:
                self.idle.pop(name, None)  # it may have been reset before another one failed
                driver.kill()
        if self.server:
            self.server.close()
        if self.relay:
            self.relay.close()

    def connect(self, name, step):
        arguments = QUIET | {"host": "127.0.0.1", "payload": "", "fast": False} | step
        arguments["payload"] = arguments["payload"].encode().hex()
        if "token_bytes" in arguments:
            arguments["token"] = "t" * arguments.pop("token_bytes")
        if arguments.pop("relayed", False):
            self.relay = self.relay or Relay(self.daemon.tcp_port)
            arguments["port"] = self.relay.port
        arguments.setdefault("port", self.server.port if self.server else self.daemon.tcp_port)
        if "token" not in arguments:
            arguments["token"] = "token-1" if self.server else self.daemon.reserve(self.session, player_id=name)
        return arguments

    def do(self, name, do, /, result="ok", **step):
        driver = self.client(name)
        if do == "connect":
            step = self.connect(name, step)
        elif do == "send":
            step = {"player": 0, "group": 0, "fast": False} | step
            step["payload"] = step.get("payload", "").encode().hex()
        found = driver.command(do, **step)
        assert found["result"] == result, f"{do}: {result} expected, got {found}"
        return found

    def event(self, client, event, /, count=1, **fields):
        """The next event, or so many, is this one, with these fields."""
        driver = self.client(client)
        for _ in range(count - 1):
            self.event(client, event, **fields)
        if "payload" in fields:
            fields["payload"] = fields["payload"].encode().hex()
        if "bytes" in fields:
            fields["payload"] = (b"x" * fields.pop("bytes")).hex()
        if "name" in fields and "names" not in driver.can:
            del fields["name"]
        found = driver.event()
        seen = {key: found.get(key) for key in fields}
        if "peers" in fields and found.get("peers") is not None:
            seen["peers"], fields["peers"] = sorted(found["peers"]), sorted(fields["peers"])
        short = str(found)[:400]
        assert found["event"] == event and seen == fields, f"{event} {fields} expected, got {short}"

    def stats(self, name, **fields):
        found = self.do(name, "stats")["stats"]
        for key, value in fields.items():
            is_good = value[0] <= found[key] <= value[1] if isinstance(value, list) else found[key] == value
            assert is_good, f"{key}: {value} expected, got {found}"

    def await_stats(self, name, **fields):
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                return self.stats(name, **fields)
            except AssertionError:
                if time.monotonic() > until:
                    raise
            time.sleep(0.01)

    def memory(self, name, grows_max_mb=None):
        """Without a bound: remembers how much it is now. With one: it has not grown by more."""
        now = self.client(name).rss_bytes()
        if grows_max_mb is None:
            self.start_bytes[name] = now
            return
        grown_mb = (now - self.start_bytes[name]) / 1048576
        assert grown_mb <= grows_max_mb, f"the client has grown by {grown_mb:.0f} MB, {grows_max_mb} at most expected"

    def admin(self, admin, of="alice", peer=None, reason=None):
        if admin == "kick":
            self.daemon.kick(self.session, peer, reason)
        elif admin == "end_session":
            self.daemon.end_session(self.session)
        else:
            raise AssertionError(f"no admin step is called {admin}")

    def step(self, step):
        step = dict(step)
        name, web = step.pop("client", "alice"), step.pop("web", {})
        if "frames" not in self.client(name).can:
            step |= web
        if "do" in step:
            self.do(name, step.pop("do"), **step)
        elif "event" in step:
            self.event(name, step.pop("event"), **step)
        elif "server" in step:
            what = step.pop("server")
            assert what in SERVER_STEPS, f"no step of the server is called {what}"
            getattr(self.server, what)(**step)
        elif "stats" in step:
            self.stats(name, **step["stats"])
        elif "await_stats" in step:
            self.await_stats(name, **step["await_stats"])
        elif "memory" in step:
            self.memory(name, **step["memory"])
        elif "net" in step:
            assert step["net"] in ("tear", "cut", "heal"), f"the network does no {step['net']}"
            getattr(self.relay, step["net"])()
        elif "admin" in step:
            self.admin(**step)
        else:
            raise AssertionError(f"no such step: {step}")


def play(scenario, command, daemon, can, idle):
    """"" when it went as written, "skipped ..." when the client cannot, else what was wrong."""
    lacks = [need for need in scenario.get("needs", []) if need not in can]
    if lacks:
        return f"skipped: it has no {' '.join(lacks)}"
    run, number = Run(command, daemon, idle), 0
    try:
        for number, step in enumerate(scenario["steps"], 1):
            run.step(step)
        run.end(is_good=True)
        return ""
    except Exception:  # whatever a client does is a finding
        run.end(is_good=False)
        return f"step {number}, {scenario['steps'][number - 1]}: {traceback.format_exc(limit=-3)}"


def play_file(path, command, can, only, idle):
    """(played, skipped, failed) of the scenarios of a file."""
    from daemon import Daemon  # only here: it wants RINGCASTD

    with open(path, encoding="utf-8") as file:
        content = yaml.safe_load(file)
    scenarios = [scenario for scenario in content["scenarios"] if only in scenario["name"]]
    daemon = Daemon(**content.get("settings", {})) if content["against"] == "ringcastd" and scenarios else None
    counts = [0, 0, 0]
    for scenario in scenarios:
        said = play(scenario, command, daemon, can, idle)
        kind = 0 if not said else 1 if said.startswith("skipped") else 2
        counts[kind] += 1
        print(f"{'ok  ' if not said else '--  ' if kind == 1 else 'FAIL'} {os.path.basename(path)}: {scenario['name']}{': ' + said if said else ''}", flush=True)
    if daemon:
        daemon.stop()
    return counts


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", help="the scenarios with this in their name")
    parser.add_argument("scenarios", nargs="+")
    split = sys.argv.index("--")
    options, command = parser.parse_args(sys.argv[1:split]), sys.argv[split + 1 :]
    try:
        probe = Driver(command)
    except Missing:
        return SKIP  # it has said on standard error what it lacks
    can = probe.can
    print(f"{probe.name}: can {' '.join(sorted(can)) or 'nothing special'}", flush=True)
    idle = {"alice": probe} if "reset" in can else {}
    if not idle:
        probe.quit()
    played, skipped, failed = (sum(counts) for counts in zip(*(play_file(path, command, can, options.only, idle) for path in options.scenarios)))
    for driver in idle.values():
        driver.quit()
    print(f"{played} as written, {skipped} skipped, {failed} failed")
    return 1 if failed or played == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
