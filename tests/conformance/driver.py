"""A client under test, behind its driver: commands go to its standard input, results and events come from its standard output (README.md)."""

import json
import queue
import re
import subprocess
import threading

WAIT_SECONDS = 240  # only to end a run that has failed


SKIP = 77  # exit status of a driver that lacks what it needs here, such as a browser


class Missing(Exception):
    pass


class Driver:
    def __init__(self, command):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.results, self.events = queue.Queue(), queue.Queue()
        self.last_id = 0
        threading.Thread(target=self._read, daemon=True).start()
        hello = self._take(self.results, "the driver said nothing when it started")
        self.name, self.can = hello["driver"], set(hello["can"])

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            (self.events if "event" in said else self.results).put(said)
        for end in (self.results, self.events):
            end.put(None)

    def _take(self, source, complaint):
        try:
            said = source.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            raise AssertionError(complaint) from None
        if said is None and self.process.wait() == SKIP:
            raise Missing(complaint)
        if said is None:
            raise AssertionError(f"{complaint}: the driver ended with {self.process.wait()}")
        return said

    def command(self, do, **arguments):
        self.last_id += 1
        try:
            self.process.stdin.write(json.dumps({"id": self.last_id, "do": do, **arguments}) + "\n")
        except BrokenPipeError:
            raise AssertionError(f"the driver has ended with {self.process.wait()}") from None
        said = self._take(self.results, f"no result of {do}")
        if said.get("id") != self.last_id:
            raise AssertionError(f"the result of {do} should have id {self.last_id}: {said}")
        return said

    def event(self):
        return self._take(self.events, "no event came")

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024

    def kill(self):
        self.process.kill()
        self.process.wait()

    def reset(self):
        """The client is new again. AssertionError when it has told something that nobody expected."""
        self.command("reset")
        left = []
        while not self.events.empty():
            left.append(self.event())
        if left:
            raise AssertionError(f"events that nobody expected: {left}")

    def quit(self):
        """Asks it to end. AssertionError when it does not, fails, or has told something that nobody expected."""
        self.command("quit")
        try:
            status = self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the driver did not quit") from None
        if status != 0:
            raise AssertionError(f"the driver ended with {status}")
        left = []
        while (said := self.events.get(timeout=WAIT_SECONDS)) is not None:
            left.append(said)
        if left:
            raise AssertionError(f"events that nobody expected: {left}")
