"""A link that flaps and one that stays away: who was not gone for long never notices, the others come back
and recover everything they missed.

The server and its publisher are in one network, the subscribers in another; the cable between them is pulled
for a time drawn at random.
"""

import math
import random
import time
import unittest

import networks
import returning
from gateway_process import KEY, GatewayTestCase
from hostile import HostileTestCase, sized


def setUpModule():
    networks.need()


class Flapping(GatewayTestCase, HostileTestCase):
    SUBSCRIBERS = sized(10, 50)
    FLAPS = sized(6, 50)
    LONGEST_S = sized(4.0, 30.0)
    PARTITION_S = sized(6.0, 60.0)
    PING_S = sized(3, 8)
    PONG_S = sized(2, 5)
    # An SDK gives up when a ping is this late.
    LATE_S = sized(1.0, 5.0)
    RATE = 20
    HEALED_WITHIN_S = 90.0

    def begin(self):
        self.link = networks.Link(self)
        self.link.lay_cable()
        settings = returning.SETTINGS.format(ping_s=self.PING_S, pong_s=self.PONG_S, key=KEY)
        with self.link.server_side.entered():
            self.server = self.start_gateway(
                settings,
                listen=f"{networks.SERVER_ADDRESS}:0",
                ping_interval=None,
                drain_timeout="3s",
                shards=2,
            )
        with self.link.clients_side.entered():
            self.subscribers = returning.gather(
                self, self.server.address(), self.SUBSCRIBERS, self.PING_S + self.LATE_S
            )
        with self.link.server_side.entered():
            self.publisher = returning.Publisher(self, self.open_api(self.server), self.RATE)
        self.publisher.start()
        self.addCleanup(self.publisher.stop)

    def endings(self):
        return sum(len(subscriber.endings) for subscriber in self.subscribers)

    def without_link(self, side, seconds):
        """Sessions that ended of it, and how long after it everybody had everything and heard more."""
        before = self.endings()
        self.link.pull(side)
        time.sleep(seconds)
        self.link.plug(side)
        healed = returning.wait_for_all(
            self, self.subscribers, self.publisher.published + 1, self.HEALED_WITHIN_S
        )
        return self.endings() - before, healed

    def bearable(self, outage_s):
        """TCP tries again after pauses that double, so silence lasts up to twice as long as the outage. The
        other half of the time is for a busy machine."""
        return outage_s < self.PONG_S / 4

    def assert_all_are_back(self):
        self.publisher.stop()
        returning.wait_for_all(self, self.subscribers, self.publisher.published, self.HEALED_WITHIN_S)
        returning.assert_nothing_wrong(self, [self.publisher])
        self.assertEqual({subscriber.offset for subscriber in self.subscribers}, {self.publisher.published})
        for subscriber in self.subscribers:
            self.assertEqual(subscriber.returns, len(subscriber.endings), subscriber.endings)
        # Nobody's former connection is left over: the subscribers and the publisher are all there are.
        self.server.wait_for(connections_open=self.SUBSCRIBERS + 1)

    def test_outages_of_any_length_lose_and_repeat_nothing(self):
        self.begin()
        rng = random.Random("flaps")
        borne, endings, slowest = 0, 0, 0.0
        for _ in range(self.FLAPS):
            # As many of tenths of a second as of tens of seconds.
            outage = 0.1 * math.exp(rng.random() * math.log(self.LONGEST_S / 0.1))
            side = rng.choice((self.link.server_side, self.link.clients_side))
            ended, healed = self.without_link(side, outage)
            if self.bearable(outage):
                self.assertEqual(ended, 0, f"ended by {outage:.1f} s without a link")
            borne += ended == 0
            endings += ended
            slowest = max(slowest, healed)
        self.assertGreater(borne, 0)
        self.assert_all_are_back()
        self.figure(
            "link flaps",
            subscribers=self.SUBSCRIBERS,
            flaps=self.FLAPS,
            borne_by_all=borne,
            sessions_ended=endings,
            recovered=endings,
            publications=self.publisher.published,
            lost=0,
            repeated=0,
            slowest_to_heal_s=round(slowest, 1),
        )

    def test_a_partition_ends_everybody_and_all_of_them_recover(self):
        self.begin()
        ended, healed = self.without_link(self.link.server_side, self.PARTITION_S)
        self.assertGreaterEqual(ended, self.SUBSCRIBERS)
        self.assert_all_are_back()
        self.figure(
            "partition",
            seconds=self.PARTITION_S,
            subscribers=self.SUBSCRIBERS,
            recovered=ended,
            publications=self.publisher.published,
            lost=0,
            repeated=0,
            healed_after_s=round(healed, 1),
        )


if __name__ == "__main__":
    unittest.main()
