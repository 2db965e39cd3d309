"""The HTTP API of holdfast on the wire: what is published arrives, in order; bad requests and bad clients
change nothing for others."""

import json
import time
import unittest

import raw_client
from gateway_process import KEY, GatewayTestCase

SETTINGS = f"""
[client]
allow_anonymous = true
[api]
key = "{KEY}"
previous_key = "the key before that one"
max_body_bytes = "256KiB"
[channels]
history_size = 100
history_ttl = "10m"
presence = true
subscribe = ["anybody"]
[namespaces.plain]
subscribe = ["anybody"]
"""


class ApiTestCase(GatewayTestCase):
    def setUp(self):
        super().setUp()
        self.server = self.start_gateway(SETTINGS, shards="2")
        self.api = self.open_api(self.server)

    def subscriber(self, *channels):
        return self.open_client(
            self.server, {"connect": {}}, *({"subscribe": {"channel": channel}} for channel in channels)
        )


class Methods(ApiTestCase):
    def test_what_is_published_reaches_subscribers_in_order(self):
        clients = [self.subscriber("news") for _ in range(4)]
        for number in range(50):
            position = self.result(self.api, "publish", {"channel": "news", "data": {"n": number}})
            self.assertEqual(position["offset"], number + 1)
        for client in clients:
            numbers = [self.receive_publication(client)["data"]["n"] for _ in range(50)]
            self.assertEqual(numbers, list(range(50)))

    def test_a_repeated_idempotency_key_publishes_once(self):
        client = self.subscriber("once")
        request = {"channel": "once", "data": 1, "idempotency_key": "k"}
        first = self.result(self.api, "publish", request)
        self.assertEqual(self.result(self.api, "publish", request), first)
        self.result(self.api, "publish", {"channel": "once", "data": 2})
        self.assertEqual([self.receive_publication(client)["data"] for _ in range(2)], [1, 2])

    def test_broadcast_answers_for_each_channel(self):
        clients = {channel: self.subscriber(channel) for channel in ("a", "b")}
        request = {"channels": ["a", "no:b", "b"], "data": "x"}
        answers = self.result(self.api, "broadcast", request)["responses"]
        self.assertEqual([list(answer)[0] for answer in answers], ["result", "error", "result"])
        self.assertEqual(answers[1]["error"]["code"], 102)
        for client in clients.values():
            self.assertEqual(self.receive_publication(client)["data"], "x")

    def test_history_presence_channels_and_info_tell_what_there_is(self):
        client = self.subscriber("room")
        name = client.replies[1]["connect"]["client"]
        self.result(self.api, "publish", {"channel": "room", "data": [1], "tags": {"k": "v"}})
        history = self.result(self.api, "history", {"channel": "room", "limit": 10})
        self.assertEqual([(p["data"], p["tags"]) for p in history["publications"]], [([1], {"k": "v"})])
        self.assertEqual(history["offset"], 1)
        self.assertEqual(self.result(self.api, "history", {"channel": "room"})["publications"], [])
        present = self.result(self.api, "presence", {"channel": "room"})["presence"]
        self.assertEqual(present, {name: {"user": "", "client": name}})
        stats = self.result(self.api, "presence_stats", {"channel": "room"})
        self.assertEqual(stats, {"num_clients": 1, "num_users": 1})
        self.assertEqual(self.result(self.api, "channels", {}), {"channels": {"room": {"num_clients": 1}}})
        self.assertEqual(self.result(self.api, "channels", {"pattern": "x*"}), {"channels": {}})
        (node,) = self.result(self.api, "info", {})["nodes"]
        self.assertEqual((node["num_clients"], node["num_subs"]), (1, 1))
        self.assertGreater(node["process"]["rss"], 0)
        self.assertEqual(self.result(self.api, "history_remove", {"channel": "room"}), {})
        again = self.result(self.api, "history", {"channel": "room", "limit": 10})
        self.assertEqual(again["publications"], [])

    def test_features_that_are_off_are_said_to_be(self):
        for method in ("presence", "presence_stats", "history"):
            status, answer = self.call(self.api, method, {"channel": "plain:x"})
            self.assertEqual((status, answer["error"]["code"]), (200, 108), method)

    def test_a_batch_runs_in_order_on_several_channels(self):
        commands = [{"publish": {"channel": f"c{n % 3}", "data": n}} for n in range(30)]
        for parallel in (False, True):
            status, answer = self.call(self.api, "batch", {"commands": commands, "parallel": parallel})
            self.assertEqual(status, 200)
            offsets = [reply["publish"]["offset"] for reply in answer["replies"]]
            first = 10 if parallel else 0
            self.assertEqual(offsets, [first + n // 3 + 1 for n in range(30)])

    def test_a_batch_larger_than_an_outbox_reaches_subscribers_that_read(self):
        settings = SETTINGS.replace("[client]", '[client]\nmax_outbox_bytes = "128KiB"')
        settings += '[history]\nmax_answer_bytes = "64KiB"\n'
        server = self.start_gateway(settings, shards="1")
        clients = [
            self.open_client(server, {"connect": {}}, {"subscribe": {"channel": "burst"}}) for _ in range(8)
        ]
        data = "x" * 2000
        commands = [{"publish": {"channel": "burst", "data": [n, data]}} for n in range(110)]
        status, _ = self.call(self.open_api(server), "batch", {"commands": commands})
        self.assertEqual(status, 200)
        for client in clients:
            numbers = [self.receive_publication(client)["data"][0] for _ in range(len(commands))]
            self.assertEqual(numbers, list(range(len(commands))))
        self.assertEqual(server.counters()["outbox_overflows"], 0)

    def test_base64_data_that_is_json_reaches_json_clients(self):
        client = self.subscriber("b")
        self.result(self.api, "publish", {"channel": "b", "b64data": "eyJhIjoxfQ=="})
        self.assertEqual(self.receive_publication(client)["data"], {"a": 1})


class Requests(ApiTestCase):
    def test_the_key_decides(self):
        for key, status in ((KEY, 200), ("the key before that one", 200), ("", 401), (KEY + "x", 401)):
            client = self.open_api(self.server, key)
            self.assertEqual(self.call(client, "publish", {"channel": "c", "data": 1})[0], status, key)
            # The connection goes on either way.
            client.key = KEY
            self.assertEqual(self.call(client, "publish", {"channel": "c", "data": 1})[0], 200)
        client = self.open_http(self.server)
        client.ask("/api/info?api_key=" + KEY.replace(" ", "+"), "POST", (), b"{}")
        self.assertEqual(client.receive_response().status, 200)
        client.ask("/api/info", "POST", (f"Authorization: apikey {KEY}",), b"{}")
        self.assertEqual(client.receive_response().status, 200)

    def test_bad_requests_are_answered_and_the_connection_goes_on(self):
        for body in (b"", b"{", b"[]", b'{"channel":5,"data":1}', b'{"channel":"c"}', b"\xff", b"[" * 100000):
            status, answer = self.call(self.api, "publish", body)
            self.assertEqual((status, answer["error"]["code"]), (200, 107), body[:20])
        transport = ("X-Centrifugo-Error-Mode: transport",)
        self.assertEqual(self.call(self.api, "publish", b"{", transport)[0], 400)
        no_namespace = {"channel": "no:c", "data": 1}
        self.assertEqual(self.call(self.api, "publish", no_namespace, transport)[0], 404)
        self.assertEqual(self.call(self.api, "nosuch", {})[0], 404)
        self.assertEqual(self.result(self.api, "publish", {"channel": "c", "data": 1})["offset"], 1)

    def test_pipelined_requests_in_any_pieces_are_answered_in_order(self):
        request = b""
        for number in range(200):
            # Half of the channels live on the other shard: their answers come later.
            body = json.dumps({"channel": f"p{number % 7}", "data": number}).encode()
            head = f"POST /api/publish HTTP/1.1\r\nHost: h\r\nX-API-Key: {KEY}\r\nContent-Length: {len(body)}"
            request += head.encode() + b"\r\n\r\n" + body
        for longest in (7, 500, len(request)):
            self.result(self.api, "history_remove", {"channel": "p0"})
            client = self.open_api(self.server)
            client.send_pieces(raw_client.random_pieces(request, raw_client.seeded("pieces"), longest))
            offsets = {}
            for number in range(200):
                status, answer = self.receive_answer(client)
                self.assertEqual(status, 200)
                channel = number % 7
                before = offsets.get(channel)
                offsets[channel] = answer["result"]["offset"]
                if before is not None:
                    self.assertEqual(offsets[channel], before + 1)

    def test_who_sends_no_more_gets_every_answer_and_then_the_end(self):
        calls = [("channels", {}), ("presence", {"channel": "c"}), ("info", {})] * 20
        for _ in range(5):
            client = self.open_api(self.server)
            for method, parameters in calls:
                self.send_call(client, method, parameters)
            client.finish_sending()
            for _ in calls:
                self.assertEqual(self.receive_answer(client)[0], 200)
            self.assertEqual(client.wait_for_end(), "fin")

    def test_a_chunked_body_is_taken(self):
        body = json.dumps({"channel": "chunked", "data": "x" * 5000}).encode()
        head = f"POST /api/publish HTTP/1.1\r\nHost: h\r\nX-API-Key: {KEY}\r\n"
        pieces = [body[at : at + 700] for at in range(0, len(body), 700)]
        chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
        self.api.send(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n\r\n")
        self.assertEqual(self.receive_answer(self.api)[1]["result"]["offset"], 1)

    def test_bodies_are_bounded(self):
        text = "x" * 200_000
        self.assertEqual(self.result(self.api, "publish", {"channel": "big", "data": text})["offset"], 1)
        big = self.open_api(self.server)
        self.send_call(big, "publish", b"x" * 262145)
        self.assertEqual(big.receive_response().status, 413)
        self.assertEqual(big.wait_for_end(), "fin")

    def test_large_answers_reach_a_slow_reader(self):
        text = "x" * 50_000
        for _ in range(9):
            self.result(self.api, "publish", {"channel": "large", "data": text})
        slow = raw_client.Http(self.server.address("http"), receive_buffer_bytes=4096)
        self.keep(slow).key = KEY
        for _ in range(12):
            self.send_call(slow, "history", {"channel": "large", "limit": 9})
        slow.finish_sending()
        time.sleep(0.3)
        for _ in range(12):
            status, answer = self.receive_answer(slow)
            self.assertEqual((status, len(answer["result"]["publications"])), (200, 9))
        self.assertEqual(slow.wait_for_end(), "fin")

    def test_clients_that_vanish_leave_nothing_behind(self):
        head = f"POST /api/publish HTTP/1.1\r\nHost: h\r\nX-API-Key: {KEY}\r\nContent-Length: 28\r\n\r\n"
        stream = head.encode() + b'{"channel":"gone","data":12}'
        for position in range(0, len(stream) + 1, 5):
            for ending in ("close", "reset", "finish_sending"):
                client = self.open_http(self.server)
                client.send(stream[:position])
                getattr(client, ending)()
        self.server.wait_for(connections_open=0, assemblies_in_use=0)
        self.assertEqual(self.call(self.open_api(self.server), "info", {})[0], 200)


class Operation(ApiTestCase):
    def test_health_readiness_and_metrics_need_no_key(self):
        client = self.open_http(self.server)
        for path, body in (("/health", b"{}"), ("/ready", b'{"ready":true}')):
            client.ask(path)
            response = client.receive_response()
            self.assertEqual((response.status, response.body), (200, body))
        self.subscriber("m")
        self.result(self.api, "publish", {"channel": "m", "data": 1})
        client.ask("/metrics")
        response = client.receive_response()
        self.assertEqual(response.fields["content-type"], "text/plain; version=0.0.4; charset=utf-8")
        lines = response.body.decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        self.assertEqual(values["holdfast_api_requests_total"], "1")
        self.assertEqual(values["holdfast_connections_open"], "3")
        self.assertGreater(float(values["process_resident_memory_bytes"]), 1e6)

    def test_what_is_not_there_is_not_there(self):
        client = self.open_http(self.server)
        for method, path, status in (
            ("GET", "/", 404),
            ("GET", "/api/publish", 405),
            ("POST", "/metrics", 405),
            ("GET", "/connection/uni_sse", 404),
        ):
            client.ask(path, method)
            self.assertEqual(client.receive_response().status, status, path)


if __name__ == "__main__":
    unittest.main()
