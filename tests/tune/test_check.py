"""check: what is found, how it is computed, and what the host may throw at it."""

import json
import os
import pathlib
import re
import unittest

from tune_process import (
    CANNOT,
    NOT_TUNED,
    PROGRAM,
    READY,
    REPOSITORY,
    SYSCTLS,
    USAGE,
    WITHOUT_RESOURCE,
    TuneTestCase,
)

GARBAGE = (
    "",
    "banana",
    "-1",
    "0",
    "99999999999999999999999999999",
    "1 2 3 4 5 6 7 8",
    "\x00\x01\xff",
    "4096\t\t",
    "-9223372036854775808",
    "0x10",
    "1e9",
    "x" * 100_000,
)


class Findings(TuneTestCase):
    def test_an_untuned_host_has_walls_and_says_how_many_it_holds(self):
        report = self.check("--connections=1M", expect=NOT_TUNED)
        self.assertFalse(report["ready"])
        walls = {finding["key"] for finding in report["findings"] if finding["severity"] == "wall"}
        self.assertEqual(walls, {"fs.file-max", "net.ipv4.tcp_mem"})
        # 60,000 pages / (5 % active x 2 directions x 1 page) is 600,000; file-max is nearer:
        # 500,000 - 1,500 open - 16,384 for others, in whole thousands.
        self.assertEqual(report["first_wall"], "fs.file-max")
        self.assertEqual(report["capacity"], 482_116)

    def test_the_keys_that_preflights_read_are_there(self):
        report = self.check()
        self.assertLessEqual({"ready", "exit_code", "capacity", "first_wall", "findings"}, report.keys())
        self.assertIsInstance(report["ready"], bool)
        self.assertIsInstance(report["capacity"], int)
        for finding in report["findings"]:
            self.assertLessEqual(
                {"key", "current", "needed", "why", "cost", "source", "severity", "fix"}, finding.keys()
            )
            self.assertIn(finding["severity"], ("wall", "slow", "advice", "ok"))
            if finding["severity"] != "ok":
                self.assertTrue(finding["fix"], finding)
                self.assertTrue(finding["why"], finding)

    def test_capacity_is_the_largest_target_without_a_wall(self):
        capacity = self.check()["capacity"]
        for connections, wall in ((capacity, False), (capacity + 1, True)):
            report = self.check(f"--connections={connections}")
            self.assertEqual(
                wall, any(finding["severity"] == "wall" for finding in report["findings"]), connections
            )

    def test_a_host_without_the_memory_cannot(self):
        host = self.fake_host(memory_gib=2)
        report = self.check(host=host, expect=CANNOT)
        self.assertEqual(report["first_wall"], "memory")
        self.assertLess(report["capacity"], 500_000)
        self.assertEqual(self.check("--connections=10k", host=host)["exit_code"], NOT_TUNED)

    def test_clients_on_the_same_host_double_files_and_memory(self):
        alone, both = (self.check(*words) for words in ((), ("--loopback",)))
        self.assertGreater(both["memory_bytes"], alone["memory_bytes"] + 4_000_000_000)
        self.assertEqual(self.finding("fs.file-max")["needed"], "1018000")
        self.assertEqual(self.finding("fs.file-max", "--loopback")["needed"], "2018000")

    def test_a_low_fixed_limit_on_files_means_more_shards_not_a_wall(self):
        host = self.fake_host(files="20000", capabilities=WITHOUT_RESOURCE)
        finding = self.finding("RLIMIT_NOFILE", host=host)
        self.assertEqual(finding["severity"], "advice")
        self.assertIn("56 shards instead of 17", finding["why"])
        self.assertIn("CAP_SYS_RESOURCE", finding["why"])
        report = self.check(host=host)
        self.assertEqual(report["shards"], 56)
        self.assertTrue(any("20,000" in note and "56 shards" in note for note in report["notes"]))

    def test_a_hopeless_limit_on_files_is_a_wall(self):
        host = self.fake_host(files="1024")
        self.assertEqual(self.finding("RLIMIT_NOFILE", host=host)["severity"], "wall")

    def test_the_limits_of_another_process_can_be_asked_for(self):
        self.host.write("proc/77/limits", "Max open files            10 100 files\n")
        self.host.write("proc/77/status", "Uid:\t5\t5\t5\t5\nCapEff:\t0\n")
        self.assertEqual(self.finding("RLIMIT_NOFILE", "--pid=77")["current"], "100")

    def test_tracked_connections_meet_the_limit_of_conntrack(self):
        self.assertEqual(self.finding("net.netfilter.nf_conntrack_max")["severity"], "advice")
        self.host.set("net.netfilter.nf_conntrack_count", "5000")
        finding = self.finding("net.netfilter.nf_conntrack_max")
        self.assertEqual((finding["severity"], finding["needed"]), ("wall", "1110000"))
        self.assertIn("notrack", finding["fix"])
        self.assertEqual(self.check()["first_wall"], "net.netfilter.nf_conntrack_max")
        self.assertEqual(self.finding("net.netfilter.nf_conntrack_buckets")["severity"], "slow")

    def test_a_service_port_inside_the_range_is_a_trap(self):
        key = "net.ipv4.ip_local_reserved_ports"
        self.assertEqual(self.finding(key)["severity"], "ok")
        self.host.set(key, "50000")
        finding = self.finding(key, "--ports=8000,40000,50000")
        self.assertEqual((finding["severity"], finding["needed"]), ("slow", "50000,40000"))
        self.host.set(key, "39000-41000,50000")
        self.assertEqual(self.finding(key, "--ports=8000,40000,50000")["severity"], "ok")

    def test_a_small_hash_table_is_slow_and_needs_a_boot(self):
        self.host.set("net.ipv4.tcp_ehash_entries", "-65536")
        finding = self.finding("net.ipv4.tcp_ehash_entries")
        self.assertEqual(
            (finding["severity"], finding["current"], finding["needed"]), ("slow", "65536", "262144")
        )
        self.assertIn("thash_entries=262144", finding["fix"])
        self.assertEqual(self.finding("net.ipv4.tcp_ehash_entries", "--profile=latency")["needed"], "524288")

    def test_io_uring_refused_by_the_sysctl_is_a_wall(self):
        self.host.set("kernel.io_uring_disabled", "2")
        report = self.check(expect=NOT_TUNED)
        self.assertEqual((report["capacity"], report["first_wall"]), (0, "kernel.io_uring_disabled"))
        self.host.set("kernel.io_uring_disabled", "1")
        self.assertEqual(self.finding("kernel.io_uring_disabled")["severity"], "wall")
        self.host.set("kernel.io_uring_group", "1001")
        self.assertEqual(self.finding("kernel.io_uring_disabled")["severity"], "advice")

    def test_an_old_kernel_is_a_wall(self):
        self.host.set("kernel.osrelease", "5.15.0-91-generic")
        self.assertEqual(self.finding("io_uring")["severity"], "wall")

    def test_limits_of_control_groups_are_found_on_the_way_up(self):
        self.host.write("proc/self/cgroup", "0::/system.slice/shell.service\n")
        self.host.write("sys/fs/cgroup/system.slice/memory.max", "2147483648\n")
        self.host.write("sys/fs/cgroup/system.slice/memory.current", "1073741824\n")
        self.host.write("sys/fs/cgroup/system.slice/shell.service/memory.max", "max\n")
        self.host.write("sys/fs/cgroup/system.slice/shell.service/pids.max", "20\n")
        finding = self.finding("cgroup memory")
        self.assertEqual((finding["severity"], finding["current"]), ("wall", "1.0 GiB left of 2.0 GiB"))
        self.assertEqual(self.finding("cgroup pids")["severity"], "wall")

    def test_control_groups_of_version_1_count_too(self):
        self.host.write("proc/self/cgroup", "4:memory:/web\n3:cpu,cpuacct:/\n")
        self.host.write("sys/fs/cgroup/memory/web/memory.limit_in_bytes", "1000000\n")
        self.assertEqual(self.finding("cgroup memory")["severity"], "wall")
        self.host.write("sys/fs/cgroup/memory/web/memory.limit_in_bytes", "9223372036854771712\n")
        self.assertEqual(self.finding("cgroup memory")["current"], "no limit")

    def test_locked_memory_counts_for_those_without_the_capability(self):
        host = self.fake_host(locked="65536", capabilities="0")
        self.assertEqual(self.finding("RLIMIT_MEMLOCK", host=host)["severity"], "wall")
        host = self.fake_host(locked="65536")
        self.assertEqual(self.finding("RLIMIT_MEMLOCK", host=host)["severity"], "advice")

    def test_neighbours_on_the_own_links_need_entries(self):
        key = "net.ipv4.neigh.default.gc_thresh3"
        self.assertEqual(self.finding(key)["severity"], "ok")
        finding = self.finding(key, "--neighbours=50k")
        self.assertEqual((finding["severity"], finding["needed"]), ("slow", "100000"))


class Obsolete(TuneTestCase):
    def test_settings_that_do_nothing_or_harm_are_named_with_their_place(self):
        self.host.write(
            "etc/sysctl.d/10-guide.conf",
            "# a guide\nnet.ipv4.tcp_tw_recycle = 1\nnet.ipv4.ip_conntrack_max=1000000\n"
            "net/ipv4/tcp_fack = 1\nnet.core.somaxcon = 4096\n",
        )
        report = self.check()
        found = {finding["key"]: finding for finding in report["findings"]}
        self.assertEqual(found["net.ipv4.tcp_tw_recycle"]["severity"], "slow")
        self.assertIn("10-guide.conf:2", found["net.ipv4.tcp_tw_recycle"]["fix"])
        self.assertIn("4.12", found["net.ipv4.tcp_tw_recycle"]["why"])
        self.assertEqual(found["net.ipv4.ip_conntrack_max"]["severity"], "slow")
        self.assertEqual(found["net.ipv4.tcp_fack"]["severity"], "advice")
        self.assertIn("no such key", found["net.core.somaxcon"]["why"])

    def test_harmful_values_are_named(self):
        self.host.set("net.ipv4.tcp_keepalive_time", "1")
        self.host.set("net.ipv4.tcp_rmem", "4096 16777216 33554432")
        self.host.set("net.core.rmem_default", "16777216")
        self.host.set("net.ipv4.tcp_abort_on_overflow", "1")
        severities = {finding["key"]: finding["severity"] for finding in self.check()["findings"]}
        self.assertEqual(severities["net.ipv4.tcp_keepalive_time"], "advice")
        self.assertEqual(severities["net.ipv4.tcp_rmem"], "slow")
        self.assertEqual(severities["net.core.rmem_default"], "advice")
        self.assertEqual(severities["net.ipv4.tcp_abort_on_overflow"], "slow")


class BadInput(TuneTestCase):
    def test_missing_keys_are_said_and_are_no_walls(self):
        for key in SYSCTLS:
            with self.subTest(key):
                host = self.fake_host()
                host.remove(key)
                report = self.check(host=host, expect=(READY, NOT_TUNED))
                for finding in report["findings"]:
                    if finding["key"] == key and not key.endswith("osrelease"):
                        self.assertIn("not", finding["current"] + finding["why"])
                        self.assertNotEqual(finding["severity"], "wall")

    def test_garbage_in_any_key_is_survived_and_never_written(self):
        for key in SYSCTLS:
            for garbage in GARBAGE:
                self.host.write("proc/sys/" + key.replace(".", "/"), garbage)
                report = self.check(expect=(READY, NOT_TUNED, CANNOT))
                self.assertGreaterEqual(report["capacity"], 0, (key, garbage))
            self.host.set(key, SYSCTLS[key])

    def test_a_number_that_is_no_number_is_shown_and_not_judged(self):
        self.host.set("net.core.somaxconn", "banana")
        finding = self.finding("net.core.somaxconn")
        self.assertIn('"banana"', finding["current"])
        self.assertEqual(finding["severity"], "advice")

    def test_an_empty_root_is_survived(self):
        for place in self.host.root.iterdir():
            os.rename(place, pathlib.Path(self.folder) / ("moved-" + place.name))
        report = self.check(expect=(READY, NOT_TUNED))
        self.assertGreater(report["capacity"], 0)
        self.tune("check", expect=(READY, NOT_TUNED))
        self.tune("plan", expect=(READY, NOT_TUNED))

    def test_a_folder_or_a_fifo_in_place_of_a_value_is_survived(self):
        self.host.remove("net.core.somaxconn")
        (self.host.root / "proc/sys/net/core/somaxconn").mkdir()
        self.host.remove("fs.file-max")
        os.mkfifo(self.host.root / "proc/sys/fs/file-max")
        self.assertIn("unreadable", self.finding("net.core.somaxconn")["current"])
        self.check(expect=(READY, NOT_TUNED))

    def test_other_files_may_be_garbage_too(self):
        for path in (
            "proc/meminfo",
            "proc/self/limits",
            "proc/self/status",
            "proc/self/cgroup",
            "sys/devices/system/cpu/online",
            "etc/sysctl.d/1.conf",
            "etc/tuned/active_profile",
            "etc/sysctl.conf",
            "sys/kernel/mm/transparent_hugepage/enabled",
        ):
            for garbage in (*GARBAGE, "=\n=\n", "a=\n", "][", "0::\n", "0:://..//..\n", "1-99999999999\n"):
                with self.subTest((path, garbage[:20])):
                    host = self.fake_host()
                    host.write(path, garbage)
                    self.check(host=host, expect=(READY, NOT_TUNED, CANNOT))

    def test_arguments_out_of_range_are_usage_errors_that_name_the_value(self):
        for words in (
            ("--connections=0",),
            ("--connections=-1",),
            ("--connections=1e99",),
            ("--connections=200G",),
            ("--connections=",),
            ("--connections",),
            ("--connections=99999999999999999999999",),
            ("--active=101%",),
            ("--active=-5%",),
            ("--active=many",),
            ("--message-bytes=0",),
            ("--message-bytes=1GiB",),
            ("--tls=maybe",),
            ("--ports=0",),
            ("--ports=70000",),
            ("--ports=",),
            ("--profile=fast",),
            ("--profile=/nonexistent",),
            ("--no-such-flag",),
            ("--no-such=1",),
            ("--json=yes",),
            ("extra",),
            ("--shards=1000",),
            ("--root=relative",),
            ("--inverse",),
            ("--only=net.core.nothing",),
            ("--user=a b",),
            ("--user=",),
            ("--pid=0",),
        ):
            with self.subTest(words):
                ended = self.run_program("check", *words)
                self.assertEqual(ended.returncode, USAGE, ended.stdout)
                self.assertIn(words[0].split("=")[0].lstrip("-"), ended.stderr)
                self.assertEqual(ended.stdout, "")

    def test_no_command_or_an_unknown_one_is_a_usage_error(self):
        self.assertEqual(self.run_program().returncode, USAGE)
        self.assertEqual(self.run_program("tune").returncode, USAGE)
        self.assertEqual(self.run_program("--help").returncode, READY)


class Profiles(TuneTestCase):
    def test_the_files_of_the_tree_are_those_in_the_program(self):
        for path in sorted((REPOSITORY / "kernel-tuning" / "profiles").glob("*.profile")):
            by_name, by_path = (self.check(f"--profile={profile}") for profile in (path.stem, path))
            by_path["profile"] = by_name["profile"]
            self.assertEqual(by_name, by_path)

    def test_density_balanced_and_latency_differ(self):
        needed = {
            profile: {
                finding["key"]: finding["needed"]
                for finding in self.check(f"--profile={profile}")["findings"]
            }
            for profile in ("density", "balanced", "latency")
        }
        self.assertEqual(needed["density"]["net.ipv4.tcp_rmem"], "4096 16384 1048576")
        self.assertEqual(needed["balanced"]["net.ipv4.tcp_rmem"], "4096 131072 6291456")
        self.assertNotEqual(needed["density"]["net.ipv4.tcp_mem"], needed["latency"]["net.ipv4.tcp_mem"])

    def test_a_profile_of_the_host_goes_before_the_built_in_one(self):
        text = (REPOSITORY / "kernel-tuning/profiles/density.profile").read_text(encoding="ascii")
        self.host.write(
            "etc/holdfast/profiles/density.profile", text.replace("chain_length = 4", "chain_length = 1")
        )
        self.assertEqual(self.finding("net.ipv4.tcp_ehash_entries")["needed"], "1048576")

    def test_a_wrong_profile_is_refused_with_its_line(self):
        text = (REPOSITORY / "kernel-tuning/profiles/density.profile").read_text(encoding="ascii")
        for wrong, words in (
            ("chain_length = 0", "chain_length"),
            ("chain_length = 4x", "4x"),
            ("chains = 4", "chains"),
            ("", "chain_length is missing"),
            ("chain_length = 4\nchain_length = 5", "twice"),
            ("chain_length", "known key"),
        ):
            with self.subTest(wrong):
                self.host.write("etc/holdfast/profiles/mine.profile", text.replace("chain_length = 4", wrong))
                ended = self.tune("check", "--profile=mine", expect=USAGE)
                self.assertIn(words, ended.stderr)


class Explanations(TuneTestCase):
    def test_every_knob_is_explained_and_is_in_the_readme(self):
        keys = self.tune("explain", expect=READY).stdout.split("\n")[:-1]
        self.assertGreater(len(keys), 40)
        readme = (REPOSITORY / "kernel-tuning" / "README.md").read_text(encoding="utf-8")
        for key in keys:
            with self.subTest(key):
                text = self.tune("explain", key, expect=READY).stdout
                for word in ("what", "bad", "cost", "from", "needed"):
                    self.assertRegex(text, rf"(?m)^ +{word} ")
                self.assertIn(f"`{key}`", readme)

    def test_obsolete_keys_are_explained_as_such(self):
        self.assertIn("NAT", self.tune("explain", "net.ipv4.tcp_tw_recycle", expect=READY).stdout)

    def test_an_unknown_key_is_a_usage_error(self):
        self.tune("explain", "net.core.nothing", expect=USAGE)


class Program(TuneTestCase):
    def test_it_runs_alone_on_a_bare_host(self):
        # A static program has no interpreter segment: nothing of the host is needed to start it.
        with open(PROGRAM, "rb") as file:
            head = file.read(4096)
        if b"ld-linux" in head:
            self.skipTest("a sanitized build is not static")
        self.assertNotIn(b"/lib64/", head)

    def test_this_host_can_be_checked_and_nothing_is_written(self):
        ended = self.run_program("check", "--connections=1000", "--json")
        report = json.loads(ended.stdout)
        self.assertEqual(report["exit_code"], ended.returncode)
        self.assertGreater(report["capacity"], 0)
        text = self.run_program("check", "--connections=1000").stdout
        self.assertTrue(re.search(r"This host holds [\d,]+ connections as it stands; the first ", text))


if __name__ == "__main__":
    unittest.main()
