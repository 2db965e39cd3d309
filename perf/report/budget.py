"""The budget of a run: its file, and the verdict of figures held against it. Pure but for reading the file.

A figure that was to be judged and could not be measured fails the run: nothing is passed by not looking.
"""
import dataclasses
import re

LINE = re.compile(r"(?P<figure>\w+)\s+(?P<sign><=|>=)\s+(?P<bound>[0-9.]+)(?:\s+from\s+(?P<least>\d+))?$")


@dataclasses.dataclass(frozen=True)
class Line:
    figure: str
    sign: str
    bound: float
    least: int = 0  # connections, below which it is shown and not judged


@dataclasses.dataclass(frozen=True)
class Judged:
    line: Line
    value: float | None
    verdict: str  # reached, MISSED, not measured, not judged

    @property
    def failed(self):
        return self.verdict in ("MISSED", "not measured")


def parse(text):
    lines = []
    for number, row in enumerate(text.splitlines(), 1):
        row = row.partition("#")[0].strip()
        if not row:
            continue
        match = LINE.match(row)
        if not match:
            raise ValueError(f'line {number}, "{row}": right is FIGURE <= BOUND or FIGURE >= BOUND, [from N]')
        lines.append(Line(match["figure"], match["sign"], float(match["bound"]), int(match["least"] or 0)))
    if not lines:
        raise ValueError("a budget without a line judges nothing")
    return lines


def read(path):
    with open(path) as file:
        return parse(file.read())


def _verdict(line, value, connections):
    if connections < line.least:
        return f"not judged below {line.least:,}"
    if value is None:
        return "not measured"
    return "reached" if (value <= line.bound if line.sign == "<=" else value >= line.bound) else "MISSED"


def judge(lines, figures, connections, apart=()):
    """`apart`: figures that the run could not have by its own choice of phases or target; not judged."""
    judged = []
    for line in lines:
        if line.figure not in figures:
            raise ValueError(f"the budget names {line.figure}, which is no figure of this run")
        value = figures[line.figure]
        verdict = "not asked for" if line.figure in apart else _verdict(line, value, connections)
        judged.append(Judged(line, value, verdict))
    return judged


def number(value):
    if value is None:
        return "-"
    if abs(value) >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 1 else f"{value:.2f}"


def verdict_line(judged, connections, why=""):
    """PASS or FAIL in one line, with what was missed by name; `why` is a reason apart from the budget."""
    missed = [f"{one.line.figure} {number(one.value)}, bound {one.line.sign} {one.line.bound:g}"
              if one.verdict == "MISSED" else f"{one.line.figure} was not measured"
              for one in judged if one.failed]
    if why:
        missed.insert(0, why)
    if missed:
        return f"FAIL: {connections:,} connections: " + "; ".join(missed)
    held = sum(one.verdict == "reached" for one in judged)
    return f"PASS: {connections:,} connections, {held} of {held} bounds held, 0 errors"
