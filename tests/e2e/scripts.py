"""Scripts for the end-to-end tests: folders, zips, and small games in Lua and JavaScript that answer with their version."""

import io
import os
import subprocess
import zipfile

ANSWER = 20  # op code of what the games say

LUA = """
local session
return {
  configuration = { maxPlayers = 12 },
  init = function(s) session = s; s.getLogger().info("init of VERSION") end,
  onMessage = function(msg)
    session.sendReliableMessage(session.newTextGameMessage(20, -1, "VERSION " .. msg.payload), msg.sender)
    if msg.payload == "fail" then error("it was told to fail") end
    if msg.payload == "loop" then while true do end end
    if msg.payload == "end" then session.processEnding() end
  end,
}
"""

JS = """
'use strict';
let session, logger;
exports.ssExports = {
  configuration: { maxPlayers: 12 },
  init(s) { session = s; logger = s.getLogger(); logger.info('init of VERSION'); },
  onMessage(msg) {
    const text = String(msg.payload);
    session.sendReliableMessage(session.newTextGameMessage(20, -1, 'VERSION ' + text), msg.sender);
    if (text === 'fail') throw new Error('it was told to fail');
    if (text === 'crash') setImmediate(() => { throw new Error('nobody caught it'); });
    if (text === 'loop') for (;;);
    if (text === 'end') session.processEnding();
  },
};
"""


def lua(version):
    return {"main.lua": LUA.replace("VERSION", version)}


def js(version):
    return {"index.js": JS.replace("VERSION", version)}


def make_zip(files):
    """files: name -> text or bytes, or a list of (ZipInfo or name, text)."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items() if isinstance(files, dict) else files:
            archive.writestr(name, text)
    return data.getvalue()


def write_folder(path, files):
    for name, text in files.items():
        os.makedirs(os.path.dirname(os.path.join(path, name)), exist_ok=True)
        with open(os.path.join(path, name), "w") as file:
            file.write(text)
    return path


def push(daemon, name, files):
    """What the daemon says of the new version, or AdminError."""
    return daemon.send("POST", f"/v1/scripts/{name}", "application/zip", files if isinstance(files, bytes) else make_zip(files))


def versions(daemon, name):
    return daemon.request("GET", f"/v1/scripts/{name}")["versions"]


def rollback(daemon, name, version=None):
    return daemon.request("POST", f"/v1/scripts/{name}/rollback", {"version": version} if version else {})


def log_lines(daemon, session):
    return [(line["level"], line["text"]) for line in daemon.request("GET", f"/v1/sessions/{session}/log")["lines"]]


def log_text(daemon, session):
    return "\n".join(text for _, text in log_lines(daemon, session))


def command(*arguments, daemon=None):
    """The ringcast command: (exit status, stdout, stderr)."""
    environment = dict(os.environ, RINGCAST_ADMIN=f"http://127.0.0.1:{daemon.admin_port}") if daemon else os.environ
    done = subprocess.run([os.environ["RINGCAST"], *arguments], env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def node_pids(daemon):
    """The daemon's Node processes."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as stat, open(f"/proc/{entry}/cmdline") as line:
                parent = int(stat.read().rsplit(")", 1)[1].split()[1])
                if parent == daemon.process.pid and "sidecar.js" in line.read():
                    found.append(int(entry))
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found
