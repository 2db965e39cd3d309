"""Clients that all come at once and wait, without anybody waiting for them: until their connection is made,
and until the answer to their request for a WebSocket is there.

Owned by the thread of the test, which gives them their turns.
"""

import selectors
import socket
import time

import raw_client


class Waiting(raw_client.WebSocket):
    def __init__(self, address):
        self.deadline_s = raw_client.DEADLINE_S
        self.unread = bytearray()
        self.ended = None
        self.messages = []
        self.control = []
        self.vanished = False
        self.answer_pings = True
        self.key = raw_client.new_key()
        self.socket = socket.socket(socket.AF_INET)
        self.socket.setblocking(False)
        self.socket.connect_ex(address)


class Lobby:
    def __init__(self, case, server, count):
        self.inside = []
        self.turned_away = []
        self.selector = selectors.EpollSelector()
        case.addCleanup(self.selector.close)
        for _ in range(count):
            client = case.keep(Waiting(server.address()))
            self.selector.register(client.socket, selectors.EVENT_WRITE, client)

    def wait_for(self, count, deadline_s=30.0 * raw_client.PATIENCE):
        """Until so many are inside."""
        until = time.monotonic() + deadline_s
        while len(self.inside) < count:
            if time.monotonic() > until:
                raise AssertionError(f"{len(self.inside)} of {count} were inside after {deadline_s} s")
            self.turn(0.05)

    def come_in_within(self, seconds):
        """How many come in meanwhile."""
        before = len(self.inside)
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            self.turn(left)
        return len(self.inside) - before

    def turn(self, timeout_s):
        for key, events in self.selector.select(timeout_s):
            client = key.data
            if events & selectors.EVENT_WRITE:
                self.ask(client)
            else:
                self.hear(client)

    def ask(self, client):
        if not client.send_or_end(raw_client.request(key=client.key)):
            self.turn_away(client)
            return
        self.selector.modify(client.socket, selectors.EVENT_READ, client)

    def hear(self, client):
        if not client.fill():
            self.turn_away(client)
        elif b"\r\n\r\n" in client.unread:
            client.finish_upgrade(client.key)
            self.selector.unregister(client.socket)
            self.inside.append(client)

    def turn_away(self, client):
        self.selector.unregister(client.socket)
        self.turned_away.append(client.ended)

    def leave(self, count):
        """The first of those inside, in different ways."""
        gone, self.inside = self.inside[:count], self.inside[count:]
        for number, client in enumerate(gone):
            if number % 2:
                client.close()
            else:
                client.reset()
