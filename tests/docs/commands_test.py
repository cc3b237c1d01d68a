#!/usr/bin/python3
"""Every command that the documents show is run, in their order, against a build: commands_test.py SOURCE BUILD [document...]

What counts: an indented or ```sh block of README.md, docs/*.md and docs/examples whose first word is a command of ours, or one of COMMANDS. Each
document is one shell session in a network namespace of its own, so that the ports in the text are free. Before a block may stand

    <!-- not run: reason -->       the block is shown, not run
    <!-- first: command -->        run before the block, such as a server that the text takes for granted

An id cut short in the text (gsess-0000…, psess-…) stands for the last one that a command printed. Load runs are shortened to a second.
The examples in each --help are run too.
"""

import ctypes
import fcntl
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = ("cc", "cd", "curl", "for", "git", "meson", "node", "npm", "taskset", "ringcast", "tools/", "build", "tests/")
PROGRAMS = ("engine/ringcastd", "tools/ringcast/ringcast", "bench/ringcast-load", "bench/micro-udp-floor", "bench/micro-tcp-floor", "bench/micro-seal")
SECONDS = 120  # only to end a command that hangs
SKIP = 77
COMMENT = re.compile(r"^<!-- (not run|first): (.*) -->$")
PRELUDE = """
cut_ids() { sed -e "s/gsess-[0-9a-f]*…/$(cat $SANDBOX/gsess 2>/dev/null)/g" -e "s/psess-[0-9a-f]*…/$(cat $SANDBOX/psess 2>/dev/null)/g"; }
keep_ids() { tee "$SANDBOX/output"; for kind in gsess psess; do
	grep -o "$kind-[0-9a-f]\\{32\\}" "$SANDBOX/output" | tail -n 1 >"$SANDBOX/new" && [ -s "$SANDBOX/new" ] && cp "$SANDBOX/new" "$SANDBOX/$kind"; done; true; }
await() { for i in $(seq 200); do "$@" >"$SANDBOX/await" 2>&1 && return; sleep 0.05; done; cat "$SANDBOX/await"; return 1; }
"""


def blocks(text):
    """(line number, comments before it, lines) of each block of code."""
    comments, block, fence, start = [], [], None, 0
    for number, line in enumerate(text.splitlines() + [""], 1):
        if fence is not None:
            if line.startswith("```"):
                if fence == "sh":
                    yield start, comments, block
                comments, block, fence = [], [], None
            else:
                block.append(line)
        elif line.startswith("```"):
            fence, start, block = line[3:].strip(), number, []
        elif line.startswith("    ") and (block or not line[4:].startswith(" ")):
            start = start if block else number
            block.append(line[4:])
        else:
            if block:
                yield start, comments, block
                comments, block = [], []
            if match := COMMENT.match(line):
                comments.append(match.groups())
            elif line.strip():
                comments = []


def is_command(block):
    first = block[0].split()[0]
    return first.startswith(COMMANDS) or re.match(r"[A-Z_]+=\S* ", block[0]) is not None


def script_of(document):
    """The document as one script, and how many blocks of it are run."""
    lines, count = [], 0
    for start, comments, block in blocks(document.read_text()):
        kinds = dict(comments)
        if not is_command(block):
            continue
        if "not run" in kinds:
            continue
        count += 1
        for command in [command for kind, command in comments if kind == "first"]:
            lines += [command] + ["await ringcast health"] * command.startswith("ringcastd")
        lines.append(f"echo '== {document.name}:{start}'")
        for line in "\n".join(block).replace("\\\n", " ").splitlines():
            if "…" in line and not line.startswith("#"):
                line = f"eval \"$(cut_ids <<'END'\n{line}\nEND\n)\""
            is_server = line.rstrip().endswith("&") or line.startswith(("for ", "done", "    ", "cd ", "#"))
            lines.append(line if is_server else f"{{ {line}\n}} | keep_ids")
            if "ringcastd" in line and is_server:
                lines.append("await ringcast health")
    return "\n".join(lines), count


def examples_of(program):
    done = subprocess.run([program, "--help"], capture_output=True, text=True)
    if done.returncode == 2 and "usage" in done.stderr:  # one that takes so few options that its usage line is all its help
        return []
    done.check_returncode()
    text = done.stdout
    match = re.search(r"^Examples?:(.*?)(?:\n\n|\Z)", text, re.MULTILINE | re.DOTALL)
    return [line.strip().removeprefix("./bench/") for line in match[1].splitlines() if line.strip()] if match else []


def script_of_example(path, example):
    if path.startswith("engine") and "--check-config" not in example:
        return f"{example} &\nawait ringcast health\nkill -TERM $!\nwait $!"
    if "ringcast" in path and "ringcastd" not in example:
        return f"ringcastd --dev &\nawait ringcast health\n{example}"
    return example.replace("/etc/ringcastd/ringcastd.yaml", "tools/deploy/ringcastd.yaml")


def sandbox(folder, source, build):
    """Programs by name, short load runs, and the paths that the text names: build/..., docs/..."""
    (folder / "bin").mkdir()
    for path in [path for path in PROGRAMS if (build / path).exists()]:
        short = ""
        if path == "bench/ringcast-load":  # 3: the generator was late, which is the machine's fault here
            short = " --duration 1 || { status=$?; [ $status -eq 3 ] || exit $status; }"
        elif "floor" in path:
            short = " --duration 0.1"
        for place in (folder / "bin" / Path(path).name, folder / "build" / path):
            place.parent.mkdir(parents=True, exist_ok=True)
            whole = f'[ "$1" = compare ] && exec {build / path} "$@"\n' if path == "bench/ringcast-load" else ""
            place.write_text(f'#!/bin/sh\n{whole}{"" if short else "exec "}{build / path} "$@"{short}\n')
            place.chmod(0o755)
    for name in ("docs", "bench", "tools", "tests", "proto", "engine"):
        (folder / name).symlink_to(source / name)
    return {
        "PATH": f"{folder}/bin:{os.environ['PATH']}",
        "HOME": str(folder),
        "SANDBOX": str(folder),
        "LD_LIBRARY_PATH": f"{build}/engine",
        "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""),
    }


def run(name, script, folder, environment):
    """True when it ended well. What it leaves running ends with it."""
    with open(folder / "log", "w+b") as log:
        command = ["bash", "-c", f"set -e -o pipefail\n{PRELUDE}\n{script}\n"]
        process = subprocess.Popen(command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True)
        try:
            status = process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            status = "a timeout"
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
        log.seek(0)
        text = log.read().decode(errors="replace")
    if status != 0:
        print(f"{name}: ended with {status}\n--- script\n{script}\n--- output\n{text}")
    return status == 0


def own_network():
    """A namespace with nothing but loopback; False when this machine does not allow one."""
    libc = ctypes.CDLL(None, use_errno=True)
    clone_newuser, clone_newnet = 0x10000000, 0x40000000
    if libc.unshare(clone_newnet) != 0 and libc.unshare(clone_newuser | clone_newnet) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, 0x8914, struct.pack("16sH14x", b"lo", 0x49))  # SIOCSIFFLAGS: up, loopback, running
    return True


def main():
    source, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    documents = [source / name for name in sys.argv[3:]] or [source / "README.md", *sorted((source / "docs").glob("*.md")), source / "docs/examples/README.md"]
    if not own_network():
        print("no network namespace may be made here: the documents' ports may be taken")
        return SKIP
    failures = total = 0
    with tempfile.TemporaryDirectory() as top:
        for document in documents:
            script, count = script_of(document)
            if count == 0:
                continue
            folder = Path(top) / document.parent.name / document.stem
            folder.mkdir(parents=True)
            failures += not run(document.name, script, folder, sandbox(folder, source, build))
            total += count
            print(f"{document.name}: {count} blocks")
        for path in [path for path in PROGRAMS if (build / path).exists()]:
            folder = Path(top) / "help" / Path(path).name
            folder.mkdir(parents=True)
            environment = sandbox(folder, source, build)
            examples = examples_of(build / path)
            for i, example in enumerate(examples):
                failures += not run(f"{path} --help, example {i + 1}", script_of_example(path, example), folder, environment)
            total += len(examples)
            print(f"{path} --help: {len(examples)} examples")
    print(f"{total} blocks and examples, {failures} failures")
    return 1 if failures or total == 0 else 0


if __name__ == "__main__":
    sys.exit(main())
