"""Runs the IPv6 test in a network namespace of its own, where listening on [::] reaches nobody.

Exit code 77: not possible here, with the reason on stdout. A program of its own because leaving a namespace
again is harder than ending.
"""

import ctypes
import fcntl
import os
import socket
import struct
import sys
import unittest

import raw_client
from holdfast_process import WireTestCase

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
SKIPPED = 77


def leave_network():
    """An error text, or None when this process is now in a network with nothing but a loopback interface."""
    libc = ctypes.CDLL(None, use_errno=True)
    flags = CLONE_NEWNET if os.geteuid() == 0 else CLONE_NEWNET | CLONE_NEWUSER
    if libc.unshare(flags) != 0:
        return f"unshare: {os.strerror(ctypes.get_errno())}"
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
            request = fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("16sH14x", b"lo", 0))
            up = struct.unpack("16sH14x", request)[1] | IFF_UP
            fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", up))
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError as error:
        return f"no IPv6 loopback: {error}"
    return None


class AllAddresses(WireTestCase):
    def test_both_families_reach_it(self):
        server = self.start(listen="[::]:0", listen_tcp="[::1]:0", shards=2)
        host, port = server.address()
        self.assertEqual(host, "::")
        for address in (("::1", port), ("127.0.0.1", port)):
            client = self.keep(raw_client.WebSocket(address))
            client.upgrade()
            client.send_message(f"by {address[0]}")
            self.assertEqual(client.receive_message(), f"by {address[0]}")
        tcp = self.open_tcp(server)
        tcp.send_message(b"framed")
        self.assertEqual(tcp.receive_message(), b"framed")


if __name__ == "__main__":
    if reason := leave_network():
        print(reason)
        sys.exit(SKIPPED)
    unittest.main()
