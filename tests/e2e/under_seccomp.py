#!/usr/bin/python3
"""under_seccomp.py PROFILE PROGRAM [ARGUMENT...]: runs a program under a seccomp profile in the container runtimes' JSON, as they would: without new privileges."""

import ctypes
import json
import os
import re
import struct
import sys

ARCHITECTURES = {"x86_64": ("SCMP_ARCH_X86_64", 0xC000003E, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
                 "aarch64": ("SCMP_ARCH_AARCH64", 0xC00000B7, "/usr/include/asm-generic/unistd.h")}
LOAD, JEQ, AND, RET = 0x20, 0x15, 0x54, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, MODE_FILTER = 38, 22, 2


def instruction(code, value, if_true=0, if_false=0):
    return struct.pack("HBBI", code, if_true, if_false, value)


def numbers():
    """System call -> number, by the kernel's headers."""
    header = ARCHITECTURES[os.uname().machine][2]
    return {name: int(number) for name, number in re.findall(r"^#define __NR(?:3264)?_(\w+)\s+(\d+)$", open(header).read(), re.M)}


def action_of(rule, kind="action", number="errnoRet"):
    return {"SCMP_ACT_ALLOW": ALLOW, "SCMP_ACT_ERRNO": ERRNO | rule.get(number, 1)}[rule[kind]]


def conditions(argument):
    """Low and high half of one argument; each leaves the accumulator compared, or jumps past the answer."""
    mask, value = (argument["value"], argument["valueTwo"]) if argument["op"] == "SCMP_CMP_MASKED_EQ" else (0xFFFFFFFFFFFFFFFF, argument["value"])
    assert argument["op"] in ("SCMP_CMP_MASKED_EQ", "SCMP_CMP_EQ"), argument
    for half in (0, 1):
        yield 16 + 8 * argument["index"] + 4 * half, (mask >> 32 * half) & 0xFFFFFFFF, (value >> 32 * half) & 0xFFFFFFFF


def rule_of(number, rule):
    body = []
    for offset, mask, value in (part for argument in rule.get("args", []) for part in conditions(argument)):
        body.append((offset, mask, value))
    answer = [instruction(RET, action_of(rule))]
    for position, (offset, mask, value) in reversed(list(enumerate(body))):
        # A mismatch goes on behind the answer, where the number is loaded again.
        answer = [instruction(LOAD, offset), instruction(AND, mask), instruction(JEQ, value, 0, len(answer))] + answer
    return [instruction(LOAD, 0), instruction(JEQ, number, 0, len(answer)), *answer]


def program_of(profile):
    known = numbers()
    assert ARCHITECTURES[os.uname().machine][0] in [entry["architecture"] for entry in profile["archMap"]]
    filter_ = [instruction(LOAD, 4), instruction(JEQ, ARCHITECTURES[os.uname().machine][1], 1, 0), instruction(RET, ERRNO | 1)]
    for rule in profile["syscalls"]:
        for name in rule["names"]:
            if name in known:
                filter_ += rule_of(known[name], rule)
    return filter_ + [instruction(RET, action_of(profile, "defaultAction", "defaultErrnoRet"))]


def confine(profile):
    code = b"".join(program_of(profile))
    buffer = ctypes.create_string_buffer(code, len(code))
    head = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    for option, *rest in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, MODE_FILTER, ctypes.create_string_buffer(head, len(head)), 0, 0)):
        if libc.prctl(option, *rest) != 0:
            raise OSError(ctypes.get_errno(), f"prctl {option}")


if __name__ == "__main__":
    with open(sys.argv[1]) as file:
        confine(json.load(file))
    os.execv(sys.argv[2], sys.argv[2:])
