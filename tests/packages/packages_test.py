#!/usr/bin/python3
"""packages_test.py ROOT PACKAGES: the packages' life in a root of its own, in its order: installed, run as the unit runs it, upgraded, removed, purged.
tests/packages/run makes both."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

ROOT, PACKAGES = (pathlib.Path(argument) for argument in (sys.argv.pop(1), sys.argv.pop(1)))
TOP = pathlib.Path(__file__).resolve().parents[2]
RECIPE = re.findall(r"/packages/([a-z0-9-]+?)_\*", (TOP / "tools/deploy/container/Containerfile").read_text())
WAIT_SECONDS = 120  # only to end a test that has failed
# Networks, processes and mounts of its own: ports are free, and nothing outlives the test.
ALONE = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c",
         'ip link set lo up; mount -t proc proc "$0/proc"; mount --bind /dev "$0/dev"; mount -t tmpfs none "$0/tmp"; exec chroot "$0" "$@"', str(ROOT)]
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "DEBIAN_FRONTEND": "noninteractive", "HOME": "/root", "LC_ALL": "C.UTF-8"}
STATE = "/var/lib/ringcastd/scripts/kept"
CONFIG = "/etc/ringcastd/ringcastd.yaml"


def at(path):
    return ROOT / path.lstrip("/")


def inside(*command, ok=True):
    """In the root, with the machine's network: for apt."""
    with_proc = ["unshare", "--mount", "sh", "-c", 'mount -t proc proc "$0/proc"; exec chroot "$0" "$@"', str(ROOT)]
    done = subprocess.run([*with_proc, *command], env={**CLEAN, **{name: value for name, value in os.environ.items() if "proxy" in name.lower()}}, capture_output=True, text=True, timeout=1800)
    if ok and done.returncode != 0:
        raise AssertionError(f"{command}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def alone(script):
    """A shell script in the root, alone: its output."""
    done = subprocess.run([*ALONE, "bash", "-c", f"set -eu\n{script}"], env=CLEAN, capture_output=True, text=True, timeout=WAIT_SECONDS)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}\n{script}\n--- output\n{done.stdout}{done.stderr}")
    return done.stdout


def ours():
    """Paths that tell of us. What dpkg and apt know of a package's past is theirs, and a user stays."""
    passed_over = ("packages", "proc", "var/lib/apt", "var/cache", "var/log", "var/lib/dpkg/info", "tmp", "etc/passwd", "etc/group", "etc/shadow", "etc/gshadow")
    found = []
    for folder, folders, files in os.walk(ROOT):
        inner = os.path.relpath(folder, ROOT)
        folders[:] = [name for name in folders if os.path.normpath(os.path.join(inner, name)) not in passed_over]
        found += [os.path.normpath(os.path.join(inner, name)) for name in folders + files if "ringcast" in name]
    return sorted(found)


def unit():
    return next(path for path in (at("/lib/systemd/system/ringcastd.service"), at("/usr/lib/systemd/system/ringcastd.service")) if path.exists()).read_text()


def of_unit(name):
    return re.search(rf"^{name}=(.*)$", unit(), re.M)[1]


# Starts the unit's command lines as its user, without privileges but the one for low ports, waits until it is ready, and stops it at the end.
def service(script):
    user = of_unit("User")
    confined = (f"setpriv --reuid {user} --regid {of_unit('Group')} --init-groups --no-new-privs --inh-caps=-all,+net_bind_service --ambient-caps=-all,+net_bind_service "
                "--bounding-set=-all,+net_bind_service")
    return f"""
install -d -o {user} -g {user} -m 0700 /var/lib/ringcastd
install -d -o {user} -g {user} /run/ringcastd
ulimit -Sn "$(ulimit -Hn)"
{confined} {of_unit('ExecStartPre')} >/dev/null
{confined} {of_unit('ExecStart')} >/tmp/log 2>&1 &
daemon=$!
until ringcast health >/dev/null 2>&1; do kill -0 $daemon || {{ cat /tmp/log; exit 1; }}; sleep 0.05; done
{script}
kill -TERM $daemon
wait $daemon || {{ cat /tmp/log; exit 1; }}
rm -r /run/ringcastd # as systemd does with a RuntimeDirectory
"""


TALK = """
mkfifo /tmp/held
ringcast chat hall --as bob --linger 0 </tmp/held >/tmp/bob &
bob=$!
exec 9>/tmp/held
until grep -q 'you are peer' /tmp/bob; do sleep 0.05; done
ringcast chat hall --as alice <<<'hello over there' >/dev/null
until grep -q 'alice .*hello over there' /tmp/bob; do sleep 0.05; done
exec 9>&-
wait $bob
cat /tmp/bob
"""


class Packages(unittest.TestCase):
    """One life, told in methods that run in the order of their names."""

    @classmethod
    def setUpClass(cls):
        shutil.copytree(PACKAGES, at("/packages"))
        cls.debs = {path.name.split("_")[0]: f"/packages/{path.name}" for path in at("/packages").glob("*.deb") if "-dbgsym" not in path.name}
        inside("apt-get", "update", "-qq")

    def install(self, *names):
        return inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", *[self.debs[name] for name in names])

    def test_0_there_are_these(self):
        self.assertEqual(set(self.debs), {"libringcast-bin", "libringcast-client-dev", "libringcast-client0", "libringcast-dev", "libringcast0", "ringcast-doc",
                                          "ringcast-server", "ringcast-sidecar", "ringcast-tools"})
        self.assertEqual(ours(), [])

    def test_1_the_client_stands_alone(self):
        """A game's machine needs nothing of the engine."""
        self.install("libringcast-client0", "libringcast-client-dev")
        self.assertEqual([path for path in ours() if "libringcast.so" in path or "bin/ringcast" in path], [])

    def test_2_the_server_runs_as_its_unit_says_and_relays(self):
        # First what the image installs, and nothing else: apt refuses a list that lacks something.
        self.install(*RECIPE)
        self.assertTrue(at("/usr/bin/ringcastd").is_file())
        self.install("ringcast-server", "ringcast-tools", "libringcast0", "libringcast-bin", "libringcast-dev")
        self.assertTrue(at("/etc/systemd/system/multi-user.target.wants/ringcastd.service").is_symlink(), "enabled")
        self.assertIn("\nringcastd:", at("/etc/passwd").read_text())
        self.assertIn("hello over there", alone(service(TALK)))
        self.assertIn("127.0.0.1", re.search(r"^  address: .*$", at(CONFIG).read_text(), re.M)[0], "nobody outside, until it is said")
        self.assertEqual(inside("dpkg", "--audit"), "")
        # What apt does on a machine, dpkg alone does where everything needed is there.
        inside("dpkg", "-i", self.debs["ringcast-server"])

    def test_3_scripts_of_both_languages_run(self):
        self.install("ringcast-sidecar", "ringcast-doc")
        examples = "/usr/share/doc/ringcast/examples"
        for language in ("lua", "js"):
            self.assertIn("1 passed, 0 failed", alone(f"ringcast script test {examples}/{language}/rooms {examples}/rooms.scn"))

    def test_4_manuals_and_completions_are_there(self):
        for path in ("/usr/share/man/man1/ringcast.1.gz", "/usr/share/man/man8/ringcastd.8.gz", "/usr/share/man/man5/ringcastd.yaml.5.gz",
                     "/usr/share/bash-completion/completions/ringcast", "/usr/share/zsh/vendor-completions/_ringcastd", "/usr/share/doc/ringcast/operating.md"):
            self.assertTrue(at(path).is_file(), path)

    def test_4_a_project_elsewhere_builds_and_plays(self):
        """With what the packages brought, the compiler, and pkg-config; as C and as C++."""
        inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", "gcc", "g++", "libc6-dev", "pkgconf")
        self.install("libringcast-dev", "libringcast-client-dev", "libringcast-client0", "libringcast0")
        examples = "/usr/share/doc/ringcast/examples/native"
        strict = "-Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers"
        said = alone(f"""
mkdir /tmp/elsewhere; cd /tmp/elsewhere
cp {examples}/hello.c hello.c; cp {examples}/hello.c hello.cc
cc -std=c11 {strict} hello.c $(pkg-config --cflags --libs ringcast ringcast-client) -o hello-c
c++ -std=c++17 {strict} hello.cc $(pkg-config --cflags --libs ringcast ringcast-client) -o hello-cc
./hello-c
./hello-cc
""")
        self.assertEqual(said, "connected as peer 1\nthe game answered: hello\n" * 2)
        said = alone(f"""
cc -std=c11 {strict} {examples}/game.c $(pkg-config --cflags --libs ringcast) -o /tmp/game
/tmp/game 7777 >/tmp/ready &
game=$!
until grep -q ready /tmp/ready; do kill -0 $game; sleep 0.05; done
ringcast play demo --server 127.0.0.1:7777 --token dev-demo-alice --do 'send 10 1 --to server' --expect '20 "coin 5" --contains'
kill -TERM $game
wait $game
""")
        self.assertIn("coin 5,1 0 0", said)

    def test_5_an_upgrade_keeps_configuration_and_state(self):
        config = at(CONFIG).read_text().replace("tcp_port: 7777", "tcp_port: 7799")
        at(CONFIG).write_text(config)
        alone(service(f"install -D -o ringcastd -m 0600 /dev/stdin {STATE} <<<'of a game'"))
        newer = []
        for name in ("ringcast-server", "ringcast-tools", "libringcast0", "libringcast-bin", "libringcast-dev", "ringcast-sidecar"):
            folder = at(f"/packages/{name}")
            subprocess.run(["dpkg-deb", "-R", at(self.debs[name]), folder], check=True)
            control = folder / "DEBIAN/control"
            version = re.search(r"^Version: (.*)$", control.read_text(), re.M)[1]
            control.write_text(control.read_text().replace(version, f"{version}.1"))
            subprocess.run(["dpkg-deb", "-b", "--root-owner-group", folder, at(f"/packages/newer-{name}.deb")], check=True, capture_output=True)
            shutil.rmtree(folder)
            newer.append(f"/packages/newer-{name}.deb")
        inside("apt-get", "install", "-y", "-qq", "--no-install-recommends", *newer)
        self.assertIn(f"{version}.1", inside("dpkg-query", "-W", "ringcast-server"))
        self.assertEqual(at(CONFIG).read_text(), config)
        self.assertEqual(at(STATE).read_text(), "of a game\n")
        self.assertIn(":7799", alone(service("ringcast info") + "grep -o ':7799' /tmp/log | head -n 1"))

    def test_6_removed_it_leaves_configuration_and_state_alone(self):
        inside("apt-get", "remove", "-y", "-qq", "ringcast-server", "ringcast-tools")
        self.assertEqual([path for path in ours() if path.startswith(("usr/bin", "usr/sbin", "lib/systemd", "usr/lib/systemd"))], [])
        self.assertIn("7799", at(CONFIG).read_text())
        self.assertEqual(at(STATE).read_text(), "of a game\n")

    def test_7_purged_it_leaves_nothing_but_somebodys_keys(self):
        key = at("/etc/ringcastd/secrets/server.key")
        key.parent.mkdir(exist_ok=True)
        key.write_text("a key\n")
        inside("apt-get", "purge", "-y", "-qq", *self.debs)
        self.assertEqual(key.read_text(), "a key\n")
        shutil.rmtree(at("/etc/ringcastd"))
        self.assertEqual(ours(), [])


if __name__ == "__main__":
    unittest.main(verbosity=2, failfast=True)
