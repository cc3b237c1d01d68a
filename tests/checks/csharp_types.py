#!/usr/bin/env python3
"""The C# client must run where code is compiled ahead and stripped, and start no thread: csharp_types.py ASSEMBLY SOURCES MCS

Reads the names that the assembly refers to, from its metadata, and fails for those of reflection, code made at run time, and threads. A second assembly, made
here with such names in it, shows that they would be found. The meson.build beside the sources must list each of them.
"""
import pathlib
import re
import struct
import subprocess
import sys
import tempfile

FOREIGN = re.compile(rb"System\.Reflection(\..*)?|System\.Linq\.Expressions|Microsoft\.CSharp.*|System\.Runtime\.InteropServices"
                     rb"|Activator|DynamicObject|CallSite|Thread|ThreadPool|ThreadStart|Timer|GetType|GetMethod|Invoke(Member)?Binder|Assembly|MethodInfo")
PLANTED = """
class Planted
{
	static void Main()
	{
		new System.Threading.Thread(() => System.Console.WriteLine(typeof(Planted).GetMethod("Main"))).Start();
	}
}
"""


def strings(path):
    """The heap of names in a .NET assembly (ECMA-335, II.24.2)."""
    data = path.read_bytes()
    root = data.index(b"BSJB")
    version_bytes = struct.unpack_from("<I", data, root + 12)[0]
    at = root + 16 + version_bytes
    count = struct.unpack_from("<H", data, at + 2)[0]
    at += 4
    for _ in range(count):
        offset, size = struct.unpack_from("<II", data, at)
        end = data.index(b"\0", at + 8)
        if data[at + 8:end] == b"#Strings":
            return set(data[root + offset:root + offset + size].split(b"\0"))
        at = at + 8 + (end - at - 8) // 4 * 4 + 4
    raise ValueError(f"{path}: no names")


def foreign(path):
    return sorted(name.decode() for name in strings(path) if FOREIGN.fullmatch(name))


def main():
    assembly, sources, mcs = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    found = foreign(assembly)
    if b"SslStream" not in strings(assembly):
        sys.exit("the names were not read: there is no SslStream among them")
    with tempfile.TemporaryDirectory() as folder:
        source, planted = pathlib.Path(folder) / "planted.cs", pathlib.Path(folder) / "planted.exe"
        source.write_text(PLANTED)
        subprocess.run([mcs, f"-out:{planted}", source], check=True)
        if not {"Thread", "ThreadStart", "GetMethod", "System.Reflection"} <= set(foreign(planted)):
            sys.exit(f"what was planted is not found: {foreign(planted)}")
    listed = set(re.findall(r"'([\w/]+\.cs)'", (sources / "meson.build").read_text()))
    there = {str(path.relative_to(sources)) for path in sources.rglob("*.cs")}
    if there - listed:
        found.append(f"not in meson.build: {sorted(there - listed)}")
    dynamic = [str(path) for path in sources.rglob("*.cs") if re.search(r"\bdynamic\b|\bunsafe\b|DllImport", path.read_text())]
    print(f"{len(there)} sources, {len(strings(assembly))} names; foreign: {found}, {dynamic}")
    return 1 if found or dynamic else 0


sys.exit(main())
