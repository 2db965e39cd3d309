"""The pinned Node packages that tests here drive against the servers: package.json names them."""

import fcntl
import json
import pathlib
import shutil
import subprocess
import unittest

FOLDER = pathlib.Path(__file__).resolve().parent
INSTALL_LIMIT_S = 180


def installed_version(name):
    path = FOLDER / "node_modules" / name / "package.json"
    return json.loads(path.read_text())["version"] if path.exists() else None


def need_node_packages():
    """Puts the packages into node_modules/, unless they are there; skips where there is no Node."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            raise unittest.SkipTest(f"{program} is not installed: apt-get install nodejs npm")
    wanted = json.loads((FOLDER / "package.json").read_text())["dependencies"]
    # One after the other: npm removes what is there before it begins, and others may be at work with it.
    with open(FOLDER / "package-lock.json", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if all(installed_version(name) == version for name, version in wanted.items()):
            return
        subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund"],
            cwd=FOLDER,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=True,
            timeout=INSTALL_LIMIT_S,
        )


def run_node(script, *arguments, limit_s):
    """Runs a script of this folder to its end."""
    return subprocess.run(
        ["node", str(FOLDER / script), *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=limit_s,
        check=False,
    )
