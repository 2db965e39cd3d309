"""How a WebSocket ends: the closing handshake, every class of close code, and ends without one."""

import time
import unittest

import raw_client
from holdfast_process import WireTestCase
from raw_client import BINARY, CLOSE, CONTINUATION, NO_CODE, PING, PONG, TEXT, close_payload, frame

# RFC 6455 7.4 and the IANA registry: what may travel in a close frame. Everything else is a violation.
GOOD_CODES = [1000, 1001, 1002, 1003, *range(1007, 1015), 3000, 3001, 3500, 3999, 4000, 4001, 4499, 4999]
BAD_CODES = [
    0,
    1,
    100,
    999,
    1004,
    1005,
    1006,
    *range(1015, 1030),
    1100,
    1999,
    2000,
    2500,
    2999,
    5000,
    5001,
    9999,
    16384,
    32767,
    32768,
    65534,
    65535,
]


class ClosingHandshake(WireTestCase):
    def answer(self, server, payload):
        """(code, reason) that answers a close frame with this payload; checks that the end follows."""
        client = self.open(server)
        client.send_frame(CLOSE, payload)
        answered = client.receive_close()
        self.assertEqual(client.wait_for_end(), "fin")
        self.assertEqual(bytes(client.unread), b"", "nothing follows a close frame")
        client.close()
        return answered

    def test_every_code_that_may_travel_is_echoed(self):
        server = self.start()
        for code in GOOD_CODES:
            with self.subTest(code):
                self.assertEqual(self.answer(server, close_payload(code))[0], code)
                self.assertEqual(
                    self.answer(server, close_payload(code, "gr\u00fc\u00dfe".encode()))[0], code
                )

    def test_every_code_that_may_not_is_answered_with_1002(self):
        server = self.start()
        for code in BAD_CODES:
            with self.subTest(code):
                self.assertEqual(self.answer(server, close_payload(code))[0], 1002)

    def test_a_close_frame_without_a_code_is_echoed_without_one(self):
        self.assertEqual(self.answer(self.start(), b"")[0], NO_CODE)

    def test_the_longest_reason_is_taken(self):
        self.assertEqual(self.answer(self.start(), close_payload(1000, b"r" * 123))[0], 1000)

    def test_a_reason_that_is_not_utf8_is_answered_with_1007(self):
        server = self.start()
        for reason in (b"\xff", b"ok\xed\xa0\x80", b"cut off \xe2\x82"):
            with self.subTest(reason):
                self.assertEqual(self.answer(server, close_payload(1000, reason))[0], 1007)

    def test_a_close_inside_a_fragmented_message_is_answered(self):
        client = self.open(self.start())
        client.send(frame(TEXT, b"never finished", final=False) + frame(CLOSE, close_payload(1001)))
        self.assertEqual(client.receive_close()[0], 1001)
        self.assertEqual(client.messages, [])
        client.wait_for_end()

    def test_a_close_may_come_byte_by_byte(self):
        client = self.open(self.start())
        stream = frame(CLOSE, close_payload(4321, b"bye"))
        client.send_pieces(stream[i : i + 1] for i in range(len(stream)))
        self.assertEqual(client.receive_close()[0], 4321)
        self.assertEqual(client.wait_for_end(), "fin")

    def test_nothing_after_a_close_means_anything(self):
        server = self.start()
        client = self.open(server)
        client.send(
            frame(CLOSE, close_payload(1000))
            + frame(TEXT, b"too late")
            + frame(PING, b"too late")
            + frame(CLOSE, close_payload(4000))
            + frame(TEXT, b"nonsense", rsv=7)
        )
        self.assertEqual(client.receive_close()[0], 1000)
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"")
        self.assertEqual(client.control + client.messages, [])
        self.assertEqual(server.counters()["messages_in"], 0)

    def test_what_was_asked_before_the_close_is_answered_before_it(self):
        client = self.open(self.start())
        client.send(
            b"".join(frame(BINARY, bytes([i]) * 1000) for i in range(50))
            + frame(CLOSE, close_payload(1000))
        )
        self.assertEqual(client.receive_close()[0], 1000)
        self.assertEqual(client.messages, [bytes([i]) * 1000 for i in range(50)])
        client.wait_for_end()

    def test_our_close_frame_crossing_the_peers_is_not_answered_again(self):
        client = self.open(self.start())
        client.send(frame(TEXT, b"x", rsv=1))
        self.assertEqual(client.receive_close()[0], 1002)
        client.send_or_end(frame(CLOSE, close_payload(1002)))
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"")

    def test_an_end_waits_for_nothing_else_to_happen(self):
        # One after the other on an idle server: were each end noticed only at the next wake-up, which an idle
        # server's timers bring once a second, the last would come long after this bound.
        server = self.start()
        give_up = time.monotonic() + 20
        for number in range(100):
            self.assertEqual(self.open(server).closing_handshake(), 1000)
            self.assertLess(time.monotonic(), give_up, f"only {number} of 100 ended")


class EndsWithoutAHandshake(WireTestCase):
    def everybody_gone(self, server):
        return server.wait_for(connections_open=0, slots_in_use=0)

    def test_a_fin_ends_the_connection_from_both_sides(self):
        server = self.start()
        client = self.open(server)
        client.finish_sending()
        self.assertEqual(client.wait_for_end(), "fin")
        self.everybody_gone(server)

    def test_a_fin_at_any_place_of_a_message_leaves_nothing_behind(self):
        server = self.start()
        stream = (
            frame(TEXT, b"frag", final=False)
            + frame(PING, b"ping")
            + frame(CONTINUATION, b"ment", final=False)
            + frame(CONTINUATION, b"x" * 300)
        )
        for position in range(0, len(stream), 7):
            client = self.open(server)
            client.send(stream[:position])
            client.finish_sending()
            client.wait_for_end()
            client.close()
        self.everybody_gone(server)

    def test_a_peer_that_ignores_our_close_frame_is_dropped_anyway(self):
        server = self.start(close_timeout="1s")
        client = self.open(server)
        client.send(frame(TEXT, b"x", rsv=1))
        self.everybody_gone(server)

    def test_a_peer_that_talks_on_after_our_close_frame_is_dropped_anyway(self):
        server = self.start(close_timeout="1s")
        client = self.open(server)
        client.send(frame(TEXT, b"x", rsv=1))
        self.assertEqual(client.receive_close()[0], 1002)
        for _ in range(200):
            if not client.send_or_end(frame(PONG, b"still here") * 100):
                break
            client.quiet_for(0.05)
        else:
            self.fail("the peer could go on talking for 10 s")
        self.everybody_gone(server)

    def test_a_peer_that_does_not_take_our_close_frame_is_dropped_anyway(self):
        server = self.start(close_timeout="1s", stall_timeout="5s", max_outbox_bytes=67108864)
        client = self.open(server, receive_buffer_bytes=4096)
        client.send(frame(BINARY, bytes(60000)) * 100)
        client.send(frame(TEXT, b"x", rsv=1))
        self.everybody_gone(server)

    def test_a_thousand_that_connect_and_leave_leave_nothing_behind(self):
        server = self.start()
        for number in range(1000):
            client = self.connect(server)
            if number % 2:
                client.send(raw_client.request())
            if number % 4 < 2:
                client.close()
            else:
                client.reset()
        self.everybody_gone(server)
        self.assert_still_serves(server)


if __name__ == "__main__":
    unittest.main()
