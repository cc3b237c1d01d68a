"""Starts a ringcastd of its own on free ports, watches it, stops it by its pid and checks that it went cleanly."""

import http.client
import json
import os
import re
import signal
import subprocess
import tempfile
import time

from child import tied

START_SECONDS = 30
STOP_SECONDS = 60
COMPLAINTS = re.compile(rb"AddressSanitizer|LeakSanitizer|UndefinedBehavior|ThreadSanitizer|runtime error:|assert|uninitialised|core dumped")


class AdminError(Exception):
    def __init__(self, status, body):
        super().__init__(f"{status}: {body}")
        self.status, self.body = status, body


class Daemon:
    """The ringcastd named by RINGCASTD, run under RINGCAST_WRAPPER (such as valgrind). settings: configuration keys, __ for the dot."""

    def __init__(self, *flags, **settings):
        command = os.environ.get("RINGCAST_WRAPPER", "").split() + [os.environ["RINGCASTD"]]
        command += ["--tcp-port", "0", "--udp-port", "0", "--admin", "127.0.0.1:0", "--service", "127.0.0.1:0" if "--dev" in flags else "off"]
        command += ["--log-format", "json", *flags]
        settings.setdefault("drain_timeout", "0s")
        if "--dev" not in flags and "tls__certificate" not in settings:
            settings.setdefault("tls__mode", "off")
        for key, value in settings.items():
            command += ["--set", f"{key.replace('__', '.')}={value}"]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(tied(command), stdout=subprocess.DEVNULL, stderr=self.log)
        try:
            self._await_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def _await_ready(self):
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"ringcastd did not start: {self.log_text()}")
            match = re.search(rb'"msg":"ready".*?"admin":"127.0.0.1:(\d+)"', self.log_text())
            if match:
                self.admin_port = int(match[1])
                if self.request("GET", "/readyz")["status"] == "ready":
                    break
            time.sleep(0.01)
        else:
            raise AssertionError(f"ringcastd was not ready within {START_SECONDS} s: {self.log_text()}")
        info = self.request("GET", "/v1/info")
        self.tcp_port, self.shard_count = info["tcp_port"], info["shards"]
        self.udp_ports = [port for ports in info["udp_ports"] for port in ports]

    def log_text(self):
        return os.pread(self.log.fileno(), 1 << 24, 0)

    def await_log(self, text, patience_s=20):
        """Until the log has it: who logs is not who answers."""
        until = time.monotonic() + patience_s
        while text not in self.log_text():
            assert time.monotonic() < until, f"no {text!r} in the log:\n{self.log_text().decode(errors='replace')}"
            time.sleep(0.02)

    def stop(self):
        """SIGTERM; a clean exit and a clean log, or AssertionError with the log."""
        self.process.send_signal(signal.SIGTERM)
        self.wait()

    def wait(self):
        try:
            status = self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"ringcastd did not stop within {STOP_SECONDS} s: {self.log_text().decode()}") from None
        text = self.log_text()
        self.log.close()
        if status != 0 or COMPLAINTS.search(text):
            raise AssertionError(f"ringcastd ended with {status}: {text.decode()}")

    def request(self, method, path, body=None):
        """The admin API: the answer's JSON, or AdminError."""
        status, text = self.request_raw(method, path, body)
        if status >= 400:
            raise AdminError(status, text)
        return json.loads(text)

    def request_raw(self, method, path, body=None):
        return self.send_raw(method, path, "application/json", json.dumps(body) if body is not None else None)

    def send(self, method, path, content_type, data):
        """The same with a body that is not JSON."""
        status, text = self.send_raw(method, path, content_type, data)
        if status >= 400:
            raise AdminError(status, text)
        return json.loads(text)

    def send_raw(self, method, path, content_type, data):
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60)
        try:
            connection.request(method, path, data, {"Content-Type": content_type} if data is not None else {})
            response = connection.getresponse()
            return response.status, response.read().decode()
        finally:
            connection.close()

    def create_session(self, **options):
        return self.create_session_raw(options)["id"]

    def create_session_raw(self, options):
        return self.request("POST", "/v1/sessions", options)

    def end_session(self, session):
        return self.request("DELETE", f"/v1/sessions/{session}")

    def session(self, session):
        return self.request("GET", f"/v1/sessions/{session}")

    def reserve(self, session, **options):
        return self.request("POST", f"/v1/sessions/{session}/players", options)["token"]

    def players(self, session):
        return self.request("GET", f"/v1/sessions/{session}/players")["players"]

    def kick(self, session, peer_id, reason=None):
        return self.request("DELETE", f"/v1/sessions/{session}/players/{peer_id}" + (f"?reason={reason}" if reason else ""))

    def metrics(self):
        """Samples by name, with labels as they are written: 'ringcast_drops_total{reason="rate"}'."""
        status, text = self.request_raw("GET", "/metrics")
        if status != 200:
            raise AdminError(status, text)
        samples = {}
        for line in text.splitlines():
            if line and not line.startswith("#"):
                name, value = line.rsplit(" ", 1)
                samples[name] = float(value)
        return samples

    def drops(self, reason):
        return self.metrics()[f'ringcast_drops_total{{reason="{reason}"}}']

    def closes(self, reason):
        return self.metrics()[f'ringcast_closes_total{{reason="{reason}"}}']

    def counter(self, name):
        return self.metrics()[f"ringcast_{name}_total"]

    def gauge(self, name):
        return self.metrics()[f"ringcast_{name}"]

    def rss_bytes(self):
        with open(f"/proc/{self.process.pid}/status") as status:
            return int(re.search(r"VmRSS:\s+(\d+) kB", status.read())[1]) * 1024
