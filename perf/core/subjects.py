"""The servers that are compared: holdfast's two programs from the build directory, and Bun's from peers/.

Bun carries the uWebSockets core. It is installed by its package once, at a fixed version, into a folder
of the build directory.
"""
import os
import platform
import subprocess

import npm
from programs import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
BUN_VERSION = "1.4.5"
RARE_PINGS = "--ping_interval=100s"  # where heartbeats are not measured; Bun pings after 104 s of silence
MAX_MESSAGE_BYTES = 128 * 1024  # the same for both; the largest message measured is half of it


class Holdfast:
    name = "holdfast"
    one_process_holds = 1_000_000  # several rings, each with a file table of its own

    def __init__(self, build):
        self._apps = os.path.join(build, "src", "apps")
        for program in ("holdfast-echo", "holdfast-broadcast"):
            if not os.access(os.path.join(self._apps, program), os.X_OK):
                raise Failed(f"{program} is not in the build directory: ninja -C {build}; "
                             "or measure Bun alone with --null")

    def _command(self, program, port, connections, more):
        return [os.path.join(self._apps, program), f"--listen=127.0.0.1:{port}",
                f"--max_connections={connections}", f"--max_message_bytes={MAX_MESSAGE_BYTES}"] + more

    def echo(self, port, connections):
        return self._command("holdfast-echo", port, connections, ["--shards=1", RARE_PINGS])

    def publish(self, port, connections):
        return self._command("holdfast-broadcast", port, connections, ["--shards=1", RARE_PINGS])

    def idle(self, port, connections):
        """As many shards as the server itself finds right."""
        return self._command("holdfast-echo", port, connections, ["--ping_interval=25s",
                                                                  "--pong_timeout=10s"])


class Bun:
    name = "Bun"
    one_process_holds = 18_000  # of RLIMIT_NOFILE 20,000

    def __init__(self, program):
        self.program = program
        done = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
        self.version = done.stdout.strip()

    def _command(self, script, port):
        return [self.program, os.path.join(HERE, "peers", script), str(port)]

    def echo(self, port, _connections):
        return self._command("echo.js", port)

    def publish(self, port, _connections):
        return self._command("publish.js", port)

    def idle(self, port, _connections):
        """An idle timeout of 40 s makes Bun ping every 24 s."""
        return self._command("echo.js", port) + ["40"]


def install_bun(build):
    """The path of the peer's program, installed if it is not there yet."""
    if platform.machine() != "x86_64":
        raise Failed("the peer is packaged for x86_64 here; name another build of it with --bun=PATH")
    with open("/proc/cpuinfo") as cpus:
        package = "@oven/bun-linux-x64" if " avx2" in cpus.read() else "@oven/bun-linux-x64-baseline"
    try:
        return os.path.join(npm.installed(build, package, BUN_VERSION, f"bun-{BUN_VERSION}"), "bin", "bun")
    except Failed as failure:
        raise Failed(f"{failure}; name one with --bun=PATH") from failure
