"""An input that hangs is found by the processor time it takes, and a pause of the machine is none."""

import os
import pathlib
import signal
import subprocess
import tempfile
import time
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ.get("HOLDFAST_BUILD", FOLDER.parents[1] / "build"))
# With a bound of one second of work instead of ten, and of five seconds of waiting.
TARGET = BUILD / "tests" / "fuzz" / "replay_hanging"
LIMIT_S = 120.0


class HangWatch(unittest.TestCase):
    def begin(self, *inputs):
        corpus = tempfile.TemporaryDirectory(prefix="holdfast-test-")
        self.addCleanup(corpus.cleanup)
        for number, content in enumerate(inputs):
            pathlib.Path(corpus.name, f"{number}").write_text(content, encoding="ascii")
        target = subprocess.Popen(
            [str(TARGET), corpus.name], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.addCleanup(target.wait)
        self.addCleanup(target.kill)
        return target

    def assert_found(self, target, why, last):
        _, errors = target.communicate(timeout=LIMIT_S)
        self.assertEqual(target.returncode, -signal.SIGABRT, errors)
        self.assertIn(why, errors)
        self.assertIn(f"/{last}\n", errors, "the input is not named")

    def test_an_input_that_works_without_end_is_found(self):
        self.assert_found(self.begin("", "work for ever", ""), "works and works", 1)

    def test_an_input_that_waits_without_end_is_found(self):
        self.assert_found(self.begin("", "", "wait for ever"), "waits and waits", 2)

    def test_many_inputs_that_work_are_none_that_hangs(self):
        target = self.begin(*["work a little"] * 6)
        output, errors = target.communicate(timeout=LIMIT_S)
        self.assertEqual((target.returncode, output), (0, "replayed 6 inputs\n"), errors)

    def test_a_pause_in_the_middle_of_an_input_is_no_hang(self):
        target = self.begin(*["work a little"] * 6)
        for _ in range(3):
            time.sleep(0.3)
            target.send_signal(signal.SIGSTOP)
            time.sleep(2.5)
            target.send_signal(signal.SIGCONT)
        output, errors = target.communicate(timeout=LIMIT_S)
        self.assertEqual((target.returncode, output), (0, "replayed 6 inputs\n"), errors)


if __name__ == "__main__":
    unittest.main()
