"""The real kernel: sysctls of a network namespace of our own, with the real program and no fake root.

This process enters new network and mount namespaces before the first test and stays there until it ends.
What is not the namespace's own (fs, vm, kernel) is mounted read-only first, and every folder the program
writes to is a tmpfs of our own: nothing of this host can change. Where that is not possible the tests are
skipped.
"""

import ctypes
import os
import pathlib
import re
import shutil
import subprocess
import unittest

from tune_process import (
    DEADLINE_S,
    FAILED,
    KILLED,
    NOT_TUNED,
    OUR_SYSCTL_FILE,
    PROGRAM,
    READY,
    STATE,
    TuneTestCase,
)

CLONE_NEWNS, CLONE_NEWNET = 0x00020000, 0x40000000
READ_ONLY = ("fs", "vm", "kernel", "dev", "debug", "abi", "user")
OURS = ("/etc/sysctl.d", "/etc/security/limits.d", "/etc/systemd/system", "/var/lib")
# Values far from what a million connections need, all of them the namespace's own.
UNTUNED = {
    "net.core.somaxconn": "128",
    "net.ipv4.tcp_max_syn_backlog": "256",
    "net.ipv4.tcp_max_tw_buckets": "5000",
    "net.ipv4.tcp_rmem": "4096 131072 6291456",
    "net.ipv4.tcp_wmem": "4096 16384 4194304",
    "net.ipv4.tcp_notsent_lowat": "4294967295",
    "net.ipv4.tcp_fin_timeout": "60",
    "net.ipv4.tcp_slow_start_after_idle": "1",
    "net.ipv4.ip_local_port_range": "32768 60999",
    "net.ipv4.ip_local_reserved_ports": "",
}
# Random keys and counters.
NO_SETTING = re.compile(r"_count$|fastopen_key|stable_secret|fib_multipath_hash_seed")
TARGET = ("--connections=1M", "--ports=8000,40000")
TUNED = {
    "net.core.somaxconn": "1024",
    "net.ipv4.tcp_rmem": "4096 16384 1048576",
    "net.ipv4.ip_local_reserved_ports": "40000",
    "net.ipv4.tcp_notsent_lowat": "16384",
}


def command(*words):
    ended = subprocess.run(words, capture_output=True, text=True, check=False, timeout=DEADLINE_S)
    if ended.returncode != 0:
        raise unittest.SkipTest(f"{' '.join(words)}: {ended.stderr.strip()}")


def setUpModule():
    if os.geteuid() != 0 or not PROGRAM.exists():
        raise unittest.SkipTest("needs root and the program")
    host_network = os.readlink("/proc/self/ns/net")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWNET) != 0:
        raise unittest.SkipTest(f"unshare: {os.strerror(ctypes.get_errno())}")
    command("mount", "--make-rprivate", "/")
    for name in READ_ONLY:
        folder = "/proc/sys/" + name
        if os.path.isdir(folder):
            command("mount", "--bind", folder, folder)
            command("mount", "-o", "remount,bind,ro", folder)
    for folder in OURS:
        if os.path.isdir(folder):
            command("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", folder)
    if os.readlink("/proc/self/ns/net") == host_network:
        raise unittest.SkipTest("this is still the host's network")
    try:
        with open("/proc/sys/fs/file-max", "r+", encoding="ascii"):
            raise unittest.SkipTest("the host's own sysctls could be written here")
    except OSError:
        pass


def sysctl_file(key):
    return pathlib.Path("/proc/sys") / key.replace(".", "/")


def get(key):
    return " ".join(sysctl_file(key).read_text(encoding="ascii").split())


def put(key, value):
    sysctl_file(key).write_text(value + "\n", encoding="ascii")


def snapshot():
    """Every value of this network namespace, and the files the program may write."""
    values = {}
    for place in sorted(pathlib.Path("/proc/sys/net").rglob("*")):
        if place.is_file() and not NO_SETTING.search(place.name):
            try:
                values[str(place)] = place.read_text(encoding="latin-1")
            except OSError:
                pass
    for folder in OURS[:3]:
        for place in sorted(pathlib.Path(folder).rglob("*")) if os.path.isdir(folder) else ():
            values[str(place)] = place.read_text(encoding="utf-8") if place.is_file() else None
    return values


class NamespaceTestCase(TuneTestCase):
    def setUp(self):
        super().setUp()
        for key, value in UNTUNED.items():
            put(key, value)
        shutil.rmtree("/" + STATE, ignore_errors=True)
        self.addCleanup(self.clean)

    def clean(self):
        shutil.rmtree("/" + STATE, ignore_errors=True)
        pathlib.Path("/" + OUR_SYSCTL_FILE).unlink(missing_ok=True)

    def real(self, *words, expect=None, **arguments):
        ended = self.run_program(*words, **arguments)
        if expect is not None:
            self.assertEqual(ended.returncode, expect, f"{words}\n{ended.stdout}\n{ended.stderr}")
        return ended


class RoundTrip(NamespaceTestCase):
    def test_check_plan_apply_verify_revert_check_ends_where_it_began(self):
        before = snapshot()
        first = self.real("check", *TARGET)
        self.real("plan", *TARGET, expect=NOT_TUNED)
        self.assertEqual(snapshot(), before)
        self.real("apply", *TARGET)
        for key, value in TUNED.items():
            self.assertEqual(get(key), value, key)
        self.assertNotEqual(snapshot(), before)
        self.real("verify", expect=READY)
        self.assertNotIn("\n-", self.real("plan", *TARGET).stdout.split("set by")[0].split("not by")[0])
        self.real("revert", expect=READY)
        self.assertEqual(snapshot(), before)
        last = self.real("check", *TARGET)
        self.assertEqual(last.returncode, first.returncode)
        # The memory that is available moves; the findings on settings do not.
        slow = [
            [line for line in ended.stdout.splitlines() if re.match(r"(slow|advice|ok) +net\.", line)]
            for ended in (first, last)
        ]
        self.assertEqual(slow[0], slow[1])

    def test_the_script_has_the_same_result_and_its_inverse_undoes_it(self):
        before = snapshot()
        script, inverse = (
            self.real("plan", "--script", *TARGET, *more).stdout for more in ((), ("--inverse",))
        )
        self.real("apply", *TARGET)
        by_apply = snapshot()
        self.real("revert", expect=READY)
        subprocess.run(["sh"], input=script, text=True, check=True, timeout=DEADLINE_S)
        self.assertEqual(snapshot(), by_apply)
        subprocess.run(["sh"], input=inverse, text=True, check=True, timeout=DEADLINE_S)
        self.assertEqual(snapshot(), before)

    def test_killed_after_any_step_the_kernel_gets_its_values_back(self):
        before = snapshot()
        for step in range(1, 100):
            ended = self.real("apply", *TARGET, env={"HOLDFAST_TUNE_EXIT_AFTER_STEP": str(step)})
            killed = ended.returncode == KILLED
            self.real("revert", expect=READY)
            self.assertEqual(snapshot(), before, step)
            if not killed:
                self.assertGreater(step, len(TUNED))
                return
        self.fail("apply does not end")

    def test_a_failure_at_any_step_puts_the_kernels_values_back(self):
        before = snapshot()
        for step in range(1, 100):
            ended = self.real("apply", *TARGET, env={"HOLDFAST_TUNE_FAIL_AT_STEP": str(step)})
            if ended.returncode != FAILED:
                self.real("revert", expect=READY)
                return
            self.assertEqual(snapshot(), before, step)
        self.fail("apply does not end")

    def test_a_key_changed_by_somebody_else_is_left_alone(self):
        self.real("apply", *TARGET)
        put("net.core.somaxconn", "999")
        self.assertIn("999", self.real("verify", expect=NOT_TUNED).stdout)
        self.assertIn("net.core.somaxconn", self.real("revert", expect=NOT_TUNED).stdout)
        self.assertEqual(
            (get("net.core.somaxconn"), get("net.ipv4.tcp_rmem")), ("999", UNTUNED["net.ipv4.tcp_rmem"])
        )
        self.real("revert", "--force", expect=READY)
        self.assertEqual(get("net.core.somaxconn"), "128")


class Namespace(NamespaceTestCase):
    def test_it_says_that_it_is_in_a_network_namespace_and_what_belongs_to_the_host(self):
        text = self.real("check", "--all", *TARGET).stdout
        self.assertIn("network namespace of its own", text)
        self.assertRegex(text, r"net.ipv4.tcp_mem +not in this network namespace")

    def test_what_is_read_only_is_said_and_the_rest_is_done(self):
        ended = self.real("apply", "--connections=15M")
        self.assertRegex(ended.stdout, r"(?s)not by this process:.*fs.file-max: the file system is read-only")
        self.assertEqual(get("net.core.somaxconn"), "1024")

    def test_with_all_of_proc_read_only_nothing_is_changed(self):
        before = snapshot()
        ended = subprocess.run(
            [
                "unshare",
                "--mount",
                "sh",
                "-c",
                "mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && " 'exec "$@"',
                "sh",
                str(PROGRAM),
                "apply",
                "--without=RLIMIT_NOFILE,RLIMIT_MEMLOCK",
                *TARGET,
            ],
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        self.assertIn("nothing to change", ended.stdout, ended.stderr)
        self.assertIn("net.core.somaxconn: the file system is read-only here", ended.stdout)
        self.assertEqual(snapshot(), before)


class DiskFull(NamespaceTestCase):
    def full_disk(self, folder):
        """A tmpfs without room over `folder`, taken away again after the test."""
        command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", folder)
        self.addCleanup(subprocess.run, ["umount", folder], check=False)
        with open(os.path.join(folder, "filler"), "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass

    def test_no_room_for_the_journal_changes_nothing(self):
        os.makedirs("/" + STATE)
        before = snapshot()
        self.full_disk("/" + STATE)
        ended = self.real("apply", *TARGET, expect=FAILED)
        self.assertIn("No space left on device", ended.stderr)
        self.assertEqual(snapshot(), before)
        os.unlink(f"/{STATE}/filler")
        self.real("apply", *TARGET)
        self.assertEqual(get("net.core.somaxconn"), "1024")
        self.real("revert", expect=READY)

    def test_no_room_for_a_file_puts_everything_back(self):
        values = {key: get(key) for key in UNTUNED}
        self.full_disk("/etc/sysctl.d")
        ended = self.real("apply", *TARGET, expect=FAILED)
        self.assertIn("No space left on device", ended.stderr)
        self.assertIn("put back", ended.stderr)
        self.assertEqual({key: get(key) for key in UNTUNED}, values)
        self.assertEqual(os.listdir("/etc/sysctl.d"), ["filler"])

    def test_revert_needs_no_room(self):
        before = snapshot()
        self.real("apply", "--runtime-only", *TARGET)
        journal = pathlib.Path("/") / STATE / "journal.0001.applied"
        text = journal.read_bytes()
        command("mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", "/" + STATE)
        self.addCleanup(subprocess.run, ["umount", "/" + STATE], check=False, capture_output=True)
        journal.write_bytes(text)
        with open(f"/{STATE}/filler", "wb", buffering=0) as filler:
            try:
                while filler.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        self.real("revert", expect=READY)
        self.assertEqual(snapshot(), before)


if __name__ == "__main__":
    unittest.main()
