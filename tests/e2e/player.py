"""A player of a session, on python3-websockets and a UDP socket, as the Realtime clients behave."""

import asyncio

import websockets

import realtime
from realtime import Packet

WAIT_SECONDS = 30  # only to end a test that has failed; nothing is measured


class Refused(Exception):
    """The login was answered with success = false; code and reason are those of the close frame that followed."""

    def __init__(self, code, reason):
        super().__init__(f"login refused, closed with {code} {reason}")
        self.code, self.reason = code, reason


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, player):
        self.player = player

    def datagram_received(self, data, _address):
        self.player.take(data, "udp")


class Player:
    def __init__(self, websocket, host):
        self.websocket, self.host = websocket, host
        self.queue = asyncio.Queue()
        self.udp = None
        self.udp_sequence = 0
        self.udp_last_sequence = -1
        self.peer_id = self.fast_port = 0
        self.reader = None

    @classmethod
    async def connect(cls, daemon, host="127.0.0.1", path="/websocket", **options):
        literal = f"[{host}]" if ":" in host else host
        websocket = await websockets.connect(f"ws://{literal}:{daemon.tcp_port}{path}", ping_interval=None, max_size=None, **options)
        return cls(websocket, host)

    @classmethod
    async def join(cls, daemon, session=None, token=None, udp=False, payload=b"", **options):
        """Reserves unless there is a token, connects, logs in; with udp goes through the handshake too."""
        player = await cls.connect(daemon, **options)
        await player.login(daemon.reserve(session) if token is None else token, payload)
        if udp:
            await player.open_udp()
            await player.finish_udp()
        return player

    async def login(self, token, payload=b"", **fields):
        """Raises Refused, after the server has closed."""
        await self.websocket.send(realtime.login(token, payload, **fields).encode())
        result = realtime.login_result(realtime.decode(await self._receive_frame(), "ws"))
        if not result.success:
            await asyncio.wait_for(self.websocket.wait_closed(), WAIT_SECONDS)
            raise Refused(self.websocket.close_code, self.websocket.close_reason)
        if result.peer_id != result.target_player or result.peer_id <= 0:
            raise AssertionError(f"peer id in only one of its two places: {result}")
        self.peer_id, self.fast_port = result.peer_id, result.fast_port
        self.reader = asyncio.create_task(self._read())
        return result

    async def _receive_frame(self):
        frame = await asyncio.wait_for(self.websocket.recv(), WAIT_SECONDS)
        if not isinstance(frame, bytes):
            raise AssertionError(f"a text frame: {frame!r}")
        return frame

    async def _read(self):
        try:
            while True:
                self.take(await self.websocket.recv(), "ws")
        except websockets.ConnectionClosed:
            pass

    def take(self, data, channel):
        """Queues the packet, or what is wrong with it for the test to trip over."""
        try:
            packet = realtime.decode(data, channel)
            self._check_sequence(packet)
            self.queue.put_nowait(packet)
        except (AssertionError, ValueError, IndexError, TypeError) as error:
            self.queue.put_nowait(error)

    def _check_sequence(self, packet):
        """Clients drop an old or repeated datagram; here it is an error of the server."""
        if packet.channel == "ws":
            if packet.sequence != 0:
                raise AssertionError(f"a sequence number on the stream: {packet}")
            return
        if packet.sequence <= self.udp_last_sequence:
            raise AssertionError(f"datagram {packet.sequence} after {self.udp_last_sequence}")
        self.udp_last_sequence = packet.sequence

    async def open_udp(self, local=None):
        """-5 until -6 comes; leaves the client's -7 unsent."""
        if self.fast_port == 0:
            raise AssertionError("no UDP port was offered")
        await self.bind_udp(local)
        while True:
            self.send_udp(Packet(realtime.UDP_CONNECT, command=realtime.COMMAND_UDP_CONNECT, target_player=realtime.SERVER))
            try:
                packet = await self.receive(0.5)
            except asyncio.TimeoutError:
                continue
            if packet.opcode == realtime.UDP_CONNECT_SERVER_ACK and packet.channel == "udp":
                return packet
            raise AssertionError(f"wanted the server's ack, came {packet}")

    async def bind_udp(self, local=None):
        loop = asyncio.get_running_loop()
        self.udp, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self), local_addr=local, remote_addr=(self.host, self.fast_port)
        )

    async def finish_udp(self):
        """-7, and a message to itself that proves that the server now sends datagrams."""
        self.send_udp(Packet(realtime.UDP_CONNECT_CLIENT_ACK, command=realtime.COMMAND_UDP_CONNECT, target_player=realtime.SERVER))
        while True:
            self.send_udp(Packet(999, b"up", target_player=self.peer_id))
            try:
                packet = await self.receive(0.5)
            except asyncio.TimeoutError:
                continue
            if packet.opcode == 999 and packet.channel == "udp":
                return

    def send_udp(self, packet, sequence=None, sender=None):
        packet.sender = self.peer_id if sender is None else sender
        packet.sequence = self.udp_sequence if sequence is None else sequence
        if sender is None:  # what is sent in somebody else's name does not count as one's own
            self.udp_sequence = max(self.udp_sequence, packet.sequence + 1)
        self.udp.sendto(packet.encode())

    async def send(self, opcode, payload=b"", player=0, group=0, sender=None):
        """On the stream."""
        packet = Packet(opcode, payload, player, group, self.peer_id if sender is None else sender, reliable=True)
        await self.websocket.send(packet.encode())

    def send_fast(self, opcode, payload=b"", player=0, group=0):
        self.send_udp(Packet(opcode, payload, player, group))

    async def group_request(self, opcode, group):
        await self.websocket.send(realtime.group_request(opcode, group, sender=self.peer_id, reliable=True).encode())

    async def receive(self, seconds=WAIT_SECONDS):
        packet = await asyncio.wait_for(self.queue.get(), seconds)
        if isinstance(packet, Exception):
            raise packet
        return packet

    async def expect(self, opcode, payload=None, sender=None, channel=None):
        """The very next packet must be this one."""
        packet = await self.receive()
        wanted = Packet(opcode, packet.payload if payload is None else payload, channel=channel or packet.channel)
        wanted.sender = packet.sender if sender is None else sender
        if (wanted.opcode, wanted.payload, wanted.sender, wanted.channel) != (packet.opcode, packet.payload, packet.sender, packet.channel):
            raise AssertionError(f"peer {self.peer_id}: wanted {wanted}, came {packet}")
        return packet

    async def expect_nothing(self):
        """Nothing is on its way: a message to itself overtakes nothing on the stream, so it must be the next."""
        await self.send(998, b"fence", player=self.peer_id)
        await self.expect(998, b"fence")

    async def skip_to_fence(self, opcode):
        """Takes everything that is on its way, all of this op code; returns how many there were."""
        await self.send(998, b"fence", player=self.peer_id)
        count = 0
        while (packet := await self.receive()).opcode == opcode:
            count += 1
        if packet.opcode != 998:
            raise AssertionError(f"neither {opcode} nor the fence: {packet}")
        return count

    async def expect_membership(self, group, players):
        packet = await self.expect(realtime.GROUP_MEMBERSHIP_UPDATE, channel="ws")
        found = realtime.membership(packet)
        if found != (group, sorted(players)):
            raise AssertionError(f"wanted group {group} with {players}, came {found}")

    async def expect_close(self, code):
        await asyncio.wait_for(self.websocket.wait_closed(), WAIT_SECONDS)
        if self.websocket.close_code != code:
            raise AssertionError(f"closed with {self.websocket.close_code} {self.websocket.close_reason}, wanted {code}")
        return self.websocket.close_reason

    async def leave(self):
        if self.udp:
            self.udp.close()
        await self.websocket.close()
        if self.reader:
            await self.reader


async def until(condition):
    """Polls what has no event to wait for, such as a counter in /metrics."""
    loop = asyncio.get_running_loop()
    end = loop.time() + WAIT_SECONDS
    while not condition():
        if loop.time() > end:
            raise AssertionError("it did not become true")
        await asyncio.sleep(0.02)
