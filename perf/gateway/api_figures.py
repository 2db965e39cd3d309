"""What a publish through the HTTP API costs: processor time of one shard per publish, through keep-alive
connections, to a channel without subscribers and without history.

Every connection has some requests on their way, and sends as many again when all are answered; each answer is
compared. The figure is CPU time of all threads of the server in the window, by the publishes answered in it;
its inverse is what one core does. The server has core 0, this script core 1: where the script is slower, the
throughput it sees is its own.
"""
import contextlib
import json
import os
import select
import socket
import tempfile
import time

import gateway_program
import programs
from gateway_program import API_KEY
from programs import Failed
from rows import Row, kept

CHANNEL = "bare:measured"
CONNECTIONS = 64
WARM_UP_S, WINDOW_S, QUICK_WINDOW_S = 1.0, 4.0, 1.0
GOAL_PER_CORE = 50_000
SPARE = 200
# name: (requests on their way on each connection, publishes in each request)
WAYS = {"a request each, one on its way": (1, 1), "a request each, 16 on their way": (16, 1),
        "a batch of 100 in a request": (1, 100)}
SIGNS_OF_FAILURE = (b'"error":', b"HTTP/1.1 3", b"HTTP/1.1 4", b"HTTP/1.1 5")
JUDGED = "a request each, 16 on their way"


def cpu_ns(pid):
    total = 0
    for task in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/task/{task}/schedstat") as times:
            total += int(times.read().split()[0])
    return total


class Publisher:
    """One connection, and the answers it is owed."""

    def __init__(self, port, requests, publishes):
        publish = {"channel": CHANNEL, "data": {"text": "x" * 32}}
        if publishes == 1:
            method, body = "publish", publish
            answer = b'{"result":{}}'
        else:
            method, body = "batch", {"commands": [{"publish": publish}] * publishes}
            answer = b'{"replies":[' + b",".join([b'{"publish":{}}'] * publishes) + b"]}"
        body = json.dumps(body, separators=(",", ":")).encode()
        head = (f"POST /api/{method} HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: {API_KEY}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n")
        self._sent = (head.encode() + body) * requests
        self._requests, self._answered = requests, requests * publishes
        self._answer = b"\r\n\r\n" + answer
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._unread = b""

    def send(self):
        self.socket.sendall(self._sent)

    def take(self):
        """How many publishes have been answered; sends the next when all are."""
        more = self.socket.recv(1 << 18)
        if not more:
            raise Failed(f"the API ended a connection, after {self._unread[-300:]}")
        self._unread += more
        if any(sign in self._unread for sign in SIGNS_OF_FAILURE):
            raise Failed(f"unexpected answers: {self._unread[:300]}")
        if self._unread.count(self._answer) < self._requests:
            return 0
        good = self._unread.count(b"HTTP/1.1 200 OK\r\n") == self._requests
        if not good or not self._unread.endswith(self._answer):
            raise Failed(f"unexpected answers: {self._unread[:300]}")
        self._unread = b""
        self.send()
        return self._answered


def _run(publishers, seconds):
    poller = select.epoll()
    by_descriptor = {publisher.socket.fileno(): publisher for publisher in publishers}
    for descriptor in by_descriptor:
        poller.register(descriptor, select.EPOLLIN)
    end = time.monotonic() + seconds
    published = 0
    while time.monotonic() < end:
        ready = poller.poll(1.0)
        if not ready:
            raise Failed("the API did not answer for a second")
        for descriptor, _ in ready:
            published += by_descriptor[descriptor].take()
    return published


class ApiBench:
    def __init__(self, build, rounds, quick, say):
        self._build, self._rounds, self._say = build, rounds, say
        self._window_s = QUICK_WINDOW_S if quick else WINDOW_S

    def _window(self, way):
        """(publishes, CPU ns of the server, CPU ns of this script, wall ns)."""
        requests, publishes = WAYS[way]
        port = programs.free_ports(2)
        with contextlib.ExitStack() as running:
            scratch = running.enter_context(tempfile.TemporaryDirectory())
            gateway = gateway_program.Gateway(self._build, scratch)
            child = running.enter_context(programs.server(gateway.command(port, SPARE), port + 1))
            publishers = [Publisher(port + 1, requests, publishes) for _ in range(CONNECTIONS)]
            for publisher in publishers:
                running.enter_context(publisher.socket)
                publisher.send()
            _run(publishers, WARM_UP_S)
            server, own, wall = cpu_ns(child.pid), time.process_time_ns(), time.monotonic_ns()
            published = _run(publishers, self._window_s)
            return (published, cpu_ns(child.pid) - server, time.process_time_ns() - own,
                    time.monotonic_ns() - wall)

    def api(self):
        name = "holdfast"
        rows = {way: Row(f"publish through the HTTP API, {CONNECTIONS} connections, {way}", "us CPU/publish",
                         name, None, 1e6 / GOAL_PER_CORE if way == JUDGED else None) for way in WAYS}
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {programs.CLIENT_CORE})
        try:
            with kept(*rows.values()):
                for turn in range(self._rounds):
                    for way, row in rows.items():
                        published, server, own, wall = self._window(way)
                        each = server / published / 1e3
                        row.add(name, each, {"server_share": server / wall, "client_share": own / wall})
                        row.note("publishes a second on one core", 1e6 / each)
                        row.note("publishes a second with this client", published / wall * 1e9)
                        self._say(f"api, {way}, round {turn + 1}/{self._rounds}: {each:.2f} us, so "
                                  f"{1e6 / each:,.0f}/s on one core; {published / wall * 1e9:,.0f}/s seen")
        finally:
            os.sched_setaffinity(0, cores)
        return list(rows.values())
