#!/usr/bin/python3
"""WebSocket clients that are not ours, on the plain port. The encrypted ports are in secure_interop_test.py."""

import json
import os
import subprocess
import sys
import unittest

from daemon import Daemon

HERE = os.path.dirname(os.path.abspath(__file__))
INTEROP = os.path.join(HERE, "interop")
SKIP = 77


def node(script, *arguments):
    """Debian's node-ws is where Debian's Node looks; a Node from elsewhere must be told."""
    paths = [os.environ.get("NODE_PATH", ""), "/usr/share/nodejs"]
    environment = dict(os.environ, NODE_PATH=":".join(filter(None, paths)))
    command = ["node", os.path.join(INTEROP, script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment, cwd=INTEROP)


def has_node_ws():
    try:
        return subprocess.run(["node", "-e", "require('ws')"], env=dict(os.environ, NODE_PATH="/usr/share/nodejs"), capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class PlainTest(unittest.TestCase):
    def test_npm_ws(self):
        daemon = Daemon()
        try:
            session = daemon.create_session(name="interop")
            tokens = [daemon.reserve(session) for _ in range(2)]
            result = node("ws_players.js", f"ws://127.0.0.1:{daemon.tcp_port}/", *tokens)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertIn(json.loads(result.stdout)["fastPort"], daemon.udp_ports)
        finally:
            daemon.stop()


if __name__ == "__main__":
    if not has_node_ws():
        print("skipped: there is no node with ws (Debian: nodejs, node-ws)")
        sys.exit(SKIP)
    unittest.main(verbosity=2)
