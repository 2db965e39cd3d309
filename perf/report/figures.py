"""The figures of a run, from what holdfast-swarm wrote. Pure.

The ramp is two phases, a tenth of the connections and then the rest: memory per connection is what grows in
the second, so that what a server touches once (rings, code, buffers) is not charged to connections. The
whole is shown beside it.
"""

ONE_END = 2  # on loopback both ends of a connection are sockets of this kernel, of the same kind


def phases(swarm, name):
    return [phase for phase in swarm["phases"] if phase["name"] == name]


def last(swarm, name):
    found = phases(swarm, name)
    return found[-1] if found else None


def open_connections(swarm):
    """The most that were open and verified at once."""
    return max((phase["open"] for phase in swarm["phases"]), default=0)


def _ratio(above, below):
    return above / below if above is not None and below else None


def _total(swarm, key):
    return sum(phase[key] for phase in swarm["phases"])


def _handshakes(swarm):
    """(how many, seconds, server CPU us each) over all ramps."""
    ramps = phases(swarm, "ramp")
    done = sum(ramp["done"] for ramp in ramps)
    cpu_us = sum(ramp["server_cpu_us_each"] * ramp["units"] for ramp in ramps)
    return done, sum(ramp["seconds"] for ramp in ramps), _ratio(cpu_us, done)


def _memory(swarm, local):
    """Bytes for one more connection: (user, kernel, the whole server's for each)."""
    ramp = last(swarm, "ramp")
    if not local or not ramp or not ramp["done"]:
        return None, None, None
    grown = ramp["server_resident_bytes"] - ramp["server_resident_before_bytes"]
    user = grown / ramp["done"] if ramp["server_resident_bytes"] else None
    kernel = ramp["slab_growth_bytes"] / ONE_END / ramp["done"] if ramp["slab_bytes"] else None
    return user, kernel, _ratio(ramp["server_resident_bytes"] or None, ramp["open"])


def slab_bytes_each(swarm):
    """{cache: bytes of one end of a connection}, largest first, in the last ramp."""
    ramp = last(swarm, "ramp")
    if not ramp or not ramp["done"]:
        return {}
    each = {name: grown / ONE_END / ramp["done"] for name, grown in ramp["slab_bytes"].items()}
    return dict(sorted(each.items(), key=lambda item: -item[1]))


def fanout_moments(swarm):
    """(first, median, p99, last receiver) in us, medians of the rounds; None without a fan-out."""
    phase = last(swarm, "fanout")
    rounds = [one for one in phase["rounds"] if one["received"]] if phase else []
    if not rounds:
        return None
    def middle(key):
        return sorted(one[key] for one in rounds)[len(rounds) // 2]
    return tuple(middle(key) for key in ("first_us", "p50_us", "p99_us", "last_us"))


def _cpu_each(phase, local):
    return phase["server_cpu_us_each"] if local and phase and phase["units"] else None


def collect(swarm, seconds, heartbeat_s, local):
    """{figure: value, or None when it was not measured}. `local`: the server's process could be read."""
    idle, echo, fanout = (last(swarm, name) for name in ("idle", "echo", "fanout"))
    handshakes, ramp_s, handshake_us = _handshakes(swarm)
    user, kernel, whole = _memory(swarm, local)
    moments = fanout_moments(swarm)
    echo_us = _cpu_each(echo, local)
    heartbeat_us, delivery_us = _cpu_each(idle, local), _cpu_each(fanout, local)
    due = idle["open"] * idle["seconds"] / heartbeat_s if idle and heartbeat_s else None
    return {
        "connections": open_connections(swarm),
        "faults": sum(swarm["faults"].values()),
        "unverified": _total(swarm, "expected") - _total(swarm, "done"),
        "run_seconds": seconds,
        "user_bytes_each": user,
        "kernel_bytes_each": kernel,
        "whole_process_bytes_each": whole,
        "handshakes_per_second": _ratio(handshakes, ramp_s),
        "handshake_cpu_us": handshake_us if local else None,
        "echo_cpu_us": echo_us,
        "delivery_cpu_us": delivery_us,
        "heartbeat_cpu_us": heartbeat_us,
        "heartbeat_cores": idle["server_cores"] if idle and local else None,
        "heartbeats_answered_share": _ratio(idle["units"], due) if idle else None,
        "echoes_per_second": _ratio(echo["done"], echo["seconds"]) if echo else None,
        "deliveries_per_second": _ratio(1e6 * open_connections(swarm), moments[3]) if moments else None,
        "first_receiver_ms": moments[0] / 1e3 if moments else None,
        "median_receiver_ms": moments[1] / 1e3 if moments else None,
        "last_receiver_ms": moments[3] / 1e3 if moments else None,
        "delivery_to_echo_cpu": _ratio(delivery_us, echo_us),
        "handshake_to_echo_cpu": _ratio(handshake_us, echo_us),
        "heartbeat_to_echo_cpu": _ratio(heartbeat_us, echo_us),
        "last_to_median_receiver": _ratio(moments[3], moments[1]) if moments else None,
    }


def needed_phases():
    """{figure: the phases it is made of}: what a run without one of them cannot have."""
    return {
        "user_bytes_each": {"ramp"}, "kernel_bytes_each": {"ramp"},
        "heartbeat_cores": {"idle"}, "heartbeats_answered_share": {"idle"},
        "delivery_to_echo_cpu": {"fanout", "echo"}, "handshake_to_echo_cpu": {"echo"},
        "heartbeat_to_echo_cpu": {"idle", "echo"}, "last_to_median_receiver": {"fanout"},
    }


NEED_THE_PROCESS = {"user_bytes_each", "kernel_bytes_each", "heartbeat_cores", "delivery_to_echo_cpu",
                    "handshake_to_echo_cpu", "heartbeat_to_echo_cpu"}


def not_asked_for(chosen_phases, local):
    """The figures a run of these phases cannot have."""
    apart = {figure for figure, needed in needed_phases().items() if not needed <= set(chosen_phases)}
    return apart if local else apart | NEED_THE_PROCESS


def warnings(swarm, local):
    """What a reader has to know before believing the figures."""
    told = [f"the swarm itself was saturated in {phase['text']} ({phase.get('swarm_saturation', '')}): "
            "times and rates there are its own"
            for phase in swarm["phases"] if phase["swarm_saturated"]]
    ramp = last(swarm, "ramp")
    if local and ramp and not ramp["slab_bytes"]:
        told.append("kernel memory was not measured: /proc/slabinfo can be read by root only")
    return told
