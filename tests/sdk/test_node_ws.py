"""Node's `ws` against the real servers: starts ws_client.js, which holds the scenarios, once for each."""

import pathlib
import signal
import subprocess
import sys
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(FOLDER.parent / "wire"))

from holdfast_process import WireTestCase  # noqa: E402
from node_packages import need_node_packages  # noqa: E402

SCENARIO_LIMIT_S = 30


def setUpModule():
    need_node_packages()


class NodeWs(WireTestCase):
    def begin(self, scenario, server):
        child = subprocess.Popen(
            ["node", str(FOLDER / "ws_client.js"), scenario, server.url],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.addCleanup(self.end, child)
        return child

    def end(self, child):
        if child.poll() is None:
            child.kill()
        child.communicate()

    def run_scenario(self, scenario, program="holdfast-echo", **flags):
        child = self.begin(scenario, self.start(program, **flags))
        _, errors = child.communicate(timeout=SCENARIO_LIMIT_S)
        self.assertEqual(child.returncode, 0, errors)

    def test_text_comes_back(self):
        self.run_scenario("text")

    def test_binary_comes_back(self):
        self.run_scenario("binary")

    def test_fragments_come_back_as_one_message(self):
        self.run_scenario("fragments")

    def test_pings_are_answered(self):
        self.run_scenario("pingPong")

    def test_it_answers_the_servers_pings(self):
        self.run_scenario("serverPings", ping_interval="1s", pong_timeout="1s")

    def test_close_codes_come_back(self):
        self.run_scenario("closeCodes")

    def test_violations_get_their_close_code(self):
        self.run_scenario("violations")

    def test_large_messages_come_back(self):
        self.run_scenario("large", max_message_bytes=1048576, max_outbox_bytes=8388608)

    def test_its_offer_of_compression_is_declined(self):
        self.run_scenario("compressionIsDeclined")

    def test_the_servers_subprotocol_is_chosen(self):
        self.run_scenario("subprotocol", subprotocols="chat.v2,chat.v1")

    def test_a_foreign_origin_is_refused(self):
        self.run_scenario("origin", allowed_origins="https://good.example")

    def test_two_hundred_in_parallel_are_served(self):
        self.run_scenario("parallel", shards=2)

    def test_a_broadcast_reaches_all(self):
        self.run_scenario("broadcast", program="holdfast-broadcast", shards=2)

    def test_a_drain_is_seen_as_1012(self):
        server = self.start(drain_timeout="3s")
        child = self.begin("drained", server)
        self.assertEqual(child.stdout.readline().strip(), "open")
        server.signal(signal.SIGTERM)
        _, errors = child.communicate(timeout=SCENARIO_LIMIT_S)
        self.assertEqual(child.returncode, 0, errors)


if __name__ == "__main__":
    unittest.main()
