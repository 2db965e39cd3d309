#!/usr/bin/python3
"""Writes the corpus of fossil_delta: three bytes that say where the rest is cut into two parts."""

import pathlib

FOLDER = pathlib.Path(__file__).parent / "corpus" / "fossil_delta"
GOLDEN = b'{"a":1,"text":"hello hello hello"}'
UMLAUTS = "äöü ÄÖÜ ß — grün, größer, am größten 😀😀😀".encode()
BLOCKS = [bytes([i]) * 16 for i in range(20)]
PAIRS = {
    "empty": (b"", b""),
    "golden_delta": (GOLDEN, b'Y\n6:{"a":2S@6,368ORI;'),
    "golden_target": (GOLDEN, GOLDEN.replace(b"1", b"2", 1)),
    "equal": (GOLDEN * 5, GOLDEN * 5),
    "literal": (b"", b"4\n4:abcd1X65ZF;"),
    "copy": (b"0123456789", b"A\nA@0,1Yu7JW;"),
    "copy_beyond": (b"0123456789", b"B\nB@0,0;"),
    "copy_from_beyond": (b"0123456789", b"1\n1@A,0;"),
    "copies_that_grow": (b"0123456789", b"~~\n" + b"A@0," * 300 + b"0;"),
    "size_huge": (b"", b"3~~~~~\n0;"),
    "size_beyond_32_bits": (b"", b"~~~~~~~\n0;"),
    "size_alone": (b"", b"4\n"),
    "no_end": (b"", b"1\n1:a"),
    "zero_copy": (b"a", b"0\n0@0,0;"),
    "zero_literal": (b"a", b"0\n0:0;"),
    "zeros": (bytes(100), bytes(140)),
    "continuations": (b"\x80" * 100, b"\x80" * 90),
    "umlauts": (UMLAUTS, UMLAUTS.replace("ö".encode(), "ä".encode())),
    "umlauts_cut": (UMLAUTS, UMLAUTS[1:]),
    "period": (bytes(range(15)) * 20, bytes(range(15)) * 25),
    "blocks_moved": (b"".join(BLOCKS), b"".join(reversed(BLOCKS))),
    "block": (b"0123456789abcdef", b"0123456789abcdef"),
    "less_than_a_block": (b"0123456789abcde", b"0123456789abcde"),
    "tail_1": (GOLDEN, GOLDEN[:33]),
    "tail_2": (GOLDEN, GOLDEN[:30]),
    "tail_3": (GOLDEN, GOLDEN[:31]),
}

FOLDER.mkdir(parents=True, exist_ok=True)
for name, (source, second) in PAIRS.items():
    (FOLDER / name).write_bytes(len(source).to_bytes(3, "big") + source + second)
