#!/usr/bin/env python3
"""Writes the corpus of the event_loop target: small scripts for a server, one concern a file.

Usage: make_corpus_event_loop.py [FOLDER]. The format is the target's: a head of 13 bytes (seed, entropy,
shards, completion and submission capacity, socket buffers, choices of machine and limits, faults, their
rate), then commands. Files named found_* are not from here: the fuzzer found them, and they reach what
nothing here does.
"""

import os
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "event_loop")
(CONNECT, TURNS, PASS, FAULTS, DRAIN, ASK, FRAME, BYTES, RECORD, BIG, HEAD, FINISH, RESET, VANISH, CLOSE,
 BREAK, READ) = range(17)
# Of CONNECT: the listener, never reads, says nothing by itself, comes from another address.
TCP, HTTP, SILENT, DUMB, ELSEWHERE = 4, 8, 16, 32, 64
# Of the machine.
BIG_MESSAGES, MANY_SLOTS, OLD_KERNEL, NO_RESET, NO_BATCHES, LITTLE_MEMORY, HTTP_SLOTS, SLOW_NETWORK = (
    1 << bit for bit in range(8))
# Of the limits.
NO_PINGS, MESSAGE_RATE, BYTE_RATE, ACCEPT_RATE, SLOW_CODE, OUTBOX_MESSAGES, FEW_HANDSHAKES, ADDRESSES = (
    1 << bit for bit in range(8))
TEXT, BINARY, CLOSE_FRAME, PING, PONG = 0x81, 0x82, 0x88, 0x89, 0x8A
PUBLISH, SEND, CLOSE_ID, TASK, FLOOD, WRONG = range(6)  # of ASK
HEADS = 18


def head(seed=1, shards=0, completions=7, submissions=5, receive=5, send=5, machine=0, limits=0, faults=0,
         others=0, late=0, rate=0):
    return bytes([seed, seed, shards, completions, submissions, receive, send, machine, limits, faults,
                  others, late, rate])


def connect(kind=0):
    return bytes([CONNECT, kind])


def turns(count=32):
    return bytes([TURNS, count - 1])


def seconds(count):
    return bytes([PASS, count])


def frame(client, first, payload=b""):
    return bytes([FRAME, client, first, len(payload)]) + payload


def say(client, payload):
    return frame(client, TEXT, payload) + turns()


def record(client, payload):
    return bytes([RECORD, client, len(payload)]) + payload


def raw(client, stream):
    return bytes([BYTES, client, len(stream)]) + stream


def big(client, first, size, part=255, begins=b"x"):
    return bytes([BIG, client, first, size, part]) + (begins if size * part > 0 else b"")


def ask(what, whom=0, text=b""):
    return bytes([ASK, what, whom, len(text)]) + text


def request(client, number):
    return bytes([HEAD, client, number])


def one(operation, client=0):
    return bytes([operation, client])


OPEN = connect() + turns()
ECHO = OPEN + say(0, b"hello")
SUBSCRIBED = OPEN + OPEN + frame(0, TEXT, b"sa") + frame(1, TEXT, b"sa") + turns()
TOPIC = SUBSCRIBED + say(0, b"pnews")
CROWD = b"".join(connect(kind | (kind & 3) << 2) for kind in range(12)) + turns()
CROWDS = CROWD + CROWD
TCP_OPEN = connect(TCP | DUMB) + turns()
HTTP_OPEN = connect(HTTP | DUMB) + turns() + raw(0, b"sa") + turns()
SHARDS = connect(0) + connect(1) + connect(2) + turns()
FLOODED = SHARDS + b"".join(frame(client, TEXT, b"sa") for client in range(3)) + turns() \
    + (frame(0, TEXT, b"f" + b"x" * 120) + frame(1, TEXT, b"f" + b"y" * 120) + frame(2, TEXT, b"ua")) * 6 \
    + frame(2, TEXT, b"sa") + turns() + turns()

SCRIPTS = {
    "nothing": b"",
    "connects": OPEN,
    "echo": ECHO,
    "echo_length_prefixed": TCP_OPEN + record(0, b"hello") + turns(),
    "ping": OPEN + frame(0, PING, b"are you there") + turns(),
    "pings_at_once": OPEN + frame(0, PING, b"1") * 3 + frame(0, TEXT, b"x") + turns(),
    "close": ECHO + frame(0, CLOSE_FRAME, b"\x03\xe8") + turns(),
    "close_says_why": ECHO + frame(0, CLOSE_FRAME, b"\x03\xe8enough") + turns(),
    "close_without_code": ECHO + frame(0, CLOSE_FRAME) + turns(),
    "closed_by_server": OPEN + say(0, b"c\x0f\xa0bye") + frame(0, CLOSE_FRAME, b"\x0f\xa0") + turns(),
    "closed_with_a_wrong_code": OPEN + say(0, b"c\x00\x01"),
    "closed_with_a_long_reason": OPEN + say(0, b"l"),
    "closed_while_talking": OPEN + say(0, b"c\x03\xe8") + say(0, b"still here") + frame(0, PING) + turns()
    + frame(0, 0xC1) + turns(),
    "never_answers_the_close": OPEN + say(0, b"c\x03\xe8") + seconds(60) + turns(),
    "closed_length_prefixed": TCP_OPEN + record(0, b"c\x03\xe8") + record(0, b"more") + turns(),
    "fragments": OPEN + frame(0, 0x01, b"a") + turns() + frame(0, 0x80, b"b") + turns(),
    "too_many_fragments": OPEN + frame(0, 0x01, b"a") + frame(0, 0x00, b"b") * 9 + turns(),
    "a_message_that_never_ends": OPEN + frame(0, 0x01, b"a") + turns() + (seconds(4) + frame(0, PONG)) * 10,
    "unmasked": OPEN + raw(0, b"\x81\x01x") + turns(),
    "reserved_bits": OPEN + frame(0, 0xC1, b"x") + turns(),
    "bad_utf8": OPEN + frame(0, TEXT, b"\xff\xfe") + turns(),
    "behind_the_head": connect() + frame(0, TEXT, b"first") + turns(),
    "head_in_pieces": connect(DUMB) + raw(0, b"GET / HTTP/1.1\r\nHo") + turns()
    + raw(0, b"st: a\r\n\r\n") + turns(),
    "head_in_pieces_and_more": connect(DUMB) + raw(0, b"GET /plain HTTP/1.1\r\n") + turns()
    + raw(0, b"Host: a\r\n\r\nstopic") + turns(),
    "head_without_end": connect(DUMB) + raw(0, b"GET / HTTP/1.1\r\nA: " + b"a" * 200) + turns()
    + raw(0, b"a" * 255) * 36 + turns(),
    "head_ends_early": connect(DUMB) + raw(0, b"GET / HTTP/1.1\r\n") + turns() + one(FINISH) + turns(),
    "head_takes_too_long": connect(DUMB) + raw(0, b"GET / HTTP/1.1\r\n") + turns() + seconds(30),
    "head_is_nonsense": connect(DUMB) + raw(0, b"\x00\x01\x02\r\n\r\n") + turns(),
    "half_nonsense": connect(DUMB) + raw(0, b"\x00\x01") + turns() + raw(0, b"\r\n\r\n") + turns(),
    "refused_and_still_talking": connect(DUMB) + request(0, 8) + raw(0, b"z" * 255) + turns(2)
    + raw(0, b"z" * 255) + turns() + one(FINISH) + turns(),
    "plain": connect(DUMB) + request(0, 13) + turns() + raw(0, b"m" * 20) + turns()
    + raw(0, b"c\x03\xe9") + turns() + raw(0, b"what?") + turns() + one(FINISH) + turns(),
    "length_bomb": connect(TCP | DUMB) + raw(0, b"\xff\xff\xff\xff") + turns(),
    "says_nothing": connect(DUMB) + turns() + seconds(30) + turns(),
    "says_nothing_to_http": connect(HTTP | DUMB) + turns() + seconds(30) + turns(),
    "http": HTTP_OPEN + raw(0, b"pnews") + turns() + raw(0, b"e") + turns() + seconds(12) + turns(),
    "http_answers_slowly": HTTP_OPEN + raw(0, b"r") + turns() + seconds(30) + turns() + raw(0, b"R") + turns()
    + seconds(5) + raw(0, b"more") + turns() + seconds(12) + turns(),
    "http_streams": HTTP_OPEN + raw(0, b"r") + raw(0, b"sa") + seconds(30) + raw(0, b"pnews") + turns()
    + one(DRAIN) + turns(200),
    "http_answered_after_its_end": HTTP_OPEN + raw(0, b"a\x20") + one(FINISH) + turns() + seconds(2)
    + turns(),
    "http_reset_after_its_end": HTTP_OPEN + raw(0, b"a\x20") + one(FINISH) + turns() + one(RESET) + turns()
    + seconds(2) + turns(),
    "http_finished_and_drained": HTTP_OPEN + raw(0, b"r") + one(FINISH) + turns() + one(DRAIN) + turns(200),
    "http_stream_of_who_finishes": HTTP_OPEN + raw(0, b"v") + turns() + one(FINISH) + turns(),
    "http_stream_of_who_has_finished": HTTP_OPEN + raw(0, b"r") + raw(0, b"b\x04\x00") + raw(0, b"v")
    + one(FINISH) + turns(),
    "http_closed": HTTP_OPEN + raw(0, b"c\x03\xe8") + turns(),
    "http_idle_with_a_full_outbox": connect(HTTP | DUMB | SILENT) + turns() + raw(0, b"b\x04\x00") * 4
    + turns() + seconds(20),
    "http_paused": HTTP_OPEN + raw(0, b"z\x20") + turns() + raw(0, b"more") + turns() + seconds(2)
    + raw(0, b"Z") + turns() + raw(0, b"z\xff") + turns() + one(RESET) + turns() + seconds(1),
    "http_paused_for_ever": HTTP_OPEN + raw(0, b"z\xff") + raw(0, b"w\x00") + turns() + one(FINISH)
    + seconds(2) + seconds(30),
    "http_closed_while_paused": HTTP_OPEN + raw(0, b"z\xff") + turns() + ask(CLOSE_ID, 0) + turns()
    + seconds(10),
    "publish": TOPIC,
    "publish_for_all_protocols": SUBSCRIBED + connect(TCP | DUMB) + turns() + record(2, b"sa")
    + connect(HTTP | DUMB) + turns() + raw(3, b"sa") + turns() + say(0, b"pnews") + say(0, b"hnews")
    + say(0, b"H") + ask(PUBLISH) + turns(),
    "publish_elsewhere": SUBSCRIBED + say(0, b"Pa") + say(0, b"Pnobody") + say(0, b"P"),
    "unsubscribe": TOPIC + say(0, b"ua") + say(1, b"pagain") + say(0, b"ua") + say(0, b"u"),
    "subscriptions_run_out": OPEN + b"".join(frame(0, TEXT, b"s%d" % i) for i in range(10)) + turns()
    + say(0, b"s1"),
    "shared": SHARDS + say(0, b"hfor all") * 10 + say(1, b"H") + say(0, b"e"),
    "kept_for_ever": ECHO + OPEN + one(RESET) + turns() + say(1, b"ox") + OPEN + say(1, b"ox"),
    "pinged_by_the_handler": OPEN + say(0, b"q") + say(0, b"q") + frame(0, PONG) + turns() + say(0, b"q")
    + seconds(30),
    "timers": OPEN + say(0, b"w\x05\x05") + say(0, b"w\x00") + say(0, b"w\x07\x07") + say(0, b"stick")
    + seconds(2),
    "to_others": SHARDS + say(0, b"i\x01") + say(0, b"k\x02\x0f\xa0away") + say(1, b"t\x02")
    + say(2, b"i\x09") + say(0, b"i\x02"),
    "asked_from_outside": SUBSCRIBED + ask(PUBLISH, 0, b"news") + ask(PUBLISH + 132, 0, b"other")
    + ask(SEND, 1, b"you") + ask(TASK, 0) + ask(WRONG, 0, b"x") + turns() + ask(CLOSE_ID + 48, 1, b"away")
    + turns() + ask(SEND, 0, b"nobody") + turns(),
    "refuses_all": OPEN + say(0, b"!") + connect() + connect(TCP | DUMB) + connect(HTTP | DUMB) + turns()
    + raw(3, b"hello") + turns(),
    "drained_outbox": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns() + one(READ)
    + turns() + turns(),
    "slow_reader": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 8 + turns()
    + seconds(60) + turns(),
    "slow_reader_wakes_up": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns()
    + one(READ) + turns(),
    "slow_reader_finishes": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns()
    + one(FINISH) + turns() + one(READ) + turns(),
    "slow_reader_is_closed": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns()
    + say(0, b"c\x03\xe8") + seconds(30),
    "slow_readers_share": connect(SILENT) * 4 + turns() + frame(0, TEXT, b"m" + b"x" * 100)
    + frame(1, TEXT, b"m" + b"x" * 100) + frame(2, TEXT, b"m" + b"x" * 100) + turns()
    + (frame(3, TEXT, b"m") + turns()) * 4,
    "pings_a_slow_reader": connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) * 3 + turns()
    + (frame(0, PING, b"1") + turns(4)) * 4,
    "full_table": CROWD + turns() + one(RESET, 0) + turns() + one(FINISH, 1) + turns(),
    "reset_in_a_message": OPEN + frame(0, BINARY & 0x0F, b"half") + turns(1) + one(RESET) + turns(),
    "reset_before_accept": connect() + one(RESET) + turns(),
    "goes_away": ECHO + one(CLOSE) + turns() + OPEN + frame(1, TEXT, b"m" * 90) + one(CLOSE, 1) + turns(),
    "network_breaks": ECHO + one(BREAK) + turns(),
    "vanish": ECHO + one(VANISH) + seconds(100) + turns(),
    "pings_answered": OPEN + (seconds(5) + turns() + frame(0, PONG)) * 4,
    "pings_not_answered": OPEN + seconds(6) + turns() + seconds(60) + turns(),
    "the_machine_sleeps": ECHO + one(PASS, 200) + ECHO,
    "drain": CROWD + one(DRAIN) + turns() + seconds(3) + turns() + seconds(10) + turns(),
    "drain_while_connecting": connect() + one(DRAIN) + connect() + turns(),
    "drain_with_late_requests": connect(DUMB) * 2 + turns() + one(DRAIN) + turns(2) + request(0, 0)
    + request(1, 13) + turns() + seconds(9),
    "drain_of_all_protocols": connect(TCP | DUMB) + connect(HTTP | DUMB) + OPEN * 3 + raw(1, b"sa") + turns()
    + one(DRAIN) + seconds(9),
    "big": OPEN + big(0, BINARY, 15) + turns(),
    "big_length_prefixed": TCP_OPEN + big(0, 0, 15) + turns() + big(0, 0, 15, 100) + turns(),
    "too_big": OPEN + big(0, BINARY, 200, 0) + turns(),
    "too_big_length_prefixed": TCP_OPEN + big(0, 0, 200, 0) + turns(),
}

CHOSEN = {
    "old_kernel": dict(machine=OLD_KERNEL | NO_RESET),
    "many_slots": dict(machine=MANY_SLOTS | NO_BATCHES),
    "slow_network": dict(machine=MANY_SLOTS | SLOW_NETWORK, shards=2),
    "slots_for_http": dict(machine=HTTP_SLOTS, limits=FEW_HANDSHAKES),
    "no_pings": dict(limits=NO_PINGS),
    "accept_rate": dict(limits=ACCEPT_RATE, shards=1),
    "addresses": dict(limits=ADDRESSES),
    "rates": dict(limits=MESSAGE_RATE | BYTE_RATE),
    "little_memory": dict(machine=LITTLE_MEMORY),
    "outboxes": dict(limits=SLOW_CODE | OUTBOX_MESSAGES),
    "three_shards": dict(shards=2),
}

# Where a limit is what it is about.
LIMITED = {
    "message_rate": (dict(limits=MESSAGE_RATE), OPEN + frame(0, TEXT, b"x") * 20 + turns() + seconds(3)
                     + frame(0, 0x01, b"a") + frame(0, TEXT, b"x") + turns() + seconds(9)),
    "byte_rate": (dict(limits=BYTE_RATE), OPEN + frame(0, TEXT, b"x" * 120) * 20 + turns()
                  + say(0, b"c\x03\xe8") + seconds(9)),
    "byte_rate_in_a_message": (dict(limits=BYTE_RATE), TCP_OPEN + big(0, 0, 15, 250) + turns() + seconds(9)),
    "slow_code": (dict(limits=SLOW_CODE, send=0), connect(SILENT) + turns()
                  + frame(0, TEXT, b"m" + b"x" * 100) * 8 + turns() + one(READ) + turns()),
    "slow_code_unread": (dict(limits=SLOW_CODE, send=0), connect(SILENT) + turns()
                         + frame(0, TEXT, b"m" + b"x" * 100) * 8 + turns() + seconds(40)),
    "slow_code_after_a_stall": (dict(limits=SLOW_CODE, send=0), connect(SILENT) + turns()
                                + frame(0, TEXT, b"m" + b"x" * 100) + turns() + (seconds(4)
                                + frame(0, PONG)) * 10),
    "stall": (dict(send=0), connect(SILENT) + turns() + frame(0, TEXT, b"m" + b"x" * 100) + turns()
              + (seconds(4) + frame(0, PONG)) * 10),
    "outbox_messages": (dict(limits=OUTBOX_MESSAGES, send=0), connect(SILENT) + turns() + say(0, b"m" * 100)),
    "big_messages": (dict(machine=BIG_MESSAGES), OPEN + big(0, BINARY, 240) * 3 + turns() + turns()
                     + big(0, BINARY, 240, 128) + turns() + raw(0, b"x" * 255) + turns() + one(RESET)),
    "big_messages_fill_buffers": (dict(machine=BIG_MESSAGES), b"".join(OPEN for _ in range(5))
                                  + b"".join(big(client, BINARY, 200) for client in range(5)) * 3 + turns()
                                  + turns() + turns()),
    "big_length_prefixed_messages": (dict(machine=BIG_MESSAGES), TCP_OPEN + big(0, 0, 240) * 3 + turns()
                                     + turns() + big(0, 0, 240, 128) + turns() + raw(0, b"x" * 255)
                                     + turns()),
    "big_broadcast": (dict(machine=BIG_MESSAGES | LITTLE_MEMORY), SUBSCRIBED
                      + big(0, BINARY, 240, 255, b"p") * 6 + turns() + turns() + turns()),
    "memory_runs_out": (dict(machine=BIG_MESSAGES | LITTLE_MEMORY, send=0), connect(SILENT) * 3
                        + connect(SILENT | TCP) + turns()
                        + b"".join(frame(client, TEXT, b"b\x10\x00") for client in range(3)) * 3
                        + record(3, b"b\x10\x00") * 3 + turns() + frame(0, PING, b"1") + frame(1, TEXT, b"hx")
                        + frame(2, TEXT, b"c\x03\xe8") + turns() + OPEN * 2 + seconds(9)),
    "input_fills_memory": (dict(machine=BIG_MESSAGES | LITTLE_MEMORY), OPEN * 5
                           + b"".join(big(client, BINARY, 250, 250) for client in range(5)) + turns()
                           + turns() + connect(TCP | DUMB) + turns() + big(5, 0, 250, 250) + turns()
                           + seconds(40)),
    "mailboxes_fill": (dict(shards=2), FLOODED),
    "mailboxes_fill_from_outside": (dict(shards=2), SHARDS + frame(1, TEXT, b"sa") + frame(2, TEXT, b"sa")
                                    + turns() + ask(FLOOD, 0, b"x" * 250) * 6
                                    + ask(SEND, 0, b"x" * 250) * 9 + turns() + turns()),
    "interest_waits": (dict(shards=2), SHARDS + ask(FLOOD, 0, b"x" * 250) * 3
                       + b"".join(frame(client, TEXT, b"s" + topic) for client in range(3)
                                  for topic in (b"a", b"b", b"c"))
                       + b"".join(frame(client, TEXT, b"u" + topic) for client in range(3)
                                  for topic in (b"a", b"b", b"c")) + turns() + turns() + seconds(1)),
}

FAULTS_OF = {
    "partial": dict(faults=0x03, rate=255),
    "again": dict(faults=0x0C, rate=200),
    "no_memory": dict(faults=0x30, rate=200),
    "accepts_fail": dict(faults=0x40, rate=200),
    "accepts_fail_of_many": dict(faults=0x40, rate=200, machine=MANY_SLOTS),
    "polls_fail": dict(faults=0x80, rate=60),
    "polls_end": dict(others=0x03, rate=200),
    "cancels": dict(others=0x0C, rate=255),
    "disorder": dict(others=0xE0, rate=200),
    "late": dict(late=0x03, rate=200),
    "tiny_queues": dict(completions=0, submissions=0, receive=0, send=0),
    "two_shards": dict(shards=1, others=0x10, rate=255),
    "everything": dict(shards=1, completions=1, submissions=0, receive=0, send=0, faults=0x7F, others=0xFF,
                       rate=80),
}


def files():
    for name, script in SCRIPTS.items():
        yield name, head() + script
    for number in range(HEADS):
        script = connect(DUMB) + request(0, number) + turns() + raw(0, b"x") + turns()
        yield f"request_{number}", head() + script
    for name, (chosen, script) in LIMITED.items():
        yield name, head(**chosen) + script
    longest = CROWD + TOPIC + ECHO + SCRIPTS["slow_reader"] + SCRIPTS["fragments"] + SCRIPTS["drain"]
    for name, chosen in CHOSEN.items():
        yield f"chosen_{name}", head(**chosen) + CROWDS + seconds(2) + one(RESET, 3) + CROWD + longest
    for name, rates in FAULTS_OF.items():
        for seed, script in enumerate((ECHO + TOPIC, longest), start=1):
            yield f"faults_{name}_{seed}", head(seed=seed, **rates) + script


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else FOLDER
    os.makedirs(folder, exist_ok=True)
    for name, content in files():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(content)


if __name__ == "__main__":
    main()
