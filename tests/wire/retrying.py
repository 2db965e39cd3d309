"""Clients that come all at once and try again: who is not inside after about a second gives his connection up
and makes another after a pause, which doubles and of which a random part is taken, as SDKs do.

As a program: retrying.py HOST PORT COUNT SEED; says "started" when all have tried once, then, when all are
inside or it is too late, what became of them as JSON, and lets go of them at end of input.
"""

import heapq
import json
import random
import selectors
import sys
import time

import raw_client
from beside import Beside
from lobby import Waiting

TRIES_FOR_S = (0.75, 1.25)  # drawn anew for each attempt, or all would come back in the same moments
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.5, 8.0
# Beginnings and ends of attempts before it looks who has been answered: thousands in one thread would
# otherwise give up for want of its attention.
AT_ONCE = 100
ALL_INSIDE_WITHIN_S = 60.0 * raw_client.PATIENCE


class Crowd:
    def __init__(self, address, count, seed):
        self.address = address
        self.rng = random.Random(seed)
        self.selector = selectors.EpollSelector()
        self.trying = {}  # by number; None in a pause
        self.inside = []
        self.due = []  # (when, number, attempt) of ends of attempts and of pauses
        self.attempts = [0] * count
        self.ended = 0  # attempts, by the server
        for number in range(count):
            self.attempt(number)

    def attempt(self, number):
        client = self.trying[number] = Waiting(self.address)
        client.number = number
        self.attempts[number] += 1
        self.selector.register(client.socket, selectors.EVENT_WRITE, client)
        self.call_again(number, self.rng.uniform(*TRIES_FOR_S))

    def give_up(self, number):
        client = self.trying[number]
        if client.ended is None:
            self.selector.unregister(client.socket)
            client.close()
        self.trying[number] = None
        longest = min(FIRST_PAUSE_S * 2 ** (self.attempts[number] - 1), LONGEST_PAUSE_S)
        self.call_again(number, self.rng.uniform(0.0, longest))

    def call_again(self, number, after_s):
        heapq.heappush(self.due, (time.monotonic() + after_s, number, self.attempts[number]))

    def turn(self):
        wait_s = max(0.0, self.due[0][0] - time.monotonic()) if self.due else 0.0
        for key, events in self.selector.select(min(wait_s, 0.1)):
            self.serve(key.data, events)
        for _ in range(AT_ONCE):
            if not self.due or self.due[0][0] > time.monotonic():
                return
            _, number, attempt = heapq.heappop(self.due)
            if number not in self.trying or attempt != self.attempts[number]:
                continue
            if self.trying[number] is None:
                self.attempt(number)
            else:
                self.give_up(number)

    def serve(self, client, events):
        if events & selectors.EVENT_WRITE:
            if client.send_or_end(raw_client.request(key=client.key)):
                self.selector.modify(client.socket, selectors.EVENT_READ, client)
                return
            client.ended = "reset"
        elif client.fill():
            if b"\r\n\r\n" in client.unread:
                client.finish_upgrade(client.key)
                self.selector.unregister(client.socket)
                self.inside.append(self.trying.pop(client.number))
            return
        # It tries again as if nobody had answered.
        self.ended += 1
        self.selector.unregister(client.socket)
        client.close()

    def run(self):
        began = time.monotonic()
        while self.trying and time.monotonic() < began + ALL_INSIDE_WITHIN_S:
            self.turn()
        return {
            "inside": len(self.inside),
            "attempts": sum(self.attempts),
            "most_attempts": max(self.attempts),
            "ended": self.ended,
        }


class Retrying(Beside):
    def __init__(self, case, address, count, seed):
        super().__init__(case, __file__, *address, count, seed)
        case.keep(self)

    def wait_until_started(self):
        self.case.assertEqual(self.process.stdout.readline(), "started\n", "not all of them tried")

    def seen(self):
        return json.loads(self.process.stdout.readline())


def main(host, port, count, seed):
    crowd = Crowd((host, int(port)), int(count), int(seed))
    print("started", flush=True)
    print(json.dumps(crowd.run()), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main(*sys.argv[1:])
