"""Server CPU per echoed message, per delivery and per handshake, of holdfast and what it is compared with.

A round starts every subject afresh, each with a client that has its connections open, and then lets them
take turns in short windows, always in the same order, so that each follows on the same other one; the
next round has another order. While one is measured the others are idle. A ratio is made of two
neighbouring windows, a round's ratio is the median of those. So whatever the machine does for a second or
a minute meets all subjects alike, and what differs from one process to the next shows between the rounds.
"""
import contextlib
import statistics

import programs
from rows import Row, kept

ECHO = ((64, 400), (64, 3000), (1024, 400), (1024, 3000), (16384, 400), (65536, 400))
FANOUT_CONNECTIONS, FANOUT_BYTES = 10_000, 64
HANDSHAKES, HANDSHAKES_OUTSTANDING = 10_000, 64
WARM_UP_MS, WINDOW_MS = 100, 600
FLOOR = "bare send(2)"
TIMEOUT_S = 180  # of one client, that is of one round


class CpuBench:
    def __init__(self, tools, ours, peer, rounds, turns, say):
        self._tools, self._ours, self._peer = tools, ours, peer
        self._rounds, self._turns, self._say = rounds, turns, say

    def _measure(self, figure, rows, commands, **options):
        """commands: {name: function of a port to the server's command}."""
        with kept(*rows):
            for number in range(self._rounds):
                with contextlib.ExitStack() as running:
                    first = number % len(commands)
                    names = (list(commands) * 2)[first:first + len(commands)]
                    clients = {name: self._start(running, commands[name], options) for name in names}
                    windows = self._take_turns(clients)
                for row in rows:
                    _add_round(row, windows)
                self._say(f"{figure}, round {number + 1}/{self._rounds}: " + ", ".join(
                    f"{name} {_middle(own, 'us_each'):.2f} us (server {_middle(own, 'server_share'):.0%}, "
                    f"client {_middle(own, 'client_share'):.0%}, others {_middle(own, 'others_share'):.0%})"
                    for name, own in windows.items()))

    def _start(self, running, command, options):
        port = programs.free_ports()
        child = running.enter_context(programs.server(command(port), port))
        client = programs.Client(self._tools["load"], TIMEOUT_S, port=port, server_pid=child.pid,
                                 warm_up_ms=WARM_UP_MS, window_ms=WINDOW_MS, **options)
        return running.enter_context(client)

    def _take_turns(self, clients):
        for client in clients.values():
            for _ in range(2):
                client.window()  # not counted: compilers, allocators and caches get warm
        windows = {name: [] for name in clients}
        for _ in range(self._turns):
            for name, client in clients.items():
                windows[name].append(client.window())
        return windows

    def echo(self):
        rows = []
        for message_bytes, connections in ECHO:
            row = Row(f"echo, {_size(message_bytes)}, {connections:,} connections", "us CPU/message",
                      self._ours.name, self._peer.name, 0.95 if message_bytes <= 1024 else 1.0)
            commands = {subject.name: lambda port, subject=subject: subject.echo(port, connections)
                        for subject in (self._ours, self._peer)}
            self._measure(row.figure, [row], commands, mode="echo", connections=connections,
                          message_bytes=message_bytes)
            rows.append(row)
        return rows

    def fanout(self):
        figure = f"fan-out, {_size(FANOUT_BYTES)} to {FANOUT_CONNECTIONS:,}"
        rows = [Row(figure, "us CPU/delivery", self._ours.name, FLOOR, 1.08),
                Row(figure, "us CPU/delivery", self._ours.name, self._peer.name, None),
                Row(figure, "us CPU/delivery", self._peer.name, FLOOR, None)]
        commands = {subject.name: lambda port, subject=subject: subject.publish(port, FANOUT_CONNECTIONS)
                    for subject in (self._ours, self._peer)}
        # Between the two, so that the floor is a neighbour of both.
        commands = {self._ours.name: commands[self._ours.name],
                    FLOOR: lambda port: [self._tools["send_floor"], str(port), str(FANOUT_CONNECTIONS)],
                    self._peer.name: commands[self._peer.name]}
        self._measure(figure, rows, commands, mode="fanout", connections=FANOUT_CONNECTIONS,
                      message_bytes=FANOUT_BYTES)
        return rows

    def handshake(self):
        row = Row(f"handshake, {HANDSHAKES:,}, {HANDSHAKES_OUTSTANDING} outstanding", "us CPU/handshake",
                  self._ours.name, self._peer.name, 0.95)
        commands = {subject.name: lambda port, subject=subject: subject.echo(port, HANDSHAKES)
                    for subject in (self._ours, self._peer)}
        self._measure(row.figure, [row], commands, mode="handshake", connections=HANDSHAKES,
                      outstanding=HANDSHAKES_OUTSTANDING)
        return [row]


def _middle(windows, key):
    return statistics.median(window[key] for window in windows)


def _add_round(row, windows):
    """One value and one ratio per round."""
    for name in (row.subject, row.against):
        own = windows[name]
        row.add(name, _middle(own, "us_each"), {key: _middle(own, key) for key in
                                                ("server_share", "client_share", "others_share")})
    pairs = zip(windows[row.subject], windows[row.against])
    row.ratios.append(statistics.median(ours["us_each"] / theirs["us_each"] for ours, theirs in pairs))


def _size(message_bytes):
    return f"{message_bytes} B" if message_bytes < 1024 else f"{message_bytes // 1024} KiB"
