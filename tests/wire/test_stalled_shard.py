"""One thread of a server stands still, the others do not: whose connections are elsewhere notices nothing,
the log says where it stands, and when it goes on nothing is missing.

A thread is stopped as a debugger does it. SIGSTOP would stop all of them.
"""

import ctypes
import os
import signal
import time
import unittest

import crowd
from hostile import HostileTestCase, sized

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WALL = 0x40000000  # waitpid: for threads as well
IN_NO_SYSTEM_CALL = "-1"


def ptrace(request, thread):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"ptrace: {os.strerror(number)}")


class Stall:
    """A thread that stands still between stop() and go_on(). Only for the thread that made this."""

    def __init__(self, thread):
        self.thread = thread

    def stop(self):
        ptrace(PTRACE_SEIZE, self.thread)
        ptrace(PTRACE_INTERRUPT, self.thread)
        os.waitpid(self.thread, WALL)

    def go_on(self):
        ptrace(PTRACE_DETACH, self.thread)


class StalledShard(HostileTestCase):
    CLIENTS = 40
    TALKERS = 20
    MUCH = 4000  # messages of each
    SECONDS = sized(2.0, 5.0)
    SERVER_AHEAD = False  # it has to be found at work

    def thread_of(self, server, shard):
        folder = f"/proc/{server.child.pid}/task"
        for thread in os.listdir(folder):
            with open(f"{folder}/{thread}/comm", encoding="ascii") as file:
                if file.read().strip() == f"shard-{shard}":
                    return int(thread)
        raise AssertionError("no such thread")

    def stop(self, server, shard):
        stall = Stall(self.thread_of(server, shard))
        try:
            stall.stop()
        except PermissionError as error:
            self.skipTest(f"threads cannot be stopped here: {error}")
        return stall

    def stop_inside_a_turn(self, server, shard, talkers):
        """In the middle of much that its talkers have said, outside of the kernel."""
        stream = talkers[0].encoded(b"much") * self.MUCH
        for attempt in range(1, 101):
            server.signal(signal.SIGSTOP)
            crowd.exchange(talkers, {talker: stream for talker in talkers}, self.all_sent(talkers, stream))
            server.signal(signal.SIGCONT)
            for _ in range(20):
                stall = self.stop(server, shard)
                with open(f"/proc/{server.child.pid}/task/{stall.thread}/syscall", encoding="ascii") as file:
                    if file.read().split()[0] == IN_NO_SYSTEM_CALL:
                        return stall, attempt
                stall.go_on()
            crowd.exchange(talkers, {}, crowd.all_have(talkers, attempt * self.MUCH))
        raise AssertionError("it was always found asleep")

    def all_sent(self, talkers, stream):
        return lambda: all(talker.sent_bytes == len(stream) for talker in talkers)

    def test_others_are_served_meanwhile_and_it_is_named(self):
        server = self.start(shards=2)
        clients = crowd.open_many(self, server, self.CLIENTS)
        talkers = crowd.open_many(self, server, self.TALKERS)
        stall, attempts = self.stop_inside_a_turn(server, 1, talkers)
        try:
            for client in clients:
                client.send_message("who is there?")
            until = time.monotonic() + 0.5
            crowd.exchange(clients, {}, lambda: time.monotonic() > until)
            served = [client for client in clients if client.messages]
            waiting = [client for client in clients if not client.messages]
            self.assertTrue(served and waiting, "the test did not reach its subject")
            rounds, until = 0, time.monotonic() + self.SECONDS
            slowest = 0.0
            while time.monotonic() < until:
                began = time.monotonic()
                for client in served:
                    client.send_message("still?")
                crowd.exchange(served, {}, crowd.all_have(served, rounds + 2))
                slowest = max(slowest, time.monotonic() - began)
                rounds += 1
            self.assertTrue(all(client.quiet_for(0) for client in waiting))
            told = server._wait(lambda: any("shard 1 " in line for line in server.stderr_lines), 10.0)
        finally:
            stall.go_on()
        self.assertTrue(told, server.stderr_lines)
        line = next(line for line in server.stderr_lines if "shard 1 " in line)
        self.assertRegex(line, r"waits: [a-z ]+(, op \w+ of slot \d+ generation \d+)?$")
        self.assertFalse([line for line in server.stderr_lines if "shard 0 " in line])
        crowd.exchange(waiting, {}, crowd.all_have(waiting, 1))
        crowd.exchange(talkers, {}, crowd.all_have(talkers, attempts * self.MUCH))
        self.assertEqual(server.counters()["connections_open"], self.CLIENTS + self.TALKERS)
        self.figure(
            "stalled shard",
            seconds=self.SECONDS,
            served=len(served),
            waiting=len(waiting),
            slowest_round_of_served_ms=round(1e3 * slowest, 1),
        )

    def test_what_was_said_meanwhile_is_heard_by_all_in_one_order(self):
        server = self.start("holdfast-broadcast", shards=2, max_outbox_bytes=4194304)
        clients = crowd.open_many(self, server, self.CLIENTS)
        for shard in (0, 1):
            for client in clients:
                client.messages.clear()
            stall = self.stop(server, shard)
            try:
                for number in range(20):
                    for client in clients:
                        client.send_message(b"%d %d" % (id(client), number))
                until = time.monotonic() + 0.5
                crowd.exchange(clients, {}, lambda: time.monotonic() > until)
            finally:
                stall.go_on()
            crowd.exchange(clients, {}, crowd.all_have(clients, 20 * self.CLIENTS))
            for client in clients:
                self.assertEqual(client.messages, clients[0].messages)
                said = [message for message in client.messages if message.startswith(b"%d " % id(client))]
                self.assertEqual(said, [b"%d %d" % (id(client), number) for number in range(20)])


if __name__ == "__main__":
    unittest.main()
