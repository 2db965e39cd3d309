"""Subscribers of a channel that come back as the SDKs do, and the one who publishes there.

Each has a thread of its own and belongs to the network its thread was started in. A subscriber whose
connection ends, or from which nothing came for longer than the server's pings allow, connects anew and asks
for what it missed from the position it is at. The publication of offset N carries the number N, so each
subscriber knows by itself what is missing, repeated or out of order: that is `wrong`, and what tests assert.
"""

import contextlib
import json
import socket
import threading
import time

import raw_client

CHANNEL = "news"
CONNECT_WITHIN_S = 3.0
PAUSE_S = 0.2
# Whoever is away for a minute shall find what was said meanwhile.
SETTINGS = """
[client]
allow_anonymous = true
ping_interval = "{ping_s}s"
pong_timeout = "{pong_s}s"
max_outbox_bytes = "16MiB"
[api]
key = "{key}"
[history]
max_publications = 100_000
max_answer_bytes = "16MiB"
[channels]
subscribe = ["anybody"]
history_size = 100_000
history_ttl = "30m"
recovery = "stream"
force_recovery = true
"""


class Subscriber(threading.Thread):
    def __init__(self, address, silence_s):
        super().__init__(daemon=True)
        self.address = address
        self.silence_s = silence_s
        self.offset, self.epoch = 0, None
        self.wrong = []
        self.endings = []  # why each session ended that was one
        self.returns = 0  # sessions that began with a recovery
        self.joined = threading.Event()  # for the first time
        self.leaving = False
        self.client = None

    def run(self):
        while not self.leaving:
            in_session = False
            try:
                self.client = self.connect()
                self.join_channel()
                in_session = True
                self.listen()
            except raw_client.Silent:
                ending = "silence"
            except (raw_client.Ended, raw_client.Closed, OSError) as error:
                ending = str(error)
            except (AssertionError, ValueError, KeyError) as error:
                ending = f"after {self.offset}: {error!r}"
                self.wrong.append(ending)
            if self.client is not None:
                self.client.close()
                self.client = None
            if not self.leaving:
                if in_session:
                    self.endings.append(ending)
                time.sleep(PAUSE_S)

    def connect(self):
        client = raw_client.WebSocket(self.address, deadline_s=CONNECT_WITHIN_S)
        try:
            client.upgrade(start=b"GET /connection/websocket HTTP/1.1")
        except BaseException:
            client.close()
            raise
        return client

    def join_channel(self):
        wanted = {"channel": CHANNEL}
        if self.epoch:
            wanted |= {"recover": True, "offset": self.offset, "epoch": self.epoch}
        commands = ({"connect": {}, "id": 1}, {"subscribe": wanted, "id": 2})
        self.client.send_message("\n".join(json.dumps(command) for command in commands))
        while not self.answered(2):
            pass
        self.client.socket.settimeout(self.silence_s)
        self.joined.set()

    def answered(self, number):
        """Reads one frame. What else is in it is for those who are in the channel already."""
        found = False
        for message in self.messages():
            if message.get("id") == number:
                self.begin(message["subscribe"])
                found = True
            elif found:
                self.heed(message)
        return found

    def begin(self, result):
        if self.epoch is None:
            self.offset, self.epoch = result.get("offset", 0), result["epoch"]
        elif result.get("recovered"):
            self.returns += 1
        else:
            self.wrong.append(f"not recovered after {self.offset}: {result}")
        for publication in result.get("publications", ()):
            self.take(publication)

    def listen(self):
        while not self.leaving:
            for message in self.messages():
                self.heed(message)

    def messages(self):
        """What the next frame holds; pings are answered."""
        text = self.client.receive_message()
        for line in text.split("\n"):
            message = json.loads(line)
            if message:
                yield message
            else:
                self.client.send_message("{}")

    def heed(self, message):
        if "pub" in message.get("push", {}):
            self.take(message["push"]["pub"])

    def take(self, publication):
        offset = publication["offset"]
        if offset != self.offset + 1 or publication["data"]["n"] != offset:
            self.wrong.append(f"{publication['data']['n']} as {offset} after {self.offset}")
        self.offset = offset

    def leave(self):
        self.leaving = True
        client = self.client
        if client is not None:
            with contextlib.suppress(OSError):
                client.socket.shutdown(socket.SHUT_RDWR)  # wakes its thread
        self.join(2 * CONNECT_WITHIN_S + PAUSE_S)


class Publisher(threading.Thread):
    """Publishes over a connection to the API that the test has opened, at a steady rate."""

    def __init__(self, case, api, rate, payload_bytes=16):
        super().__init__(daemon=True)
        self.case, self.api, self.rate = case, api, rate
        self.payload = "." * payload_bytes
        self.published = 0
        self.wrong = []
        self.stopping = threading.Event()

    def run(self):
        due = time.monotonic()
        while not self.stopping.wait(max(0.0, due - time.monotonic())):
            # What was missed, while the machine stood still for instance, is not made up for in a burst.
            due = max(due + 1 / self.rate, time.monotonic() - 1.0)
            try:
                self.publish_next()
            except (AssertionError, OSError, raw_client.Ended) as error:
                self.wrong.append(f"publication {self.published + 1}: {error}")
                return

    def publish_next(self):
        number = self.published + 1
        content = {"channel": CHANNEL, "data": {"n": number, "rest": self.payload}}
        offset = self.case.result(self.api, "publish", content)["offset"]
        if offset != number:
            self.wrong.append(f"publication {number} became {offset}")
        self.published = number

    def stop(self):
        self.stopping.set()
        self.join(raw_client.DEADLINE_S)


def gather(case, address, count, silence_s, deadline_s=raw_client.DEADLINE_S):
    """Subscribers, all of them there. They leave when the test is over, before it looks for what is left."""
    subscribers = [Subscriber(address, silence_s) for _ in range(count)]
    for subscriber in subscribers:
        subscriber.start()
        case.keep(Leaving(subscriber))
    for subscriber in subscribers:
        case.assertTrue(subscriber.joined.wait(deadline_s), subscriber.wrong)
    return subscribers


class Leaving:
    """A subscriber as one of the clients that a WireTestCase closes."""

    def __init__(self, subscriber):
        self.close = subscriber.leave


def wait_for_all(case, subscribers, offset, deadline_s):
    """Until everybody has everything up to there; the seconds it took."""
    began = time.monotonic()
    while any(subscriber.offset < offset for subscriber in subscribers):
        behind = sorted(subscriber.offset for subscriber in subscribers)
        case.assertLess(time.monotonic() - began, deadline_s, f"of {offset}: {behind}")
        assert_nothing_wrong(case, subscribers)
        time.sleep(0.05)
    assert_nothing_wrong(case, subscribers)
    return time.monotonic() - began


def assert_nothing_wrong(case, those):
    case.assertEqual([wrong for one in those for wrong in one.wrong][:10], [])
