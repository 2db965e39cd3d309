"""Network namespaces for a test, and the link between two of them.

A thread belongs to one namespace at a time, a socket for ever to the one it was made in. So a test enters a
namespace to start a server or to connect a client there, and leaves it again. Nothing has a name outside of
this process: with its last socket and descriptor a namespace ends, and with it the devices inside.

Needs root, or user namespaces. `need()` is called once, before the process has any other thread.
"""

import contextlib
import ctypes
import os
import shutil
import subprocess
import unittest

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
THIS_NETWORK = "/proc/thread-self/ns/net"
SERVER_ADDRESS, CLIENTS_ADDRESS = "10.77.0.1", "10.77.0.2"


def _call(name, *numbers):
    if getattr(ctypes.CDLL(None, use_errno=True), name)(*numbers) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _become_root_of_a_namespace():
    """So that programs which are started, like ip, may do there what this process may."""
    identities = {"uid_map": f"0 {os.geteuid()} 1", "setgroups": "deny", "gid_map": f"0 {os.getegid()} 1"}
    _call("unshare", CLONE_NEWUSER | CLONE_NEWNET)
    for name, text in identities.items():
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def need():
    """Skips the tests of the module that calls it in setUpModule when namespaces cannot be made."""
    if shutil.which("ip") is None:
        raise unittest.SkipTest("there is no program ip (Debian package iproute2)")
    try:
        if os.geteuid() != 0:
            _become_root_of_a_namespace()
        Network().close()
    except (OSError, subprocess.CalledProcessError) as error:
        raise unittest.SkipTest(f"no network namespace can be made: {error}") from None


class Network:
    """A namespace with its loopback interface up."""

    def __init__(self):
        with open(THIS_NETWORK, encoding="ascii") as outside:
            _call("unshare", CLONE_NEWNET)
            self.descriptor = os.open(THIS_NETWORK, os.O_RDONLY | os.O_CLOEXEC)
            _call("setns", outside.fileno(), CLONE_NEWNET)
        self.ip("link", "set", "lo", "up")

    @contextlib.contextmanager
    def entered(self):
        """This thread, and those and the processes it starts meanwhile, are inside."""
        with open(THIS_NETWORK, encoding="ascii") as outside:
            _call("setns", self.descriptor, CLONE_NEWNET)
            try:
                yield self
            finally:
                _call("setns", outside.fileno(), CLONE_NEWNET)

    def ip(self, *words):
        with self.entered():
            subprocess.run(["ip", *words], check=True, capture_output=True, timeout=20)

    def write_setting(self, name, value):
        """A sysctl of this namespace."""
        path = "/proc/sys/" + name.replace(".", "/")
        with self.entered(), open(path, "w", encoding="ascii") as file:
            file.write(str(value))

    def close(self):
        os.close(self.descriptor)


class Link:
    """Two networks with a cable between them, the server's and the clients'."""

    def __init__(self, case):
        self.server_side, self.clients_side = Network(), Network()
        case.addCleanup(self.server_side.close)
        case.addCleanup(self.clients_side.close)

    def lay_cable(self):
        elsewhere = f"/proc/{os.getpid()}/fd/{self.clients_side.descriptor}"
        self.server_side.ip(
            *("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", elsewhere)
        )
        self.give_addresses("cable")

    def give_addresses(self, device):
        """For devices of this name that are there on both sides."""
        for side, address in (
            (self.server_side, SERVER_ADDRESS),
            (self.clients_side, CLIENTS_ADDRESS),
        ):
            side.ip("address", "add", f"{address}/24", "dev", device)
            side.ip("link", "set", device, "up")

    def pull(self, side):
        """Nothing gets through in either direction; what the other side notices is a lost carrier."""
        side.ip("link", "set", "cable", "down")

    def plug(self, side):
        side.ip("link", "set", "cable", "up")
