"""Storms: clients of one session say numbered messages to everybody while their connections are torn, and each must hear each number once and in order.

Whatever client it is, one ledger judges. A program under test holds all clients of its session and tells, line by line on its standard output:

    in ME                   the login was answered
    heard ME FROM NUMBER
    dropped ME, resumed ME LOST
    over ME CODE REASON     that client will not come back
    torn N                  it tore so many connections itself; others are torn on their way, by Weather
    said ME N, resent ME N  at its end, which comes when it has heard all that was said, or waited for long
"""

import collections
import random
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
from relay import Relay  # noqa: E402

FAULTS_SHOWN = 10
START_SECONDS = 120  # only to end a run that has failed
END_SECONDS = 300
PAUSE_SECONDS = 0.03  # between two tears, at most
BROKEN_MAX = 4  # clients; with more broken the weather waits: who is torn at each try would not come back within any window


class Ledger:
    """What was said and heard. Each client's own lines come in order; those of different clients may come from different threads."""

    def __init__(self):
        self.next = collections.Counter()  # by (who hears, who says)
        self.said = {}
        self.ins, self.faults = set(), []
        self.counts, self.lock = {"torn": 0, "dropped": 0, "resumed": 0, "resent": 0}, threading.Lock()

    def count(self, what, number=1):
        with self.lock:
            self.counts[what] += number

    def heard(self, me, sender, number):
        expected = self.next[me, sender]
        if number != expected:
            self.faults.append(f"{me} heard number {number} of {sender}, not {expected}")
        self.next[me, sender] = number + 1

    def resumed(self, me, lost):
        self.count("resumed")
        if lost != 0:
            self.faults.append(f"{me} was told of a gap of {lost}")

    def read(self, line):
        """A line of a program."""
        what, *words = line.split(maxsplit=3)
        if what == "heard":
            self.heard(*map(int, words))
        elif what == "resumed":
            self.resumed(*map(int, words))
        elif what == "said":
            self.said[int(words[0])] = int(words[1])
        elif what == "in":
            self.ins.add(int(words[0]))
        elif what == "over":
            self.faults.append(f"{words[0]} did not come back: {' '.join(words[1:])}")
        elif what in ("torn", "resent", "dropped"):
            self.count(what, 1 if what == "dropped" else int(words[-1]))
        else:
            self.faults.append(f"the program says {line!r}")

    def judge(self, client_count):
        """Figures of a storm that is over, and what was wrong with it."""
        faults = list(self.faults)
        if set(self.said) != set(range(client_count)):
            faults.append(f"of {client_count} clients, {sorted(self.said)} say what they said")
        for me in range(client_count):
            for sender, said in self.said.items():
                if self.next[me, sender] != said:
                    faults.append(f"{me} heard {self.next[me, sender]} of the {said} messages of {sender}")
        return {**self.counts, "said": sum(self.said.values()), "heard": sum(self.next.values()), "faults": len(faults)}, faults[:FAULTS_SHOWN]


class Weather(Relay):
    """Between clients and server. Tears one connection after the other, those that are just being made again too."""

    def __init__(self, port):
        self.halves = collections.Counter()  # by socket: directions of its pair that are over
        super().__init__(port)

    def rage(self, drops, ledger, is_over):
        draw = random.Random(7)
        while ledger.counts["torn"] < drops and not is_over():
            if ledger.counts["dropped"] - ledger.counts["resumed"] < BROKEN_MAX:
                ledger.count("torn", self.tear_one(draw))
            time.sleep(draw.uniform(0, PAUSE_SECONDS))

    def tear_one(self, draw):
        """A reset: what either side still holds is gone. Or an end, behind which its bytes still arrive. False: there is no connection."""
        with self.lock:
            if not self.pairs:
                return False
            is_reset = draw.random() < 0.5
            for connection in self.pairs.pop(draw.randrange(len(self.pairs))):
                self._reset(connection) if is_reset else self._end(connection)
        return True

    @staticmethod
    def _end(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it has ended by itself

    def _pump(self, source, sink):
        super()._pump(source, sink)
        with self.lock:  # both directions of an end go their way before it is over
            self.halves[source] = self.halves[sink] = self.halves[source] + 1
            if self.halves[source] == 2:
                del self.halves[source], self.halves[sink]
                self.pairs = [pair for pair in self.pairs if source not in pair]
                source.close()
                sink.close()

    def close(self):
        self.listener.close()


class Program:
    """One that holds all clients of a storm."""

    def __init__(self, command, client_count):
        self.ledger, self.client_count = Ledger(), client_count
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.ledger.read(line)

    def has_ended(self):
        return self.process.poll() is not None

    def is_over(self):
        """It has ended, or something is wrong already: then nobody waits for what will not come."""
        return self.has_ended() or bool(self.ledger.faults)

    def rage(self, weather, drops):
        """Tears that many of its connections, then lets it say no more."""
        until = time.monotonic() + START_SECONDS
        while len(self.ledger.ins) < self.client_count and not self.has_ended() and time.monotonic() < until:
            time.sleep(0.01)
        weather.rage(drops, self.ledger, self.is_over)
        self.process.stdin.close()

    def finish(self, seconds=END_SECONDS):
        """Figures and faults."""
        until = time.monotonic() + seconds
        while not self.is_over() and time.monotonic() < until:
            time.sleep(0.05)
        if not self.has_ended():
            self.process.kill()
        status = self.process.wait()
        self.reader.join()
        if status != 0:
            self.ledger.faults.insert(0, f"the program ended with {status}")
        for stream in (self.process.stdin, self.process.stdout):
            stream.close()
        return self.ledger.judge(self.client_count)
