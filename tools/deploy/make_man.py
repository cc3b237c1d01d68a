#!/usr/bin/env python3
"""make_man.py PROGRAM SECTION "what it is" OUTPUT: a man page of what PROGRAM --help says, and, where it has one, of its reference of keys (--config-doc)."""
import re
import subprocess
import sys


def text(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout if done.returncode == 0 else ""


def escape(line):
    line = line.replace("\\", "\\e").replace("-", "\\-")
    return "\\&" + line if line.startswith((".", "'")) else line


def keys(reference):
    """The rows of its tables as tagged paragraphs."""
    lines = []
    for line in reference.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("## "):
            lines += [".SS " + line[3:]]
        elif line.startswith("| `") and len(cells) == 5:
            name, kind, default, change, meaning = (re.sub(r"`|<br>.*", "", cell) for cell in cells)
            lines += [".TP", ".B " + escape(name), escape(f"{meaning} ({kind}, default {default}, {change})")]
    return lines


def main():
    program, section, summary, output = sys.argv[1:]
    name = program.rsplit("/", 1)[-1]
    usage = text(program, "--help")
    if not usage:
        sys.exit(f"{program} --help says nothing")
    version = (re.search(r"\d+\.\d+\.\d+", text(program, "--version") or text(program, "version")) or ["?"])[0]
    page = [f'.TH {name.upper()} {section} "" "ringcast {version}"', ".SH NAME", escape(f"{name} - {summary}"), ".SH DESCRIPTION", ".nf"]
    page += [escape(line) for line in usage.splitlines()] + [".fi"]
    reference = keys(text(program, "--config-doc")) if section == "8" else []
    page += [".SH CONFIGURATION"] * bool(reference) + reference
    page += [".SH SEE ALSO", escape("The documents that are installed beside: operating.md, configuration.md, admin-api.md.")]
    with open(output, "w") as file:
        file.write("\n".join(page) + "\n")


if __name__ == "__main__":
    main()
