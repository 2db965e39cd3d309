"""Turns rows into a Markdown table with what is needed to judge it: medians, spread, bound, machine,
versions, command, date.
"""
import statistics

import machine


def _spread(values, digits=2):
    if not values:
        return "-"
    return f"{statistics.median(values):.{digits}f} ({min(values):.{digits}f} to {max(values):.{digits}f})"


def _busy(row, name):
    shares = row.shares.get(name)
    if not shares:
        return "-"
    known = [key for key in ("server", "client", "others") if shares[0].get(key) is not None]
    return " / ".join(f"{statistics.median(share[key] for share in shares):.0%}" for key in known)


def _line(row):
    judged = row.judged()
    if not judged:
        return f"| {row.figure} | {row.failure or 'no rounds'} | | | | {row.verdict()} | |"
    ours = f"{row.subject}: {_spread(row.values[row.subject])} {row.unit}"
    theirs = f"{row.against}: {_spread(row.values[row.against])}" if row.against else "-"
    ratio = _spread(judged, 3) if row.against else "-"
    bound = "-" if row.bound is None else f"≤ {row.bound:g}" + (" ×" if row.against else "")
    busy = _busy(row, row.subject) + (f"; {_busy(row, row.against)}" if row.against else "")
    return f"| {row.figure} | {ours} | {theirs} | {ratio} | {bound} | {row.verdict()} | {busy} |"


def conditions(root, command, peer_version, rounds, niceness):
    return machine.conditions(root, command) | {
        "peer": f"Bun {peer_version}",
        "rounds": rounds,
        "niceness": niceness,
    }


METHOD = """\
Each value is the median of the rounds, with the smallest and the largest behind it. Subjects take turns in
short windows, and a ratio is made of neighbouring windows. The server runs on core 0, the client on core 1,
over loopback. CPU is the time of all threads of the server process; on loopback it holds the receive path
of the peer. The last column is the share of a core that the server, the client and everything else on the
machine took (holdfast; the compared one): a client near 100 % would be what limits the rate, and a large
third number says that the machine was not quiet. How it is measured: perf/README.md.
"""


def markdown(rows, where, title="The core's numbers", method=METHOD):
    lines = [f"# {title}, {where['date']}", ""]
    lines += [f"- {key}: " + (f"`{value}`" if key == "command" else str(value))
              for key, value in where.items() if key != "date"]
    lines += ["", method,
              "| figure | measured | compared with | ratio | bound | verdict | server / client / others |",
              "|---|---|---|---|---|---|---|"]
    lines += [_line(row) for row in rows]
    notes = []
    for row in rows:
        for name, values in row.notes.items():
            if isinstance(values, dict):
                text = ", ".join(f"{key} {value:+.1f} B" for key, value in values.items())
            else:
                text = _spread(values)
            notes.append(f"- {row.figure}: {name}: {text}")
    return "\n".join(lines + ([""] + notes if notes else [])) + "\n"


def as_json(rows, where):
    return {"conditions": where,
            "rows": [vars(row) | {"verdict": row.verdict()} for row in rows]}
