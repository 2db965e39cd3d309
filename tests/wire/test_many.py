"""Ten thousand connections in one server: all are held, all are answered, all slots come back."""

import os
import unittest

import crowd
import raw_client
from holdfast_process import WireTestCase

CLIENTS = 10000


class Many(WireTestCase):
    def test_ten_thousand_are_held_and_each_is_answered(self):
        self.need_descriptors(CLIENTS)
        server = self.start(max_connections=40000, shards=None, handshake_timeout="60s")
        clients = crowd.open_many(self, server, CLIENTS)
        counters = server.wait_for(connections_open=CLIENTS)
        self.assertEqual(counters["slots_in_use"], CLIENTS)
        self.assertEqual(counters["buffers_out"], 0, "idle connections hold buffers")
        self.assertEqual(counters["assemblies_in_use"], 0, "idle connections hold assemblies")
        for number, client in enumerate(clients):
            client.send(raw_client.frame(raw_client.TEXT, b"client %d" % number))
        for number, client in enumerate(clients):
            self.assertEqual(client.receive_message(), f"client {number}")
        for client in clients[::2]:
            client.reset()
        server.wait_for(connections_open=CLIENTS // 2, slots_in_use=CLIENTS // 2)
        for number, client in list(enumerate(clients))[1::2]:
            client.send(raw_client.frame(raw_client.TEXT, b"again %d" % number))
        for number, client in list(enumerate(clients))[1::2]:
            self.assertEqual(client.receive_message(), f"again {number}")
        for client in clients[1::2]:
            client.reset()
        server.wait_for(connections_open=0)
        self.assertGreater(len(os.listdir(f"/proc/{server.child.pid}/task")), 1, "only one thread")


if __name__ == "__main__":
    unittest.main()
