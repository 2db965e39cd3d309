"""The published `centrifuge` client against holdfast, in JSON and in Protobuf: starts centrifuge_client.js,
which holds the scenarios, once for each scenario and encoding."""

import json
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "wire"))

from gateway_process import GatewayTestCase  # noqa: E402

SCENARIO_LIMIT_S = 40
INSTALL_LIMIT_S = 180
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
"""


def install_packages():
    """Puts the pinned packages into node_modules/, unless they are there."""
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    packages = {name: FOLDER / "node_modules" / name / "package.json" for name in wanted}
    if all(
        path.exists() and json.loads(path.read_text())["version"] == wanted[name]
        for name, path in packages.items()
    ):
        return
    subprocess.run(
        ["npm", "ci", "--no-audit", "--no-fund"],
        cwd=FOLDER,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=INSTALL_LIMIT_S,
    )


def setUpModule():
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} is not installed: apt-get install nodejs npm")
    install_packages()


class Centrifuge(GatewayTestCase):
    """A test for each scenario and encoding; see below."""

    def run_scenario(self, scenario, encoding):
        server = self.start_gateway(SETTINGS, shards="2", ping_interval="2s")
        host, port = server.address("ws")
        api_host, api_port = server.address("http")
        child = subprocess.run(
            [
                "node",
                str(FOLDER / "centrifuge_client.js"),
                scenario,
                encoding,
                f"ws://{host}:{port}/connection/websocket",
                SECRET,
                f"http://{api_host}:{api_port}",
                KEY,
            ],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SCENARIO_LIMIT_S,
            check=False,
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
