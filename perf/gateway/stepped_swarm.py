"""holdfast-swarm played phase by phase, so that several of them, each with its server, can take turns."""
import contextlib
import json
import os
import subprocess

import programs
from programs import Failed

READY = "ready"


class SteppedSwarm:
    """Plays the next of its phases whenever asked; what they measured is there after the last."""

    def __init__(self, program, scratch, server_pid, options, phases, deadline_s):
        self._result = os.path.join(scratch, f"swarm-{server_pid}.json")
        self._told = []
        command = [program, "--step", "--noprogress", f"--json={self._result}", f"--server_pid={server_pid}",
                   f"--deadline_s={deadline_s}", *options, *(f"--phase={text}" for text in phases)]
        self._child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                                       preexec_fn=programs.prepared(programs.CLIENT_CORE))

    def __enter__(self):
        try:
            self._wait_until_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        programs.end(self._child)
        with contextlib.suppress(OSError):
            self._child.stdin.close()
        self._child.stdout.close()

    def _wait_until_ready(self):
        """False when it has ended instead. Bounded by the swarm's own deadline."""
        for line in self._child.stdout:
            if line.strip() == READY:
                return True
            self._told.append(line)
        return False

    def step(self):
        self._child.stdin.write("\n")
        self._child.stdin.flush()
        self._wait_until_ready()

    def phases(self):
        """The phases as the JSON has them, once all have been played."""
        code = self._child.wait(programs.CHILDREN_END_S)
        if code != 0:
            raise Failed("".join(self._told).strip().splitlines()[-1] if self._told else f"it ended ({code})")
        with open(self._result) as result:
            return json.load(result)["phases"]
