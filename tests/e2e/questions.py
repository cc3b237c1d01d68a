"""What is asked of a daemon with many sessions: all of them made, all of them listed, and how long the shards' turns took meanwhile."""

import http.client
import json
import re

PAGE = 1000


class Admin:
    """The admin API over one connection that is kept, as a backend does that has much to ask."""

    def __init__(self, port):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=300)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.connection.close()

    def ask(self, method, path, body=None, content_type="application/json"):
        self.connection.request(method, path, body, {"Content-Type": content_type} if body is not None else {})
        response = self.connection.getresponse()
        data = response.read()
        if response.status >= 400:
            raise AssertionError(f"{method} {path}: {response.status} {data[:300]}")
        return data

    def ask_json(self, method, path, body=None):
        return json.loads(self.ask(method, path, json.dumps(body) if body is not None else None))

    def metrics(self):
        lines = self.ask("GET", "/metrics").decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}

    def create(self, count, **options):
        """The ids of so many new sessions, which stay though nobody is in them."""
        body = json.dumps({"players_max": 2, "empty_timeout_ms": 0, **options})
        return [json.loads(self.ask("POST", "/v1/sessions", body))["id"] for _ in range(count)]

    def pages(self):
        """The list of sessions page by page, to its end."""
        after = ""
        while after is not None:
            page = self.ask_json("GET", f"/v1/sessions?limit={PAGE}" + (f"&after={after}" if after else ""))
            yield page
            after = page.get("next")


class Turns:
    """How many turns of each shard took less than each bound, in seconds: cumulative, as Prometheus has it."""

    LABEL = re.compile(r'ringcast_tick_seconds_bucket\{shard="(\d+)",le="([^"]+)"\}')

    def __init__(self, metrics):
        self.shards = {}
        for name, value in metrics.items():
            match = self.LABEL.fullmatch(name)
            if match:
                self.shards.setdefault(int(match[1]), {})[float(match[2].replace("+Inf", "inf"))] = int(value)

    def since(self, earlier):
        """shard -> bound -> turns in that bucket alone."""
        result = {}
        for shard, counts in self.shards.items():
            buckets, below = {}, 0
            for bound in sorted(counts):
                count = counts[bound] - earlier.shards[shard][bound]
                buckets[bound] = count - below
                below = count
            result[shard] = buckets
        return result

    def count_since(self, earlier, shard):
        return sum(self.since(earlier)[shard].values())
