"""Runs the tests of tests/wire that have a full size in it, and prints the figures they leave as a table.

run_soak.py [NAME]...: called by tools/soak, which has built the programs. Exit status 1 when a test failed.
"""

import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
FILES = (
    "test_hostile_handshakes",
    "test_hostile_frames",
    "test_hostile_gateway",
    "test_hostile_memory",
    "test_exhaustion",
    "test_storm",
)
LIMIT_S = 1200


def run(name, figures_path):
    env = {
        **os.environ,
        "HOLDFAST_SOAK": "1",
        "HOLDFAST_FIGURES": figures_path,
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOLDFAST_BUILD": os.environ.get("HOLDFAST_BUILD", os.path.join(ROOT, "build")),
    }
    path = os.path.join(ROOT, "tests", "wire", f"{name}.py")
    print(f"== {name}", flush=True)
    try:
        return (
            subprocess.run([sys.executable, path], env=env, timeout=LIMIT_S, check=False).returncode == 0
        )
    except subprocess.TimeoutExpired:
        print(f"{name} took longer than {LIMIT_S} s")
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


def main(names):
    unknown = [name for name in names if name not in FILES]
    if unknown:
        print(f"no {unknown[0]}; there are: {' '.join(FILES)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="holdfast-soak-") as folder:
        figures_path = os.path.join(folder, "figures")
        with open(figures_path, "w", encoding="utf-8"):
            pass
        passed = [run(name, figures_path) for name in names or FILES]
        show(figures_path)
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
