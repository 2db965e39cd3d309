"""What is compared: the phases each server goes through, and the figures out of them, by round. Pure."""
import statistics

import figures

MESSAGE_BYTES = 64
OPEN_LOOP_RATE, OPEN_LOOP_S = 5_000, 4  # what every peer can take, so that latency is not a queue's length
SATURATED_ROUNDS, FANOUT_ROUNDS = 5, 10
SETTLE_S = 3  # in which garbage collectors and allocators give back what the handshakes took
OURS, SEND_FLOOR, MEMORY_FLOOR = "holdfast", "bare send(2)", "bare accepted socket"

# figure: (what it is, unit, which floor stands below it)
FIGURES = {
    "handshake_us": ("CPU of one handshake", "us", None),
    "echo_us": (f"CPU of one echo of {MESSAGE_BYTES} B, saturated", "us", None),
    "delivery_us": (f"CPU of one delivery of a broadcast of {MESSAGE_BYTES} B", "us", SEND_FLOOR),
    "last_receiver_ms": ("last receiver of a broadcast", "ms", SEND_FLOOR),
    "echo_p50_ms": (f"echo at {OPEN_LOOP_RATE:,}/s, p50", "ms", None),
    "echo_p99_ms": (f"echo at {OPEN_LOOP_RATE:,}/s, p99", "ms", None),
    "user_bytes": ("user memory of one connection", "B", None),
    "kernel_bytes": ("kernel memory of one connection, both its ends", "B", MEMORY_FLOOR),
}


def phases(connections, name):
    """The floors take part in what they are the floor of."""
    fifth = connections // 5
    ramps = [f"ramp:connections={fifth}", f"ramp:connections={connections - fifth}",
             f"idle:seconds={SETTLE_S}"]
    echoes = [f"echo:closed,rounds={SATURATED_ROUNDS},bytes={MESSAGE_BYTES}",
              f"echo:rate={OPEN_LOOP_RATE},seconds={OPEN_LOOP_S},bytes={MESSAGE_BYTES}"]
    broadcast = [f"fanout:rounds={FANOUT_ROUNDS},bytes={MESSAGE_BYTES}"]
    return {SEND_FLOOR: ramps + broadcast, MEMORY_FLOOR: ramps}.get(name, ramps + echoes + broadcast)


def _user_bytes(swarm):
    """Grown through the second ramp and the rest after it, for each of its connections."""
    ramp, idle = figures.last(swarm, "ramp"), figures.last(swarm, "idle")
    return (idle["server_resident_bytes"] - ramp["server_resident_before_bytes"]) / ramp["done"]


def _kernel_bytes(swarm):
    """Of both ends: the swarm's is the same for every server, so what differs is the server's."""
    ramp = figures.last(swarm, "ramp")
    return ramp["slab_growth_bytes"] / ramp["done"] if ramp["slab_bytes"] else None


def collect(swarm):
    """{figure: value, None where the run has none}."""
    values = dict.fromkeys(FIGURES)
    ramps, echoes, fanout = (figures.phases(swarm, name) for name in ("ramp", "echo", "fanout"))
    handshakes = sum(ramp["units"] for ramp in ramps)
    values["handshake_us"] = sum(ramp["server_cpu_us_each"] * ramp["units"] for ramp in ramps) / handshakes
    values["user_bytes"], values["kernel_bytes"] = _user_bytes(swarm), _kernel_bytes(swarm)
    if echoes:
        saturated, timed = echoes
        values["echo_us"] = saturated["server_cpu_us_each"]
        values["echo_p50_ms"], values["echo_p99_ms"] = (timed["latency"][key] / 1e3
                                                        for key in ("p50_us", "p99_us"))
    if fanout:
        values["delivery_us"] = fanout[0]["server_cpu_us_each"]
        values["last_receiver_ms"] = figures.fanout_moments(swarm)[3] / 1e3
    return values


def summary(values):
    return ", ".join(f"{name} {value:,.2f}" for name, value in values.items() if value is not None)


class Results:
    def __init__(self, where, names):
        self.where, self.names = where, names
        self.values = {name: {} for name in names}   # {contender: {round: {figure: value}}}
        self.swarms = {}                              # {contender: the last run's JSON}
        self.failures = {}                            # {contender: why}
        self.warnings = set()

    def add(self, number, contender, swarm):
        self.values[contender.name][number] = collect(swarm)
        self.swarms[contender.name] = swarm
        self.warnings |= {f"{contender.name}: {told}" for told in figures.warnings(swarm, True)}

    def fail(self, contender, why):
        self.failures[contender.name] = why

    def measured(self, name, figure):
        """The values of the rounds that have one."""
        found = [values.get(figure) for values in self.values[name].values()]
        return [value for value in found if value is not None]

    def median(self, name, figure):
        values = self.measured(name, figure)
        return statistics.median(values) if values else None

    def ratio(self, name, figure):
        """To ours, the median over the rounds both have; None without one, or against nothing."""
        ours = self.values[OURS]
        pairs = [(values.get(figure), ours[number].get(figure))
                 for number, values in self.values[name].items() if number in ours]
        ratios = [theirs / own for theirs, own in pairs if theirs is not None and own]
        return statistics.median(ratios) if ratios else None
