#!/usr/bin/python3
"""Writes the corpus of the length_prefixed fuzz target: two bytes choose the cut, one the largest message
(0: none, 1: 5 bytes, 2: 10,000 bytes, 3: any), then a stream."""

import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "length_prefixed"
NONE, FIVE, MANY, ANY = range(4)


def framed(payload):
    return len(payload).to_bytes(4, "big") + payload


THREE = framed(b"one") + framed(b"") + framed(b"three")
LARGE = framed(bytes(i % 251 for i in range(10_000)))

STREAMS = {
    "nothing": (ANY, 0, b""),
    "three_messages": (ANY, 5, THREE),
    "cut_in_first_header": (ANY, 1, THREE),
    "cut_after_header": (ANY, 4, THREE),
    "cut_in_payload": (ANY, 6, THREE),
    "cut_at_boundary": (ANY, 7, THREE),
    "cut_in_second_header": (ANY, 9, THREE),
    "cut_in_last_payload": (ANY, 17, THREE),
    "empty_messages": (ANY, 6, framed(b"") * 5),
    "empty_messages_allowed": (NONE, 3, framed(b"") * 2),
    "empty_only_then_too_big": (NONE, 3, framed(b"") + framed(b"x")),
    "at_maximum": (FIVE, 6, framed(b"12345")),
    "over_maximum": (FIVE, 3, framed(b"123456")),
    "over_maximum_header_only": (FIVE, 2, b"\0\0\0\x06"),
    "over_maximum_after_messages": (FIVE, 14, framed(b"one") + framed(b"two") + b"\0\0\1\0"),
    "length_all_ones": (MANY, 3, b"\xff\xff\xff\xff"),
    "length_all_ones_allowed": (ANY, 4, b"\xff\xff\xff\xff" + b"x" * 50),
    "length_top_bit": (MANY, 2, b"\x80\0\0\0payload"),
    "length_near_wrap": (ANY, 4, b"\xff\xff\xff\xfc" + b"y" * 20),
    "one_header_byte": (ANY, 0, b"\0"),
    "three_header_bytes": (ANY, 1, b"\0\0\0"),
    "header_without_payload": (ANY, 2, b"\0\0\0\x09"),
    "payload_lacks_a_byte": (ANY, 4, framed(b"123456789")[:-1]),
    "large_message": (MANY, 5_000, LARGE),
    "large_message_cut_early": (MANY, 10, LARGE),
    "large_message_cut_at_direct": (MANY, 4 + 4_096, LARGE),
    "large_message_cut_before_direct": (MANY, 4 + 4_095, LARGE),
    "large_message_cut_late": (MANY, 4 + 10_000 - 4_096, LARGE),
    "large_message_cut_very_late": (MANY, 4 + 10_000 - 1, LARGE),
    "large_messages_and_small": (MANY, 9_000, LARGE + THREE + LARGE[:9_000]),
    "large_message_over_maximum": (MANY, 1, (10_001).to_bytes(4, "big") + b"z" * 100),
    "announced_half_a_gibibyte": (ANY, 9, (1 << 29).to_bytes(4, "big") + b"z" * 9_000),
}

FOLDER.mkdir(parents=True, exist_ok=True)
for name, (maximum, cut, stream) in STREAMS.items():
    (FOLDER / name).write_bytes(cut.to_bytes(2, "big") + bytes([maximum]) + stream)
