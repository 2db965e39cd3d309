"""The opening handshake on the wire: what is let in, what is refused and how, and that all of it ends."""

import time
import unittest

import raw_client
from holdfast_process import WireTestCase
from raw_client import request

# (what it is, the bytes, the statuses that are right)
REFUSED = (
    ("a plain request", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", {426}),
    ("no Upgrade field", request(without=("upgrade",)), {400, 426}),
    ("no Connection field", request(without=("connection",)), {400, 426}),
    ("an upgrade to something else", request(upgrade=b"h2c"), {400, 426}),
    ("Connection without the upgrade token", request(connection=b"keep-alive"), {400, 426}),
    ("an older version", request(sec_websocket_version=b"8"), {426}),
    ("a version of the future", request(sec_websocket_version=b"14"), {426}),
    ("a version that only starts like 13", request(sec_websocket_version=b"130"), {400, 426}),
    ("no version", request(without=("sec-websocket-version",)), {400, 426}),
    ("two versions", request(extra=(b"Sec-WebSocket-Version: 13",)), {400}),
    ("no key", request(without=("sec-websocket-key",)), {400}),
    ("an empty key", request(key=b""), {400}),
    ("a key of 15 bytes", request(key=b"dGhlIHNhbXBsZSBub25j"), {400}),
    ("a key of 17 bytes", request(key=b"dGhlIHNhbXBsZSBub25jZTE="), {400}),
    ("a key that is not base64", request(key=b"dGhlIHNhbXBsZSBub25j!!=="), {400}),
    ("a key without padding", request(key=b"dGhlIHNhbXBsZSBub25jZQ"), {400}),
    ("two keys", request(extra=(b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",)), {400}),
    ("another method", request(start=b"POST / HTTP/1.1"), {405}),
    ("HEAD", request(start=b"HEAD / HTTP/1.1"), {405}),
    ("a method in lower case", request(start=b"get / HTTP/1.1"), {400, 405}),
    ("HTTP/1.0", request(start=b"GET / HTTP/1.0"), {505}),
    ("HTTP/2.0", request(start=b"GET / HTTP/2.0"), {505}),
    ("a version that is no number", request(start=b"GET / HTTP/x.y"), {400, 505}),
    ("no version in the request line", request(start=b"GET /"), {400}),
    ("two spaces in the request line", request(start=b"GET  / HTTP/1.1"), {400}),
    ("a space after the version", request(start=b"GET / HTTP/1.1 "), {400}),
    ("a target without a slash", request(start=b"GET chat HTTP/1.1"), {400}),
    ("an absolute target", request(start=b"GET http://localhost/ HTTP/1.1"), {400}),
    ("a control character in the target", request(start=b"GET /\x01 HTTP/1.1"), {400}),
    ("no Host", request(without=("host",)), {400}),
    ("two Hosts", request(extra=(b"Host: elsewhere",)), {400}),
    ("a folded line", request(extra=(b"X-Folded: one", b" two")), {400}),
    ("a folded line by tab", request(extra=(b"X-Folded: one", b"\ttwo")), {400}),
    ("a space before the colon", request(extra=(b"X-Space : one",)), {400}),
    ("an empty field name", request(extra=(b": one",)), {400}),
    ("a field without a colon", request(extra=(b"nonsense",)), {400}),
    ("a NUL in a value", request(extra=(b"X-Nul: a\x00b",)), {400}),
    ("a bare CR in a value", request(extra=(b"X-Return: a\rb",)), {400}),
    ("a bare LF ends a line", request().replace(b"\r\nupgrade", b"\nupgrade"), {400}),
    ("bare LF everywhere", request().replace(b"\r\n", b"\n"), {400}),
    ("a body by length", request(extra=(b"Content-Length: 5",)) + b"hello", {400}),
    ("a body by chunks", request(extra=(b"Transfer-Encoding: chunked",)) + b"0\r\n\r\n", {400}),
    ("an empty line first, then nothing like HTTP", b"\r\n\x16\x03\x01\x02\x00\x01\x00\r\n\r\n", {400}),
    ("a TLS hello", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", {400}),
    ("one field longer than a head may be", request(extra=(b"X-Long: " + b"a" * 9000,)), {431}),
    (
        "a target longer than a head may be",
        request(start=b"GET /" + b"a" * 9000 + b" HTTP/1.1"),
        {400, 431},
    ),
    ("more fields than a head may have", request(extra=[b"X-%d: a" % i for i in range(70)]), {431}),
)

# Requests that are unusual, and right.
ACCEPTED = (
    ("field names in other case", request().replace(b"sec-websocket-key", b"SEC-WebSocket-KEY")),
    ("values in other case", request(upgrade=b"WebSocket", connection=b"UPGRADE")),
    ("Connection as a list", request(connection=b"keep-alive, Upgrade")),
    ("Connection in two fields", request(connection=b"keep-alive", extra=(b"Connection: upgrade",))),
    ("spaces around a value", request(upgrade=b"  websocket \t")),
    ("no space after the colon", request().replace(b"upgrade: ", b"upgrade:")),
    ("a query", request(start=b"GET /chat?room=1&x=%20 HTTP/1.1")),
    ("any path", request(start=b"GET /a/b/c HTTP/1.1")),
    ("an extension that is declined", request(extra=(b"Sec-WebSocket-Extensions: permessage-deflate",))),
    ("a length of no body", request(extra=(b"Content-Length: 0",))),
    ("an Origin, with the policy of the apps", request(extra=(b"Origin: https://any.example",))),
    ("bytes above ASCII in a value", request(extra=(b"X-Name: \xc3\xa9",))),
    ("an empty value", request(extra=(b"X-Empty:",))),
    ("a head as long as it may be", request(extra=(b"X-Long: " + b"a" * (8192 - len(request()) - 10),))),
    ("as many fields as it may have", request(extra=[b"X-%d: a" % i for i in range(59)])),
)


class Accepting(WireTestCase):
    def test_the_answer_carries_the_key_of_the_request(self):
        client = self.connect(self.start())
        client.send(request(key=b"dGhlIHNhbXBsZSBub25jZQ=="))
        response = client.receive_response()
        self.assertEqual(response.status, 101)
        self.assertEqual(response.fields["sec-websocket-accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        self.assertNotIn("sec-websocket-protocol", response.fields)
        self.assertNotIn("content-length", response.fields)

    def test_unusual_but_right_requests_are_let_in(self):
        server = self.start()
        for name, head in ACCEPTED:
            with self.subTest(name):
                client = self.connect(server)
                client.send(head)
                self.assertEqual(client.receive_response().status, 101)
                client.send_message("hello")
                self.assertEqual(client.receive_message(), "hello")

    def test_a_frame_right_behind_the_request_is_echoed(self):
        client = self.connect(self.start())
        key = raw_client.new_key()
        client.send(
            request(key=key)
            + raw_client.frame(raw_client.TEXT, b"early")
            + raw_client.frame(raw_client.BINARY, b"birds")
        )
        client.finish_upgrade(key)
        self.assertEqual(client.receive_message(), "early")
        self.assertEqual(client.receive_message(), b"birds")

    def test_half_a_frame_right_behind_the_request_is_kept(self):
        client = self.connect(self.start())
        key = raw_client.new_key()
        whole = raw_client.frame(raw_client.TEXT, b"cut in two")
        client.send(request(key=key) + whole[:7])
        client.finish_upgrade(key)
        client.send(whole[7:])
        self.assertEqual(client.receive_message(), "cut in two")

    def test_a_request_may_come_byte_by_byte(self):
        client = self.connect(self.start())
        key = raw_client.new_key()
        stream = request(key=key) + raw_client.frame(raw_client.TEXT, b"slowly")
        client.send_pieces(stream[i : i + 1] for i in range(len(stream)))
        client.finish_upgrade(key)
        self.assertEqual(client.receive_message(), "slowly")

    def test_a_request_may_be_cut_anywhere(self):
        server = self.start()
        key = raw_client.new_key()
        stream = request(key=key) + raw_client.frame(raw_client.TEXT, b"cut")
        for position in range(1, len(stream), 3):
            client = self.connect(server)
            client.send(stream[:position])
            time.sleep(0.001)  # most cuts become two reads; none has to
            client.send(stream[position:])
            client.finish_upgrade(key)
            self.assertEqual(client.receive_message(), "cut", f"cut at {position}")
            client.close()


class Subprotocols(WireTestCase):
    def chosen(self, server, *offers):
        client = self.connect(server)
        key = raw_client.new_key()
        client.send(request(key=key, extra=[b"Sec-WebSocket-Protocol: " + offer for offer in offers]))
        return client.finish_upgrade(key).fields.get("sec-websocket-protocol")

    def test_the_servers_preference_decides(self):
        server = self.start(subprotocols="chat.v2,chat.v1")
        self.assertEqual(self.chosen(server, b"chat.v1, chat.v2"), "chat.v2")
        self.assertEqual(self.chosen(server, b"other", b"chat.v1"), "chat.v1")
        self.assertEqual(self.chosen(server, b"chat.v1,chat.v1x"), "chat.v1")

    def test_none_is_named_when_none_fits(self):
        server = self.start(subprotocols="chat.v2")
        self.assertIsNone(self.chosen(server, b"chat"))
        self.assertIsNone(self.chosen(server, b"CHAT.V2"))
        self.assertIsNone(self.chosen(server))
        self.assertIsNone(self.chosen(self.start(), b"chat.v2"))


class Refusing(WireTestCase):
    def refusal(self, server, head, sender=None):
        """The whole refusal; checks that it is complete, says so, and is followed by the end."""
        client = self.connect(server)
        sender = sender or client.send_or_end
        sender(head)
        response = client.receive_response()
        self.assertIn("close", response.fields.get("connection", "").split(", "), response)
        self.assertIn("content-length", response.fields)
        self.assertTrue(response.body.strip(), "the body says what was wrong")
        self.assertIn(client.wait_for_end(), ("fin", "reset"))
        self.assertEqual(bytes(client.unread), b"", "nothing follows the refusal")
        client.close()
        return response

    def test_broken_requests_are_refused_with_their_status(self):
        server = self.start()
        for name, head, statuses in REFUSED:
            with self.subTest(name):
                self.assertIn(self.refusal(server, head).status, statuses)
        counters = server.counters()
        self.assertEqual(counters["handshakes_rejected"], len(REFUSED), counters)
        self.assert_still_serves(server)

    def test_the_refusal_is_the_same_byte_by_byte(self):
        server = self.start()
        for name, head, statuses in REFUSED:
            if len(head) > 1000:
                continue
            with self.subTest(name):
                client = self.connect(server)
                client.send_pieces(head[i : i + 1] for i in range(len(head)))
                self.assertIn(client.receive_response().status, statuses)
                client.wait_for_end()
                client.close()

    def test_426_names_the_version_that_is_spoken(self):
        server = self.start()
        for head in (b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", request(sec_websocket_version=b"8")):
            response = self.refusal(server, head)
            self.assertEqual(response.fields.get("sec-websocket-version"), "13")
            self.assertEqual(response.fields.get("upgrade", "").lower(), "websocket")

    def test_an_endless_head_is_refused_without_waiting_for_its_end(self):
        server = self.start(handshake_timeout="60s")
        for name, head in (
            ("one endless field", b"GET / HTTP/1.1\r\nX-Long: " + b"a" * 12000),
            ("an endless target", b"GET /" + b"a" * 12000),
            ("endless fields", b"GET / HTTP/1.1\r\n" + b"X: 1\r\n" * 4000),
        ):
            with self.subTest(name):
                self.assertIn(self.refusal(server, head).status, (400, 431))

    def test_frames_behind_a_refused_request_mean_nothing(self):
        server = self.start()
        head = request(sec_websocket_version=b"8") + raw_client.frame(raw_client.TEXT, b"smuggled") * 3
        self.assertEqual(self.refusal(server, head).status, 426)
        self.assertEqual(server.counters()["messages_in"], 0)

    def test_a_second_request_behind_a_refused_one_means_nothing(self):
        server = self.start()
        self.assertEqual(self.refusal(server, request(key=b"short") + request()).status, 400)
        self.assertEqual(server.counters()["handshakes_rejected"], 1)


class Origins(WireTestCase):
    ALLOWED = (b"https://good.example", b"HTTPS://Good.Example", b"http://other.example:8080")
    FOREIGN = (
        b"http://good.example",
        b"https://good.example.evil.example",
        b"https://evil.example",
        b"https://good.example:444",
        b"https://good.example/",
        b"null",
        b"",
        b"good.example",
        b"https://g\xd0\xbeod.example",
        b"http://other.example",
        b"https://good.example https://evil.example",
    )

    def status(self, server, *extra):
        client = self.connect(server)
        client.send(request(extra=extra))
        status = client.receive_response().status
        client.close()
        return status

    def test_only_the_listed_origins_are_let_in(self):
        server = self.start(allowed_origins="https://good.example,http://other.example:8080")
        for origin in self.ALLOWED:
            with self.subTest(origin):
                self.assertEqual(self.status(server, b"Origin: " + origin), 101)
        for origin in self.FOREIGN:
            with self.subTest(origin):
                self.assertEqual(self.status(server, b"Origin: " + origin), 403)

    def test_a_client_that_is_no_browser_sends_no_origin_and_is_let_in(self):
        self.assertEqual(self.status(self.start(allowed_origins="https://good.example")), 101)

    def test_a_second_origin_cannot_hide_the_first(self):
        server = self.start(allowed_origins="https://good.example")
        for pair in (
            (b"Origin: https://evil.example", b"Origin: https://good.example"),
            (b"Origin: https://good.example", b"Origin: https://evil.example"),
        ):
            self.assertIn(self.status(server, *pair), (400, 403))


class SlowHandshakes(WireTestCase):
    def test_who_sends_nothing_is_just_closed(self):
        client = self.connect(self.start(handshake_timeout="1s"))
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"")

    def test_who_trickles_gets_408_however_many_bytes_come(self):
        client = self.connect(self.start(handshake_timeout="1s"))
        head = request(extra=(b"X-Long: " + b"a" * 4000,))
        trickled = 0
        while trickled < 100 and client.quiet_for(0.1):
            client.send_or_end(head[trickled : trickled + 1])
            trickled += 1
        self.assertLess(trickled, 100, "each byte seems to push the deadline back")
        self.assertEqual(client.receive_response().status, 408)
        client.wait_for_end()

    def test_who_leaves_in_the_middle_of_the_request_is_forgotten(self):
        server = self.start(handshake_timeout="60s")
        for ending in ("close", "reset", "finish_sending"):
            client = self.connect(server)
            client.send(request()[:40])
            getattr(client, ending)()
        server.wait_for(slots_in_use=0)

    def test_an_upgraded_client_may_be_silent_past_the_handshake_deadline(self):
        client = self.open(self.start(handshake_timeout="1s"))
        self.assertTrue(client.quiet_for(1.6))
        client.send_message("awake")
        self.assertEqual(client.receive_message(), "awake")


if __name__ == "__main__":
    unittest.main()
