#!/usr/bin/python3
"""What is given for containers: the image's recipe, the seccomp profile under which the relay runs, manifests that say what Kubernetes and Agones
know, with endpoints and ports that the daemon has, and the bridge to the Agones SDK, run against a daemon."""

import asyncio
import fnmatch
import http.server
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.request

import yaml

import realtime
import scripts
import under_seccomp
from daemon import Daemon
from player import Player, until

TOP = pathlib.Path(__file__).resolve().parents[2]
CONTAINER, KUBERNETES = TOP / "tools/deploy/container", TOP / "tools/deploy/kubernetes"
PROFILE = CONTAINER / "seccomp.json"
RING = ["io_uring_setup", "io_uring_enter", "io_uring_register"]
# What reaches out of a container, or makes more of a process than it was.
DANGEROUS = """acct add_key bpf clone3 create_module delete_module finit_module fsconfig fsmount fsopen fspick init_module ioperm iopl kcmp kexec_file_load
kexec_load keyctl lookup_dcookie mount mount_setattr move_mount name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root
process_vm_readv process_vm_writev ptrace quotactl reboot request_key setns settimeofday swapoff swapon syslog umount umount2 unshare userfaultfd
clock_settime sethostname setdomainname chroot""".split()


def documents(name):
    return list(yaml.safe_load_all((KUBERNETES / name).read_text()))


def of_kind(kind, *names):
    return [document for name in names or ("ringcast.yaml", "agones.yaml") for document in documents(name) if document["kind"] == kind]


def pods():
    """(where, metadata, spec) of each pod that the manifests make."""
    for document in of_kind("DaemonSet"):
        yield "DaemonSet", document["spec"]["template"]["metadata"], document["spec"]["template"]["spec"]
    for document in of_kind("Fleet"):
        yield "Fleet", document["spec"]["template"]["spec"]["template"]["metadata"], document["spec"]["template"]["spec"]["template"]["spec"]


def container_of(pod, name):
    return next(container for container in pod["containers"] if container["name"] == name)


class Shape(dict):
    """Fields that something may have; those whose name ends with ! it must have. Values: a type, a list with one shape, a Shape, or a tuple of words."""


PORT = Shape({"name!": str, "containerPort!": int, "hostPort": int, "protocol!": ("TCP", "UDP")})
PROBE = Shape({"httpGet!": Shape({"path!": str, "port!": str}), "initialDelaySeconds": int, "periodSeconds": int, "timeoutSeconds": int, "failureThreshold": int})
AMOUNTS = Shape({"cpu!": str, "memory!": str})
CONTAINER_SHAPE = Shape({
    "name!": str, "image!": str, "args": [str], "command": [str], "ports": [PORT], "startupProbe": PROBE, "livenessProbe": PROBE, "readinessProbe": PROBE,
    "resources!": Shape({"requests!": AMOUNTS, "limits!": AMOUNTS}), "volumeMounts": [Shape({"name!": str, "mountPath!": str, "subPath": str, "readOnly": bool})],
    "securityContext!": Shape({"allowPrivilegeEscalation!": bool, "readOnlyRootFilesystem!": bool, "capabilities!": Shape({"drop!": [str]})})})
POD = Shape({
    "containers!": [CONTAINER_SHAPE], "nodeSelector": dict, "hostNetwork": bool, "dnsPolicy": ("ClusterFirst", "ClusterFirstWithHostNet"),
    "automountServiceAccountToken": bool, "terminationGracePeriodSeconds!": int,
    "securityContext!": Shape({"runAsNonRoot!": bool, "runAsUser!": int, "runAsGroup!": int, "fsGroup!": int,
                               "seccompProfile!": Shape({"type!": ("Localhost",), "localhostProfile!": str})}),
    "volumes!": [Shape({"name!": str, "configMap": Shape({"name!": str}), "secret": Shape({"secretName!": str, "defaultMode": int}), "emptyDir": dict})]})
META = Shape({"name!": str, "namespace": str, "labels": dict, "annotations": dict})
TEMPLATE = Shape({"metadata!": Shape({"labels!": dict, "annotations": dict}), "spec!": POD})
KINDS = {
    ("v1", "Namespace"): Shape(),
    ("v1", "ConfigMap"): Shape({"data!": dict}),
    ("v1", "Service"): Shape({"spec!": Shape({"clusterIP": str, "publishNotReadyAddresses": bool, "selector!": dict, "ports!": [Shape({"name!": str, "port!": int, "targetPort!": str})]})}),
    ("apps/v1", "DaemonSet"): Shape({"spec!": Shape({
        "selector!": Shape({"matchLabels!": dict}), "template!": TEMPLATE,
        "updateStrategy": Shape({"type!": ("RollingUpdate", "OnDelete"), "rollingUpdate": Shape({"maxUnavailable!": int})})})}),
    ("agones.dev/v1", "Fleet"): Shape({"spec!": Shape({
        "replicas!": int, "scheduling": ("Packed", "Distributed"), "template!": Shape({"spec!": Shape({
            "container!": str, "template!": TEMPLATE, "sdkServer": Shape({"httpPort": int, "grpcPort": int, "logLevel": str}),
            "health": Shape({"disabled": bool, "initialDelaySeconds": int, "periodSeconds": int, "failureThreshold": int}),
            "ports!": [Shape({"name!": str, "container": str, "portPolicy!": ("Static", "Dynamic", "Passthrough", "None"), "containerPort!": int, "hostPort": int,
                              "protocol!": ("TCP", "UDP", "TCPUDP")})]})})})}),
}


def faults(value, shape, where):
    if isinstance(shape, Shape):
        if not isinstance(value, dict):
            return [f"{where}: not a mapping"]
        known = {name.rstrip("!"): inner for name, inner in shape.items()}
        missing = [f"{where}.{name[:-1]} is missing" for name in shape if name.endswith("!") and name[:-1] not in value]
        foreign = [f"{where}.{name}: nobody knows it" for name in value if name not in known]
        return missing + foreign + [fault for name in value if name in known for fault in faults(value[name], known[name], f"{where}.{name}")]
    if isinstance(shape, list):
        return [fault for i, item in enumerate(value if isinstance(value, list) else [None]) for fault in faults(item, shape[0], f"{where}[{i}]")]
    if isinstance(shape, tuple):
        return [] if value in shape else [f"{where}: {value!r} is none of {shape}"]
    return [] if type(value) is shape else [f"{where}: {value!r} is no {shape.__name__}"]


class Manifests(unittest.TestCase):
    def test_fields_are_those_that_are_known(self):
        count = 0
        for name in ("ringcast.yaml", "agones.yaml"):
            for document in documents(name):
                shape = KINDS[(document["apiVersion"], document["kind"])]
                whole = Shape({"apiVersion!": str, "kind!": str, "metadata!": META, **shape})
                self.assertEqual(faults(document, whole, f"{name} {document['kind']}"), [])
                count += 1
        self.assertEqual(count, 6)

    def test_a_field_that_is_misspelt_is_found(self):
        document = of_kind("DaemonSet")[0]
        document["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
        self.assertEqual(len(faults(document, Shape({"apiVersion!": str, "kind!": str, "metadata!": META, **KINDS[("apps/v1", "DaemonSet")]}), "")), 1)

    def test_names_meet(self):
        configs = {document["metadata"]["name"]: document["data"] for document in of_kind("ConfigMap")}
        for where, metadata, pod in pods():
            volumes = {volume["name"]: volume for volume in pod["volumes"]}
            for container in pod["containers"]:
                names = [port["name"] for port in container.get("ports", [])]
                self.assertTrue(all(len(name) <= 15 for name in names), "Kubernetes takes 15 letters")
                self.assertEqual(len(names), len(set(names)))
                for mount in container.get("volumeMounts", []):
                    volume = volumes[mount["name"]]
                    if "configMap" in volume and "subPath" in mount:
                        self.assertIn(mount["subPath"], configs[volume["configMap"]["name"]])
                for probe in [value for name, value in container.items() if name.endswith("Probe")]:
                    self.assertIn(probe["httpGet"]["port"], names, where)
            ports = {port["name"] for port in container_of(pod, "ringcastd")["ports"]}
            for service in of_kind("Service"):
                self.assertLessEqual(service["spec"]["selector"].items(), metadata["labels"].items())
                self.assertLessEqual({port["targetPort"] for port in service["spec"]["ports"]}, ports, where)
                self.assertIs(service["spec"]["publishNotReadyAddresses"], True, "a relay that drains still has its sessions")
        daemon_set = of_kind("DaemonSet")[0]["spec"]
        self.assertLessEqual(daemon_set["selector"]["matchLabels"].items(), daemon_set["template"]["metadata"]["labels"].items())

    def config(self, folder):
        """The ConfigMap's configuration, with what the secrets would hold in folder."""
        for arguments in (["cert", "ca"], ["cert", "server", "localhost"]):
            subprocess.run([os.environ["RINGCAST"], *arguments, "--dir", folder], check=True, capture_output=True)
        tokens = pathlib.Path(folder, "tokens")
        tokens.touch(0o600)
        tokens.write_text("operator backend 0123456789abcdef0123456789abcdef\n")
        text = of_kind("ConfigMap", "ringcast.yaml")[0]["data"]["ringcastd.yaml"]
        for mounted, name in (("tls/tls.crt", "server.pem"), ("tls/tls.key", "server.key"), ("tokens/tokens", "tokens")):
            self.assertIn(f"/etc/ringcastd/{mounted}", text)
            text = text.replace(f"/etc/ringcastd/{mounted}", f"{folder}/{name}")
        path = pathlib.Path(folder, "ringcastd.yaml")
        path.write_text(text.replace("/var/lib/ringcastd", folder))
        return path, yaml.safe_load(text)

    def test_the_configuration_is_one_and_its_ports_are_those_of_the_pods(self):
        with tempfile.TemporaryDirectory() as folder:
            path, config = self.config(folder)
            done = subprocess.run([os.environ["RINGCASTD"], "--config", path, "--print-config"], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stderr)
        shards, base = config["shards"]["count"], config["listen"]["udp_port_base"]
        players = {("TCP", config["listen"]["tcp_port"])} | {("UDP", base + shard) for shard in range(shards)}
        named = {"admin": int(config["admin"]["address"].rsplit(":", 1)[1]), "health": int(config["admin"]["health_address"].rsplit(":", 1)[1])}
        drain_seconds = int(re.fullmatch(r"(\d+)m", config["drain_timeout"])[1]) * 60
        for where, _, pod in pods():
            container = container_of(pod, "ringcastd")
            ports = {port["name"]: (port["protocol"], port["containerPort"]) for port in container["ports"]}
            for name, number in named.items():
                self.assertEqual(ports[name], ("TCP", number), where)
            self.assertGreater(pod["terminationGracePeriodSeconds"], drain_seconds, where)
            self.assertEqual(container["resources"]["limits"]["cpu"], str(shards), where)
            written = [mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")]
            self.assertIn("/var/lib/ringcastd", written, "the root is read-only")
        daemon_set = container_of(next(pods())[2], "ringcastd")
        self.assertEqual({(port["protocol"], port["containerPort"]) for port in daemon_set["ports"] if port["name"].startswith("players")}, players)
        for port in daemon_set["ports"]:
            self.assertEqual(port["hostPort"], port["containerPort"], "the relay tells players its own port")
        fleet = of_kind("Fleet")[0]["spec"]["template"]["spec"]
        self.assertEqual({(port["protocol"], port["containerPort"]) for port in fleet["ports"]}, players)
        self.assertTrue(all(port["portPolicy"] == "Static" and port["hostPort"] == port["containerPort"] for port in fleet["ports"]))
        self.assertTrue(container_of(list(pods())[1][2], fleet["container"]))

    def test_the_configuration_of_the_image_is_one(self):
        done = subprocess.run([os.environ["RINGCASTD"], "--config", CONTAINER / "ringcastd.yaml", "--print-config"], capture_output=True, text=True, timeout=60)
        self.assertEqual((done.returncode, done.stderr), (0, ""))


class Recipe(unittest.TestCase):
    """The instructions of the Containerfile, as far as they can be known without an image to start from."""

    def setUp(self):
        text = re.sub(r"\\\n", " ", "\n".join(line for line in (CONTAINER / "Containerfile").read_text().splitlines() if not line.startswith("#")))
        self.steps = [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]

    def test_instructions(self):
        known = {"ARG", "FROM", "RUN", "COPY", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL", "ENTRYPOINT", "CMD"}
        self.assertLessEqual({name for name, _ in self.steps}, known)
        stages = [re.search(r" AS (\w+)$", rest)[1] for name, rest in self.steps if name == "FROM" and " AS " in rest]
        for name, rest in self.steps:
            for stage in re.findall(r"from=(\w+)", rest):
                self.assertIn(stage, stages)
            if name == "COPY" and "--from" not in rest and not rest.startswith(". "):
                self.assertTrue((TOP / rest.split()[0]).is_file(), rest)
            if name in ("ENTRYPOINT", "CMD"):
                self.assertTrue(json.loads(rest))

    def test_what_it_installs_is_built(self):
        self.assertLessEqual(self.installed() | self.sidecar(), set(self.packages()))

    def installed(self):
        return set(re.findall(r"/packages/([a-z0-9-]+?)_\*", (CONTAINER / "Containerfile").read_text()))

    def sidecar(self):
        return set(re.findall(r"SIDECAR=(\S+)", (CONTAINER / "Containerfile").read_text()))

    def packages(self):
        """Our own packages, and which of them each needs as debian/control says; of the server also what its program is linked with (${shlibs:Depends})."""
        stanzas = {text.split(None, 1)[0]: text for text in re.split(r"^Package: ", (TOP / "tools/deploy/debian/control").read_text(), flags=re.M)[1:]}
        depends = {name: re.search(r"^Depends: (.*(?:\n .*)*)", text, re.M)[1] for name, text in stanzas.items()}
        needs = {name: set(re.findall(r"[a-z0-9-]+", re.sub(r"\([^)]*\)|\$\{[^}]*\}", "", text))) & set(stanzas) for name, text in depends.items()}
        symbols = [path.read_text().split()[:2] for path in (TOP / "tools/deploy/debian").glob("*.symbols")]
        linked = subprocess.run(["readelf", "-d", os.environ["RINGCASTD"]], check=True, capture_output=True, text=True).stdout
        needs["ringcast-server"] |= {package for library, package in symbols if f"[{library}]" in linked}
        return needs

    @unittest.skipUnless(shutil.which("readelf"), "readelf is not installed")
    def test_what_it_installs_needs_nothing_else_of_ours(self):
        """apt takes what it is given here and what Debian has; the rest of our packages it knows nowhere."""
        needs = self.packages()
        self.assertIn("libringcast0", needs["ringcast-server"])
        for given in (self.installed(), self.installed() | self.sidecar()):
            self.assertLessEqual(set().union(*(needs[name] for name in given)), given)

    def test_what_is_left_out_of_the_context_is_not_needed(self):
        patterns = [line for line in (TOP / ".containerignore").read_text().splitlines() if not line.startswith("#")]
        self.assertLessEqual({".git", "build*"}, set(patterns))
        needed = ["LICENSE", "engine", "meson.build", "meson_options.txt", "proto", "scripting", "tools", "docs"]
        self.assertEqual([name for name in needed for pattern in patterns if fnmatch.fnmatch(name, pattern)], [])

    def test_it_is_not_root_and_keeps_state_where_the_manifests_do(self):
        user = [rest for name, rest in self.steps if name == "USER"]
        for _, _, pod in pods():
            self.assertEqual(user, [f"{pod['securityContext']['runAsUser']}:{pod['securityContext']['runAsGroup']}"])
        self.assertIn(("VOLUME", "/var/lib/ringcastd"), self.steps)


class Seccomp(unittest.IsolatedAsyncioTestCase):
    def setUp(self):
        self.profile = json.loads(PROFILE.read_text())

    def test_it_allows_io_uring_and_nothing_that_reaches_out(self):
        self.assertEqual(self.profile["defaultAction"], "SCMP_ACT_ERRNO")
        allowed = [name for rule in self.profile["syscalls"] if rule["action"] == "SCMP_ACT_ALLOW" and not rule.get("args") for name in rule["names"]]
        self.assertEqual(len(allowed), len(set(allowed)))
        self.assertLessEqual(set(RING), set(allowed))
        self.assertEqual(set(allowed) & set(DANGEROUS), set())

    @unittest.skipUnless(shutil.which("systemd-analyze"), "systemd-analyze is not installed")
    def test_the_unit_allows_all_of_it_too(self):
        """One list of what the relay needs: the unit's, of which this is a part."""
        def expand(group):
            lines = subprocess.run(["systemd-analyze", "syscall-filter", group], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
            names = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
            return {name for line in names for name in (expand(line) if line.startswith("@") else {line})}
        words = re.search(r"^SystemCallFilter=(.*)$", (TOP / "tools/deploy/ringcastd.service.in").read_text(), re.M)[1].split()
        unit = {name for word in words for name in (expand(word) if word.startswith("@") else {word})}
        allowed = {name for rule in self.profile["syscalls"] for name in rule["names"]}
        self.assertEqual(allowed - unit - {"clone3", "futex_waitv"}, set())

    def start(self, profile, *flags, **settings):
        """A daemon under the profile. Leaks are looked for by ptrace, which it forbids: not here."""
        wrapper, asan = os.environ.get("RINGCAST_WRAPPER"), os.environ.get("ASAN_OPTIONS")
        os.environ["RINGCAST_WRAPPER"] = f"{sys.executable} {under_seccomp.__file__} {profile}"
        os.environ["ASAN_OPTIONS"] = (asan + ":" if asan else "") + "detect_leaks=0"
        try:
            return Daemon(*flags, **settings)
        finally:
            for name, value in (("RINGCAST_WRAPPER", wrapper), ("ASAN_OPTIONS", asan)):
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    async def test_the_relay_runs_under_it_with_io_uring_and_scripts(self):
        for io, name in (("uring", "io_uring"), ("epoll", "epoll")):
            folder = tempfile.TemporaryDirectory()
            self.addCleanup(folder.cleanup)
            daemon = self.start(PROFILE, io=io, scripts__directory=folder.name)
            try:
                self.assertEqual(daemon.request("GET", "/v1/info")["io"], name)
                scripts.push(daemon, "l", scripts.lua("one"))
                names = ["l"]
                if shutil.which("node"):
                    scripts.push(daemon, "j", scripts.js("one"))
                    names.append("j")
                for name in names:
                    session = daemon.create_session(script=name)
                    player = await Player.join(daemon, session)
                    await player.send(10, b"hello", player=realtime.SERVER)
                    self.assertEqual((await player.expect(scripts.ANSWER)).payload, b"one hello")
                    await player.leave()
            finally:
                daemon.stop()

    def test_a_profile_without_io_uring_is_noticed(self):
        """So that the test above can fail: the same without the ring falls back."""
        for rule in self.profile["syscalls"]:
            rule["names"] = [name for name in rule["names"] if name not in RING]
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(self.profile, file)
            file.flush()
            daemon = self.start(file.name)
            try:
                self.assertEqual(daemon.request("GET", "/v1/info")["io"], "epoll")
            finally:
                daemon.stop()

    def test_what_it_forbids_is_refused(self):
        code = "import ctypes; l = ctypes.CDLL(None, use_errno=True); print(l.unshare(0x10000000), ctypes.get_errno(), l.ptrace(0, 0, 0, 0), ctypes.get_errno())"
        done = subprocess.run([sys.executable, under_seccomp.__file__, PROFILE, sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.stdout, "-1 1 -1 1\n", done.stderr)


class Answers(http.server.ThreadingHTTPServer):
    """Remembers what it was asked, (method, path, body), and answers with its status."""

    def __init__(self, status):
        asked = self.asked = []
        self.status = status

        class Handler(http.server.BaseHTTPRequestHandler):
            def answer(self):
                asked.append((self.command, self.path, self.rfile.read(int(self.headers.get("Content-Length", 0)))))
                self.send_response(self.server.status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")

            do_GET = do_POST = answer

            def log_message(self, *arguments):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


@unittest.skipUnless(shutil.which("curl"), "curl is not installed")
class Health(unittest.IsolatedAsyncioTestCase):
    """What is asked of a running relay: the probes, and the bridge to the Agones SDK, whose script is taken out of the manifest."""

    def answers(self, status):
        server = Answers(status)
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        return server

    def bridge(self, sdk, relay, *wrapper):
        script = of_kind("ConfigMap", "agones.yaml")[0]["data"]["bridge.sh"]
        environment = {**os.environ, "SDK": f"http://127.0.0.1:{sdk.server_port}", "RELAY": f"http://127.0.0.1:{relay}", "PAUSE": "0.1"}
        process = subprocess.Popen([*wrapper, "sh", "-c", script], env=environment, stderr=subprocess.DEVNULL)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def start(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        daemon = Daemon(admin__health_address=f"127.0.0.1:{port}")
        self.addCleanup(daemon.stop)
        return daemon, port

    async def test_the_probes_are_answered(self):
        _, health = self.start()
        paths = {probe["httpGet"]["path"] for _, _, pod in pods() for container in pod["containers"] for name, probe in container.items() if name.endswith("Probe")}
        self.assertEqual(paths, {"/livez", "/readyz"})
        annotations = of_kind("DaemonSet")[0]["spec"]["template"]["metadata"]["annotations"]
        for path in paths | {annotations["prometheus.io/path"]}:
            with urllib.request.urlopen(f"http://127.0.0.1:{health}{path}", timeout=60) as response:
                self.assertEqual(response.status, 200, path)

    async def test_agones_is_told_who_is_ready_and_who_has_players(self):
        fleet = of_kind("Fleet")[0]["spec"]["template"]["spec"]
        bridge = container_of(fleet["template"]["spec"], "bridge")
        self.assertEqual(bridge["command"][1], bridge["volumeMounts"][0]["mountPath"] + "/bridge.sh")
        self.assertIn(f"AGONES_SDK_HTTP_PORT:-{fleet['sdkServer']['httpPort']}", of_kind("ConfigMap", "agones.yaml")[0]["data"]["bridge.sh"])
        daemon, health = self.start()
        sdk = self.answers(200)
        self.bridge(sdk, health)
        paths = lambda: [path for _, path, _ in sdk.asked]
        await until(lambda: "/ready" in paths())
        self.assertEqual(sdk.asked[0], ("POST", "/health", b"{}"))
        session = daemon.create_session()
        player = await Player.join(daemon, session)
        await until(lambda: "/allocate" in paths())
        daemon.kick(session, player.peer_id)
        await until(lambda: paths().count("/ready") == 2)

    async def test_agones_hears_nothing_of_a_relay_that_hangs(self):
        sdk, relay = self.answers(200), self.answers(503)
        self.bridge(sdk, relay.server_port)
        await until(lambda: len(relay.asked) > 4)
        self.assertEqual({path for _, path, _ in relay.asked}, {"/livez"})
        self.assertEqual(sdk.asked, [])

    async def test_the_bridge_ends_with_the_relay_and_not_before(self):
        """As the first process of a container, whom no signal ends that it does not ask for."""
        alone = ["unshare", "--pid", "--fork", "--kill-child"]
        if subprocess.run([*alone, "true"], capture_output=True).returncode != 0:
            self.skipTest("no process namespaces here")
        sdk, relay = self.answers(200), self.answers(200)
        process = self.bridge(sdk, relay.server_port, *alone)
        await until(lambda: len(sdk.asked) > 1)
        first = pathlib.Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(first[0]), signal.SIGTERM)
        told = len(sdk.asked)
        await until(lambda: len(sdk.asked) > told + 3)
        self.assertIsNone(process.poll(), "the relay still drains")
        relay.status = 503
        self.assertEqual(await asyncio.to_thread(process.wait, 60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
