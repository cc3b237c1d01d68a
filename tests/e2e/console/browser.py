"""Headless Chromium, spoken to over two pipes in its own protocol: no driver, no package. One Browser is one process, one Tab one page of its own profile."""

import base64
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time

WAIT_SECONDS = 60  # only ends a test that has failed; nothing is measured
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-background-networking", "--disable-component-update",
         "--disable-extensions", "--mute-audio", "--hide-scrollbars", "--remote-debugging-pipe", "--force-color-profile=srgb", "--font-render-hinting=none")


def find_chromium():
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class BrowserError(Exception):
    pass


class Browser:
    def __init__(self):
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        its_in, self.out = os.pipe()
        self.into, its_out = os.pipe()

        def prepare():  # the protocol's pipes are 3 and 4; whoever kills the test ends the browser as well
            spare_in, spare_out = os.dup(its_in), os.dup(its_out)
            os.dup2(spare_in, 3)
            os.dup2(spare_out, 4)
            pr_set_pdeathsig = 1
            ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)

        self.process = subprocess.Popen([find_chromium(), *FLAGS, f"--user-data-dir={self.folder.name}", "about:blank"], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=prepare, close_fds=False)
        os.close(its_in)
        os.close(its_out)
        self.read, self.number, self.answers, self.tabs = b"", 0, {}, {}

    def close(self):
        self.process.terminate()
        self.process.wait()
        os.close(self.out)
        os.close(self.into)
        self.folder.cleanup()

    def ask(self, method, session=None, **parameters):
        self.number += 1
        question = {"id": self.number, "method": method, "params": parameters}
        if session:
            question["sessionId"] = session
        data = json.dumps(question).encode() + b"\0"
        while data:
            data = data[os.write(self.out, data):]
        number, until = self.number, time.monotonic() + WAIT_SECONDS
        while number not in self.answers:
            self.take(until)
        answer = self.answers.pop(number)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']}")
        return answer["result"]

    def take(self, until):
        """What the browser has to say, waiting for at least one thing."""
        ready, _, _ = select.select([self.into], [], [], max(0, until - time.monotonic()))
        data = os.read(self.into, 1 << 20) if ready else b""
        if not data:
            raise BrowserError("the browser says nothing any more")
        *messages, self.read = (self.read + data).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self.answers[message["id"]] = message
            elif message.get("sessionId") in self.tabs:
                self.tabs[message["sessionId"]].hear(message["method"], message["params"])

    def tab(self):
        """A page whose storage no other sees."""
        context = self.ask("Target.createBrowserContext")["browserContextId"]
        target = self.ask("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        return Tab(self, target, session)


class Tab:
    def __init__(self, browser, target, session):
        self.browser, self.target, self.session = browser, target, session
        self.requests, self.responses, self.complaints, self.sockets = [], {}, [], []
        browser.tabs[session] = self
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.ask(f"{domain}.enable")
        self.size(1280, 900)

    def ask(self, method, **parameters):
        return self.browser.ask(method, self.session, **parameters)

    def hear(self, method, parameters):
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Network.webSocketCreated":
            self.sockets.append(parameters["url"])
        elif method == "Network.responseReceived":
            response = parameters["response"]
            self.responses[response["url"]] = (response["status"], {name.lower(): value for name, value in response["headers"].items()})
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(parameters["exceptionDetails"].get("exception", {}).get("description") or parameters["exceptionDetails"]["text"])
        elif method == "Log.entryAdded" and parameters["entry"]["level"] == "error" and parameters["entry"]["source"] != "network":
            self.complaints.append(parameters["entry"]["text"])

    def size(self, width, height, scheme="light", scale=1):
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=False)
        self.ask("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}])

    def open(self, url):
        self.ask("Page.navigate", url=url)

    def run(self, expression):
        """The value of an expression, awaited if it is a promise. Runs whatever the page's policy says."""
        result = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in result:
            raise BrowserError(result["exceptionDetails"].get("exception", {}).get("description", expression))
        return result["result"].get("value")

    def until(self, expression, what=None):
        """Waits until an expression is true; says what the page shows when it never was."""
        end = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < end:
            try:
                if value := self.run(expression):
                    return value
            except BrowserError as error:  # between two pages there is none
                if "context" not in str(error) and "null" not in str(error):
                    raise
            time.sleep(0.03)
        raise AssertionError(f"never came true: {what or expression}\n{self.run('location.href')}\n{self.text()}\n{self.complaints}")

    def text(self):
        return self.run("document.body.innerText")

    def shows(self, text):
        self.until(f"document.body.innerText.includes({json.dumps(text)})", f"the page shows {text!r}")

    def place_of(self, find):
        """Its middle, once it stays where it is and nothing lies over it."""
        return self.until(f"""(async () => {{
            const middle = () => {{
                const found = {find};
                if (!found || found.disabled) return null;
                found.scrollIntoView({{ block: 'center', inline: 'center' }});
                const box = found.getBoundingClientRect(), x = box.x + box.width / 2, y = box.y + box.height / 2;
                return box.width > 0 && found.contains(document.elementFromPoint(x, y)) ? [x, y] : null;
            }};
            const before = middle();
            await new Promise((resolve) => setTimeout(resolve, 60));
            const after = middle();
            return before && after && before.join() === after.join() ? after : null;
        }})()""", f"there is {find}")

    def click(self, find):
        """With the mouse, on what a JavaScript expression finds."""
        x, y = self.place_of(find)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def click_text(self, tag, text):
        """On the first visible element of that tag with exactly this text."""
        self.click(f"[...document.querySelectorAll({json.dumps(tag)})].find((one) => one.innerText.trim() === {json.dumps(text)} && one.getClientRects().length)")

    def fill(self, label, text, within="document"):
        """Types into the field with this label, in place of what was in it."""
        self.click(f"[...{within}.querySelectorAll('label')].find((one) => one.innerText.trim() === {json.dumps(label)} && one.getClientRects().length)?.control")
        self.run("document.activeElement.select?.()")
        if text:
            self.ask("Input.insertText", text=text)
        else:
            self.press("Backspace")

    def choose(self, label, value, within="document"):
        self.until(f"""(() => {{
            const field = [...{within}.querySelectorAll('label')].find((one) => one.innerText.trim() === {json.dumps(label)} && one.getClientRects().length)?.control;
            if (!field || ![...field.options].some((one) => one.value === {json.dumps(value)})) return false;
            field.value = {json.dumps(value)};
            field.dispatchEvent(new Event('change', {{ bubbles: true }}));
            return true;
        }})()""", f"{label} has the choice {value}")

    def give_file(self, find, path):
        """What an input for files would be given by hand."""
        found = self.ask("Runtime.evaluate", expression=find)["result"]["objectId"]
        self.ask("DOM.setFileInputFiles", objectId=found, files=[path])

    def drop_file(self, find, name, data):
        """As if a file had been dragged there; data: bytes."""
        self.run(f"""(() => {{
            const bytes = Uint8Array.from(atob({json.dumps(base64.b64encode(data).decode())}), (character) => character.charCodeAt(0)), dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], {json.dumps(name)}));
            for (const type of ['dragover', 'drop']) ({find}).dispatchEvent(new DragEvent(type, {{ dataTransfer, bubbles: true, cancelable: true }}));
        }})()""")

    def press(self, key, code=None, shift=False):
        codes = {"Backspace": 8, "Tab": 9, "Enter": 13, "Escape": 27, " ": 32}
        text = {"Enter": "\r", " ": " "}.get(key, "")
        values = {"key": key, "code": code or key, "windowsVirtualKeyCode": codes[key], "modifiers": 8 if shift else 0}
        self.ask("Input.dispatchKeyEvent", type="keyDown" if text else "rawKeyDown", text=text, commands=["deleteBackward"] if key == "Backspace" else [], **values)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **values)

    def screenshot(self):
        """PNG of what is seen."""
        return base64.b64decode(self.ask("Page.captureScreenshot", format="png")["data"])
