#!/usr/bin/python3
"""What operators are given: the dashboard and the alerts name only what a daemon really says, and the scaling hook is run."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

try:
    import yaml
except ImportError:
    yaml = None

from daemon import Daemon
from gamelift import client, raw, service_port
from player import until

TOP = pathlib.Path(__file__).resolve().parents[2]
DEPLOY = TOP / "tools/deploy"
ADDED = {"instance", "job"}  # by Prometheus, not by us
FUNCTIONS_AND_LABELS = re.compile(r"\b(?:by|without|on|ignoring|group_left|group_right)\s*\(([^)]*)\)")
SELECTOR = re.compile(r"\b((?:ringcast|process)_\w+)(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def labels_of(text):
    return dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', text))


class DeployTest(unittest.IsolatedAsyncioTestCase):
    """One daemon that everything has happened to, and its scrape."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        path = os.path.join(cls.folder.name, "webhooks")
        with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            file.write("cloudevents http://127.0.0.1:1/ webhook-secret-0123456789\n")
        hook = os.path.join(cls.folder.name, "hook")
        with open(hook, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o755)) as file:
            file.write('#!/bin/sh\necho "$RINGCAST_FLEET $RINGCAST_DESIRED $RINGCAST_REASON" >> "${0%/*}/told"\n')
        cls.daemon = Daemon("--dev", service__webhooks=path, service__scaling_hook=hook)
        gamelift = client(service_port(cls.daemon))
        cls.fleet = gamelift.create_fleet(Name="f")["FleetAttributes"]["FleetId"]
        gamelift.update_fleet_capacity(FleetId=cls.fleet, DesiredInstances=3, MinSize=0, MaxSize=5)
        gamelift.create_game_session(FleetId=cls.fleet, MaximumPlayerSessionCount=2)
        for body in ("{}", '{"FleetId": "fleet-none"}'):
            raw(service_port(cls.daemon), "DescribeFleetPortSettings", body)
        cls.text = cls.daemon.request_raw("GET", "/metrics")[1]
        cls.samples = {}
        for line in cls.text.splitlines():
            if line and not line.startswith("#"):
                name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
                cls.samples.setdefault(name, []).append(labels_of(labels or ""))

    @classmethod
    def tearDownClass(cls):
        cls.daemon.stop()
        cls.folder.cleanup()

    def check(self, expression, where):
        """Every metric, label and value that an expression names is in the scrape. Returns the labels that its result may carry."""
        carried = set(ADDED)
        self.assertTrue(SELECTOR.search(expression) or "up{" in expression, where)
        for name, matchers in SELECTOR.findall(expression):
            self.assertIn(name, self.samples, where)
            known = set().union(*self.samples[name]) | ADDED
            carried |= known
            for label, operator, value in MATCHER.findall(matchers):
                self.assertIn(label, known, f"{where}: {name}")
                if label in ADDED or value.startswith("$") or operator in ("!=", "!~"):
                    continue
                seen = {sample.get(label) for sample in self.samples[name]}
                for one in value.split("|") if operator == "=~" else [value]:
                    possible = seen | ({"InternalServiceException"} if label == "result" else set())  # that there is none is good
                    self.assertIn(one, possible, f"{where}: {name}")
        for group in FUNCTIONS_AND_LABELS.findall(expression):
            for label in filter(None, map(str.strip, group.split(","))):
                self.assertIn(label, carried | {"le"}, where)
        return carried

    async def test_the_dashboard_shows_what_there_is(self):
        dashboard = json.loads((DEPLOY / "grafana.json").read_text())
        ids = [panel["id"] for panel in dashboard["panels"]]
        self.assertEqual(len(ids), len(set(ids)))
        count = 0
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                carried = self.check(target["expr"], panel["title"])
                for label in re.findall(r"\{\{\s*(\w+)\s*\}\}", target["legendFormat"]):
                    self.assertIn(label, carried, panel["title"])
                count += 1
        self.assertGreater(count, 30)
        for variable in dashboard["templating"]["list"]:
            if variable["type"] == "query":
                metric, label = re.fullmatch(r"label_values\((\w+), (\w+)\)", variable["query"]).groups()
                self.assertIn(label, set().union(*self.samples[metric]) | ADDED)

    async def test_each_alert_says_how_bad_it_is_and_what_to_do(self):
        if yaml is None:
            self.skipTest("python3-yaml is not installed")
        operating = (TOP / "docs/operating.md").read_text()
        anchors = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in re.findall(r"^#+ (.*)$", operating, re.M)}
        names = set()
        for group in yaml.safe_load((DEPLOY / "alerts.yml").read_text())["groups"]:
            for rule in group["rules"]:
                names.add(rule["alert"])
                carried = self.check(rule["expr"], rule["alert"])
                self.assertRegex(rule["for"], r"^\d+[smh]$", rule["alert"])
                self.assertIn(rule["labels"]["severity"], ("critical", "warning"), rule["alert"])
                self.assertTrue(rule["annotations"]["summary"])
                self.assertIn(re.search(r"docs/operating\.md#([\w-]+)$", rule["annotations"]["action"])[1], anchors, rule["alert"])
                for label in re.findall(r"\$labels\.(\w+)", json.dumps(rule["annotations"])):
                    self.assertIn(label, carried, rule["alert"])
        self.assertGreater(len(names), 15)
        self.assertEqual(names, set(re.findall(r"^\| `(Ringcast\w+)` \|", operating, re.M)), "docs/operating.md has a row for each")

    async def test_each_metric_is_in_the_document(self):
        operating = (TOP / "docs/operating.md").read_text()
        for name in re.findall(r"^# TYPE (ringcast_\w+)", self.text, re.M):
            self.assertTrue(f"`{name}`" in operating, name)

    async def test_promtool_takes_both(self):
        if not shutil.which("promtool"):
            self.skipTest("promtool is not installed (Debian package prometheus)")
        for arguments, text in ((["check", "rules", str(DEPLOY / "alerts.yml")], None), (["check", "metrics"], self.text)):
            done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    async def test_the_service_counts_by_the_apis_names(self):
        metrics = self.daemon.metrics()
        of = lambda name: metrics[f'ringcast_fleet_{name}{{fleet="{self.fleet}"}}']
        self.assertEqual((of("active_game_sessions"), of("available_player_sessions"), of("desired_instances"), of("max_instances")), (1, 2, 3, 5))
        self.assertEqual(metrics['ringcast_service_requests_total{operation="DescribeFleetPortSettings",result="NotFoundException"}'], 1)
        self.assertEqual(metrics['ringcast_service_requests_total{operation="CreateFleet",result="ok"}'], 1)
        self.assertEqual(metrics['ringcast_service_game_sessions{status="ACTIVE"}'], 1)

    async def test_the_scaling_hook_is_run_when_a_fleet_wants_another_capacity(self):
        told = pathlib.Path(self.folder.name, "told")
        await until(lambda: told.exists() and told.read_text() == f"{self.fleet} 3 UpdateFleetCapacity\n")
        await until(lambda: self.daemon.metrics()['ringcast_service_scaling_hook_runs_total{result="done"}'] == 1)

    async def test_a_hook_that_cannot_be_run_is_refused_at_the_start(self):
        for path, problem in (("hook", "must be an absolute path"), ("/nonexistent", "No such file"), ("/tmp", "is no file"), ("/etc/passwd", "may not be executed")):
            done = subprocess.run([os.environ["RINGCASTD"], "--dev", "--check-config", "--set", f"service.scaling_hook={path}"], capture_output=True, text=True,
                                  timeout=60)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(f"service.scaling_hook: {path} {problem}", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
