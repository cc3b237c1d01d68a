"""
Fails on the host name of a package registry in the tree: what is fetched comes from where the machine's own package manager is configured to look.
"""
import pathlib
import re
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
NAMES = re.compile(r'https?://[^ "]+/pool/|https?://registry[.]|deb\.debian\.org|security\.debian\.org|archive\.ubuntu\.com|registry\.npmjs|pypi\.org')


def files():
    """What git knows; without git, in an unpacked release, everything but what a build has made."""
    try:
        listed = subprocess.run(["git", "-C", TOP, "ls-files", "-z"], capture_output=True, text=True, check=True).stdout
        return [TOP / name for name in listed.split("\0") if name]
    except (OSError, subprocess.CalledProcessError):
        return list(unpacked(TOP))


def unpacked(folder):
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            if path.name not in (".git", "node_modules") and not (path / "build.ninja").exists():
                yield from unpacked(path)
        elif path.is_file():
            yield path


def main():
    count, found = 0, []
    for path in files():
        if not path.is_file():
            continue
        count += 1
        for number, line in enumerate(path.read_bytes().decode(errors="replace").splitlines(), 1):
            if NAMES.search(line) and path != pathlib.Path(__file__).resolve():
                found.append(f"{path.relative_to(TOP)}:{number}: {line.strip()[:120]}")
    print("\n".join(found))
    print(f"{count} files, {len(found)} host names of registries")
    return 1 if found or count == 0 else 0


sys.exit(main())
