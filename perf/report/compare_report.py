"""What perf/compare leaves behind: Markdown, JSON and the HTML page with a chart for each figure."""
import html
import json
import os

import charts
import compared
import figures
import page
from charts import Axis, Bar, Series

TITLE = "holdfast and other WebSocket servers"
HOW = ("Medians of the rounds, the smallest and the largest in brackets, and behind them the ratio to "
       "holdfast: the median of the rounds' own ratios. Every server took its turn in every round, on core "
       "0, with the swarm on core 1. The last columns are the floors: a loop of send(2) over accepted "
       "sockets, and sockets that are accepted and only held.")
IN_RESULTS = ("echo_us", "delivery_us", "user_bytes")  # of the charts
KINDS = ["holdfast", "peers", "floor"]


def _number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.2f}"


def _cell(results, name, figure):
    values = results.measured(name, figure)
    if not values or (name in (compared.SEND_FLOOR, compared.MEMORY_FLOOR)
                      and name != compared.FIGURES[figure][2]):
        return "-"
    text = f"{_number(results.median(name, figure))} ({_number(min(values))} to {_number(max(values))})"
    ratio = results.ratio(name, figure)
    return text if name == compared.OURS or ratio is None else f"{text}, × {ratio:.2f}"


def _rows(results):
    for figure, (what, unit, _) in compared.FIGURES.items():
        yield [f"{what}, {unit}"] + [_cell(results, name, figure) for name in results.names]


def _notes(results):
    return ([f"{name} failed in at least one round: {why}" for name, why in results.failures.items()]
            + sorted(results.warnings))


def markdown(results):
    head = ["figure"] + results.names
    lines = [f"# {TITLE}, {results.where['date']}", ""]
    lines += [f"- {key}: " + (f"`{value}`" if key == "command" else str(value))
              for key, value in results.where.items() if key != "date"]
    lines += ["", HOW, "", "| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row) + " |" for row in _rows(results)]
    notes = [f"- WARNING: {note}" for note in _notes(results)]
    return "\n".join(lines + ([""] + notes if notes else []))


def _bars(results, figure):
    what, unit, floor = compared.FIGURES[figure]
    rows = []
    for name in results.names:
        median = results.median(name, figure)
        if median is not None and (name not in (compared.SEND_FLOOR, compared.MEMORY_FLOOR) or name == floor):
            ratio = results.ratio(name, figure)
            note = _number(median) + ("" if name == compared.OURS or ratio is None else f", × {ratio:.2f}")
            kind = "holdfast" if name == compared.OURS else "floor" if name == floor else "peers"
            rows.append(Bar(name, [(KINDS.index(kind), max(median, 0.0))], note))
    return charts.bars(figure, what[:1].upper() + what[1:], KINDS, rows, unit) if rows else ""


def _latency(results):
    series = []
    for name, swarm in results.swarms.items():
        echoes = figures.phases(swarm, "echo")
        if len(echoes) == 2:
            curve = echoes[1]["latency"]["curve_us"]
            points = [(value / 1e3, 100 * number / (len(curve) - 1)) for number, value in enumerate(curve)]
            series.append(Series(name, points))
    title = f"Echo at {compared.OPEN_LOOP_RATE:,} a second: how many were back after so long"
    return charts.lines("latency", title, series, Axis("milliseconds", logarithmic=True),
                        Axis("%", most=100)) if series else ""


def html_page(results):
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in _notes(results))
    drawn = [_bars(results, figure) for figure in compared.FIGURES] + [_latency(results)]
    return page.page(f"{TITLE}, {results.where['date']}", "", [
        ("", page.conditions(results.where)),
        ("Figures", f"<p>{html.escape(HOW)}</p>{notes}"
         + page.table(["figure"] + results.names, _rows(results))),
        ("Charts", "\n".join(drawn))])


def as_json(results):
    return {"conditions": results.where, "rounds": results.values, "failures": results.failures,
            "ratios": {name: {figure: results.ratio(name, figure) for figure in compared.FIGURES}
                       for name in results.names},
            "warnings": sorted(results.warnings)}


def _write(path, text):
    with open(path, "w") as file:
        file.write(text if text.endswith("\n") else text + "\n")


def leave(results, folder):
    os.makedirs(folder, exist_ok=True)
    _write(os.path.join(folder, "report.html"), html_page(results))
    _write(os.path.join(folder, "result.json"), json.dumps(as_json(results), indent=1))


def write_dated(results, folder):
    """The names of the files written."""
    name = f"{results.where['date']}-compare"
    drawn = [_bars(results, figure) for figure in IN_RESULTS]
    _write(os.path.join(folder, name + ".svg"), charts.stacked([chart for chart in drawn if chart]))
    picture = f"\n\n![CPU of an echo and of a delivery, memory]({name}.svg)\n"
    _write(os.path.join(folder, name + ".md"), markdown(results) + picture)
    _write(os.path.join(folder, name + ".json"), json.dumps(as_json(results), indent=1))
    return [f"perf/results/{name}{ending}" for ending in (".md", ".json", ".svg")]
