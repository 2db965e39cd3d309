"""Runs the real holdfast-tune for a test, on a fake root folder or in namespaces of its own.

FakeHost is a folder with the files of a small, untuned host; TuneTestCase runs the program on it and compares
whole trees, so that what a test forgets to look at still cannot change unnoticed. The program is taken from
$HOLDFAST_BUILD (a Meson build directory; default: build/ of this checkout).
"""

import ctypes
import fcntl
import json
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import tempfile
import unittest

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", REPOSITORY / "build"))
PROGRAM = BUILD / "kernel-tuning" / "holdfast-tune"
DEADLINE_S = 60
KILLED = 137
STATE = "var/lib/holdfast-tune"
OUR_SYSCTL_FILE = "etc/sysctl.d/99-zz-holdfast.conf"
READY, FAILED, USAGE, NOT_TUNED, CANNOT = 0, 1, 2, 3, 4

# An untuned host with 64 GiB and 16 cores, as a distribution leaves it.
SYSCTLS = {
    "fs.file-max": "500000",
    "fs.file-nr": "1500\t0\t500000",
    "fs.nr_open": "32768",
    "kernel.io_uring_disabled": "0",
    "kernel.io_uring_group": "-1",
    "kernel.osrelease": "6.12.9",
    "vm.max_map_count": "65530",
    "vm.overcommit_memory": "0",
    "vm.swappiness": "60",
    "net.core.somaxconn": "128",
    "net.core.netdev_max_backlog": "1000",
    "net.core.rmem_max": "212992",
    "net.core.wmem_max": "212992",
    "net.core.rmem_default": "212992",
    "net.core.wmem_default": "212992",
    "net.core.busy_poll": "0",
    "net.core.default_qdisc": "fq_codel",
    "net.core.rps_sock_flow_entries": "0",
    "net.ipv4.tcp_max_syn_backlog": "512",
    "net.ipv4.tcp_syncookies": "1",
    "net.ipv4.tcp_abort_on_overflow": "0",
    "net.ipv4.tcp_mem": "20000\t30000\t60000",
    "net.ipv4.tcp_rmem": "4096\t131072\t6291456",
    "net.ipv4.tcp_wmem": "4096\t16384\t4194304",
    "net.ipv4.tcp_notsent_lowat": "4294967295",
    "net.ipv4.tcp_moderate_rcvbuf": "1",
    "net.ipv4.tcp_keepalive_time": "7200",
    "net.ipv4.tcp_keepalive_intvl": "75",
    "net.ipv4.tcp_keepalive_probes": "9",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_max_tw_buckets": "262144",
    "net.ipv4.tcp_tw_reuse": "2",
    "net.ipv4.tcp_max_orphans": "262144",
    "net.ipv4.tcp_slow_start_after_idle": "1",
    "net.ipv4.tcp_timestamps": "1",
    "net.ipv4.tcp_sack": "1",
    "net.ipv4.tcp_window_scaling": "1",
    "net.ipv4.tcp_congestion_control": "cubic",
    "net.ipv4.tcp_ehash_entries": "524288",
    "net.ipv4.tcp_child_ehash_entries": "0",
    "net.ipv4.ip_local_port_range": "32768\t60999",
    "net.ipv4.ip_local_reserved_ports": "",
    "net.ipv4.neigh.default.gc_thresh1": "128",
    "net.ipv4.neigh.default.gc_thresh2": "512",
    "net.ipv4.neigh.default.gc_thresh3": "1024",
    "net.ipv6.neigh.default.gc_thresh3": "1024",
    "net.netfilter.nf_conntrack_max": "262144",
    "net.netfilter.nf_conntrack_buckets": "65536",
    "net.netfilter.nf_conntrack_count": "0",
}
LIMITS = """Limit                     Soft Limit           Hard Limit           Units
Max open files            1024                 {files:<20} files
Max locked memory         8388608              {locked:<20} bytes
"""
STATUS = """Name:\tholdfast-tune
Uid:\t0\t0\t0\t0
CapEff:\t{capabilities}
Seccomp:\t0
"""
MEMINFO = "MemTotal: {total} kB\nMemAvailable: {available} kB\nSwapTotal: 0 kB\n"
ALL_CAPABILITIES = "000001ffffffffff"
WITHOUT_RESOURCE = "000001fffeffffff"


def own_network():
    """Puts this process (a child, before exec) into a network namespace whose loopback is up."""
    clone_newnet, get_flags, set_flags, up = 0x40000000, 0x8913, 0x8914, 1
    if ctypes.CDLL(None, use_errno=True).unshare(clone_newnet) != 0:
        raise OSError("unshare")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        flags = struct.unpack(
            "16sH14x", fcntl.ioctl(any_socket, get_flags, struct.pack("16sH14x", b"lo", 0))
        )[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14x", b"lo", flags | up))


class FakeHost:
    """A folder that stands in for /."""

    def __init__(self, root, memory_gib=64, files="524288", locked="8388608", capabilities=ALL_CAPABILITIES):
        self.root = pathlib.Path(root)
        for key, value in SYSCTLS.items():
            self.set(key, value)
        kib = memory_gib * 1024 * 1024
        self.write("proc/meminfo", MEMINFO.format(total=kib, available=kib * 95 // 100))
        self.write("proc/self/limits", LIMITS.format(files=files, locked=locked))
        self.write("proc/self/status", STATUS.format(capabilities=capabilities))
        self.write("proc/self/cgroup", "0::/\n")
        self.write("proc/1/cgroup", "0::/\n")
        self.write("sys/devices/system/cpu/online", "0-15\n")
        self.write("sys/kernel/mm/transparent_hugepage/enabled", "always [madvise] never\n")
        for folder in ("etc/sysctl.d", "etc/security/limits.d", "etc/systemd/system"):
            (self.root / folder).mkdir(parents=True)

    def write(self, path, text):
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")

    def read(self, path):
        return (self.root / path).read_text(encoding="utf-8")

    def set(self, key, value):
        self.write("proc/sys/" + key.replace(".", "/"), value + "\n")

    def get(self, key):
        return " ".join(self.read("proc/sys/" + key.replace(".", "/")).split())

    def remove(self, key):
        (self.root / "proc/sys" / key.replace(".", "/")).unlink()

    def tree(self):
        """{path: content} of everything but our own state folder; folders are None."""
        tree = {}
        for place in sorted(self.root.rglob("*")):
            path = str(place.relative_to(self.root))
            if path == "var" or path.startswith("var/lib"):
                continue
            if place.is_symlink():
                tree[path] = "-> " + os.readlink(place)
            else:
                tree[path] = (
                    None if place.is_dir() else self.normal(path, place.read_text(encoding="latin-1"))
                )
        return tree

    @staticmethod
    def normal(path, text):
        # The kernel separates numbers by tabs and the program writes spaces: the same value.
        return " ".join(text.split()) if path.startswith("proc/sys/") else text

    def journals(self):
        folder = self.root / STATE
        return (
            sorted(place.name for place in folder.iterdir() if place.name != "lock")
            if folder.exists()
            else []
        )


class TuneTestCase(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        if not PROGRAM.exists():
            self.skipTest("holdfast-tune is not built; set HOLDFAST_BUILD to the build directory")
        self.folder = tempfile.mkdtemp(prefix="holdfast-tune-test-")
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.host = self.fake_host()

    def fake_host(self, **arguments):
        return FakeHost(tempfile.mkdtemp(dir=self.folder), **arguments)

    def run_program(self, *words, host=None, env=None, prefix=(), **arguments):
        """Without a host: the program with just these words."""
        root = [f"--root={host.root}"] if host is not None else []
        return subprocess.run(
            [*prefix, str(PROGRAM), *words, *root],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            **arguments,
        )

    def tune(self, *words, expect=None, host=None, **arguments):
        """Runs it on the fake host and requires the exit status."""
        ended = self.run_program(*words, host=host or self.host, **arguments)
        self.assertGreaterEqual(ended.returncode, 0, f"{words} died: {ended.stderr}")
        if expect is not None:
            allowed = expect if isinstance(expect, tuple) else (expect,)
            self.assertIn(ended.returncode, allowed, f"{words}\n{ended.stdout}\n{ended.stderr}")
        return ended

    def check(self, *words, host=None, expect=None, **arguments):
        """The JSON of check."""
        ended = self.tune("check", "--json", *words, host=host, expect=expect, **arguments)
        report = json.loads(ended.stdout)
        self.assertEqual(report["exit_code"], ended.returncode)
        return report

    def finding(self, key, *words, host=None):
        found = [finding for finding in self.check(*words, host=host)["findings"] if finding["key"] == key]
        self.assertEqual(len(found), 1, f"{key} should be there once")
        return found[0]
