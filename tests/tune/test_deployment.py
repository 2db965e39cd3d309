"""What stands beside the program: the unit, the seccomp profile and the container's run line.

The profile is put on a real server as a real filter, built here from the JSON: the server must start, serve
and stop under it, and must not without its first three names.
"""

import base64
import ctypes
import json
import os
import platform
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import unittest

from tune_process import BUILD, PROGRAM, REPOSITORY

FOLDER = REPOSITORY / "kernel-tuning"
SERVER = BUILD / "src" / "apps" / "holdfast-echo"
HEADERS = ("/usr/include/x86_64-linux-gnu/asm/unistd_64.h", "/usr/include/asm/unistd_64.h")
DEADLINE_S = 30
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
ALLOW, ERRNO, KILL = 0x7FFF0000, 0x00050000, 0x80000000
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ARCH_X86_64 = 0xC000003E
RINGS = {"io_uring_setup", "io_uring_enter", "io_uring_register"}


def allowed_names():
    profile = json.loads((FOLDER / "container" / "seccomp.json").read_text(encoding="ascii"))
    return {name for rule in profile["syscalls"] for name in rule["names"]}


def numbers_of(names):
    header = next((path for path in HEADERS if os.path.exists(path)), None)
    if platform.machine() != "x86_64" or header is None:
        raise unittest.SkipTest("needs the system call numbers of x86-64: linux-libc-dev")
    with open(header, encoding="ascii") as file:
        numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", file.read()))
    return [int(numbers[name]) for name in sorted(names) if name in numbers]


def filter_of(names):
    """A classic BPF program: what is listed is allowed, everything else is EPERM."""
    steps = [(LOAD, 0, 0, 4), (EQUAL, 1, 0, ARCH_X86_64), (RETURN, 0, 0, KILL), (LOAD, 0, 0, 0)]
    for number in numbers_of(names):
        steps += [(EQUAL, 0, 1, number), (RETURN, 0, 0, ALLOW)]
    steps.append((RETURN, 0, 0, ERRNO | 1))
    return b"".join(struct.pack("HBBI", *step) for step in steps)


class Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def install(program):
    libc = ctypes.CDLL(None, use_errno=True)
    description = Program(len(program) // 8, program)
    if libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) or libc.prctl(
        PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(description), 0, 0
    ):
        raise OSError(ctypes.get_errno(), "prctl")


class Seccomp(unittest.TestCase):
    def setUp(self):
        if not SERVER.exists():
            self.skipTest("holdfast-echo is not built")

    def start(self, names):
        program = filter_of(names)
        server = subprocess.Popen(
            [
                str(SERVER),
                "--listen=127.0.0.1:0",
                "--shards=2",
                "--max_connections=1000",
                "--drain_timeout=1s",
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            preexec_fn=lambda: install(program),
        )
        self.addCleanup(self.end, server)
        return server

    @staticmethod
    def end(server):
        if server.poll() is None:
            server.kill()
        server.communicate(timeout=DEADLINE_S)

    def test_a_server_starts_serves_and_drains_under_the_profile(self):
        server = self.start(allowed_names())
        line = server.stdout.readline()
        port = re.search(r"127\.0\.0\.1:(\d+)", line)
        self.assertTrue(port, line or server.communicate(timeout=DEADLINE_S)[1])
        with socket.create_connection(("127.0.0.1", int(port.group(1))), timeout=DEADLINE_S) as client:
            key = base64.b64encode(b"0123456789abcdef").decode()
            client.sendall(
                f"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
            )
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += client.recv(4096)
            self.assertTrue(answer.startswith(b"HTTP/1.1 101 "), answer)
            client.sendall(b"\x82\x85\0\0\0\0hello")
            echo = answer.split(b"\r\n\r\n", 1)[1]
            while len(echo) < 7:
                echo += client.recv(4096)
            self.assertEqual(echo, b"\x82\x05hello")
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(timeout=DEADLINE_S), 0)

    def test_without_the_calls_of_the_rings_it_is_refused_and_says_why(self):
        server = self.start(allowed_names() - RINGS)
        _, errors = server.communicate(timeout=DEADLINE_S)
        self.assertNotEqual(server.returncode, 0)
        self.assertIn("seccomp", errors)

    def test_check_names_the_filter_as_the_wall(self):
        program = filter_of(allowed_names() - RINGS)
        ended = subprocess.run(
            [str(PROGRAM), "check", "--json"],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
            preexec_fn=lambda: install(program),
        )
        report = json.loads(ended.stdout)
        self.assertEqual((report["first_wall"], report["capacity"], report["exit_code"]), ("io_uring", 0, 3))
        why = next(finding["why"] for finding in report["findings"] if finding["key"] == "io_uring")
        self.assertIn("seccomp", why)

    def test_the_file_is_what_its_script_writes(self):
        script = FOLDER / "container" / "make_seccomp.py"
        self.assertEqual(subprocess.run([sys.executable, str(script), "--check"], check=False).returncode, 0)


class Container(unittest.TestCase):
    def test_the_run_line_names_the_profile_and_the_limits(self):
        ended = subprocess.run(
            [str(FOLDER / "container" / "run"), "image", "--max_connections=1000"],
            text=True,
            capture_output=True,
            check=False,
            env={**os.environ, "DOCKER": "echo"},
        )
        self.assertEqual(ended.returncode, 0, ended.stderr)
        for words in ("seccomp=", "nofile=65536", "memlock=", "image --max_connections=1000"):
            self.assertIn(words, ended.stdout)
        self.assertEqual(
            subprocess.run([str(FOLDER / "container" / "run")], capture_output=True, check=False).returncode,
            2,
        )


class Unit(unittest.TestCase):
    def setUp(self):
        self.text = (FOLDER / "systemd" / "holdfast.service").read_text(encoding="ascii")
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")

    def test_systemd_understands_every_line(self):
        # Of the command it complains that the program is not installed here, and of nothing else.
        unit = str(FOLDER / "systemd" / "holdfast.service")
        ended = subprocess.run(
            ["systemd-analyze", "verify", "--recursive-errors=no", unit],
            capture_output=True,
            text=True,
            check=False,
            timeout=DEADLINE_S,
        )
        for line in (ended.stdout + ended.stderr).splitlines():
            if "holdfast" in line:
                self.assertRegex(line, r"not executable|man page")

    def test_its_filter_lets_the_rings_be_used(self):
        groups, pending = set(), re.findall(r"(?m)^SystemCallFilter=(.*)$", self.text)[0].split()
        self.assertNotIn("~", "".join(pending))
        while pending:
            name = pending.pop()
            if name in groups:
                continue
            groups.add(name)
            if name.startswith("@"):
                listing = subprocess.run(
                    ["systemd-analyze", "syscall-filter", name],
                    capture_output=True,
                    text=True,
                    check=False,
                    timeout=DEADLINE_S,
                )
                pending += [
                    line.strip()
                    for line in listing.stdout.splitlines()[1:]
                    if line.strip() and not line.strip().startswith("#")
                ]
        self.assertLessEqual(RINGS | {"memfd_create", "clone3", "setsockopt", "prlimit64"}, groups)


if __name__ == "__main__":
    unittest.main()
