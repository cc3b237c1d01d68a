"""The daemon from outside: flags, configuration, admin API, metrics, signals that leave it running. Needs RINGCASTD; promtool where it is installed."""

import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest

from ringcastd_process import FREE_PORTS, RawPlayer, Ringcastd, await_true, run

TOP = pathlib.Path(__file__).resolve().parents[3]


class Modes(unittest.TestCase):
    def test_help_has_examples(self):
        status, out, err = run("--help")
        self.assertEqual((status, err), (0, ""))
        self.assertIn("ringcastd --dev", out)

    def test_version(self):
        status, out, _ = run("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^ringcastd \d+\.\d+\.\d+")

    def test_check_config_prints_the_bill(self):
        status, out, _ = run("--check-config", "--shards", "2", "--listen", "127.0.0.1")
        self.assertEqual(status, 0)
        self.assertIn("memory at most, with 2 shards", out)
        self.assertRegex(out, r"the engine's own, which must fit +\d+\.\d MiB")
        self.assertRegex(out, r"sum, if all of it came at once +\d+\.\d MiB")
        self.assertRegex(out, r"open files needed: \d+")

    def test_the_reference_is_current(self):
        status, out, _ = run("--config-doc")
        self.assertEqual(status, 0)
        self.assertEqual((TOP / "docs/configuration.md").read_text(), out, "run: ringcastd --config-doc > docs/configuration.md")

    def test_the_reference_of_the_service_is_current(self):
        status, out, _ = run("--service-doc")
        self.assertEqual(status, 0)
        self.assertEqual((TOP / "docs/service-api.md").read_text(), out, "run: ringcastd --service-doc > docs/service-api.md")

    def test_the_example_configuration_is_valid(self):
        status, _, err = run("--check-config", "--config", str(TOP / "tools/deploy/ringcastd.yaml"))
        self.assertEqual((status, err), (0, ""))

    def test_print_config_loads_back(self):
        _, out, _ = run("--print-config", "--tcp-port", "1234", "--set", "drain_timeout=90s")
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(out)
            file.flush()
            status, again, err = run("--print-config", "--config", file.name)
        self.assertEqual((status, err), (0, ""))
        values = [line.split(" #")[0] for line in out.splitlines()]
        self.assertEqual([line.split(" #")[0] for line in again.splitlines()], values)

    def test_a_bad_configuration_is_one_line_and_status_2(self):
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write("limits:\n  mesages_per_second: 5\n")
            file.flush()
            status, out, err = run("--config", file.name)
        self.assertEqual((status, out), (2, ""))
        self.assertEqual(
            err, f"ringcastd: {file.name}:2: unknown key 'limits.mesages_per_second', did you mean 'messages_per_second'?\n"
        )

    def test_a_bad_flag_is_one_line_and_status_2(self):
        status, out, err = run("--tcp-prt", "1")
        self.assertEqual((status, out, err), (2, "", "ringcastd: unknown flag '--tcp-prt', did you mean '--tcp-port'?\n"))


class Start(unittest.TestCase):
    def test_a_taken_port_is_named_with_its_remedy(self):
        with Ringcastd() as first:
            port = first.ready["tcp_port"]
            status, _, err = run(*FREE_PORTS, "--tcp-port", str(port), "--log-format", "json")
        self.assertEqual(status, 1)
        event = next(json.loads(line) for line in err.splitlines() if "port in use" in line)
        self.assertEqual((event["level"], event["key"], event["tcp"]), ("error", "listen.tcp_port", f"0.0.0.0:{port}"))
        self.assertIn("ss -lntup", event["remedy"])

    def test_too_few_files_are_named_with_the_number(self):
        command = f'ulimit -n 256; exec {os.environ["RINGCASTD"]} {" ".join(FREE_PORTS)} --shards 1 --log-format json'
        done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 1)
        event = next(json.loads(line) for line in done.stderr.splitlines() if "too few open files" in line)
        self.assertEqual(event["allowed"], 256)
        self.assertIn(f"LimitNOFILE={event['needed']}", event["remedy"])

    def test_an_address_of_another_machine(self):
        status, _, err = run(*FREE_PORTS, "--listen", "192.0.2.1", "--log-format", "logfmt")
        self.assertEqual(status, 1)
        self.assertIn("no interface of this machine has the address", err)

    def test_the_first_lines_and_the_last(self):
        with Ringcastd("--shards", "2") as daemon:
            events = [json.loads(line) for line in daemon.log_text().splitlines()]
            self.assertEqual([event["msg"] for event in events][:2], ["ringcastd", "limits"])
            self.assertEqual(events[-1]["msg"], "ready")
            self.assertEqual(events[-1]["shards"], 2)
            self.assertIn("kernel", events[0])
            self.assertIn("memlock", events[1])

    def test_a_mistyped_variable_is_mentioned(self):
        with Ringcastd(RINGCAST_LOG_LEVL="debug") as daemon:
            event = daemon.events("unknown environment variable")[0]
            self.assertEqual((event["name"], event["did_you_mean"]), ("RINGCAST_LOG_LEVL", "RINGCAST_LOG_LEVEL"))

    def test_dev_mode(self):
        with Ringcastd("--dev") as daemon:
            sessions = daemon.ask("GET", "/v1/sessions?name=demo")["sessions"]
            self.assertEqual([session["players_max"] for session in sessions], [1000])
            banner = os.pread(daemon.stdout.fileno(), 4096, 0).decode()
            self.assertIn("try: ringcast chat demo --as alice", banner)
            self.assertIn(f"ws://127.0.0.1:{daemon.ready['tcp_port']}", banner)
            player = RawPlayer(daemon.ready["tcp_port"], "dev-demo-alice")
            await_true("alice is in", lambda: daemon.ask("GET", "/v1/sessions?name=demo")["sessions"][0]["player_count"] == 1)
            daemon.process.send_signal(signal.SIGINT)
            self.assertEqual(daemon.wait(), 0)
            player.close()


class Check(unittest.TestCase):
    """What a start refuses, a check refuses, and the other way round."""

    def outcomes(self, *flags, **environment):
        checked = run("--check-config", *FREE_PORTS, *flags, **environment)
        started = run(*FREE_PORTS, "--log-format", "logfmt", *flags, **environment)
        return checked, started

    def test_both_refuse(self):
        for flags, expected in [
            (["--set", "limits.players_max=100000000"], "from 1 to 16777216"),
            (["--set", "limits.players_max=16000000", "--set", "limits.sessions_max=16000000", "--shards", "64"], "more memory than there is"),
            (["--set", "limits.connections_max=3000000"], "too few open files"),
            (["--set", "limits.pong_missed_max=255"], "from 1 to 254"),
            (["--set", "limits.outq_fast_messages=65536"], "from 1 to 65535"),
            (["--listen", "::ffff:127.0.0.1"], "write '127.0.0.1'"),
            (["--listen", "192.0.2.1"], "no interface of this machine has the address"),
            (["--udp-port", "65530", "--shards", "9"], "past 65535"),
            (["--set", "admin.tokens=/nonexistent"], "admin.tokens: /nonexistent: No such file"),
            (["--set", "admin.tokens=credential:x"], "CREDENTIALS_DIRECTORY is not set"),
        ]:
            checked, started = self.outcomes("--set", "tls.mode=off", *flags)
            for status, out, err in (checked, started):
                self.assertNotEqual(status, 0, flags)
                self.assertIn(expected, out + err, flags)

    def test_a_check_does_not_mind_the_daemon_that_runs(self):
        with Ringcastd() as daemon:
            status, out, err = run("--check-config", *FREE_PORTS, "--set", "tls.mode=off", "--tcp-port", str(daemon.ready["tcp_port"]))
            self.assertEqual((status, err), (0, ""))
            self.assertIn("warning: port in use key=listen.tcp_port", out)

    def test_a_second_daemon_is_refused(self):
        with Ringcastd("--shards", "2") as daemon:
            status, _, err = run(*FREE_PORTS, "--set", "tls.mode=off", "--tcp-port", str(daemon.ready["tcp_port"]))
            self.assertEqual(status, 1)
            self.assertIn("port in use", err)

    def test_a_secret_for_everybody_is_mentioned(self):
        with tempfile.NamedTemporaryFile("w", suffix=".tokens") as file:
            file.write("operator a 0123456789abcdef\n")
            file.flush()
            flags = ["--set", "tls.mode=off", "--set", f"admin.tokens={file.name}"]
            os.chmod(file.name, 0o644)
            self.assertIn("a secret can be read by everybody", run("--check-config", *FREE_PORTS, *flags)[1])
            os.chmod(file.name, 0o640)
            self.assertNotIn("a secret can be read by everybody", run("--check-config", *FREE_PORTS, *flags)[1])

    def test_the_secrets_of_webhooks_for_everybody_are_mentioned(self):
        with tempfile.NamedTemporaryFile("w", suffix=".webhooks") as file:
            file.write("sns https://127.0.0.1/hook 0123456789abcdef\n")
            file.flush()
            flags = ["--set", "tls.mode=off", "--set", f"service.webhooks={file.name}"]
            os.chmod(file.name, 0o644)
            self.assertIn("key=service.webhooks", run("--check-config", *FREE_PORTS, *flags)[1])
            os.chmod(file.name, 0o640)
            self.assertNotIn("a secret can be read by everybody", run("--check-config", *FREE_PORTS, *flags)[1])

    def test_as_many_keys_as_are_allowed_fit_their_file(self):
        with tempfile.NamedTemporaryFile("w", suffix=".keys") as file:
            for number in range(512):
                file.write(f"operator {number:064d} {number:064d}\n")
            file.flush()
            os.chmod(file.name, 0o600)
            flags = ["--set", "tls.mode=off", "--set", "service.address=127.0.0.1:0", "--set", f"service.keys={file.name}"]
            status, _, err = run("--check-config", *FREE_PORTS, *flags)
            self.assertEqual(status, 0, err)
            file.write("reader onemore 0123456789abcdef\n")
            file.flush()
            status, _, err = run("--check-config", *FREE_PORTS, *flags)
            self.assertEqual(status, 2)
            self.assertIn(":513: more than 512 keys", err)


    def test_closed_standard_descriptors_are_nobody_elses(self):
        command = f"exec {os.environ['RINGCASTD']} {' '.join(FREE_PORTS)} --set tls.mode=off --shards 1 0<&- 1>&- 2>&-"
        process = subprocess.Popen(["bash", "-c", command])
        try:
            folder = pathlib.Path(f"/proc/{process.pid}/fd")
            await_true("it runs", lambda: len(list(folder.iterdir())) > 8)
            self.assertEqual({os.readlink(folder / str(fd)) for fd in range(3)}, {"/dev/null"})
        finally:
            process.kill()
            process.wait()


class Deploy(unittest.TestCase):
    def test_alert_rules_are_valid_and_name_real_metrics(self):
        rules = (TOP / "tools/deploy/alerts.yml").read_text()
        documented = (TOP / "docs/operating.md").read_text()
        for name in set(re.findall(r"ringcast_[a-z_]+", rules)):
            name = re.sub(r"(?<=_seconds)_(bucket|sum|count)$", "", name)  # samples of a histogram, which stands in the document under its own name
            self.assertTrue(f"`{name}`" in documented, name)
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed (Debian package prometheus)")
        done = subprocess.run(["promtool", "check", "rules", str(TOP / "tools/deploy/alerts.yml")], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_unit_waits_longer_than_the_drain(self):
        unit = (TOP / "tools/deploy/ringcastd.service.in").read_text()
        _, out, _ = run("--print-config", "--config", str(TOP / "tools/deploy/ringcastd.yaml"))
        minutes = int(re.search(r"drain_timeout: (\d+)m", out)[1])
        self.assertGreater(int(re.search(r"TimeoutStopSec=(\d+)", unit)[1]), 60 * minutes)


class Api(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.daemon = Ringcastd("--shards", "2", "--set", "limits.players_per_session_max=10").__enter__()

    @classmethod
    def tearDownClass(cls):
        cls.daemon.process.send_signal(signal.SIGTERM)
        status, log = cls.daemon.wait(), cls.daemon.log_text()
        cls.daemon.__exit__(None, None, None)
        if status != 0:
            raise AssertionError(log)

    def test_health(self):
        self.assertEqual(self.daemon.ask("GET", "/healthz")["status"], "ok")
        self.assertEqual(self.daemon.ask("GET", "/livez")["status"], "ok")
        self.assertEqual(self.daemon.ask("GET", "/readyz"), {"status": "ready", "failing": []})

    def test_metrics_pass_promtool(self):
        status, text = self.daemon.request("GET", "/metrics")
        self.assertEqual(status, 200)
        self.assertIn("\nringcast_sessions ", text)
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed (Debian package prometheus)")
        done = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
        self.assertEqual((done.returncode, done.stdout + done.stderr), (0, ""))

    def test_every_drop_reason_is_exposed_and_documented(self):
        _, text = self.daemon.request("GET", "/metrics")
        reasons = {line.split('reason="')[1].split('"')[0] for line in text.splitlines() if line.startswith("ringcast_drops_total{")}
        self.assertGreater(len(reasons), 20)
        documented = (TOP / "docs/operating.md").read_text()
        for reason in sorted(reasons):
            self.assertIn(f"| `{reason}` |", documented)

    def test_every_metric_is_documented(self):
        _, text = self.daemon.request("GET", "/metrics")
        documented = (TOP / "docs/operating.md").read_text()
        for line in text.splitlines():
            if line.startswith("# TYPE ringcast_"):
                self.assertIn(f"`{line.split()[2]}`", documented)

    def test_a_player_from_reservation_to_kick(self):
        session = self.daemon.ask("POST", "/v1/sessions", {"name": "kick", "players_max": 2}, expected=201)["id"]
        players = f"/v1/sessions/{session}/players"
        token = self.daemon.ask("POST", players, {"player_id": "p1"}, expected=201)["token"]
        player = RawPlayer(self.daemon.ready["tcp_port"], token)

        def joined():
            return [entry for entry in self.daemon.ask("GET", players)["players"] if entry["state"] == "active"]

        entry = await_true("the player is in", joined)[0]
        self.assertEqual(entry["player_id"], "p1")
        self.assertTrue(entry["joined_at"] and entry["address"].startswith("127.0.0.1:"))
        self.daemon.ask("DELETE", f"{players}/{entry['peer_id']}?reason=out", expected=202)
        self.assertIn(b"\x0d\xaf", player.receive_to_end())  # close code 3503
        player.close()
        self.daemon.ask("DELETE", f"/v1/sessions/{session}", expected=202)
        await_true("the session is gone", lambda: self.daemon.request("GET", f"/v1/sessions/{session}")[0] == 404)

    def test_bounds_of_the_engine_are_conflicts_or_bad_requests(self):
        status, text = self.daemon.request("POST", "/v1/sessions", {"players_max": 11})
        self.assertEqual((status, json.loads(text)["code"]), (400, "field"))
        session = self.daemon.ask("POST", "/v1/sessions", {"players_max": 1}, expected=201)["id"]
        self.daemon.ask("POST", f"/v1/sessions/{session}/players", {}, expected=201)
        status, text = self.daemon.request("POST", f"/v1/sessions/{session}/players", {})
        self.assertEqual((status, json.loads(text)["code"]), (409, "full"))
        self.assertIn("session is full (1 player)", json.loads(text)["detail"])

    def test_sessions_of_both_shards_are_listed(self):
        ids = {self.daemon.ask("POST", "/v1/sessions", {"name": "both", "shard": shard}, expected=201)["id"] for shard in (0, 1)}
        listed = self.daemon.ask("GET", "/v1/sessions?name=both")["sessions"]
        self.assertEqual({session["id"] for session in listed}, ids)
        self.assertEqual({session["shard"] for session in listed}, {0, 1})

    def test_answers_have_the_fields_of_the_description(self):
        try:
            import yaml
        except ImportError:
            self.skipTest("python3-yaml is not installed")
        schemas = yaml.safe_load((TOP / "engine/control/openapi.yaml").read_text())["components"]["schemas"]
        session = self.daemon.ask("POST", "/v1/sessions", {}, expected=201)
        players = f"/v1/sessions/{session['id']}/players"
        reservation = self.daemon.ask("POST", players, {}, expected=201)
        answers = {
            "Session": session,
            "Reservation": reservation,
            "Player": self.daemon.ask("GET", players)["players"][0],
            "Info": self.daemon.ask("GET", "/v1/info"),
            "ConfigValue": next(value for value in self.daemon.ask("GET", "/v1/config")["values"] if value["name"] == "io"),
            "Problem": self.daemon.ask("GET", "/nothing", expected=404),
        }
        for name, answer in answers.items():
            self.assertEqual(sorted(answer), sorted(schemas[name].get("required", schemas[name]["properties"])), name)
        self.assertIn(answers["Problem"]["code"], schemas["Problem"]["properties"]["code"]["enum"])
        known = self.daemon.ask("POST", "/v1/sessions", {"unknown": 1}, expected=400)["detail"].split("known: ")[1].split(", ")
        self.assertEqual(sorted(known), sorted(schemas["SessionOptions"]["properties"]))

    def test_a_web_page_gets_nothing(self):
        host = {"Host": "evil.example", "Content-Type": "application/json"}
        self.assertEqual(self.daemon.request("GET", "/v1/sessions", headers=host)[0], 403)
        form = {"Content-Type": "text/plain"}
        self.assertEqual(self.daemon.request("POST", "/v1/drain", {"exit": True}, headers=form)[0], 415)
        self.assertEqual(self.daemon.ask("GET", "/readyz")["status"], "ready")


class Reload(unittest.TestCase):
    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".yaml")
        self.write("limits:\n  messages_per_second: 100\n")

    def tearDown(self):
        self.file.close()

    def write(self, text):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(text)
        self.file.flush()

    def test_hangup_takes_what_it_can_and_names_the_rest(self):
        with Ringcastd("--config", self.file.name) as daemon:
            self.write("limits:\n  messages_per_second: 200\n  players_max: 6000\nlog:\n  level: debug\n")
            daemon.process.send_signal(signal.SIGHUP)
            event = daemon.await_event("configuration reloaded")
            self.assertEqual(event["changed"], "log.level, limits.messages_per_second")
            self.assertEqual(event["needs_restart"], "limits.players_max")
            config = {value["name"]: value for value in daemon.ask("GET", "/v1/config")["values"]}
            self.assertEqual(config["limits.messages_per_second"]["value"], 200)
            self.assertEqual(config["limits.messages_per_second"]["line"], 2)
            self.assertEqual(config["limits.players_max"]["value"], 5000)

    def test_a_bad_file_changes_nothing(self):
        with Ringcastd("--config", self.file.name) as daemon:
            self.write("limits:\n  messages_per_second: many\n")
            status, text = daemon.request("POST", "/v1/reload", {})
            self.assertEqual(status, 422)
            self.assertIn(f"{self.file.name}:2: limits.messages_per_second: 'many' is not a whole number", json.loads(text)["detail"])
            daemon.await_event("configuration refused, keeping the old one")
            config = {value["name"]: value["value"] for value in daemon.ask("GET", "/v1/config")["values"]}
            self.assertEqual(config["limits.messages_per_second"], 100)


class Tokens(unittest.TestCase):
    READER, OPERATOR = "reader-0123456789abcdef", "operator-0123456789abcdef"

    def setUp(self):
        self.file = tempfile.NamedTemporaryFile("w", suffix=".tokens")
        self.addCleanup(self.file.close)
        self.write(f"reader prometheus {self.READER}\noperator backend {self.OPERATOR}\n")

    def write(self, text):
        self.file.seek(0)
        self.file.truncate()
        self.file.write(text)
        self.file.flush()

    def status(self, daemon, method, path, token=None, body=None):
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        return daemon.request(method, path, body, headers)[0]

    def test_beyond_loopback_it_must_be_meant(self):
        for mode in ([], ["--check-config"]):
            status, _, err = run(*mode, "--set", "tls.mode=off", "--admin", "0.0.0.0:0")
            self.assertEqual(status, 2)
            self.assertIn("ringcastd: admin.address: 0.0.0.0:0 can be reached from other machines", err)
        with Ringcastd("--admin", "0.0.0.0:0", "--set", "admin.open=true") as daemon:
            daemon.ask("GET", "/v1/info")
            self.assertTrue(any("open to whoever reaches it" in line for line in daemon.log_text().splitlines()))
        with Ringcastd("--admin", "0.0.0.0:0", "--set", f"admin.tokens={self.file.name}") as daemon:
            self.assertEqual(self.status(daemon, "GET", "/v1/info"), 401)
            self.assertEqual(self.status(daemon, "GET", "/v1/info", self.READER), 200)

    def test_a_reload_takes_the_new_tokens_or_none(self):
        with Ringcastd("--set", f"admin.tokens={self.file.name}") as daemon:
            self.assertEqual(self.status(daemon, "POST", "/v1/reload", self.READER, {}), 403)
            self.assertEqual(self.status(daemon, "POST", "/v1/reload", self.OPERATOR, {}), 200)
            self.write("operator backend short")
            self.assertEqual(self.status(daemon, "POST", "/v1/reload", self.OPERATOR, {}), 422)
            self.assertEqual(self.status(daemon, "GET", "/v1/info", self.READER), 200)
            self.write("operator backend another-0123456789abcdef")
            self.assertEqual(self.status(daemon, "POST", "/v1/reload", self.OPERATOR, {}), 200)
            self.assertEqual(self.status(daemon, "GET", "/v1/info", self.OPERATOR), 401)
            self.assertEqual(self.status(daemon, "GET", "/v1/info", "another-0123456789abcdef"), 200)
            changes = daemon.events("admin change")
            self.assertEqual([(change["role"], change["name"], change["status"]) for change in changes][:2], [("operator", "backend", 200), ("operator", "backend", 422)])
            self.assertRegex(changes[0]["address"], r"^127\.0\.0\.1:\d+$")
            self.assertEqual(daemon.events("admin request refused")[0]["code"], "role")
            self.assertNotIn("0123456789abcdef", daemon.log_text())
            trail = daemon.request("GET", "/v1/audit?limit=3", None, {"Authorization": "Bearer another-0123456789abcdef"})
            self.assertEqual(trail[0], 200)
            entries = json.loads(trail[1])["entries"]
            self.assertEqual([(entry["who"], entry["what"], entry["answer"]) for entry in entries],
                             [("backend", "POST /v1/reload", "200"), ("backend", "POST /v1/reload", "422 config"), ("backend", "POST /v1/reload", "200")])
            self.assertNotIn("0123456789abcdef", trail[1] if isinstance(trail[1], str) else trail[1].decode())

    def test_the_trail_says_who_did_what_to_which(self):
        with Ringcastd("--set", f"admin.tokens={self.file.name}", "--set", "admin.audit_kept=4") as daemon:
            def ask(method, path, body=None, token=self.OPERATOR):
                headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}
                status, text = daemon.request(method, path, body, headers)
                return status, json.loads(text)
            session = ask("POST", "/v1/sessions", {"name": "a"})[1]["id"]
            self.assertEqual(ask("DELETE", f"/v1/sessions/{session}", token=self.READER)[0], 403)
            self.assertEqual(self.status(daemon, "DELETE", f"/v1/sessions/{session}"), 401)
            self.assertEqual(ask("DELETE", f"/v1/sessions/{session}")[0], 202)
            trail = ask("GET", "/v1/audit", token=self.READER)[1]
            self.assertEqual(trail["total"], 3, "a stranger leaves a line in the log, and none here")
            self.assertEqual([(entry["number"], entry["who"], entry["what"], entry["object"], entry["answer"]) for entry in trail["entries"]], [
                (3, "backend", "DELETE /v1/sessions/{id}", f"/v1/sessions/{session}", "202"),
                (2, "prometheus", "DELETE /v1/sessions/{id}", f"/v1/sessions/{session}", "403 role"),
                (1, "backend", "POST /v1/sessions", f"/v1/sessions/{session}", "201")])
            self.assertNotIn("next", trail)
            for _ in range(5):
                ask("POST", "/v1/reload", {})
            page = ask("GET", "/v1/audit?limit=3")[1]
            self.assertEqual([entry["number"] for entry in page["entries"]], [8, 7, 6])
            last = ask("GET", f"/v1/audit?before={page['next']}")[1]
            self.assertEqual([entry["number"] for entry in last["entries"]], [5, 3, 2, 1], "four are kept of each: what games do takes no place from the others")
            self.assertNotIn("next", last)

    def test_a_bad_file_is_one_line(self):
        self.write("operator backend short")
        status, _, err = run(*FREE_PORTS, "--set", "tls.mode=off", "--set", f"admin.tokens={self.file.name}", "--log-format", "logfmt")
        self.assertEqual(status, 1)
        self.assertIn(f"{self.file.name}:1: the token must be 16 to 127", err)


class Health(unittest.TestCase):
    def test_it_answers_whatever_happens_to_the_admin_api(self):
        with Ringcastd("--shards", "1", "--set", "admin.health_address=127.0.0.1:0") as daemon:
            health = int(daemon.ready["health"].rsplit(":", 1)[1])
            crowd = []
            for port in (int(daemon.admin_port), health):
                for i in range(200):
                    crowd.append(socket.create_connection(("127.0.0.1", port)))
                    if i % 2:
                        crowd[-1].sendall(b"GET /healthz HTTP/1.1\r\nHost: lo")
            for path in ("/healthz", "/readyz", "/metrics"):
                with socket.create_connection(("127.0.0.1", health), timeout=60) as connection:
                    connection.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
                    self.assertRegex(connection.recv(4096), rb"^HTTP/1\.[01] 200 ")
            self.assertEqual(daemon.request("GET", "/healthz")[0], 200)
            with socket.create_connection(("127.0.0.1", health), timeout=60) as connection:
                connection.sendall(b"POST /v1/drain HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
                self.assertRegex(connection.recv(4096), rb"^HTTP/1\.[01] 404 ")
            for connection in crowd:
                connection.close()

    def test_a_process_that_stood_still_is_well_as_soon_as_it_goes_on(self):
        """Asked while it stands still, so that the answers are the first thing it does afterwards; and a shard of its own that hangs is no such thing."""
        with Ringcastd("--dev", "--shards", "2", "--set", "admin.stall_timeout=3s") as daemon:
            for path in ("/healthz", "/readyz", "/metrics"):
                with self.subTest(path):
                    askers = [socket.create_connection(("127.0.0.1", int(daemon.admin_port)), timeout=60) for _ in range(4)]
                    daemon.process.send_signal(signal.SIGSTOP)
                    for asker in askers:
                        asker.sendall(f"GET {path} HTTP/1.0\r\nHost: localhost\r\n\r\n".encode())
                    time.sleep(5)  # of the stopped process
                    daemon.process.send_signal(signal.SIGCONT)
                    for asker in askers:
                        with asker, asker.makefile("rb") as answer:
                            text = answer.read().decode()
                        self.assertRegex(text, r"^HTTP/1\.[01] 200 ")
                        for seconds in re.findall(r'^ringcast_(?:service_)?stall_seconds\S* ([0-9.e+-]+)$', text, re.M):
                            self.assertLess(float(seconds), 3)
                    self.assertEqual(daemon.request("GET", path)[0], 200)

    def test_pushes_and_answers_share_a_bounded_memory(self):
        """64 pushes of 4 MB that never end, of clients that hold on to what they have sent, and one honest push."""
        with Ringcastd("--dev", "--shards", "1", "--set", "admin.memory_max=32MiB", "--set", "scripts.package_max=8MiB") as daemon:
            crowd = []
            for _ in range(64):
                connection = socket.create_connection(("127.0.0.1", int(daemon.admin_port)))
                connection.settimeout(60)
                connection.sendall(b"POST /v1/scripts/a HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/zip\r\nContent-Length: 5000000\r\n\r\n")
                try:
                    connection.sendall(b"P" * 4000000)
                except OSError:
                    pass  # it was the largest when another came
                crowd.append(connection)
            self.assertEqual(daemon.request("POST", "/v1/scripts/a", headers={"Content-Type": "application/zip", "Content-Length": "0"})[0], 422)
            await_true("all but eight were cut", lambda: sum(self.is_open(connection) for connection in crowd) <= 8)
            for connection in crowd:
                connection.close()

    def is_open(self, connection):
        connection.setblocking(False)
        try:
            return connection.recv(1, socket.MSG_PEEK) != b""
        except BlockingIOError:
            return True
        except OSError:
            return False


class Undo(unittest.TestCase):
    def test_a_drain_with_exit_is_taken_back(self):
        with Ringcastd("--shards", "2", "--set", "drain_timeout=24h") as daemon:
            session = daemon.ask("POST", "/v1/sessions", {"name": "s"}, expected=201)["id"]
            token = daemon.ask("POST", f"/v1/sessions/{session}/players", {}, expected=201)["token"]
            player = RawPlayer(daemon.ready["tcp_port"], token)
            self.addCleanup(player.close)
            await_true("the player is in", lambda: daemon.ask("GET", f"/v1/sessions/{session}")["player_count"] == 1)
            daemon.ask("POST", "/v1/drain", {"exit": True}, expected=202)
            daemon.await_event("draining, then stopping")
            self.assertEqual(daemon.request("POST", "/v1/sessions", {})[0], 409)
            self.assertEqual(daemon.ask("DELETE", "/v1/drain"), {"draining": False})
            daemon.await_event("no longer draining")
            daemon.ask("POST", "/v1/sessions", {}, expected=201)
            self.assertEqual(daemon.ask("GET", "/readyz")["status"], "ready")
            player.close()
            await_true("the player is gone", lambda: daemon.ask("GET", f"/v1/sessions/{session}")["player_count"] == 0)
            self.assertIsNone(daemon.process.poll(), "without players it would have stopped")

    def test_a_lost_reservation(self):
        with Ringcastd("--shards", "1") as daemon:
            session = daemon.ask("POST", "/v1/sessions", {"name": "s"}, expected=201)["id"]
            players = f"/v1/sessions/{session}/players"
            token = daemon.ask("POST", players, {"player_id": "alice"}, expected=201)["token"]
            problem = daemon.ask("POST", players, {"player_id": "alice"}, expected=409)
            self.assertIn(f"DELETE {players}?player_id=", problem["detail"])
            daemon.ask("DELETE", f"{players}?player_id=alice", expected=202)
            daemon.ask("DELETE", f"{players}?token={token}", expected=404)
            token = daemon.ask("POST", players, {"player_id": "alice"}, expected=201)["token"]
            player = RawPlayer(daemon.ready["tcp_port"], token)
            await_true("alice is in", lambda: daemon.ask("GET", f"/v1/sessions/{session}")["player_count"] == 1)
            daemon.ask("DELETE", f"{players}?token={token}&reason=bye", expected=202)
            self.assertIn(b"\x0d\xafbye", player.receive_to_end())  # close code 3503


class Local(unittest.TestCase):
    def test_a_file_at_the_sockets_path_stays(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "admin.sock")
            pathlib.Path(path).write_text("precious")
            status, _, err = run(*FREE_PORTS, "--set", "tls.mode=off", "--admin", f"unix:{path}", "--log-format", "logfmt")
            self.assertEqual(status, 1)
            self.assertIn("Address already in use", err)
            self.assertEqual(pathlib.Path(path).read_text(), "precious")

    def test_a_stale_socket_is_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "admin.sock")
            with socket.socket(socket.AF_UNIX) as stale:
                stale.bind(path)
            with Ringcastd("--admin", f"unix:{path}") as daemon:
                self.assertEqual(os.stat(path).st_mode & 0o777, 0o660)
                daemon.process.send_signal(signal.SIGTERM)
                self.assertEqual(daemon.wait(), 0)
            self.assertFalse(os.path.exists(path))


class Crowd(unittest.TestCase):
    """Requests of every kind at once, with reloads by signal and by request between them: all are answered."""

    KINDS = [
        ("GET", "/metrics", None, 200),
        ("GET", "/healthz", None, 200),
        ("GET", "/v1/config", None, 200),
        ("GET", "/v1/sessions", None, 200),
        ("POST", "/v1/sessions", {"name": "crowd"}, 201),
        ("POST", "/v1/reload", {}, 200),
    ]

    def test_all_are_answered(self):
        with Ringcastd("--shards", "2") as daemon, concurrent.futures.ThreadPoolExecutor(8) as pool:
            asked = []
            for i in range(240):
                method, path, body, expected = self.KINDS[i % len(self.KINDS)]
                asked.append((expected, pool.submit(daemon.request, method, path, body)))
                if i % 60 == 0:
                    daemon.process.send_signal(signal.SIGHUP)
            for expected, answer in asked:
                self.assertEqual(answer.result()[0], expected, answer.result()[1])
            self.assertEqual(daemon.ask("GET", "/v1/sessions?name=crowd")["total"], 40)
            daemon.process.send_signal(signal.SIGTERM)
            self.assertEqual(daemon.wait(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=1)
