"""perf/million and perf/compare/run as commands: the real programs with 5,000 connections, and refusals.

The programs are taken from $HOLDFAST_BUILD.
"""

import contextlib
import json
import os
import pathlib
import signal
import stat
import subprocess
import sys
import tempfile
import time
import unittest

from perf_modules import PERF, REPOSITORY
import preflight

BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", REPOSITORY / "build"))
TARGET, SWARM = "perf/target/holdfast-target", "perf/swarm/holdfast-swarm"
LIMIT_S = 120
PASSED, FAILED, CANNOT, WALL = 0, 1, 2, 3
READY = {"ready": True, "exit_code": 0, "capacity": 10**6, "first_wall": "", "findings": []}
A_WALL = {"ready": False, "exit_code": 1, "capacity": 3000, "first_wall": "fs.file-max", "findings": [
    {"key": "fs.file-max", "current": "3000", "needed": "5500", "why": "every socket is an open file",
     "cost": "", "source": "", "severity": "wall", "fix": "sysctl -w fs.file-max=5500"},
    {"key": "net.core.somaxconn", "current": "128", "needed": "1024", "why": "bursts wait", "cost": "",
     "source": "", "severity": "slow", "fix": "sysctl -w net.core.somaxconn=1024"}]}


def run(program, *arguments, limit_s=LIMIT_S):
    return subprocess.run([sys.executable, str(PERF / program), *arguments], capture_output=True, text=True,
                          timeout=limit_s, stdin=subprocess.DEVNULL)


def heed_interrupts():
    """A shell that starts something in the background has it ignore SIGINT, and so would all its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\n" + text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


def children_of(pid):
    done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True)
    return [int(word) for word in done.stdout.split()]


def alive(pid):
    with contextlib.suppress(OSError), open(f"/proc/{pid}/stat") as state:
        return state.read().rpartition(")")[2].split()[0] != "Z"
    return False


class WithABuild(unittest.TestCase):
    """A build directory whose holdfast-tune says what the test wants."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.out = self.folder / "out"

    def build(self, found, real=True):
        build = self.folder / "build"
        script(build / "kernel-tuning/holdfast-tune", f"cat <<'END'\n{json.dumps(found)}\nEND\n")
        for program in (TARGET, SWARM):
            if real:
                (build / program).parent.mkdir(parents=True, exist_ok=True)
                (build / program).symlink_to(BUILD / program)
            else:
                script(build / program, f"touch {self.folder}/started; exit 1\n")
        return f"--build={build}"

    def needs_the_programs(self):
        if not (BUILD / SWARM).exists():
            self.skipTest("holdfast-swarm is not built: meson setup with -Dperf=true")

    def json(self):
        return json.loads((self.out / "result.json").read_text())


class Million(WithABuild):
    def test_5000_connections_are_verified_reported_and_within_the_budget(self):
        self.needs_the_programs()
        done = run("million", self.build(READY), "--connections=5000", "--heartbeat_s=5", f"--out={self.out}")
        self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
        self.assertTrue(done.stdout.splitlines()[-1].startswith("PASS: 5,000 connections"), done.stdout)
        result = self.json()
        self.assertEqual(result["figures"]["connections"], 5000)
        self.assertEqual({phase["name"] for phase in result["swarm"]["phases"]},
                         {"ramp", "idle", "echo", "ping", "fanout", "close"})
        self.assertEqual(result["swarm"]["counts"]["deliveries"], 25_000)
        page = (self.out / "report.html").read_text()
        for chart in ("ramp", "memory", "latency", "fanout", "cpu"):
            self.assertIn(f'id="{chart}"', page)

    def test_a_budget_that_is_exceeded_fails_the_run(self):
        self.needs_the_programs()
        tight = self.folder / "tight.budget"
        tight.write_text("faults <= 0\nrun_seconds <= 0.001\n")
        done = run("million", self.build(READY), "--connections=200", "--heartbeat_s=1", f"--out={self.out}",
                   f"--budget={tight}")
        self.assertEqual(done.returncode, FAILED, done.stdout + done.stderr)
        self.assertIn("run_seconds", done.stdout.splitlines()[-1])

    def test_a_server_that_is_not_there_fails_the_run(self):
        self.needs_the_programs()
        done = run("million", self.build(READY), "--connections=20", "--target=ws://127.0.0.1:1/",
                   "--phases=ramp", f"--out={self.out}")
        self.assertEqual(done.returncode, FAILED, done.stdout + done.stderr)
        self.assertTrue(done.stdout.splitlines()[-1].startswith("FAIL"), done.stdout)

    def test_an_interrupt_reports_and_leaves_no_process_behind(self):
        self.needs_the_programs()
        command = [sys.executable, str(PERF / "million"), self.build(READY), "--connections=500",
                   "--heartbeat_s=60", f"--out={self.out}"]
        child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                 preexec_fn=heed_interrupts)
        try:
            for line in child.stderr:  # ends with the run, at its deadline
                if line.startswith("idle"):
                    break
            started = children_of(child.pid)
            self.assertEqual(len(started), 2)
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate(timeout=LIMIT_S)
        finally:
            child.kill()
            child.wait()
        self.assertEqual(child.returncode, FAILED, output)
        self.assertIn("interrupted", output.splitlines()[-1])
        deadline = time.monotonic() + 10
        while any(alive(pid) for pid in started) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.assertEqual([pid for pid in started if alive(pid)], [])

    def test_a_wall_stops_the_run_before_anything_is_started(self):
        done = run("million", self.build(A_WALL, real=False), "--connections=5000", f"--out={self.out}")
        self.assertEqual(done.returncode, WALL, done.stdout + done.stderr)
        self.assertIn("sysctl -w fs.file-max=5500", done.stderr)
        self.assertIn("3,000", done.stderr)
        self.assertNotIn("somaxconn", done.stderr)
        self.assertFalse((self.folder / "started").exists())
        self.assertFalse(self.out.exists())

    def test_whoever_wants_to_know_how_far_it_gets_is_not_stopped_by_a_wall(self):
        self.needs_the_programs()
        done = run("million", self.build(A_WALL), "--connections=500", "--phases=ramp,close", "--anyway",
                   f"--out={self.out}")
        self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
        self.assertIn("sysctl -w fs.file-max=5500", done.stderr)
        self.assertIn("--anyway", done.stderr)

    def test_a_check_that_says_nothing_useful_stops_the_run(self):
        build = self.build(READY, real=False)
        script(self.folder / "build/kernel-tuning/holdfast-tune", "echo broken; exit 1\n")
        done = run("million", build, "--connections=5000", f"--out={self.out}")
        self.assertEqual(done.returncode, CANNOT, done.stdout + done.stderr)
        self.assertFalse((self.folder / "started").exists())

    def test_wrong_flags_are_refused_with_the_reason(self):
        empty = self.folder / "empty.budget"
        empty.write_text("# nothing\n")
        for arguments, why in ((["--connections=0"], "10 to 4,000,000"), (["--connections=many"], "many"),
                               (["--phases=ramp,dance"], "dance"), (["--phases=echo"], "begins with ramp"),
                               (["--phases=ramp,echo,echo"], "once"), (["--target=http://x/"], "ws://"),
                               (["--server_pid=1"], "belongs to --target"),
                               (["--heartbeat_s=0"], "1 to 3,600"),
                               ([f"--budget={empty}"], "judges nothing"),
                               (["--connection=5"], "unrecognized"),
                               (["--build=/nowhere"], "not in the build directory")):
            with self.subTest(arguments):
                done = run("million", *arguments)
                self.assertEqual(done.returncode, CANNOT, done.stdout + done.stderr)
                self.assertIn(why, done.stderr)


class Preflight(unittest.TestCase):
    def test_what_is_only_slow_is_told_and_stops_nothing(self):
        slow = READY | {"findings": [A_WALL["findings"][1]]}
        self.assertEqual(preflight.refusal(slow, 5000), "")
        self.assertIn("sysctl -w net.core.somaxconn=1024", preflight.advice(slow))

    def test_a_host_that_could_be_tuned_better_is_not_refused(self):
        self.assertEqual(preflight.refusal(READY | {"ready": False, "exit_code": 3}, 5000), "")

    def test_a_wall_is_refused_with_its_reason_and_its_command(self):
        told = preflight.refusal(A_WALL, 5000)
        for words in ("5,000", "3,000", "every socket is an open file", "sysctl -w fs.file-max=5500"):
            self.assertIn(words, told)


class Compare(unittest.TestCase):
    def test_wrong_flags_are_refused_with_the_reason(self):
        for arguments, why in ((["--peers=nginx"], "nginx"), (["--rounds=0"], "starts at 1"),
                               (["--connections=99999"], "16,000")):
            with self.subTest(arguments):
                done = run("compare/run", *arguments)
                self.assertEqual(done.returncode, CANNOT, done.stdout + done.stderr)
                self.assertIn(why, done.stderr)

    def test_holdfast_and_the_floors_are_measured_without_any_peer(self):
        if not (BUILD / "perf/compare/floor").exists():
            self.skipTest("the floor is not built: meson setup with -Dperf=true")
        with tempfile.TemporaryDirectory() as out:
            done = run("compare/run", f"--build={BUILD}", "--peers=", "--rounds=1", "--connections=500",
                       f"--out={out}")
            self.assertEqual(done.returncode, PASSED, done.stdout + done.stderr)
            with open(os.path.join(out, "result.json"), encoding="utf-8") as file:
                result = json.load(file)
        self.assertEqual(set(result["rounds"]), {"holdfast", "bare send(2)", "bare accepted socket"})
        self.assertGreater(result["rounds"]["holdfast"]["0"]["echo_us"], 0)
        self.assertGreater(result["rounds"]["bare send(2)"]["0"]["delivery_us"], 0)


if __name__ == "__main__":
    unittest.main()
