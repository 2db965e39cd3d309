"""Everybody at once: clients that are told to leave, and a server that was stopped for a while."""

import math
import selectors
import signal
import time
import unittest

import crowd
import raw_client
from hostile import HostileTestCase, sized


class Draining(HostileTestCase):
    CLIENTS = sized(1000, 18000)
    SECONDS = sized(6, 15)

    def test_the_closes_are_spread_uniformly_and_say_why(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(
            max_connections=19000, drain_timeout=f"{self.SECONDS}s", handshake_timeout="60s"
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
        ended_s = time.monotonic() - began
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
            "drain",
            clients=self.CLIENTS,
            ks_distance=round(distance, 4),
            ks_critical=round(critical, 4),
            last_told_percent_of_window=round(100 * moments[-1] / window, 1),
            ended_after_s=round(ended_s, 1),
            hard_stop_s=self.SECONDS,
        )

    def test_a_second_sigterm_ends_it_whoever_is_there(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=19000, drain_timeout="600s", handshake_timeout="60s")
        clients = crowd.open_many(self, server, self.CLIENTS)
        server.signal(signal.SIGTERM)
        while all(client.quiet_for(0) for client in clients):  # the first has been seen
            pass
        server.signal(signal.SIGTERM)
        began = time.monotonic()
        self.assertEqual(server.wait_for_exit(), 0)
        seconds = time.monotonic() - began
        for client in clients:
            client.wait_for_end()
        self.figure("second SIGTERM", clients=self.CLIENTS, ended_after_ms=round(1e3 * seconds))


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
        self.figure(
            "stopped",
            seconds=self.SECONDS,
            clients=self.CLIENTS,
            expired=0,
            longest_turn_ms=round(counters["longest_turn_us"] / 1e3, 1),
        )


if __name__ == "__main__":
    unittest.main()
