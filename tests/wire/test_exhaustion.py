"""What runs out is waited for: receive buffers, the accept queue, message memory, a log nobody takes."""

import os
import signal
import socket
import subprocess
import threading
import time
import unittest

import crowd
import raw_client
from bystanders import Bystanders
from holdfast_process import command_line, parse_counters
from hostile import HostileTestCase, cpu_seconds, sized


class ReceiveBuffers(HostileTestCase):
    TALKERS = sized(1000, 5000)
    MESSAGES = 40
    MESSAGE_BYTES = 500

    def test_sixty_four_serve_thousands_of_talkers_fairly(self):
        self.need_descriptors(self.TALKERS)
        server = self.start(
            receive_buffers=64, large_receive_buffers=0, max_connections=6000, handshake_timeout="60s"
        )
        talkers = crowd.open_many(self, server, self.TALKERS)
        # While the server stands still, bytes pile up in the kernel: then it alone decides who is served.
        server.signal(signal.SIGSTOP)
        payloads = [(b"%d " % number).ljust(self.MESSAGE_BYTES, b".") for number in range(self.MESSAGES)]
        for talker in talkers:
            talker.send(b"".join(talker.encoded(payload) for payload in payloads))
        server.signal(signal.SIGCONT)
        whole = self.TALKERS * self.MESSAGES
        crowd.exchange(
            talkers, {}, lambda: sum(len(talker.messages) for talker in talkers) >= whole, deadline_s=60.0
        )
        for talker in talkers:
            self.assertEqual(talker.messages, payloads)
        counters = server.counters()
        self.assertGreater(counters["receive_buffer_waits"], 0, "the test did not reach its subject")
        self.assertEqual(counters["connections_open"], self.TALKERS, "somebody was closed")
        self.assertEqual(counters["buffers_out"], 0)
        self.figure("receive buffers", talkers=self.TALKERS, waits=counters["receive_buffer_waits"])


def listen_overflows():
    """How often this host has dropped a connection request because an accept queue was full."""
    with open("/proc/net/netstat", encoding="ascii") as file:
        lines = [line.split() for line in file if line.startswith("TcpExt:")]
    return int(lines[1][lines[0].index("ListenOverflows")])


class AcceptQueue(HostileTestCase):
    CLIENTS = sized(3000, 15000)

    def test_who_finds_it_full_comes_in_later(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(max_connections=18000, shards=1, handshake_timeout="60s")
        before = listen_overflows()
        server.signal(signal.SIGSTOP)
        clients = []
        for _ in range(self.CLIENTS):
            client = self.keep(Waiting(server.address()))
            clients.append(client)
        server.signal(signal.SIGCONT)
        # The kernel repeats its requests after 1, 2 and 4 seconds.
        for client in clients:
            client.finish_connect()
        for client in clients:
            client.finish_upgrade(client.key)
        overflows = listen_overflows() - before
        self.assertGreater(overflows, 0, "the test did not reach its subject")
        counters = server.counters()
        self.assertEqual(counters["connections_open"], self.CLIENTS)
        self.assertEqual(counters["accept_errors"], 0)
        self.figure("accept queue", clients=self.CLIENTS, overflows=overflows)


class Waiting(raw_client.WebSocket):
    """A client that does not wait for its connection to be made."""

    def __init__(self, address):
        self.deadline_s = 60.0
        self.unread = bytearray()
        self.ended = None
        self.messages = []
        self.control = []
        self.vanished = False
        self.answer_pings = True
        self.key = raw_client.new_key()
        self.socket = socket.socket(socket.AF_INET)
        self.socket.setblocking(False)
        self.socket.connect_ex(address)

    def finish_connect(self):
        self.socket.settimeout(self.deadline_s)
        request = raw_client.request(key=self.key)
        end = time.monotonic() + self.deadline_s
        while True:
            try:
                self.socket.sendall(request)
                return
            except (BlockingIOError, BrokenPipeError) as error:
                if time.monotonic() > end:
                    raise AssertionError(f"it never got in: {error}") from None
                time.sleep(0.05)


class Log(HostileTestCase):
    """Wherever the log goes: clients are served, signals are obeyed, the end is in order."""

    FLAGS = {"listen": "127.0.0.1:0", "shards": "1", "max_connections": "200", "drain_timeout": "1s"}

    def serve(self, **streams):
        line = command_line("holdfast-echo", self.FLAGS)
        server = subprocess.Popen(line, stdout=subprocess.PIPE, text=True, **streams)
        self.addCleanup(server.stdout.close)
        self.addCleanup(lambda: server.poll() is None and (server.kill(), server.wait()))
        words = server.stdout.readline().split()
        self.assertEqual(words[:2], ["listening", "ws"])
        host, port = words[2].rsplit(":", 1)
        client = self.keep(raw_client.WebSocket((host, int(port))))
        client.upgrade()
        for number in range(200):
            server.send_signal(signal.SIGUSR1)
            client.send_message(f"still {number}")
            self.assertEqual(client.receive_message(), f"still {number}")
        client.close()
        server.send_signal(signal.SIGTERM)
        self.assertEqual(server.wait(20.0), 0)

    def test_a_full_disk_is_nobodys_reason_to_stop(self):
        with open("/dev/full", "wb") as full:
            self.serve(stderr=full)

    def test_a_closed_descriptor_is_not_given_to_a_socket(self):
        self.serve(preexec_fn=lambda: os.close(2))

    def test_no_standard_descriptor_but_the_output(self):
        self.serve(preexec_fn=lambda: (os.close(0), os.close(2)))

    def test_a_pipe_whose_reader_has_gone(self):
        reading, writing = os.pipe()
        os.close(reading)
        try:
            self.serve(stderr=writing)
        finally:
            os.close(writing)

    def test_a_pipe_that_nobody_empties(self):
        reading, writing = os.pipe()
        try:
            self.serve(stderr=writing)
        finally:
            os.close(reading)
            os.close(writing)


class Recovery(HostileTestCase):
    def test_message_memory_that_is_used_up_is_there_again_when_who_used_it_is_gone(self):
        server = self.start(message_memory_bytes=4 << 20, max_connections=3000, message_timeout="60s")
        hoarders = crowd.open_many(self, server, 400)
        for client in hoarders:
            client.send_or_end(raw_client.frame(raw_client.BINARY, b"x" * 40000, declared=60000))
        counters = server.wait_until(lambda now: now["memory_refusals"] > 0)
        self.assertLessEqual(counters["message_memory_used"], 4 << 20)
        idle = cpu_seconds(server)
        time.sleep(1.0)
        self.assertLess(cpu_seconds(server) - idle, 0.5, "it must not spin")
        for client in hoarders:
            client.reset()
        server.wait_for(message_memory_used=0, slots_in_use=0)
        self.assert_still_serves(server)


if __name__ == "__main__":
    unittest.main()
