"""Starts, finds ready and ends the programs of a measurement.

Every child dies with this script (PR_SET_PDEATHSIG) and is ended by its own pid. Where servers are compared
the measured one has core 0 and the clients have core 1. With the right to, all of them run at nice -20,
so that other work on the machine displaces them less; it is the same for every subject.
"""
import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import tempfile
import time

SERVER_CORE = 0
CLIENT_CORE = 1
ANY_CORE = None
NICENESS = -20
FIRST_PORT, LAST_PORT = 20000, 31999  # below the range of outgoing ports
READY_S = 15
CHILDREN_END_S = 10
PR_SET_PDEATHSIG = 1
LISTENING = "0A"  # as /proc/net/tcp spells the state

_libc = ctypes.CDLL(None, use_errno=True)
_next_port = FIRST_PORT + os.getpid() * 97 % (LAST_PORT - FIRST_PORT)


class Failed(Exception):
    """A run that gave no result, with the reason a person needs."""


def prefers_itself():
    """Whether the niceness asked for is granted."""
    return os.geteuid() == 0


def prepared(core):
    """What a child does before it becomes its program."""
    def prepare():
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if core is not ANY_CORE:
            os.sched_setaffinity(0, {core})
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
        with contextlib.suppress(OSError):
            os.setsid()
            os.setpriority(os.PRIO_PROCESS, 0, NICENESS)
            with open("/proc/self/autogroup", "w") as group:  # niceness counts inside a session's group only
                group.write(str(NICENESS))
    return prepare


def _listening_ports():
    with open("/proc/net/tcp") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    return {int(row[1].split(":")[1], 16) for row in rows if row[3] == LISTENING}


def free_ports(count=1):
    """The first of `count` neighbouring ports nobody listens on; never the same twice in one script."""
    global _next_port
    taken = _listening_ports()
    for _ in range(LAST_PORT - FIRST_PORT):
        if _next_port + count > LAST_PORT:
            _next_port = FIRST_PORT
        first = _next_port
        _next_port += count
        if taken.isdisjoint(range(first, first + count)):
            return first
    raise Failed("no free port")


def end(child):
    """SIGTERM, then SIGKILL; returns when the child is gone."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(CHILDREN_END_S)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


def _name(command):
    return os.path.basename(command[0])


@contextlib.contextmanager
def server(command, port, core=SERVER_CORE):
    """A running server, listening; the child is the value."""
    with tempfile.TemporaryDirectory() as scratch, open(os.path.join(scratch, "log"), "w+") as log:
        child = subprocess.Popen(command, cwd=scratch, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                 preexec_fn=prepared(core))
        try:
            deadline = time.monotonic() + READY_S
            while port not in _listening_ports():
                if child.poll() is not None or time.monotonic() > deadline:
                    log.seek(0)
                    raise Failed(f"{_name(command)} does not listen: {log.read()[-600:].strip()}")
                time.sleep(0.05)
            yield child
            if child.poll() not in (None, 0):
                log.seek(0)
                raise Failed(f"{_name(command)} ended ({child.returncode}): {log.read()[-600:].strip()}")
        finally:
            end(child)


def _options(options):
    return [f"--{name}={value}" for name, value in options.items()]


class Client:
    """A running load client. It opens its connections first, then measures a window whenever asked."""

    def __init__(self, program, timeout_s, **options):
        command = [program] + _options(options | {"timeout_s": timeout_s})
        self._what = " ".join(["load"] + command[1:])
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                       stderr=subprocess.PIPE, text=True, preexec_fn=prepared(CLIENT_CORE))

    def __enter__(self):
        try:
            self._answer()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._child.stdin.close()  # it ends by itself, unless it is in the middle of something
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(CHILDREN_END_S)
        end(self._child)
        self._child.stdout.close()
        self._child.stderr.close()

    def _answer(self):
        line = self._child.stdout.readline()  # bounded: the client ends itself at its timeout
        if not line:
            reason = self._child.stderr.read().strip() or f"ended with {self._child.wait()}"
            raise Failed(f"{self._what}: {reason}")
        return json.loads(line)

    def window(self):
        """One window of measurement, with its shares of a core worked out."""
        try:
            self._child.stdin.write("window\n")
            self._child.stdin.flush()
        except OSError:
            pass  # it has ended; what it said last is the answer
        window = self._answer()
        wall = window["wall_ns"]
        window["us_each"] = window["server_cpu_ns"] / max(window["count"], 1) / 1e3
        window["server_share"] = window["server_cpu_ns"] / wall
        window["client_share"] = window["client_cpu_ns"] / wall
        rest = window["machine_cpu_ns"] - window["server_cpu_ns"] - window["client_cpu_ns"]
        window["others_share"] = max(0.0, rest / wall)
        return window
