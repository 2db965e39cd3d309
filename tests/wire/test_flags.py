"""Flags and errors: each tells what was wrong, with which value, why, and what to do next."""

import os
import resource
import socket
import subprocess
import sys
import unittest

import holdfast_process
from holdfast_process import WireTestCase, program_path, run_to_its_end

PRIVATE_NETWORK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "private_network.py")
FLAGS = (
    "listen",
    "listen_tcp",
    "listen_http",
    "shards",
    "max_connections",
    "max_message_bytes",
    "handshake_timeout",
    "ping_interval",
    "pong_timeout",
    "message_timeout",
    "close_timeout",
    "drain_timeout",
    "max_outbox_bytes",
    "max_outbox_messages",
    "max_handshakes",
    "max_accepts_per_second",
    "max_connections_per_address",
    "max_messages_per_second",
    "max_bytes_per_second",
    "message_memory_bytes",
    "stall_timeout",
    "http_idle_timeout",
    "overflow_close_code",
    "drain_close_code",
    "allowed_origins",
    "subprotocols",
)
# Arguments, and what the error must name.
WRONG = (
    (("--listen=127.0.0.1",), ("listen", "127.0.0.1")),
    (("--listen=127.0.0.1:70000",), ("listen", "127.0.0.1:70000")),
    (("--listen=127.0.0.1:-1",), ("listen", "127.0.0.1:-1")),
    (("--listen=127.0.0.1:http",), ("listen", "127.0.0.1:http")),
    (("--listen=127.0.0.1:0,nonsense",), ("listen", "nonsense")),
    (("--listen=[::1:0",), ("listen", "[::1:0")),
    (("--listen=300.0.0.1:0",), ("listen", "300.0.0.1:0")),
    (("--listen_tcp=:",), ("listen", ":")),
    (("--listen=127.0.0.1:0", "--shards=100000"), ("shards", "100000")),
    (("--listen=127.0.0.1:0", "--max_connections=0"), ("max_connections", "0")),
    (("--listen=127.0.0.1:0", "--max_message_bytes=0"), ("max_message_bytes", "0")),
    (("--listen=127.0.0.1:0", "--max_message_bytes=4000000000"), ("max_message_bytes", "4000000000")),
    (("--listen=127.0.0.1:0", "--max_outbox_bytes=10"), ("max_outbox_bytes", "10")),
    (("--listen=127.0.0.1:0", "--max_outbox_messages=15"), ("max_outbox_messages", "15")),
    (("--listen=127.0.0.1:0", "--max_bytes_per_second=1023"), ("max_bytes_per_second", "1023")),
    (("--listen=127.0.0.1:0", "--overflow_close_code=999"), ("overflow_close_code", "999")),
    (("--listen=127.0.0.1:0", "--overflow_close_code=65536"), ("overflow_close_code", "65535")),
    (("--listen=127.0.0.1:0", "--drain_close_code=1006"), ("drain_close_code", "1006")),
    (("--listen_http=127.0.0.1:-1",), ("listen", "127.0.0.1:-1")),
    (("--listen=127.0.0.1:0", "--http_idle_timeout=-1s"), ("http_idle_timeout", "-1000")),
    (("--listen=127.0.0.1:0", "--handshake_timeout=0"), ("handshake_timeout", "0")),
    (("--listen=127.0.0.1:0", "--drain_timeout=-5s"), ("drain_timeout", "-5")),
    (("--listen=127.0.0.1:0", "--allowed_origins=not an origin"), ("allowed_origins", "not an origin")),
    (("--listen=127.0.0.1:0", "--subprotocols=two words"), ("subprotocols", "two words")),
)
UNREADABLE = (
    (("--no_such_flag=1",), ("no_such_flag",)),
    (("--shards=two",), ("shards", "two")),
    (("--max_connections=-1",), ("max_connections", "-1")),
    (("--handshake_timeout=soon",), ("handshake_timeout", "soon")),
    (("positional",), ("positional",)),
)


class Errors(WireTestCase):
    def setUp(self):
        super().setUp()
        if not program_path("holdfast-echo").exists():
            self.skipTest("holdfast-echo is not built; set HOLDFAST_BUILD to the build directory")

    def failure(self, *arguments, code):
        """stderr of a program that must refuse to start with this exit code."""
        ended = run_to_its_end("holdfast-echo", *arguments)
        self.assertEqual(ended.returncode, code, ended.stderr)
        self.assertNotIn("listening", ended.stdout)
        self.assertTrue(ended.stderr.strip())
        return ended.stderr

    def assert_names(self, message, *words):
        for word in words:
            self.assertIn(word, message)

    def test_wrong_values_are_named_with_their_flag(self):
        for arguments, words in WRONG:
            with self.subTest(arguments):
                ended = run_to_its_end("holdfast-echo", *arguments)
                self.assertIn(ended.returncode, (1, 2), ended.stderr)
                self.assert_names(ended.stderr, *words)

    def test_what_cannot_be_read_as_a_flag_is_a_usage_error(self):
        for arguments, words in UNREADABLE:
            with self.subTest(arguments):
                ended = run_to_its_end("holdfast-echo", "--listen=127.0.0.1:0", *arguments)
                # The flag library itself ends the program for what it cannot read, with 1.
                self.assertEqual(ended.returncode, 1 if arguments[0].startswith("--") else 2, ended.stderr)
                self.assert_names(ended.stderr, *words)

    def test_a_taken_port_is_named_with_the_reason_and_the_next_step(self):
        taken = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(taken.close)
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        message = self.failure(f"--listen={address}", code=1)
        self.assert_names(message, "listen", address, "in use")

    def test_a_port_taken_by_another_holdfast_is_an_error_too(self):
        address = "%s:%d" % self.start().address()
        self.assert_names(self.failure(f"--listen={address}", code=1), address)
        self.assert_names(self.failure("--listen=127.0.0.1:0", f"--listen_tcp={address}", code=1), address)

    def test_the_same_address_twice_is_an_error(self):
        taken = socket.create_server(("127.0.0.1", 0))
        address = "127.0.0.1:%d" % taken.getsockname()[1]
        taken.close()
        self.assert_names(self.failure(f"--listen={address},{address}", code=1), address)

    def test_an_address_the_host_does_not_have_is_named(self):
        # 203.0.113.0/24 is for documentation (RFC 5737): no host has it.
        self.assert_names(self.failure("--listen=203.0.113.1:0", code=1), "listen", "203.0.113.1:0")

    def test_more_connections_than_can_be_held_are_refused_with_the_reason(self):
        message = self.failure("--listen=127.0.0.1:0", "--shards=1", "--max_connections=100000", code=1)
        self.assert_names(message, "max_connections", "100000", "65,536", "shards")
        message = self.failure("--listen=127.0.0.1:0", "--max_connections=4000000000", code=1)
        self.assert_names(message, "max_connections", "4000000000")

    def test_a_low_descriptor_limit_is_named_with_what_mends_it(self):
        ended = subprocess.run(
            [program_path("holdfast-echo"), "--listen=127.0.0.1:0", "--shards=1", "--max_connections=5000"],
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200)),
        )
        self.assertEqual(ended.returncode, 1, ended.stderr)
        self.assertRegex(ended.stderr, "RLIMIT_NOFILE|LimitNOFILE|ulimit")
        self.assert_names(ended.stderr, "200")


class Listening(WireTestCase):
    def test_help_names_every_flag(self):
        if not program_path("holdfast-echo").exists():
            self.skipTest("holdfast-echo is not built; set HOLDFAST_BUILD to the build directory")
        ended = run_to_its_end("holdfast-echo", "--help")
        for flag in FLAGS:
            self.assertIn(f"--{flag}", ended.stdout + ended.stderr)

    def test_several_addresses_are_all_served(self):
        server = self.start(
            listen="127.0.0.1:0,127.0.0.2:0", listen_tcp="127.0.0.1:0,127.0.0.3:0", shards=2
        )
        for kind, position in (("ws", 0), ("ws", 1), ("tcp", 0), ("tcp", 1)):
            address = server.address(kind, position)
            client = self.keep(
                holdfast_process.raw_client.WebSocket(address)
                if kind == "ws"
                else holdfast_process.raw_client.LengthPrefixed(address)
            )
            if kind == "ws":
                client.upgrade()
            client.send_message(b"served")
            self.assertEqual(client.receive_message(), b"served", f"{kind} {address}")

    def test_every_shard_serves(self):
        server = self.start(shards=4)
        for number in range(100):
            client = self.open(server)
            client.send_message(f"client {number}")
            self.assertEqual(client.receive_message(), f"client {number}")

    def test_counters_can_be_asked_for_at_any_time(self):
        server = self.start()
        client = self.open(server)
        client.send_message("counted")
        client.receive_message()
        counters = server.counters()
        self.assertEqual(
            (
                counters["connections_open"],
                counters["slots_in_use"],
                counters["accepted"],
                counters["messages_in"],
                counters["messages_out"],
            ),
            (1, 1, 1, 1, 1),
            counters,
        )
        client.closing_handshake()
        server.wait_for(connections_open=0, closed=1)

    def test_the_accept_path_of_older_kernels_serves(self):
        server = self.start(one_shot_accept=True, listen_tcp="127.0.0.1:0")
        for number in range(50):
            client = self.open(server) if number % 2 else self.open_tcp(server)
            client.send_message(b"%d" % number)
            self.assertEqual(client.receive_message(), b"%d" % number)

    def test_ipv6_is_served_on_all_addresses(self):
        # [::] would be reachable from outside; a network of its own keeps it in.
        if not program_path("holdfast-echo").exists():
            self.skipTest("holdfast-echo is not built; set HOLDFAST_BUILD to the build directory")
        ended = subprocess.run(
            [sys.executable, PRIVATE_NETWORK], capture_output=True, text=True, timeout=40, check=False
        )
        if ended.returncode == 77:
            self.skipTest(ended.stdout.strip())
        self.assertEqual(ended.returncode, 0, ended.stdout + ended.stderr)


if __name__ == "__main__":
    unittest.main()
