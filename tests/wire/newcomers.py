"""Newcomers: clients that come in, one after the other at a steady rate, and leave at once, in a process of
their own; how long each took to be let in.

As a program: newcomers.py HOST PORT RATE; reads "phase NAME" lines, ends at end of input, and prints what it
saw as JSON, as bystanders.py does.
"""

import collections
import json
import os
import select
import sys
import time

import raw_client
from beside import Beside
from bystanders import run_before_others, summary

ENDED_WITHIN_S = 40.0 * raw_client.PATIENCE


def come_in(address, rate):
    phases = collections.OrderedDict(quiet=[])
    latencies = phases["quiet"]
    wrong = []
    commands = b""
    due = time.monotonic()
    while True:
        now = time.monotonic()
        if select.select([sys.stdin.fileno()], [], [], max(0.0, due - now))[0]:
            received = os.read(sys.stdin.fileno(), 4096)
            if not received:
                return {"wrong": wrong, "phases": {name: summary([seen]) for name, seen in phases.items()}}
            *lines, commands = (commands + received).split(b"\n")
            for line in lines:
                latencies = phases.setdefault(line.decode().removeprefix("phase "), [])
            continue
        due = max(due + 1 / rate, now - 1.0)
        began = time.monotonic()
        try:
            client = raw_client.WebSocket(address)
            client.upgrade()
            latencies.append(time.monotonic() - began)
            client.close()
        except (OSError, AssertionError, raw_client.Ended) as error:
            wrong.append(str(error))


class Newcomers(Beside):
    def __init__(self, case, server, rate=50, quiet_s=1.0):
        super().__init__(case, __file__, *server.address("ws"), rate)
        case.keep(self)
        time.sleep(quiet_s)

    def phase(self, name):
        self.process.stdin.write(f"phase {name}\n")
        self.process.stdin.flush()

    def assert_all_came_in(self):
        """The milliseconds that 99 of 100 took at most, by phase."""
        output, _ = self.process.communicate(timeout=ENDED_WITHIN_S)
        seen = json.loads(output)
        self.case.assertEqual(seen["wrong"], [], seen)
        for name, numbers in seen["phases"].items():
            self.case.assertGreater(numbers["received"], 0, f"nobody came in while it was {name}")
        return {name: numbers.get("p99_ms") for name, numbers in seen["phases"].items()}


def main(host, port, rate):
    run_before_others()
    print(json.dumps(come_in((host, int(port)), float(rate))))


if __name__ == "__main__":
    main(*sys.argv[1:])
