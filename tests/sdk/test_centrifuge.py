"""The published `centrifuge` client against holdfast, in JSON and in Protobuf: starts centrifuge_client.js,
which holds the scenarios, once for each scenario and encoding."""

import pathlib
import re
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "wire"))

from gateway_process import GatewayTestCase  # noqa: E402
from node_packages import need_node_packages, run_node  # noqa: E402

SCENARIO_LIMIT_S = 40
SECRET = "a secret that is long enough for HS256"
KEY = "the key of these tests"
SETTINGS = f"""
[token]
hmac_secret = "{SECRET}"
[api]
key = "{KEY}"
[client]
pong_timeout = "1s"
rpc_echo = true
[namespaces.chat]
history_size = 100
history_ttl = "1m"
recovery = "stream"
force_recovery = true
presence = true
join_leave = true
delta = true
subscribe = ["users"]
publish = ["users"]
read_presence = ["subscribers"]
read_history = ["subscribers"]
[namespaces.short]
history_size = 2
history_ttl = "1m"
recovery = "stream"
force_recovery = true
subscribe = ["users"]
[namespaces.latest]
history_size = 1
history_ttl = "1m"
recovery = "cache"
force_recovery = true
subscribe = ["users"]
"""


def setUpModule():
    need_node_packages()


class Centrifuge(GatewayTestCase):
    """A test for each scenario and encoding; see below."""

    def run_scenario(self, scenario, encoding):
        server = self.start_gateway(SETTINGS, shards="2", ping_interval="2s")
        host, port = server.address("ws")
        api_host, api_port = server.address("http")
        child = run_node(
            "centrifuge_client.js",
            scenario,
            encoding,
            f"ws://{host}:{port}/connection/websocket",
            SECRET,
            f"http://{api_host}:{api_port}",
            KEY,
            limit_s=SCENARIO_LIMIT_S,
        )
        self.assertEqual(child.returncode, 0, child.stderr)


def add_tests():
    text = (FOLDER / "centrifuge_client.js").read_text()
    for scenario in re.findall(r"^  async (\w+)\(\) \{", text, re.MULTILINE):
        words = re.sub(r"([A-Z0-9]+)", r"_\1", scenario).lower()
        for encoding in ("json", "protobuf"):

            def test(self, scenario=scenario, encoding=encoding):
                self.run_scenario(scenario, encoding)

            setattr(Centrifuge, f"test_{words}_in_{encoding}", test)


add_tests()

if __name__ == "__main__":
    unittest.main()
