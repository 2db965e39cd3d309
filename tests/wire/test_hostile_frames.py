"""Clients that send what they should not, or too much of it, or never read: the others lose nothing."""

import time
import unittest

import crowd
import raw_client
from bystanders import Bystanders, payload_of
from hostile import HostileTestCase, resident_bytes, sized
from raw_client import BINARY, CONTINUATION, PING, TEXT, frame


class Bombs(HostileTestCase):
    DECLARED = (
        (1 << 62, 1009),
        ((1 << 63) - 1, 1009),
        (1 << 63, 1002),
        ((1 << 64) - 1, 1002),
        ((1 << 32) + 1, 1009),
        (1 << 32, 1009),
        (65537, 1009),
    )
    EACH = sized(50, 500)

    def test_declared_lengths_take_no_memory_and_are_answered_with_the_code(self):
        self.need_descriptors(len(self.DECLARED) * self.EACH)
        server = self.start(max_connections=10000)
        bystanders = Bystanders(self, server)
        for clients in bystanders.rounds():
            clients += crowd.open_many(self, server, len(self.DECLARED) * self.EACH)
            before = server.counters()
            resident = resident_bytes(server)
            bystanders.phase("length bombs")
            for number, client in enumerate(clients):
                declared, _ = self.DECLARED[number % len(self.DECLARED)]
                client.send_or_end(frame(BINARY if number % 2 else TEXT, b"", declared=declared))
            for number, client in enumerate(clients):
                declared, code = self.DECLARED[number % len(self.DECLARED)]
                self.assertEqual(client.receive_close()[0], code, f"declared {declared:#x}")
            after = server.counters()
            self.assertEqual(after["violations"] - before["violations"], len(clients))
            self.assertEqual(after["assemblies_in_use"], 0)
            self.assertEqual(after["wslay_contexts"], 0)
            self.assertEqual(after["memory_refusals"], 0)
            # Close frames and slots, but nothing for a payload.
            self.assert_memory_below(resident_bytes(server) - resident, 8 << 20)
        seen = bystanders.assert_unharmed()
        self.figure("length bombs", seen, bombs=len(self.DECLARED) * self.EACH)

    def test_lengths_that_are_allowed_take_memory_only_for_what_has_come(self):
        server = self.start(max_connections=3000, max_message_bytes=1 << 20)
        clients = crowd.open_many(self, server, 500)
        for number, client in enumerate(clients):
            client.send(frame(BINARY, b"x" * 10, declared=1 << 20 if number % 2 else 1000))
        counters = server.wait_for(assemblies_in_use=len(clients))
        # A first block of 16 KiB for what will be large, of 512 bytes for what will not.
        self.assertLessEqual(counters["message_memory_used"], len(clients) // 2 * (16384 + 512))

    def test_heads_that_do_not_end_are_refused_at_their_bound(self):
        server = self.start(max_connections=3000, message_memory_bytes=32 << 20)
        bystanders = Bystanders(self, server)
        bombs = sized(300, 2000)
        rejected = 0
        for clients in bystanders.rounds():
            bystanders.phase("head bombs")
            clients += [self.connect(server) for _ in range(bombs)]
            for client in clients:
                client.send_or_end(b"GET / HTTP/1.1\r\nHost: a\r\nX-Filler: " + b"x" * 64000)
            for client in clients:
                client.wait_for_end()
            rejected += bombs
            self.assertEqual(server.wait_for(assemblies_in_use=0)["handshakes_rejected"], rejected)
        seen = bystanders.assert_unharmed()
        self.figure("head bombs", seen, bombs=bombs)


class Floods(HostileTestCase):
    FLOODERS = sized(20, 200)
    SECONDS = sized(2.0, 20.0)
    ROUNDS = sized(1, 3)

    def flood(self, server, clients, stream):
        """Everybody sends as fast as it may, and reads nothing, for a while; the peak of message memory."""
        until = time.monotonic() + self.SECONDS
        peak = 0
        stream = memoryview(stream)
        for client in clients:
            client.socket.setblocking(False)
            client.sent_bytes = 0
        while time.monotonic() < until and clients:
            for client in list(clients):
                try:
                    client.sent_bytes += client.socket.send(stream[client.sent_bytes % len(stream) :])
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    clients.remove(client)
            peak = max(peak, server.counters()["message_memory_used"])
        return peak

    def test_fragments_without_end_are_stopped_at_their_number(self):
        server = self.start()
        bystanders = Bystanders(self, server)
        for number, clients in enumerate(bystanders.rounds(2 * self.ROUNDS)):
            payload = b"x" * (number % 2)
            clients += crowd.open_many(self, server, self.FLOODERS)
            bystanders.phase("fragments")
            stream = frame(CONTINUATION, payload, final=False) * 2000
            for client in clients:
                client.send(frame(BINARY, payload, final=False))
            peak = self.flood(server, list(clients), stream)
            self.assertLess(peak, self.FLOODERS * 16384 + (4 << 20))
            for client in clients:
                client.socket.settimeout(client.deadline_s)
                self.assertEqual(client.receive_close()[0], 1008)
        server.wait_for(assemblies_in_use=0, wslay_contexts=0)
        seen = bystanders.assert_unharmed()
        self.figure("fragment flood", seen, flooders=2 * self.ROUNDS * self.FLOODERS)

    def test_pings_of_who_does_not_read_pile_up_no_answers(self):
        server = self.start(max_outbox_bytes=131072)
        bystanders = Bystanders(self, server)
        for clients in bystanders.rounds(self.ROUNDS):
            clients += [self.open(server, receive_buffer_bytes=4096) for _ in range(self.FLOODERS)]
            bystanders.phase("pings")
            peak = self.flood(server, list(clients), frame(PING, b"x" * 125) * 100)
            # Of all the pings of a read one is answered, and behind a backlog one pong waits; the rest of it
            # is for half pings, and for the bystanders' messages.
            self.assertLess(peak, self.FLOODERS * 1024 + (256 << 10))
            counters = server.counters()
            there = self.FLOODERS + bystanders.count
            self.assertEqual(counters["connections_open"], there, "somebody was closed")
            self.assertEqual((counters["violations"], counters["memory_refusals"]), (0, 0))
        seen = bystanders.assert_unharmed()
        self.figure("ping flood", seen, flooders=self.FLOODERS, pings_bytes=server.counters()["bytes_in"])

    def test_a_rate_makes_floods_wait_and_nobody_else(self):
        rate = 100_000
        server = self.start(max_bytes_per_second=rate, max_messages_per_second=1000)
        bystanders = Bystanders(self, server)
        for clients in bystanders.rounds(self.ROUNDS):
            clients += crowd.open_many(self, server, self.FLOODERS)
            bystanders.phase("limited flood")
            began = time.monotonic()
            before = server.counters()["bytes_in"]
            self.flood(server, list(clients), frame(PING, b"x" * 125) * 100)
            taken = server.counters()["bytes_in"] - before
            seconds = time.monotonic() - began
            # The burst is a second's worth, and the last piece read is taken whole. The bystanders have some
            # too.
            self.assertLess(taken, self.FLOODERS * (rate * (seconds + 1) + 262144) + 1_000_000)
            there = self.FLOODERS + bystanders.count
            self.assertEqual(server.counters()["connections_open"], there, "somebody was closed")
        seen = bystanders.assert_unharmed()
        self.figure("flood under a rate", seen, flooders=self.FLOODERS, bytes_taken=taken)


class SlowReaders(HostileTestCase):
    SLOW = sized(500, 5000)
    HEALTHY = 10
    PAYLOAD_BYTES = 2000

    def test_on_a_busy_topic_they_saw_a_beginning_and_the_others_everything(self):
        self.need_descriptors(self.SLOW)
        server = self.start(
            "holdfast-broadcast",
            max_connections=8000,
            max_outbox_bytes=131072,
            shards=2,
            stall_timeout="600s",
            handshake_timeout="60s",
        )
        slow = [self.connect(server, receive_buffer_bytes=4096) for _ in range(self.SLOW)]
        keys = {client: raw_client.new_key() for client in slow}
        for client in slow:
            client.send(raw_client.request(key=keys[client]))
        for client in slow:
            client.finish_upgrade(keys[client])
        bystanders = Bystanders(
            self,
            server,
            mode="broadcast",
            count=self.HEALTHY,
            rate=sized(200, 20),
            payload_bytes=self.PAYLOAD_BYTES,
        )
        bystanders.phase("slow readers")
        server.wait_until(lambda counters: counters["outbox_overflows"] >= self.SLOW, deadline_s=60.0)
        time.sleep(0.5)
        seen = bystanders.assert_unharmed()
        sent = [payload_of(0, number, self.PAYLOAD_BYTES) for number in range(seen["sent"])]
        for client in slow[:: max(1, self.SLOW // 200)]:
            self.assertEqual(client.wait_for_end(), "reset")
            received = client.take_messages()
            self.assertEqual(received, sent[: len(received)], "what came before the end has a gap")
            self.assertLess(len(received), len(sent))
        counters = server.counters()
        self.assertEqual(counters["outbox_overflows"], self.SLOW, "a healthy one was evicted")
        self.assertEqual(counters["memory_refusals"], 0)
        self.figure("slow readers", seen, slow=self.SLOW, published=len(sent))

    def test_they_cannot_use_up_the_places_in_all_outboxes(self):
        """Small messages: long before their bytes count, places would be taken by who does not read."""
        slow = sized(400, 5000)
        self.need_descriptors(slow)
        server = self.start(
            "holdfast-broadcast", max_connections=slow + 100, stall_timeout="600s", handshake_timeout="60s"
        )
        clients = [self.connect(server, receive_buffer_bytes=4096) for _ in range(slow)]
        keys = {client: raw_client.new_key() for client in clients}
        for client in clients:
            client.send(raw_client.request(key=keys[client]))
        for client in clients:
            client.finish_upgrade(keys[client])
        bystanders = Bystanders(
            self, server, "broadcast", count=self.HEALTHY, rate=sized(500, 20), payload_bytes=600
        )
        bystanders.phase("small messages")
        counters = server.wait_until(lambda now: now["outbox_overflows"] >= slow // 2, deadline_s=60.0)
        self.assertEqual(counters["memory_refusals"], 0)
        seen = bystanders.assert_unharmed()
        evicted = server.counters()["outbox_overflows"]
        self.assertLessEqual(evicted, slow)
        self.figure("slow readers, small", seen, slow=slow, evicted=evicted)


class Hoarders(HostileTestCase):
    CLIENTS = sized(200, 2000)

    def test_what_is_kept_for_those_who_do_not_read_leaves_enough_for_those_who_do(self):
        """Each stays below its own bound, and all together would fill message memory many times over."""
        self.need_descriptors(self.CLIENTS)
        server = self.start(
            message_memory_bytes=16 << 20,
            max_connections=3000,
            stall_timeout="600s",
            max_outbox_bytes=1 << 20,
        )
        bystanders = Bystanders(self, server, payload_bytes=1000)
        for clients in bystanders.rounds():
            # What their own kernels would keep shall not fill this one.
            clients += [
                self.open(server, receive_buffer_bytes=4096, send_buffer_bytes=32768)
                for _ in range(self.CLIENTS)
            ]
            bystanders.phase("hoarders")
            peak = self.hoard(server, clients)
            # Far below their own bounds they are ended only once half of the memory is theirs. What is seen
            # of it between two of these ends may be a little less than that half.
            self.assertGreaterEqual(peak, 4 << 20, "what was kept was less than a quarter of the memory")
        seen = bystanders.assert_unharmed()
        self.figure("hoarders", seen, clients=self.CLIENTS, peak_mib=peak >> 20)

    def hoard(self, server, clients):
        """All ask for more than they read, until some were ended for it; the peak of message memory."""
        for client in clients:
            client.socket.setblocking(False)
            client.sent_bytes = 0
        until = time.monotonic() + 3.0
        no_later = time.monotonic() + 30.0
        stream = memoryview(frame(BINARY, b"h" * 4000) * 20)
        before = server.counters()["outbox_overflows"]
        peak = 0
        shares_used_up = 0
        while time.monotonic() < until or (shares_used_up == 0 and time.monotonic() < no_later):
            for client in clients:
                try:
                    client.sent_bytes += client.socket.send(stream[client.sent_bytes % len(stream) :])
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass
            counters = server.counters()
            peak = max(peak, counters["message_memory_used"])
            shares_used_up = counters["outbox_overflows"] - before
        self.assertGreater(shares_used_up, 0, f"the test did not reach its subject, only {peak} bytes")
        return peak


class Vanished(HostileTestCase):
    CLIENTS = sized(1000, 10000)
    HEALTHY = sized(200, 5000)

    def test_all_are_reclaimed_and_no_healthy_one_is_taken_for_gone(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(
            max_connections=16000,
            shards=None,
            ping_interval="3s",
            pong_timeout="3s",
            handshake_timeout="60s",
        )
        bystanders = Bystanders(self, server, count=self.HEALTHY, rate=400)
        vanished = 0
        for clients in bystanders.rounds(sized(1, 3)):
            clients += crowd.open_many(self, server, self.CLIENTS)
            bystanders.phase("vanished")
            for client in clients:
                client.vanish()
            counters = server.wait_until(
                lambda counters: counters["connections_open"] == self.HEALTHY, deadline_s=60.0
            )
            vanished += self.CLIENTS
            self.assertGreaterEqual(counters["pong_timeouts"], vanished)
        seen = bystanders.assert_unharmed()
        self.figure("vanished peers", seen, clients=self.CLIENTS, healthy=self.HEALTHY, false_positives=0)


class Resets(HostileTestCase):
    CLIENTS = sized(1500, 15000)
    HALVES = (
        b"\x82",
        frame(BINARY, b"x" * 50, declared=60000),
        frame(BINARY, b"z" * 30000),
        frame(TEXT, b"y", final=False),
    )

    def test_a_storm_of_them_inside_frames_frees_every_slot(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=17000, shards=None, handshake_timeout="60s")
        bystanders = Bystanders(self, server, count=100)
        for clients in bystanders.rounds(sized(1, 3)):
            clients += crowd.open_many(self, server, self.CLIENTS)
            for number, client in enumerate(clients):
                client.send(self.HALVES[number % len(self.HALVES)])
            bystanders.phase("resets")
            for client in clients:
                client.reset()
            counters = server.wait_until(
                lambda counters: counters["slots_in_use"] == bystanders.count, deadline_s=30.0
            )
            self.assertEqual(counters["assemblies_in_use"], 0)
        seen = bystanders.assert_unharmed()
        self.figure("reset storm", seen, clients=self.CLIENTS)


if __name__ == "__main__":
    unittest.main()
