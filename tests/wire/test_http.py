"""HTTP connections on the wire: plain requests on a WebSocket port and on one of their own, their answers,
their ends, and what bounds them. The server is tests/wire/http_fixture.cc; its paths are explained there."""

import signal
import time
import unittest

import raw_client
from holdfast_process import WireTestCase
from raw_client import CLOSE, Ended, close_payload, frame, request


class HttpTestCase(WireTestCase):
    def start(self, name="holdfast-http-fixture", **flags):
        return super().start(name, **{"listen_http": "127.0.0.1:0", **flags})

    def expect(self, client, status, body=None):
        response = client.receive_response()
        self.assertEqual(response.status, status, response)
        if body is not None:
            self.assertEqual(response.body, body)
        return response

    def assert_alive(self, client):
        client.ask("/hello")
        self.expect(client, 200, b"hello\n")


class PlainRequests(HttpTestCase):
    """On the port where WebSocket clients are expected."""

    def test_a_plain_request_is_answered_and_the_connection_goes_on(self):
        client = self.open_http(self.start(), kind="ws")
        client.ask("/hello?x=1")
        response = self.expect(client, 200, b"hello\n")
        self.assertRegex(response.fields["date"], r"^\w{3}, \d\d \w{3} 2\d{3} \d\d:\d\d:\d\d GMT$")
        client.ask("/echo", method="POST", body=b"some body")
        self.expect(client, 200, b"some body")
        client.ask("/nowhere", method="PUT", fields=("Connection: close",))
        self.assertEqual(self.expect(client, 404).fields["connection"], "close")
        self.assertEqual(client.wait_for_end(), "fin")

    def test_websocket_clients_share_the_port(self):
        server = self.start()
        plain = self.open_http(server, kind="ws")
        self.assert_alive(plain)
        websocket = self.open(server)
        websocket.send_message("hello")
        self.assertEqual(websocket.receive_message(), "hello")
        self.assert_alive(plain)
        refused = self.connect(server)
        refused.send(request(start=b"GET /rejected HTTP/1.1"))
        self.assertEqual(refused.receive_response().status, 401)

    def test_what_the_handler_does_not_take_is_answered_as_ever(self):
        server = self.start()
        for target, method, version, status in (
            ("/untaken", "GET", "1.1", 426),
            ("/untaken", "POST", "1.1", 405),
            ("/untaken", "GET", "1.0", 505),
            ("/hello", "GET", "2.0", 505),
            ("/rejected", "GET", "1.1", 403),
            ("/rejected", "DELETE", "1.1", 403),
        ):
            with self.subTest(target=target, method=method, version=version):
                client = self.open_http(server, kind="ws")
                client.ask(target, method=method, version=version)
                self.assertEqual(self.expect(client, status).fields["connection"].split(",")[0], "close")
                self.assertEqual(client.wait_for_end(), "fin")

    def test_what_is_no_valid_request_is_offered_to_nobody(self):
        server = self.start()
        for name, stream, status in (
            ("a bare LF", b"GET /hello HTTP/1.1\nHost: h\n\n", 400),
            ("no Host", b"GET /hello HTTP/1.1\r\n\r\n", 400),
            ("a broken upgrade", request(start=b"GET /hello HTTP/1.1", key=b"short"), 400),
            ("an upgrade by POST", request(start=b"POST /hello HTTP/1.1"), 405),
            ("no Connection field", request(start=b"GET /hello HTTP/1.1", without=("connection",)), 426),
        ):
            with self.subTest(name):
                client = self.open_http(server, kind="ws")
                client.send(stream)
                self.expect(client, status)

    def test_the_first_request_may_come_in_any_pieces_with_others_behind_it(self):
        server = self.start()
        stream = (
            b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nfirst bytes"
            b"POST /echo HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nchunks\r\n0\r\n\r\n"
            b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        rng = raw_client.seeded("pieces")
        for kind in ("ws", "http"):
            for longest in (1, 3, 50, 1000):
                with self.subTest(kind=kind, longest=longest):
                    client = self.open_http(server, kind=kind)
                    client.send_pieces(raw_client.random_pieces(stream, rng, longest))
                    self.expect(client, 200, b"first bytes")
                    self.expect(client, 200, b"chunks")
                    self.expect(client, 200, b"hello\n")
                    client.close()

    def test_an_old_client_is_served(self):
        server = self.start()
        client = self.open_http(server, kind="ws")
        client.send(b"GET /hello HTTP/1.0\r\n\r\n")
        self.assertEqual(self.expect(client, 200, b"hello\n").fields["connection"], "close")
        self.assertEqual(client.wait_for_end(), "fin")
        client = self.open_http(server, kind="ws")
        for _ in range(3):
            client.send(b"GET /hello HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            self.assertEqual(self.expect(client, 200, b"hello\n").fields["connection"], "keep-alive")


class Persistence(HttpTestCase):
    def test_a_thousand_requests_in_one_write_are_answered_in_order(self):
        client = self.open_http(self.start(max_outbox_bytes=16777216))
        bodies = [b"body %d" % i for i in range(1000)]
        client.send(
            b"".join(
                b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)
                for body in bodies
            )
        )
        for body in bodies:
            self.expect(client, 200, body)

    def test_an_answer_that_is_not_ready_holds_back_those_behind_it_and_nobody_else(self):
        server = self.start()
        client, other = self.open_http(server), self.open_http(server)
        client.send(
            b"GET /later?300 HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
            b"GET /later?100 HTTP/1.1\r\nHost: h\r\n\r\nGET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
        )
        self.assert_alive(other)
        for body in (b"later\n", b"hello\n", b"later\n", b"hello\n"):
            self.expect(client, 200, body)
        self.assert_alive(client)

    def test_while_input_is_paused_a_sender_waits_and_loses_nothing(self):
        server = self.start(max_outbox_bytes=67108864)
        client = self.open_http(server)
        client.ask("/later?1500")
        server.wait_until(lambda counters: counters["messages_in"] == 1)
        piece = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 50000\r\n\r\n" + bytes(50000)
        stream = memoryview(piece * 400)
        client.socket.setblocking(False)
        sent = 0
        # Until the kernel's buffers are full and stay so.
        quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < 0.3:
            try:
                sent += client.socket.send(stream[sent:])
                quiet_since = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        self.assertLess(sent, len(stream), "20 MB were taken")
        self.assertLess(server.counters()["bytes_in"], 1_000, "the server read on")
        whole = sent // len(piece)
        self.assertGreater(whole, 0)
        client.socket.settimeout(client.deadline_s)
        self.expect(client, 200, b"later\n")
        for _ in range(whole):
            self.expect(client, 200, bytes(50000))

    def test_a_reset_is_noticed_while_input_is_paused(self):
        server = self.start()
        client = self.open_http(server)
        client.ask("/later?60000")
        server.wait_until(lambda counters: counters["messages_in"] == 1)
        client.send(b"unread")
        client.reset()
        server.wait_for(connections_open=0)

    def test_a_client_that_finishes_while_input_is_paused_still_gets_its_answer(self):
        client = self.open_http(self.start())
        client.ask("/later?400")
        client.finish_sending()
        self.expect(client, 200, b"later\n")
        self.assertEqual(client.wait_for_end(), "fin")

    def test_continue_is_said_to_a_client_that_waits_for_it(self):
        client = self.open_http(self.start())
        client.ask("/echo", method="POST", fields=("Expect: 100-continue", "Content-Length: 4"))
        self.expect(client, 100)
        client.send(b"body")
        self.expect(client, 200, b"body")


class Ends(HttpTestCase):
    def test_what_is_owed_leaves_before_the_end(self):
        client = self.open_http(self.start(), receive_buffer_bytes=16384)
        client.ask("/bytes?900000", fields=("Connection: close",))
        time.sleep(0.2)
        self.expect(client, 200, b"x" * 900000)
        self.assertEqual(client.wait_for_end(), "fin")

    def test_a_client_that_finishes_after_its_request_gets_the_answer(self):
        server = self.start()
        client = self.open_http(server)
        client.ask("/bytes?500000")
        client.finish_sending()
        self.expect(client, 200, b"x" * 500000)
        self.assertEqual(client.wait_for_end(), "fin")
        server.wait_for(connections_open=0)

    def test_a_refusal_reaches_a_client_that_is_still_sending(self):
        server = self.start()
        for fields, status in (
            ("Content-Length: 5000000", 413),
            ("Transfer-Encoding: gzip", 501),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", 400),
            ("X: " + "x" * 9000, 431),
        ):
            with self.subTest(fields[:40]):
                client = self.open_http(server)
                client.send(f"POST /echo HTTP/1.1\r\nHost: h\r\n{fields}\r\n\r\n".encode())
                client.send_pieces([bytes(50000)] * 4)
                time.sleep(0.1)
                client.send_or_end(bytes(50000))
                self.expect(client, status)
                client.close()

    def test_clients_that_leave_at_any_moment_leave_nothing_behind(self):
        server = self.start()
        stream = b"POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: 20\r\n\r\n" + bytes(20)
        for kind in ("ws", "http"):
            for position in range(0, len(stream), 4):
                for ending in ("close", "reset", "finish_sending"):
                    client = self.open_http(server, kind=kind)
                    client.send(stream[:position])
                    getattr(client, ending)()
        server.wait_for(connections_open=0, assemblies_in_use=0)

    def test_a_drain_ends_everybody_after_what_they_are_owed(self):
        server = self.start(drain_timeout="3s")
        idle, stream, busy = (self.open_http(server) for _ in range(3))
        self.assert_alive(idle)
        stream.ask("/events")
        stream.receive_response()
        busy.ask("/bytes?800000")
        server.wait_for(connections_open=3)
        server.signal(signal.SIGTERM)
        self.expect(busy, 200, b"x" * 800000)
        for client in (idle, stream, busy):
            self.assertEqual(client.wait_for_end(), "fin")
        self.assertEqual(server.wait_for_exit(), 0)


class Bounds(HttpTestCase):
    def test_a_client_that_says_nothing_is_ended_at_the_handshake_timeout(self):
        server = self.start(handshake_timeout="1s")
        silent = self.open_http(server)
        self.assertEqual(silent.wait_for_end(), "fin")
        self.assertEqual(server.counters()["handshakes_timed_out"], 1)

    def test_an_idle_client_is_ended_at_its_timeout_and_an_active_one_is_not(self):
        server = self.start(http_idle_timeout="1s", handshake_timeout="1s")
        idle, active = (self.open_http(server) for _ in range(2))
        self.assert_alive(idle)
        for count in range(20):
            active.send(b"GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"[count : count + 1])
            time.sleep(0.1)
        self.assertEqual(idle.wait_for_end(), "fin")
        self.assertTrue(active.quiet_for(0), "ended although bytes moved")
        self.assertEqual(active.wait_for_end(), "fin")
        self.assertEqual(server.counters()["http_idle_timeouts"], 2)

    def test_who_waits_for_an_answer_or_reads_a_stream_is_not_idle(self):
        server = self.start(http_idle_timeout="1s", handshake_timeout="1s")
        stream, waiting, idle = (self.open_http(server) for _ in range(3))
        stream.ask("/events")
        stream.receive_response()
        self.assert_alive(idle)
        waiting.ask("/later?3000")
        self.assertEqual(idle.wait_for_end(), "fin")
        self.expect(waiting, 200, b"later\n")
        self.open(server).send_message("news")
        self.assertEqual(stream.receive_chunk(), b"news")
        self.assertEqual(waiting.wait_for_end(), "fin", "not idle after its answer")
        self.assertTrue(stream.quiet_for(0))
        self.assertEqual(server.counters()["http_idle_timeouts"], 2)

    def test_an_idle_timeout_of_0_lets_them_stay(self):
        client = self.open_http(self.start(http_idle_timeout="0", handshake_timeout="1s"))
        self.assert_alive(client)
        self.assertTrue(client.quiet_for(2.0))
        self.assert_alive(client)

    def test_an_idle_client_holds_no_memory(self):
        server = self.start()
        for number in range(200):
            client = self.open_http(server, kind=("ws", "http")[number % 2])
            self.assert_alive(client)
        counters = server.wait_for(connections_open=200, message_memory_used=0)
        self.assertEqual(counters["buffers_out"] + counters["assemblies_in_use"], 0)

    def test_a_client_that_takes_nothing_is_reset_at_its_bound(self):
        server = self.start(max_outbox_bytes=131072)
        client = self.open_http(server, receive_buffer_bytes=4096)
        client.send_pieces([b"GET /bytes?60000 HTTP/1.1\r\nHost: h\r\n\r\n"] * 1000)
        server.wait_for(outbox_overflows=1, slots_in_use=0)
        # A reset that sending has run into is not seen again by receiving.
        self.assertIn(client.wait_for_end(), ("fin", "reset"))

    def test_a_client_that_takes_nothing_is_reset_at_the_stall_timeout(self):
        server = self.start(stall_timeout="1s", max_outbox_bytes=67108864)
        client = self.open_http(server, receive_buffer_bytes=4096)
        client.ask("/bytes?50000000")
        server.wait_for(slots_in_use=0, stall_timeouts=1)

    def test_handshakes_that_wait_for_their_first_byte_are_bounded(self):
        server = self.start(max_handshakes=10, handshake_timeout="1s", max_connections=100)
        silent = [self.open_http(server) for _ in range(30)]
        self.assert_alive(self.open_http(server))
        for client in silent:
            self.assertEqual(client.wait_for_end(), "fin")


class Streams(HttpTestCase):
    def test_shared_messages_reach_websockets_and_streams_in_order(self):
        server = self.start(max_outbox_bytes=16777216)
        websockets = [self.open(server) for _ in range(10)]
        streams = [self.open_http(server, kind=("ws", "http")[number % 2]) for number in range(10)]
        for stream in streams:
            stream.ask("/events")
            self.assertEqual(stream.receive_response().fields["transfer-encoding"], "chunked")
        news = ["news %d " % i + "." * (i * i % 7000) for i in range(200)]
        for piece in news:
            websockets[0].send_message(piece)
        for client in websockets:
            self.assertEqual([client.receive_message() for _ in news], news)
        for stream in streams:
            self.assertEqual([stream.receive_chunk().decode() for _ in news], news)
        # The fixture keeps the last; all others have gone with their last reader.
        server.wait_for(frames_live=1, bytes_queued=0)

    def test_who_does_not_read_loses_his_connection_and_nobody_else_anything(self):
        server = self.start(max_outbox_bytes=131072, overflow_close_code=3008)
        talker = self.open(server)
        stuck = self.open_http(server, receive_buffer_bytes=4096)
        stuck.ask("/events")
        stuck.receive_response()
        for number in range(2000):
            talker.send_message("x" * 16000)
            self.assertEqual(len(talker.receive_message()), 16000)
            if number % 100 == 99 and server.counters()["outbox_overflows"] == 1:
                break
        server.wait_for(connections_open=1, outbox_overflows=1)
        self.assertEqual(stuck.wait_for_end(), "reset")


class SlowWebSockets(WireTestCase):
    """Config::overflow_close_code."""

    def overflow(self, server, client):
        sent = 0
        while server.counters()["outbox_overflows"] == 0:
            self.assertLess(sent, 2000, "32 MB were taken from a peer that reads nothing")
            for _ in range(20):
                client.send_or_end(frame(raw_client.BINARY, b"%8d" % sent + bytes(15992)))
                sent += 1

    def test_who_reads_again_gets_a_beginning_without_gaps_and_is_told(self):
        server = self.start(max_outbox_bytes=131072, overflow_close_code=3008, close_timeout="10s")
        client = self.open(server, receive_buffer_bytes=4096)
        self.overflow(server, client)
        self.assertLess(server.counters()["bytes_queued"], 50_000, "what will not be sent was kept")
        self.assertEqual(client.receive_close(), (3008, "slow"))
        numbers = [int(payload[:8]) for payload in client.messages]
        self.assertGreater(len(numbers), 0)
        self.assertEqual(numbers, list(range(len(numbers))))
        client.send_or_end(frame(CLOSE, close_payload(3008)))
        self.assertIn(client.wait_for_end(), ("fin", "reset"))
        server.wait_for(connections_open=0)

    def test_who_never_reads_is_ended_after_the_close_timeout(self):
        server = self.start(max_outbox_bytes=131072, overflow_close_code=3008, close_timeout="1s")
        client = self.open(server, receive_buffer_bytes=4096)
        self.overflow(server, client)
        server.wait_for(slots_in_use=0, outbox_overflows=1)
        # The close frame may have fitted into the kernel's buffers after all.
        try:
            self.assertEqual(client.receive_close(), (3008, "slow"))
        except Ended:
            self.assertEqual(client.ended, "reset")


if __name__ == "__main__":
    unittest.main()
