"""Who is compared: holdfast, its peers, and the two floors. Peers are installed and built on first use, each
in a folder of the build directory; one that cannot be is left out, with the reason.
"""
import dataclasses
import os
import subprocess
import sys

import building
import npm
import subjects
from compared import MEMORY_FLOOR, OURS, SEND_FLOOR
from programs import Failed

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = os.path.join(HERE, "peers")
INSTALL_PACKAGES = os.path.join(building.LIB, "install_packages")
TARGET, SWARM = "perf/target/holdfast-target", "perf/swarm/holdfast-swarm"
FLOOR_PROGRAM = "perf/compare/floor"
WS_VERSION, BUFFERUTIL = "8.23.0", "bufferutil@4.1.0"
GO_PACKAGES = ("golang-go", "golang-github-gorilla-websocket-dev")
GO_PATH = "/usr/share/gocode"
MAKE_S = 900



@dataclasses.dataclass(frozen=True)
class Contender:
    name: str
    version: str
    command: object  # function of (port, connections)


def _debian(*packages):
    try:
        subprocess.run([INSTALL_PACKAGES, *packages], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=True,
                       timeout=MAKE_S)
    except subprocess.SubprocessError as error:
        raise Failed(f"{' '.join(packages)} could not be installed") from error


def _version_of(package):
    done = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package], capture_output=True, text=True)
    return done.stdout or "of unknown version"


def _made(build, name, command, environment=None):
    """The path of a peer's program, compiled again each time: it is small."""
    folder = os.path.join(build, "perf", "peers")
    os.makedirs(folder, exist_ok=True)
    program = os.path.join(folder, name)
    try:
        subprocess.run([*command(program)], env=os.environ | (environment or {}), stdin=subprocess.DEVNULL,
                       stdout=sys.stderr, check=True, timeout=MAKE_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(f"{name} could not be compiled ({error})") from error
    return program


def _bun(build):
    bun = subjects.Bun(subjects.install_bun(build))
    return Contender("Bun", bun.version,
                     lambda port, _: [bun.program, os.path.join(PEERS, "bun.js"), str(port)])


def _ws(build):
    package = npm.installed(build, "ws", WS_VERSION, f"ws-{WS_VERSION}", beside=(BUFFERUTIL,))
    node = subprocess.run(["node", "--version"], capture_output=True, text=True)
    return Contender("ws", f"{WS_VERSION} on Node {node.stdout.strip()}",
                     lambda port, _: ["node", os.path.join(PEERS, "ws.cjs"), str(port), package])


def _gorilla(build):
    _debian(*GO_PACKAGES)
    source = os.path.join(PEERS, "gorilla.go")
    program = _made(build, "gorilla", lambda out: ["go", "build", "-o", out, source],
                    {"GO111MODULE": "off", "GOPATH": GO_PATH,
                     "GOCACHE": os.path.join(build, "perf", "peers", "go-cache")})
    return Contender("gorilla/websocket", _version_of(GO_PACKAGES[1]), lambda port, _: [program, str(port)])


def _libwebsockets(build):
    _debian("libwebsockets-dev", "libwebsockets-evlib-uv", "gcc")
    source = os.path.join(PEERS, "libwebsockets.c")
    program = _made(build, "libwebsockets", lambda out: ["cc", "-O2", "-o", out, source, "-lwebsockets"])
    return Contender("libwebsockets", _version_of("libwebsockets-dev"), lambda port, _: [program, str(port)])


KNOWN_PEERS = {"bun": _bun, "ws": _ws, "gorilla": _gorilla, "libwebsockets": _libwebsockets}


def _ours(build):
    """One shard: the peers have one thread too, or one core."""
    program = building.program(build, TARGET)
    return Contender(OURS, "this checkout", lambda port, connections: [
        program, f"--listen=127.0.0.1:{port}", "--shards=1", "--ping_interval=0",
        f"--max_connections={connections + connections // 2}"])


def _floors(build):
    program = building.program(build, FLOOR_PROGRAM)
    return [Contender(SEND_FLOOR, "a loop", lambda port, _: [program, str(port), "serve"]),
            Contender(MEMORY_FLOOR, "held, not watched", lambda port, _: [program, str(port), "hold"])]


def gather(build, wanted, say):
    """(contenders, ours first; {peer: why it is left out})."""
    found, left_out = [_ours(build)], {}
    for name in wanted:
        try:
            found.append(KNOWN_PEERS[name](build))
        except Failed as failure:
            left_out[name] = str(failure)
            say(f"{name} is left out: {failure}")
    return found + _floors(build), left_out
