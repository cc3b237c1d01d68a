"""The unit as it is shipped: systemd finds nothing wrong with it, and the daemon runs under what it forbids, scripts and all. Needs RINGCASTD, RINGCAST,
UNIT (as configured), MAN (the folder of the man pages); root, for the second half. Exit status 77: it cannot be tried here."""

import ctypes
import http.client
import io
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import unittest
import zipfile

from ringcastd_process import FREE_PORTS, Ringcastd, await_true, clean_environment, tied

UNIT = pathlib.Path(os.environ["UNIT"])
BUILD = UNIT.parent.parent.parent
TOP = pathlib.Path(__file__).resolve().parents[3]
NOBODY = 65534
CLONE_NEWNS, MS_RDONLY, MS_NOSUID, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 1, 2, 32, 4096, 16384, 1 << 18
PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 38, 65
libc = ctypes.CDLL(None, use_errno=True)


def directive(name):
    return re.findall(rf"^{name}=(.*)$", UNIT.read_text(), re.M)


def must(result, what):
    if result != 0:
        raise OSError(ctypes.get_errno(), what)


def mount(source, target, kind, flags):
    must(libc.mount(source and source.encode(), target.encode(), kind and kind.encode(), flags, None), f"mount {target}")


def confine(state, is_mdwe):
    """What the unit asks for, as far as it can be had without systemd: ProtectSystem=strict, StateDirectory=, PrivateTmp=, User=, NoNewPrivileges=."""
    must(libc.unshare(CLONE_NEWNS), "unshare")
    mount(None, "/", None, MS_REC | MS_PRIVATE)
    mount(state, state, None, MS_BIND)
    for point in [line.split()[4] for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines()]:
        point = point.encode().decode("unicode_escape")
        if point != state and not point.startswith(("/proc", "/sys", "/dev")):
            libc.mount(None, point.encode(), None, MS_REMOUNT | MS_BIND | MS_RDONLY, None)
    mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID)
    os.setgroups([])
    os.setgid(NOBODY)
    os.setuid(NOBODY)
    must(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    if is_mdwe:
        must(libc.prctl(PR_SET_MDWE, 1, 0, 0, 0), "MDWE")


class Confined(Ringcastd):
    def __init__(self, state, *flags, is_mdwe=False, **environment):
        self.stdout, self.stderr = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        command = [os.environ["RINGCASTD"], *FREE_PORTS, "--log-format", "json", *flags]
        self.process = subprocess.Popen(tied(command), stdout=self.stdout, stderr=self.stderr, env=clean_environment(RINGCAST_SIDECAR=os.environ.get("RINGCAST_SIDECAR", ""), **environment), cwd="/",
                                        preexec_fn=lambda: confine(state, is_mdwe))

    def push(self, name, files):
        package = io.BytesIO()
        with zipfile.ZipFile(package, "w") as archive:
            for path, text in files.items():
                archive.writestr(path, text)
        connection = http.client.HTTPConnection("127.0.0.1", int(self.admin_port), timeout=60)
        connection.request("POST", f"/v1/scripts/{name}", package.getvalue(), {"Content-Type": "application/zip"} | self.authorization)
        response = connection.getresponse()
        text = response.read().decode()
        connection.close()
        if response.status != 201:
            raise AssertionError(f"{name}: {response.status} {text}\n{self.log_text()}")

    authorization = {}

    def request(self, method, path, body=None, headers=None):
        return super().request(method, path, body, {"Content-Type": "application/json"} | self.authorization)


class Verify(unittest.TestCase):
    @unittest.skipUnless(shutil.which("systemd-analyze") and shutil.which("man"), "systemd-analyze or man is not installed")
    def test_systemd_finds_nothing_wrong(self):
        with tempfile.TemporaryDirectory() as folder:
            manual = pathlib.Path(folder, "man", "man8")
            manual.mkdir(parents=True)
            shutil.copy(pathlib.Path(os.environ["MAN"], "ringcastd.8"), manual)
            path = pathlib.Path(folder, "ringcastd.service")
            path.write_text(re.sub(r"^(Exec\w+=)\S*/ringcastd ", rf"\g<1>{os.environ['RINGCASTD']} ", UNIT.read_text(), flags=re.M))
            done = subprocess.run(["systemd-analyze", "verify", str(path)], capture_output=True, text=True, timeout=60,
                                  env={**os.environ, "MANPATH": str(manual.parent)})
            self.assertEqual((done.returncode, done.stderr.replace("\n", " ").strip()), (0, ""))

    def test_what_it_names_is_what_is_installed(self):
        for path in re.findall(r"^Exec\w+=(\S*/ringcastd) --config (\S+)", UNIT.read_text(), re.M):
            self.assertEqual(path[1], "/etc/ringcastd/ringcastd.yaml")
            self.assertTrue(path[0].startswith("/"))
        self.assertNotIn("@", re.sub(r"@(system-service|aio)", "", UNIT.read_text()))
        self.assertEqual(directive("User"), ["ringcastd"])
        self.assertIn("u ringcastd ", (TOP / "tools/deploy/sysusers.conf").read_text())


def can_confine():
    """Root, a kernel that lets us, and a build that others may read."""
    probe = subprocess.run(["true"], preexec_fn=lambda: confine("/var", False)) if os.geteuid() == 0 else None
    return probe is not None and probe.returncode == 0


class Sandbox(unittest.TestCase):
    LUA = {"main.lua": "local r = {}\nfunction r.init(session)\n  local n = 0\n  for i = 1, 100000 do n = n + i % 7 end\n  session:getLogger():info('lua runs')\nend\nreturn r\n"}
    JS = {"index.js": "let s; exports.ssExports = {init: (session) => { s = session; s.getLogger().info('js runs'); }};\n"}

    def setUp(self):
        try:
            is_possible = can_confine()
        except (OSError, subprocess.SubprocessError):
            is_possible = False
        if not is_possible:
            self.skipTest("needs root and mount namespaces")
        if subprocess.run([os.environ["RINGCASTD"], "--version"], capture_output=True, preexec_fn=lambda: os.setuid(NOBODY)).returncode != 0:
            self.skipTest("the build cannot be read by other users")
        self.state = tempfile.mkdtemp(dir=BUILD)
        self.addCleanup(shutil.rmtree, self.state)
        self.credentials = pathlib.Path(self.state, "credentials")
        self.credentials.mkdir()
        self.make_secrets()
        for path in [self.state, self.credentials, *self.credentials.iterdir()]:
            os.chown(path, NOBODY, NOBODY)

    def make_secrets(self):
        for arguments in (["cert", "ca"], ["cert", "server", "localhost"]):
            done = subprocess.run([os.environ["RINGCAST"], *arguments, "--dir", str(self.credentials)], capture_output=True, text=True)
            if done.returncode != 0:
                self.skipTest(f"no certificates in this build: {done.stderr}")
        tokens = self.credentials / "ringcastd_tokens"
        tokens.write_text("operator test 0123456789abcdef\n")
        os.rename(self.credentials / "server.key", self.credentials / "ringcastd_server.key")
        for name in ("ringcastd_tokens", "ringcastd_server.key"):
            (self.credentials / name).chmod(0o400)

    def start(self, *flags, **options):
        daemon = Confined(self.state, "--shards", "1", "--set", f"scripts.directory={self.state}/scripts", "--set", "admin.tokens=credential:ringcastd_tokens",
                          "--set", f"tls.certificate={self.credentials}/server.pem", "--set", "tls.key=credential:ringcastd_server.key", *flags,
                          CREDENTIALS_DIRECTORY=str(self.credentials), **options)
        daemon.authorization = {"Authorization": "Bearer 0123456789abcdef"}
        return daemon

    def play(self, daemon, name, files):
        daemon.push(name, files)
        session = daemon.ask("POST", "/v1/sessions", {"script": name}, expected=201)["id"]
        await_true(f"{name} speaks", lambda: "runs" in json.dumps(daemon.ask("GET", f"/v1/sessions/{session}/log")))

    def test_with_all_its_features(self):
        is_mdwe = directive("MemoryDenyWriteExecute") == ["yes"]
        with self.start("--set", "scripts.lua_jit=true", is_mdwe=is_mdwe) as daemon:
            self.assertEqual(daemon.request("GET", "/v1/info")[0], 200)
            self.play(daemon, "l", self.LUA)
            if shutil.which("node"):
                self.play(daemon, "j", self.JS)
            self.assertEqual(daemon.events("a secret can be read by everybody on this machine"), [])
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0, daemon.log_text())

    def test_without_code_made_while_it_runs(self):
        """What the unit's comment promises to those who set MemoryDenyWriteExecute=yes."""
        if libc.prctl(66, 0, 0, 0, 0) < 0:
            self.skipTest("this kernel cannot forbid it")
        with self.start(is_mdwe=True) as daemon:
            self.play(daemon, "l", self.LUA)
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0, daemon.log_text())

    def test_the_rest_of_the_machine_cannot_be_written(self):
        with self.start() as daemon:
            root = f"/proc/{daemon.process.pid}/root"
            uid = re.search(r"^Uid:\s+(\d+)", pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text(), re.M)[1]
            self.assertEqual(int(uid), NOBODY)
            with self.assertRaises(OSError):
                pathlib.Path(root, "etc", "written").write_text("x")


if __name__ == "__main__":
    program = unittest.main(verbosity=1, exit=False)
    result = program.result
    everything_skipped = result.testsRun > 0 and len(result.skipped) == result.testsRun
    sys.exit(77 if everything_skipped else 0 if result.wasSuccessful() else 1)
