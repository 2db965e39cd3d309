"""The charts of a run of perf/million, from what holdfast-swarm wrote. Pure."""
import charts
import figures
from charts import Axis, Bar, Series

CACHES_SHOWN = 5
SHORTEST_SAMPLE_S = 0.08
CACHE_NAMES = {"TCP": "TCP socket", "sock_inode_cache": "socket inode", "filp": "file", "dentry": "dentry",
               "io_kiocb": "watching it (io_kiocb)"}


def _open_over_time(swarm):
    """Points of (seconds, connections open) through the ramps."""
    points, begun_s, opened = [(0.0, 0)], 0.0, 0
    for phase in swarm["phases"]:
        if phase["name"] == "ramp":
            points += [(begun_s + moment["t_s"], moment["connections"]) for moment in phase.get("series", [])]
            points.append((begun_s + phase["seconds"], phase["open"]))
            begun_s, opened = begun_s + phase["seconds"], phase["open"]
    return points if opened else [(0.0, 0), (1.0, 0)]


def ramp(swarm):
    return charts.lines("ramp", "Ramp: verified connections that are open",
                        [Series("connections", _open_over_time(swarm))], Axis("seconds"), Axis("connections"))


def memory(swarm, values, kernel_bound):
    """One end of one more connection, by what it is made of."""
    user_bytes, kernel_bytes = values["user_bytes_each"], values["kernel_bytes_each"] or 0.0
    each = figures.slab_bytes_each(swarm)
    shown = [(CACHE_NAMES.get(name, name), value) for name, value in each.items() if value >= 1]
    shown = shown[:CACHES_SHOWN]
    rest = kernel_bytes - sum(value for _, value in shown)
    segments = shown + [("other kernel caches", max(rest, 0.0))]
    names = [f"{name} {value:,.0f} B" for name, value in segments]
    rows = [Bar("kernel", [(number, value) for number, (_, value) in enumerate(segments)],
                f"{kernel_bytes:,.0f} B")]
    if user_bytes is not None:
        names.append(f"server process {user_bytes:,.0f} B")
        rows.append(Bar("server process", [(len(names) - 1, user_bytes)], f"{user_bytes:,.0f} B"))
    return charts.bars("memory", "Memory for one idle connection, one end of it", names, rows, "bytes",
                       kernel_bound)


def _curve(histogram):
    """Points of (ms, % that took no longer)."""
    curve = histogram["curve_us"]
    return [(value / 1e3, 100 * number / (len(curve) - 1)) for number, value in enumerate(curve)]


def latency(swarm):
    kinds = {"ramp": "opening handshake", "echo": "echo", "ping": "pong"}
    series = []
    for phase_name, name in kinds.items():
        phase = figures.last(swarm, phase_name)
        taken = phase["handshake" if phase_name == "ramp" else "latency"] if phase else {"count": 0}
        if taken["count"]:
            series.append(Series(f"{name} (p50 {taken['p50_us'] / 1e3:,.1f} ms, "
                                 f"p99 {taken['p99_us'] / 1e3:,.1f} ms)", _curve(taken)))
    return charts.lines("latency", "Latency: how many were through after so long", series,
                        Axis("milliseconds", logarithmic=True), Axis("%", most=100))


def _arrived(phase):
    """Points of (ms since it was published, % of the receivers that have it), over all rounds."""
    if not phase.get("arrivals"):
        return _curve(phase["latency"])
    points, seen, all_of_them = [(0.0, 0.0)], 0, sum(count for _, count in phase["arrivals"])
    for until_us, count in phase["arrivals"]:
        seen += count
        points.append((until_us / 1e3, 100 * seen / all_of_them))
    return points


def fanout(swarm):
    phase = figures.last(swarm, "fanout")
    series = []
    if phase and phase["latency"]["count"]:
        last_ms = phase["latency"]["max_us"] / 1e3
        name = f"{phase['done']:,} deliveries, the last after {last_ms:,.0f} ms"
        series.append(Series(name, _arrived(phase)))
    return charts.lines("fanout", "Fan-out: who has the broadcast how long after it was published", series,
                        Axis("milliseconds"), Axis("% of the receivers", most=100))


def _cores_over_time(swarm, key):
    """Without what was sampled over too short a time to divide by: the end of a phase comes when it comes."""
    points, begun_s = [], 0.0
    for phase in swarm["phases"]:
        samples = phase.get("series", [])
        for before, moment in zip(samples, samples[1:]):
            if moment["t_s"] - before["t_s"] >= SHORTEST_SAMPLE_S:
                points.append((begun_s + moment["t_s"], moment[key]))
        begun_s += phase["seconds"]
    return points


def cpu_over_time(swarm, local):
    names = {"server_cores": "server", "swarm_cores": "swarm"} if local else {"swarm_cores": "swarm"}
    series = [Series(name, _cores_over_time(swarm, key)) for key, name in names.items()]
    return charts.lines("cpu_over_time", "Processor: cores in use through the run", series, Axis("seconds"),
                        Axis("cores"))


def cpu(swarm, local):
    rows, seen = [], {}
    for phase in swarm["phases"]:
        seen[phase["name"]] = seen.get(phase["name"], 0) + 1
        label = phase["name"] + (f" {seen[phase['name']]}" if seen[phase["name"]] > 1 else "")
        segments = ([(0, phase["server_cores"])] if local else []) + [(1, phase["swarm_cores"])]
        note = f"{phase['server_cpu_us_each']:.1f} us each" if local and phase["units"] else ""
        rows.append(Bar(f"{label}, {phase['seconds']:.0f} s", segments, note))
    names = ["server (and its CPU for each unit)", "swarm"]
    return charts.bars("cpu", "Processor: cores in use by phase", names, rows, "cores")


def all_of(swarm, values, kernel_bound, local):
    """{name: SVG}, in the order a reader wants them."""
    return {"ramp": ramp(swarm), "memory": memory(swarm, values, kernel_bound),
            "latency": latency(swarm), "fanout": fanout(swarm), "cpu": cpu(swarm, local),
            "cpu_over_time": cpu_over_time(swarm, local)}
