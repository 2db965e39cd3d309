#!/usr/bin/env python3
"""Writes the corpus of the event_loop target: small scripts for a server, one concern a file.

Usage: make_corpus_event_loop.py [FOLDER]. The format is the target's: a head of 10 bytes (seed, entropy,
shards, completion and submission capacity, socket buffers, faults, their rate), then commands.
"""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "event_loop")
CONNECT, TURNS, PASS, FAULTS, DRAIN, FRAME, BYTES, RECORD, FINISH, RESET, VANISH, READ = range(12)
TCP, SILENT, DUMB = 2, 4, 8  # of CONNECT: length-prefixed, never reads, says nothing by itself
TEXT, BINARY, CLOSE, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A


def head(seed=1, shards=0, completions=7, submissions=5, receive=5, send=5, faults=0, others=0, rate=0):
    return bytes([seed, seed, shards, completions, submissions, receive, send, faults, others, rate])


def connect(kind=0):
    return bytes([CONNECT, kind])


def turns(count=32):
    return bytes([TURNS, count - 1])


def frame(client, first, payload=b""):
    return bytes([FRAME, client, first, len(payload)]) + payload


def record(client, payload):
    return bytes([RECORD, client, len(payload)]) + payload


def raw(client, stream):
    return bytes([BYTES, client, len(stream)]) + stream


def one(operation, client=0):
    return bytes([operation, client])


OPEN = connect() + turns()
ECHO = OPEN + frame(0, TEXT, b"hello") + turns()
SUBSCRIBED = OPEN + OPEN + frame(0, TEXT, b"sa") + frame(1, TEXT, b"sa") + turns()
TOPIC = SUBSCRIBED + frame(0, TEXT, b"pnews") + turns()
CROWD = b"".join(connect(kind % 8) for kind in range(12)) + turns()

SCRIPTS = {
    "nothing": b"",
    "connects": OPEN,
    "echo": ECHO,
    "echo_length_prefixed": connect(TCP | DUMB) + turns() + record(0, b"hello") + turns(),
    "ping": OPEN + frame(0, PING, b"are you there") + turns(),
    "close": ECHO + frame(0, CLOSE, b"\x03\xe8") + turns(),
    "closed_by_server": OPEN + frame(0, TEXT, b"c") + turns() + frame(0, CLOSE, b"\x03\xe8") + turns(),
    "never_answers_the_close": OPEN + frame(0, TEXT, b"c") + turns() + one(PASS, 60) + turns(),
    "fragments": OPEN + frame(0, 0x01, b"a") + turns() + frame(0, 0x80, b"b") + turns(),
    "too_many_fragments": OPEN + frame(0, 0x01, b"a") + frame(0, 0x00, b"b") * 9 + turns(),
    "unmasked": OPEN + raw(0, b"\x81\x01x") + turns(),
    "reserved_bits": OPEN + frame(0, 0xC1, b"x") + turns(),
    "bad_utf8": OPEN + frame(0, TEXT, b"\xff\xfe") + turns(),
    "head_in_pieces": connect(DUMB) + raw(0, b"GET / HTTP/1.1\r\nHo") + turns()
    + raw(0, b"st: a\r\n\r\n") + turns(),
    "head_is_nonsense": connect(DUMB) + raw(0, b"\x00\x01\x02\r\n\r\n") + turns(),
    "length_bomb": connect(TCP | DUMB) + raw(0, b"\xff\xff\xff\xff") + turns(),
    "says_nothing": connect(DUMB) + turns() + one(PASS, 30) + turns(),
    "publish": TOPIC,
    "publish_across_shards": TOPIC + CROWD + frame(2, TEXT, b"sa") + turns()
    + frame(1, TEXT, b"pmore") + turns(),
    "unsubscribe": TOPIC + frame(0, TEXT, b"ua") + turns() + frame(1, TEXT, b"pagain") + turns(),
    "subscriptions_run_out": OPEN + b"".join(frame(0, TEXT, b"s%d" % i) for i in range(10)) + turns(),
    "slow_reader": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 8 + turns()
    + one(PASS, 60) + turns(),
    "slow_reader_wakes_up": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns()
    + one(READ) + turns(),
    "full_table": CROWD + turns() + one(RESET, 0) + turns() + one(FINISH, 1) + turns(),
    "reset_in_a_message": OPEN + frame(0, 0x02, b"half") + turns(1) + one(RESET) + turns(),
    "reset_before_accept": connect() + one(RESET) + turns(),
    "vanish": ECHO + one(VANISH) + one(PASS, 100) + turns(),
    "pings_answered": OPEN + (one(PASS, 5) + turns() + frame(0, PONG)) * 4,
    "pings_not_answered": OPEN + one(PASS, 6) + turns() + one(PASS, 60) + turns(),
    "the_machine_sleeps": ECHO + one(PASS, 200) + ECHO,
    "drain": CROWD + one(DRAIN) + turns() + one(PASS, 3) + turns() + one(PASS, 10) + turns(),
    "drain_while_connecting": connect() + one(DRAIN) + connect() + turns(),
}

FAULTS_OF = {
    "partial": dict(faults=0x03, rate=255),
    "again": dict(faults=0x0C, rate=200),
    "no_memory": dict(faults=0x30, rate=200),
    "accepts_fail": dict(faults=0x40, rate=200),
    "polls_fail": dict(faults=0x80, rate=60),
    "polls_end": dict(others=0x03, rate=200),
    "cancels": dict(others=0x0C, rate=255),
    "disorder": dict(others=0xE0, rate=200),
    "tiny_queues": dict(completions=0, submissions=0, receive=0, send=0),
    "two_shards": dict(shards=1, others=0x10, rate=255),
    "everything": dict(shards=1, completions=1, submissions=0, receive=0, send=0, faults=0x7F, others=0xFF,
                       rate=80),
}


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    os.makedirs(folder, exist_ok=True)
    for name, script in SCRIPTS.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(head() + script)
    longest = CROWD + TOPIC + ECHO + SCRIPTS["slow_reader"] + SCRIPTS["fragments"] + SCRIPTS["drain"]
    for name, rates in FAULTS_OF.items():
        for seed, script in enumerate((ECHO + TOPIC, longest), start=1):
            with open(os.path.join(folder, f"faults_{name}_{seed}"), "wb") as file:
                file.write(head(seed=seed, **rates) + script)


if __name__ == "__main__":
    main()
