"""The first minute: the page that holdfast serves when it has no settings, in a real browser; and the lines
of README.md that publish to it and listen. What needs Chromium is skipped without it."""

import json
import pathlib
import re
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "wire"))

import chromium  # noqa: E402
from gateway_process import GatewayTestCase  # noqa: E402
from node_packages import need_node_packages  # noqa: E402

README = FOLDER.parent.parent / "README.md"
STATE = "document.getElementById('state').textContent"
LOG = "document.getElementById('log').textContent"
LIMIT_S = 40


def indented_block(beginning):
    """The lines of README.md's first indented block that contains this."""
    blocks = re.findall(r"(?:^    .*\n)+", README.read_text(), re.MULTILINE)
    return next(re.sub("^    ", "", block, flags=re.MULTILINE) for block in blocks if beginning in block)


class FirstMinute(GatewayTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start_gateway(ping_interval="25s")
        self.client_address = "%s:%d" % self.server.address("ws")
        self.api_address = "%s:%d" % self.server.address("http")

    def publish_as_readme_says(self):
        """Its line with curl, but for the key and the port of this server."""
        line = indented_block("curl -H 'X-API-Key: KEY'").strip()
        line = line.replace("KEY'", self.drawn_key(self.server) + "'")
        line = line.replace("127.0.0.1:9000", self.api_address)
        done = subprocess.run(
            ["bash", "-c", line], capture_output=True, text=True, timeout=LIMIT_S, check=True
        )
        self.assertIn("result", json.loads(done.stdout), done.stdout)

    @unittest.skipUnless(chromium.is_installed(), "there is no Chromium: apt-get install chromium")
    def test_the_page_shows_what_is_published(self):
        page = chromium.Page(f"http://{self.client_address}/")
        self.addCleanup(page.close)
        page.wait_for(STATE, 'connected and subscribed to the channel "demo"')
        self.publish_as_readme_says()
        page.wait_for(LOG, '{"text":"hello"}')
        listener = self.open_client(self.server, {"connect": {}}, {"subscribe": {"channel": "demo"}})
        page.evaluate(
            "document.getElementById('text').value = 'from the page';"
            "document.querySelector('#form button').click()"
        )
        page.wait_for(LOG, '{"text":"from the page"}')
        self.assertEqual(self.receive_publication(listener)["data"], {"text": "from the page"})

    @unittest.skipUnless(chromium.is_installed(), "there is no Chromium: apt-get install chromium")
    def test_the_page_comes_back_and_misses_nothing(self):
        page = chromium.Page(f"http://{self.client_address}/")
        self.addCleanup(page.close)
        page.wait_for(STATE, "connected and subscribed")
        self.publish_as_readme_says()
        page.wait_for(LOG, "hello")
        page.evaluate("socket.close(4000)")
        page.wait_for(LOG, "back, nothing was missed")

    def test_the_five_lines_of_javascript_work(self):
        need_node_packages()
        lines = indented_block("newSubscription('demo')")
        self.assertLessEqual(len(lines.strip().split("\n")), 5)
        # Node 20 and older have no WebSocket of their own; a page has.
        script = "import WebSocket from 'ws'; globalThis.WebSocket ??= WebSocket;\n"
        script += lines.replace("127.0.0.1:8000", self.client_address)
        child = subprocess.Popen(
            ["node", "--input-type=module", "--eval", script],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(child.communicate)
        self.addCleanup(child.kill)
        api = self.open_api(self.server, self.drawn_key(self.server))
        self.server.wait_until(lambda _: self.result(api, "info", {})["nodes"][0]["num_subs"] == 1)
        self.publish_as_readme_says()
        self.assertEqual(child.stdout.readline().strip(), "{ text: 'hello' }")


if __name__ == "__main__":
    unittest.main()
