"""Runs the tests that have a full size in it, and prints the figures they leave as a table.

run_soak.py [--hours=N] [NAME]...: called by tools/soak, which has built the programs. Exit status 1 when a
test failed.
"""

import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FILES = (
    "test_websocket_reference",
    "test_hostile_handshakes",
    "test_hostile_frames",
    "test_hostile_gateway",
    "test_hostile_memory",
    "test_exhaustion",
    "test_accept_queue",
    "test_given_back",
    "test_stalled_shard",
    "test_storm",
    "test_reconnect_storm",
    "test_link",
    "test_lossy_link",
    "test_time_wait",
    "test_canaries",
    "test_endurance",
)
LIMIT_S = 1200


def run(name, figures_path, hours):
    env = {
        **os.environ,
        "HOLDFAST_SOAK": "1",
        "HOLDFAST_SOAK_HOURS": str(hours),
        "HOLDFAST_FIGURES": figures_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOLDFAST_BUILD": os.environ.get("HOLDFAST_BUILD", os.path.join(ROOT, "build")),
    }
    (path,) = glob.glob(os.path.join(ROOT, "tests", "*", f"{name}.py"))
    limit_s = LIMIT_S + 3600 * hours
    print(f"== {name}", flush=True)
    try:
        return (
            subprocess.run([sys.executable, path], env=env, timeout=limit_s, check=False).returncode == 0
        )
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {limit_s:.0f} s")
        return False


def show(figures_path):
    with open(figures_path, encoding="utf-8") as file:
        lines = [json.loads(line) for line in file]
    print("\nfigures")
    for line in lines:
        rest = ", ".join(
            f"{name} {value}" for name, value in line.items() if name not in ("test", "figure")
        )
        print(f"  {line['figure']:22} {rest}")


def main(arguments):
    parser = argparse.ArgumentParser()
    parser.add_argument("--hours", type=float, default=0.0)
    parser.add_argument("names", nargs="*")
    wanted = parser.parse_args(arguments)
    # Hours of everything would be days: they are for the test that is made for them.
    names = wanted.names or (["test_endurance"] if wanted.hours else FILES)
    unknown = [name for name in names if name not in FILES]
    if unknown:
        print(f"no {unknown[0]}; there are: {' '.join(FILES)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="holdfast-soak-") as folder:
        figures_path = os.path.join(folder, "figures")
        with open(figures_path, "w", encoding="utf-8"):
            pass
        passed = [run(name, figures_path, wanted.hours) for name in names]
        show(figures_path)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
