"""What an attack takes it has taken for the last time: the next one like it finds no more, and when its
clients are gone the server has what it had before.

The first of each kind touches pools for the first time, and they are kept; how much of them is chance. So
everything is played through, again and again, until a round leaves no more behind than any before it, but for
a hundredth: that has to come soon, and never does where something is kept each time.
"""

import time
import unittest

import crowd
import raw_client
from hostile import SANITIZED, HostileTestCase, given_back, sized
from raw_client import BINARY, CONTINUATION, PING, TEXT, frame


def exactly_resident_bytes(process):
    """Not from statm: the kernel adds up what its processors counted only now and then."""
    with open(f"/proc/{process.child.pid}/smaps_rollup", encoding="ascii") as file:
        (kibibytes,) = (line.split()[1] for line in file if line.startswith("Rss:"))
    return int(kibibytes) << 10


@unittest.skipIf(SANITIZED, "a sanitizer keeps what is freed")
class GivenBack(HostileTestCase):
    CLIENTS = sized(200, 1000)
    ROUNDS = 5
    SPAN_S = 0.5  # of those who send or do not read without end
    FLAGS = {
        "shards": "1",
        "max_connections": 1500,
        "message_memory_bytes": 4 << 20,
        "max_outbox_bytes": 65536,
        "max_message_bytes": 16384,
        "handshake_timeout": "1s",
        "message_timeout": "1s",
        "stall_timeout": "1s",
    }

    def unfinished_heads(self, server):
        for number in range(self.CLIENTS):
            self.connect(server).send(raw_client.request()[: 1 + number % 100])

    def endless_heads(self, server):
        for _ in range(self.CLIENTS):
            self.connect(server).send_or_end(b"GET / HTTP/1.1\r\nX: " + b"x" * 20000)

    def wrong_lengths(self, server):
        for client in crowd.open_many(self, server, self.CLIENTS):
            client.send_or_end(frame(BINARY, b"", declared=1 << 40))

    def half_messages(self, server):
        for number, client in enumerate(crowd.open_many(self, server, self.CLIENTS)):
            client.send_or_end(frame(BINARY, b"x" * (number * 16 % 9000), declared=10000))

    def fragments(self, server):
        halves = frame(TEXT, b"a", final=False) + frame(CONTINUATION, b"b" * 50, final=False)[:30]
        for client in crowd.open_many(self, server, self.CLIENTS):
            client.send_or_end(halves)

    def pings(self, server):
        self.without_end(server, frame(PING, b"x" * 125) * 50)

    def readers_that_do_not_read(self, server):
        self.without_end(server, frame(BINARY, b"h" * 4000) * 10)

    def without_end(self, server, stream):
        clients = [self.open(server, receive_buffer_bytes=4096) for _ in range(self.CLIENTS // 4)]
        for client in clients:
            client.socket.setblocking(False)
        until = time.monotonic() + self.SPAN_S
        while time.monotonic() < until:
            for client in clients:
                try:
                    client.socket.send(stream)
                except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                    pass

    def resets(self, server):
        for number, client in enumerate(crowd.open_many(self, server, self.CLIENTS)):
            client.send(frame(BINARY, b"z" * 10000)[: number * 33 % 10000])
            client.reset()

    def vanished(self, server):
        for client in crowd.open_many(self, server, self.CLIENTS):
            client.send(frame(BINARY, b"half", declared=5000))
            client.vanish()

    ATTACKS = (
        unfinished_heads,
        endless_heads,
        wrong_lengths,
        half_messages,
        fragments,
        pings,
        readers_that_do_not_read,
        resets,
        vanished,
    )

    def play(self, server, attack):
        attack(self, server)
        time.sleep(0.2)
        self.close_clients()
        self._clients.clear()
        server.wait_until(lambda counters: given_back(server, counters))
        return exactly_resident_bytes(server)

    def fill(self, server):
        """Every slot, and message memory: what input may take of it, and then what is left."""
        for client in crowd.open_many(self, server, 1400):
            client.send(frame(TEXT, b"a" * 5000, final=False))
        server.wait_until(lambda counters: counters["memory_refusals"] > 0)
        self.readers_that_do_not_read(server)

    def test_an_attack_that_is_known_finds_nothing_more_to_take(self):
        self.need_descriptors(2000)
        server = self.start(**self.FLAGS)
        at_start = exactly_resident_bytes(server)
        rounds = [max(self.play(server, attack) for attack in (GivenBack.fill, *self.ATTACKS))]
        while len(rounds) < 2 or rounds[-1] > max(rounds[:-1]) * 101 // 100:
            self.assertLess(len(rounds), self.ROUNDS, f"it grows on and on: {rounds}")
            rounds.append(max(self.play(server, attack) for attack in self.ATTACKS))
        self.figure(
            "given back again",
            kib_at_start=at_start >> 10,
            kib_after_each_round=[count >> 10 for count in rounds],
        )


if __name__ == "__main__":
    unittest.main()
