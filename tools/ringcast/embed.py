#!/usr/bin/env python3
"""Files as C: embed.py OUTPUT NAME=FILE... writes EMBEDDED("NAME", "text") for each, in this order."""
import sys


def literal(text):
    lines = [line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t").replace("??", "?\\?") + "\\n" for line in text.splitlines()]
    return "\n\t".join(f'"{line}"' for line in lines)


def main():
    with open(sys.argv[1], "w") as out:
        for argument in sys.argv[2:]:
            name, _, path = argument.partition("=")
            with open(path) as file:
                out.write(f'EMBEDDED("{name}",\n\t{literal(file.read())})\n')


if __name__ == "__main__":
    main()
