"""What a result has to name so that somebody else can judge it: date, command, machine, kernel, version."""
import datetime
import os
import re
import resource
import subprocess


def _first_match(path, pattern):
    with open(path) as text:
        found = re.search(pattern, text.read(), re.M)
    return found.group(1).strip() if found else "unknown"


def _kernel():
    return re.match(r"[0-9.]+", os.uname().release).group(0)  # without the suffix of whoever built it


def _commit(root):
    done = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty"], capture_output=True,
                          text=True)
    return done.stdout.strip() if done.returncode == 0 else "not committed"


def conditions(root, command):
    memory_gib = int(_first_match("/proc/meminfo", r"MemTotal:\s+(\d+)")) / 1024 / 1024
    processor = _first_match("/proc/cpuinfo", r"model name\s*:(.*)")
    return {
        "date": datetime.date.today().isoformat(),
        "command": command,
        "machine": f"{processor}, {os.cpu_count()} cores, {memory_gib:.0f} GiB",
        "kernel": _kernel(),
        "congestion control": _first_match("/proc/sys/net/ipv4/tcp_congestion_control", r"(.*)"),
        "holdfast": _commit(root),
    }


def processes():
    """The limits of a process that shape a run with very many connections."""
    descriptors = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    shown = "unlimited" if descriptors == resource.RLIM_INFINITY else f"{descriptors:,}"
    return {"RLIMIT_NOFILE": f"{shown} (hard)"}
