"""What runs out is waited for: receive buffers, message memory, a log nobody takes."""

import os
import signal
import subprocess
import time
import unittest

import crowd
import raw_client
from holdfast_process import command_line
from hostile import HostileTestCase, cpu_seconds, sized


class ReceiveBuffers(HostileTestCase):
    TALKERS = sized(1000, 5000)
    BUFFERS = 4
    MESSAGES = 100
    MESSAGE_BYTES = 2000  # together what twelve reads take
    FEW = 50
    BURSTS = 5

    def setUp(self):
        super().setUp()
        self.payloads = [(b"%d " % number).ljust(self.MESSAGE_BYTES, b".") for number in range(self.MESSAGES)]

    def test_a_few_serve_thousands_of_talkers_fairly(self):
        self.need_descriptors(self.TALKERS)
        # Of 64 a turn hardly ever uses up all: it finds fewer sockets ready.
        server = self.start(
            receive_buffers=self.BUFFERS,
            large_receive_buffers=0,
            max_connections=6000,
            handshake_timeout="60s",
        )
        talkers = crowd.open_many(self, server, self.TALKERS)
        few = talkers[: self.FEW]
        alone = [self.burst(server, few) for _ in range(self.BURSTS)]
        for _ in range(self.BURSTS):
            fairness = self.look_in_the_middle(server, talkers)
            self.hear_everything(talkers)
            if fairness[0] < self.MESSAGES:
                break
        self.assertLess(fairness[0], self.MESSAGES, "all were answered each time before anybody looked")
        counters = server.counters()
        afterwards = [self.burst(server, few) for _ in range(self.BURSTS)]
        self.assertGreater(counters["receive_buffer_waits"], 0, "the test did not reach its subject")
        self.assertEqual(counters["connections_open"], self.TALKERS, "somebody was closed")
        self.assertEqual(counters["buffers_out"], 0)
        self.figure(
            "receive buffers",
            talkers=self.TALKERS,
            buffers=self.BUFFERS,
            waits=counters["receive_buffer_waits"],
            fewest=fairness[0],
            most=fairness[-1],
            throughput_afterwards_percent=round(100 * min(alone) / min(afterwards)),
            first_burst_afterwards_percent=round(100 * min(alone) / afterwards[0]),
        )

    def say_everything(self, server, talkers):
        """While the server stands still, bytes pile up in the kernel: then it alone decides who is served."""
        server.signal(signal.SIGSTOP)
        stream = b"".join(talkers[0].encoded(payload) for payload in self.payloads)
        for talker in talkers:
            talker.send(stream)
        server.signal(signal.SIGCONT)

    def look_in_the_middle(self, server, talkers):
        """Stops the server once more when it has answered about half, or more where it was quicker than we;
        how many answers each has got."""
        before = server.counters()["messages_out"]
        half = before + len(talkers) * self.MESSAGES // 2
        self.say_everything(server, talkers)
        server.wait_until(lambda counters: counters["messages_out"] >= half, pause_s=0.0)
        server.signal(signal.SIGSTOP)
        until = time.monotonic() + 1.0  # all of what it has sent is in our kernel by now
        crowd.exchange(talkers, {}, lambda: time.monotonic() > until)
        server.signal(signal.SIGCONT)
        served = sorted(len(talker.messages) for talker in talkers)
        self.assertLessEqual(served[-1], 3 * served[0], f"unfair: {served[:3]} to {served[-3:]}")
        return served

    def hear_everything(self, talkers):
        whole = len(talkers) * self.MESSAGES
        crowd.exchange(
            talkers, {}, lambda: sum(len(talker.messages) for talker in talkers) >= whole, deadline_s=60.0
        )
        for talker in talkers:
            self.assertEqual(talker.messages, self.payloads)
            talker.messages.clear()

    def burst(self, server, talkers):
        """The seconds in which a few of them get all their answers."""
        self.say_everything(server, talkers)
        began = time.monotonic()
        self.hear_everything(talkers)
        return time.monotonic() - began


class HalfMessages(HostileTestCase):
    CLIENTS = sized(1500, 10000)
    TALKERS = 30
    CONTEXTS = 1024  # of wslay, which reads fragments that come in pieces

    def start_with_talkers(self):
        self.need_descriptors(self.CLIENTS)
        server = self.start(
            max_connections=12000, shards=1, handshake_timeout="60s", message_timeout="60s"
        )
        return server, crowd.open_many(self, server, self.TALKERS)

    def assert_pieces_arrive(self, server, talkers, held):
        """Each says something in three pieces, with all the others in the middle of theirs; one piece ends
        inside the header."""
        payloads = [b"%d " % number * 100 for number in range(len(talkers))]
        wholes = [raw_client.frame(raw_client.BINARY, payload) for payload in payloads]
        for first, last in ((0, 3), (3, 50)):
            for talker, whole in zip(talkers, wholes):
                talker.send(whole[first:last])
            server.wait_until(lambda counters: counters["assemblies_in_use"] == held + len(talkers))
        for talker, whole in zip(talkers, wholes):
            talker.send(whole[50:])
        for talker, payload in zip(talkers, payloads):
            self.assertEqual(talker.receive_message(), payload)

    def test_keep_nobody_from_sending_theirs_in_pieces(self):
        server, talkers = self.start_with_talkers()
        whole = raw_client.frame(raw_client.BINARY, bytes(100))
        for number, client in enumerate(crowd.open_many(self, server, self.CLIENTS)):
            client.send(whole[: 1 + number % 50])
        server.wait_for(assemblies_in_use=self.CLIENTS)
        self.assert_pieces_arrive(server, talkers, self.CLIENTS)
        counters = server.counters()
        self.assertEqual((counters["memory_refusals"], counters["wslay_contexts"]), (0, 0))
        self.figure("half messages", clients=self.CLIENTS, held=counters["message_memory_used"], refused=0)

    def test_in_fragments_are_refused_beyond_their_number_and_nobody_else_is(self):
        server, talkers = self.start_with_talkers()
        fragment = raw_client.frame(raw_client.BINARY, b"half", final=False)
        clients = crowd.open_many(self, server, self.CONTEXTS + 100)
        for client in clients:
            client.send(fragment)
        counters = server.wait_for(assemblies_in_use=len(clients))
        self.assertEqual(counters["wslay_contexts"], 0, "a whole fragment needs none")
        continuation = raw_client.frame(raw_client.CONTINUATION, b"half", final=False)
        for client in clients:
            client.send(continuation[:-1])
        server.wait_for(wslay_contexts=self.CONTEXTS, memory_refusals=100)
        self.assert_pieces_arrive(server, talkers, self.CONTEXTS)


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
