"""A server that is always the first to close: its side keeps each connection for a minute in TIME_WAIT, and
neither its clients nor its successor may notice.

In a network of its own, with fewer ports than connections: each port is used again while the server's side
still remembers it.
"""

import signal
import time
import unittest

import networks
import raw_client
from hostile import HostileTestCase, sized

TIME_WAIT = "06"


def setUpModule():
    networks.need()


class ServerClosesFirst(HostileTestCase):
    CLOSES = sized(3000, 100_000)
    PORTS = sized(500, 10_000)
    FIRST_PORT = 40_000

    def remembered(self, port):
        """Connections in TIME_WAIT on the server's side."""
        with open("/proc/thread-self/net/tcp", encoding="ascii") as file:
            lines = [line.split() for line in file]
        ending = f":{port:04X}"
        return sum(line[1].endswith(ending) and line[3] == TIME_WAIT for line in lines)

    def be_closed(self, address):
        client = raw_client.WebSocket(address)
        try:
            client.upgrade()
            client.send_frame(raw_client.CLOSE, raw_client.close_payload(1000))
            self.assertEqual(client.receive_close()[0], 1000)
            self.assertEqual(client.wait_for_end(), "fin")
        finally:
            client.close()

    def succeed(self, server, number):
        """Ends the server and starts the next one at its address; the milliseconds until that was ready."""
        host, port = server.address()
        server.signal(number)
        server.wait_for_exit()
        if number == signal.SIGKILL:
            self._servers.remove(server)
        began = time.monotonic()
        successor = self.start(listen=f"{host}:{port}", shards=2)
        ready_ms = round(1e3 * (time.monotonic() - began))
        self.assert_still_serves(successor)
        return successor, ready_ms

    def test_clients_come_back_by_the_same_ports_and_a_restart_binds_at_once(self):
        network = networks.Network()
        self.addCleanup(network.close)
        last_port = self.FIRST_PORT + self.PORTS - 1
        network.write_setting("net.ipv4.ip_local_port_range", f"{self.FIRST_PORT} {last_port}")
        with network.entered():
            server = self.start(listen="127.0.0.1:8000", shards=2)
            began = time.monotonic()
            for _ in range(self.CLOSES):
                self.be_closed(server.address())
            seconds = time.monotonic() - began
            remembered = self.remembered(8000)
            # connect() uses every other port as long as it finds one.
            self.assertGreater(remembered, self.PORTS * 0.4, "the server was not the first to close")
            # The counters wait for nobody: the last one may still be on its way out.
            counters = server.wait_until(lambda counters: counters["closed"] == self.CLOSES)
            self.assertEqual(counters["accepted"], self.CLOSES)
            server, drained_ms = self.succeed(server, signal.SIGTERM)
            server, killed_ms = self.succeed(server, signal.SIGKILL)
        self.figure(
            "time wait",
            closes=self.CLOSES,
            ports=self.PORTS,
            in_time_wait=remembered,
            per_second=int(self.CLOSES / seconds),
            ready_ms_after_drain=drained_ms,
            ready_ms_after_kill=killed_ms,
        )


if __name__ == "__main__":
    unittest.main()
