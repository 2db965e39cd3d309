"""Group 9 of the Autobahn suite over a real socket: big messages, many fragments, small pieces, many of them.

The numbers in the names are Autobahn's. It judges times there; here every byte is compared, and that nothing
is left over. The groups that judge behaviour (1 to 7 and 10) are in unit/ws, case by case.
"""

import random
import unittest

from holdfast_process import WireTestCase
from raw_client import BINARY, CONTINUATION, TEXT, frame, random_pieces

KIB, MIB = 1024, 1024 * 1024
SIZES = {1: 64 * KIB, 2: 256 * KIB, 3: MIB, 4: 4 * MIB, 5: 8 * MIB, 6: 16 * MIB}
FRAGMENTS = {
    1: 64, 2: 256, 3: KIB, 4: 4 * KIB, 5: 16 * KIB, 6: 64 * KIB, 7: 256 * KIB, 8: MIB, 9: 4 * MIB
}  # fmt: skip
PIECES = {1: 64, 2: 128, 3: 256, 4: 512, 5: 1024, 6: 2048}
SMALL = {1: 0, 2: 16, 3: 64, 4: 256, 5: 1024, 6: 4096}
ROUND_TRIPS = 1000
LONGEST_S = 60.0


def content(opcode, size, seed):
    """No two positions alike, so that a piece in the wrong place is seen."""
    generator = random.Random(seed)
    if opcode == BINARY:
        return generator.randbytes(size)
    letters = bytes(generator.randrange(0x20, 0x7F) for _ in range(4093))
    return (letters * (size // len(letters) + 1))[:size]


class BigMessages(WireTestCase):
    def setUp(self):
        super().setUp()
        server = self.start(
            max_message_bytes=16 * MIB,
            max_fragments=65536,
            max_outbox_bytes=64 * MIB,
            message_memory_bytes=256 * MIB,
            message_timeout="60s",
        )
        self.client = self.open(server, deadline_s=LONGEST_S)

    def back(self, opcode, payload):
        received = self.client.receive_frame()
        self.assertEqual(received.opcode, opcode)
        self.assertTrue(received.payload == payload, "other bytes came back than were sent")

    def whole(self, opcode, group):
        for number, size in SIZES.items():
            with self.subTest(case=f"{group}.{number}"):
                payload = content(opcode, size, number)
                self.client.send(frame(opcode, payload))
                self.back(opcode, payload)

    def fragmented(self, opcode, group):
        payload = content(opcode, 4 * MIB, group)
        for number, size in FRAGMENTS.items():
            with self.subTest(case=f"{group}.{number}"):
                starts = range(0, len(payload), size)
                stream = b"".join(
                    frame(
                        CONTINUATION if start else opcode,
                        payload[start : start + size],
                        final=start + size >= len(payload),
                    )
                    for start in starts
                )
                self.client.send(stream)
                self.back(opcode, payload)

    def chopped(self, opcode, group):
        payload = content(opcode, MIB, group)
        stream = frame(opcode, payload)
        for number, size in PIECES.items():
            with self.subTest(case=f"{group}.{number}"):
                self.client.send_pieces(stream[at : at + size] for at in range(0, len(stream), size))
                self.back(opcode, payload)

    def round_trips(self, opcode, group):
        for number, size in SMALL.items():
            with self.subTest(case=f"{group}.{number}"):
                payload = content(opcode, size, number)
                sent = frame(opcode, payload)
                for _ in range(ROUND_TRIPS):
                    self.client.send(sent)
                    self.back(opcode, payload)

    def test_9_1_texts_of_64_kib_to_16_mib_come_back(self):
        self.whole(TEXT, "9.1")

    def test_9_2_binaries_of_64_kib_to_16_mib_come_back(self):
        self.whole(BINARY, "9.2")

    def test_9_3_a_text_of_4_mib_in_fragments_of_64_bytes_to_4_mib_comes_back(self):
        self.fragmented(TEXT, "9.3")

    def test_9_4_a_binary_of_4_mib_in_fragments_of_64_bytes_to_4_mib_comes_back(self):
        self.fragmented(BINARY, "9.4")

    def test_9_5_a_text_of_1_mib_written_in_pieces_of_64_to_2048_bytes_comes_back(self):
        self.chopped(TEXT, "9.5")

    def test_9_6_a_binary_of_1_mib_written_in_pieces_of_64_to_2048_bytes_comes_back(self):
        self.chopped(BINARY, "9.6")

    def test_9_7_a_thousand_texts_of_0_to_4096_bytes_come_back_one_by_one(self):
        self.round_trips(TEXT, "9.7")

    def test_9_8_a_thousand_binaries_of_0_to_4096_bytes_come_back_one_by_one(self):
        self.round_trips(BINARY, "9.8")

    def test_pieces_of_any_size_make_the_same_big_message(self):
        payload = content(BINARY, 4 * MIB, "random")
        self.client.send_pieces(random_pieces(frame(BINARY, payload), random.Random(9), 200_000))
        self.back(BINARY, payload)


if __name__ == "__main__":
    unittest.main()
