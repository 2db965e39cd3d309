"""holdfast-broadcast: every message reaches everybody once, in one order, across shards and protocols."""

import unittest

import crowd
import raw_client
from holdfast_process import WireTestCase

GREETING = b"hello from "


class Broadcast(WireTestCase):
    CLIENTS = 24
    MESSAGES = 40

    def join(self, server, count, tcp_every=0):
        """`count` clients that are all known to hear everybody: each has heard its own greeting."""
        clients = []
        for number in range(count):
            is_tcp = tcp_every and number % tcp_every == 0
            clients.append(self.open_tcp(server) if is_tcp else self.open(server))
        sending = {
            client: client.encoded(GREETING + b"%d" % number) for number, client in enumerate(clients)
        }
        crowd.exchange(
            clients,
            sending,
            lambda: all(
                GREETING + b"%d" % number in client.messages for number, client in enumerate(clients)
            ),
        )
        return clients

    def heard(self, client):
        return [message for message in client.messages if not message.startswith(GREETING)]

    def next_heard(self, client):
        """The next message that is no greeting of somebody who joined later."""
        while True:
            message = client.receive_message()
            if not (message if isinstance(message, bytes) else message.encode()).startswith(GREETING):
                return message

    def everybody_talks(self, clients):
        """All send at once; checks that each hears all of it once, each sender's in order. The result."""
        sending = {
            client: b"".join(client.encoded(b"%d:%d" % (sender, i)) for i in range(self.MESSAGES))
            for sender, client in enumerate(clients)
        }
        whole = len(clients) * self.MESSAGES
        crowd.exchange(
            clients, sending, lambda: all(len(self.heard(client)) >= whole for client in clients)
        )
        for client in clients:
            heard = [tuple(map(int, message.split(b":"))) for message in self.heard(client)]
            self.assertEqual(len(heard), whole, "more than everything: something came twice")
            for sender in range(len(clients)):
                self.assertEqual(
                    [i for number, i in heard if number == sender],
                    list(range(self.MESSAGES)),
                    f"sender {sender}",
                )
        return [self.heard(client) for client in clients]

    def test_the_sender_hears_itself(self):
        (client,) = self.join(self.start("holdfast-broadcast"), 1)
        client.send_message("to nobody else")
        self.assertEqual(client.receive_message(), "to nobody else")

    def test_everybody_hears_everything_once_and_in_order(self):
        for shards in (1, 2, 4):
            with self.subTest(shards=shards):
                server = self.start("holdfast-broadcast", shards=shards)
                heard = self.everybody_talks(self.join(server, self.CLIENTS))
                self.assertTrue(
                    all(order == heard[0] for order in heard), "not everybody heard the same order"
                )
                self.close_clients()

    def test_tcp_and_websocket_clients_hear_each_other(self):
        for shards in (1, 2):
            with self.subTest(shards=shards):
                server = self.start("holdfast-broadcast", shards=shards, listen_tcp="127.0.0.1:0")
                self.everybody_talks(self.join(server, self.CLIENTS, tcp_every=2))
                self.close_clients()

    def test_text_stays_text_and_bytes_from_tcp_become_binary(self):
        server = self.start("holdfast-broadcast", listen_tcp="127.0.0.1:0")
        tcp, websocket = self.join(server, 2, tcp_every=2)
        websocket.send_message("gr\u00fc\u00dfe")
        self.assertEqual(self.next_heard(websocket), "gr\u00fc\u00dfe")
        self.assertEqual(self.next_heard(tcp), "gr\u00fc\u00dfe".encode())
        websocket.send_message(b"\xff\x00")
        self.assertEqual(self.next_heard(websocket), b"\xff\x00")
        self.assertEqual(self.next_heard(tcp), b"\xff\x00")
        for payload in (b"", b"plain", b"\xff not utf-8"):
            tcp.send_message(payload)
            self.assertEqual(self.next_heard(websocket), payload)
            self.assertEqual(self.next_heard(tcp), payload)

    def test_every_size_reaches_everybody(self):
        server = self.start("holdfast-broadcast", shards=2)
        clients = self.join(server, 6)
        for count in (0, 1, 125, 126, 65535, 65536):
            payload = raw_client.seeded(count).randbytes(count)
            clients[count % 6].send_message(payload)
            for client in clients:
                self.assertEqual(self.next_heard(client), payload, f"{count} bytes")

    def test_who_has_left_is_not_missed(self):
        server = self.start("holdfast-broadcast", shards=2)
        clients = self.join(server, 30)
        leaving, staying = clients[::2], clients[1::2]
        for number, client in enumerate(leaving):
            if number % 2:
                client.reset()
            else:
                client.closing_handshake()
        server.wait_for(connections_open=len(staying))
        self.everybody_talks(staying)

    def test_leaving_and_joining_while_others_talk_costs_nobody_a_message(self):
        server = self.start("holdfast-broadcast", shards=2)
        staying = self.join(server, 8)
        for begin in range(0, 200, 10):
            stream = b"".join(staying[0].encoded(b"0:%d" % i) for i in range(begin, begin + 10))
            passing = [self.open(server) for _ in range(5)]
            crowd.exchange(
                staying,
                {staying[0]: stream},
                lambda end=begin + 10: all(len(self.heard(client)) >= end for client in staying),
            )
            for client in passing:
                client.reset()
        for client in staying:
            self.assertEqual(self.heard(client), [b"0:%d" % i for i in range(200)])

    def test_one_message_reaches_a_thousand(self):
        self.need_descriptors(2000)
        server = self.start("holdfast-broadcast", shards=2)
        clients = crowd.open_many(self, server, 1000)
        last = self.join(server, 1)[0]
        # Asked again until it is heard: subscriptions of other shards may still be on their way.
        server.wait_for(connections_open=1001)
        for _ in range(50):
            last.send_message(b"probe")
            self.assertEqual(last.receive_message(), b"probe")
        last.send_message(b"to all")
        crowd.exchange(clients, {}, lambda: all(client.messages[-1:] == [b"to all"] for client in clients))


if __name__ == "__main__":
    unittest.main()
