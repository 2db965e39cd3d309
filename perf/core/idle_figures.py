"""Memory and heartbeats of many idle connections in one server process, held by several load clients.

Bounds are absolute here. Each client has a source address of its own (127.0.0.2 and on): a pair of addresses
has 28,000 ports.
"""
import contextlib
import time

import kernel_memory
import programs
from rows import Row, kept
from programs import Failed

LOW, HIGH, PER_CLIENT = 20_000, 100_000, 10_000
PING_INTERVAL_S, HEARTBEAT_WINDOW_S = 25, 50
PEER_PER_CLIENT = 9_000
SETTLE_S = 2.5
TIMEOUT_S = 900  # of one client; a bound, far above what it takes


class IdleBench:
    def __init__(self, tools, subject, peer, rounds, quick, say):
        self._tools, self._subject, self._peer = tools, subject, peer
        self._rounds, self._quick, self._say = rounds, quick, say
        if subject.one_process_holds >= HIGH:
            self._low, self._high, self._each = LOW, HIGH, PER_CLIENT
        else:
            self._low, self._high, self._each = LOW // 5, HIGH // 5 - 2000, PER_CLIENT // 5

    def _hold(self, running, mode, port, number, server_pid=0, connections=0):
        """One more client with its connections open; it stays until `running` is left."""
        client = programs.Client(self._tools["load"], TIMEOUT_S, mode=mode, port=port, server_pid=server_pid,
                                 connections=connections or self._each, source=f"127.0.0.{number + 2}")
        return running.enter_context(client)

    def _grow(self, pid, port_of, mode):
        """Opens the smaller, then the larger number; growth of each: {cache: bytes}, resident bytes."""
        _wait_until_cleared()
        marks = []
        with contextlib.ExitStack() as clients:
            for number in range(self._high // self._each):
                self._hold(clients, mode, port_of(number), number)
                if (number + 1) * self._each in (self._low, self._high):
                    time.sleep(SETTLE_S)
                    marks.append((kernel_memory.read_slabs(), kernel_memory.resident_bytes(pid)))
        (slabs_low, resident_low), (slabs_high, resident_high) = marks
        more = self._high - self._low
        caches = None if slabs_low is None else kernel_memory.growth_each(slabs_low, slabs_high, more)
        return caches, (resident_high - resident_low) / more

    def _bare_growth(self):
        holders = self._high // self._each
        first = programs.free_ports(holders)
        with contextlib.ExitStack() as running:
            for port in range(first, first + holders):
                child = running.enter_context(programs.server([self._tools["bare_accept"], str(port)], port))
            return self._grow(child.pid, lambda number: first + number, "connect")[0]

    def _server_growth(self):
        port = programs.free_ports()
        with programs.server(self._subject.idle(port, self._high), port) as child:
            return self._grow(child.pid, lambda _: port, "idle")

    def memory(self):
        name = self._subject.name
        between = f"{self._low:,} to {self._high:,} idle connections"
        user = Row(f"user memory, {between}", "B/connection", name, None, 128)
        kernel = Row(f"kernel memory above a bare accepted socket, {between}", "B/connection", name,
                     None, 320)
        with kept(user, kernel):
            for turn in range(self._rounds):
                caches, resident = self._server_growth()
                user.add(name, resident)
                self._say(f"memory, round {turn + 1}/{self._rounds}: user {resident:.1f} B")
                if caches is None:
                    kernel.failure = "/proc/slabinfo can be read by root only"
                    continue
                bare = self._bare_growth()
                with_server = kernel_memory.total_bytes(caches)
                with_bare = kernel_memory.total_bytes(bare)
                kernel.add(name, with_server - with_bare)
                kernel.note("both ends of a connection, B, held by the server", with_server)
                kernel.note("both ends of a connection, B, held by bare_accept", with_bare)
                in_all = kernel_memory.one_end_bytes(bare) + with_server - with_bare + resident
                kernel.note("a million of them in all, user space included, GB", in_all * 1e6 / 1e9)
                kernel.notes["difference by cache, last round"] = kernel_memory.difference(caches, bare)
                self._say(f"memory, round {turn + 1}/{self._rounds}: kernel {with_server - with_bare:.1f} B "
                          f"above bare (both ends {with_server:.0f} B and {with_bare:.0f} B)")
        return [user, kernel]

    def heartbeat(self):
        """The peer is held at the same time, as many as one process of it can hold: a yardstick."""
        name, peer = self._subject.name, self._peer.name
        share = Row(f"heartbeats, {self._high:,} idle connections, every {PING_INTERVAL_S} s", "% of a core",
                    name, None, 6.0)
        each = Row("one ping and its pong", "us CPU", name, peer, None)
        _wait_until_cleared()
        with kept(share, each), contextlib.ExitStack() as running:
            held = {name: self._hold_all(running, self._subject, self._high, self._each),
                    peer: self._hold_all(running, self._peer, self._peer.one_process_holds, PEER_PER_CLIENT)}
            time.sleep(PING_INTERVAL_S + SETTLE_S)  # the jittered first pings are over
            for turn in range(1 if self._quick else self._rounds):
                windows = self._heartbeat_windows(held)
                ours, theirs = windows[name], windows[peer]
                share.add(name, ours["server_share"] * 100, ours)
                each.add(name, ours["us_each"], ours)
                each.add(peer, theirs["us_each"], theirs)
                each.ratios.append(ours["us_each"] / theirs["us_each"])
                share.note("pings answered, of those due", ours["count"] / self._due(ours, self._high))
                self._say(f"heartbeat, window {turn + 1}: {ours['server_share']:.2%} of a core, "
                          f"{ours['count']:,} pings answered, {ours['us_each']:.2f} us each; {peer} "
                          f"{theirs['count']:,} and {theirs['us_each']:.2f} us")
        return [share, each]

    def _hold_all(self, running, subject, connections, per_client):
        port = programs.free_ports()
        child = running.enter_context(programs.server(subject.idle(port, connections), port))
        return [self._hold(running, "idle", port, number, child.pid, per_client)
                for number in range(connections // per_client)]

    def _due(self, window, connections):
        return connections * window["wall_ns"] / 1e9 / PING_INTERVAL_S

    def _heartbeat_windows(self, held):
        """{name: the first client's window, with the pings and the CPU of all its clients}."""
        for clients in held.values():
            for client in clients:
                client.window()  # the beginning: a window of an idle client lasts from the one before
        time.sleep(HEARTBEAT_WINDOW_S)
        windows = {}
        for name, clients in held.items():
            all_windows = [client.window() for client in clients]
            one = windows[name] = all_windows[0]  # every client reads the same server's clock: one is enough
            one["count"] = sum(window["count"] for window in all_windows)
            one["us_each"] = one["server_cpu_ns"] / max(one["count"], 1) / 1e3
            one["client_share"] = sum(window["client_share"] for window in all_windows)
        for window in windows.values():
            measured = sum(other["server_share"] + other["client_share"] for other in windows.values())
            window["others_share"] = max(0.0, window["machine_cpu_ns"] / window["wall_ns"] - measured)
        ours = windows[self._subject.name]
        if ours["count"] < 0.9 * self._due(ours, self._high):
            raise Failed(f"{ours['count']:,} pings were answered in {ours['wall_ns'] / 1e9:.0f} s, "
                         f"not about {self._due(ours, self._high):,.0f}")
        return windows


def _wait_until_cleared():
    """Sockets of an earlier run are freed in the background: not to be counted in this one. Bounded."""
    for _ in range(200):
        if kernel_memory.tcp_sockets() < 1000:
            break
        time.sleep(0.1)
    time.sleep(1)
