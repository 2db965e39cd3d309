"""Over a link that loses, repeats, delays and reorders packets everything arrives, once and in order.

TCP is there for that; what is shown is that no deadline of the server takes a bad link for a dead client (up
to 5 in 100), and that those who are ended where it is worse come back without a gap.
"""

import time
import unittest

import crowd
import networks
import raw_client
import returning
from bystanders import Bystanders
from gateway_process import KEY, GatewayTestCase
from hostile import SOAK, HostileTestCase, sized
from lossy_cable import LossyCable

TIMEOUTS = ("pong_timeouts", "message_timeouts", "stall_timeouts", "handshakes_timed_out")

# For a link on which a segment may need a minute.
PATIENT = {"handshake_timeout": "60s", "message_timeout": "120s", "stall_timeout": "120s"}


def setUpModule():
    networks.need()


class Lossy(GatewayTestCase, HostileTestCase):
    SECONDS = sized(1, 30)
    SUBSCRIBERS = sized(6, 50)
    STREAMS = sized(2, 4)
    STREAM_BYTES = sized(1, 24) << 20
    MESSAGE_BYTES = 8192
    # Three losses in a row of a ping or its pong are survived, four of them are not.
    PING_S, PONG_S = 4, 3
    # Where sessions are to end: in a short time only if little is survived.
    WORSE_PING_S, WORSE_PONG_S = sized((2, 1), (PING_S, PONG_S))
    SILENCE_S = 15.0
    PATIENCE_S = 60.0

    def start_both(self, percent):
        """An echo server and a gateway, both on the server's side."""
        self.link = networks.Link(self)
        self.cable = LossyCable(self, self.link)
        for side in (self.link.server_side, self.link.clients_side):
            # Some hosts have a congestion control that takes no notice of loss.
            side.write_setting("net.ipv4.tcp_congestion_control", "reno")
            # A reset behind a gap is asked for once more (RFC 5961, 3.2). When that question is too much, two
            # a second by default, the connection stays, and its server has nothing to send that would tell.
            side.write_setting("net.ipv4.tcp_invalid_ratelimit", 0)
        address = f"{networks.SERVER_ADDRESS}:0"
        bad = percent <= 5
        ping_s, pong_s = (self.PING_S, self.PONG_S) if bad else (self.WORSE_PING_S, self.WORSE_PONG_S)
        settings = returning.SETTINGS.format(ping_s=ping_s, pong_s=pong_s, key=KEY)
        deadlines = {"ping_interval": f"{ping_s}s", "pong_timeout": f"{pong_s}s"}
        with self.link.server_side.entered():
            self.echo = self.start(
                listen=address,
                # An echo server does not slow down who sends faster than he reads.
                max_outbox_bytes=2 * self.STREAM_BYTES,
                message_memory_bytes=4 * self.STREAMS * self.STREAM_BYTES,
                **(deadlines if bad else PATIENT),
            )
            self.gateway = self.start_gateway(
                settings, listen=address, ping_interval=None, drain_timeout="6s"
            )

    def goodput(self):
        """Bytes per second that came back to a few who send as much as they can."""
        with self.link.clients_side.entered():
            streams = [self.open(self.echo, deadline_s=self.PATIENCE_S) for _ in range(self.STREAMS)]
        count = self.STREAM_BYTES // self.MESSAGE_BYTES
        payloads = [(b"%d " % number).ljust(self.MESSAGE_BYTES, b".") for number in range(count)]
        outgoing = b"".join(raw_client.frame(raw_client.BINARY, payload) for payload in payloads)
        began = time.monotonic()
        whole, some = crowd.all_have(streams, count), crowd.all_have(streams, 1)
        crowd.exchange(
            streams,
            {stream: outgoing for stream in streams},
            lambda: whole() or time.monotonic() > began + self.SECONDS and some(),
            deadline_s=self.SECONDS + self.PATIENCE_S,
        )
        took = time.monotonic() - began
        # A reset that is lost is not said again.
        self.cable.spoil(0)
        time.sleep(0.2)
        for stream in streams:
            self.assertIsNone(stream.ended)
            self.assertEqual(stream.messages, payloads[: len(stream.messages)])
            self.assertGreater(len(stream.messages), 0)
            stream.reset()
        return sum(len(stream.messages) for stream in streams) * self.MESSAGE_BYTES / took

    def publish_for_a_while(self, enough):
        with self.link.server_side.entered():
            publisher = returning.Publisher(self, self.open_api(self.gateway), rate=50, payload_bytes=300)
        publisher.start()
        self.addCleanup(publisher.stop)
        time.sleep(self.SECONDS)
        self.wait_until(enough)
        publisher.stop()
        returning.assert_nothing_wrong(self, [publisher])
        return publisher.published

    def wait_until(self, condition):
        patience = time.monotonic() + self.PATIENCE_S
        while not condition():
            self.assertLess(time.monotonic(), patience, "it never came to that")
            time.sleep(0.05)

    def timeouts(self):
        return sum(server.counters()[name] for server in (self.echo, self.gateway) for name in TIMEOUTS)

    def endure(self, percent):
        """Numbered messages to and fro and publications at a steady rate, then as much as goes."""
        self.start_both(percent)
        clean_goodput = self.goodput() if SOAK else 0
        with self.link.clients_side.entered():
            bystanders = Bystanders(self, self.echo, count=20, rate=200)
            self.cable.spoil(percent)
            bystanders.phase("lossy")
            subscribers = returning.gather(
                self, self.gateway.address(), self.SUBSCRIBERS, self.SILENCE_S, self.PATIENCE_S
            )
        published = self.publish_for_a_while(lambda: percent <= 5 or any(one.endings for one in subscribers))
        # It leaves a good link behind, on which the small size waits for the rest.
        goodput = None if SOAK else self.goodput()
        returning.wait_for_all(self, subscribers, published, self.PATIENCE_S)
        # Somebody may have been ended when he had everything.
        self.wait_until(lambda: all(one.returns == len(one.endings) for one in subscribers))
        seen = bystanders.assert_unharmed()
        for subscriber in subscribers:
            self.assertEqual(subscriber.offset, published)
        goodput = goodput or self.goodput()
        endings = [ending for subscriber in subscribers for ending in subscriber.endings]
        timeouts = self.timeouts()
        if percent <= 5:
            self.assertEqual((endings, timeouts), ([], 0), "a bad link was taken for a dead client")
        else:
            self.assertGreater(len(endings), 0, "the test did not reach its subject")
        self.close_clients()
        for server in (self.echo, self.gateway):
            server.wait_for(connections_open=0)
        done = self.cable.pull()
        self.assertGreater(done["lost"], 0, "the test did not reach its subject")
        self.figure(
            f"lossy link, {percent} %",
            seen,
            packets=done["packets"],
            packets_lost=done["lost"],
            repeated=done["repeated"],
            held_back=done["held back"],
            sessions_ended=len(endings),
            timeouts=timeouts,
            publications=published * self.SUBSCRIBERS,
            goodput_kib_s=int(goodput / 1024),
            **({"goodput_kib_s_without": int(clean_goodput / 1024)} if SOAK else {}),
        )

    @unittest.skipUnless(SOAK, "in the small size five in a hundred show as much")
    def test_one_in_a_hundred(self):
        self.endure(1)

    def test_five_in_a_hundred(self):
        self.endure(5)

    def test_twenty_in_a_hundred(self):
        self.endure(20)


if __name__ == "__main__":
    unittest.main()
