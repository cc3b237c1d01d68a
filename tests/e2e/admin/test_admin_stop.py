"""The daemon's end, from outside: signals, drains, what systemd is told. Needs RINGCASTD."""

import os
import signal
import socket
import tempfile
import unittest

from ringcastd_process import RawPlayer, Ringcastd, await_true


class Stop(unittest.TestCase):
    def start_with_player(self, *flags):
        daemon = Ringcastd("--shards", "1", *flags)
        daemon.__enter__()
        self.addCleanup(daemon.__exit__, None, None, None)
        session = daemon.ask("POST", "/v1/sessions", {"name": "s"}, expected=201)["id"]
        token = daemon.ask("POST", f"/v1/sessions/{session}/players", {}, expected=201)["token"]
        player = RawPlayer(daemon.ready["tcp_port"], token)
        self.addCleanup(player.close)
        await_true("the player is in", lambda: daemon.ask("GET", f"/v1/sessions/{session}")["player_count"] == 1)
        return daemon, player

    def test_nobody_there_stops_at_once(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            with Ringcastd("--set", "drain_timeout=24h") as daemon:
                daemon.process.send_signal(number)
                self.assertEqual(daemon.wait(), 0)
                daemon.await_event("stopped")

    def test_a_drain_waits_for_players_to_leave(self):
        daemon, player = self.start_with_player("--set", "drain_timeout=24h")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.await_event("draining, then stopping")
        await_true("not ready", lambda: daemon.request("GET", "/readyz")[0] == 503)
        self.assertEqual(daemon.request("POST", "/v1/sessions", {})[0], 409)
        self.assertIsNone(daemon.process.poll())
        player.close()
        self.assertEqual(daemon.wait(), 0)

    def test_a_second_signal_forces(self):
        daemon, player = self.start_with_player("--set", "drain_timeout=24h")
        daemon.process.send_signal(signal.SIGTERM)
        daemon.await_event("draining, then stopping")
        daemon.process.send_signal(signal.SIGTERM)
        self.assertIn(b"\x0b\xb9", player.receive_to_end())  # close code 3001
        self.assertEqual(daemon.wait(), 0)
        daemon.await_event("stopping at once")

    def test_a_drain_ends_with_its_time(self):
        daemon, player = self.start_with_player("--set", "drain_timeout=10ms")
        daemon.process.send_signal(signal.SIGTERM)
        self.assertIn(b"\x0b\xb9", player.receive_to_end())
        self.assertEqual(daemon.wait(), 0)
        self.assertEqual(daemon.await_event("drain timeout, closing the players that are left")["players"], 1)

    def test_quit_dumps_the_metrics(self):
        with Ringcastd("--set", "drain_timeout=24h") as daemon:
            daemon.process.send_signal(signal.SIGQUIT)
            self.assertEqual(daemon.wait(), 0)
            self.assertIn("\nringcast_sessions 0\n", daemon.log_text())

    def test_drain_without_exit(self):
        with Ringcastd() as daemon:
            daemon.process.send_signal(signal.SIGUSR2)
            await_true("draining", lambda: daemon.request("GET", "/readyz")[0] == 503)
            self.assertTrue(daemon.ask("GET", "/v1/info")["draining"])
            self.assertEqual(daemon.ask("POST", "/v1/drain", {"exit": True}, expected=202), {"draining": True, "exit": True})
            self.assertEqual(daemon.wait(), 0)

    def test_log_rotation_signals_do_no_harm(self):
        with Ringcastd() as daemon:
            daemon.process.send_signal(signal.SIGUSR1)
            daemon.process.send_signal(signal.SIGHUP)
            daemon.await_event("configuration reloaded")
            self.assertEqual(daemon.ask("GET", "/healthz")["status"], "ok")


@unittest.skipIf(os.environ.get("RINGCAST_WITHOUT_SYSTEMD"), "built without libsystemd")
class Systemd(unittest.TestCase):
    def test_ready_alive_stopping(self):
        with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            path = os.path.join(folder, "notify")
            notify.bind(path)
            notify.settimeout(60)
            with Ringcastd(NOTIFY_SOCKET=path, WATCHDOG_USEC="300000") as daemon:
                self.assertIn("READY=1", notify.recv(4096).decode())
                self.assertIn("WATCHDOG=1", notify.recv(4096).decode())
                daemon.process.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(), 0)
                notify.setblocking(False)
                rest = []
                while not rest or rest[-1] is not None:
                    try:
                        rest.append(notify.recv(4096).decode())
                    except BlockingIOError:
                        rest.append(None)
                self.assertIn("STOPPING=1", rest)


if __name__ == "__main__":
    unittest.main(verbosity=1)
