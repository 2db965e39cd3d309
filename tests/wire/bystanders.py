"""Bystanders: clients that do nothing wrong while others do, in a process of their own, and what became of
them.

They send numbered messages at a steady rate and know what must come back: from an echo server each its own,
from a broadcast server all those that one of them sends. Loss is what tests assert. Latency is measured in
phases ("quiet", then the name of what is done to the server) and only reported: it is the machine's as much
as the server's. In their full size tests do to the server what they do in rounds, and in between it is quiet:
so what else the machine has to do is in both, and its worst moments are in few of the rounds. The p99 of a
phase is the median of what it was in each round. A virtual machine has other worst moments the busier it is:
what its host takes away, in percent of all processors' time, is in each phase told beside the latency.

As a program: bystanders.py HOST PORT MODE COUNT RATE BYTES; reads "phase NAME" lines, ends at end of input,
and prints what it saw as JSON.
"""

import collections
import json
import os
import selectors
import statistics
import struct
import sys
import time

import raw_client
from beside import Beside
from hostile import sized

QUIET_S = sized(0.5, 2.0)
ROUNDS = sized(1, 5)
LEAST_FOR_P99 = 100  # messages of a round; shorter rounds are put together
TICK_S = 0.01
SETTLE_S = 15.0 * raw_client.PATIENCE
STARTED_WITHIN_S = 30.0 * raw_client.PATIENCE


class Bystander(raw_client.WebSocket):
    def __init__(self, address, number):
        super().__init__(address)
        self.number = number
        self.expected = collections.deque()  # payload and when it was sent, in order
        self.unsent = b""


class Crowd:
    def __init__(self, address, mode, count, rate, payload_bytes):
        self.mode = mode
        self.rate = rate
        self.payload_bytes = payload_bytes
        self.clients = [Bystander(address, number) for number in range(count)]
        for client in self.clients:
            client.upgrade()
            client.socket.setblocking(False)
        self.phases = collections.OrderedDict()
        self.times = collections.defaultdict(lambda: [0.0, 0.0])  # by phase: of all processors, and stolen
        self.wrong = []
        self.since = processor_seconds()
        self.begin("quiet")

    def begin(self, phase):
        self.latencies = []
        self.phases.setdefault(phase, []).append(self.latencies)
        self.times_of_phase = self.times[phase]

    def account(self):
        """Of the phase that is over."""
        before, self.since = self.since, processor_seconds()
        for number in (0, 1):
            self.times_of_phase[number] += self.since[number] - before[number]

    def send_next(self, sent, now):
        # Of several publishers each would have an order, but not all together.
        client = self.clients[sent % len(self.clients) if self.mode == "echo" else 0]
        payload = payload_of(client.number, sent, self.payload_bytes)
        hearers = [client] if self.mode == "echo" else self.clients
        if client.ended:
            return
        for hearer in hearers:
            hearer.expected.append((payload, now))
        client.unsent += client.encoded(payload)
        self.flush(client)

    def flush(self, client):
        try:
            client.unsent = client.unsent[client.socket.send(client.unsent) :]
        except BlockingIOError:
            pass  # it is served slowly: that shows in the latency
        except OSError as error:
            self.wrong.append(f"bystander {client.number} could not send: {error}")
            client.unsent, client.ended = b"", "error"

    def receive(self, client):
        if not client.fill():
            self.wrong.append(f"bystander {client.number} was ended by {client.ended}")
            return False
        self.take(client)
        return True

    def take(self, client):
        now = time.monotonic()
        for payload in client.take_messages():
            if not client.expected or client.expected[0][0] != payload:
                self.wrong.append(f"bystander {client.number} got {payload[:40]}")
                continue
            self.latencies.append(now - client.expected.popleft()[1])
        for frame in client.control:
            if frame.opcode == raw_client.PING:
                client.socket.send(raw_client.frame(raw_client.PONG, frame.payload))
        client.control = []

    def missing(self):
        return sum(len(client.expected) for client in self.clients)

    def run(self):
        selector = selectors.EpollSelector()
        for client in self.clients:
            selector.register(client.socket, selectors.EVENT_READ, client)
        selector.register(sys.stdin.fileno(), selectors.EVENT_READ)
        for client in self.clients:
            self.take(client)  # a ping that came with the answer to the upgrade causes no event any more
        sent, began, settle_until, commands = 0, time.monotonic(), None, b""
        while settle_until is None or (self.missing() and time.monotonic() < settle_until):
            for key, _ in selector.select(TICK_S):
                if key.data is not None:
                    if not self.receive(key.data):
                        selector.unregister(key.fileobj)
                    continue
                received = os.read(sys.stdin.fileno(), 4096)
                if not received:
                    settle_until = time.monotonic() + SETTLE_S
                    selector.unregister(sys.stdin.fileno())
                *lines, commands = (commands + received).split(b"\n")
                for line in lines:
                    self.account()
                    self.begin(line.decode().removeprefix("phase "))
            now = time.monotonic()
            for client in self.clients:
                if client.unsent:
                    self.flush(client)
            while settle_until is None and sent < (now - began) * self.rate:
                self.send_next(sent, now)
                sent += 1
        self.account()
        ended = sum(1 for client in self.clients if client.ended)
        for client in self.clients:
            client.close()
        return {
            "sent": sent,
            "lost": self.missing(),
            "ended": ended,
            "wrong": self.wrong[:10],
            "phases": {
                name: summary(rounds) | stolen(*self.times[name]) for name, rounds in self.phases.items()
            },
        }


def processor_seconds():
    """Of all processors together: all time, and what the host gave to others although there was work here."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return [count / os.sysconf("SC_CLK_TCK") for count in (sum(ticks), ticks[7])]


def stolen(all_s, stolen_s):
    return {"stolen_percent": round(100 * stolen_s / all_s, 1)} if all_s > 0 else {}


def payload_of(sender, number, payload_bytes):
    """What is sent as the message of this number; in broadcast mode the sender is always 0."""
    return (b"%d %d " % (sender, number)).ljust(payload_bytes, b".")


def summary(rounds):
    if min(len(latencies) for latencies in rounds) < LEAST_FOR_P99:
        rounds = [[latency for latencies in rounds for latency in latencies]]
    ordered = [sorted(latencies) for latencies in rounds if latencies]
    if not ordered:
        return {"received": 0}
    return {
        "received": sum(len(one) for one in ordered),
        "rounds": len(ordered),
        "p50_ms": round(1e3 * statistics.median(one[len(one) // 2] for one in ordered), 2),
        "p99_ms": round(1e3 * statistics.median(one[len(one) * 99 // 100] for one in ordered), 2),
        "max_ms": round(1e3 * max(one[-1] for one in ordered), 2),
    }


class Bystanders(Beside):
    def __init__(self, case, server, mode="echo", count=50, rate=500, payload_bytes=32):
        super().__init__(case, __file__, *server.address("ws"), mode, count, rate, payload_bytes)
        self.server = server
        self.count = count
        case.keep(self)  # it leaves with the clients of the test, before anybody looks for what is left
        if self.process.stdout.readline() != "started\n":
            raise AssertionError("the bystanders did not get in")
        time.sleep(QUIET_S)
        self.phase("opening")

    def phase(self, name):
        """Said again it is another round of it."""
        self.process.stdin.write(f"phase {name}\n")
        self.process.stdin.flush()

    def rounds(self, count=ROUNDS):
        """For each a list for the clients it opens, in the phase "opening"; it says itself when it begins
        with what it is about. They are closed after it, and until they have left nothing is measured."""
        for number in range(count):
            if number > 0:
                self.phase("quiet")
                time.sleep(QUIET_S)
                self.phase("opening")
            clients = []
            yield clients
            self.phase("leaving")
            for client in clients:
                client.close()
            self.server.wait_until(
                lambda counters: counters["slots_in_use"] == self.count, deadline_s=30.0
            )

    def assert_unharmed(self):
        """Nobody was ended and nothing was lost, repeated or out of order; what was seen, for the report."""
        output, _ = self.process.communicate(timeout=SETTLE_S + 20.0)
        seen = json.loads(output)
        self.case.assertEqual(seen["wrong"], [], seen)
        self.case.assertEqual((seen["lost"], seen["ended"]), (0, 0), seen)
        self.case.assertGreater(seen["sent"], 0, seen)
        for name, numbers in seen["phases"].items():
            if name not in ("opening", "leaving"):
                self.case.assertGreater(numbers["received"], 0, f"nobody spoke in the phase {name}")
        return seen


def run_before_others():
    """Bystanders stand for clients on machines of their own: they should not wait for a processor, or what
    is measured is the attackers' share of this machine. Where that is not allowed they do."""
    try:
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
    except PermissionError:
        pass


def main(host, port, mode, count, rate, payload_bytes):
    run_before_others()
    crowd = Crowd((host, int(port)), mode, int(count), float(rate), int(payload_bytes))
    print("started", flush=True)
    print(json.dumps(crowd.run()))


if __name__ == "__main__":
    main(*sys.argv[1:])
