"""The Realtime packet, written a second time from its schema: what the tests send and read shares no code with the engine."""

import dataclasses

SERVER = -1
EVERYONE = -1

LOGIN = 0
LOGIN_RESPONSE = -1
UDP_CONNECT = -5
UDP_CONNECT_SERVER_ACK = -6
UDP_CONNECT_CLIENT_ACK = -7
JOIN_GROUP = -10
LEAVE_GROUP = -11
REQUEST_GROUP_MEMBERSHIP = -12
GROUP_MEMBERSHIP_UPDATE = -13

# Field numbers of the packet's oneof.
COMMAND_LOGIN = 30
COMMAND_LOGIN_RESULT = 31
COMMAND_UDP_CONNECT = 34
COMMAND_JOIN_GROUP = 40
COMMAND_LEAVE_GROUP = 41
COMMAND_REQUEST_GROUP_MEMBERSHIP = 42
COMMAND_GROUP_MEMBERSHIP_UPDATE = 43

VARINT, BYTES = 0, 2


def varint(value):
    """An unsigned varint; negative numbers as protobuf's int32 writes them, in ten bytes."""
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def field(number, value):
    """One field: a varint for a number, length and bytes for bytes. Zero and empty are left out, as proto3 does."""
    if isinstance(value, bytes):
        return varint(number << 3 | BYTES) + varint(len(value)) + value if value else b""
    return varint(number << 3 | VARINT) + varint(value) if value else b""


def submessage(number, body):
    """A message is written even when empty: that it is there is its meaning."""
    return varint(number << 3 | BYTES) + varint(len(body)) + body


def read_varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            return value, at
        if shift > 63:
            raise ValueError("varint longer than ten bytes")


def signed(value):
    return value - (1 << 64) if value >= 1 << 63 else value


def read_fields(data):
    """All fields of a message: a list of (number, value), where value is an int or bytes."""
    fields, at = [], 0
    while at < len(data):
        key, at = read_varint(data, at)
        if key & 7 == VARINT:
            value, at = read_varint(data, at)
            value = signed(value)
        elif key & 7 == BYTES:
            size, at = read_varint(data, at)
            value = bytes(data[at : at + size])
            if len(value) != size:
                raise ValueError("field longer than its message")
            at += size
        else:
            raise ValueError(f"wire type {key & 7}")
        fields.append((key >> 3, value))
    return fields


@dataclasses.dataclass(repr=False)
class Packet:
    opcode: int = 0
    payload: bytes = b""
    target_player: int = 0
    target_group: int = 0
    sender: int = 0
    sequence: int = 0
    reliable: bool = False
    command: int = 0
    body: bytes = b""
    channel: str = ""  # received packets: "ws" or "udp"

    def encode(self):
        data = field(1, self.opcode << 1 ^ self.opcode >> 63)
        data += field(2, self.sequence) + field(3, self.target_player) + field(4, self.target_group) + field(5, self.sender)
        data += field(6, int(self.reliable)) + field(15, self.payload)
        if self.command:
            data += submessage(self.command, self.body)
        return varint(len(data)) + data

    def __repr__(self):
        payload = self.payload if len(self.payload) <= 32 else self.payload[:24] + b"... %d bytes" % len(self.payload)
        fields = f"opcode={self.opcode} sender={self.sender} to={self.target_player}/{self.target_group} sequence={self.sequence}"
        return f"<{self.channel} {fields} reliable={self.reliable} command={self.command} payload={payload!r}>"

    def body_fields(self):
        return dict(read_fields(self.body))


NAMES = {2: "sequence", 3: "target_player", 4: "target_group", 5: "sender", 15: "payload"}


def decode(data, channel=""):
    """Exactly one length-prefixed packet; anything else raises ValueError."""
    size, at = read_varint(data, 0)
    if len(data) - at != size:
        raise ValueError(f"length prefix {size}, but {len(data) - at} bytes follow")
    packet = Packet(channel=channel)
    for number, value in read_fields(data[at:]):
        if number == 1:
            packet.opcode = value >> 1 ^ -(value & 1)
        elif number == 6:
            packet.reliable = bool(value)
        elif number in NAMES:
            setattr(packet, NAMES[number], value)
        elif number >= 30:
            packet.command, packet.body = number, value
        else:
            raise ValueError(f"unknown field {number}")
    return packet


def login(token, payload=b"", **fields):
    body = field(1, token.encode()) + field(2, 2)
    return Packet(LOGIN, payload, target_player=SERVER, reliable=True, command=COMMAND_LOGIN, body=body, **fields)


def group_request(opcode, group, **fields):
    return Packet(opcode, target_player=SERVER, command=30 - opcode, body=field(1, group), **fields)


@dataclasses.dataclass
class LoginResult:
    success: bool
    peer_id: int
    fast_port: int
    target_player: int
    ca_cert: str = ""
    connect_token: str = ""


def login_result(packet):
    if packet.opcode != LOGIN_RESPONSE or packet.command != COMMAND_LOGIN_RESULT:
        raise ValueError(f"not a login result: {packet}")
    fields = packet.body_fields()
    texts = [fields.get(number, b"").decode() for number in (5, 6)]
    return LoginResult(bool(fields.get(1, 0)), fields.get(3, 0), fields.get(4, 0), packet.target_player, *texts)


def membership(packet):
    """(group, sorted peer ids) of a membership update. The players are packed."""
    if packet.opcode != GROUP_MEMBERSHIP_UPDATE or packet.command != COMMAND_GROUP_MEMBERSHIP_UPDATE:
        raise ValueError(f"not a membership update: {packet}")
    group, players = 0, []
    for number, value in read_fields(packet.body):
        if number == 1:
            group = value
        elif isinstance(value, bytes):
            at = 0
            while at < len(value):
                peer, at = read_varint(value, at)
                players.append(peer)
        else:
            players.append(value)
    return group, sorted(players)
