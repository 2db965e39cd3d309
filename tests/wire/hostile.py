"""What the tests of hostile clients share: their size, their figures, and what a process takes.

By default the tests are small enough for every commit. With HOLDFAST_SOAK=1 in the environment (tools/soak)
they have their full size; HOLDFAST_FIGURES names a file that every test adds a line of JSON to;
HOLDFAST_SANITIZED=1 says that the programs are built with a sanitizer.
"""

import collections
import contextlib
import json
import os

from holdfast_process import WireTestCase, left_over

PINGS_KEPT = 16  # by a gateway that has sent them: one of each form and shard, the same for everybody
PING_BYTES = 64

SOAK = os.environ.get("HOLDFAST_SOAK", "") not in ("", "0")
SANITIZED = os.environ.get("HOLDFAST_SANITIZED", "") not in ("", "0")


def sized(small, full):
    return full if SOAK else small


def resident_bytes(process):
    with open(f"/proc/{process.child.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def peak_resident_bytes(process):
    with open(f"/proc/{process.child.pid}/status", encoding="ascii") as file:
        (kibibytes,) = (line.split()[1] for line in file if line.startswith("VmHWM:"))
    return int(kibibytes) << 10


def cpu_seconds(process):
    with open(f"/proc/{process.child.pid}/stat", encoding="ascii") as file:
        fields = file.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def given_back(server, counters):
    left = left_over(counters)
    if server.name == "holdfast" and left.get("frames_live", 0) <= PINGS_KEPT:
        pings = left.pop("frames_live", 0)
        if left.get("message_memory_used") == pings * PING_BYTES:
            left.pop("message_memory_used")
    return not left


@contextlib.contextmanager
def ahead_of_others(priority):
    """Processes started meanwhile run before all that have no such priority, wherever that is allowed."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(priority))  # this thread; a child begins so
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


class HostileTestCase(WireTestCase):
    SERVER_AHEAD = True

    def start(self, *arguments, **flags):
        """The server, ahead of the attackers: these stand for other machines, and would not take its
        processors. Where that is not allowed they do."""
        with ahead_of_others(1) if self.SERVER_AHEAD else contextlib.nullcontext():
            server = super().start(*arguments, **flags)
        server.resident_bytes_at_start = resident_bytes(server)
        return server

    def tearDown(self):
        self.close_clients()
        for server in self._servers:
            if server.child.poll() is None:
                self.assert_given_back(server)
        super().tearDown()

    def assert_given_back(self, server):
        """A drain would end what is left of clients: they are gone before it, and so must be what they took,
        all but memory: pools were touched for the first time (test_given_back.py asks for that)."""
        server.wait_until(lambda counters: given_back(server, counters))
        counters_lines = sum(line.startswith("holdfast: counters") for line in server.stderr_lines)
        self.figure(
            "given back",
            resident_kib_at_start=server.resident_bytes_at_start >> 10,
            resident_kib_at_peak=peak_resident_bytes(server) >> 10,
            resident_kib_after=resident_bytes(server) >> 10,
            log_lines=len(server.stderr_lines) - counters_lines,
        )

    def assert_memory_below(self, taken_bytes, bound_bytes, why=None):
        """A sanitizer takes memory of its own and keeps what is freed: then this says nothing."""
        if not SANITIZED:
            self.assertLess(taken_bytes, bound_bytes, why)

    def figure(self, name, seen=None, **figures):
        """One line for the table of tools/soak: what was done, and what became of the bystanders."""
        path = os.environ.get("HOLDFAST_FIGURES")
        if not path:
            return
        line = collections.OrderedDict(test=self.id().split(".", 1)[-1], figure=name, **figures)
        if seen is not None:
            line["bystanders_lost"] = seen["lost"]
            for phase, numbers in seen["phases"].items():
                if "p99_ms" in numbers:
                    phase = phase.replace(" ", "_")
                    line[f"p99_ms_{phase}"] = numbers["p99_ms"]
                    line[f"stolen_percent_{phase}"] = numbers.get("stolen_percent")
        with open(path, "a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
