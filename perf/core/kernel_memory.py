"""What a connection costs the kernel and the server process in memory.

Kernel: the growth of the slab caches a connection can be in, between a smaller and a larger number of
idle connections. A cache is charged its active objects at their share of the slab's pages, so that what
does not fit a slab is counted too. On loopback both ends of a connection are in the same kernel; the
other end is the same program doing the same thing, whether it is connected to a server or to bare_accept
(accepted socket, descriptor, nothing else), so it falls out when the growth with bare_accept is
subtracted. What is left is what the server's way of watching adds to a bare accepted socket.

A dentry and a security blob of an inode come with every open file, but also with every look into
/proc/PID/fd by whoever watches the machine: they are charged one per open file. Caches that connections
do not use (file systems, page tables) are left out, or other work on the machine would be counted. Memory
that is taken once at start (file tables, rings) does not grow.

User space: Rss of /proc/PID/smaps_rollup, which is walked when read; shared mappings count, as a slab in
a memfd is one.
"""
import contextlib
import os

PAGE_BYTES = os.sysconf("SC_PAGESIZE")
CONNECTION_CACHES = ("TCP", "sock_inode_cache", "filp", "lsm_file_cache", "io_kiocb", "eventpoll_epi",
                     "eventpoll_pwq", "ep_head", "tcp_bind_bucket", "tcp_bind2_bucket", "request_sock_TCP",
                     "tw_sock_TCP", "skbuff_head_cache", "skbuff_small_head", "skbuff_fclone_cache")
ONE_PER_FILE = ("dentry", "lsm_inode_cache")


def _identity(name):
    """Merged caches are shown under one of their names; this is the same for all of these names."""
    return os.path.realpath(f"/sys/kernel/slab/{name}")


def read_slabs():
    """{cache: (active objects, bytes each)} where connections live, or None without the right to read it."""
    try:
        with open("/proc/slabinfo") as table:
            rows = [line.split() for line in table.readlines()[2:]]
    except PermissionError:
        return None
    wanted = {_identity(name) for name in CONNECTION_CACHES + ONE_PER_FILE}
    slabs = {}
    for name, active, _, _, objects_per_slab, pages_per_slab, *_ in rows:
        if name.startswith("kmalloc-") or _identity(name) in wanted:
            slabs[name] = (int(active), int(pages_per_slab) * PAGE_BYTES / int(objects_per_slab))
    return slabs


def growth_each(before, after, connections):
    """{cache: bytes} per connection, of caches that changed noticeably."""
    def grown(name):
        return (after[name][0] - before.get(name, (0, 0))[0]) / connections

    files = grown("filp")
    growth = {name: (files if name in ONE_PER_FILE else grown(name)) * object_bytes
              for name, (_, object_bytes) in after.items()}
    return {name: each for name, each in growth.items() if abs(each) >= 0.5}


def total_bytes(growth):
    return sum(growth.values())


def one_end_bytes(bare):
    """A bare accepted socket alone: half of the caches in which both ends of a connection have the same."""
    same = ("TCP", "sock_inode_cache", "filp", "lsm_file_cache") + ONE_PER_FILE
    return sum(bare.get(name, 0.0) for name in same) / 2


def difference(caches, bare):
    """Bytes per connection above bare, of the caches that differ by at least a byte."""
    each = {name: caches.get(name, 0.0) - bare.get(name, 0.0) for name in caches.keys() | bare.keys()}
    return {name: bytes_each for name, bytes_each in sorted(each.items()) if abs(bytes_each) >= 1}


def resident_bytes(pid):
    with open(f"/proc/{pid}/smaps_rollup") as rollup:
        for line in rollup:
            if line.startswith("Rss:"):
                return int(line.split()[1]) * 1024
    raise OSError(f"no Rss in /proc/{pid}/smaps_rollup")


def tcp_sockets():
    """Sockets in use and in TIME_WAIT by the kernel's count: whether an earlier run has been cleared away."""
    with contextlib.suppress(OSError, ValueError), open("/proc/net/sockstat") as counts:
        for line in counts:
            if line.startswith("TCP:"):
                words = line.split()
                return int(words[words.index("alloc") + 1]) + int(words[words.index("tw") + 1])
    return 0
