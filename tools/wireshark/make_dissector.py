#!/usr/bin/env python3
"""make_dissector.py TEMPLATE REALTIME_PROTO OPCODE_DEF CLOSE_DEF OUTPUT: the dissector, with the tables of the schema, op codes and close codes."""
import json
import re
import sys

SCALARS = {"int32", "sint32", "bool", "string", "bytes"}


def snake(name):
    """playerSessionId: player_session_id. The op code is one word with us."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower().replace("op_code", "opcode")


def title(name):
    words = snake(name).replace("opcode", "op code").replace("_", " ")
    return words[0].upper() + words[1:]


def schema(text):
    """Message name -> list of (number, name, type, is repeated)."""
    messages = {}
    for name, body in re.findall(r"message (\w+) \{\n(.*?)^\}", text, re.DOTALL | re.MULTILINE):
        rows = re.findall(r"^\s+(repeated )?(\w+) (\w+) = (\d+);", body, re.MULTILINE)
        messages[name] = [(int(number), field, kind, bool(repeated)) for repeated, kind, field, number in rows]
    return messages


def field_row(number, name, kind, is_repeated):
    kind_text, message = (kind, None) if kind in SCALARS else ("message", kind)
    row = f'[{number}] = {{ name = "{snake(name)}", title = "{title(name)}", kind = "{"list" if is_repeated else kind_text}"'
    return row + (f', message = "{message}" }}' if message else " }")


def table(name, rows):
    return "\n".join([f"local {name} = {{"] + [f"\t{row}," for row in rows] + ["}"])


def messages_table(messages):
    rows = []
    for message, message_fields in messages.items():
        rows.append(f"{message} = {{" + "".join(f"\n\t\t{field_row(*field)}," for field in message_fields) + ("\n\t}" if message_fields else "}"))
    return table("MESSAGES", rows)


def main():
    template, proto, opcodes, closes, output = (open(path).read() if index < 4 else path for index, path in enumerate(sys.argv[1:]))
    opcode_rows = re.findall(r"^OPCODE\((\w+), (-?\d+),", opcodes, re.MULTILINE)
    close_rows = re.findall(r'^CLOSE\(\w+, (\d+), "\w+", ("(?:[^"\\]|\\.)*")', closes, re.MULTILINE)
    messages = schema(proto)
    if not opcode_rows or not close_rows or "Packet" not in messages:
        sys.exit("the schema, the op codes or the close codes are not written as this program reads them")
    reasons = {}
    for code, text in close_rows: # 0: no close frame is sent
        if code == "0":
            continue
        reasons.setdefault(int(code), []).append(json.loads(text))
    tables = [
        messages_table(messages),
        table("OPCODES", [f'[{number}] = "{name}"' for name, number in opcode_rows]),
        table("CLOSE_REASONS", [f"[{code}] = {json.dumps('; or '.join(texts))}" for code, texts in sorted(reasons.items())]),
    ]
    with open(output, "w") as file:
        file.write(template.replace("@TABLES@", "\n\n".join(tables)))


if __name__ == "__main__":
    main()
