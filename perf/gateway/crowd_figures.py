"""Very many clients at one server process: what an idle one costs in memory, and whether all of them come
back from a storm with everything. Bounds are absolute here.
"""
import tempfile

import building
import gateway_program
import programs
import swarm
from gateway_program import swarm_options
from programs import Failed
from rows import Row, kept
from turn_figures import SWARM

LOW, HIGH = 10_000, 100_000
STORM_CLIENTS, STORM_CHANNELS, STORM_RATE = 50_000, 500, 100
STORM_SECONDS, STORM_JITTER_MS = 20, 5000
UNDER_WAY = 500
SETTLE_S = 3
DEADLINE_S = 300
HEADROOM = 1.1
QUICK_PART = 20  # --quick measures a twentieth


class CrowdBench:
    def __init__(self, build, rounds, quick, say):
        self._build, self._rounds, self._say = build, rounds, say
        self._part = QUICK_PART if quick else 1
        self._swarm = building.program(build, SWARM)

    def _played(self, connections, phases, **more):
        """Phases of one swarm against one server that has as many shards as it finds right."""
        port = programs.free_ports(2)
        address = swarm.listening_address(connections)
        with tempfile.TemporaryDirectory() as scratch:
            gateway = gateway_program.Gateway(self._build, scratch)
            command = gateway.command(port, int(connections * HEADROOM) + 64, 0, address, "25s")
            with programs.server(command, port, core=programs.ANY_CORE) as child:
                options = swarm_options(port, **more) + [f"--server_pid={child.pid}", "--noprogress"]
                options += [f"--phase={text}" for text in phases]
                measured, table = swarm.run(self._swarm, scratch, options, DEADLINE_S)
        if not measured["passed"]:
            raise Failed(table.strip().splitlines()[-1] if table.strip() else "nothing was verified")
        return measured["phases"]

    def memory(self):
        low, high = LOW // self._part, HIGH // self._part
        name = "holdfast"
        row = Row(f"user memory, {low:,} to {high:,} idle clients with HS256 token and one recoverable "
                  "subscription", "B/client", name, None, 256 if high == HIGH else None)
        idle = f"idle:seconds={SETTLE_S}"
        phases = [f"ramp:connections={low},outstanding={UNDER_WAY}", idle,
                  f"ramp:connections={high - low},outstanding={UNDER_WAY}", idle]
        with kept(row):
            for turn in range(self._rounds):
                played = self._played(high, phases)
                few, many = played[1], played[3]
                each = (many["server_resident_bytes"] - few["server_resident_bytes"]) / (high - low)
                row.add(name, each)
                row.note("heap and shared memory alone, B/client",
                         (many["server_user_bytes"] - few["server_user_bytes"]) / (high - low))
                row.note("the whole process, MB", many["server_resident_bytes"] / 1e6)
                self._say(f"memory, round {turn + 1}/{self._rounds}: {each:.1f} B")
        return [row]

    def storm(self):
        clients = STORM_CLIENTS // self._part
        name = "holdfast"
        row = Row(f"storm, {clients:,} clients closed with 3001 while {STORM_RATE} publications a second go "
                  f"on in {STORM_CHANNELS} channels", "clients not back with everything", name, None, 0)
        phases = [f"ramp:connections={clients},outstanding={UNDER_WAY}",
                  f"recover:rate={STORM_RATE},seconds={STORM_SECONDS},jitter_ms={STORM_JITTER_MS}", "drop"]
        with kept(row):
            for turn in range(self._rounds):
                phase = self._played(clients, phases, channels=STORM_CHANNELS)[1]
                counts, back = phase["counts"], phase["latency"]
                row.add(name, clients - phase["done"])
                row.note("last back after the disconnect, s", back["max_us"] / 1e6)
                row.note("half of them after, s", back["p50_us"] / 1e6)
                row.note("from connecting to recovered, p99, ms", phase["handshake"]["p99_us"] / 1e3)
                row.note("published in the phase", counts["published"])
                row.note("deliveries, all verified", counts["deliveries"])
                row.note("of these in replies to subscribe", counts["publications_recovered"])
                row.note("cores of the server in the phase", phase["server_cores"])
                self._say(f"storm, round {turn + 1}/{self._rounds}: {phase['done']:,} of {clients:,} back, "
                          f"the last after {back['max_us'] / 1e6:.1f} s; {counts['deliveries']:,} deliveries")
        return [row]
