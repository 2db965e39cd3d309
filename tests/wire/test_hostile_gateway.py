"""Clients of the gateway that subscribe and leave without end, to names chosen to collide; nothing grows."""

import itertools
import json
import random
import time
import unittest

from gateway_process import GatewayTestCase
from hostile import HostileTestCase, resident_bytes, sized

SETTINGS = """
[client]
allow_anonymous = true
max_channels = 1000
[channels]
subscribe = ["anybody"]
publish = ["anybody"]
presence = true
[memory]
max_subscriptions = 250_000  # room for all of them on one shard: chance decides where a client is
"""


def colliding_names(count):
    """Names that are the same number to a hash that adds up letters times powers of 31, as many are."""
    pairs = itertools.product(("Aa", "BB"), repeat=17)
    return ["".join(name) for name in itertools.islice(pairs, count)]


class Subscriptions(GatewayTestCase, HostileTestCase):
    CLIENTS = 20
    BATCH = 500

    def client(self, server):
        client = self.open_client(server, {"connect": {}})
        client.number = 1
        return client

    def batch(self, client, commands):
        """Sends the commands and waits for all their answers; those that were errors."""
        numbered = []
        for command in commands:
            client.number += 1
            numbered.append(json.dumps({"id": client.number, **command}))
        client.send_message("\n".join(numbered))
        answered, errors = 0, []
        while answered < len(numbered):
            for text in client.receive_message().split("\n"):
                answered += text.startswith('{"id"')
                if '"error"' in text:
                    errors.append(text)
        return errors

    def churn(self, server, operations, names):
        rng = random.Random("churn")
        clients = [self.client(server) for _ in range(self.CLIENTS)]
        held = [set() for _ in clients]
        done = 0
        while done < operations:
            place = done // self.BATCH % self.CLIENTS
            commands = []
            for name in rng.sample(names, self.BATCH):
                if name in held[place]:
                    commands.append({"unsubscribe": {"channel": name}})
                    held[place].discard(name)
                else:
                    commands.append({"subscribe": {"channel": name}})
                    held[place].add(name)
            self.assertEqual(self.batch(clients[place], commands), [])
            done += len(commands)
        return clients

    def test_churn_and_a_mass_disconnect_leave_nothing(self):
        operations = sized(100_000, 10_000_000)
        server = self.start_gateway(SETTINGS, shards=2)
        names = [f"topic {number}" for number in range(2 * self.BATCH)]
        self.churn(server, 20_000, names)
        self.leave(server)
        before = resident_bytes(server)
        began = time.monotonic()
        self.churn(server, operations, names)
        seconds = time.monotonic() - began
        self.leave(server)
        grown = resident_bytes(server) - before
        self.assert_memory_below(grown, 8 << 20, "churn leaves memory behind")
        self.figure(
            "subscription churn",
            operations=operations,
            per_second=int(operations / seconds),
            grown_kib=grown >> 10,
        )

    def leave(self, server):
        for client in self._clients:
            client.reset()
        self._clients.clear()
        server.wait_for(connections_open=0)
        server.wait_for(subscriptions=0)
        # What homes know is undone by letters, which arrive a moment later.
        api = self.open_http(server)
        gauges = ("clients", "subscriptions", "local_channels", "presence_bytes")
        until = time.monotonic() + 10.0
        left = gauges
        while left:
            self.assertLess(time.monotonic(), until, f"left over: {left}")
            api.ask("/metrics")
            metrics = api.receive_response().body.decode()
            left = [name for name in gauges if f"\nholdfast_gateway_{name} 0\n" not in metrics]
        api.close()
        server.wait_for(connections_open=0)

    def test_names_that_collide_elsewhere_do_not_here(self):
        names = colliding_names(sized(4000, 100_000))
        others = [f"{random.Random(name).getrandbits(112):028x}" for name in names]
        seconds = {}  # that each batch took
        server = self.start_gateway(SETTINGS, shards=1)
        for kind, some in (("random", others), ("colliding", names)):
            seconds[kind] = []
            for first in range(0, len(some), 1000):
                client = self.client(server)
                part = some[first : first + 1000]
                for begin in range(0, len(part), self.BATCH):
                    wanted = [{"subscribe": {"channel": name}} for name in part[begin : begin + self.BATCH]]
                    began = time.monotonic()
                    self.assertEqual(self.batch(client, wanted), [])
                    seconds[kind].append((time.monotonic() - began) / len(wanted))
        self.figure(
            "colliding names",
            names=len(names),
            us_each={kind: round(1e6 * sum(some) / len(some), 1) for kind, some in seconds.items()},
            us_each_p99_of_batches={
                kind: round(1e6 * sorted(some)[len(some) * 99 // 100], 1) for kind, some in seconds.items()
            },
        )


if __name__ == "__main__":
    unittest.main()
