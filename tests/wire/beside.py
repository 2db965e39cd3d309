"""Programs of this folder that run beside a test, in a process of their own."""

import os
import subprocess
import sys


class Beside:
    """One of them, from a test; it is ended when the test is."""

    def __init__(self, case, file, *arguments, **options):
        self.case = case
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(file), *map(str, arguments)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            **options,
        )
        case.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
