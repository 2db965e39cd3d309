"""What perf/million leaves behind: Markdown, JSON, the HTML page and the dated files of perf/results."""
import dataclasses
import html
import json
import os

import budget
import charts
import million_charts
import page

TITLE = "holdfast: {:,} connections on one machine"
IN_RESULTS = ("ramp", "memory", "fanout")  # of the charts


@dataclasses.dataclass
class Result:
    where: dict
    connections: int
    values: dict
    judged: list
    verdict: str
    swarm: dict
    swarm_table: str
    warnings: list
    local: bool
    title: str = TITLE


UNITS = {
    "connections": "", "faults": "", "unverified": "", "run_seconds": "s", "user_bytes_each": "B",
    "kernel_bytes_each": "B", "whole_process_bytes_each": "B", "handshakes_per_second": "/s",
    "echoes_per_second": "/s", "deliveries_per_second": "/s", "first_receiver_ms": "ms",
    "median_receiver_ms": "ms", "last_receiver_ms": "ms", "heartbeat_cores": "cores",
    "handshake_cpu_us": "us", "echo_cpu_us": "us", "delivery_cpu_us": "us", "heartbeat_cpu_us": "us",
}


def _figure_rows(result):
    judged = {one.line.figure: one for one in result.judged}
    for name, value in result.values.items():
        one = judged.get(name)
        bound = f"{one.line.sign} {one.line.bound:g}" if one else "-"
        unit = f" {UNITS[name]}" if UNITS.get(name) and value is not None else ""
        yield name.replace("_", " "), budget.number(value) + unit, bound, one.verdict if one else "-"


def _milliseconds(histogram, key):
    return f"{histogram[key] / 1e3:,.1f} ms" if histogram["count"] else "-"


def _phase_rows(result):
    for phase in result.swarm["phases"]:
        rate = phase["units"] / phase["seconds"] if phase["seconds"] else 0
        verified = f"{phase['units']:,}" + (f" of {phase['expected']:,}" if phase["expected"] else "")
        yield (phase["text"], verified, f"{phase['seconds']:.1f} s", f"{rate:,.0f}/s",
               _milliseconds(phase["latency"], "p50_us"), _milliseconds(phase["latency"], "p99_us"),
               f"{phase['server_cores']:.2f}" if result.local else "-",
               f"{phase['server_cpu_us_each']:.1f} us" if result.local and phase["units"] else "-",
               f"{phase['swarm_cores']:.2f}")


FIGURE_HEAD = ("figure", "measured", "bound", "verdict")
PHASE_HEAD = ("phase", "verified", "time", "rate", "p50", "p99", "server cores", "server CPU each",
              "swarm cores")


def _markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def markdown(result):
    parts = [f"# {result.title.format(result.connections)}", result.verdict,
             "\n".join(f"- {key}: " + (f"`{value}`" if key == "command" else str(value))
                       for key, value in result.where.items()),
             _markdown_table(FIGURE_HEAD, _figure_rows(result)),
             _markdown_table(PHASE_HEAD, _phase_rows(result))]
    if result.warnings:
        parts.append("\n".join(f"- WARNING: {warning}" for warning in result.warnings))
    return "\n\n".join(parts + ["What each figure is: perf/README.md."])


def _charts(result):
    bounds = {one.line.figure: one.line.bound for one in result.judged}
    return million_charts.all_of(result.swarm, result.values, bounds.get("kernel_bytes_each"), result.local)


def as_json(result):
    return {"conditions": result.where, "connections": result.connections, "verdict": result.verdict,
            "figures": result.values, "warnings": result.warnings,
            "budget": [{"figure": one.line.figure, "value": one.value,
                        "bound": f"{one.line.sign} {one.line.bound:g}", "verdict": one.verdict}
                       for one in result.judged],
            "swarm": result.swarm}


def html_page(result):
    warned = "".join(f"<p>{html.escape(warning)}</p>" for warning in result.warnings)
    sections = [("", page.conditions(result.where))]
    sections += [("Against the budget", warned + page.table(FIGURE_HEAD, _figure_rows(result)))]
    sections += [("Charts", "\n".join(_charts(result).values()))]
    sections += [("Phases", page.table(PHASE_HEAD, _phase_rows(result)))]
    return page.page(result.title.format(result.connections), result.verdict, sections)


def _write(path, text):
    with open(path, "w") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def leave(result, folder):
    os.makedirs(folder, exist_ok=True)
    _write(os.path.join(folder, "report.html"), html_page(result))
    _write(os.path.join(folder, "result.json"), json.dumps(as_json(result), indent=1))
    _write(os.path.join(folder, "swarm.txt"), result.swarm_table)


def write_dated(result, results):
    """The names of the files written: the tables, and one picture of the charts a README shows."""
    name = f"{result.where['date']}-million" if result.connections == 1_000_000 else (
        f"{result.where['date']}-{result.connections}-connections")
    drawn = _charts(result)
    _write(os.path.join(results, name + ".svg"), charts.stacked([drawn[chart] for chart in IN_RESULTS]))
    picture = f"\n\n![Ramp, memory of a connection, fan-out]({name}.svg)\n"
    _write(os.path.join(results, name + ".md"), markdown(result) + picture)
    return [f"perf/results/{name}{ending}" for ending in (".md", ".svg")]
