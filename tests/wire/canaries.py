"""Clients of an echo server, each with bytes that nobody else has, who come and go in storms.

What a client sends is its own pattern over and over, as one frame, in fragments, in a ping; before it leaves
it may send a part of a frame, or not wait for its answer. What comes back must be what it sent last, byte for
byte: whoever sees another pattern, one of its slot's former tenants for example, says so.

As a program: canaries.py HOST PORT COUNT SEED; says "started", ends at end of input, and prints what it saw
as JSON.
"""

import base64
import json
import random
import select
import selectors
import sys
import time

import raw_client
from beside import Beside
from raw_client import BINARY, CONTINUATION, PING, frame

PATTERN_BYTES = 32
SPOKEN_TO_AT_ONCE = 50
PAUSE_BETWEEN_STORMS_S = 1.0
SETTLE_S = 60.0
DEADLINE_S = 60.0


class Canary(raw_client.WebSocket):
    def __init__(self, address, rng):
        super().__init__(address, deadline_s=DEADLINE_S)
        self.pattern = rng.randbytes(PATTERN_BYTES)
        self.key = base64.b64encode(self.pattern[:16])
        self.upgraded = False
        self.expected = None  # (opcode, payload) of the one answer that is owed
        self.unsent = b""
        self.send(raw_client.request(key=self.key))
        self.socket.setblocking(False)

    def say(self, rng):
        """One message; its echo is expected."""
        if rng.random() < 0.1:
            payload = self.pattern * rng.randint(1, 3)
            self.expected = (raw_client.PONG, payload)
            return self.write(frame(PING, payload, key=rng.randbytes(4)))
        # Mostly small; some are longer than a receive buffer.
        payload = self.pattern * (rng.randint(1, 40) if rng.random() < 0.95 else rng.randint(600, 2000))
        self.expected = (BINARY, payload)
        if rng.random() < 0.8:
            return self.write(frame(BINARY, payload, key=rng.randbytes(4)))
        middle = rng.randrange(len(payload))
        return self.write(
            frame(BINARY, payload[:middle], final=False, key=rng.randbytes(4))
            + frame(CONTINUATION, payload[middle:], key=rng.randbytes(4))
        )

    def write(self, stream):
        self.unsent += stream
        try:
            self.unsent = self.unsent[self.socket.send(self.unsent) :]
        except BlockingIOError:
            pass
        except (BrokenPipeError, ConnectionResetError):
            self.unsent = b""  # whoever listens sees the end

    def answers(self):
        """Whole frames that have come; judges the answer to the upgrade."""
        if not self.upgraded:
            if b"\r\n\r\n" not in self.unread:
                return
            self.finish_upgrade(self.key)
            self.upgraded = True
        while found := self._frame_in_unread():
            del self.unread[: found[1]]
            yield found[0]

    def depart(self, rng):
        way = rng.random()
        if way < 0.4 and self.upgraded and not self.unsent:
            # A part of a frame: bytes that the server holds for somebody who will not be there any more.
            whole = frame(BINARY, self.pattern * 100, key=rng.randbytes(4))
            self.write(whole[: rng.randrange(1, len(whole))])
        if way < 0.7:
            self.reset()
        else:
            self.close()


class Flock:
    def __init__(self, address, count, seed):
        self.address = address
        self.rng = random.Random(seed)
        self.selector = selectors.EpollSelector()
        self.owners = {}  # of patterns, also of those who left
        self.tenants = 0
        self.canaries = [self.newcomer() for _ in range(count)]
        self.heard = 0
        self.wrong = []

    def newcomer(self):
        canary = Canary(self.address, self.rng)
        self.tenants += 1
        self.owners[canary.pattern] = canary.name = f"tenant {self.tenants}"
        self.selector.register(canary.socket, selectors.EVENT_READ, canary)
        return canary

    def replace(self, place):
        canary = self.canaries[place]
        self.selector.unregister(canary.socket)
        canary.depart(self.rng)
        self.canaries[place] = self.newcomer()

    def listen(self, wait_s):
        for key, _ in self.selector.select(wait_s):
            canary = key.data
            try:
                alive = canary.fill()
                for received in canary.answers():
                    self.judge(canary, received)
            except (AssertionError, raw_client.Ended) as error:
                self.wrong.append(f"{canary.name}: {error}")
                alive = False
            if not alive:
                self.wrong.append(f"{canary.name} was ended by {canary.ended}")
                self.replace(self.canaries.index(canary))

    def judge(self, canary, received):
        self.heard += 1
        if canary.expected == (received.opcode, received.payload):
            canary.expected = None
            return
        strangers = {
            self.owners[received.payload[at : at + PATTERN_BYTES]]
            for at in range(len(received.payload))
            if received.payload[at : at + PATTERN_BYTES] in self.owners
        } - {canary.name}
        self.wrong.append(
            f"{canary.name} got {received.payload[:64].hex()}, bytes of {strangers or 'nobody'}"
        )

    def speak(self, count):
        for canary in self.rng.sample(self.canaries, min(count, len(self.canaries))):
            if canary.unsent:
                canary.write(b"")
            elif canary.upgraded and canary.expected is None:
                canary.say(self.rng)

    def storm(self):
        """Some leave, with their answers under way or not, and others come into their places."""
        count = self.rng.randint(1, max(2, len(self.canaries) // 5))
        for number, place in enumerate(self.rng.sample(range(len(self.canaries)), count)):
            self.replace(place)
            if number % SPOKEN_TO_AT_ONCE == 0:
                self.listen(0)

    def settled(self):
        return all(canary.upgraded and canary.expected is None for canary in self.canaries)

    def run(self, commands):
        storms, next_storm = 0, 0.0
        while not select.select([commands], [], [], 0)[0]:
            self.speak(SPOKEN_TO_AT_ONCE)
            self.listen(0.01)
            if time.monotonic() > next_storm:
                self.storm()
                storms += 1
                next_storm = time.monotonic() + self.rng.random() * 2 * PAUSE_BETWEEN_STORMS_S
        until = time.monotonic() + SETTLE_S
        while not self.settled() and time.monotonic() < until:
            for canary in self.canaries:
                if canary.unsent:
                    canary.write(b"")
            self.listen(0.05)
        unanswered = sum(canary.expected is not None for canary in self.canaries)
        for canary in self.canaries:
            canary.reset()
        return {
            "tenants": self.tenants,
            "storms": storms,
            "heard": self.heard,
            "unanswered": unanswered,
            "wrong": self.wrong[:10],
        }


class Canaries(Beside):
    def __init__(self, case, server, count, seed):
        super().__init__(case, __file__, *server.address("ws"), count, seed)

    def wait_until_started(self):
        self.case.assertEqual(self.process.stdout.readline(), "started\n", "the canaries did not get in")

    def seen(self):
        output, _ = self.process.communicate(timeout=2 * SETTLE_S)
        return json.loads(output)


def main(host, port, count, seed):
    flock = Flock((host, int(port)), int(count), int(seed))
    print("started", flush=True)
    print(json.dumps(flock.run(sys.stdin.fileno())))


if __name__ == "__main__":
    main(*sys.argv[1:])
