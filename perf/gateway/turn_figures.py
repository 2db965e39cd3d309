"""Server CPU per delivery and per client that connects, of the gateway and of what it is compared with.

A round starts every subject afresh, each with a swarm of its own, and lets them take turns phase by phase; a
ratio is made of neighbouring phases, a round's ratio is the median of those. While one is measured the others
are idle.
"""
import contextlib
import statistics
import tempfile

import building
import gateway_program
import programs
import swarm
from gateway_program import ECHO, Keys, swarm_options
from programs import Failed
from rows import Row, kept
from stepped_swarm import SteppedSwarm

SWARM, FLOOR = "perf/swarm/holdfast-swarm", "perf/compare/floor"
FLOOR_NAME, ECHO_NAME = "bare send(2)", "bare echo"
ENCODINGS = {"json": "JSON", "protobuf": "Protobuf"}
PAYLOAD_BYTES = 64
HEADER_BYTES = 2  # of a frame up to 125 bytes
FANOUT_ROUNDS = 6  # of one turn: half a second
WARM_TURNS = 2
UNDER_WAY = 64
CALIBRATION_CONNECTIONS, CALIBRATION_ROUNDS = 10, 100
DEADLINE_S = 240  # of one round
SPARE = 2000  # connections a server may hold beyond those it gets


class Subject:
    """A server and the swarm that visits it."""

    def __init__(self, name, command, options, turn_phases):
        self.name, self.command, self.options, self.turn_phases = name, command, options, turn_phases


class TurnBench:
    def __init__(self, build, connections, rounds, turns, say):
        self._build, self._connections = build, connections
        self._rounds, self._turns, self._say = rounds, turns, say
        self._swarm = building.program(build, SWARM)

    # Rounds.

    def _start(self, running, scratch, subject, opening):
        port = programs.free_ports(2)
        child = running.enter_context(programs.server(subject.command(port), port))
        phases = opening + subject.turn_phases * (WARM_TURNS + self._turns)
        return running.enter_context(
            SteppedSwarm(self._swarm, scratch, child.pid, subject.options(port), phases, DEADLINE_S))

    def _round(self, subjects, opening, measured):
        """{name: the measured phases of its turns}."""
        with contextlib.ExitStack() as running:
            scratch = running.enter_context(tempfile.TemporaryDirectory())
            swarms = {one.name: self._start(running, scratch, one, opening) for one in subjects}
            for player in swarms.values():
                for _ in opening:
                    player.step()
            for _ in range(WARM_TURNS + self._turns):
                for subject in subjects:
                    for _ in subject.turn_phases:
                        swarms[subject.name].step()
            played = {name: player.phases() for name, player in swarms.items()}
        return {name: [phase for phase in phases[len(opening):] if phase["name"] == measured][WARM_TURNS:]
                for name, phases in played.items()}

    def _take_turns(self, figure, rows, subjects, opening, measured):
        with kept(*rows):
            for number in range(self._rounds):
                first = number % len(subjects)
                windows = self._round(subjects[first:] + subjects[:first], opening, measured)
                for row in rows:
                    _add_round(row, windows)
                self._say(f"{figure}, round {number + 1}/{self._rounds}: " + ", ".join(
                    f"{name} {_middle(own, 'server_cpu_us_each'):.2f} us (server "
                    f"{_middle(own, 'server_cores'):.0%}, swarm {_middle(own, 'swarm_cores'):.0%})"
                    for name, own in windows.items()))
        return rows

    # Figures.

    def _payload_of_push(self, gateway, encoding):
        """What a frame of the gateway's carries: the floor is given as much."""
        port = programs.free_ports(2)
        with programs.server(gateway.command(port, SPARE), port) as child, \
                tempfile.TemporaryDirectory() as scratch:
            options = swarm_options(port, encoding) + [f"--server_pid={child.pid}", "--noprogress"]
            options += [f"--phase=ramp:connections={CALIBRATION_CONNECTIONS}",
                        f"--phase=fanout:rounds={CALIBRATION_ROUNDS},bytes={PAYLOAD_BYTES}"]
            measured, table = swarm.run(self._swarm, scratch, options, DEADLINE_S)
        if not measured["passed"]:
            raise Failed(table.strip().splitlines()[-1])
        counts = measured["phases"][1]["counts"]
        payload = round(counts["bytes_in"] / counts["messages_in"]) - HEADER_BYTES
        if payload > 125:
            raise Failed(f"a push of {payload} bytes has a longer header than the floor's is taken for")
        return payload

    def fanout(self):
        """Each encoding beside a floor whose frames are as long as its own."""
        figure = f"fan-out, {PAYLOAD_BYTES} B to {self._connections:,}"
        rows, subjects = [], []
        with tempfile.TemporaryDirectory() as scratch:
            gateway = gateway_program.Gateway(self._build, scratch)
            floor = building.program(self._build, FLOOR)
            for encoding, shown in ENCODINGS.items():
                payload = self._payload_of_push(gateway, encoding)
                ours, bare = f"holdfast, {shown}", f"{FLOOR_NAME}, {payload} B"
                rows.append(Row(f"{figure} over {shown}", "us CPU/delivery", ours, bare, 1.15))
                subjects.append(Subject(
                    ours, lambda port: gateway.command(port, self._connections + SPARE),
                    lambda port, encoding=encoding: swarm_options(port, encoding),
                    [f"fanout:rounds={FANOUT_ROUNDS},bytes={PAYLOAD_BYTES}"]))
                subjects.append(Subject(
                    bare, lambda port: [floor, str(port), "serve"],
                    lambda port: [f"--target=ws://127.0.0.1:{port}/"],
                    [f"fanout:rounds={FANOUT_ROUNDS},bytes={payload}"]))
            opening = [f"ramp:connections={self._connections}"]
            return self._take_turns(figure, rows, subjects, opening, "fanout")

    def handshake(self):
        """connect with a token and subscribe in one frame, the handshake included, beside a bare one."""
        connections = self._connections
        figure = f"connect, token and subscribe in one frame, {connections:,}, {UNDER_WAY} outstanding"
        ramp = f"ramp:connections={connections},outstanding={UNDER_WAY}"
        with tempfile.TemporaryDirectory() as scratch:
            keys = Keys(scratch)
            gateway = gateway_program.Gateway(self._build, scratch, keys.public_files)
            echo = building.program(self._build, ECHO)
            token_files = {"HS256": None} | {name: keys.tokens(name) for name in ("RS256", "ES256")}
            rows = [Row(f"{figure}, {name}", "us CPU/client", f"holdfast, {name}", ECHO_NAME,
                        1.8 if name == "HS256" else None) for name in token_files]
            subjects = [Subject(
                ECHO_NAME,
                lambda port: [echo, f"--listen=127.0.0.1:{port}", "--shards=1",
                              f"--max_connections={connections + SPARE}", "--ping_interval=1h"],
                lambda port: [f"--target=ws://127.0.0.1:{port}/"], [ramp, "drop"])]
            subjects += [Subject(
                f"holdfast, {name}", lambda port: gateway.command(port, connections + SPARE),
                lambda port, tokens=tokens: swarm_options(port, tokens=tokens), [ramp, "drop"])
                for name, tokens in token_files.items()]
            return self._take_turns(figure, rows, subjects, [], "ramp")


def _middle(windows, key):
    return statistics.median(window[key] for window in windows)


def _add_round(row, windows):
    """One value and one ratio per round."""
    for name in (row.subject, row.against):
        own = windows[name]
        row.add(name, _middle(own, "server_cpu_us_each"),
                {"server_share": _middle(own, "server_cores"), "client_share": _middle(own, "swarm_cores")})
    pairs = zip(windows[row.subject], windows[row.against])
    row.ratios.append(statistics.median(ours["server_cpu_us_each"] / theirs["server_cpu_us_each"]
                                        for ours, theirs in pairs))
