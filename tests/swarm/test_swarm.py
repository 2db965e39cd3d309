"""holdfast-swarm against the real programs, and against servers that lie.

Every lie has to end in the counter that names it and in exit code 1; what the real programs do has to end in
exit code 0 with everything verified. The programs are taken from $HOLDFAST_BUILD.
"""

import pathlib
import signal
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from lying_server import LyingServer  # noqa: E402
from swarm_run import REPOSITORY, Run, SwarmTestCase  # noqa: E402

sys.path.insert(0, str(REPOSITORY / "perf" / "core"))
import kernel_memory  # noqa: E402

FEW = 40
SLOW = "--phase=slow:percent=97.5,rounds=3"
FANIN = "--phase=fanin:rounds=3,bytes=24-200"


class RealServers(SwarmTestCase):
    def test_many_phases_one_after_the_other_are_verified_against_the_echo_server(self):
        server = self.start(max_connections="6000", max_handshakes="6000", ping_interval="1s",
                            shards="2", handshake_timeout="1s")
        run = Run(server.url, f"--server_pid={server.child.pid}", "--phase=ramp:connections=5000,rate=20000",
                  "--phase=idle:seconds=2.5", "--phase=echo:closed,rounds=2,bytes=9-3000",
                  "--phase=echo:rate=3000,seconds=1,bytes=64", "--phase=ping", "--phase=storm:jitter_ms=200",
                  "--phase=churn:percent_per_minute=300,seconds=1", "--phase=half_open:count=20,seconds=8",
                  "--phase=echo:closed,rounds=1,bytes=60000,outstanding=20", "--phase=close", patience_s=15)
        self.assert_passed(run)
        self.assertEqual(self.phase(run, "ramp")["done"], 5000)
        self.assertGreater(self.phase(run, "idle")["units"], 2500)
        self.assertEqual([phase["done"] for phase in run.json["phases"] if phase["name"] == "echo"],
                         [10000, 3000, 5000])
        self.assertEqual(self.phase(run, "ping")["done"], 5000)
        self.assertEqual(self.phase(run, "storm")["done"], 5000)
        self.assertEqual(self.phase(run, "churn")["done"], 250)
        self.assertEqual(self.phase(run, "half_open")["done"], 20)
        self.assertEqual(self.phase(run, "close")["done"], 5000)
        self.assertGreater(self.phase(run, "ramp")["server_cpu_us_each"], 0)
        self.assertLessEqual(run.json["bytes_each"], 200)

    def test_several_threads_rings_and_sources_share_the_connections(self):
        server = self.start("holdfast-broadcast", max_connections="4000", max_handshakes="4000", shards="2")
        run = Run(server.url, "--threads=2", "--per_ring=700", "--sources=127.0.0.11,127.0.0.12",
                  "--phase=ramp:connections=3001", "--phase=fanout:rounds=5,bytes=100",
                  "--phase=fanout:rounds=2,bytes=20000", "--phase=close", patience_s=15)
        if "cannot bind by ring" in run.err:
            self.skipTest(run.err)
        self.assert_passed(run)
        self.assertEqual(run.json["counts"]["deliveries"], 7 * 3001)
        self.assertEqual(run.json["rings"], 6)
        first = self.phase(run, "fanout")
        self.assertEqual([one["received"] for one in first["rounds"]], [3001] * 5)

    def test_a_server_that_is_killed_in_the_middle_is_counted(self):
        server = self.start(max_connections="2000")
        run = Run(server.url, "--phase=ramp:connections=500", "--phase=idle:seconds=20",
                  before_end=lambda child: (self.wait_open(server, 500), server.child.kill()))
        self._servers.remove(server)
        self.assertEqual(run.code, 1)
        closed = run.faults.get("unexpected_close", 0) + run.faults.get("unexpected_reset", 0)
        self.assertEqual(closed, 500, run.out)

    def wait_open(self, server, count):
        server.wait_for(connections_open=count)

    def test_an_interrupt_prints_what_was_measured_so_far(self):
        server = self.start(max_connections="2000")

        def interrupt(child):
            while not child.stderr.readline().startswith("idle"):  # ends with the swarm, at its deadline
                self.assertIsNone(child.poll())
            child.send_signal(signal.SIGINT)

        run = Run(server.url, "--progress", "--phase=ramp:connections=300", "--phase=idle:seconds=60",
                  "--phase=close", before_end=interrupt)
        self.assertEqual(run.code, 1)
        self.assertIn("interrupted", run.verdict)
        self.assertEqual(self.phase(run, "ramp")["done"], 300)

    def test_the_deadline_of_the_run_ends_it(self):
        server = self.start(max_connections="2000")
        run = Run(server.url, "--phase=ramp:connections=100,rate=2", "--deadline_s=2")
        self.assertEqual(run.code, 1)
        self.assertIn("deadline", run.verdict)

    def test_a_server_that_is_full_is_no_success(self):
        server = self.start(max_connections="100", shards="1")
        run = Run(server.url, "--phase=ramp:connections=200")
        self.assertEqual(run.code, 1)
        self.assertLess(self.phase(run, "ramp")["done"], 200)
        self.assertTrue(set(run.faults) & {"handshake_missing", "connect_missing"}, run.out)


class Lies(SwarmTestCase):
    def check(self, lie, fault, *phases, count=None):
        with LyingServer(lie) as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}", *phases)
        self.assertEqual(run.code, 1, f"{lie}:\n{run.out}{run.err}")
        self.assertTrue(run.verdict.startswith("FAIL"), run.out)
        self.assertIn(fault, run.faults, run.out)
        self.assertIn(fault, run.verdict)
        if count is not None:
            self.assertEqual(run.faults, {fault: count}, run.out)

    def test_an_honest_server_passes(self):
        for lie in ("none", "answers byte by byte"):
            with LyingServer(lie) as server:
                run = Run(server.url, f"--phase=ramp:connections={FEW}",
                          "--phase=echo:closed,rounds=2,bytes=9-300",
                          "--phase=fanout:rounds=3,bytes=9-200", FANIN + ",collectors=2", SLOW,
                          "--phase=ping", "--phase=close", patience_s=15)
            self.assert_passed(run)

    def test_refusing_connections(self):
        self.check("refuses", "refused", count=FEW)

    def test_resetting_instead_of_upgrading(self):
        with LyingServer("resets") as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}")
        self.assertEqual(run.code, 1)
        # The reset may come before the connect has been reported.
        self.assertEqual(sum(run.faults.values()), FEW, run.out)
        self.assertLessEqual(set(run.faults), {"handshake_ended", "refused"})

    def test_answering_200(self):
        self.check("answers 200", "not_upgraded", count=FEW)

    def test_speaking_another_protocol(self):
        self.check("speaks another protocol", "bad_handshake", count=FEW)

    def test_a_wrong_accept_key(self):
        self.check("wrong accept key", "wrong_accept_key", count=FEW)

    def test_never_answering_the_upgrade(self):
        self.check("never answers", "handshake_missing", count=FEW)

    def test_an_echo_of_wrong_bytes(self):
        self.check("echoes wrong bytes", "echo_differs", "--phase=echo:closed,rounds=3,bytes=64", count=1)

    def test_an_echo_that_lacks_a_byte(self):
        self.check("echoes too little", "echo_differs", "--phase=echo:closed,rounds=3,bytes=64", count=1)

    def test_an_echo_that_comes_twice(self):
        # The copy comes where the next echo belongs, or where none does.
        with LyingServer("echoes twice") as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}", "--phase=echo:closed,rounds=3,bytes=64")
        self.assertEqual(run.code, 1)
        self.assertTrue(set(run.faults) & {"echo_differs", "unexpected_message"}, run.out)

    def test_echoes_that_stop_coming(self):
        self.check("stalls", "echo_missing", "--phase=echo:closed,rounds=1,bytes=64", count=FEW - 20)

    def test_echoes_that_stop_coming_in_an_open_loop(self):
        self.check("stalls", "echo_missing", "--phase=echo:rate=100,seconds=0.5,bytes=64", count=30)

    def test_fragments(self):
        self.check("fragments", "bad_frame", "--phase=echo:closed,rounds=1,bytes=64", count=FEW)

    def test_a_message_nobody_asked_for(self):
        self.check("speaks unasked", "unexpected_message", "--phase=idle:seconds=0.5", count=FEW)

    def test_a_publication_that_comes_twice(self):
        self.check("publishes twice", "broadcast_twice", "--phase=fanout:rounds=3,bytes=64", count=1)

    def test_the_last_publication_coming_twice(self):
        self.check("publishes twice", "broadcast_twice", "--phase=fanout:rounds=2,bytes=64", count=1)

    def test_publications_to_slow_readers_out_of_order(self):
        # One reads in time, and so is the publisher; the others are slow.
        self.check("publishes out of order", "broadcast_out_of_order", SLOW)

    def test_a_gap_for_a_slow_reader(self):
        self.check("loses a publication", "broadcast_missing", SLOW)

    def test_a_second_copy_for_a_slow_reader(self):
        self.check("publishes twice", "broadcast_twice", SLOW, count=1)

    def test_slow_readers_that_are_closed_although_they_are_to_be_kept(self):
        self.check("ends a receiver", "slow_wrongly_closed", SLOW + ",expect=kept", count=1)

    def test_slow_readers_that_are_kept_although_they_are_to_be_closed(self):
        self.check("none", "slow_wrongly_kept", SLOW + ",expect=closed", count=FEW - 1)

    def test_slow_readers_that_are_closed_are_counted(self):
        with LyingServer("ends a receiver") as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}", SLOW)
        self.assert_passed(run)
        self.assertEqual(run.json["counts"]["slow_closed"], 1)
        self.assertEqual(run.json["counts"]["slow_kept"], FEW - 2)

    def test_a_bystander_of_slow_readers_that_is_ended(self):
        with LyingServer("ends the publisher") as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}", "--phase=slow:percent=10,rounds=2")
        self.assertEqual(run.code, 1, run.out)
        self.assertTrue(set(run.faults) & {"unexpected_close", "unexpected_reset"}, run.out)

    def test_vanished_peers_that_are_kept(self):
        self.check("none", "vanished_kept", "--phase=vanish:percent=25,seconds=0.5", count=FEW // 4)

    def test_vanished_peers_that_are_ended_without_a_reset_count_as_ended(self):
        with LyingServer("ends the silent without a reset") as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}", "--phase=vanish:percent=25,seconds=3",
                      "--phase=echo:closed")
        self.assert_passed(run)
        self.assertEqual(run.json["counts"]["vanished_ended"], FEW // 4)
        self.assertEqual(self.phase(run, "echo")["done"], FEW - FEW // 4)

    def test_gathered_messages_that_come_twice(self):
        self.check("gathers twice", "gathered_twice", FANIN, count=1)

    def test_a_gathered_message_that_is_lost(self):
        self.check("loses what is gathered", "gathered_missing", FANIN)

    def test_gathered_messages_out_of_order(self):
        self.check("gathers out of order", "gathered_out_of_order", FANIN)

    def test_a_gathered_message_of_wrong_bytes(self):
        self.check("gathers wrong bytes", "gathered_differs", FANIN)

    def test_a_gathered_message_that_claims_another_sender(self):
        self.check("gathers for another", "gathered_differs", FANIN)

    def test_gathered_messages_for_everybody(self):
        self.check("gives everybody what is gathered", "unexpected_message", FANIN)

    def test_collectors_that_are_ignored(self):
        self.check("ignores collectors", "gathered_missing", FANIN, count=1)

    def test_a_publication_that_is_lost(self):
        self.check("loses a publication", "broadcast_missing", "--phase=fanout:rounds=3,bytes=64", count=1)

    def test_a_publication_of_wrong_bytes(self):
        self.check("publishes wrong bytes", "broadcast_differs", "--phase=fanout:rounds=3,bytes=64")

    def test_pongs_of_wrong_bytes(self):
        self.check("answers pings wrongly", "pong_differs", "--phase=ping")

    def test_pings_without_answer(self):
        self.check("ignores pings", "pong_missing", "--phase=ping", count=FEW)

    def test_an_end_without_close_frame(self):
        self.check("closes without a word", "close_differs", "--phase=close", count=FEW)

    def test_a_close_with_another_code(self):
        self.check("closes with another code", "close_differs", "--phase=close", count=FEW)

    def test_a_server_that_dies(self):
        for phase in ("echo:closed,rounds=3,bytes=64", "echo:rate=200,seconds=1", "fanout:rounds=50",
                      "fanin:rounds=3", "slow:percent=20,rounds=50,expect=kept"):
            with self.subTest(phase), LyingServer("dies in the middle") as server:
                run = Run(server.url, f"--phase=ramp:connections={FEW}", f"--phase={phase}")
                self.assertEqual(run.code, 1)
                ended = sum(run.faults.get(fault, 0) for fault in
                            ("unexpected_close", "unexpected_reset", "slow_wrongly_closed"))
                self.assertEqual(ended, FEW, run.out)


class Results(SwarmTestCase):
    def test_what_a_connection_costs_the_kernel_is_told_by_the_list_of_the_core_measurements(self):
        with LyingServer() as server:
            run = Run(server.url, f"--phase=ramp:connections={FEW}")
        self.assertEqual(set(run.json["kernel_caches"]), set(kernel_memory.CONNECTION_CACHES))
        self.assertEqual(set(run.json["kernel_caches_per_file"]), set(kernel_memory.ONE_PER_FILE))

    def test_the_charts_have_what_they_draw(self):
        server = self.start("holdfast-broadcast")
        run = Run(server.url, f"--server_pid={server.child.pid}", "--message_bytes=100..200",
                  "--phase=ramp:connections=200,rate=400", "--phase=fanout:rounds=3", patience_s=15)
        self.assert_passed(run)
        ramp, fanout = run.json["phases"]
        times = [sample["t_s"] for sample in ramp["series"]]
        self.assertEqual(times, sorted(times))
        self.assertGreater(len(times), 3)
        self.assertEqual(ramp["series"][0]["connections"], 0)
        self.assertEqual(ramp["series"][-1]["connections"], 200)
        self.assertEqual(ramp["series"][-1]["units"], 200)
        self.assertGreater(ramp["series"][-1]["server_resident_bytes"], 0)
        self.assertEqual(ramp["each"]["connections"], 200)
        self.assertEqual(ramp["unit"], "handshakes")
        self.assertGreater(ramp["per_second"]["handshakes"], 0)
        self.assertEqual(sum(receivers for _, receivers in fanout["arrivals"]), 600)
        self.assertAlmostEqual(fanout["arrivals"][-1][0], fanout["latency"]["max_us"], delta=0.1)
        self.assertTrue(100 * 600 < fanout["counts"]["bytes_in"] < 210 * 600, fanout["counts"])


class Refusals(SwarmTestCase):
    def check(self, *arguments, reason, target="ws://127.0.0.1:20000/"):
        run = Run(target, *arguments)
        self.assertEqual(run.code, 2, f"{run.out}{run.err}")
        self.assertIn(reason, run.err)

    def test_what_makes_no_sense_is_refused_with_the_reason(self):
        ramp = "--phase=ramp:connections=10"
        self.check(reason="give at least one --phase")
        self.check(ramp, "--phase=dance", reason="no such phase; there are:")
        self.check("--phase=ping", reason="begin with ramp")
        self.check("--phase=ramp:connections=0", reason="1 to 4,000,000")
        self.check("--phase=ramp", reason='"connections" is missing')
        self.check("--phase=ramp:connections=1,speed=2", reason='"speed" is no setting')
        self.check("--phase=ramp:connections=1,connections=2", reason="given twice")
        self.check(ramp, "--phase=echo:closed,bytes=8", reason="9 to 1,048,576")
        self.check(ramp, "--phase=echo:bytes=64", reason="needs either closed")
        self.check(ramp, "--phase=echo:closed,bytes=64,rate=3", reason="a closed loop has rounds")
        self.check(ramp, "--phase=echo:rate=1,seconds=0.5", reason="less than one message")
        self.check(ramp, "--phase=fanin:bytes=20", reason="24 bytes at least: raise bytes")
        self.check(ramp, "--phase=fanin:collectors=11", reason="open more before, or lower collectors")
        self.check(ramp, "--phase=slow:percent=100", reason="lower percent, or open more")
        self.check(ramp, "--phase=slow:percent=10,expect=gone", reason="kept or closed")
        self.check(ramp, "--phase=vanish:percent=10,seconds=0", reason="ping interval and pong timeout")
        self.check(ramp, "--phase=vanish:percent=100,seconds=1", "--phase=ping", reason="begin with ramp")
        self.check(ramp, "--phase=idle:seconds=100", reason="raise --deadline_s")
        self.check(ramp, "--message_bytes=64-", reason="B or B1-B2")
        self.check(ramp, "--threads=6", reason="more than half of the 10 connections")
        self.check(ramp, "--marker=?", reason="take another byte")
        self.check("--phase=ramp:connections=200000", "--destinations=2", reason="ports")
        self.check(ramp, "--threads=0", reason="--threads is 1 to 256")
        self.check(ramp, "--per_ring=70000", reason="--per_ring")
        self.check(ramp, "--server_pid=4194999", reason="no such process")
        self.check(ramp, "--marker=ab", reason="one byte")

    def test_a_scenario_file_that_is_wrong_is_refused_with_its_line(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder, "scenario.txt")
            path.write_text("# two lines\nramp connections=10\nping twice\n")
            self.check(f"--scenario={path}", reason=f"{path}:3: ")
            path.write_text("")
            self.check(f"--scenario={path}", reason="is empty")
            self.check(f"--scenario={folder}", reason="cannot be read")
            self.check(f"--scenario={folder}/none", reason="cannot be read")

    def test_only_loopback_or_named_addresses_are_targets(self):
        ramp = "--phase=ramp:connections=1"
        self.check(ramp, target="ws://192.0.2.1:80/", reason="not a loopback address")
        self.check(ramp, "--destinations=300", target="ws://127.255.255.254:80/",
                   reason="not a loopback address")
        self.check(ramp, target="ws://example.org:80/", reason="numeric address")
        self.check(ramp, target="http://127.0.0.1:80/", reason="ws://ADDR:PORT/path")
        self.check(ramp, target="ws://127.0.0.1/", reason="port")


if __name__ == "__main__":
    unittest.main()
