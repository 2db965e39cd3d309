"""prove: real connections on loopback. What they take depends on the kernel, so no number is asserted, only
that it was measured, that the sums are right, and that nothing is left behind."""

import json
import resource
import subprocess
import unittest

from tune_process import FAILED, PROGRAM, TuneTestCase, own_network

ATTEMPTS = 5
COMMAND = '"$0" prove --sockets=500 >/dev/null; cat /proc/net/sockstat'


def prove(*words, **arguments):
    return subprocess.run(
        [str(PROGRAM), "prove", *words], capture_output=True, text=True, timeout=120, check=False, **arguments
    )


class Proving(TuneTestCase):
    def plausible(self, *words, **arguments):
        """Slab caches are the whole machine's: growth can vanish when somebody else closes sockets."""
        for _ in range(ATTEMPTS):
            ended = prove("--json", *words, **arguments)
            self.assertIn(ended.returncode, (0, 3, 4), ended.stderr)
            proof = json.loads(ended.stdout)
            if proof["end_bytes"] > 1_000 and proof["watching_bytes"] > 100:
                return proof
        self.skipTest("too much else happens on this machine")
        return None

    def setUp(self):
        super().setUp()
        if json.loads(prove("--json", "--sockets=1").stdout or "{}").get("by_cache") is not True:
            self.skipTest("/proc/slabinfo cannot be read")

    def test_both_ends_the_poll_and_the_extrapolation_are_measured(self):
        proof = self.plausible("--sockets=4000", "--connections=100k")
        self.assertLess(proof["end_bytes"], proof["pair_bytes"])
        self.assertAlmostEqual(proof["pair_bytes"], sum(cache["bytes"] for cache in proof["pair"]), delta=1)
        self.assertAlmostEqual(
            proof["watching_bytes"], sum(cache["bytes"] for cache in proof["watching"]), delta=1
        )
        bill = {item["what"]: item["bytes"] for item in proof["check"]["bill"]}
        self.assertAlmostEqual(bill["sockets"], 100_000 * proof["end_bytes"], delta=100_000)
        self.assertAlmostEqual(bill["watching"], 100_000 * proof["watching_bytes"], delta=100_000)
        self.assertTrue(proof["check"]["first_wall"])

    def test_a_low_limit_on_files_takes_more_processes(self):
        def few_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (400, 400))

        ended = prove("--sockets=1000", preexec_fn=few_files)
        self.assertIn("held by 6 processes", ended.stdout, ended.stderr)

    def test_no_process_and_no_time_wait_is_left(self):
        # In a network of its own nobody else's sockets are counted.
        try:
            ended = subprocess.run(
                ["sh", "-c", COMMAND, str(PROGRAM)],
                capture_output=True,
                text=True,
                timeout=120,
                check=False,
                preexec_fn=own_network,
            )
        except subprocess.SubprocessError:
            self.skipTest("no network namespace can be made here")
        self.assertEqual(ended.stderr, "")
        self.assertRegex(ended.stdout, r"TCP: inuse 0 orphan 0 tw 0 ")

    def test_what_cannot_be_opened_is_an_error_with_its_reason(self):
        def no_files():
            resource.setrlimit(resource.RLIMIT_NOFILE, (20, 20))

        ended = prove("--sockets=100", preexec_fn=no_files)
        self.assertEqual(ended.returncode, FAILED)
        self.assertIn("RLIMIT_NOFILE", ended.stderr)

    def test_it_has_no_fake_root(self):
        self.tune("prove", expect=FAILED)


if __name__ == "__main__":
    unittest.main()
