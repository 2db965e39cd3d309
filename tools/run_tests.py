"""Runs the parts of the tests, counts the cases, and ends with `N passed, M failed[, K skipped]`.

run_tests.py [--broken=BUILD]... PART...: called by tools/test, which has built everything before. Programs of
the build are those that meson knows as tests, by suite; the rest are scripts. Each run has a time limit, and
what a failing one printed is shown.
"""

import concurrent.futures
import dataclasses
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PYTHON = "/usr/bin/python3"
SHOWN_CHARACTERS = 20_000
# Limits, in seconds, for one program or file; generous, since they only end what hangs.
LIMIT_S = {
    "tidy": 120, "headers": 60, "unit": 120, "sim": 600, "fuzz": 120, "wire": 240, "sdk": 300, "embed": 180,
    "swarm": 300, "tune": 300, "perf": 300}
SANITIZED_FACTOR = 3
# What the tests are told there: to wait so many times as long for what has to come, and that memory is not
# what it is elsewhere.
SANITIZED_TESTS = {"HOLDFAST_PATIENCE": "4", "HOLDFAST_SANITIZED": "1"}
SANITIZER_OPTIONS = {
    "ASAN_OPTIONS": "detect_leaks=1:detect_stack_use_after_return=1",
    "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1",
    "TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1",
}
# Under the sanitizers, half of the seeds and two fifths of the hours: they run four times as long there. All
# that fails the n-th time does so there too.
SANITIZED_SIM_FILTER = "-" + ":".join((
    "*TheSeedsReachTheServersBounds", "Seeds/Simulated.*/1?",
    "Seeds/SimulatedHour.*/2", "Seeds/SimulatedHour.*/3", "Seeds/SimulatedHour.*/4"))

# What runs on several threads, for TSan: programs of the unit tests (tools/test builds them), and tests of
# the real servers.
TSAN_UNITS = ("shard", "gateway_session", "gateway", "auth", "net", "ring")
TSAN_WIRE = (
    "test_api", "test_broadcast", "test_drain", "test_gateway_program", "test_hostile_gateway", "test_http",
    "test_limits", "test_many", "test_storm", "test_tcp")


@dataclasses.dataclass
class Count:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def __str__(self):
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclasses.dataclass
class Run:
    """One program to run: how its output is counted is said by `kind`: gtest, lines, python or exit."""
    name: str
    command: list
    kind: str
    limit_s: float
    env: dict = dataclasses.field(default_factory=dict)
    cwd: str = ROOT


def run_to_the_end(run, extra_arguments=()):
    """Returns (exit status, output). After the limit the program's whole process group is killed."""
    process = subprocess.Popen(
        [*run.command, *extra_arguments], cwd=run.cwd, env={**os.environ, **run.env}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        errors="replace")
    try:
        output, _ = process.communicate(timeout=run.limit_s)
        return process.returncode, output
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        output, _ = process.communicate()
        return -signal.SIGKILL, f"{output}\nstopped after {run.limit_s} s\n"


def count_gtest(run, status, output, result_path):
    count = Count()
    try:
        with open(result_path, encoding="utf-8") as file:
            suites = json.load(file)["testsuites"]
        for case in (case for suite in suites for case in suite["testsuite"]):
            if case.get("failures"):
                count.failed += 1
            elif case["result"] == "SKIPPED":
                count.skipped += 1
            elif case["status"] == "RUN":
                count.passed += 1
    except (OSError, ValueError, KeyError):
        # The program died before it could write its results: what it printed says how far it came.
        count.passed = len(re.findall(r"^\[       OK \] ", output, re.MULTILINE))
        count.failed = len(re.findall(r"^\[  FAILED  \] [\w/.]+ \(", output, re.MULTILINE)) + 1
    if status != 0 and count.failed == 0:
        count.failed = 1
    if status == 0 and count.passed + count.skipped == 0:
        count.failed = 1
    return count


def count_lines(run, status, output, result_path):
    count = Count(passed=len(re.findall(r"^ok ", output, re.MULTILINE)),
                  failed=len(set(re.findall(r"^FAIL ([^:\n]+)", output, re.MULTILINE))),
                  skipped=len(re.findall(r"^skip ", output, re.MULTILINE)))
    if (status != 0 and count.failed == 0) or (count.passed + count.skipped == 0 and count.failed == 0):
        count.failed = 1
    return count


def count_python(run, status, output, result_path):
    try:
        with open(result_path, encoding="utf-8") as file:
            count = Count(**json.load(file))
    except (OSError, ValueError):
        count = Count(failed=1)
    if status != 0 and count.failed == 0:
        count.failed = 1
    return count


def count_exit(run, status, output, result_path):
    if status == 77:
        return Count(skipped=1)
    return Count(passed=1) if status == 0 else Count(failed=1)


COUNTERS = {"gtest": count_gtest, "lines": count_lines, "python": count_python, "exit": count_exit}


def execute(run):
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="holdfast-test-") as folder:
        result_path = os.path.join(folder, "result.json")
        extra = {"gtest": [f"--gtest_output=json:{result_path}"], "python": [result_path]}.get(run.kind, [])
        status, output = run_to_the_end(run, extra)
        count = COUNTERS[run.kind](run, status, output, result_path)
    return run, count, status, output, time.monotonic() - started


def show(run, count, status, output, seconds):
    verdict = "FAIL" if count.failed else "ok"
    print(f"{verdict:4} {run.name:40} {count}   {seconds:.1f} s", flush=True)
    if count.failed:
        quiet = re.sub(r"\[ RUN      \] (\S+)\n\[       OK \] \1 .*\n", "", output)
        quiet = re.sub(r"^ok .*\n", "", quiet, flags=re.MULTILINE)
        print(f"{quiet[-SHOWN_CHARACTERS:]}\n---- {run.name} ended with status {status}", flush=True)


def registered(part, build, env=None, factor=1, prefix=()):
    """The tests of a suite that meson knows in this build."""
    folder = os.path.join(ROOT, build)
    listing = subprocess.run(["meson", "introspect", "--tests", folder], stdin=subprocess.DEVNULL,
                             capture_output=True, text=True, check=True, timeout=60)
    for test in json.loads(listing.stdout):
        if any(suite.split(":")[-1] == part for suite in test["suite"]):
            run = Run(f"{part}/{test['name']}" if build == "build" else f"{build}: {part}/{test['name']}",
                      [*prefix, *test["cmd"]], "gtest" if test["protocol"] == "gtest" else "exit",
                      LIMIT_S[part] * factor, {**test["env"], **(env or {})}, test["workdir"] or folder)
            yield from split(run) if part == "sim" and run.kind == "gtest" else [run]


def split(run):
    """The simulation's seeds are many: several processes share them, by googletest's own sharding."""
    processes = min(os.cpu_count() or 1, 8)
    for index in range(processes):
        share = {"GTEST_TOTAL_SHARDS": str(processes), "GTEST_SHARD_INDEX": str(index)}
        name = f"{run.name} ({index + 1} of {processes})"
        yield dataclasses.replace(run, name=name, env={**run.env, **share})


def python_files(part, build, env=None, factor=1):
    counter = os.path.join(ROOT, "tools", "count_python_tests.py")
    env = {"HOLDFAST_BUILD": os.path.join(ROOT, build), "PYTHONDONTWRITEBYTECODE": "1", **(env or {})}
    for path in sorted(glob.glob(os.path.join(ROOT, "tests", part, "test_*.py"))):
        name = f"{part}/{os.path.basename(path)}"
        yield Run(name if build == "build" else f"{build}: {name}",
                  [PYTHON, counter, path], "python", LIMIT_S[part] * factor, env)


def without_address_randomization():
    """The prefix for TSan, whose shadow does not fit to all layouts of a process. Not allowed everywhere."""
    prefix = ["setarch", "-R"]
    if shutil.which("setarch") and subprocess.run([*prefix, "true"], capture_output=True).returncode == 0:
        return prefix
    return []


def sanitized(broken):
    env, factor = {**SANITIZER_OPTIONS, **SANITIZED_TESTS}, SANITIZED_FACTOR
    if "build-asan" not in broken:
        for part in ("unit", "fuzz"):
            yield from registered(part, "build-asan", env, factor)
        yield from registered("sim", "build-asan", {**env, "GTEST_FILTER": SANITIZED_SIM_FILTER}, factor)
        for part in ("fuzz", "wire"):
            yield from python_files(part, "build-asan", env, factor)
    if "build-tsan" not in broken:
        prefix = without_address_randomization()
        for run in registered("unit", "build-tsan", env, factor, prefix):
            if run.name.split("/")[-1] in TSAN_UNITS:
                yield run
        for run in python_files("wire", "build-tsan", env, factor):
            if os.path.basename(run.name).removesuffix(".py") in TSAN_WIRE:
                yield dataclasses.replace(run, command=[*prefix, *run.command])


def runs_of(part, broken):
    if part == "tidy":
        tidy = os.path.join(ROOT, "tools", "tidy")
        return [Run("tidy", [tidy], "lines", LIMIT_S["tidy"]),
                Run("tidy --self-test", [tidy, "--self-test"], "lines", LIMIT_S["tidy"])]
    if part == "sanitize":
        return sanitized(broken)
    if "build" in broken:
        return []
    if part == "embed":
        return [Run("embed", [os.path.join(ROOT, "tests", "embed", "run")], "lines", LIMIT_S["embed"],
                    {"HOLDFAST_BUILD": os.path.join(ROOT, "build")})]
    if part in ("wire", "sdk", "swarm", "tune", "perf"):
        return python_files(part, "build")
    if part == "fuzz":
        return [*registered(part, "build"), *python_files(part, "build")]
    return registered(part, "build")


def main(arguments):
    parts = [argument for argument in arguments if not argument.startswith("--")]
    broken = {argument.split("=")[1] for argument in arguments if argument.startswith("--broken=")}
    known = [*LIMIT_S, "sanitize"]
    total = Count(failed=len(broken))
    for build in sorted(broken):
        print(f"FAIL {build} does not build; its tests did not run")
    for part in parts:
        if part not in known:
            print(f"no part {part}; there are: {' '.join(known)}", file=sys.stderr)
            return 2
        print(f"\n== {part}", flush=True)
        with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
            for result in pool.map(execute, runs_of(part, broken)):
                show(*result)
                total.add(result[1])
    print(f"\n{total}")
    return 1 if total.failed or total.passed == 0 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
