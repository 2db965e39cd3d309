"""SIGTERM: nobody new, what is owed is delivered, everybody is told 1012, and the exit code is 0."""

import re
import signal
import socket
import threading
import time
import unittest

import crowd
import raw_client
from gateway_process import GatewayTestCase
from holdfast_process import WireTestCase
from raw_client import BINARY, CLOSE, close_payload, frame


class Drain(WireTestCase):
    def leave(self, client, expected_code=1012):
        """Answers the server's close frame as a polite client does."""
        self.assertEqual(client.receive_close()[0], expected_code)
        client.send_or_end(frame(CLOSE, close_payload(expected_code)))
        self.assertIn(client.wait_for_end(), ("fin", "reset"))

    def test_without_clients_it_ends_at_once(self):
        server = self.start(drain_timeout="600s")
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait_for_exit(), 0)

    def test_sigint_drains_too(self):
        server = self.start(drain_timeout="3s")
        client = self.open(server)
        server.signal(signal.SIGINT)
        self.leave(client)
        self.assertEqual(server.wait_for_exit(), 0)

    def test_everybody_is_told_1012(self):
        for shards in (1, 2):
            with self.subTest(shards=shards):
                server = self.start(shards=shards, drain_timeout="3s")
                clients = crowd.open_many(self, server, 200)
                server.signal(signal.SIGTERM)
                for client in clients:
                    self.leave(client)
                self.assertEqual(server.wait_for_exit(), 0)

    def test_the_reason_says_when_to_come_back(self):
        server = self.start(drain_timeout="2s")
        client = self.open(server)
        server.signal(signal.SIGTERM)
        code, reason = client.receive_close()
        self.assertEqual(code, 1012)
        hint = re.search(r"; retry in (\d+)-(\d+) ms$", reason)
        self.assertIsNotNone(hint, reason)
        self.assertLess(int(hint[1]), int(hint[2]))
        client.close()

    def test_the_code_is_the_one_of_the_flag(self):
        server = self.start(drain_timeout="2s", drain_close_code=3001)
        client = self.open(server)
        server.signal(signal.SIGTERM)
        self.leave(client, expected_code=3001)
        self.assertEqual(server.wait_for_exit(), 0)

    def test_the_closes_are_spread_and_not_in_the_order_of_arrival(self):
        server = self.start(drain_timeout="3s")
        clients = crowd.open_many(self, server, 100)
        server.signal(signal.SIGTERM)
        order = []
        waiting = list(clients)
        while waiting:
            ready = [client for client in waiting if not client.quiet_for(0)]
            order.append(ready)
            for client in ready:
                self.leave(client)
                waiting.remove(client)
        told = [client for ready in order for client in ready]
        self.assertNotEqual([clients.index(client) for client in told], list(range(100)))
        self.assertGreater(len([ready for ready in order if ready]), 1, "all were closed in one go")

    def test_nobody_new_is_served(self):
        server = self.start(drain_timeout="3s")
        client = self.open(server)
        server.signal(signal.SIGTERM)
        refused = False
        for _ in range(100):
            try:
                newcomer = socket.create_connection(server.address(), timeout=5)
            except ConnectionRefusedError:
                refused = True
                break
            newcomer.close()
            time.sleep(0.01)
        self.assertTrue(refused, "still accepting a second after SIGTERM")
        self.leave(client)

    def test_those_not_told_yet_are_served_until_they_are(self):
        server = self.start(drain_timeout="3s")
        clients = [self.open(server) for _ in range(10)]
        server.signal(signal.SIGTERM)
        echoed = 0
        for client in clients:
            client.send_or_end(frame(BINARY, b"still working"))
            self.leave(client)
            echoed += len(client.messages)
        self.assertGreater(echoed, 0)

    def test_what_is_owed_is_delivered_before_the_close(self):
        server = self.start(drain_timeout="5s", max_outbox_bytes=16777216)
        client = self.open(server, receive_buffer_bytes=16384)
        payloads = [(b"%d " % i).ljust(30000, b".") for i in range(100)]
        client.send(b"".join(frame(BINARY, payload) for payload in payloads))
        server.wait_for(messages_in=len(payloads))
        server.signal(signal.SIGTERM)
        self.assertEqual(client.receive_close()[0], 1012)
        self.assertEqual(client.messages, payloads)
        client.close()
        self.assertEqual(server.wait_for_exit(), 0)

    def test_clients_that_do_not_answer_hold_nothing_up(self):
        server = self.start(drain_timeout="2s", close_timeout="1s", max_outbox_bytes=67108864)
        self.open(server)
        stuck = self.open(server, receive_buffer_bytes=4096)
        stuck.send(frame(BINARY, bytes(60000)) * 100)
        self.open(server).vanish()
        self.connect(server).send(raw_client.request()[:30])
        self.open(server).send(frame(BINARY, b"half a message", declared=1000))
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait_for_exit(), 0)

    def test_length_prefixed_clients_are_ended(self):
        server = self.start(drain_timeout="2s", listen_tcp="127.0.0.1:0")
        clients = [self.open_tcp(server) for _ in range(20)]
        for client in clients:
            client.send_message(b"before")
        server.wait_for(messages_in=len(clients))
        server.signal(signal.SIGTERM)
        for client in clients:
            self.assertEqual(client.receive_message(), b"before")
            self.assertEqual(client.wait_for_end(), "fin")
            self.assertEqual(bytes(client.unread), b"")
        self.assertEqual(server.wait_for_exit(), 0)

    def test_the_second_sigterm_ends_it_at_once(self):
        server = self.start(drain_timeout="600s", close_timeout="600s", shards=2)
        clients = [self.open(server) for _ in range(50)]
        server.signal(signal.SIGTERM)
        server.wait_until(lambda counters: True)  # the first has been seen before the second is sent
        time.sleep(0.1)
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait_for_exit(), 0)
        for client in clients:
            client.wait_for_end()

    def test_it_can_be_drained_while_everybody_talks(self):
        server = self.start("holdfast-broadcast", shards=2, drain_timeout="2s")
        clients = crowd.open_many(self, server, 20)
        alarm = threading.Timer(0.3, server.signal, [signal.SIGTERM])
        alarm.start()
        self.addCleanup(alarm.cancel)
        stream = b"".join(frame(BINARY, b"%d" % i) for i in range(2000))
        crowd.exchange(
            clients, {client: stream for client in clients}, lambda: all(client.ended for client in clients)
        )
        self.assertEqual(server.wait_for_exit(), 0)

    def test_the_port_is_free_right_after_the_exit(self):
        server = self.start()
        clients = crowd.open_many(self, server, 20)
        host, port = server.address()
        server.signal(signal.SIGTERM)
        self.assertEqual(server.wait_for_exit(), 0)
        for client in clients:
            client.close()
        self.assert_still_serves(self.start(listen=f"{host}:{port}"))


class Readiness(GatewayTestCase):
    def test_it_has_turned_before_the_first_client_is_told(self):
        server = self.start_gateway(anonymous=True, drain_timeout="6s")
        probe = self.open_http(server)
        probe.ask("/ready")
        self.assertEqual(probe.receive_response().status, 200)
        clients = [self.open_client(server, {"connect": {}}) for _ in range(100)]
        server.signal(signal.SIGTERM)
        until = time.monotonic() + 10.0
        while all(client.quiet_for(0) for client in clients):
            self.assertLess(time.monotonic(), until, "nobody was told")
        probe.ask("/ready")
        self.assertEqual(probe.receive_response().status, 503)


if __name__ == "__main__":
    unittest.main()
