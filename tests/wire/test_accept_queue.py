"""Clients in the kernel's queue: more than it holds, and behind a server whose table is full.

Nobody is turned away: who finds no place in the queue gets no answer and asks again.
"""

import os
import re
import resource
import signal
import time
import unittest

import networks
from gateway_process import GatewayTestCase
from hostile import SANITIZED, SOAK, HostileTestCase, cpu_seconds, sized
from lobby import Lobby
from retrying import Retrying

PORT = 8000


def setUpModule():
    networks.need()


def listen_overflows():
    """How often this network has dropped a connection request because an accept queue was full."""
    with open("/proc/thread-self/net/netstat", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("TcpExt:")]
    return int(lines[1][lines[0].index("ListenOverflows")])


class ShortQueue(HostileTestCase):
    """Of 128 places, the kernel's default for many years; for many clients of as many as a listener asks for,
    since the kernel alone repeats their requests, for all in the same moments."""

    CLIENTS = sized(3000, 15000)
    PLACES = sized(128, 1024)

    def test_who_finds_it_full_comes_in_later(self):
        self.need_descriptors(self.CLIENTS)
        network = networks.Network()
        self.addCleanup(network.close)
        network.write_setting("net.core.somaxconn", self.PLACES)
        with network.entered():
            self.burst()

    def burst(self):
        server = self.start(
            listen=f"127.0.0.1:{PORT}", max_connections=18000, shards=1, handshake_timeout="60s"
        )
        server.signal(signal.SIGSTOP)
        lobby = Lobby(self, server, self.CLIENTS)
        server.signal(signal.SIGCONT)
        began = time.monotonic()
        lobby.wait_for(self.CLIENTS, deadline_s=60.0)
        seconds = time.monotonic() - began
        overflows = listen_overflows()
        self.assertGreater(overflows, 0, "the test did not reach its subject")
        self.assertEqual(lobby.turned_away, [])
        counters = server.counters()
        self.assertEqual(counters["accept_errors"], 0)
        server.wait_for(connections_open=self.CLIENTS)
        self.figure(
            "accept queue",
            clients=self.CLIENTS,
            places=self.PLACES,
            overflows=overflows,
            all_in_after_s=round(seconds, 1),
        )


class ShortQueueAndClientsThatTryAgain(HostileTestCase):
    """The same of 128 places, and clients that do not leave it to the kernel to ask again."""

    PLACES = 128
    PROCESSES = sized(1, 4)
    EACH = sized(3000, 12500)
    SHARDS = sized(1, 4)  # a queue each
    MORE_PORTS = "1024 65535"  # what is given up keeps its port for a minute

    def test_all_are_inside_within_a_minute(self):
        self.need_descriptors(self.EACH)
        network = networks.Network()
        self.addCleanup(network.close)
        network.write_setting("net.core.somaxconn", self.PLACES)
        network.write_setting("net.ipv4.ip_local_port_range", self.MORE_PORTS)
        with network.entered():
            self.burst(self.PROCESSES * self.EACH)

    def burst(self, clients):
        server = self.start(
            listen=f"0.0.0.0:{PORT}",
            max_connections=clients + clients // 5,
            shards=self.SHARDS,
            # Who gave up while the queue was full may be taken in all the same, and his kernel has long
            # forgotten him: then this is his end.
            handshake_timeout="5s",
        )
        server.signal(signal.SIGSTOP)
        crowds = [
            Retrying(self, (f"127.0.0.{number + 1}", PORT), self.EACH, number)
            for number in range(self.PROCESSES)
        ]
        for crowd in crowds:
            crowd.wait_until_started()
        overflows = listen_overflows()
        server.signal(signal.SIGCONT)
        began = time.monotonic()
        self.assertGreater(overflows, clients // 2, "the test did not reach its subject")
        seen = [crowd.seen() for crowd in crowds]
        seconds = time.monotonic() - began
        self.assertEqual(sum(one["inside"] for one in seen), clients)
        counters = server.wait_for(connections_open=clients)
        self.assertEqual(counters["accept_errors"], 0)
        ended = sum(one["ended"] for one in seen)
        self.assertLessEqual(ended, counters["handshakes_timed_out"], "somebody was turned away")
        self.figure(
            "accept queue, clients that try again",
            clients=clients,
            queues=self.SHARDS,
            places=self.PLACES,
            attempts=sum(one["attempts"] for one in seen),
            ended_for_their_silence=ended,
            most_attempts_of_one=max(one["most_attempts"] for one in seen),
            overflows_before_the_first_accept=overflows,
            overflows=listen_overflows(),
            all_in_after_s=round(seconds, 1),
        )


@unittest.skipUnless(SOAK, "the small size has one queue as it is")
class OneShortQueueAndClientsThatTryAgain(ShortQueueAndClientsThatTryAgain):
    PROCESSES, EACH, SHARDS = 2, 7500, 1


class FullTable(HostileTestCase):
    SLOTS = sized(200, 1000)
    CLIENTS = sized(1000, 5000)
    LEAVING = sized(20, 100)
    ROUNDS = 8
    SECONDS = sized(1.0, 5.0)

    def test_waiting_costs_nothing_and_each_freed_slot_admits_one(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=self.SLOTS, shards=1, handshake_timeout="60s")
        lobby = Lobby(self, server, self.CLIENTS)
        lobby.wait_for(self.SLOTS)
        self.assertEqual(lobby.come_in_within(0.5), 0)
        cpu, lines = cpu_seconds(server), len(server.stderr_lines)
        self.assertEqual(lobby.come_in_within(self.SECONDS), 0)
        cpu = cpu_seconds(server) - cpu
        lines = len(server.stderr_lines) - lines
        self.assertLess(cpu, self.SECONDS / 2, "a full table must not spin on accept")
        self.assertLessEqual(lines, self.SECONDS, "it may say so, but not go on about it")
        moments = []
        for number in range(self.ROUNDS):
            if number == self.ROUNDS // 2:
                self.lower_descriptors(server)
            began = time.monotonic()
            lobby.leave(self.LEAVING)
            lobby.wait_for(self.SLOTS)
            moments.append(time.monotonic() - began)
            self.assertEqual(lobby.come_in_within(0.2), 0, "more came in than there are slots")
            self.assertEqual(server.counters()["connections_open"], self.SLOTS)
        self.assertEqual(lobby.turned_away, [])
        self.figure(
            "full table",
            slots=self.SLOTS,
            waiting=self.CLIENTS - self.SLOTS,
            cpu_percent_while_full=round(100 * cpu / self.SECONDS, 1),
            log_lines_while_full=lines,
            freed=self.LEAVING,
            all_admitted_after_ms=round(1e3 * max(moments[: self.ROUNDS // 2])),
            with_fewer_descriptors_ms=round(1e3 * max(moments[self.ROUNDS // 2 :])),
        )

    def lower_descriptors(self, server):
        """To what it has open, while it runs: clients are not among them."""
        count = len(os.listdir(f"/proc/{server.child.pid}/fd"))
        hard = resource.prlimit(server.child.pid, resource.RLIMIT_NOFILE)[1]
        resource.prlimit(server.child.pid, resource.RLIMIT_NOFILE, (count, hard))


class NoDescriptorLeft(GatewayTestCase, HostileTestCase):
    SETTINGS = "[client]\nallow_anonymous = true\n"

    @unittest.skipIf(SANITIZED, "UBSan asks a pipe of its own whether an object is there, and gets none")
    def test_the_operator_sees_it_and_clients_do_not(self):
        server = self.start_gateway(self.SETTINGS)
        pid = server.child.pid
        api = self.open_http(server)
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        count = len(os.listdir(f"/proc/{pid}/fd"))
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (count, before[1]))
        for _ in range(50):
            self.assertIn("connect", self.open_client(server, {"connect": {}}).replies[1])
        api.ask("/metrics")
        metrics = api.receive_response().body.decode()
        self.assertEqual(self.number(metrics, "process_open_fds"), count)
        self.assertGreater(self.number(metrics, "process_resident_memory_bytes"), 0)
        self.hang_up(server, "the settings stay as they are")
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
        self.hang_up(server, "settings read again")

    def number(self, metrics, name):
        return int(re.search(rf"^{name} (\d+)$", metrics, re.MULTILINE)[1])

    def hang_up(self, server, expected):
        server.signal(signal.SIGHUP)
        found = server._wait(lambda: any(expected in line for line in server.stderr_lines), 10.0)
        self.assertTrue(found, server.stderr_lines)


if __name__ == "__main__":
    unittest.main()
