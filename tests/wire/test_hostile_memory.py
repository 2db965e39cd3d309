"""holdfast --explain_memory, and a server held to what it says: filled as far as clients can fill it, and
then attacked by ten times as many."""

import json
import os
import re
import time
import unittest

import raw_client
from bystanders import Bystanders
from gateway_process import KEY, GatewayTestCase
from holdfast_process import run_to_its_end
from hostile import SANITIZED, HostileTestCase, resident_bytes, sized
from memory_group import MemoryGroup
from raw_client import BINARY, frame

CONNECTIONS = 400
CHANNELS_EACH = 16
SETTINGS = f"""
max_connections = {CONNECTIONS}
shards = 1
[client]
allow_anonymous = true
max_channels = {CHANNELS_EACH}
max_outbox_bytes = "256KiB"
max_message_bytes = "64KiB"
[api]
key = "{KEY}"
max_body_bytes = "64KiB"
[history]
max_answer_bytes = "64KiB"
[channels]
subscribe = ["anybody"]
publish = ["anybody"]
presence = true
history_size = 10
history_ttl = "5m"
[memory]
message_memory_bytes = "16MiB"
publication_memory_bytes = "16MiB"
presence_memory_bytes = "4MiB"
max_channels = 10000
max_subscriptions = {CONNECTIONS * CHANNELS_EACH}
max_idempotency_results = 1000
"""


def explained_bytes(case, path):
    ended = run_to_its_end("holdfast", f"--config={path}", "--explain_memory")
    case.assertEqual(ended.returncode, 0, ended.stderr)
    return int(re.search(r"^  = ([\d,]+) bytes", ended.stdout, re.MULTILINE).group(1).replace(",", ""))


class Bill(GatewayTestCase, HostileTestCase):
    def test_its_lines_and_its_formula_add_up_to_its_sum(self):
        ended = run_to_its_end("holdfast", "--explain_memory")
        self.assertEqual((ended.returncode, ended.stderr), (0, ""))
        number = r"([\d,]+)"
        rows = re.findall(rf"^ *{number} +{number} +{number}  \S", ended.stdout, re.MULTILINE)
        self.assertGreater(len(rows), 20)
        plain = [[int(word.replace(",", "")) for word in row] for row in rows]
        for count, each, total in plain:
            self.assertEqual(count * each, total)
        whole = int(
            re.search(rf"^  = {number} bytes", ended.stdout, re.MULTILINE).group(1).replace(",", "")
        )
        self.assertEqual(sum(total for _, _, total in plain), whole)
        formula = ended.stdout[ended.stdout.rindex("\n\n  ", 0, ended.stdout.index("\n  = ")) :]
        formula = formula[: formula.index("\n  = ")]
        added = 0
        for line in formula.strip().split("\n"):
            words = [int(word.replace(",", "")) for word in re.findall(r"[\d,]+", line)]
            added += words[0] if len(words) == 1 else words[0] * words[1]
        self.assertEqual(added, whole)

    def test_a_wrong_configuration_is_refused_and_a_smaller_one_takes_less(self):
        wrong = run_to_its_end("holdfast", "--explain_memory", "--max_connections=0")
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("max_connections", wrong.stderr)
        small = explained_bytes(self, self.write_settings("max_connections = 1000\n"))
        large = explained_bytes(self, self.write_settings("max_connections = 10000\n"))
        self.assertLess(small, large)


class Pieces(GatewayTestCase, HostileTestCase):
    CLIENTS = 3000
    HELD_MAXIMUM = 128 << 20  # Service::held_bytes_maximum of the default body
    BODY = 60000

    def test_of_requests_that_never_end_are_held_up_to_a_bound_however_many_send_them(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start_gateway(max_connections=5000, shards=1, anonymous=True)
        before = resident_bytes(server)
        head = f"POST /emulation HTTP/1.1\r\nHost: a\r\nContent-Length: {self.BODY + 1000}\r\n\r\n".encode()
        clients = [self.open_http(server, "ws") for _ in range(self.CLIENTS)]
        for client in clients:
            client.send_or_end(head + b"x" * self.BODY)
        api = self.open_http(server)
        refused = 0
        until = time.monotonic() + 20.0
        while refused < self.CLIENTS - self.HELD_MAXIMUM // self.BODY:
            self.assertLess(time.monotonic(), until, f"only {refused} were turned away")
            api.ask("/metrics")
            metrics = api.receive_response().body.decode()
            refused = int(re.search(r"^holdfast_http_refusals_total (\d+)", metrics, re.MULTILINE).group(1))
        # Strings may have twice the room they use.
        self.assert_memory_below(resident_bytes(server) - before, 2 * self.HELD_MAXIMUM + (16 << 20))
        self.assertEqual(len(self.open_client(server, {"connect": {}}).replies), 1)
        self.figure(
            "HTTP pieces",
            clients=self.CLIENTS,
            refused=refused,
            mib=(resident_bytes(server) - before) >> 20,
        )


class Filled(GatewayTestCase, HostileTestCase):
    """One server, filled on every side that clients reach."""

    def setUp(self):
        super().setUp()
        self.path = self.write_settings(SETTINGS)
        self.explained = explained_bytes(self, self.path)
        self.peak = 0

    def started(self, server):
        """For those who do the same in narrower surroundings."""

    def finished(self, server):
        pass

    def look(self, server):
        self.peak = max(self.peak, resident_bytes(server))
        self.assert_memory_below(self.peak, self.explained, "it takes more than it said")

    def join(self, server, number):
        """A client with all its channels, which then reads nothing more."""
        commands = [{"connect": {}}]
        commands += [
            {"subscribe": {"channel": f"{number}-{place}".ljust(200, "c")}}
            for place in range(CHANNELS_EACH - 1)
        ]
        commands.append({"subscribe": {"channel": "everybody"}})
        numbered = [{**command, "id": place} for place, command in enumerate(commands, start=1)]
        client = self.connect(server, receive_buffer_bytes=4096)
        client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
        client.send_message("\n".join(json.dumps(command) for command in numbered))
        return client

    def fill(self, server):
        inside = [self.join(server, number) for number in range(CONNECTIONS - 40)]
        server.wait_until(lambda counters: counters["connections_open"] >= CONNECTIONS - 40)
        self.look(server)
        # Histories, publications and idempotency results, and outboxes of those who do not read.
        api = self.open_api(server)
        data = "d" * 30000
        for number in range(600):
            channel = "everybody" if number % 4 == 0 else f"{number % 300}-1".ljust(200, "c")
            self.call(api, "publish", {"channel": channel, "data": data, "idempotency_key": f"{number}"})
            if number % 50 == 0:
                self.look(server)
        return inside

    def attack(self, server, count):
        """Comes in and is thrown out: unfinished heads, bodies, messages, and connects with much behind."""
        waiting = []
        for number in range(count):
            try:
                client = self.connect(server, receive_buffer_bytes=4096)
                client.socket.setblocking(False)
                kind = number % 4
                if kind == 0:
                    client.socket.send(raw_client.request()[:-2] + b"x: " + b"y" * 7000)
                elif kind == 1:
                    client.socket.send(
                        b"POST /emulation HTTP/1.1\r\nHost: a\r\nContent-Length: 60000\r\n\r\n"
                        + b"x" * 50000
                    )
                elif kind == 2:
                    client.socket.send(
                        raw_client.request(start=b"GET /connection/websocket HTTP/1.1")
                        + frame(BINARY, b"z" * 50000, declared=60000)
                    )
                else:
                    client.socket.send(
                        raw_client.request(start=b"GET /connection/websocket HTTP/1.1")
                        + frame(
                            raw_client.TEXT, b'{"id":1,"connect":{}}\n' + b'{"id":2,"ping":{}}\n' * 2000
                        )
                        * 2
                    )
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                pass
            waiting.append(client)
            if len(waiting) > 1000:
                waiting.pop(0).reset()
            if number % 100 == 0:
                self.look(server)
        return waiting

    def test_it_stays_within_what_it_said_and_within_it_when_attackers_are_ten_times_as_many(self):
        self.need_descriptors(3000)
        server = self.start_gateway(
            config=self.path, max_connections=None, shards=None, ping_interval=None, drain_timeout="3s"
        )
        self.started(server)
        self.fill(server)
        self.attack(server, CONNECTIONS)
        self.look(server)
        once = self.peak
        self.attack(server, sized(10, 100) * CONNECTIONS)
        self.look(server)
        # Ten times the attackers find no more to take than one time did: what is bounded was full.
        self.assert_memory_below(self.peak, once + (24 << 20))
        self.figure(
            "memory",
            explained_mib=self.explained >> 20,
            filled_mib=once >> 20,
            attacked_mib=self.peak >> 20,
        )
        for client in self._clients:
            client.reset()
        server.wait_until(lambda counters: counters["connections_open"] <= 1, deadline_s=30.0)
        self.assertEqual(len(self.open_client(server, {"connect": {}}).replies), 1)
        self.finished(server)


class FilledInACgroup(Filled):
    """The same in a memory cgroup of a tenth more: the kernel would kill it if it took more."""

    def started(self, server):
        if SANITIZED:
            self.skipTest("a sanitizer takes memory of its own")
        self.group = MemoryGroup(self, server, limit_in_bytes=self.explained * 11 // 10)

    def finished(self, server):
        self.assertIn("oom_kill 0", self.group.read("memory.oom_control"))
        self.figure(
            "memory cgroup",
            limit_mib=self.explained * 11 // 10 >> 20,
            peak_mib=int(self.group.read("memory.max_usage_in_bytes")) >> 20,
        )


class ShortOfTcpMemory(HostileTestCase):
    """The kernel has less memory for its sockets than clients can fill: sends and receives stop anywhere."""

    LIMIT_BYTES = sized(4 << 20, 16 << 20)
    HOARDERS = sized(200, 1000)
    SECONDS = sized(3.0, 60.0)

    def test_slow_readers_go_and_nothing_is_lost_for_the_others(self):
        self.need_descriptors(self.HOARDERS)
        server = self.start(
            max_connections=3000, max_outbox_bytes=131072, stall_timeout="2s", handshake_timeout="60s"
        )
        group = MemoryGroup(self, server, kmem__tcp__limit_in_bytes=self.LIMIT_BYTES)
        bystanders = Bystanders(self, server)
        bystanders.phase("short of memory")
        stream = frame(BINARY, b"h" * 4000) * 20
        hoarders = []
        came = 0
        until = time.monotonic() + self.SECONDS
        while time.monotonic() < until:
            # Whoever was evicted comes back and does it again.
            for _ in range(min(20, self.HOARDERS - len(hoarders))):
                client = raw_client.WebSocket(server.address(), receive_buffer_bytes=4096)
                client.socket.setblocking(False)
                client.send_or_end(raw_client.request())
                hoarders.append(client)
                came += 1
            for client in list(hoarders):
                try:
                    client.socket.send(stream)
                except BlockingIOError:
                    pass
                except (BrokenPipeError, ConnectionResetError):
                    client.close()
                    hoarders.remove(client)
        peak = int(group.read("memory.kmem.tcp.max_usage_in_bytes"))
        for client in hoarders:
            client.reset()
        self.assertGreaterEqual(peak, self.LIMIT_BYTES, "the test did not reach its subject")
        self.assert_still_serves(server)
        seen = bystanders.assert_unharmed()
        counters = server.counters()
        evicted = counters["outbox_overflows"] + counters["stall_timeouts"]
        self.assertGreater(evicted, 0, "nobody who did not read was ended")
        self.figure(
            "short of TCP memory",
            seen,
            limit_mib=self.LIMIT_BYTES >> 20,
            peak_mib=peak >> 20,
            hoarders=came,
            evicted=evicted,
            transient_errors=counters["transient_errors"],
        )


if __name__ == "__main__":
    unittest.main()
