"""Everybody at once: clients that come back after a crash, a drain, a server that was stopped for a while."""

import math
import os
import random
import selectors
import signal
import time
import unittest

import crowd
import raw_client
from bystanders import Bystanders
from hostile import HostileTestCase, resident_bytes, sized


class ComingBack(HostileTestCase):
    CLIENTS = sized(1500, 18000)
    RATE = sized(1000, 3000)

    def come_back(self, server, jitter_s):
        """All connect, each at a random moment of the jitter; the clients when all are in."""
        moments = sorted(random.random() * jitter_s for _ in range(self.CLIENTS))
        began = time.monotonic()
        fastest = 0.0
        clients = []
        for moment in moments:
            wait = began + moment - time.monotonic()
            if wait > 0:
                time.sleep(wait)
            client = self.connect(server, deadline_s=60.0)
            client.key = raw_client.new_key()
            client.send(raw_client.request(key=client.key))
            clients.append(client)
            if len(clients) % 250 == 0:
                elapsed = time.monotonic() - began
                accepted = server.counters()["accepted"]
                fastest = max(fastest, (accepted - self.BYSTANDERS) - self.RATE * (elapsed + 0.1))
        for client in clients:
            client.finish_upgrade(client.key)
        # No more than the rate allows, a burst of a tenth of a second included; what an answer took to come
        # is on the safe side.
        self.assertLess(fastest, self.RATE * 0.1 + 50, "clients came in faster than they may")
        return clients, time.monotonic() - began

    BYSTANDERS = 50

    def storm(self, jitter_s):
        self.need_descriptors(self.CLIENTS)
        flags = {
            "max_connections": 19000,
            "max_accepts_per_second": self.RATE,
            "shards": "1",
            "handshake_timeout": "60s",
        }
        server = self.start(**flags)
        clients = crowd.open_many(self, server, self.CLIENTS)
        host, port = server.address()
        server.signal(signal.SIGKILL)
        server.wait_for_exit()
        self._servers.remove(server)
        for client in clients:
            client.wait_for_end()
            client.close()
        self._clients.clear()
        server = self.start(**{**flags, "listen": f"{host}:{port}"})
        bystanders = Bystanders(self, server, count=self.BYSTANDERS)
        bystanders.phase("storm")
        clients, seconds = self.come_back(server, jitter_s)
        self.assertEqual(server.counters()["connections_open"], self.CLIENTS + self.BYSTANDERS)
        seen = bystanders.assert_unharmed()
        self.figure(
            "storm",
            seen,
            clients=self.CLIENTS,
            jitter_s=jitter_s,
            back_after_s=round(seconds, 1),
            rss_mib=resident_bytes(server) >> 20,
        )
        for client in clients:
            client.reset()

    def test_after_a_crash_all_are_back_at_the_rate_of_accepts(self):
        self.storm(jitter_s=0.0)

    def test_after_a_crash_all_are_back_with_jitter(self):
        self.storm(jitter_s=sized(1.0, 10.0))


class Draining(HostileTestCase):
    CLIENTS = sized(1000, 10000)
    SECONDS = sized(6, 15)

    def test_the_closes_are_spread_uniformly_and_say_why(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(
            max_connections=12000, drain_timeout=f"{self.SECONDS}s", handshake_timeout="60s"
        )
        clients = crowd.open_many(self, server, self.CLIENTS)
        moments = []
        with selectors.EpollSelector() as selector:
            for client in clients:
                client.socket.setblocking(False)
                selector.register(client.socket, selectors.EVENT_READ, client)
            server.signal(signal.SIGTERM)
            began = time.monotonic()
            while len(moments) < self.CLIENTS and time.monotonic() < began + 3 * self.SECONDS:
                for key, _ in selector.select(0.05):
                    client = key.data
                    client.fill()
                    code, reason = client.receive_close()
                    self.assertEqual((code, reason), (1012, "server is restarting; retry in 0-5000 ms"))
                    moments.append(time.monotonic() - began)
                    client.send_or_end(raw_client.frame(raw_client.CLOSE, raw_client.close_payload(1012)))
                    selector.unregister(client.socket)
        self.assertEqual(server.wait_for_exit(), 0)
        self.assertEqual(len(moments), self.CLIENTS)
        # Kolmogorov and Smirnov: the greatest distance to the uniform distribution over two thirds of the
        # time. Deadlines are kept in ticks of 50 ms, and a busy machine is late: that much is forgiven.
        window = self.SECONDS * 2 / 3
        distance = max(
            abs(moment / window - (place + 0.5) / self.CLIENTS) for place, moment in enumerate(moments)
        )
        critical = 1.63 / math.sqrt(self.CLIENTS)
        self.assertLess(
            distance, critical + 0.05 + 0.4 / self.SECONDS, "the closes are not spread uniformly"
        )
        self.figure(
            "drain", clients=self.CLIENTS, ks_distance=round(distance, 4), ks_critical=round(critical, 4)
        )


class Stopped(HostileTestCase):
    SECONDS = sized(5, 60)
    CLIENTS = 500

    def test_a_server_that_was_stopped_expires_nobody_and_misses_nothing(self):
        server = self.start(
            "holdfast-broadcast",
            ping_interval="1s",
            pong_timeout="1s",
            message_timeout="1s",
            stall_timeout="2s",
            shards=2,
            max_outbox_bytes=16777216,
        )
        clients = crowd.open_many(self, server, self.CLIENTS)
        slow = clients[0]
        slow.send(raw_client.frame(raw_client.BINARY, b"first half ", declared=22))
        server.wait_for(assemblies_in_use=1)
        server.signal(signal.SIGSTOP)
        for number in range(1, 101):
            clients[number].send_message(b"while it stood still")
        time.sleep(self.SECONDS)
        server.signal(signal.SIGCONT)
        slow.send(raw_client.masked(b"second half", b"\x3d\x37\xfa\x21"))
        crowd.exchange(clients, {}, lambda: all(len(client.messages) >= 101 for client in clients))
        # Two rounds of pings later: whoever was to be expired would be gone.
        until = time.monotonic() + 3.0
        crowd.exchange(clients, {}, lambda: time.monotonic() > until)
        counters = server.counters()
        self.assertEqual(counters["connections_open"], self.CLIENTS)
        self.assertEqual(
            (counters["pong_timeouts"], counters["message_timeouts"], counters["stall_timeouts"]),
            (0, 0, 0),
        )
        self.assertGreaterEqual(counters["clock_gaps"], 1, "the test did not reach its subject")
        for client in clients:
            self.assertEqual(client.messages.count(b"while it stood still"), 100)
            self.assertEqual(client.messages.count(b"first half second half"), 1)
        self.figure("stopped", seconds=self.SECONDS, clients=self.CLIENTS, expired=0)


if __name__ == "__main__":
    unittest.main()
