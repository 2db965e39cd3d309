"""Asks holdfast-tune whether this host can hold the connections, before anything is started. What a host
needs is known there and nowhere else; nothing is changed here.
"""
import json
import subprocess

from programs import Failed

CHECK_S = 30


def check(tune, connections, loopback):
    """What holdfast-tune found, as it says it. `loopback`: the clients are on this host too."""
    command = [tune, "check", f"--connections={connections}", "--json"] + (["--loopback"] if loopback else [])
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=CHECK_S)
        found = json.loads(done.stdout)
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        raise Failed(f"the host could not be checked: {error}") from error
    if not isinstance(found.get("findings"), list):
        raise Failed("the host could not be checked: holdfast-tune did not list its findings")
    return found


def walls(found):
    return [finding for finding in found["findings"] if finding["severity"] == "wall"]


def warnings(found):
    return [finding for finding in found["findings"] if finding["severity"] == "slow"]


def _line(finding):
    text = f"  {finding['key']} is {finding['current']}, needed: {finding['needed']}. {finding['why']}"
    return text + (f"\n    {finding['fix']}" if finding.get("fix") else "")


def refusal(found, connections):
    """Why the run does not begin and what mends it; empty when it may."""
    if not walls(found):
        return ""
    lines = [f"this host cannot hold {connections:,} connections"
             + (f", it can hold {found['capacity']:,}" if found.get("capacity") else "") + "."]
    lines += [_line(finding) for finding in walls(found)]
    return "\n".join(lines + ["Nothing was started and nothing was changed."])


def advice(found):
    if not warnings(found):
        return ""
    return "\n".join(["it will run, but slower than it could:"] + [_line(one) for one in warnings(found)])
