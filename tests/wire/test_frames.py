"""Frames on the wire: what is right comes back, what is wrong gets its close code, in any split."""

import struct
import time
import unittest

import raw_client
from holdfast_process import WireTestCase
from raw_client import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, close_payload, frame

MESSAGE_BYTES_MAXIMUM = 65536
FRAGMENTS_MAXIMUM = 1024

PROTOCOL_VIOLATIONS = (
    [(f"RSV bits {rsv}", frame(TEXT, b"x", rsv=rsv)) for rsv in range(1, 8)]
    + [(f"RSV on a ping, {rsv}", frame(PING, b"x", rsv=rsv)) for rsv in (1, 2, 4)]
    + [(f"opcode {opcode}", frame(opcode, b"x")) for opcode in (3, 4, 5, 6, 7, 11, 12, 13, 14, 15)]
    + [(f"fragmented opcode {opcode}", frame(opcode, b"x", final=False)) for opcode in (CLOSE, PING, PONG)]
    + [
        (f"opcode {opcode} of 126 bytes", frame(opcode, b"\x03\xe8" + b"x" * 124))
        for opcode in (CLOSE, PING, PONG)
    ]
    + [
        (f"unmasked opcode {opcode}", frame(opcode, payload, key=None))
        for opcode, payload in (
            (TEXT, b"x"),
            (BINARY, b""),
            (PING, b""),
            (CLOSE, b""),
            (TEXT, b"x" * 70000),
        )
    ]
    + [
        ("a length with its top bit set", frame(BINARY, b"", declared=2**63, length_bytes=8)),
        ("the largest length there is", frame(BINARY, b"", declared=2**64 - 1, length_bytes=8)),
        ("125 in two bytes", frame(BINARY, b"x" * 125, length_bytes=2)),
        ("0 in two bytes", frame(BINARY, b"", length_bytes=2)),
        ("125 in eight bytes", frame(BINARY, b"x" * 125, length_bytes=8)),
        ("65535 in eight bytes", frame(BINARY, b"x" * 65535, length_bytes=8)),
        ("a ping with a two byte length", frame(PING, b"x", length_bytes=2)),
        ("a continuation of nothing", frame(CONTINUATION, b"x")),
        ("a non-final continuation of nothing", frame(CONTINUATION, b"x", final=False)),
        ("a continuation after a whole message", frame(TEXT, b"x") + frame(CONTINUATION, b"y")),
        ("text inside a fragmented message", frame(TEXT, b"x", final=False) + frame(TEXT, b"y")),
        (
            "binary inside a fragmented text",
            frame(TEXT, b"x", final=False) + frame(BINARY, b"y", final=False),
        ),
        (
            "text after a continuation and a ping",
            frame(TEXT, b"x", final=False)
            + frame(CONTINUATION, b"y", final=False)
            + frame(PING)
            + frame(TEXT, b"z"),
        ),
        ("a close frame of one byte", frame(CLOSE, b"\x03")),
    ]
)

# Not UTF-8; each fails at its last byte at the latest.
BROKEN_UTF8 = (
    b"\x80",
    b"\xbf",
    b"\xff",
    b"\xfe",
    b"\xc0\xaf",
    b"\xc1\xbf",
    b"\xe0\x80\xaf",
    b"\xe0\x9f\xbf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf",
    b"\xf0\x80\x80\xaf",
    b"\xf0\x8f\xbf\xbf",
    b"\xf4\x90\x80\x80",
    b"\xf5\x80\x80\x80",
    b"\xf8\x88\x80\x80\x80",
    b"\xce\xba\xe1\xbd\xb9\xcf\x83\xce\xbc\xce\xb5\xed\xa0\x80edited",
    b"\xce ",
    b"\xe2\x82 ",
    b"\xf0\x9f\x98 ",
    b"ok\xc3(",
    b"\xe2(\xa1",
    b"\xf0\x28\x8c\xbc",
    b"\xe2\x82\xac\x80",
)
CUT_OFF_UTF8 = (b"\xce", b"\xe2\x82", b"\xf0\x9f\x98", b"text \xf0")
GOOD_UTF8 = (
    "",
    "plain",
    "\u03ba\u03cc\u03c3\u03bc\u03b5",
    "\x00",
    "\x7f\u0080\u07ff\u0800\uffff\U00010000\U0010ffff",
    "\ud7ff\ue000\ufffd\ufffe",
    "\U0001f600" * 500,
)


class Judging(WireTestCase):
    def judge(self, server, stream, pieces=None):
        """The close code that answers the stream; checks that the connection ends after it."""
        client = self.open(server)
        client.send_pieces(pieces or [stream])
        code, _ = client.receive_close()
        client.wait_for_end()
        self.assertEqual(bytes(client.unread), b"", "nothing follows a close frame")
        client.close()
        return code

    def one_by_one(self, stream):
        return [stream[i : i + 1] for i in range(len(stream))]


class ProtocolViolations(Judging):
    def test_are_answered_with_1002(self):
        server = self.start()
        for name, stream in PROTOCOL_VIOLATIONS:
            with self.subTest(name):
                self.assertEqual(self.judge(server, stream), 1002)
        self.assert_still_serves(server)

    def test_are_answered_with_1002_byte_by_byte_and_behind_good_frames(self):
        server = self.start()
        for name, stream in PROTOCOL_VIOLATIONS:
            if len(stream) > 1000:
                continue
            with self.subTest(name):
                self.assertEqual(self.judge(server, stream, self.one_by_one(stream)), 1002)
                good = frame(TEXT, b"good") + frame(PING, b"good")
                self.assertEqual(self.judge(server, good + stream), 1002)

    def test_are_found_in_the_header_before_any_payload_comes(self):
        server = self.start()
        for name, header in (
            ("RSV", b"\xc1"),
            ("opcode", b"\x83"),
            ("unmasked", b"\x81\x05"),
            ("control too long", b"\x89\xfe"),
            ("fragmented control", b"\x09"),
            ("top bit", b"\x82\xff\x80" + bytes(7)),
            ("orphan", b"\x80\x85" + bytes(4)),
        ):
            with self.subTest(name):
                self.assertEqual(self.judge(server, header), 1002)

    def test_messages_before_the_violation_are_answered_first(self):
        client = self.open(self.start())
        client.send(
            frame(TEXT, b"one") + frame(TEXT, b"two") + frame(TEXT, b"bad", rsv=1) + frame(TEXT, b"three")
        )
        self.assertEqual(client.receive_close()[0], 1002)
        self.assertEqual(client.messages, [b"one", b"two"])
        client.wait_for_end()


class Utf8(Judging):
    def test_broken_text_is_answered_with_1007(self):
        server = self.start()
        for text in BROKEN_UTF8 + CUT_OFF_UTF8:
            with self.subTest(text):
                self.assertEqual(self.judge(server, frame(TEXT, text)), 1007)
                self.assertEqual(self.judge(server, b"", self.one_by_one(frame(TEXT, text))), 1007)

    def test_the_first_bad_byte_is_enough_in_an_unfinished_frame(self):
        server = self.start()
        for text in BROKEN_UTF8:
            with self.subTest(text):
                self.assertEqual(
                    self.judge(server, frame(TEXT, b"so far so good" + text, declared=30000)), 1007
                )

    def test_the_first_bad_byte_is_enough_in_an_unfinished_message(self):
        server = self.start()
        for text in BROKEN_UTF8:
            for cut in range(len(text)):
                with self.subTest(text, cut=cut):
                    stream = frame(TEXT, text[:cut], final=False) + frame(
                        CONTINUATION, text[cut:], final=False
                    )
                    self.assertEqual(self.judge(server, stream), 1007)

    def test_a_message_may_not_end_inside_a_character(self):
        server = self.start()
        for text in CUT_OFF_UTF8:
            with self.subTest(text):
                stream = frame(TEXT, text, final=False) + frame(CONTINUATION, b"")
                self.assertEqual(self.judge(server, stream), 1007)

    def test_good_text_passes_however_it_is_cut(self):
        client = self.open(self.start())
        for text in GOOD_UTF8:
            client.send_message(text)
            self.assertEqual(client.receive_message(), text)
            encoded = text.encode()[:40]
            encoded = encoded.decode(errors="ignore").encode()
            for cut in range(len(encoded) + 1):
                client.send(
                    frame(TEXT, encoded[:cut], final=False)
                    + frame(PING)
                    + frame(CONTINUATION, encoded[cut:])
                )
                self.assertEqual(client.receive_message(), encoded.decode())

    def test_binary_is_not_judged(self):
        client = self.open(self.start())
        for payload in BROKEN_UTF8 + CUT_OFF_UTF8:
            client.send_message(payload)
            self.assertEqual(client.receive_message(), payload)


class Bounds(Judging):
    def test_every_length_around_the_edges_of_the_header_comes_back(self):
        client = self.open(self.start())
        for count in (
            0,
            1,
            2,
            3,
            4,
            5,
            124,
            125,
            126,
            127,
            128,
            1000,
            4095,
            4096,
            4097,
            16383,
            16384,
            16385,
            65534,
            65535,
            65536,
        ):
            payload = raw_client.seeded(count).randbytes(count)
            client.send_message(payload)
            self.assertEqual(client.receive_message(), payload, f"{count} bytes")

    def test_a_message_over_the_limit_is_answered_with_1009_on_its_header_alone(self):
        server = self.start()
        for declared in (
            MESSAGE_BYTES_MAXIMUM + 1,
            2**17,
            2**31,
            2**32 - 1,
            2**32,
            2**32 + 1,
            2**62,
            2**63 - 1,
        ):
            with self.subTest(declared):
                self.assertEqual(
                    self.judge(server, frame(BINARY, b"", declared=declared, length_bytes=8)), 1009
                )

    def test_fragments_over_the_limit_together_are_answered_with_1009(self):
        server = self.start()
        first = frame(BINARY, bytes(40000), final=False)
        self.assertEqual(self.judge(server, first + frame(CONTINUATION, b"", declared=25537)), 1009)
        wrapping = first + frame(CONTINUATION, b"", declared=2**63 - 1, length_bytes=8)
        self.assertEqual(self.judge(server, wrapping), 1009)

    def test_fragments_that_reach_the_limit_exactly_come_back(self):
        client = self.open(self.start())
        payload = raw_client.seeded("limit").randbytes(MESSAGE_BYTES_MAXIMUM)
        client.send(frame(BINARY, payload[:40000], final=False) + frame(CONTINUATION, payload[40000:]))
        self.assertEqual(client.receive_message(), payload)

    def test_the_limit_is_the_one_of_the_flag(self):
        server = self.start(max_message_bytes=1000)
        client = self.open(server)
        client.send_message(bytes(1000))
        self.assertEqual(client.receive_message(), bytes(1000))
        self.assertEqual(self.judge(server, frame(BINARY, bytes(1001))), 1009)

    def test_a_megabyte_passes_where_it_is_allowed(self):
        client = self.open(self.start(max_message_bytes=1048576, max_outbox_bytes=8388608))
        payload = raw_client.seeded("megabyte").randbytes(1048576)
        client.send_message(payload)
        self.assertEqual(client.receive_message(), payload)
        text = "\u00e9" * 524288
        client.send_message(text)
        self.assertEqual(client.receive_message(), text)

    def test_too_many_fragments_are_answered_with_1008(self):
        server = self.start()
        for name, piece in (("empty", b""), ("of one byte", b"x")):
            with self.subTest(name):
                stream = (
                    frame(BINARY, piece, final=False)
                    + frame(CONTINUATION, piece, final=False) * FRAGMENTS_MAXIMUM
                )
                self.assertEqual(self.judge(server, stream), 1008)

    def test_as_many_fragments_as_allowed_come_back_as_one_message(self):
        client = self.open(self.start())
        client.send(
            frame(TEXT, b"a", final=False)
            + frame(CONTINUATION, b"b", final=False) * (FRAGMENTS_MAXIMUM - 2)
            + frame(CONTINUATION, b"c")
        )
        self.assertEqual(client.receive_message(), "a" + "b" * (FRAGMENTS_MAXIMUM - 2) + "c")

    def test_a_message_that_is_never_finished_ends_the_connection(self):
        server = self.start(message_timeout="1s")
        for name, start, trickle in (
            ("a frame", frame(BINARY, b"", declared=5000), b"x"),
            ("a header", b"\x82", b""),
            (
                "a fragmented message",
                frame(BINARY, b"x", final=False),
                frame(CONTINUATION, b"x", final=False),
            ),
            ("a fragmented message with pings", frame(BINARY, b"x", final=False), frame(PING)),
        ):
            with self.subTest(name):
                client = self.open(server)
                client.send(start)
                for _ in range(100):
                    time.sleep(0.1)
                    client.send_or_end(trickle)
                    if self._closed(client):
                        break
                else:
                    self.fail("still open: each byte seems to push the deadline back")
                client.wait_for_end()
        self.assert_still_serves(server)

    def _closed(self, client):
        """Takes what is there; true when the server has closed."""
        if not client.quiet_for(0):
            client.fill()
        self.assertEqual(client.take_messages(), [])
        return client.ended or any(received.opcode == CLOSE for received in client.control)


class Control(Judging):
    def test_a_ping_comes_back_as_a_pong_with_the_same_payload(self):
        client = self.open(self.start())
        for payload in (b"", b"x", bytes(range(125)), b"\xff\xfe"):
            client.send_frame(PING, payload)
            self.assertEqual(client.receive_frame(), (PONG, payload))

    def test_a_ping_inside_a_message_is_answered_before_the_message(self):
        client = self.open(self.start())
        client.send(frame(TEXT, b"one ", final=False) + frame(PING, b"1"))
        self.assertEqual(client.receive_frame(), (PONG, b"1"))
        client.send(frame(CONTINUATION, b"two ", final=False))
        client.send(frame(PING, b"2"))
        self.assertEqual(client.receive_frame(), (PONG, b"2"))
        client.send(frame(CONTINUATION, b"three"))
        self.assertEqual(client.receive_message(), "one two three")

    def test_pongs_nobody_asked_for_are_ignored(self):
        client = self.open(self.start())
        client.send(
            frame(PONG)
            + frame(PONG, b"unasked")
            + frame(TEXT, b"and on", final=False)
            + frame(PONG)
            + frame(CONTINUATION, b".")
        )
        self.assertEqual(client.receive_message(), "and on.")

    def test_a_flood_of_pings_is_answered_at_most_once_each_and_the_last_one_is(self):
        client = self.open(self.start())
        count = 20000
        client.send(
            b"".join(frame(PING, struct.pack(">I", i)) for i in range(count))
            + frame(TEXT, b"after the flood")
        )
        self.assertEqual(client.receive_message(), "after the flood")
        if not client.control or client.control[-1].payload != struct.pack(">I", count - 1):
            client.control.append(client.receive_frame())
        numbers = [struct.unpack(">I", received.payload)[0] for received in client.control]
        self.assertTrue(all(received.opcode == PONG for received in client.control))
        self.assertEqual(numbers, sorted(set(numbers)), "pongs come in order, none twice")
        self.assertEqual(numbers[-1], count - 1, "the latest ping is answered")


class Splits(Judging):
    def stream(self, rng):
        """Random valid frames and the messages they make."""
        frames, messages = [], []
        for _ in range(60):
            text = rng.random() < 0.5
            payload = (
                ("\u03c3\U0001f600x" * rng.randint(0, 60)).encode()
                if text
                else rng.randbytes(rng.choice((0, 1, 7, 125, 126, 300, 5000, 20000)))
            )
            cuts = sorted(rng.randint(0, len(payload)) for _ in range(rng.choice((0, 0, 0, 1, 2, 5))))
            bounds = [0] + cuts + [len(payload)]
            for number, (begin, end) in enumerate(zip(bounds, bounds[1:])):
                opcode = CONTINUATION if number else TEXT if text else BINARY
                frames.append(
                    frame(opcode, payload[begin:end], final=number == len(bounds) - 2, key=rng.randbytes(4))
                )
                if rng.random() < 0.2:
                    frames.append(
                        frame(
                            rng.choice((PING, PONG)),
                            rng.randbytes(rng.randint(0, 125)),
                            key=rng.randbytes(4),
                        )
                    )
            messages.append(payload.decode() if text else payload)
        return b"".join(frames), messages

    def test_any_split_of_the_same_bytes_gives_the_same_messages(self):
        server = self.start(max_outbox_bytes=16777216)
        for seed, longest in ((1, 3), (2, 50), (3, 1000), (4, 16384), (5, 100000), (6, 10**7)):
            with self.subTest(seed=seed, longest=longest):
                rng = raw_client.seeded(seed)
                stream, messages = self.stream(rng)
                stream = stream if longest > 3 else stream[:20000]
                client = self.open(server)
                client.send_pieces(raw_client.random_pieces(stream, rng, longest))
                client.send(b"")
                if longest <= 3:
                    received = [client.receive_message()]
                    self.assertEqual(received, messages[:1])
                else:
                    self.assertEqual([client.receive_message() for _ in messages], messages)
                client.close()

    def test_a_small_message_may_come_byte_by_byte(self):
        client = self.open(self.start())
        stream = (
            frame(TEXT, b"byte ", final=False)
            + frame(PING, b"!")
            + frame(CONTINUATION, b"by byte")
            + frame(BINARY, bytes(300))
        )
        client.send_pieces(self.one_by_one(stream))
        self.assertEqual(client.receive_message(), "byte by byte")
        self.assertEqual(client.receive_message(), bytes(300))

    def test_a_close_behind_a_message_in_the_same_read_is_answered_after_it(self):
        client = self.open(self.start())
        client.send(frame(TEXT, b"last words") + frame(CLOSE, close_payload(1000)))
        self.assertEqual(client.receive_message(), "last words")
        self.assertEqual(client.receive_close()[0], 1000)
        self.assertEqual(client.wait_for_end(), "fin")


if __name__ == "__main__":
    unittest.main()
