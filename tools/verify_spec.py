#!/usr/bin/env python3
"""Holds docs/protocol.md to the engine: usage: verify_spec.py PROTOCOL_MD PACKET_CODEC [PROTO_FOLDER]

Packets made by the engine are decoded with the tables of the page alone and must mean what the engine says they mean. Then the page's
examples, op codes and limits are compared with the engine's own. Exit status 1 and one line per difference when they differ.
"""
import re
import subprocess
import sys
from pathlib import Path

RANDOM_COUNT = 2000
FROM = {("true", "false"): "client", ("false", "true"): "server", ("true", "true"): "both"}
MESSAGE_COLUMNS = ["number", "name", "type", "meaning"]


def plain(cell):
    return cell.strip().strip("`")


def read_tables(text):
    """Every table of the page: (heading above it, its columns, its rows)."""
    heading, tables, current = "", [], None
    for line in text.splitlines():
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
        if not line.startswith("|"):
            current = None
            continue
        cells = [plain(cell) for cell in line.strip().strip("|").split("|")]
        if current is None:
            current = (heading, cells, [])
            tables.append(current)
        elif not set("".join(cells)) <= set("-: "):
            current[2].append(dict(zip(current[1], cells)))
    return tables


class Spec:
    def __init__(self, text):
        tables = read_tables(text)
        self.messages, self.wire_types = {}, {}
        for heading, columns, rows in tables:
            if columns == MESSAGE_COLUMNS:
                self.messages[heading] = {int(row["number"]): row for row in rows}
            elif columns[:2] == ["type", "wire type"]:
                self.wire_types = {row["type"]: int(row["wire type"]) for row in rows}
        self.opcodes = self.rows_with(tables, "op code", "number")
        self.gate = self.rows_with(tables, "op code", "stream login")
        self.costs = self.rows_with(tables, "op code", "answer at most")
        self.limits = self.rows_with(tables, "limit", "value")
        self.examples = self.rows_with(tables, "name", "packet")

    @staticmethod
    def rows_with(tables, *columns):
        found = [rows for _, names, rows in tables if names[:len(columns)] == list(columns)]
        if len(found) != 1 or not found[0]:
            raise ValueError(f"expected one table that begins with {columns}, found {len(found)}")
        return found[0]

    def wire_type(self, type_name):
        return self.wire_types["message" if type_name in self.messages else type_name]


class Reader:
    def __init__(self, data):
        self.data, self.position = data, 0

    def varint(self):
        value = shift = 0
        while True:
            byte = self.take(1)[0]
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def take(self, size):
        if size > len(self.data) - self.position:
            raise ValueError("cut short")
        self.position += size
        return self.data[self.position - size:self.position]

    def is_at_end(self):
        return self.position == len(self.data)


def signed(value):
    value &= 0xFFFFFFFF
    return value - 2**32 if value >= 2**31 else value


def scalar(type_name, value):
    if type_name == "sint32":
        value &= 0xFFFFFFFF
        return signed(value >> 1 ^ -(value & 1))
    return int(value != 0) if type_name == "bool" else signed(value)


def read_list(data):
    reader, values = Reader(data), []
    while not reader.is_at_end():
        values.append(str(signed(reader.varint())))
    return ",".join(values)


def decode(spec, message, data, path=""):
    """The message in words path=value, as the engine's codec prints them. The page says: ascending, each field once, no zero."""
    fields, words, reader, last = spec.messages[message], set(), Reader(data), 0
    while not reader.is_at_end():
        number, wire_type = divmod(reader.varint(), 8)
        row = fields.get(number)
        if row is None:
            raise ValueError(f"{message} has no field {number} in the document")
        name, type_name = path + row["name"], row["type"]
        if wire_type != spec.wire_type(type_name):
            raise ValueError(f"{name}: wire type {wire_type}, the document says {spec.wire_type(type_name)}")
        if number <= last:
            raise ValueError(f"{name}: fields are not in ascending order")
        last = number
        value = reader.varint() if wire_type == 0 else reader.take(reader.varint())
        if type_name in spec.messages:
            words |= {name + "={}"} | decode(spec, type_name, value, name + ".")
        elif not value:
            raise ValueError(f"{name} is written although it is empty")
        elif wire_type == 0:
            words.add(f"{name}={scalar(type_name, value)}")
        else:
            words.add(f"{name}={read_list(value) if type_name == 'list' else value.hex()}")
    return words


def decode_packet(spec, data):
    reader = Reader(data)
    if reader.varint() != len(data) - reader.position:
        raise ValueError("the length prefix does not cover the packet")
    return decode(spec, "Packet", data[reader.position:])


def check_packets(spec, lines, problems):
    """Each line: NAME HEX WORDS. Returns the number of packets and the fields that occurred in them."""
    seen = set()
    for name, packet, *words in lines:
        try:
            found = decode_packet(spec, bytes.fromhex(packet))
        except ValueError as error:
            problems.append(f"{name} {packet}: {error}")
            continue
        if found != set(words):
            problems.append(f"{name} {packet}: the document reads {sorted(found ^ set(words))} differently")
        seen |= {word.split("=")[0] for word in found}
    return seen


def check_coverage(spec, seen, problems):
    """A row that no packet ever touches would be a row that nobody verifies."""
    for row in spec.messages["Packet"].values():
        expected = {row["name"]}
        if row["type"] in spec.messages:
            expected |= {f"{row['name']}.{field['name']}" for field in spec.messages[row["type"]].values()}
        for path in expected - seen:
            problems.append(f"no packet made by the engine has {path}")


def check_examples(spec, vectors, problems):
    documented = {row["name"]: row["packet"] for row in spec.examples}
    made = {name: packet for name, packet, *_ in vectors}
    for name in documented.keys() | made.keys():
        if documented.get(name) != made.get(name):
            problems.append(f"example {name}: the document has {documented.get(name)}, the engine makes {made.get(name)}")


def check_commands(spec, vectors, problems):
    """A captured packet of the protocol's own carries the command that its op code's row names."""
    rows = {int(row["number"]): row for row in spec.opcodes}
    for name, _, *words in vectors:
        values = dict(word.split("=", 1) for word in words)
        row = rows.get(int(values.get("opCode", 0)))
        if row is not None and row["command"] not in values:
            problems.append(f"example {name}: op code {row['number']} should carry {row['command']}")


def check_opcodes(spec, source, problems):
    documented = {(row["op code"], int(row["number"]), row["from"]) for row in spec.opcodes}
    pattern = re.compile(r"^OPCODE\((\w+), (-?\d+), (true|false), (true|false),", re.M)
    defined = {(name, int(number), FROM[client, server]) for name, number, client, server in pattern.findall(source)}
    for row in documented ^ defined:
        problems.append(f"op code {row}: in {'the document' if row in documented else 'opcode.def'} only")


def check_gate(spec, source, problems):
    """Row by row and place by place: gate.def has the columns in the order of the page."""
    documented = {row["op code"]: [cell if cell != "-" else "drop" for cell in list(row.values())[1:]] for row in spec.gate}
    defined = {name: [cell.strip().lower() for cell in cells.split(",")] for name, cells in re.findall(r"^GATE\((\w+),(.*)\)$", source, re.M)}
    for name in sorted(documented.keys() | defined.keys()):
        if documented.get(name) != defined.get(name):
            problems.append(f"gate {name}: the document has {documented.get(name)}, gate.def {defined.get(name)}")
    missing = {row["op code"] for row in spec.opcodes} - defined.keys()
    if missing:
        problems.append(f"op codes without a row in gate.def: {sorted(missing)}")


def check_costs(spec, source, problems):
    """What each op code makes the server send, as cost.def says it."""
    words = {"NOTHING": "-", "NO_MORE": "no more", "RESULT": "result", "LIST": "list", "COPY": "copy"}
    documented = {row["op code"]: [cell.replace("`", "") for cell in list(row.values())[1:]] for row in spec.costs}
    pattern = re.compile(r'^COST\((\w+), +(\w+), +(\w+), +"(.*)"\)$', re.M)
    defined = {name: [words[answer], words[others], text.replace("`", "") or "-"] for name, answer, others, text in pattern.findall(source)}
    for name in sorted(documented.keys() | defined.keys()):
        if documented.get(name) != defined.get(name):
            problems.append(f"cost {name}: the document has {documented.get(name)}, cost.def {defined.get(name)}")


def check_limits(spec, source, problems):
    defined = {name: int(value) for name, value in re.findall(r"^\t(PROTO_\w+) = (-?\d+),", source, re.M)}
    documented = set()
    for row in spec.limits:
        name = row["constant"]
        documented.add(name)
        if defined.get(name) != int(row["value"]):
            problems.append(f"limit {name}: the document says {row['value']}, limits.h {defined.get(name)}")
    for name in defined.keys() - documented:
        if "PEER" not in name and "GROUP" not in name and "WEBSOCKET" not in name:
            problems.append(f"limit {name} is not in the document")


def codec_lines(codec, *arguments):
    output = subprocess.run([codec, *arguments], check=True, stdout=subprocess.PIPE, text=True).stdout
    return [line.split() for line in output.splitlines()]


def main():
    document, codec = Path(sys.argv[1]), sys.argv[2]
    proto = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(__file__).resolve().parent.parent / "proto"
    spec, problems = Spec(document.read_text()), []
    vectors = codec_lines(codec, "vectors")
    random = codec_lines(codec, "random", "20260101", str(RANDOM_COUNT))
    seen = check_packets(spec, vectors + random, problems)
    check_coverage(spec, seen, problems)
    check_examples(spec, vectors, problems)
    check_commands(spec, vectors, problems)
    check_opcodes(spec, (proto / "opcode.def").read_text(), problems)
    check_gate(spec, (proto / "gate.def").read_text(), problems)
    check_costs(spec, (proto / "cost.def").read_text(), problems)
    check_limits(spec, (proto / "limits.h").read_text(), problems)
    for problem in problems:
        print(problem)
    print(f"{len(vectors) + len(random)} packets, {len(spec.messages)} messages, {len(spec.opcodes)} op codes: {len(problems)} differences")
    return 1 if problems or len(random) != RANDOM_COUNT else 0


if __name__ == "__main__":
    sys.exit(main())
