#!/usr/bin/python3
"""Our packet codec against Google's protobuf, both ways: usage: test_protobuf_peer.py CODEC PROTOC PROTO_FILE [SEED [COUNT]]

1. Messages drawn here, serialized by protobuf, decoded by us: same meaning.
2. The same messages encoded by us: same bytes.
3. Packets drawn and encoded by us, parsed by protobuf: same meaning, and serialized again the same bytes.
4. Wild bodies (unknown fields, foreign wire types, repetitions, odd varints, cut ends): both accept or both refuse, with
   one meaning. Left out of the wild: what docs/protocol.md lists as stricter than protobuf.
"""
import random
import subprocess
import sys
import tempfile
from pathlib import Path

ODD_INTS = [0, 0, 1, -1, 63, 64, -64, -65, 127, 128, 16383, 16384, 2**31 - 1, -2**31]
COMMANDS = {  # field number of the oneof -> the messages with int fields only, used by the wild generator
    30: "login", 31: "loginResult", 32: "ping", 34: "udpConnect", 35: "playerConnect", 37: "verifyIdentity",
    38: "verifyIdentityResult", 40: "joinGroup", 43: "groupMembershipUpdate",
}


def load_bindings(protoc, proto_file, folder):
    subprocess.run([protoc, f"--proto_path={proto_file.parent}", f"--python_out={folder}", str(proto_file)], check=True)
    sys.path.insert(0, folder)
    import realtime_pb2
    return realtime_pb2


class Codec:
    def __init__(self, path):
        self.process = subprocess.Popen([path, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request):
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().rstrip("\n")

    def decode(self, packet):
        return self.ask("decode " + packet.hex())

    def encode(self, words):
        return bytes.fromhex(self.ask("encode " + words))

    def close(self):
        self.process.stdin.close()
        return self.process.wait()


def varint(value):
    value &= 2**64 - 1
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def framed(body):
    return varint(len(body)) + body


def without_prefix(packet):
    size = shift = index = 0
    while True:
        byte = packet[index]
        size |= (byte & 0x7F) << shift
        shift += 7
        index += 1
        if byte < 0x80:
            break
    assert size == len(packet) - index
    return packet[index:]


def word_of(path, field, value):
    if field.label == field.LABEL_REPEATED:
        return f"{path}=" + ",".join(str(item) for item in value) if value else None
    if field.type == field.TYPE_BOOL:
        return f"{path}=1" if value else None
    if field.type == field.TYPE_STRING:
        value = value.encode()
    if isinstance(value, bytes):
        return f"{path}={value.hex()}" if value else None
    return f"{path}={value}" if value != 0 else None


def words_of(message):
    """The message in the codec's words, as a set: the order is nobody's concern."""
    found = set()
    command = message.WhichOneof("message")
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is None:
            found.add(word_of(field.name, field, getattr(message, field.name)))
    if command:
        found.add(command + "={}")
        inner = getattr(message, command)
        for field in inner.DESCRIPTOR.fields:
            found.add(word_of(f"{command}.{field.name}", field, getattr(inner, field.name)))
    return found - {None}


def draw_int(rng):
    if rng.random() < 0.5:
        return rng.choice(ODD_INTS)
    return rng.randint(-2**31, 2**31 - 1) >> rng.randrange(32)


def draw_field(rng, message, field):
    if rng.random() < 0.3:
        return
    if field.label == field.LABEL_REPEATED:
        getattr(message, field.name).extend(draw_int(rng) for _ in range(rng.randrange(40)))
    elif field.type == field.TYPE_BOOL:
        setattr(message, field.name, rng.random() < 0.5)
    elif field.type == field.TYPE_STRING:
        setattr(message, field.name, "".join(rng.choice("az09-\u00e9\u20ac\U0001d11e") for _ in range(rng.randrange(60))))
    elif field.type == field.TYPE_BYTES:
        setattr(message, field.name, rng.randbytes(rng.choice([0, 1, 20, 127, 128, 1200, 4096])))
    else:
        setattr(message, field.name, draw_int(rng))


def draw_message(rng, bindings):
    message = bindings.Packet()
    oneof = message.DESCRIPTOR.oneofs_by_name["message"]
    for field in message.DESCRIPTOR.fields:
        if field.containing_oneof is None:
            draw_field(rng, message, field)
    if rng.random() < 0.8:
        command = getattr(message, rng.choice(oneof.fields).name)
        command.SetInParent()
        for field in command.DESCRIPTOR.fields:
            draw_field(rng, command, field)
    return message


def check_drawn_here(rng, codec, bindings, count):
    for _ in range(count):
        message = draw_message(rng, bindings)
        packet = framed(message.SerializeToString())
        words = words_of(message)
        assert set(codec.decode(packet).split()) == words, (packet.hex(), words)
        assert codec.encode(" ".join(sorted(words))) == packet, (packet.hex(), words)


def check_drawn_by_codec(codec_path, bindings, seed, count):
    output = subprocess.run([codec_path, "random", str(seed), str(count)], check=True, stdout=subprocess.PIPE, text=True).stdout
    lines = output.splitlines()
    assert len(lines) == count
    for line in lines:
        _, packet, *words = line.split()
        body = without_prefix(bytes.fromhex(packet))
        message = bindings.Packet.FromString(body)
        assert words_of(message) == set(words), line
        assert message.SerializeToString(deterministic=True) == body, line


def wild_varint(rng):
    value = varint(rng.choice([draw_int(rng), rng.getrandbits(64), rng.getrandbits(33)]))
    if rng.random() < 0.1 and len(value) < 9:  # not the shortest form
        value = value[:-1] + bytes([value[-1] | 0x80]) + b"\x80" * rng.randrange(9 - len(value)) + b"\x00"
    return value


def wild_value(rng, wire_type, number, command):
    """command is the oneof's number when the value stands inside one, else 0."""
    if wire_type == 0:
        return wild_varint(rng)
    if wire_type == 1:
        return rng.randbytes(8)
    if wire_type == 5:
        return rng.randbytes(4)
    if command == 0 and number in COMMANDS and rng.random() < 0.95:
        return framed(wild_body(rng, number))
    if command == 43 and number == 2:
        return framed(b"".join(wild_varint(rng) for _ in range(rng.randrange(5))))
    return framed(bytes(rng.randrange(0x20, 0x7F) for _ in range(rng.randrange(12))))


def wild_body(rng, command=0):
    fields = []
    for _ in range(rng.randrange(7)):
        numbers = range(1, 9) if command else [1, 2, 3, 4, 5, 6, 7, 8, 14, 15, 16, 29, 39, 44, 1000, 2**29 - 1] + list(COMMANDS)
        number = rng.choice(list(numbers))
        expected = 2 if (number >= 15 or command and rng.random() < 0.4) else 0
        wire_type = expected if rng.random() < 0.85 else rng.choice([0, 1, 2, 5])
        fields.append(varint(number << 3 | wire_type) + wild_value(rng, wire_type, number, command))
    return b"".join(fields)


def check_wild(rng, codec, bindings, count):
    from google.protobuf.message import DecodeError
    accepted = refused = 0
    for _ in range(count):
        body = wild_body(rng)
        if rng.random() < 0.3 and body:
            body = body[:rng.randrange(len(body))]
        try:
            theirs = words_of(bindings.Packet.FromString(body))
        except DecodeError:
            theirs = None
        ours = codec.decode(framed(body))
        if theirs is None:
            refused += 1
            assert ours == "error packet is malformed", (body.hex(), ours)
            continue
        accepted += 1
        if body.count(bytes.fromhex("da02")) > 1:
            continue  # a second membership update replaces the first here and merges there
        assert not ours.startswith("error"), (body.hex(), ours, theirs)
        assert set(ours.split()) == theirs, (body.hex(), ours, theirs)
    assert accepted > count // 4 and refused > count // 20, (accepted, refused)
    return accepted, refused


def main():
    codec_path, protoc, proto_file = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    seed = int(sys.argv[4]) if len(sys.argv) > 4 else 20260101
    count = int(sys.argv[5]) if len(sys.argv) > 5 else 3000
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as folder:
        bindings = load_bindings(protoc, proto_file, folder)
        codec = Codec(codec_path)
        check_drawn_here(rng, codec, bindings, count)
        check_drawn_by_codec(codec_path, bindings, seed, count)
        accepted, refused = check_wild(rng, codec, bindings, 2 * count)
        assert codec.close() == 0
    print(f"seed {seed}: {count} packets each way, wild bodies: {accepted} read alike, {refused} refused alike")


if __name__ == "__main__":
    main()
