"""Hours of mixed load with something random happening every minute: nothing grows, nothing drifts, nobody
misses anything.

Subscribers that recover, a publisher and clients that come and go are there all the time. After each act of
Chaos those who come and go pause, until only the subscribers should be left: at this quiet point the
server's counters must say exactly so, and what it takes is written down. tools/soak --hours=N says how long;
without it each act is played once and small, or for ten minutes with HOLDFAST_SOAK=1.
"""

import collections
import json
import math
import os
import random
import statistics
import threading
import time
import unittest

import networks
import raw_client
import returning
from chaos import START, Chaos
from gateway_process import KEY, GatewayTestCase
from hostile import SOAK, HostileTestCase, cpu_seconds, resident_bytes, sized

HOURS = float(os.environ.get("HOLDFAST_SOAK_HOURS", 0)) or sized(0.0, 1 / 6)
# A steady slope is only seen where there was time for one.
HOURS_TO_JUDGE_MEMORY = 0.25
SLOPE_MAXIMUM_PERCENT_PER_HOUR = 0.1
GROWTH_FORGIVEN_BYTES = 1 << 20
# Histories, positions and results of publishes end within minutes, so that a steady state is reached.
SETTINGS = f"""
[client]
allow_anonymous = true
ping_interval = "{sized(2, 5)}s"
pong_timeout = "{sized(1, 3)}s"
stall_timeout = "5s"
[api]
key = "{KEY}"
[history]
max_publications = 2000
idempotency_window = "30s"
[channels]
subscribe = ["anybody"]
history_size = 2000
history_ttl = "10m"
recovery = "stream"
force_recovery = true
[namespaces.room]
subscribe = ["anybody"]
publish = ["anybody"]
presence = true
join_leave = true
force_push_join_leave = true
history_size = 10
history_ttl = "30s"
[namespaces.busy]
subscribe = ["anybody"]
"""
ROOMS = 100

Sample = collections.namedtuple("Sample", "hours resident descriptors threads cpu_s")


def setUpModule():
    networks.need()


class ComersAndGoers(threading.Thread):
    """One after the other: each stays in a room for a moment, says something, and leaves in its own way."""

    def __init__(self, address, seed):
        super().__init__(daemon=True)
        self.address = address
        self.rng = random.Random(seed)
        self.may_come = threading.Event()
        self.door = threading.Lock()  # held by who is in
        self.ending = False
        self.lives = 0
        self.wrong = []

    def run(self):
        while not self.ending:
            with self.door:
                if self.may_come.is_set():
                    self.come_and_go()
            time.sleep(self.rng.random() * 0.05)

    def come_and_go(self):
        try:
            self.live()
        except (OSError, raw_client.Ended, raw_client.Silent, raw_client.Closed):
            pass  # of what Chaos does
        except (AssertionError, ValueError) as error:
            self.wrong.append(repr(error))
        self.lives += 1

    def live(self):
        client = raw_client.WebSocket(self.address, deadline_s=5.0)
        try:
            client.upgrade(start=START)
            room = f"room:{self.rng.randrange(ROOMS)}"
            commands = [{"connect": {}}, {"subscribe": {"channel": room}}, {"presence": {"channel": room}}]
            commands += [{"publish": {"channel": room, "data": n}} for n in range(self.rng.randrange(5))]
            numbered = [json.dumps({**command, "id": id}) for id, command in enumerate(commands, 1)]
            client.send_message("\n".join(numbered))
            last = f'"id":{len(commands)}'
            while last not in client.receive_message():
                pass
            way = self.rng.choice(("handshake", "fin", "reset", "half a frame"))
            if way == "handshake":
                client.closing_handshake()
            elif way == "half a frame":
                client.send(raw_client.frame(raw_client.TEXT, bytes(200))[:100])
            elif way == "reset":
                client.reset()
        finally:
            client.close()

    def pause(self):
        """False when the one who is in does not leave."""
        self.may_come.clear()
        if not self.door.acquire(timeout=Endurance.DEADLINE_S):
            return False
        self.door.release()
        return True

    def close(self):
        self.ending = True
        self.join(10.0)


def slope(samples):
    """Percent an hour by which resident memory grows, by least squares, and twice the error of that."""
    hours = [sample.hours for sample in samples]
    sizes = [sample.resident for sample in samples]
    line = statistics.linear_regression(hours, sizes)
    left = sum((y - line.slope * x - line.intercept) ** 2 for x, y in zip(hours, sizes))
    middle = statistics.fmean(hours)
    spread = sum((x - middle) ** 2 for x in hours)
    error = math.sqrt(left / (len(samples) - 2) / spread)
    whole = statistics.fmean(sizes)
    return 100 * line.slope / whole, 2 * 100 * error / whole


class Endurance(GatewayTestCase, HostileTestCase):
    SUBSCRIBERS = sized(5, 50)
    RATE = 20
    MANY = sized(40, 400)
    ACT_S = sized(1.0, 15.0)
    PERIOD_S = sized(0.0, 60.0)
    # Generous: on a machine that others use hours bring much.
    DEADLINE_S = sized(60.0, 300.0)

    def begin(self):
        self.need_descriptors(4 * self.MANY)
        self.link = networks.Link(self)
        self.link.lay_cable()
        with self.link.server_side.entered():
            self.server = self.start_gateway(
                SETTINGS, listen=f"{networks.SERVER_ADDRESS}:0", ping_interval=None, shards=2
            )
        with self.link.clients_side.entered():
            address = self.server.address()
            self.subscribers = returning.gather(self, address, self.SUBSCRIBERS, sized(3.0, 8.0))
            self.comers = [self.keep(ComersAndGoers(address, seed)) for seed in range(2)]
            for comer in self.comers:
                comer.start()
        with self.link.server_side.entered():
            api = self.open_api(self.server)
            api.socket.settimeout(self.DEADLINE_S)  # the server may stand still for longer than usual
            self.publisher = returning.Publisher(self, api, self.RATE)
        self.publisher.start()
        self.addCleanup(self.publisher.stop)
        rng = random.Random("chaos")
        self.chaos = Chaos(
            self, self.server, self.link, rng, self.MANY, self.ACT_S, deadline_s=self.DEADLINE_S
        )
        self.addCleanup(self.chaos.release)

    def forget_log(self):
        """Hours of counters and reloads would fill this process, and are no flood of the clients' making."""
        with self.server._changed:
            lines = self.server.stderr_lines
            lines[:] = [line for line in lines if "counters" not in line and "settings read" not in line]

    def gauges(self):
        with self.link.server_side.entered():
            api = self.open_http(self.server)
        api.ask("/metrics")
        lines = api.receive_response().body.decode().splitlines()
        api.close()
        self._clients.remove(api)
        values = dict(line.split(" ") for line in lines if line.startswith("holdfast_gateway"))
        names = ("clients", "subscriptions", "presence_bytes", "local_channels")
        return [int(values[f"holdfast_gateway_{name}"]) for name in names]

    def wait_for_gauges(self):
        """What channels know of those who left is undone by letters between shards, which take a moment."""
        until = time.monotonic() + self.DEADLINE_S
        while True:
            *seen, channels = self.gauges()
            # Subscribers of one channel may be on one shard or on both.
            if seen == [self.SUBSCRIBERS, self.SUBSCRIBERS, 0] and channels <= 2:
                return
            self.assertLess(time.monotonic(), until, f"left over: {seen}, {channels} channels")
            time.sleep(0.1)

    def sample(self, began):
        """At a quiet point, where everything that is there is known."""
        for comer in self.comers:
            self.assertTrue(comer.pause(), "somebody did not leave")
        returning.assert_nothing_wrong(self, [self.publisher, *self.comers])
        returning.wait_for_all(self, self.subscribers, self.publisher.published + 1, self.DEADLINE_S)
        there = self.SUBSCRIBERS + 1  # and the publisher
        counters = self.server.wait_until(
            lambda counters: counters["slots_in_use"] == counters["connections_open"] == there,
            deadline_s=self.DEADLINE_S,
        )
        self.assertEqual(counters["accepted"] - counters["closed"], there)
        self.assertEqual((counters["assemblies_in_use"], counters["wslay_contexts"]), (0, 0))
        self.chaos.release()
        self.wait_for_gauges()
        self.forget_log()
        folder = f"/proc/{self.server.child.pid}"
        return Sample(
            (time.monotonic() - began) / 3600,
            resident_bytes(self.server),
            len(os.listdir(f"{folder}/fd")),
            len(os.listdir(f"{folder}/task")),
            cpu_seconds(self.server),
        )

    def play(self, began, act):
        """A minute: the act at some moment of it, and at its end a quiet point."""
        end = time.monotonic() + self.PERIOD_S
        for comer in self.comers:
            comer.may_come.set()
        time.sleep(self.chaos.rng.random() * self.PERIOD_S / 4 + 0.2)
        act()
        time.sleep(max(0.0, end - time.monotonic()))
        return self.sample(began)

    def test_nothing_grows_and_nothing_drifts(self):
        self.begin()
        began = time.monotonic()
        samples, acts = [], []
        while not samples or samples[-1].hours < HOURS or len(samples) < len(self.chaos.acts):
            if not acts:
                acts = self.chaos.rng.sample(self.chaos.acts, len(self.chaos.acts))
            act = acts.pop()
            samples.append(self.play(began, act))
            if SOAK:
                print(f"{act.__name__:28} {samples[-1]}", flush=True)
        self.publisher.stop()
        returning.wait_for_all(self, self.subscribers, self.publisher.published, self.DEADLINE_S)
        for subscriber in self.subscribers:
            self.assertEqual(subscriber.returns, len(subscriber.endings), subscriber.endings)
        self.judge(samples)

    def judge(self, samples):
        # What is made once is made when something happens for the first time.
        warm = samples[len(samples) // 3 :]
        self.assertEqual(len({sample.descriptors for sample in warm}), 1, "descriptors come or go")
        self.assertEqual(len({sample.threads for sample in warm}), 1, "threads come or go")
        percent, error = slope(warm)
        grown = warm[-1].resident - warm[0].resident
        if samples[-1].hours >= HOURS_TO_JUDGE_MEMORY and grown > GROWTH_FORGIVEN_BYTES:
            self.assertLess(percent - error, SLOPE_MAXIMUM_PERCENT_PER_HOUR, "resident memory grows")
        middle = warm[len(warm) // 2]
        cpu = [
            100 * (last.cpu_s - first.cpu_s) / (last.hours - first.hours) / 3600
            for first, last in ((warm[0], middle), (middle, warm[-1]))
        ]
        self.figure(
            "endurance",
            hours=round(samples[-1].hours, 2),
            acts=len(samples),
            comers=sum(comer.lives for comer in self.comers),
            publications=self.publisher.published,
            recovered=sum(subscriber.returns for subscriber in self.subscribers),
            lost=0,
            resident_kib=f"{warm[0].resident >> 10} -> {warm[-1].resident >> 10}",
            slope_percent_per_hour=f"{percent:.2f} +- {error:.2f}",
            descriptors=warm[-1].descriptors,
            threads=warm[-1].threads,
            cpu_percent=f"{cpu[0]:.1f} -> {cpu[1]:.1f}",
        )


if __name__ == "__main__":
    unittest.main()
