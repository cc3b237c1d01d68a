#!/usr/bin/env python3
"""Object magics are worth something only while no two are equal, each is set where its object begins, cleared where it ends, and checked somewhere."""
import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
HEADER = TOP / "engine/base/magic.h"


def main():
    magics = re.findall(r"^#define (\w+)_MAGIC (0x[0-9a-f]{8})u$", HEADER.read_text(), re.M)
    sources = "\n".join(path.read_text() for path in sorted((TOP / "engine").rglob("*.[ch]")) if path != HEADER)
    problems = []
    seen = {}
    if not magics:
        problems.append(f"{HEADER.relative_to(TOP)} defines no magic")
    for name, number in magics:
        if number in seen:
            problems.append(f"{name}_MAGIC is {number}, and so is {seen[number]}_MAGIC")
        seen[number] = name
        if not re.search(rf"magic = {name}_MAGIC\b", sources):
            problems.append(f"{name}_MAGIC is never given to an object")
        if not re.search(rf"ringcast_check_magic\([^;]*\b{name}\)", sources):
            problems.append(f"{name}_MAGIC is never checked")
        if not re.search(rf"magic = ~{name}_MAGIC\b", sources):
            problems.append(f"no object gives {name}_MAGIC back at its end: magic = ~{name}_MAGIC")
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
