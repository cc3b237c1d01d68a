"""Looks into a running engine or a core file: gdb -x tools/gdb/ringcast.py PROGRAM CORE, or -p PID; needs debug information.

  ringcast shards           each shard: clock, what it holds, what it routed last
  ringcast sessions         sessions by shard
  ringcast conns            connections by shard: state, player, queue, why it closes
  ringcast probes [SHARD]   the flight recorder, oldest first
"""

import gdb


def text_of(array):
    return array.string(errors="replace") if array.type.code == gdb.TYPE_CODE_ARRAY else str(array)


def short(value):
    """CONN_JOINED and the like, without what is common."""
    return str(value).split("_", 1)[-1].lower()


def enum_text(name, value):
    return short(gdb.Value(int(value)).cast(gdb.lookup_type(f"enum {name}")))


def shards():
    """The engines of this process register their shards for the crash report: that is where they are found."""
    registries = gdb.lookup_static_symbols("panic")  # the library's, and one that a program may have beside it
    if not registries:
        raise gdb.GdbError("no debug information of ringcast here")
    kind = gdb.lookup_type("struct shard").pointer()
    for registry in registries:
        subjects = registry.value()["subjects"]
        first, last = subjects.type.range()
        for i in range(first, last + 1):
            if int(subjects[i]["dump"]) != 0 and int(subjects[i]["subject"]) != 0:
                yield subjects[i]["subject"].cast(kind).dereference()


def living(slab, kind):
    """Objects in use: their generation is odd."""
    pointer = gdb.lookup_type(f"struct {kind}").pointer()
    for i in range(int(slab["high_water"])):
        if int(slab["generations"][i]) & 1:
            yield i, (slab["objects"] + i * int(slab["object_bytes"])).cast(pointer).dereference()


def entries(recorder):
    count, size = int(recorder["count"]), recorder["entries"].type.range()[1] + 1
    for number in range(max(0, count - size), count):
        yield recorder["entries"][number % size]


class Ringcast(gdb.Command):
    """What an engine holds and did: shards, sessions, conns, probes."""

    def __init__(self):
        super().__init__("ringcast", gdb.COMMAND_DATA, prefix=True)


class Shards(gdb.Command):
    """Each shard: clock, what it holds, what it routed last."""

    def __init__(self):
        super().__init__("ringcast shards", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for shard in shards():
            print(f"shard {int(shard['options']['index'])} at {int(shard['now_ns'])}: {int(shard['conns']['count'])} connections, "
                  f"{int(shard['store']['sessions']['count'])} sessions, {int(shard['store']['players']['count'])} players, "
                  f"{int(shard['counters']['ticks'])} ticks")
            routes = [entry for entry in entries(shard["recorder"]) if str(entry["probe"]) == "PROBE_ROUTE"]
            if routes:
                print(f"  last message: opcode {int(routes[-1]['third'])} of peer {int(routes[-1]['second'])}")


class Sessions(gdb.Command):
    """Sessions by shard."""

    def __init__(self):
        super().__init__("ringcast sessions", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for shard in shards():
            for i, session in living(shard["store"]["sessions"], "session"):
                print(f"shard {int(shard['options']['index'])} session {i}: {text_of(session['id'])} \"{text_of(session['name'])}\" "
                      f"{enum_text('session_state', session['state'])}, {int(session['player_count'])} of {int(session['players_max'])} players, "
                      f"{int(session['messages_received'])} messages")


class Conns(gdb.Command):
    """Connections by shard: state, player, queue, why it closes."""

    def __init__(self):
        super().__init__("ringcast conns", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for shard in shards():
            for i, conn in living(shard["conns"], "conn"):
                player = conn["player"]
                who = f"peer {int(player['peer_id'])} of {text_of(player['session']['id'])}" if int(player) != 0 else "nobody yet"
                print(f"shard {int(shard['options']['index'])} conn {i}: {enum_text('conn_state', conn['state'])}, {who}, "
                      f"{int(conn['outq']['pending_bytes'])} bytes wait, close {enum_text('close_reason', conn['close_reason'])}")


class Probes(gdb.Command):
    """The flight recorder of all shards or of one, oldest first."""

    def __init__(self):
        super().__init__("ringcast probes", gdb.COMMAND_DATA)

    def invoke(self, argument, from_tty):
        for shard in shards():
            index = int(shard["options"]["index"])
            if argument.strip() and int(argument) != index:
                continue
            for entry in entries(shard["recorder"]):
                print(f"shard {index} {int(entry['number'])} at {int(entry['now_ns'])} {short(entry['probe'])}: "
                      f"{int(entry['first'])} {int(entry['second'])} {int(entry['third'])}")


for command in (Ringcast, Shards, Sessions, Conns, Probes):
    command()
