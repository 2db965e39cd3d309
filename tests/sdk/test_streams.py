"""Clients that only listen: EventSource, HTTP streams and WebSockets in Node (streams_client.js holds the
scenarios, each is run in every form), and curl."""

import json
import pathlib
import re
import subprocess
import sys
import unittest
import urllib.parse

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "wire"))

from gateway_process import KEY, GatewayTestCase  # noqa: E402
from node_packages import need_node_packages, run_node  # noqa: E402

SCENARIO_LIMIT_S = 40
FORMS = ("sse", "stream", "stream_protobuf", "websocket", "websocket_protobuf")
SECRET = "a secret that is long enough for HS256"
SETTINGS = f"""
[token]
hmac_secret = "{SECRET}"
[api]
key = "{KEY}"
[client]
allow_anonymous = true
pong_timeout = "1s"
[namespaces.chat]
history_size = 100
history_ttl = "1m"
recovery = "stream"
force_recovery = true
subscribe = ["anybody"]
"""


class StreamTestCase(GatewayTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start_gateway(SETTINGS, shards="2", ping_interval="2s")
        self.url = "http://%s:%d" % self.server.address("ws")
        self.api_url = "http://%s:%d" % self.server.address("http")


class Node(StreamTestCase):
    """A test for each scenario and form; see below."""

    @classmethod
    def setUpClass(cls):
        need_node_packages()

    def run_scenario(self, scenario, form):
        child = run_node(
            "streams_client.js",
            scenario,
            form,
            self.url,
            SECRET,
            self.api_url,
            KEY,
            limit_s=SCENARIO_LIMIT_S,
        )
        self.assertEqual(child.returncode, 0, child.stderr)


def add_tests():
    text = (FOLDER / "streams_client.js").read_text()
    for scenario in re.findall(r"^  async (\w+)\(\) \{\n", text.split("const scenarios")[1], re.MULTILINE):
        words = re.sub(r"([A-Z])", r"_\1", scenario).lower()
        for form in FORMS:

            def test(self, scenario=scenario, form=form):
                self.run_scenario(scenario, form)

            setattr(Node, f"test_it_{words}_over_{form}", test)


add_tests()


class Curl(StreamTestCase):
    """What anybody can type."""

    def begin(self, *arguments):
        child = subprocess.Popen(
            ["curl", "--silent", "--show-error", "--no-buffer", "--max-time", "30", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, child)
        return child

    def end(self, child):
        child.kill()
        child.communicate()

    def run_curl(self, *arguments):
        child = self.begin(*arguments)
        output, errors = child.communicate(timeout=SCENARIO_LIMIT_S)
        self.assertEqual(child.returncode, 0, errors)
        return output

    def publish(self, channel, value):
        request = json.dumps({"channel": channel, "data": value})
        answer = self.run_curl("-H", f"X-API-Key: {KEY}", f"{self.api_url}/api/publish", "-d", request)
        self.assertIn("result", json.loads(answer), answer)

    def next_push(self, lines):
        """The next that is no ping."""
        while True:
            push = json.loads(next(lines))
            if push:
                return push

    def follow(self, lines):
        """A publication arrives, pings come meanwhile, and the end is announced."""
        subs = self.next_push(lines)["connect"]["subs"]
        self.assertEqual(list(subs), ["chat:curl"])
        self.publish("chat:curl", {"text": "hello"})
        push = self.next_push(lines)
        self.assertEqual((push["channel"], push["pub"]["data"]), ("chat:curl", {"text": "hello"}))
        self.assertEqual(json.loads(next(lines)), {}, "a ping")
        self.server.signal(15)
        self.assertEqual(
            self.next_push(lines), {"disconnect": {"code": 3001, "reason": "shutdown"}}
        )
        self.assertEqual(list(lines), [])

    def test_lines_of_an_http_stream(self):
        stream = self.begin(
            f"{self.url}/connection/uni_http_stream", "-d", '{"subs": {"chat:curl": {}}}'
        )
        self.follow(iter(stream.stdout))
        self.assertEqual(stream.wait(SCENARIO_LIMIT_S), 0)

    def test_events(self):
        connect = urllib.parse.quote('{"subs": {"chat:curl": {}}}')
        stream = self.begin(f"{self.url}/connection/uni_sse?cf_connect={connect}")
        events = (line for line in stream.stdout if line != "\n")
        self.follow(line.removeprefix("data: ") for line in events)
        self.assertEqual(stream.wait(SCENARIO_LIMIT_S), 0)


if __name__ == "__main__":
    unittest.main()
