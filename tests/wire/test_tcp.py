"""Length-prefixed TCP: u32 big-endian length, then the payload; both ways, any split, bounded."""

import struct
import unittest

import crowd
import raw_client
from holdfast_process import WireTestCase

BOTH = {"listen_tcp": "127.0.0.1:0"}


class LengthPrefixedEcho(WireTestCase):
    def test_every_length_comes_back(self):
        client = self.open_tcp(self.start(**BOTH))
        for count in (0, 1, 3, 4, 5, 125, 126, 255, 256, 4096, 16379, 16380, 16384, 65535, 65536):
            payload = raw_client.seeded(count).randbytes(count)
            client.send_message(payload)
            self.assertEqual(client.receive_message(), payload, f"{count} bytes")

    def test_many_messages_in_one_write_come_back_in_order(self):
        client = self.open_tcp(self.start(**BOTH))
        payloads = [b"%d" % i for i in range(3000)]
        client.send(b"".join(map(client.encoded, payloads)))
        self.assertEqual([client.receive_message() for _ in payloads], payloads)

    def test_any_split_of_the_same_bytes_gives_the_same_messages(self):
        server = self.start(max_outbox_bytes=16777216, **BOTH)
        for seed, longest in ((1, 1), (2, 5), (3, 100), (4, 5000), (5, 70000)):
            with self.subTest(seed=seed, longest=longest):
                rng = raw_client.seeded(seed)
                lengths = (0, 1, 2, 30) if longest < 10 else (0, 1, 300, 20000, 65536)
                payloads = [rng.randbytes(rng.choice(lengths)) for _ in range(40)]
                client = self.open_tcp(server)
                client.send_pieces(
                    raw_client.random_pieces(b"".join(map(client.encoded, payloads)), rng, longest)
                )
                self.assertEqual([client.receive_message() for _ in payloads], payloads)
                client.close()

    def test_both_listeners_serve_side_by_side(self):
        server = self.start(**BOTH)
        tcp, websocket = self.open_tcp(server), self.open(server)
        tcp.send_message(b"framed")
        websocket.send_message("upgraded")
        self.assertEqual(tcp.receive_message(), b"framed")
        self.assertEqual(websocket.receive_message(), "upgraded")

    def test_it_needs_no_websocket_listener(self):
        client = self.open_tcp(self.start(listen=None, **BOTH))
        client.send_message(b"alone")
        self.assertEqual(client.receive_message(), b"alone")

    def test_a_thousand_clients_are_served(self):
        self.need_descriptors(2000)
        server = self.start(shards=2, **BOTH)
        clients = [self.open_tcp(server) for _ in range(1000)]
        for number, client in enumerate(clients):
            client.send_message(b"client %d" % number)
        for number, client in enumerate(clients):
            self.assertEqual(client.receive_message(), b"client %d" % number)


class LengthPrefixedBounds(WireTestCase):
    def test_a_length_over_the_limit_ends_the_connection_without_waiting_for_the_payload(self):
        server = self.start(**BOTH)
        for declared in (65537, 2**20, 2**31 - 1, 2**31, 2**32 - 1):
            with self.subTest(declared):
                client = self.open_tcp(server)
                client.send(client.encoded(b"before") + struct.pack(">I", declared))
                self.assertIn(client.wait_for_end(), ("fin", "reset"))
                self.assertIn(client.take_messages(), ([b"before"], []))
                self.assertEqual(bytes(client.unread), b"")
                client.close()

    def test_the_limit_is_the_one_of_the_flag(self):
        server = self.start(max_message_bytes=100, **BOTH)
        client = self.open_tcp(server)
        client.send_message(bytes(100))
        self.assertEqual(client.receive_message(), bytes(100))
        client.send_message(bytes(101))
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"")

    def test_a_message_that_is_never_finished_ends_the_connection(self):
        server = self.start(message_timeout="1s", **BOTH)
        for name, beginning in (
            ("two bytes of the length", b"\x00\x00"),
            ("a part of the payload", b"\x00\x00\x10\x00part"),
        ):
            with self.subTest(name):
                client = self.open_tcp(server)
                client.send(beginning)
                for _ in range(100):
                    if not client.quiet_for(0.1):
                        break
                    if len(beginning) > 4:
                        client.send_or_end(b"x")
                else:
                    self.fail("still open: each byte seems to push the deadline back")
                client.wait_for_end()

    def test_a_silent_client_may_stay(self):
        client = self.open_tcp(self.start(message_timeout="1s", handshake_timeout="1s", **BOTH))
        self.assertTrue(client.quiet_for(2.0))
        client.send_message(b"at last")
        self.assertEqual(client.receive_message(), b"at last")

    def test_an_end_at_any_place_of_a_message_leaves_nothing_behind(self):
        server = self.start(**BOTH)
        stream = struct.pack(">I", 5) + b"hello" + struct.pack(">I", 70) + bytes(70)
        for position in range(0, len(stream), 5):
            for ending in ("close", "reset", "finish_sending"):
                client = self.open_tcp(server)
                client.send(stream[:position])
                getattr(client, ending)()
        server.wait_for(connections_open=0, assemblies_in_use=0)

    def test_a_peer_that_never_reads_is_reset_at_its_bound(self):
        server = self.start(max_outbox_bytes=131072, **BOTH)
        stuck = self.open_tcp(server, receive_buffer_bytes=4096)
        for _ in range(2000):
            if not stuck.send_or_end(stuck.encoded(bytes(16000))):
                break
        else:
            self.fail("32 MB were taken from a peer that reads nothing")
        server.wait_for(connections_open=0)

    def test_a_full_table_lets_others_wait(self):
        server = self.start(max_connections=20, **BOTH)
        clients = [self.open_tcp(server) for _ in range(50)]
        for client in clients:
            client.send_message(b"in turn")
        served = 0
        while served < len(clients):
            ready = [
                client for client in clients if client.socket.fileno() >= 0 and not client.quiet_for(0.01)
            ]
            self.assertLessEqual(len(ready), 20)
            for client in ready:
                self.assertEqual(client.receive_message(), b"in turn")
                client.close()
                served += 1

    def test_a_request_for_an_upgrade_is_only_a_length_that_is_too_large(self):
        client = self.open_tcp(self.start(**BOTH))
        client.send(raw_client.request())
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"")


class Crowded(WireTestCase):
    def test_everybody_gets_his_own_bytes_back_and_nobody_elses(self):
        server = self.start(shards=2, max_outbox_bytes=4194304, **BOTH)
        clients = [self.open_tcp(server) for _ in range(100)]
        rng = raw_client.seeded("crowded")
        wanted = {
            client: [rng.randbytes(rng.choice((0, 10, 1000, 9000))) for _ in range(40)]
            for client in clients
        }
        sending = {client: b"".join(map(client.encoded, wanted[client])) for client in clients}
        crowd.exchange(clients, sending, crowd.all_have(clients, 40))
        for client in clients:
            self.assertEqual(client.messages, wanted[client])


if __name__ == "__main__":
    unittest.main()
