"""Runs holdfast-swarm once and brings back what it measured."""
import contextlib
import json
import os
import signal
import subprocess

import programs
from programs import Failed

REFUSED = 2
ENDING_S = 45  # after its deadline or an interrupt, in which it counts what is missing
ON_ONE_ADDRESS = 20_000  # as holdfast-swarm counts


def listening_address(connections):
    """Where a server has to listen for the swarm to find ports for so many connections.

    Beyond what one pair of addresses has ports for, the swarm spreads over neighbouring loopback addresses
    of the server's. Source addresses would do as well and leave the server on 127.0.0.1, but the kernel then
    keeps 128 bytes more for each client (a bind bucket of its own), which would be taken for the server's.
    """
    return "127.0.0.1" if connections <= ON_ONE_ADDRESS else "0.0.0.0"


def run(program, scratch, options, deadline_s, core=programs.ANY_CORE):
    """(what it wrote as JSON, its table). Raises Failed when it refused or left nothing.

    An interrupt is passed on: it ends by itself and writes what was measured until then.
    """
    result_path = os.path.join(scratch, "swarm.json")
    command = [program, f"--json={result_path}", f"--deadline_s={deadline_s}", *options]
    with open(os.path.join(scratch, "swarm.txt"), "w+") as table:
        child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=table,
                                 preexec_fn=programs.prepared(core))
        try:
            _wait(child, deadline_s)
        finally:
            programs.end(child)
        table.seek(0)
        text = table.read()
    if child.returncode == REFUSED:
        raise Failed("holdfast-swarm refused to start; the reason stands above")
    try:
        with open(result_path) as result:
            return json.load(result), text
    except (OSError, ValueError) as error:
        raise Failed(f"holdfast-swarm ended ({child.returncode}) without a result") from error


def _wait(child, deadline_s):
    try:
        child.wait(deadline_s + ENDING_S)
    except subprocess.TimeoutExpired:
        pass
    except KeyboardInterrupt:
        child.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(ENDING_S)
