"""Chromium without a window: opens one page, and evaluates JavaScript in it over a pair of pipes."""

import json
import os
import pathlib
import select
import shutil
import subprocess
import tempfile
import time

CHROMIUM = "/usr/bin/chromium"
LIMIT_S = 60


def is_installed():
    return pathlib.Path(CHROMIUM).exists()


class Chromium:
    def __init__(self, url, *flags, **process_options):
        self.profile = tempfile.mkdtemp(prefix="holdfast-browser-")
        command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        command += ["--no-first-run", f"--user-data-dir={self.profile}", *flags, url]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **process_options,
        )

    def close(self):
        self.process.terminate()
        self.process.wait(LIMIT_S)
        shutil.rmtree(self.profile, ignore_errors=True)


class Page(Chromium):
    """The DevTools protocol: JSON, each message ended by a NUL, to descriptor 3 and from descriptor 4."""

    def __init__(self, url):
        from_us, self.to_browser = os.pipe()
        self.from_browser, to_us = os.pipe()
        # Moved out of the way first, so that none of the two is overwritten before it is placed.
        high = [os.dup2(end, 100 + number, inheritable=False) for number, end in enumerate((from_us, to_us))]

        def place():
            os.dup2(high[0], 3)
            os.dup2(high[1], 4)

        super().__init__(url, "--remote-debugging-pipe", preexec_fn=place, pass_fds=(3, 4, *high))
        for end in (from_us, to_us, *high):
            os.close(end)
        self.unread = b""
        self.last_id = 0
        self.session = None
        self.session = self.attach()

    def close(self):
        super().close()
        os.close(self.to_browser)
        os.close(self.from_browser)

    def attach(self):
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            pages = [
                target
                for target in self.command("Target.getTargets")["targetInfos"]
                if target["type"] == "page"
            ]
            if pages:
                arguments = {"targetId": pages[0]["targetId"], "flatten": True}
                return self.command("Target.attachToTarget", arguments)["sessionId"]
            time.sleep(0.1)
        raise AssertionError("the browser has opened no page")

    def command(self, method, arguments=None):
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": arguments or {}}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.receive()
            if answer.get("id") == self.last_id:
                if "result" not in answer:
                    raise AssertionError(answer)
                return answer["result"]

    def receive(self):
        while b"\0" not in self.unread:
            readable, _, _ = select.select([self.from_browser], [], [], LIMIT_S)
            if not readable:
                raise AssertionError("the browser does not answer")
            piece = os.read(self.from_browser, 65536)
            if not piece:
                raise AssertionError("the browser has ended")
            self.unread += piece
        text, self.unread = self.unread.split(b"\0", 1)
        return json.loads(text)

    def evaluate(self, expression):
        arguments = {"expression": expression, "returnByValue": True}
        return self.command("Runtime.evaluate", arguments)["result"].get("value")

    def wait_for(self, expression, wanted):
        """Until the expression's text contains what is wanted."""
        deadline = time.monotonic() + LIMIT_S
        while time.monotonic() < deadline:
            text = self.evaluate(expression)
            if text and wanted in text:
                return text
            time.sleep(0.1)
        raise AssertionError(f"{wanted!r} never came, but {text!r}")
