"""Each scenario with 5,000 connections against holdfast-target: everything verified, nothing left over.

What is right in the end is decided by the swarm: exit code 0 means that it verified all it claims. The
server's own count of its ends is compared where it has one. The programs are taken from $HOLDFAST_BUILD.
"""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from swarm_run import REPOSITORY, Run, SwarmTestCase  # noqa: E402

TARGET = "../../perf/target/holdfast-target"  # from where the other programs are
MANY = 5000
RAMP = f"--phase=ramp:connections={MANY}"
CLOSE = "--phase=close"


class Scenarios(SwarmTestCase):
    def play(self, *phases, **flags):
        bounds = {"max_connections": "6000", "max_handshakes": "6000", "shards": "2"}
        self.server = self.start(TARGET, **{**bounds, **flags})
        run = Run(self.server.url, f"--server_pid={self.server.child.pid}", *phases, patience_s=20)
        self.assert_passed(run)
        return run

    def done(self, run, name):
        return [phase["done"] for phase in run.json["phases"] if phase["name"] == name]

    def test_ramp_at_a_rate_and_idle_with_heartbeats(self):
        run = self.play(f"--phase=ramp:connections={MANY},rate=10000", "--phase=idle:seconds=2.5", CLOSE,
                        ping_interval="1s")
        self.assertEqual(self.done(run, "ramp") + self.done(run, "close"), [MANY, MANY])
        self.assertGreater(self.phase(run, "idle")["units"], MANY)
        self.assertLessEqual(run.json["bytes_each"], 200)

    def test_echo_in_a_closed_loop_with_sizes_at_random(self):
        run = self.play(RAMP, "--phase=echo:closed,rounds=3,bytes=9-5000",
                        "--phase=echo:closed,bytes=60000,outstanding=20", CLOSE)
        self.assertEqual(self.done(run, "echo"), [3 * MANY, MANY])

    def test_echo_by_the_clock(self):
        run = self.play(RAMP, "--phase=echo:rate=4000,seconds=2,bytes=64-1000", CLOSE)
        self.assertEqual(self.done(run, "echo"), [8000])

    def test_ping(self):
        self.assertEqual(self.done(self.play(RAMP, "--phase=ping", CLOSE), "ping"), [MANY])

    def test_fanout(self):
        run = self.play(RAMP, "--phase=fanout:rounds=5,bytes=9-2000", CLOSE)
        self.assertEqual([one["received"] for one in self.phase(run, "fanout")["rounds"]], [MANY] * 5)

    def test_fanin_with_one_collector_and_with_several(self):
        run = self.play(RAMP, "--phase=fanin:rounds=3", "--phase=fanin:rounds=1,bytes=24-3000,collectors=3",
                        "--phase=echo:closed", CLOSE)
        self.assertEqual(self.done(run, "fanin"), [3 * MANY, 3 * MANY])

    def test_fanin_and_slow_readers_over_several_threads_and_rings(self):
        run = self.play("--threads=2", "--per_ring=900", RAMP, "--phase=fanin:rounds=2,collectors=2",
                        "--phase=slow:percent=2,rounds=5", "--phase=fanout:rounds=2", CLOSE)
        self.assertEqual(self.done(run, "fanin"), [4 * MANY])
        self.assertEqual(run.json["counts"]["slow_kept"], MANY // 50)

    def test_churn(self):
        run = self.play(RAMP, "--phase=churn:percent_per_minute=600,seconds=2", CLOSE)
        self.assertEqual(self.done(run, "churn"), [1000])

    def test_a_storm_with_jitter_and_one_without(self):
        run = self.play(RAMP, "--phase=storm:jitter_ms=500", "--phase=storm:jitter_ms=0",
                        "--phase=echo:closed", CLOSE)
        self.assertEqual(self.done(run, "storm") + self.done(run, "echo"), [MANY, MANY, MANY])

    def test_slow_readers_that_read_at_a_rate_are_kept(self):
        run = self.play(RAMP, "--phase=slow:percent=2,rounds=10,bytes=2000,read_rate=4000,expect=kept",
                        "--phase=echo:closed", CLOSE)
        self.assertEqual(run.json["counts"]["slow_kept"], MANY // 50)
        self.assertEqual(self.done(run, "echo"), [MANY])

    def test_slow_readers_are_closed_at_the_bound_of_the_outbox(self):
        run = self.play(RAMP, "--phase=slow:percent=1,rounds=120,bytes=16000,expect=closed",
                        "--phase=fanout:rounds=2", CLOSE, max_outbox_bytes="262144")
        self.assertEqual(run.json["counts"]["slow_closed"], MANY // 100)
        self.assertEqual(self.server.counters()["outbox_overflows"], MANY // 100)
        self.assertEqual(self.done(run, "close"), [MANY - MANY // 100])

    def test_vanished_peers_are_ended_and_nobody_else(self):
        run = self.play(RAMP, "--phase=vanish:percent=10,seconds=10", "--phase=echo:closed", CLOSE,
                        ping_interval="1s", pong_timeout="1s")
        self.assertEqual(self.done(run, "vanish"), [MANY // 10])
        self.assertEqual(self.server.counters()["pong_timeouts"], MANY // 10)
        self.assertEqual(self.done(run, "close"), [MANY - MANY // 10])

    def test_half_open_handshakes(self):
        run = self.play("--phase=ramp:connections=500", f"--phase=half_open:count={MANY},seconds=15",
                        "--phase=echo:closed", CLOSE, handshake_timeout="1s")
        self.assertEqual(self.done(run, "half_open"), [MANY])
        self.assertEqual(self.server.counters()["handshakes_timed_out"], MANY)

    def test_the_scenario_file_with_everything(self):
        path = REPOSITORY / "perf" / "swarm" / "scenarios" / "everything.txt"
        run = self.play(f"--scenario={path}", ping_interval="1s", pong_timeout="1s", handshake_timeout="1s")
        self.assertEqual(len(run.json["phases"]), 14)


if __name__ == "__main__":
    unittest.main()
