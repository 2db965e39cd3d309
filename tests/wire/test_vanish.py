"""Peers that are gone without a word, or with nothing but a RST: others notice nothing."""

import time
import unittest

import crowd
import raw_client
from holdfast_process import WireTestCase
from raw_client import BINARY, CONTINUATION, PING, TEXT, frame


class Vanished(WireTestCase):
    def test_vanished_peers_are_dropped_and_healthy_ones_are_not(self):
        # The healthy ones answer only once all are open, so the pong deadline leaves time for that.
        server = self.start(ping_interval="1s", pong_timeout="5s")
        healthy = crowd.open_many(self, server, 100)
        vanished = crowd.open_many(self, server, 300)
        for client in vanished:
            client.vanish()
        crowd.exchange(healthy, {}, lambda: server.counters()["connections_open"] <= len(healthy))
        # Two more rounds of pings: whoever answers stays.
        until = time.monotonic() + 2.5
        crowd.exchange(healthy, {}, lambda: time.monotonic() > until)
        self.assertEqual(
            server.counters()["connections_open"], len(healthy), "a healthy client was dropped"
        )
        crowd.exchange(
            healthy, {client: client.encoded(b"here") for client in healthy}, crowd.all_have(healthy, 1)
        )

    def test_a_peer_that_lives_but_answers_no_ping_is_dropped(self):
        server = self.start(ping_interval="1s", pong_timeout="1s")
        client = self.open(server)
        self.assertEqual(client.receive_frame().opcode, PING)
        client.wait_for_end()

    def test_any_byte_is_a_sign_of_life(self):
        server = self.start(ping_interval="1s", pong_timeout="1s")
        client = self.open(server)
        client.answer_pings = False
        for number in range(10):
            time.sleep(0.4)
            client.send_message(f"alive {number}")
            self.assertEqual(client.receive_message(), f"alive {number}")

    def test_no_ping_comes_when_pings_are_off(self):
        client = self.open(self.start(ping_interval="0"))
        self.assertTrue(client.quiet_for(1.5))

    def test_peers_that_vanish_while_data_is_under_way_to_them_are_dropped(self):
        server = self.start("holdfast-broadcast", ping_interval="1s", pong_timeout="1s")
        healthy = crowd.open_many(self, server, 10)
        vanished = crowd.open_many(self, server, 50)
        for client in vanished:
            client.vanish()
        sent = 0
        while server.counters()["connections_open"] > len(healthy):
            sent += 1
            crowd.exchange(
                healthy, {healthy[0]: healthy[0].encoded(b"x" * 1000)}, crowd.all_have(healthy, sent)
            )
            self.assertLess(sent, 1000, "vanished peers were never dropped")
            time.sleep(0.02)

    def test_peers_that_vanish_in_the_handshake_are_dropped_at_its_deadline(self):
        server = self.start(handshake_timeout="1s")
        for number in range(1, 101):
            client = self.connect(server)
            client.send(raw_client.request()[:number])
            client.vanish()
        server.wait_for(accepted=100, slots_in_use=0)

    def test_peers_that_vanish_before_our_close_frame_are_dropped_at_the_close_timeout(self):
        server = self.start(close_timeout="1s")
        for client in crowd.open_many(self, server, 50):
            client.vanish()
            client.send(frame(TEXT, b"x", rsv=1))
        server.wait_for(connections_open=0)

    def test_peers_that_vanish_inside_a_message_are_dropped_at_the_message_timeout(self):
        server = self.start(message_timeout="1s")
        for client in crowd.open_many(self, server, 50):
            client.send(frame(BINARY, b"half", declared=5000))
            client.vanish()
        server.wait_for(connections_open=0, assemblies_in_use=0)


class Resets(WireTestCase):
    HEALTHY = 20
    BEGINNINGS = (
        b"",
        b"\x82",
        frame(BINARY, b"x" * 50, declared=60000),
        frame(BINARY, b"x", final=False),
        frame(TEXT, b"x" * 3000, final=False) + frame(CONTINUATION, b"y" * 10, final=False) + b"\x89",
        frame(BINARY, b"z" * 60000),
    )

    def test_storms_of_resets_inside_frames_hurt_nobody_else(self):
        self.need_descriptors(2000)
        server = self.start()
        healthy = crowd.open_many(self, server, self.HEALTHY)
        for storm in range(3):
            doomed = crowd.open_many(self, server, 500)
            for number, client in enumerate(doomed):
                client.send(self.BEGINNINGS[number % len(self.BEGINNINGS)])
            half = len(doomed) // 2
            for client in doomed[:half]:
                client.reset()
            sending = {
                client: b"".join(client.encoded(b"storm %d, %d" % (storm, i)) for i in range(50))
                for client in healthy
            }
            crowd.exchange(healthy, sending, crowd.all_have(healthy, 25 + 50 * storm))
            for client in doomed[half:]:
                client.reset()
            crowd.exchange(healthy, {}, crowd.all_have(healthy, 50 + 50 * storm))
        expected = [b"storm %d, %d" % (storm, i) for storm in range(3) for i in range(50)]
        for client in healthy:
            self.assertEqual(client.messages, expected)
        server.wait_for(connections_open=self.HEALTHY, slots_in_use=self.HEALTHY, assemblies_in_use=0)

    def test_a_reused_slot_shows_nothing_of_its_past(self):
        server = self.start(max_connections=50)
        for generation in range(6):
            clients = crowd.open_many(self, server, 50)
            canaries = [b"generation %d client %d " % (generation, number) for number in range(50)]
            for client, canary in zip(clients, canaries):
                client.send(frame(TEXT, canary) + frame(TEXT, b"left over from " + canary, final=False))
            for client, canary in zip(clients, canaries):
                self.assertEqual(client.receive_message(), canary.decode())
                self.assertEqual(bytes(client.unread), b"")
            for number, client in enumerate(clients):
                if number % 2:
                    client.reset()
                else:
                    client.close()

    def test_a_reset_with_answers_still_under_way_leaves_nothing_behind(self):
        server = self.start(max_outbox_bytes=16777216)
        for _ in range(20):
            client = self.open(server, receive_buffer_bytes=4096)
            client.send(frame(BINARY, bytes(60000)) * 8)
            client.reset()
        server.wait_for(connections_open=0, bytes_queued=0, frames_live=0)


if __name__ == "__main__":
    unittest.main()
