#!/usr/bin/python3
"""The JavaScript client in a page of headless Chromium, behind the driver protocol of tests/conformance/README.md.

The page fetches commands from here and posts what it has to say. Exit status 77 where there is no Chromium."""

import ctypes
import functools
import http.server
import json
import os
import queue
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

TOP = os.path.realpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../../.."))
PAGE = "/tests/conformance/drivers/browser/page.html"
SERVED = (PAGE, "/tests/conformance/drivers/js/", "/proto/clients/js/src/")
ASK_AGAIN_SECONDS = 10
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-extensions", "--mute-audio")
SKIP = 77

commands = queue.Queue()
is_over = threading.Event()
status = 0


def end(code):
    global status
    status = status or code
    is_over.set()


class Handler(http.server.SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    extensions_map = {".js": "text/javascript", ".html": "text/html"}

    def log_message(self, *_):
        pass

    def do_GET(self):
        if self.path.startswith(SERVED):
            super().do_GET()
        else:
            self.send_error(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/said":
            self.take(json.loads(body))
            self.answer(204, b"")
            return
        try:
            self.answer(200, commands.get(timeout=ASK_AGAIN_SECONDS).encode())
        except queue.Empty:
            self.answer(204, b"")

    def answer(self, code, body):
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def take(self, said):
        if "fault" in said:
            print(f"in the page: {said['fault']}", file=sys.stderr)
            end(1)
            return
        print(json.dumps(said), flush=True)
        if "id" in said and said["id"] == self.server.quit_id:
            end(0)


def read_commands(server):
    for line in sys.stdin:
        command = json.loads(line)
        if command["do"] == "quit":
            server.quit_id = command["id"]
        commands.put(line)
    if server.quit_id is None:
        end(0)


def die_with_parent():
    """In the browser's process: whoever kills this driver, however hard, ends the browser as well."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def main():
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        print("there is no Chromium (Debian: chromium)", file=sys.stderr)
        return SKIP
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=TOP))
    server.daemon_threads, server.quit_id = True, None
    threading.Thread(target=server.serve_forever, daemon=True).start()
    threading.Thread(target=read_commands, args=(server,), daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        browser = subprocess.Popen([chromium, *FLAGS, f"--user-data-dir={folder}", f"http://127.0.0.1:{server.server_port}{PAGE}"],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)
        threading.Thread(target=lambda: (browser.wait(), end(1)), daemon=True).start()  # an end of its own is a failure
        is_over.wait()
        result = status
        browser.terminate()
        browser.wait()
    return result


if __name__ == "__main__":
    code = main()
    sys.stdout.flush()
    os._exit(code)  # threads wait for input that nobody will give
