"""Subscribers that do not read: each is closed at its bound, in bytes, in messages, or after a time; what it
has got until then has no gap, and those who read get everything."""

import json
import unittest

from gateway_process import KEY, GatewayTestCase

# More than the sockets between take, so that the server has to keep the rest.
PAYLOAD_BYTES = 60_000
PUBLISHED = 400


class SlowClients(GatewayTestCase):
    def start_with(self, limits):
        self.server = self.start_gateway(
            f"""
[client]
allow_anonymous = true
{limits}
[api]
key = "{KEY}"
[channels]
history_size = 10
history_ttl = "1m"
recovery = "stream"
force_recovery = true
subscribe = ["anybody"]
""",
            shards="2",
        )
        self.api = self.open_api(self.server)

    def subscriber(self, **options):
        client = self.connect(self.server, **options)
        client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
        client.send_message('{"connect":{},"id":1}\n{"subscribe":{"channel":"news"},"id":2}')
        client.lines = []
        self.assertEqual([self.receive_line(client)["id"] for _ in range(2)], [1, 2])
        return client

    def publish_until(self, good, ended):
        """Publishes, a good reader receives, until the counters say that the slow one is over its bound."""
        payload = "x" * PAYLOAD_BYTES
        for number in range(1, PUBLISHED + 1):
            self.result(self.api, "publish", {"channel": "news", "data": payload})
            self.assertEqual(self.receive_publication(good)["offset"], number)
            if number % 20 == 0 and ended(self.server.counters()):
                return number
        return PUBLISHED

    def assert_beginning_and_close(self, slow, published):
        """What a slow reader finds when it reads at last: publications from the first on, then 3008."""
        self.assertEqual(slow.receive_close(), (3008, "slow"))
        lines = [json.loads(line) for text in slow.messages for line in text.decode().split("\n")]
        offsets = [line["push"]["pub"]["offset"] for line in lines]
        self.assertEqual(offsets, list(range(1, len(offsets) + 1)))
        self.assertLess(len(offsets), published)

    def test_too_many_bytes(self):
        self.start_with('max_outbox_bytes = "1MiB"')
        slow, good = self.subscriber(receive_buffer_bytes=4096), self.subscriber()
        published = self.publish_until(good, lambda counters: counters["outbox_overflows"] == 1)
        self.assert_beginning_and_close(slow, published)

    def test_too_many_messages(self):
        self.start_with('max_outbox_bytes = "64MiB"\nmax_outbox_messages = 16')
        slow, good = self.subscriber(receive_buffer_bytes=4096), self.subscriber()
        published = self.publish_until(good, lambda counters: counters["outbox_overflows"] == 1)
        self.assert_beginning_and_close(slow, published)

    def test_too_long(self):
        self.start_with('max_outbox_bytes = "64MiB"\nstall_timeout = "1s"')
        slow, good = self.subscriber(receive_buffer_bytes=4096), self.subscriber()
        self.publish_until(good, lambda counters: counters["bytes_queued"] > 0)
        self.server.wait_for(stall_timeouts=1, bytes_queued=0)
        self.result(self.api, "publish", {"channel": "news", "data": "after"})
        self.assertEqual(self.receive_publication(good)["data"], "after")
        self.assertEqual(slow.wait_for_end(), "reset")


if __name__ == "__main__":
    unittest.main()
