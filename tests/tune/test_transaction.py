"""apply, verify, revert, recover on a fake root: all or nothing, whatever happens in between.

The program counts its durable steps. A test ends it after each of them (HOLDFAST_TUNE_EXIT_AFTER_STEP) or
makes each fail (HOLDFAST_TUNE_FAIL_AT_STEP), and compares the whole tree with the one before.
"""

import fcntl
import os
import pathlib
import resource
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

STEPS_MAXIMUM = 200
SMALL = "--only=net.core.somaxconn,net.ipv4.tcp_mem,RLIMIT_NOFILE"
DROP_IN = "etc/systemd/system/holdfast.service.d/90-tune.conf"


def exit_after(step):
    return {"HOLDFAST_TUNE_EXIT_AFTER_STEP": str(step)}


def fail_at(step):
    return {"HOLDFAST_TUNE_FAIL_AT_STEP": str(step)}


class RoundTrip(TuneTestCase):
    def test_check_plan_apply_verify_revert_check_ends_where_it_began(self):
        before, first = self.host.tree(), self.check(expect=NOT_TUNED)
        self.tune("plan", expect=NOT_TUNED)
        self.assertEqual(self.host.tree(), before, "plan must change nothing")
        self.tune("apply", expect=READY)
        tuned = self.check(expect=READY)
        self.assertGreaterEqual(tuned["capacity"], 1_000_000)
        self.assertEqual(self.host.get("net.core.somaxconn"), "1024")
        self.assertIn("net.core.somaxconn = 1024", self.host.read(OUR_SYSCTL_FILE))
        self.tune("plan", expect=READY)
        self.assertIn("ok ", self.tune("verify", expect=READY).stdout)
        self.tune("revert", expect=READY)
        self.assertEqual(self.host.tree(), before)
        self.assertEqual(self.check(expect=NOT_TUNED), first)
        self.assertEqual(self.host.journals(), [])
        self.tune("verify", expect=NOT_TUNED)
        self.tune("revert", expect=READY)

    def test_every_profile_goes_there_and_back(self):
        for profile in ("density", "balanced", "latency"):
            host = self.fake_host()
            before = host.tree()
            self.tune("apply", f"--profile={profile}", "--ports=40000", host=host, expect=READY)
            self.tune("check", f"--profile={profile}", "--ports=40000", host=host, expect=READY)
            self.tune("revert", host=host, expect=READY)
            self.assertEqual(host.tree(), before)

    def test_a_second_apply_makes_no_change(self):
        self.tune("apply", expect=READY)
        tree = self.host.tree()
        self.assertIn("nothing to change", self.tune("apply", expect=READY).stdout)
        self.assertEqual((self.host.tree(), self.host.journals()), (tree, ["journal.0001.applied"]))

    def test_applies_on_top_of_each_other_are_all_taken_back(self):
        before = self.host.tree()
        for connections in ("200k", "1M", "1200k"):
            self.tune("apply", f"--connections={connections}", expect=READY)
        self.assertEqual(len(self.host.journals()), 3)
        text = self.host.read(OUR_SYSCTL_FILE)
        self.assertEqual(text.count("fs.file-max"), 1)
        self.assertIn("net.core.somaxconn = 1024", text, "what an earlier apply has set stays in the file")
        self.tune("verify", expect=READY)
        self.tune("revert", expect=READY)
        self.assertEqual(self.host.tree(), before)

    def test_runtime_only_writes_no_files(self):
        self.tune("apply", "--runtime-only", expect=(READY, NOT_TUNED))
        self.assertFalse((self.host.root / OUR_SYSCTL_FILE).exists())
        self.assertFalse((self.host.root / DROP_IN).exists())
        self.assertEqual(self.host.get("net.core.somaxconn"), "1024")

    def test_only_and_without_narrow_it(self):
        self.tune("apply", "--only=net.core.somaxconn", expect=NOT_TUNED)
        self.assertEqual(
            (self.host.get("net.core.somaxconn"), self.host.get("fs.file-max")), ("1024", "500000")
        )
        self.tune("apply", "--without=fs.file-max", expect=NOT_TUNED)
        self.assertEqual(self.host.get("fs.file-max"), "500000")

    def test_a_decision_about_security_is_taken_back_on_request_only(self):
        key = "kernel.io_uring_disabled"
        self.host.set(key, "2")
        self.tune("apply", expect=NOT_TUNED)
        self.assertEqual(self.host.get(key), "2")
        self.tune("apply", f"--with={key}", expect=READY)
        self.assertEqual(self.host.get(key), "0")

    def test_limits_go_into_files_for_service_and_login(self):
        host = self.fake_host(files="20000")
        self.tune("apply", "--user=web", host=host, expect=READY)
        self.assertIn("[Service]\nLimitNOFILE=64707\n", host.read(DROP_IN))
        self.assertIn("web - nofile 64707\n", host.read("etc/security/limits.d/90-holdfast.conf"))
        self.assertEqual(self.finding("RLIMIT_NOFILE", host=host)["severity"], "ok")
        self.tune("revert", host=host, expect=READY)
        self.assertFalse((host.root / DROP_IN).parent.exists())

    def test_a_host_without_systemd_or_pam_gets_the_rest(self):
        host = self.fake_host(files="20000")
        shutil.rmtree(host.root / "etc/systemd")
        shutil.rmtree(host.root / "etc/security")
        self.assertIn("90-tune.conf: there is no", self.tune("apply", host=host, expect=READY).stdout)
        self.assertEqual(host.get("net.core.somaxconn"), "1024")

    def test_words_in_brackets_are_set_and_restored(self):
        path = "sys/kernel/mm/transparent_hugepage/enabled"
        self.host.write(path, "[always] madvise never\n")
        self.tune("apply", "--only=transparent_hugepage", "--with=transparent_hugepage", expect=NOT_TUNED)
        self.assertEqual(self.host.read(path), "madvise\n")
        self.tune("revert", expect=READY)
        # A plain file keeps what was written; the kernel would show its words again.
        self.assertEqual(self.host.read(path), "always\n")


class Interrupted(TuneTestCase):
    def every_step(self, command, prepare, env=exit_after, expect=KILLED):
        """Yields (step, host) after `command` was ended (or failed) at each of its steps, in turn."""
        for step in range(1, STEPS_MAXIMUM):
            host = self.fake_host(files="20000")
            prepare(host)
            ended = self.tune(*command, host=host, env=env(step))
            if ended.returncode != expect:
                self.assertGreater(step, 3, "the hook was not reached")
                self.assertIn(ended.returncode, (READY, NOT_TUNED))
                return
            yield step, host, ended
        self.fail("the command does not end")

    def apply_first(self, host):
        self.tune("apply", SMALL, host=host, expect=NOT_TUNED)

    def test_killed_after_any_step_of_apply_the_next_start_undoes_or_finishes_it(self):
        before = self.fake_host(files="20000").tree()
        whole = self.fake_host(files="20000")
        self.apply_first(whole)
        steps = 0
        for step, host, _ in self.every_step(("apply", SMALL), lambda host: None):
            with self.subTest(step):
                self.tune("recover", host=host, expect=READY)
                tree = host.tree()
                if host.journals() == ["journal.0001.applied"]:
                    self.assertEqual(tree, whole.tree())
                else:
                    self.assertEqual((tree, host.journals()), (before, []))
                self.tune("apply", SMALL, host=host, expect=NOT_TUNED)
                self.assertEqual(host.tree(), whole.tree())
                self.tune("revert", host=host, expect=READY)
                self.assertEqual((host.tree(), host.journals()), (before, []))
            steps = step
        self.assertGreater(steps, 8)

    def test_apply_itself_is_such_a_next_start(self):
        whole = self.fake_host(files="20000")
        self.apply_first(whole)
        for step, host, _ in self.every_step(("apply", SMALL), lambda host: None):
            with self.subTest(step):
                self.tune("apply", SMALL, host=host, expect=NOT_TUNED)
                self.assertEqual((host.tree(), len(host.journals())), (whole.tree(), 1))

    def test_killed_after_any_step_of_revert_the_next_start_finishes_it(self):
        before = self.fake_host(files="20000").tree()
        for step, host, _ in self.every_step(("revert",), self.apply_first):
            with self.subTest(step):
                self.tune("recover", host=host, expect=READY)
                self.assertEqual((host.tree(), host.journals()), (before, []))

    def test_killed_again_while_recovering(self):
        before = self.fake_host(files="20000").tree()

        def interrupted(host):
            self.tune("apply", SMALL, host=host, env=exit_after(8), expect=KILLED)

        for step, host, _ in self.every_step(("recover",), interrupted):
            with self.subTest(step):
                self.tune("recover", host=host, expect=READY)
                self.assertEqual((host.tree(), host.journals()), (before, []))

    def test_a_failure_at_any_step_of_apply_puts_everything_back(self):
        before = self.fake_host(files="20000").tree()
        for step, host, ended in self.every_step(("apply", SMALL), lambda host: None, fail_at, FAILED):
            with self.subTest(step):
                self.assertTrue(ended.stderr)
                self.assertEqual((host.tree(), host.journals()), (before, []))

    def test_a_failure_at_any_step_of_revert_is_said_and_can_be_repeated(self):
        before = self.fake_host(files="20000").tree()
        for step, host, ended in self.every_step(("revert",), self.apply_first, fail_at, FAILED):
            with self.subTest(step):
                self.assertTrue(ended.stderr)
                self.tune("revert", host=host, expect=READY)
                self.assertEqual((host.tree(), host.journals()), (before, []))

    def test_check_and_plan_mention_it_and_leave_it(self):
        self.tune("apply", SMALL, env=exit_after(5), expect=KILLED)
        tree = self.host.tree()
        for command in ("check", "plan", "verify"):
            self.assertIn("interrupted", self.tune(command).stderr)
        self.assertEqual(self.host.tree(), tree)
        self.assertIn("restored", self.tune("recover", expect=READY).stdout)


class Others(TuneTestCase):
    def test_a_key_changed_since_is_reported_and_left_alone_unless_forced(self):
        before = self.host.tree()
        self.tune("apply", expect=READY)
        self.host.set("net.core.somaxconn", "7777")
        drifted = self.tune("verify", expect=NOT_TUNED).stdout
        self.assertRegex(drifted, r"drift +net.core.somaxconn +7777, applied was 1024")
        ended = self.tune("revert", expect=NOT_TUNED)
        self.assertIn('net.core.somaxconn: is "7777"', ended.stdout)
        self.assertEqual(self.host.get("net.core.somaxconn"), "7777")
        self.assertEqual(self.host.get("fs.file-max"), "500000", "the rest is taken back")
        self.assertEqual(self.host.journals(), ["journal.0001.kept"])
        self.tune("revert", expect=NOT_TUNED)
        self.assertEqual(self.host.get("net.core.somaxconn"), "7777")
        self.tune("revert", "--force", expect=READY)
        self.assertEqual((self.host.tree(), self.host.journals()), (before, []))

    def test_a_file_changed_since_is_left_alone(self):
        self.tune("apply", expect=READY)
        edited = self.host.read(OUR_SYSCTL_FILE) + "net.core.somaxconn = 9\n"
        self.host.write(OUR_SYSCTL_FILE, edited)
        self.assertIn("changed since", self.tune("verify", expect=NOT_TUNED).stdout)
        self.assertIn(OUR_SYSCTL_FILE, self.tune("revert", expect=NOT_TUNED).stdout)
        self.assertEqual(self.host.read(OUR_SYSCTL_FILE), edited)

    def test_a_key_changed_while_an_apply_lay_interrupted_is_left_alone(self):
        self.tune("apply", "--only=net.core.somaxconn,net.ipv4.tcp_mem", env=exit_after(7), expect=KILLED)
        self.host.set("net.core.somaxconn", "7777")
        self.tune("recover", expect=READY)
        self.assertEqual(self.host.get("net.core.somaxconn"), "7777")

    def test_a_value_the_administrator_has_pinned_is_not_fought(self):
        self.host.write("etc/sysctl.d/10-web.conf", "# ours\nnet.core.somaxconn = 200\n")
        before = self.host.tree()
        ended = self.tune("apply", expect=FAILED)
        self.assertIn("net.core.somaxconn", ended.stderr)
        self.assertIn("10-web.conf:2 sets 200", ended.stdout)
        self.assertEqual((self.host.tree(), self.host.journals()), (before, []))
        self.tune("apply", "--without=net.core.somaxconn", expect=NOT_TUNED)
        self.assertEqual(self.host.get("net.core.somaxconn"), "128")
        self.tune("apply", "--override-pins", expect=READY)
        self.assertEqual(self.host.get("net.core.somaxconn"), "1024")
        self.assertRegex(self.tune("verify", expect=READY).stdout, r"10-web.conf:2\s+sets 200")

    def test_tuned_counts_as_the_administrator_with_its_includes(self):
        self.host.write("etc/tuned/active_profile", "mine\n")
        self.host.write("etc/tuned/mine/tuned.conf", "[main]\ninclude=base\n[sysctl]\nvm.swappiness=10\n")
        self.host.write(
            "usr/lib/tuned/base/tuned.conf", "[sysctl]\nnet.core.somaxconn=2\n[disk]\nfs.file-max=1\n"
        )
        ended = self.tune("apply", expect=FAILED)
        self.assertIn("tuned profile base sets 2", ended.stdout)
        self.assertNotIn("sets 1,", ended.stdout)

    def test_what_a_distribution_sets_is_no_pin_and_a_hidden_file_sets_nothing(self):
        self.host.write("usr/lib/sysctl.d/50-default.conf", "net.core.somaxconn = 200\n")
        self.host.write("usr/lib/sysctl.d/60-x.conf", "net.core.somaxconn = 300\n")
        self.host.write("etc/sysctl.d/60-x.conf", "")
        self.tune("apply", expect=READY)

    def test_what_comes_after_our_file_at_boot_is_found(self):
        self.tune("apply", expect=READY)
        self.host.write("etc/sysctl.conf", "net.core.somaxconn = 50\n")
        self.assertRegex(self.tune("verify", expect=NOT_TUNED).stdout, r"at boot +net.core.somaxconn")


class BadDays(TuneTestCase):
    def test_a_second_apply_is_refused_while_one_runs(self):
        self.tune("apply", SMALL, expect=NOT_TUNED)
        tree = self.host.tree()
        with open(self.host.root / STATE / "lock", "r+", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for command in ("apply", "revert", "recover"):
                ended = self.tune(command, expect=FAILED)
                self.assertIn("another holdfast-tune", ended.stderr)
            self.assertEqual(self.host.tree(), tree)
            self.tune("verify", expect=READY)
        self.tune("revert", expect=READY)

    def test_a_corrupt_journal_is_refused_and_named(self):
        self.tune("apply", SMALL, expect=NOT_TUNED)
        journal = self.host.root / STATE / "journal.0001.applied"
        good, tree = journal.read_bytes(), self.host.tree()
        lines = good.splitlines(keepends=True)
        cases = [good[:length] for length in range(0, len(good), 7)]
        cases += [
            good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :] for place in range(0, len(good), 11)
        ]
        cases += [good + b"x\n", b"", b"\0" * 4096, b"".join(lines[:2] + lines[3:]), b"".join(lines[::-1])]
        for text in cases:
            journal.write_bytes(text)
            for command in ("revert", "apply"):
                ended = self.tune(command, expect=FAILED)
                self.assertIn("journal.0001.applied is corrupt", ended.stderr)
            self.assertEqual(self.host.tree(), tree)
        self.assertEqual(self.tune("verify").returncode, FAILED)
        journal.write_bytes(good)
        self.tune("revert", expect=READY)

    def test_a_journal_of_no_known_state_is_refused(self):
        self.tune("apply", SMALL, expect=NOT_TUNED)
        folder = self.host.root / STATE
        os.rename(folder / "journal.0001.applied", folder / "journal.0001.unknown")
        self.assertIn("corrupt", self.tune("revert", expect=FAILED).stderr)

    def test_a_file_that_may_not_grow_changes_nothing(self):
        before = self.host.tree()
        for limit in range(0, 4096, 128):

            def small(limit=limit):
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

            # A pipe, because the limit is on files: stdout is one.
            ended = self.tune("apply", preexec_fn=small)
            if ended.returncode in (READY, NOT_TUNED):
                self.assertGreater(limit, 0)
                self.tune("revert", expect=READY)
            else:
                self.assertEqual(ended.returncode, FAILED)
                self.assertTrue(ended.stderr)
            self.assertEqual((self.host.tree(), self.host.journals()), (before, []), limit)

    def test_a_key_that_cannot_be_written_is_said_and_the_rest_is_done(self):
        self.host.remove("fs.file-max")
        (self.host.root / "proc/sys/fs/file-max").mkdir()
        self.tune("apply", expect=READY)
        self.assertEqual(self.host.get("net.core.somaxconn"), "1024")

    def test_without_root_nothing_is_changed_and_the_reason_is_said(self):
        if os.geteuid() != 0:
            self.skipTest("needs root, to run the program without it")
        for place in [pathlib.Path(self.folder), self.host.root, *self.host.root.rglob("*")]:
            os.chmod(place, 0o755 if place.is_dir() else 0o644)
        before = self.host.tree()
        # A program that everybody may read, wherever the checkout is.
        copy = pathlib.Path(self.folder) / "holdfast-tune"
        shutil.copy(PROGRAM, copy)
        os.chmod(copy, 0o755)

        def as_nobody(*words):
            return subprocess.run(
                [
                    "setpriv",
                    "--reuid=65534",
                    "--regid=65534",
                    "--clear-groups",
                    "--",
                    str(copy),
                    *words,
                    f"--root={self.host.root}",
                ],
                capture_output=True,
                text=True,
                timeout=DEADLINE_S,
                check=False,
            )

        ended = as_nobody("apply")
        self.assertEqual(ended.returncode, FAILED)
        self.assertIn("run as root", ended.stderr)
        plan = as_nobody("plan").stdout
        self.assertRegex(plan, r"not by this process:\n(  .*\n)*  net.core.somaxconn: needs root")
        self.assertIn("needs root", as_nobody("check").stdout)
        self.assertEqual(self.host.tree(), before)


class Script(TuneTestCase):
    def script(self, *words, host):
        return self.tune("plan", "--script", *words, host=host).stdout

    def run_script(self, text, expect=0):
        ended = subprocess.run(
            ["sh"], input=text, capture_output=True, text=True, timeout=DEADLINE_S, check=False
        )
        self.assertEqual(ended.returncode, expect, ended.stderr)
        return ended

    def test_the_script_does_what_apply_does_and_its_inverse_undoes_it(self):
        for words in ((), ("--profile=latency",), ("--runtime-only",), ("--ports=40000",)):
            with self.subTest(words):
                by_script, by_apply = self.fake_host(files="20000"), self.fake_host(files="20000")
                before = by_script.tree()
                script, inverse = (
                    self.script(*words, *more, host=by_script) for more in ((), ("--inverse",))
                )
                self.run_script(script)
                self.tune("apply", *words, host=by_apply)
                self.assertEqual(by_script.tree(), by_apply.tree())
                self.assertNotEqual(by_script.tree(), before)
                self.run_script(inverse)
                self.assertEqual(by_script.tree(), before)

    def test_the_inverse_brings_back_a_file_that_was_there(self):
        self.host.write(OUR_SYSCTL_FILE, "# it's mine: $(exit 1) `exit 1`\nnet.core.somaxconn = 5\n")
        before = self.host.tree()
        script, inverse = (self.script(*more, host=self.host) for more in ((), ("--inverse",)))
        self.run_script(script)
        self.run_script(inverse)
        self.assertEqual(self.host.tree(), before)

    def test_a_value_that_does_not_stay_stops_the_script(self):
        script = self.script(host=self.host)
        key = self.host.root / "proc/sys/net/core/somaxconn"
        key.unlink()
        key.symlink_to("/dev/null")
        self.assertIn("somaxconn", self.run_script(script, expect=1).stderr)

    def test_the_script_is_plain_posix(self):
        script = self.script(host=self.host)
        self.assertTrue(script.startswith("#!/bin/sh\n"))
        for word in ("holdfast-tune apply", "[[", "function ", "local "):
            self.assertNotIn(word, script.split("set -eu")[1].replace("# Made by holdfast-tune apply", ""))


if __name__ == "__main__":
    unittest.main()
