#!/usr/bin/env python3
"""Writes the corpora of websocket_frames and websocket_differential: small streams with one meaning each.

An input is one byte of limits (bits 0-1: the largest message, 0 is 64 KiB, 1 is 5,000, 2 is 125, 3 is 1
byte; bits 2-3: the most fragments, 0 is 1,024, 1 is 8, 2 is 2, 3 is 1), two bytes that seed the cuts, and
the stream. Both targets read the same inputs, so both get the same files.
"""

import pathlib
import struct

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode, payload=b"", final=True, rsv=0, masked=True, key=b"\x37\xfa\x21\x3d", declared=None,
          width=None):
    length = len(payload) if declared is None else declared
    if width is None:
        width = 1 if length < 126 else 2 if length < 65536 else 8
    mask_bit = 0x80 if masked else 0
    head = bytes([(0x80 if final else 0) | rsv << 4 | opcode])
    if width == 1:
        head += bytes([mask_bit | length])
    elif width == 2:
        head += bytes([mask_bit | 126]) + struct.pack(">H", length)
    else:
        head += bytes([mask_bit | 127]) + struct.pack(">Q", length)
    if masked:
        head += key
        payload = bytes(byte ^ key[i % 4] for i, byte in enumerate(payload))
    return head + payload


def part(opcode, payload=b"", **shape):
    return frame(opcode, payload, final=False, **shape)


def close(code, reason=b""):
    return frame(CLOSE, struct.pack(">H", code) + reason)


EURO = "\u20ac\U0001f600".encode()

STREAMS = {
    "empty_text": frame(TEXT),
    "text": frame(TEXT, b"hello"),
    "zero_mask": frame(TEXT, b"hello", key=bytes(4)),
    "binary_two": frame(BINARY, b"\xff\x00") + frame(BINARY, b"\x01"),
    "text_125": frame(TEXT, b"a" * 125),
    "text_126": frame(TEXT, b"a" * 126),
    "binary_5000": frame(BINARY, b"b" * 5000),
    "text_5000_utf8": frame(TEXT, (EURO * 720)[:5000 - 5000 % 7]),
    "text_5000_bad": frame(TEXT, b"a" * 4500 + b"\xc0" + b"a" * 499),
    "bulk_then_text": frame(BINARY, b"c" * 4096) + frame(TEXT, b"next"),
    "bulk_unfinished": frame(BINARY, b"d" * 4100)[:3000],
    "almost_bulk": frame(BINARY, b"e" * 4095)[:3000],
    "ping_pong": frame(PING, b"x") + frame(PONG, b"y") + frame(PING),
    "ping_125": frame(PING, b"p" * 125),
    "fragments": part(TEXT, b"a") + part(CONTINUATION, b"b") + frame(CONTINUATION, b"c"),
    "fragments_empty": part(TEXT) + part(CONTINUATION) + frame(CONTINUATION),
    "fragments_control": part(TEXT, b"a") + frame(PING, b"p") + frame(CONTINUATION, b"c"),
    "fragments_close": part(BINARY, b"a") + close(1000) + frame(CONTINUATION, b"c"),
    "fragments_utf8": part(TEXT, EURO[:2]) + part(CONTINUATION, EURO[2:4]) + frame(CONTINUATION, EURO[4:]),
    "fragments_bad_utf8": part(TEXT, b"\xed") + frame(CONTINUATION, b"\xa0\x80"),
    "fragments_cut_utf8": part(TEXT, b"\xf0\x9f") + frame(CONTINUATION, b"\x98"),
    "fragments_big": part(BINARY, b"f" * 3000) + frame(CONTINUATION, b"g" * 2500),
    "fragments_nine": part(TEXT) + part(CONTINUATION, b"x") * 7 + frame(CONTINUATION),
    "orphan": frame(CONTINUATION, b"x"),
    "orphan_after_message": frame(TEXT, b"x") + part(CONTINUATION, b"y"),
    "nested": part(TEXT, b"a") + frame(BINARY, b"b"),
    "unmasked": frame(TEXT, b"x", masked=False),
    "unmasked_ping": frame(PING, masked=False),
    "length_not_minimal_2": frame(BINARY, b"x" * 125, width=2),
    "length_not_minimal_8": frame(BINARY, b"x" * 200, width=8),
    "length_63_bits": frame(BINARY, declared=2 ** 63 - 1),
    "length_64_bits": frame(BINARY, declared=2 ** 63),
    "length_32_bits": frame(BINARY, declared=2 ** 32 + 1),
    "length_over_limit": frame(BINARY, b"x", declared=65537),
    "sum_over_limit": part(BINARY, b"x" * 100) + frame(CONTINUATION, declared=65500),
    "sum_wraps": part(BINARY, b"x" * 100) + frame(CONTINUATION, declared=2 ** 32 - 100),
    "ping_126": frame(PING, b"x" * 126),
    "ping_fragmented": part(PING, b"x"),
    "close_empty": frame(CLOSE),
    "close_one_byte": frame(CLOSE, b"\x03"),
    "close_reason": close(1001, b"bye") + frame(TEXT, b"late"),
    "close_bad_code": close(1005),
    "close_4999": close(4999),
    "close_bad_reason": close(1000, b"\xc3\x28"),
    "close_long_reason": close(1000, b"r" * 123),
    "two_wrongs": part(TEXT) + frame(TEXT, masked=False),
    "header_1_of_6": frame(TEXT, b"hello")[:1],
    "header_5_of_6": frame(TEXT, b"hello")[:5],
    "header_13_of_14": frame(BINARY, declared=65536)[:13],
    "nothing": b"",
    "noise": bytes(range(0, 256, 7)),
}
STREAMS.update({f"rsv_{bits}": frame(TEXT, b"x", rsv=bits) for bits in (1, 2, 4, 7)})
STREAMS.update({f"opcode_{opcode}": frame(opcode, b"x") for opcode in (3, 7, 11, 15)})
STREAMS.update({f"utf8_{bad.hex()}": frame(TEXT, b"ok" + bad) for bad in (
    b"\x80", b"\xc0\xaf", b"\xe0\x80\xaf", b"\xed\xa0\x80", b"\xf0\x80\x80\xaf", b"\xf4\x90\x80\x80", b"\xf5",
    b"\xe2\x82")})

# The same stream means something else under another limit.
LIMITED = {
    "text_125": (2, 3), "text_126": (2,), "text": (3,), "binary_5000": (1,), "sum_over_limit": (1,),
    "fragments": (8, 12), "fragments_nine": (4,), "fragments_big": (1,), "fragments_empty": (3, 11),
    "ping_125": (3,),
}


def main():
    here = pathlib.Path(__file__).resolve().parent
    for target in ("websocket_frames", "websocket_differential"):
        folder = here / "corpus" / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, stream in STREAMS.items():
            seed = sum(name.encode()) % 256
            (folder / name).write_bytes(bytes([0, seed, len(stream) % 256]) + stream)
            for limits in LIMITED.get(name, ()):
                (folder / f"{name}_limits_{limits}").write_bytes(bytes([limits, seed, 1]) + stream)


if __name__ == "__main__":
    main()
