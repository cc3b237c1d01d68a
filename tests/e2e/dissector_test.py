"""The Wireshark dissector: tshark reads what real players and a real relay have said to each other, and what nobody should say."""

import asyncio
import os
import random
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

import realtime
from capture import Capture, enter_network_of_our_own
from daemon import Daemon
from player import Player

DISSECTOR = os.environ["RINGCAST_DISSECTOR"]


def tshark(capture, display_filter, *fields):
    """Rows of the fields of the packets that the filter shows."""
    command = ["tshark", "-r", capture, "-X", f"lua_script:{DISSECTOR}", "-Y", display_filter, "-T", "fields", "-E", "separator=|"]
    command += [part for field in fields for part in ("-e", field)]
    done = subprocess.run(command, capture_output=True, text=True)
    complaints = [line for line in done.stderr.splitlines() if "Running as user" not in line]
    if done.returncode != 0 or complaints:
        raise AssertionError(f"tshark ended with {done.returncode}: {done.stderr}")
    return [line.split("|") for line in done.stdout.splitlines()]


def say_nonsense(port):
    """Datagrams that look like a packet for a while: known by "Decode as" only, so the heuristics must leave them alone."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        for data in (b"\x05hello", b"\x02\x08\x80", b"\x00", b"\xff" * 40, bytes(64)):
            udp.sendto(data, ("127.0.0.1", port))


async def play(daemon):
    """Two players, by every kind of packet; the second is sent away."""
    session = daemon.create_session(name="seen")
    first = await Player.join(daemon, session, udp=True, payload=b"a word to the script")
    second = await Player.join(daemon, session)
    await first.group_request(realtime.JOIN_GROUP, 7)
    await first.expect_membership(7, [first.peer_id])
    await second.group_request(realtime.JOIN_GROUP, 7)
    await second.expect_membership(7, [first.peer_id, second.peer_id])
    await first.expect_membership(7, [first.peer_id, second.peer_id])
    await second.send(42, b"reliable", group=7)
    await first.expect(42, b"reliable")
    await second.expect(42, b"reliable")
    first.send_fast(-77, b"fast", player=second.peer_id)
    await second.expect(-77, b"fast")
    say_nonsense(first.fast_port)
    daemon.kick(session, second.peer_id)
    await second.expect_close(3503)
    await first.leave()


@unittest.skipUnless(shutil.which("tshark"), "needs tshark")
class Dissector(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not enter_network_of_our_own():
            raise unittest.SkipTest("needs the right to make a network namespace, and iproute2")
        cls.folder = tempfile.TemporaryDirectory()
        cls.capture = os.path.join(cls.folder.name, "seen.pcap")
        daemon = Daemon()
        with Capture(cls.capture):
            asyncio.run(play(daemon))
        daemon.stop()

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_a_login_and_its_answer(self):
        logins = tshark(self.capture, "ringcast.opcode == 0", "ringcast.login.client_version", "ringcast.login.player_session_id", "ringcast.payload")
        self.assertEqual(len(logins), 2)
        self.assertEqual((logins[0][0], logins[0][1][:6], bytes.fromhex(logins[0][2])), ("2", "psess-", b"a word to the script"))
        answers = tshark(self.capture, "ringcast.opcode == -1", "ringcast.login_result.success", "ringcast.login_result.peer_id")
        self.assertEqual([row[1] for row in answers], ["1", "2"])
        self.assertLessEqual({row[0] for row in answers}, {"1", "True"})

    def test_a_list_of_members(self):
        lists = tshark(self.capture, "ringcast.opcode == -13", "ringcast.group_membership_update.group", "ringcast.group_membership_update.players")
        self.assertEqual(lists[0], ["7", "1"])
        self.assertIn(["7", "1,2"], lists)

    def test_a_reliable_message_goes_by_stream_masked_or_not(self):
        rows = tshark(self.capture, "ringcast.opcode == 42", "ringcast.payload", "ringcast.target_group", "ringcast.sender", "websocket.mask")
        self.assertEqual([bytes.fromhex(row[0]) for row in rows], [b"reliable"] * 3)
        self.assertEqual([row[1:3] for row in rows], [["7", "2"]] * 3)
        self.assertEqual(len({row[3] for row in rows}), 2, "a client masks, a server does not")

    def test_datagrams(self):
        hellos = tshark(self.capture, "udp && ringcast.opcode == -5", "ringcast.sender", "ringcast.udp_connect")
        self.assertTrue(hellos)
        self.assertTrue(tshark(self.capture, "udp && ringcast.opcode == -6", "ringcast.sequence_number"))
        fast = tshark(self.capture, "udp && ringcast.opcode == -77", "_ws.col.Info", "_ws.col.Protocol")
        self.assertEqual(fast, [["op code -77 from player 1 to player 2 4 bytes", "Ringcast"]])

    def test_what_is_not_ours_is_left_alone(self):
        self.assertEqual(tshark(self.capture, "ringcast.malformed", "frame.number"), [])
        self.assertEqual(len(tshark(self.capture, "udp && !ringcast && udp.length > 8 && !dns", "frame.number")), 5)

    def test_a_close_has_its_reason(self):
        rows = tshark(self.capture, "ringcast.close_reason", "websocket.payload.close.status_code", "ringcast.close_reason")
        self.assertIn(["3503", "kicked"], rows)

    def test_malformed_packets_are_told_once_the_port_is_known(self):
        port = tshark(self.capture, "udp && ringcast.opcode == -5", "udp.dstport")[0][0]
        command = ["tshark", "-r", self.capture, "-X", f"lua_script:{DISSECTOR}", "-d", f"udp.port=={port},ringcast", "-Y", "ringcast.malformed"]
        done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(len(done.stdout.splitlines()), 4, done.stdout + done.stderr)  # an empty packet, "\x00", is none of them


def datagram_capture(path, datagrams, port):
    """UDP over IPv4 over Ethernet, headers as short as a reader takes them."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1))
        for number, data in enumerate(datagrams):
            udp = struct.pack(">HHHH", 1, port, 8 + len(data), 0) + data
            ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0, 0x7F000001, 0x7F000001)
            frame = bytes(12) + b"\x08\x00" + ip + udp
            file.write(struct.pack("<IIII", number, 0, len(frame), len(frame)) + frame)


def spoiled(seed, count):
    """Packets of every kind with bytes changed, cut off or put in."""
    dice = random.Random(seed)
    kinds = [
        realtime.login("psess-0", b"word").encode(),
        realtime.group_request(realtime.JOIN_GROUP, 7, sender=1).encode(),
        realtime.Packet(5, b"payload", target_group=3, sender=2).encode(),
        bytes.fromhex("0a0819da02050801120101"),
    ]
    for _ in range(count):
        data = bytearray(dice.choice(kinds))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            change = dice.randrange(3)
            data[at : at + (change != 2)] = b"" if change == 0 and len(data) > 1 else bytes([dice.randrange(256)])
        yield bytes(data)


@unittest.skipUnless(shutil.which("tshark"), "needs tshark")
class Spoiled(unittest.TestCase):
    def test_nothing_that_is_sent_breaks_the_dissector(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "spoiled.pcap")
            datagram_capture(path, spoiled(1, 3000), 4000)
            command = ["tshark", "-r", path, "-X", f"lua_script:{DISSECTOR}", "-d", "udp.port==4000,ringcast", "-V", "-O", "ringcast"]
            done = subprocess.run(command, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len([line for line in done.stdout.splitlines() if line.startswith("Ringcast")]), 3000)
        self.assertNotIn("Lua Error", done.stdout)
        self.assertIn("Malformed packet", done.stdout)


if __name__ == "__main__":
    unittest.main()
