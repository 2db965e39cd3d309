"""Everybody comes back at once: after a SIGKILL of the server, and after a moment without a network.

The clients are holdfast-swarm's, so that the rate at which they come in is the server's and not theirs. They
and the server have a network of their own, in which the server has several addresses: the kernel takes
milliseconds to find a port where half of those to one address are taken. By default few clients; with
HOLDFAST_SOAK=1 as many as descriptors allow.
"""

import pathlib
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from swarm_run import SWARM, Run, SwarmTestCase  # noqa: E402

import networks  # noqa: E402
from bystanders import Bystanders  # noqa: E402
from hostile import HostileTestCase, peak_resident_bytes, resident_bytes, sized  # noqa: E402

SAMPLE_S = 0.05
BURST_S = 0.1  # of the rate of accepts, which may come in at once after a pause
ADDRESSES = 4


def setUpModule():
    networks.need()


class Accepts(threading.Thread):
    """How many a server has taken in, and when that was known."""

    def __init__(self, server):
        super().__init__(daemon=True)
        self.server = server
        self.samples = []  # (asked at, answered at, accepted)
        self.stopping = threading.Event()

    def run(self):
        while not self.stopping.wait(SAMPLE_S):
            asked = time.monotonic()
            accepted = self.server.counters()["accepted"]
            self.samples.append((asked, time.monotonic(), accepted))

    def stop(self):
        self.stopping.set()
        self.join()

    def excess(self, rate):
        """By how many it was ever ahead of its rate: over any time, not only from the beginning."""
        worst = 0.0
        spare = 0.0  # how far it could have been ahead at the sample before
        for (asked, _, before), (_, answered, after) in zip(self.samples, self.samples[1:]):
            spare = max(0.0, spare + (after - before) - rate * (answered - asked))
            worst = max(worst, spare)
        return worst


class ReconnectStorm(SwarmTestCase, HostileTestCase):
    CLIENTS = sized(2000, 18000)
    RATE = sized(2000, 3000)
    JITTER_MS = sized(1000, 10000)
    BYSTANDERS = 50
    URL = "ws://127.0.0.1:8000/"

    def crash(self, flags):
        """A server with all its clients is killed; what it had resident with them."""
        server = self.start(**flags)
        swarm = subprocess.Popen(
            [str(SWARM), f"--target={self.URL}", "--noprogress", f"--destinations={ADDRESSES}"]
            + [f"--phase=ramp:connections={self.CLIENTS}", "--phase=idle:seconds=60"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            server.wait_until(lambda now: now["connections_open"] == self.CLIENTS, deadline_s=60.0)
            steady = resident_bytes(server)
            server.signal(signal.SIGKILL)
            server.wait_for_exit()
        finally:
            swarm.kill()
            swarm.wait()
        self._servers.remove(server)
        return steady

    def test_all_are_back_at_the_rate_of_accepts_and_no_faster(self):
        self.need_descriptors(self.CLIENTS)
        network = networks.Network()
        self.addCleanup(network.close)
        # As many as come in within five seconds wait in the queue. Who finds it full asks again after 1, 2, 4
        # seconds.
        network.write_setting("net.core.somaxconn", 5 * self.RATE)
        with network.entered():
            self.storm()

    def storm(self):
        flags = {
            "max_connections": self.CLIENTS + 500,
            "max_accepts_per_second": self.RATE,
            "shards": "1",
            "handshake_timeout": "60s",
            "listen": "0.0.0.0:8000",
        }
        steady = self.crash({**flags, "max_accepts_per_second": 0})
        server = self.start(**flags)
        bystanders = Bystanders(self, server, count=self.BYSTANDERS)
        bystanders.phase("storm")
        accepts = Accepts(server)
        accepts.start()
        run = Run(
            self.URL,
            "--deadline_s=115",
            f"--destinations={ADDRESSES}",
            f"--phase=ramp:connections={self.CLIENTS},outstanding={self.CLIENTS}",
            f"--phase=storm:jitter_ms={self.JITTER_MS}",
            "--phase=storm:jitter_ms=0",
            patience_s=70,
        )
        accepts.stop()
        self.assert_passed(run)
        seen = bystanders.assert_unharmed()
        # The burst, and what comes in between two looks at the clock.
        self.assertLess(accepts.excess(self.RATE), self.RATE * BURST_S + 50, "more came in than may")
        peak = peak_resident_bytes(server)
        self.assert_memory_below(peak, steady * 13 // 10)
        killed, jitter, at_once = (round(phase["seconds"], 1) for phase in run.json["phases"])
        self.figure(
            "reconnect storm",
            seen,
            clients=self.CLIENTS,
            rate=self.RATE,
            back_after_kill_s=killed,
            percent_of_rate=round(100 * self.CLIENTS / self.RATE / killed),
            back_after_resets_s=at_once,
            back_after_resets_percent_of_rate=round(100 * self.CLIENTS / self.RATE / at_once),
            jitter_s=self.JITTER_MS / 1e3,
            back_with_jitter_s=jitter,
            steady_mib=round(steady / (1 << 20), 1),
            peak_mib=round(peak / (1 << 20), 1),
            most_ahead=round(accepts.excess(self.RATE)),
        )


if __name__ == "__main__":
    unittest.main()
