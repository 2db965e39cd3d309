"""A cable that loses, repeats, delays and reorders packets, by a seed: two TUN devices and a process between.

Of a hundred packets in either direction PERCENT are lost, as many arrive twice, and as many are held back for
up to HELD_S longer than the others, which overtake them. It works on whole packets of the network layer, so
that what the two kernels do about it is real.

As a program: lossy_cable.py DESCRIPTOR DESCRIPTOR SEED; each line it reads is a new PERCENT, 0 until then. At
end of input it prints what it did as JSON.
"""

import collections
import fcntl
import heapq
import json
import os
import random
import select
import struct
import sys
import time
import unittest

from beside import Beside

TUN = "/dev/net/tun"
TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
PACKET_BYTES_MAXIMUM = 65536
TRAVEL_S = 0.01
HELD_S = 0.02
# What is under way; a packet that finds it full is lost, as at any router.
UNDER_WAY_MAXIMUM = 5000
READ_AT_ONCE = 64


class Cable:
    def __init__(self, ends, seed):
        self.ends = ends
        self.share = 0.0
        self.rng = random.Random(seed)
        self.under_way = []  # (when it arrives, number, where, packet)
        self.done = collections.Counter()

    def run(self, commands):
        while True:
            now = time.monotonic()
            self.deliver(now)
            wait = max(0.0, self.under_way[0][0] - now) if self.under_way else 1.0
            readable, _, _ = select.select([*self.ends, commands], [], [], wait)
            if commands in readable:
                line = os.read(commands, 100)
                if not line:
                    return self.done
                self.share = float(line) / 100
                readable.remove(commands)
            for end in readable:
                self.take_from(end)

    def take_from(self, end):
        other = self.ends[1 - self.ends.index(end)]
        for _ in range(READ_AT_ONCE):
            try:
                packet = os.read(end, PACKET_BYTES_MAXIMUM)
            except BlockingIOError:
                return
            self.judge(packet, other, time.monotonic())

    def judge(self, packet, other, now):
        self.done["packets"] += 1
        if self.happens("lost"):
            return
        for _ in range(2 if self.happens("repeated") else 1):
            held = self.rng.random() * HELD_S if self.happens("held back") else 0.0
            if len(self.under_way) >= UNDER_WAY_MAXIMUM:
                self.done["no room"] += 1
                return
            self.done["number"] += 1
            heapq.heappush(self.under_way, (now + TRAVEL_S + held, self.done["number"], other, packet))

    def happens(self, what):
        if self.rng.random() >= self.share:
            return False
        self.done[what] += 1
        return True

    def deliver(self, now):
        while self.under_way and self.under_way[0][0] <= now:
            _, _, end, packet = heapq.heappop(self.under_way)
            try:
                os.write(end, packet)
            except BlockingIOError:
                self.done["no room"] += 1


def new_device(network, name):
    """The descriptor of a TUN device, which is there as long as that is open."""
    with network.entered():
        try:
            descriptor = os.open(TUN, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
            fcntl.ioctl(descriptor, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
        except OSError as error:
            raise unittest.SkipTest(f"no TUN device can be made: {error}") from None
    return descriptor


class LossyCable(Beside):
    """Between the two sides of a link, from a test; it is pulled when the test is over."""

    def __init__(self, case, link, seed=1):
        ends = [new_device(side, "cable") for side in (link.server_side, link.clients_side)]
        link.give_addresses("cable")
        super().__init__(case, __file__, *ends, seed, pass_fds=ends)
        for end in ends:
            os.close(end)

    def spoil(self, percent):
        self.process.stdin.write(f"{percent}\n")
        self.process.stdin.flush()

    def pull(self):
        """What it did to how many packets."""
        output, _ = self.process.communicate(timeout=10)
        return json.loads(output)


def main(first, second, seed):
    print(json.dumps(Cable([int(first), int(second)], int(seed)).run(sys.stdin.fileno())))


if __name__ == "__main__":
    main(*sys.argv[1:])
