"""A network namespace for this process and its children, with a hash table for as many sockets as it needs.

The kernel finds the socket of a segment in one hash table, sized at boot by the memory of the host: 262,144
chains where two million sockets are wanted mean eight in a chain, and each look-up walks half of it through
cold memory. A namespace can have a table of its own (net.ipv4.tcp_child_ehash_entries, since Linux 6.1),
but takes the size from the namespace it is made in. So two are made, one in the other: the first is there
only to hold the setting, and the host's own stays as it is.
"""
import contextlib
import ctypes
import fcntl
import os
import socket
import struct

CHAINS_MOST = 1 << 24  # the kernel's bound
CHAIN_BYTES = 8
ENTRIES = "/proc/sys/net/ipv4/tcp_ehash_entries"
ENTRIES_OF_CHILDREN = "/proc/sys/net/ipv4/tcp_child_ehash_entries"
OWN_NAMESPACE = "/proc/self/ns/net"
CLONE_NEWNET = 0x40000000
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1


def chains_now():
    """Chains of the table in use, or None on kernels that do not say."""
    try:
        with open(ENTRIES) as text:
            return abs(int(text.read()))  # negative: the namespace shares the host's
    except (OSError, ValueError):
        return None


def chains_for(sockets):
    """One for each socket, a power of two as the kernel wants them, and never fewer than there are."""
    return min(max(1 << max(0, sockets - 1).bit_length(), chains_now() or 0), CHAINS_MOST)


def _change(call, *numbers):
    if getattr(ctypes.CDLL(None, use_errno=True), call)(*numbers) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _loopback_up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack("16xh14x", fcntl.ioctl(any_socket, SIOCGIFFLAGS, struct.pack("32s", b"lo")))[0]
        fcntl.ioctl(any_socket, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def enter(sockets):
    """Moves this process there. Returns "", or what stood in the way: then it is where it was.

    Needs CAP_SYS_ADMIN. Threads that run already stay outside: call it before there are any.
    """
    if not os.path.exists(ENTRIES_OF_CHILDREN):
        return "this kernel has no tables of a namespace's own (they came with Linux 6.1)"
    with open(OWN_NAMESPACE) as before:
        try:
            _change("unshare", CLONE_NEWNET)
            with open(ENTRIES_OF_CHILDREN, "w") as setting:
                setting.write(str(chains_for(sockets)))
            _change("unshare", CLONE_NEWNET)
            _loopback_up()
        except OSError as error:
            with contextlib.suppress(OSError):  # not permitted either way: then it never left
                _change("setns", before.fileno(), CLONE_NEWNET)
            return f"no network namespace could be made: {error.strerror}"
    return ""


def described():
    """For the conditions of a result: the size of the table, and what it takes."""
    chains = chains_now()
    return "unknown" if chains is None else f"{chains:,} chains, {chains * CHAIN_BYTES / 1048576:,.1f} MiB"
