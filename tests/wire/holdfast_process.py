"""Starts the real servers for a test, talks to them by signal, and ends them.

Owns the server's life: spawned on port 0, its ports read from stdout, its counters from stderr. WireTestCase
holds every test to the same end: clients gone, SIGTERM, exit code 0, and nothing left over in the counters.
The programs are taken from $HOLDFAST_BUILD (a Meson build directory; default: build/ of this checkout).
"""

import os
import pathlib
import resource
import shutil
import signal
import subprocess
import threading
import time
import unittest

import raw_client

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", REPOSITORY / "build"))
STARTED_WITHIN_S = 20.0
STOPPED_WITHIN_S = 20.0 * raw_client.PATIENCE
LOG_LINES_MAXIMUM = 100
RESERVED_DESCRIPTORS = 500
MUST_BE_ZERO_AT_EXIT = (
    "connections_open",
    "slots_in_use",
    "buffers_out",
    "frames_live",
    "assemblies_in_use",
    "bytes_queued",
    "message_memory_used",
    "wslay_contexts",
    "subscriptions",
)
SIGNS_OF_A_BUG = ("AddressSanitizer", "ThreadSanitizer", "LeakSanitizer", "runtime error:", "CHECK failed")
# Short, so that a test that waits for one of them need not wait long. No pings except where they are the
# subject: the first one comes at a random moment.
DEFAULT_FLAGS = {
    "listen": "127.0.0.1:0",
    "shards": "1",
    "max_connections": "2000",
    "drain_timeout": "3s",
    "close_timeout": "1s",
    "ping_interval": "0",
}


def program_path(name):
    installed = BUILD / "src" / "apps" / name
    return installed if installed.exists() else BUILD / "tests" / "wire" / name


def command_line(name, flags):
    """`flags` maps a flag to its value; True stands for a bare flag, None leaves it out."""
    line = [str(program_path(name))]
    # The kernel ends the server when the test runner dies, however it dies.
    if shutil.which("setpriv"):
        line = ["setpriv", "--pdeathsig", "KILL", "--"] + line
    for flag, value in flags.items():
        if value is True:
            line.append(f"--{flag}")
        elif value is not None:
            line.append(f"--{flag}={value}")
    return line


def run_to_its_end(name, *arguments, deadline_s=5.0):
    """For a program that is expected not to start: its exit code, stdout and stderr."""
    line = [str(program_path(name)), *arguments]
    deadline_s *= raw_client.PATIENCE
    try:
        return subprocess.run(line, capture_output=True, text=True, timeout=deadline_s, check=False)
    except subprocess.TimeoutExpired as expired:
        raise AssertionError(f"{name} {arguments} went on running; stdout: {expired.stdout}") from None


def parse_counters(line):
    return {
        key: int(value)
        for key, value in (pair.split("=") for pair in line.split() if "=" in pair)
        if value.lstrip("-").isdigit()
    }


def left_over(counters):
    return {key: counters[key] for key in MUST_BE_ZERO_AT_EXIT if counters[key] != 0}


class HoldfastProcess:
    def __init__(self, name, **flags):
        self.name = name
        self.flags = {**DEFAULT_FLAGS, **flags}
        self.stdout_lines = []
        self.stderr_lines = []
        self._changed = threading.Condition()
        self._closed_pipes = 0
        self.child = subprocess.Popen(
            command_line(name, self.flags),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self._readers = [
            threading.Thread(target=self._read, args=pair, daemon=True)
            for pair in ((self.child.stdout, self.stdout_lines), (self.child.stderr, self.stderr_lines))
        ]
        for reader in self._readers:
            reader.start()
        expected = sum(
            len(str(self.flags[flag]).split(","))
            for flag in ("listen", "listen_tcp", "listen_http", "listen_api")
            if self.flags.get(flag)
        )
        self._wait(lambda: len(self._listening()) >= expected or self._closed_pipes, STARTED_WITHIN_S)
        if len(self._listening()) < expected:
            self.kill()
            raise AssertionError(f"{name} did not start listening; stderr: {self.stderr_lines}")

    def _read(self, pipe, lines):
        for line in pipe:
            with self._changed:
                lines.append(line.rstrip("\n"))
                self._changed.notify_all()
        with self._changed:
            self._closed_pipes += 1
            self._changed.notify_all()

    def _wait(self, condition, deadline_s):
        with self._changed:
            return self._changed.wait_for(condition, deadline_s * raw_client.PATIENCE)

    def _listening(self):
        return [line.split() for line in self.stdout_lines if line.startswith("listening ")]

    def address(self, kind="ws", position=0):
        """(host, port) of a listen address, in the order given on the command line."""
        addresses = [words[2] for words in self._listening() if words[1] == kind]
        host, port = addresses[position].rsplit(":", 1)
        return host.strip("[]"), int(port)

    @property
    def url(self):
        return "ws://%s:%d/" % self.address()

    def signal(self, number):
        self.child.send_signal(number)

    def counters(self, deadline_s=10.0):
        """The counters as the server reports them on SIGUSR1."""

        def reports():
            return [line for line in self.stderr_lines if line.startswith("holdfast: counters")]

        before = len(reports())
        self.signal(signal.SIGUSR1)
        if not self._wait(lambda: len(reports()) > before or self._closed_pipes, deadline_s):
            raise AssertionError("no counters line came after SIGUSR1")
        if len(reports()) == before:
            raise AssertionError(
                f"the server ended instead of reporting counters: {self.stderr_lines[-20:]}"
            )
        return parse_counters(reports()[-1])

    def wait_until(self, condition, deadline_s=15.0, pause_s=0.03):
        """Asks for the counters until condition(counters) holds; the counters that made it so."""
        end = time.monotonic() + deadline_s * raw_client.PATIENCE
        while True:
            counters = self.counters()
            if condition(counters):
                return counters
            if time.monotonic() > end:
                raise AssertionError(f"the counters never got there: {counters}")
            time.sleep(pause_s)

    def wait_for(self, **values):
        """Waits until these counters have these values; all counters at that moment."""
        return self.wait_until(
            lambda counters: all(counters[name] == value for name, value in values.items())
        )

    def wait_for_exit(self, deadline_s=STOPPED_WITHIN_S):
        """Exit code; kills the server and fails when it has not ended by then."""
        try:
            code = self.child.wait(deadline_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"the server was still running {deadline_s} s later; " f"stderr: {self.stderr_lines[-20:]}"
            ) from None
        for reader in self._readers:
            reader.join(5.0)
        return code

    def kill(self):
        if self.child.poll() is None:
            self.child.kill()
            self.child.wait(10.0)
        for reader in self._readers:
            reader.join(5.0)
        self.child.stdout.close()
        self.child.stderr.close()

    def final_counters(self):
        lines = [line for line in self.stderr_lines if line.startswith("holdfast: stopped")]
        if len(lines) != 1:
            raise AssertionError(
                f"expected one 'holdfast: stopped' line, stderr: {self.stderr_lines[-20:]}"
            )
        return parse_counters(lines[0])


class WireTestCase(unittest.TestCase):
    """Servers come from start(), clients from the methods below; tearDown checks the end of each server."""

    maxDiff = 2000
    # Completions that found no room are a test's subject, or a ring is too small for what happened.
    rings_may_overflow = False

    def setUp(self):
        self._servers = []
        self._clients = []

    def need_descriptors(self, count):
        """Raises this process's soft limit to hold `count` clients, or skips the test."""
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        wanted = count + RESERVED_DESCRIPTORS
        if hard != resource.RLIM_INFINITY and hard < wanted:
            self.skipTest(f"the hard RLIMIT_NOFILE is {hard}, {wanted} descriptors are needed")
        if soft != resource.RLIM_INFINITY and soft < wanted:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))

    def start(self, name="holdfast-echo", **flags):
        if not program_path(name).exists():
            self.skipTest(f"{name} is not built; set HOLDFAST_BUILD to the build directory")
        server = HoldfastProcess(name, **flags)
        self._servers.append(server)
        self.addCleanup(server.kill)
        return server

    def keep(self, client):
        """The client is closed before the server is asked to stop."""
        self._clients.append(client)
        return client

    def connect(self, server, **options):
        """A TCP connection to the WebSocket port; nothing sent yet."""
        return self.keep(raw_client.WebSocket(server.address("ws"), **options))

    def open(self, server, **options):
        """A WebSocket, upgraded."""
        client = self.connect(server, **options)
        client.upgrade()
        return client

    def open_tcp(self, server, **options):
        return self.keep(raw_client.LengthPrefixed(server.address("tcp"), **options))

    def open_http(self, server, kind="http", **options):
        """To the port for HTTP, or with kind="ws" to the one that WebSocket clients share with it."""
        return self.keep(raw_client.Http(server.address(kind), **options))

    def assert_still_serves(self, server):
        """A newcomer is upgraded and echoed: whatever happened before hurt nobody else."""
        client = self.open(server)
        client.send_message(b"still here")
        self.assertEqual(client.receive_message(), b"still here")
        client.close()

    def close_clients(self):
        for client in self._clients:
            client.close()

    def tearDown(self):
        self.close_clients()
        for server in self._servers:
            if server.child.poll() is None:
                server.signal(signal.SIGTERM)
            self.assert_clean_end(server)

    def assert_clean_end(self, server):
        code = server.wait_for_exit()
        errors = server.stderr_lines
        self.assertEqual(code, 0, f"exit code; stderr: {errors[-20:]}")
        for line in errors:
            self.assertFalse([sign for sign in SIGNS_OF_A_BUG if sign in line], errors)
        said = [line for line in errors if not line.startswith("holdfast: counters")]
        self.assertLess(len(said), LOG_LINES_MAXIMUM, "clients must not be able to flood the log")
        counters = server.final_counters()
        missing = [key for key in MUST_BE_ZERO_AT_EXIT if key not in counters]
        self.assertEqual(missing, [], f"counters line: {counters}")
        self.assertEqual(left_over(counters), {}, f"left over at exit: {counters}")
        self.assertEqual(
            counters["accepted"], counters["closed"], f"not everybody was closed once: {counters}"
        )
        if not self.rings_may_overflow:
            self.assertEqual(counters["ring_overflows"], 0, f"completions found no room: {counters}")
