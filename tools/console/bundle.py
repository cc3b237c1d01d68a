#!/usr/bin/env python3
"""Joins the console's modules into one script and puts what the browser loads into a C file, for the daemon to serve.

    bundle.py --c FILE [--depfile FILE]    what meson runs
    bundle.py --folder DIR                 the same files, to look at

Each module becomes a function that returns what it exports; the same sources always give the same bytes. Of the language of imports and exports it knows what the
modules use, and stops at anything else: no default exports, no circles, no names that change after they were exported.
"""
import argparse
import re
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
ENTRY = HERE / "src/main.js"
CONTRACT = TOP / "engine/control/openapi.yaml"
IMPORT = re.compile(r"^import \{ ([^}]*) \} from '(\.[^']+)';\n", re.M)
REEXPORT = re.compile(r"^export \{ ([^}]*) \} from '(\.[^']+)';\n", re.M)
EXPORT = re.compile(r"^export (?=(?:async )?(?:function\*?|class|const) (\w+))", re.M)
LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.M)
TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
BYTES_IN_LINE = 32


class BundleError(Exception):
    pass


class Bundle:
    def __init__(self):
        self.names, self.open, self.parts, self.inputs = {}, [], [], [Path(__file__).resolve()]

    def module(self, path):
        """The name under which what path exports can be had, after its text was added."""
        if path in self.open:
            raise BundleError(f"{path.name}: imports itself by way of others")
        if path not in self.names:
            self.open.append(path)
            text = self.converted(path)
            self.open.pop()
            self.names[path] = f"module{len(self.names)}"
            self.parts.append(f"// {path.relative_to(TOP)}\nconst {self.names[path]} = (() => {{\n{text}}})();\n")
        return self.names[path]

    def converted(self, path):
        self.inputs.append(path)
        text, exported = path.read_text() if path.suffix != ".def" else op_codes(path), []

        def take_import(match):
            return f"const {{ {match[1].replace(' as ', ': ')} }} = {self.module((path.parent / match[2]).resolve())};\n"

        def take_reexport(match):
            exported.extend(match[1].split(", "))
            return take_import(match)

        def take_export(match):
            exported.append(match[1])
            return ""

        text = EXPORT.sub(take_export, REEXPORT.sub(take_reexport, IMPORT.sub(take_import, text)))
        if left := LEFT_OVER.search(text):
            raise BundleError(f"{path.name}: the bundle does not know '{left[0]}'")
        return text + (f"return {{ {', '.join(exported)} }};\n" if exported else "")


def op_codes(path):
    """The table of op codes as a module."""
    rows = re.findall(r'^OPCODE\(\w+, (-?\d+), \w+, \w+, ("[^"]*")\)$', path.read_text(), re.M)
    return "export const OPCODES = new Map([" + ", ".join(f"[{number}, {text}]" for number, text in rows) + "]);\n"


def files():
    """[(name below /console/, content type, bytes)], and what they were made of."""
    bundle = Bundle()
    bundle.module(ENTRY)
    found = [("console.js", TYPES[".js"], "".join(bundle.parts).encode())]
    for name, served in (("index.html", ""), ("console.css", "console.css"), ("icon.svg", "icon.svg")):
        path = HERE / "src" / name
        bundle.inputs.append(path)
        found.append((served, TYPES[path.suffix], path.read_bytes()))
    return found, [*bundle.inputs, CONTRACT]


def c_bytes(name, data):
    rows = ["".join(f"{byte}," for byte in data[at:at + BYTES_IN_LINE]) for at in range(0, len(data), BYTES_IN_LINE)]
    return [f"static const unsigned char {name}[] = {{", *rows, "};"]


def c_text(found):
    contract = CONTRACT.read_bytes()
    lines = ["/* Made by tools/console/bundle.py. */", '#include "control/console_file.h"', "", *c_bytes("contract", contract)]
    lines.append(f'const struct console_file ringcast_openapi_file = {{"openapi.yaml", "application/yaml", contract, {len(contract)}}};')
    for number, (_, _, data) in enumerate(found):
        lines += c_bytes(f"bytes{number}", data)
    lines.append("const struct console_file ringcast_console_files[] = {")
    lines += [f'	{{"{name}", "{kind}", bytes{number}, {len(data)}}},' for number, (name, kind, data) in enumerate(found)]
    return "\n".join(lines + ["};", f"const size_t ringcast_console_file_count = {len(found)};", ""])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--c", type=Path, help="the C file to write")
    parser.add_argument("--depfile", type=Path, help="what it was made of, as make wants it")
    parser.add_argument("--folder", type=Path, help="a folder to write the files into")
    options = parser.parse_args()
    try:
        found, inputs = files()
    except (BundleError, OSError) as error:
        sys.exit(f"bundle.py: {error}")
    if options.c:
        options.c.write_text(c_text(found))
    if options.c and options.depfile:
        options.depfile.write_text(f"{options.c}: {' '.join(str(path) for path in inputs)}\n")
    for name, _, data in found if options.folder else []:
        options.folder.mkdir(parents=True, exist_ok=True)
        (options.folder / (name or "index.html")).write_bytes(data)


if __name__ == "__main__":
    main()
