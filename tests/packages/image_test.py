#!/usr/bin/python3
"""A container of the image, run as its configuration says and joined from outside of it; tests/packages/image makes both. BUILDAH: the command and where it keeps things. CONTAINER: its
name there, with the profile given. IMAGE: what buildah says of the image. SIDECAR: the package that runs JavaScript in it, or nothing."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(TOP / "tests/e2e"), str(TOP / "tests/docs")]
import capabilities  # noqa: E402
import realtime  # noqa: E402
import scripts  # noqa: E402
from commands_test import own_network  # noqa: E402
from daemon import Daemon  # noqa: E402
from player import Player  # noqa: E402

RUN = [*os.environ["BUILDAH"].split(), "run", os.environ["CONTAINER"], "--"]
IMAGE = json.loads(pathlib.Path(os.environ["IMAGE"]).read_text())["OCIv1"]["config"]
USER = "65532"


def find_daemon():
    """Its pid: nobody else is in this network."""
    found = [path.parent for path in pathlib.Path("/proc").glob("[0-9]*/exe") if is_daemon(path)]
    return int(found[0].name)


def is_daemon(path):
    try:
        return os.readlink(path).endswith("/usr/bin/ringcastd") and os.readlink(path.parent / "ns/net") == os.readlink("/proc/self/ns/net")
    except OSError:  # a thread of the kernel's, or one that has gone
        return False


class Contained(Daemon):
    def __init__(self):
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([*RUN, *IMAGE["Entrypoint"], *IMAGE["Cmd"]], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        try:
            self._await_ready()
            self.pid = find_daemon()
        except BaseException:
            self.process.terminate()
            self.process.wait()
            raise

    def stop(self):
        """As a runtime does, and with its patience."""
        os.kill(self.pid, getattr(signal, IMAGE["StopSignal"]))
        self.wait()


class Image(unittest.IsolatedAsyncioTestCase):
    @classmethod
    def setUpClass(cls):
        assert own_network()
        cls.daemon = Contained()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()

    def test_it_is_nobody_and_under_the_profile_with_io_uring(self):
        status = capabilities.status_of(self.daemon.pid)
        self.assertEqual((set(status["Uid"].split()), set(status["Gid"].split()), status["Seccomp"]), ({USER}, {USER}, "2"))
        self.assertEqual({name: value for name, value in capabilities.all_of(self.daemon.pid).items() if name in ("CapPrm", "CapEff", "CapAmb")}, dict.fromkeys(("CapPrm", "CapEff", "CapAmb"), 0))
        self.assertEqual(self.daemon.request("GET", "/v1/info")["io"], "io_uring")
        done = subprocess.run([*RUN, "unshare", "--user", "true"], capture_output=True, text=True, timeout=60)
        self.assertIn("Operation not permitted", done.stderr)

    async def test_players_talk_through_it(self):
        session = self.daemon.create_session()
        alice, bob = [await Player.join(self.daemon, session, udp=True) for _ in range(2)]
        await alice.send(10, b"by the stream", player=bob.peer_id)
        await bob.expect(10, b"by the stream", sender=alice.peer_id, channel="ws")
        alice.send_fast(11, b"by a datagram", player=bob.peer_id)
        await bob.expect(11, b"by a datagram", sender=alice.peer_id, channel="udp")
        await alice.leave()
        await bob.leave()

    async def test_scripts_run_in_it(self):
        for name, files in [("lua", scripts.lua("one"))] + [("js", scripts.js("one"))] * bool(os.environ["SIDECAR"]):
            scripts.push(self.daemon, name, files)
            player = await Player.join(self.daemon, self.daemon.create_session(script=name))
            await player.send(10, b"hello", player=realtime.SERVER)
            self.assertEqual((await player.expect(scripts.ANSWER)).payload, b"one hello")
            await player.leave()


if __name__ == "__main__":
    unittest.main(verbosity=2)
