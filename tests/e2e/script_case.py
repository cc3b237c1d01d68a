"""What the tests of scripts share: a daemon that keeps scripts in a folder of its own, and players of a session that runs one."""

import os
import shutil
import tempfile
import unittest

from daemon import AdminError, Daemon
from player import Player
from realtime import SERVER
from scripts import ANSWER

SCRIPT_FAILED, SCRIPT_LOST, SESSION_ENDED = 3508, 3509, 3502
HAS_NODE = shutil.which("node") is not None
with open(os.environ["RINGCASTD"], "rb") as binary:
    HOLDS_FREED_MEMORY = b"__asan_init" in binary.read()  # to catch uses of it


class Case(unittest.IsolatedAsyncioTestCase):
    settings = {}
    flags = ()

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="ringcast-e2e-")
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.store = os.path.join(self.folder, "store")
        self.daemon = self.start()
        self.addCleanup(self.stop_if_running)

    def start(self, *flags, **settings):
        return Daemon(*self.flags, *flags, scripts__directory=self.store, **{**self.settings, **settings})

    def stop_if_running(self):
        if self.daemon.process.poll() is None:
            self.daemon.stop()

    def restart(self):
        self.daemon.stop()
        self.daemon = self.start()

    def path(self, name):
        return os.path.join(self.folder, name)

    def refuse(self, status, code, function, *arguments):
        with self.assertRaises(AdminError) as caught:
            function(*arguments)
        self.assertEqual(caught.exception.status, status, caught.exception)
        self.assertIn(f'"code":"{code}"', caught.exception.body)
        return caught.exception.body

    async def ask(self, player, text="hi"):
        """What the script answers."""
        await player.send(10, text.encode(), player=SERVER)
        return (await player.expect(ANSWER)).payload.decode()

    async def play(self, script, **options):
        session = self.daemon.create_session(script=script, **options)
        return session, await Player.join(self.daemon, session)
