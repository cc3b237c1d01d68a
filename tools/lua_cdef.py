#!/usr/bin/env python3
"""Writes the structs of a C header as a C string for LuaJIT's ffi.cdef: what Lua believes of a struct cannot differ from what C does.

    lua_cdef.py HEADER OUTPUT
"""
import pathlib
import re
import sys


def declarations(text):
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    structs = re.findall(r"^struct \w+ \{.*?^\};", text, flags=re.S | re.M)
    if not structs:
        raise SystemExit("no struct found")
    return [re.sub(r"\s+", " ", struct) for struct in structs]


def main():
    header, output = sys.argv[1:]
    lines = "".join(f'\t"{struct}\\n"\n' for struct in declarations(pathlib.Path(header).read_text()))
    name = pathlib.Path(header).name
    pathlib.Path(output).write_text(f"/* Made from {name} by tools/lua_cdef.py. */\nstatic const char lua_cdef[] =\n{lines.rstrip()};\n")


if __name__ == "__main__":
    main()
