"""What may happen to a server in its long life: acts that each take some seconds and leave nothing behind.

An act is a method of Chaos, called with nothing else of its kind going on; that the steady load around it
goes on without a gap is for test_endurance.py to see.
"""

import signal
import time

import raw_client
from raw_client import BINARY, TEXT, frame

START = b"GET /connection/websocket HTTP/1.1"
VIOLATIONS = (
    frame(BINARY, b"unmasked", key=None),
    frame(TEXT, b"\xff\xfe not UTF-8"),
    frame(3, b"a reserved opcode"),
    frame(BINARY, b"", declared=1 << 40),
    frame(TEXT, b"no JSON"),
    frame(TEXT, b'{"id":1,"subscribe":{"channel":"news"}}'),
    frame(raw_client.CONTINUATION, b"of nothing"),
)


class Chaos:
    def __init__(self, case, server, link, rng, many, seconds, deadline_s):
        """`many` connections for what needs a crowd, `seconds` at most for what takes time."""
        self.case, self.server, self.link, self.rng = case, server, link, rng
        self.many, self.seconds, self.deadline_s = many, seconds, deadline_s
        self.vanished = []
        self.seen = set()
        self.acts = (
            self.the_machine_stands_still,
            self.the_link_is_pulled,
            self.a_reset_storm,
            self.peers_vanish,
            self.heads_that_never_end,
            self.frames_against_the_rules,
            self.readers_that_do_not_read,
            self.settings_are_read_again,
        )

    def connected(self, count, **options):
        address, deadline_s = self.server.address(), self.deadline_s
        with self.link.clients_side.entered():
            return [raw_client.WebSocket(address, deadline_s=deadline_s, **options) for _ in range(count)]

    def crowd(self, count, **options):
        """WebSockets, as fast as they come."""
        clients = self.connected(count, **options)
        for client in clients:
            client.key = raw_client.new_key()
            client.send(raw_client.request(key=client.key, start=START))
        for client in clients:
            client.finish_upgrade(client.key)
        return clients

    def wait_a_while(self, reason):
        """The first time in full: what the worst takes of memory shall be there before anybody compares."""
        time.sleep(self.seconds * (self.rng.random() if reason in self.seen else 1.0))
        self.seen.add(reason)

    def the_machine_stands_still(self):
        self.server.signal(signal.SIGSTOP)
        self.wait_a_while("still")
        self.server.signal(signal.SIGCONT)

    def the_link_is_pulled(self):
        self.link.pull(self.link.server_side)
        self.wait_a_while("pulled")
        self.link.plug(self.link.server_side)

    def a_reset_storm(self):
        for client in self.crowd(self.many):
            client.send_or_end(frame(BINARY, bytes(500))[: self.rng.randrange(500)])
            client.reset()

    def peers_vanish(self):
        """The server finds out by itself: until release() the kernel answers nothing for them."""
        clients = self.crowd(self.many // 4)
        for client in clients:
            client.send_message('{"id":1,"connect":{}}')
            client.receive_message()
            client.vanish()
        self.vanished += clients

    def release(self):
        for client in self.vanished:
            client.reset()
        self.vanished.clear()

    def heads_that_never_end(self):
        clients = self.connected(self.many)
        for client in clients:
            client.send(raw_client.request(start=START)[: self.rng.randrange(1, 60)])
        for client in clients:
            client.wait_for_end()
            client.close()

    def frames_against_the_rules(self):
        for client in self.crowd(self.many // 2):
            client.send_or_end(self.rng.choice(VIOLATIONS))
            client.wait_for_end()
            client.close()

    def readers_that_do_not_read(self):
        """Publications are more than their outboxes and the kernel hold; all of them are told or dropped."""
        clients = self.crowd(10, receive_buffer_bytes=4096)
        for client in clients:
            client.send_message('{"id":1,"connect":{}}\n{"id":2,"subscribe":{"channel":"busy:all"}}')
            while '"id":2' not in client.receive_message():
                pass
        content = {"channel": "busy:all", "data": "." * 60_000}
        with self.link.server_side.entered():
            api = self.case.open_api(self.server)
        for _ in range(200):
            self.case.result(api, "publish", content)
        api.close()
        for client in clients:
            client.wait_for_end()
            client.close()

    def settings_are_read_again(self):
        self.server.signal(signal.SIGHUP)
