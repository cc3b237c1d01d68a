#!/usr/bin/env python3
"""Fails on an include that points upward or sideways, and on a circle of folders: the house's rules as data. See docs/architecture.md, "Layers"."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent

# folder -> folders of ours whose headers it may include, or single headers (itself always)
MAY_INCLUDE = {
    "engine/include/ringcast": set(),
    "engine/base": set(),
    "proto": {"engine/base"},
    "proto/clients/server_sdk": {"proto", "engine/base"},
    "proto/clients/c": {"proto", "engine/base", "engine/crypto"},
    "engine/buf": {"engine/base"},
    "engine/io": {"engine/base", "engine/buf"},
    "engine/crypto": {"engine/base", "engine/buf"},
    "engine/transport": {"engine/base", "engine/buf", "proto", "engine/io", "engine/crypto"},
    "engine/jwt": {"engine/base"},
    "engine/session": {"engine/base", "engine/buf", "proto"},
    "scripting": {"engine/base", "engine/buf", "proto", "engine/session"},
    "engine/shard": {"engine/base", "engine/jwt", "engine/buf", "proto", "engine/io", "engine/crypto", "engine/transport", "engine/session", "engine/include/ringcast"},
    "engine/metrics": {"engine/base", "engine/include/ringcast"},
    "engine/ask": {"engine/base", "engine/shard/mailbox.h", "engine/include/ringcast"},
    "engine/scripts": {"engine/base", "engine/io", "engine/session", "engine/shard", "scripting", "engine/include/ringcast"},
    "engine/sidecars": {"engine/base", "engine/io", "scripting", "engine/include/ringcast"},
    "engine/security": {"engine/base", "engine/io", "engine/crypto", "engine/shard", "engine/include/ringcast"},
    "engine/life": {"engine/base", "engine/io", "engine/session", "engine/shard", "engine/ask", "engine/scripts", "engine/sidecars", "engine/security",
                    "engine/jwt", "engine/include/ringcast"},
    "engine/api": {"engine/base", "engine/io", "engine/transport", "engine/session", "engine/shard", "engine/ask", "engine/scripts", "engine/sidecars",
                   "engine/security", "engine/life", "engine/jwt", "scripting/event.h", "engine/include/ringcast"},
    "engine/control": {"engine/base", "engine/metrics", "proto/packet.h", "engine/service", "engine/service/operations/reference.h", "engine/service/operations/overview.h", "engine/include/ringcast"},
    "engine/service/api": {"engine/base"},
    "engine/service/search": {"engine/base"},
    "engine/service/match": {"engine/base"},
    "engine/service/place": {"engine/base"},
    "engine/service/events": {"engine/base"},
    "engine/service/model": {"engine/base", "engine/service/hosts/host.h", "engine/service/api/compute_token.h", "engine/service/events/event.h"},
    "engine/service/matchmaking": {"engine/base", "engine/service/match", "engine/service/model"},
    "engine/service/hosts": {"engine/base", "engine/include/ringcast"},
    "engine/service/agent": {"engine/base"},
    "engine/service/hosts/server_sdk": {"engine/base", "proto", "engine/service/hosts", "engine/service/agent", "engine/service/api/compute_token.h"},
    "engine/service/store": {"engine/base", "engine/service/model"},
    "engine/service/operations": {"engine/base", "engine/service/place", "engine/service/api", "engine/service/search", "engine/service/match/rule_set.h", "engine/service/matchmaking", "engine/service/model", "engine/service/hosts"},
    "engine/service": {"engine/base", "proto", "engine/service/place", "engine/service/api", "engine/service/events", "engine/service/matchmaking", "engine/service/model", "engine/service/hosts", "engine/service/hosts/server_sdk",
                       "engine/service/store", "engine/service/operations",
                       "engine/include/ringcast"},
    "engine/main.c": {"engine/control", "engine/metrics", "engine/include/ringcast"},
    "tools/ringcast": {"engine/service/match", "engine/jwt", "proto", "proto/clients/c", "engine/base", "engine/crypto", "engine/include/ringcast", "engine/service/store", "engine/service/model/record.h"},
    "bench/micro": {"engine/service/match", "engine/service/place", "scripting", "engine/session", "engine/buf", "engine/base", "engine/crypto", "proto"},
    "bench/service": {"bench/histogram.h", "engine/base", "engine/service", "engine/service/hosts", "engine/service/model", "engine/service/operations", "engine/include/ringcast"},
    "bench": {"tools/ringcast", "proto", "proto/clients/c", "engine/base", "engine/crypto", "engine/include/ringcast"},
}

# system header -> only these files may include it
ONLY_IN = {
    "liburing.h": r"(engine/io/io_uring[^/]*|bench/micro/(login_floor|udp_gro|udp_live))\.[ch]$",
    "xdp/xsk.h": r"(engine/io/xdp|bench/micro/xdp_floor)\.c$",
    "bpf/bpf.h": r"engine/io/steering\.c$",
    "xxhash.h": r"engine/base/hash\.c$",
    "yaml.h": r"engine/control/",
    "microhttpd.h": r"engine/(control/|service/http(_sdk)?\.[ch]$)",
    "gnutls/": r"engine/control/(admin_tls|http_server)\.c$",
    "curl/": r"tools/ringcast/admin_client\.c$",
    "jansson.h": r"(engine/control/|engine/jwt/|proto/clients/server_sdk/server\.c$|engine/service/|engine/scripts/check\.c$|scripting/|tools/|bench/)",
    "wolfssl/": r"(engine/crypto|bench/micro)/[^/]*wolfssl[^/]*\.[ch]$",
    "curl/": r"engine/service/events/webhooks\.c$",
    "openssl/": r"(engine/crypto|bench/micro)/[^/]*openssl[^/]*\.[ch]$",
    "luajit-2.1/": r"scripting/lua/",
    "lua.h": r"scripting/lua/",
    "systemd/sd-daemon.h": r"engine/control/",
    "sys/random.h": r"(engine/io/entropy\.c$|engine/service/outside\.c$|engine/crypto/random\.c$|proto/clients/|tools/|bench/)",
}

# call -> (files that may use it, what to use instead)
ONLY_CALLED_IN = {
    r"\bclock_gettime\(": (r"(engine/io/clock\.c$|engine/service/outside\.c$|engine/control/|engine/metrics/|engine/ask/|tools/|bench/|proto/clients/)", "ringcast_io_now_ns or a now_ns parameter"),
    r"\bgetrandom\(": (r"(engine/io/entropy\.c$|engine/service/outside\.c$|engine/crypto/random\.c$|tools/|bench/|proto/clients/)", "io->ops->random"),
    r"(?<!static_)(?<!_)\bassert\(": (r"^$", "ringcast_assert"),
    r"\b(malloc|calloc|realloc)\(": (r"^(?!proto/[^/]*\.[ch]$)", "nothing: proto never allocates"),
}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+([<"])([^>"]+)[>"]', re.M)


def home(path):
    """The most specific folder of MAY_INCLUDE that holds the file."""
    best = None
    for folder in MAY_INCLUDE:
        if (path == folder or path.startswith(folder + "/")) and (best is None or len(folder) > len(best)):
            best = folder
    return best


def resolve(name, path):
    for base in ("", "engine/", "engine/include/", str(pathlib.PurePosixPath(path).parent) + "/"):
        if (TOP / (base + name)).is_file():
            return base + name
    return None


def check_file(path, text, arrows):
    me = home(path)
    if me is None:
        return [f"{path}: lies in no known folder; add it to tools/check_layers.py"]
    found = []
    for match in INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        name = match.group(2)
        ours = resolve(name, path) if match.group(1) == '"' or name.startswith("ringcast/") else None
        if match.group(1) == '"' and ours is None:
            found.append(f'{path}:{line}: cannot find "{name}"')
        if ours is not None:
            target = home(ours) or str(pathlib.PurePosixPath(ours).parent)
            if target != me:
                arrows.setdefault(me, {}).setdefault(target, f"{path}:{line}")
                if target not in MAY_INCLUDE[me] and ours not in MAY_INCLUDE[me]:
                    found.append(f"{path}:{line}: {me} must not include {target} ({name})")
        only = ONLY_IN.get(name)
        if only and not re.search(only, path):
            found.append(f"{path}:{line}: only {only} may include {name}")
    code = re.sub(r"/\*.*?\*/|//[^\n]*", lambda m: re.sub(r"[^\n]", " ", m.group(0)), text, flags=re.S)
    code = re.sub(r'"(\\.|[^"\\\n])*"', '""', code)
    for pattern, (where, instead) in ONLY_CALLED_IN.items():
        if re.search(where, path):
            continue
        for match in re.finditer(pattern, code):
            line = code.count("\n", 0, match.start()) + 1
            found.append(f"{path}:{line}: {match.group(0)}...) is not for this folder; use {instead}")
    return found


def find_circle(arrows):
    """A circle of folders as a list of (folder, next folder, the line that points there); empty: there is none."""
    done, way = set(), []

    def walk(folder):
        if folder in way:
            return way[way.index(folder):] + [folder]
        if folder in done:
            return []
        way.append(folder)
        for target in sorted(arrows.get(folder, {})):
            circle = walk(target)
            if circle:
                return circle
        done.add(way.pop())
        return []

    for folder in sorted(arrows):
        circle = walk(folder)
        if circle:
            return [(a, b, arrows[a][b]) for a, b in zip(circle, circle[1:])]
    return []


def main():
    found, count, arrows = [], 0, {}
    for top in ("engine", "proto", "scripting", "tools/ringcast", "bench"):
        for path in sorted((TOP / top).rglob("*")):
            name = path.relative_to(TOP).as_posix()
            if path.suffix not in (".c", ".h", ".def") or "node_modules" in name:
                continue
            count += 1
            found += check_file(name, path.read_text(), arrows)
    circle = find_circle(arrows)
    if circle:
        found.append("a circle of folders: " + "; ".join(f"{a} -> {b} ({line})" for a, b, line in circle))
    print("\n".join(found))
    print(f"{count} files, {len(found)} violations")
    return 1 if found or count == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
