"""Runs holdfast-swarm for a test: its exit code, its last line, its JSON. The programs are taken from
$HOLDFAST_BUILD.
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "wire"))
from holdfast_process import BUILD, REPOSITORY, WireTestCase  # noqa: E402, F401

SWARM = BUILD / "perf" / "swarm" / "holdfast-swarm"
LIMIT_S = 120


class Run:
    def __init__(self, target, *arguments, patience_s=2, before_end=None):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "result.json")
            command = [str(SWARM), f"--target={target}", f"--json={path}", f"--patience_s={patience_s}",
                       "--deadline_s=90", "--noprogress", *arguments]
            child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            try:
                if before_end is not None:
                    before_end(child)
                self.out, self.err = child.communicate(timeout=LIMIT_S)
            finally:
                if child.poll() is None:
                    child.kill()
                    child.wait()
            self.code = child.returncode
            self.json = {}
            if os.path.exists(path):
                with open(path, encoding="utf-8") as file:
                    self.json = json.load(file)

    @property
    def verdict(self):
        return self.out.strip().splitlines()[-1] if self.out.strip() else ""

    @property
    def faults(self):
        return {name: count for name, count in self.json["faults"].items() if count}


class SwarmTestCase(WireTestCase):
    def setUp(self):
        super().setUp()
        if not SWARM.exists():
            self.skipTest("holdfast-swarm is not built: meson setup with -Dperf=true")

    def assert_passed(self, run):
        self.assertEqual(run.code, 0, f"{run.out}\n{run.err}")
        self.assertTrue(run.verdict.startswith("PASS"), run.out)
        self.assertEqual(run.faults, {})

    def phase(self, run, name):
        return next(phase for phase in run.json["phases"] if phase["name"] == name)
