#!/usr/bin/env python3
"""Man pages of what the code says, so that they cannot differ from it:

    make_man.py program PROGRAM SECTION "what it is" OUTPUT    what --help says: each command with its options, or the options
    make_man.py config RINGCASTD OUTPUT                        the reference of keys (--config-doc)
    make_man.py header HEADER VERSION LIBRARY OUTPUT           a public header: what it says at its head, and each call with the comment before it
"""
import re
import sys

from help_text import commands_of, options_of, section_of, text, version_of


def escape(line):
    line = line.replace("\\", "\\e").replace("-", "\\-").replace("^", "\\(ha").replace("~", "\\(ti")
    return "\\&" + line if line.startswith((".", "'")) else line


def head(name, section, version, summary):
    return [f'.TH {name.upper()} {section} "" "ringcast {version}" "Ringcast"', ".SH NAME", escape(f"{name} - {summary}")]


def tagged(tag, meaning):
    return [".TP", ".B " + escape(tag), escape(meaning)]


def option_lines(options):
    lines = []
    for option in options:
        lines += tagged(", ".join(option.flags) + (f" {option.value}" if option.value else ""), option.help)
    return lines


def command_lines(name, command, common):
    lines = [".SS " + escape(f"{name} {command.words} {command.arguments}".strip()), escape(command.summary[0].upper() + command.summary[1:] + ".")]
    own = [option for option in command.options if option not in common]
    if len(own) < len(command.options) - 1:
        lines += [".br", "Takes the options for the admin API, above."]
    lines += option_lines(own)
    return lines + [".PP", "Example:", ".RS", escape(command.example), ".RE"]


def verbatim(lines):
    return [".nf", *(escape(line) for line in lines), ".fi"]


def codes(usage):
    """The line, or the lines, about how it exits."""
    match = re.search(r"^Exit (?:codes?|status): (.*)$", usage, re.M)
    return [match[1]] if match else section_of(usage, "Exit codes")


def program_page(program, section, summary):
    name, usage = program.rsplit("/", 1)[-1], text(program, "--help")
    commands = commands_of(program)
    synopsis = f"{name} <command> [arguments] [options]" if commands else re.search(r"^Usage: (.*)$", usage, re.M)[1]
    page = head(name, section, version_of(program), summary) + [".SH SYNOPSIS", ".B " + escape(synopsis)]
    if commands:
        # What the commands that ask the admin API share is said once.
        sharing = [command for command in commands if any(option.name == "admin" for option in command.options)]
        common = [option for option in sharing[0].options if all(option in command.options for command in sharing)]
        page += [".SH OPTIONS FOR THE ADMIN API", "Of every command that asks a server's admin API. In parentheses: the environment variable, and the default."]
        page += option_lines(common) + [".SH COMMANDS"]
        for command in commands:
            page += command_lines(name, command, common)
    else:
        page += [".SH OPTIONS", *option_lines(options_of(usage))]
        page += [".SH EXAMPLES", *verbatim(section_of(usage, "Examples?"))]
    return page + [".SH EXIT STATUS", *verbatim(codes(usage)), ".SH SEE ALSO", ".BR ringcast (1)," if name != "ringcast" else ".BR ringcast\\-load (1),",
                   ".BR ringcastd (8)," if name != "ringcastd" else ".BR ringcastd.yaml (5),", "and operating.md among the documents that are installed beside."]


def config_page(daemon):
    """The rows of the reference's tables as tagged paragraphs."""
    page = head("ringcastd.yaml", 5, version_of(daemon), "configuration of the Ringcast relay daemon")
    page += [".SH DESCRIPTION", "YAML, or JSON. A flag wins over the environment variable, which wins over the file, which wins over the default.", ".br",
             "\\fIreload\\fR: a change takes effect on SIGHUP. \\fIrestart\\fR: it needs a new process.", ".SH KEYS"]
    for line in text(daemon, "--config-doc").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        if line.startswith("## "):
            page += [".SS " + escape(line[3:])]
        elif line.startswith("| `") and len(cells) == 5:
            name, kind, default, change, meaning = (re.sub(r"`|<br>.*", "", cell).replace("\\|", "|") for cell in cells)
            page += tagged(name, f"{meaning} ({kind}, default {default}, {change})")
    return page + [".SH FILES", ".I /etc/ringcastd/ringcastd.yaml", ".SH SEE ALSO", ".BR ringcastd (8)"]


def prose(comment):
    """A comment's paragraphs; its lines joined."""
    plain = "\n".join(re.sub(r"^\s*\*? ?", "", line).rstrip() for line in comment.splitlines())
    lines = []
    for paragraph in re.split(r"\n\s*\n", plain.strip()):
        lines += [".PP", escape(" ".join(paragraph.split()))]
    return lines


def call_lines(declarations, comment):
    """Declarations that stand together, and what is said of them: before them, or behind one."""
    lines, said = [], [comment] if comment else []
    for declaration in declarations:
        call, _, behind = declaration.partition(";")
        lines.append(" ".join(re.sub(r"^RINGCAST\w*_API ", "", call).split()) + ";")
        if behind.strip():
            said.append(re.search(r"(\w+)\(", call)[1] + ": " + behind.strip().removeprefix("/*").removesuffix("*/").strip())
    return [".PP", *verbatim(lines), ".RS", *(line for text in said for line in prose(text)), ".RE"] if said else [".PP", *verbatim(lines)]


def header_page(path, version, library):
    source = open(path).read()
    include = re.search(r"ringcast/\w+\.h|ringcast_client\.h", path)[0].removeprefix("ringcast/")
    about = re.match(r"/\*(.*?)\*/", source, re.S)[1]
    page = head(library.removeprefix("lib"), 3, version, re.sub(r"\s+", " ", about.split(":", 1)[1]).strip(" *").split(".")[0].strip()) + [".SH SYNOPSIS"]
    page += verbatim([f"#include <ringcast/{include}>", "", f"cc game.c $(pkg-config --cflags --libs {library.removeprefix('lib')})"])
    page += [".SH DESCRIPTION", *prose(about), ".SH CALLS"]
    declaration = r"RINGCAST\w*_API [^;{]*;(?:[ \t]*/\*[^\n]*\*/)?\n"
    for match in re.finditer(rf"^(?:/\*((?:(?!\*/).)*)\*/\n)?((?:{declaration})+)", source, re.S | re.M):
        page += call_lines(re.findall(declaration, match[2]), match[1])
    return page + [".SH FILES", f"ringcast/{include} has the structures, and every option with its default."]


def main():
    kind, *arguments, output = sys.argv[1:]
    page = {"program": program_page, "config": config_page, "header": header_page}[kind](*arguments)
    with open(output, "w") as file:
        file.write("\n".join(page) + "\n")


if __name__ == "__main__":
    main()
