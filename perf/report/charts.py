"""Charts as SVG text: lines over two axes, and horizontal bars. Pure; no library and nothing from outside.

Colours are classes: the page that holds a chart, or the file it is alone in, brings the style with a light
and a dark side.
"""
import dataclasses
import html
import math
import re

WIDTH, HEIGHT = 760, 320
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 56, 64
BAR_HEIGHT, BAR_GAP, LABEL_WIDTH = 20, 10, 190
LEGEND_STEP, CHARACTER_WIDTH = 18, 6.6
COLOURS = 7

STYLE = """\
svg.chart { color: #24292f; background: #ffffff; font: 12px system-ui, sans-serif }
svg.chart text { fill: currentColor }
svg.chart .title { font-size: 15px; font-weight: 600 }
svg.chart .faint { fill: #57606a }
svg.chart .grid { stroke: #d8dee4; stroke-width: 1 }
svg.chart .axis { stroke: #57606a; stroke-width: 1 }
svg.chart .line { fill: none; stroke-width: 2; stroke-linejoin: round }
svg.chart .bound { stroke: #b3261e; stroke-width: 1.5; stroke-dasharray: 5 3 }
svg.chart .c0 { --c: #1f6feb } svg.chart .c1 { --c: #d9730d } svg.chart .c2 { --c: #138a72 }
svg.chart .c3 { --c: #8250df } svg.chart .c4 { --c: #bf3989 } svg.chart .c5 { --c: #7d6608 }
svg.chart .c6 { --c: #6e7781 }
svg.chart .line { stroke: var(--c) } svg.chart .fill { fill: var(--c) }
@media (prefers-color-scheme: dark) {
  svg.chart { color: #e6edf3; background: #0d1117 }
  svg.chart .faint { fill: #9198a1 }
  svg.chart .grid { stroke: #2d333b } svg.chart .axis { stroke: #9198a1 }
  svg.chart .bound { stroke: #ff7b72 }
  svg.chart .c0 { --c: #58a6ff } svg.chart .c1 { --c: #f0883e } svg.chart .c2 { --c: #3fb9a0 }
  svg.chart .c3 { --c: #bc8cff } svg.chart .c4 { --c: #f778ba } svg.chart .c5 { --c: #d4a72c }
  svg.chart .c6 { --c: #8b949e }
}
"""


@dataclasses.dataclass(frozen=True)
class Series:
    name: str
    points: list  # of (x, y), in the order of x


@dataclasses.dataclass(frozen=True)
class Axis:
    """`logarithmic` takes values above 0 only. `most`: where it ends whatever the values."""
    label: str
    logarithmic: bool = False
    most: float | None = None


def short(value):
    """1,500,000 as 1.5 M: for ticks."""
    for factor, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= factor:
            return f"{value / factor:.3g}{letter}"
    return f"{value:.3g}"


def ticks(most, count=5):
    """Round steps from 0 up to at least `most`."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    power = 10 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * 0.999)
    return [step * number for number in range(math.ceil(most / step * 0.999) + 1)]


def powers(least, most):
    """Powers of ten around the values."""
    first, last = math.floor(math.log10(least)), math.ceil(math.log10(most))
    return [10.0 ** power for power in range(first, max(last, first + 1) + 1)]


class _Scale:
    def __init__(self, axis, values, start, end):
        self._logarithmic = axis.logarithmic
        most = axis.most if axis.most is not None else max(values, default=1)
        self.ticks = powers(min(values, default=1), most) if axis.logarithmic else ticks(most)
        self._low, self._high = (self._place(self.ticks[0]), self._place(self.ticks[-1]))
        self._start, self._end = start, end

    def _place(self, value):
        return math.log10(value) if self._logarithmic else value

    def __call__(self, value):
        share = (self._place(value) - self._low) / (self._high - self._low)
        return round(self._start + share * (self._end - self._start), 1)


def text(x, y, words, classes="", anchor="start"):
    kind = f' class="{classes}"' if classes else ""
    return f'<text x="{x}" y="{y}"{kind} text-anchor="{anchor}">{html.escape(words)}</text>'


def _line(x1, y1, x2, y2, classes):
    return f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" class="{classes}"/>'


def _colour(number):
    return f"c{number % COLOURS}"


def _whole(name, title, height, parts):
    heading = html.escape(title)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" id="{name}" role="img" '
            f'viewBox="0 0 {WIDTH} {height}" width="{WIDTH}" height="{height}" aria-label="{heading}">\n'
            + "\n".join([text(LEFT, 22, title, "title")] + parts) + "\n</svg>")


def _legend(names, y, left=LEFT):
    parts, x = [], left
    for number, name in enumerate(names):
        width = LEGEND_STEP + len(name) * CHARACTER_WIDTH + 14
        if x + width > WIDTH - RIGHT and x > left:
            x, y = left, y + LEGEND_STEP
        parts.append(f'<rect x="{x:.0f}" y="{y - 9}" width="12" height="10" class="fill {_colour(number)}"/>')
        parts.append(text(f"{x + LEGEND_STEP:.0f}", y, name))
        x += width
    return parts, y + LEGEND_STEP


def _grid(x_axis, y_axis, x_scale, y_scale, bottom):
    parts = []
    for value in y_scale.ticks:
        y = y_scale(value)
        parts += [_line(LEFT, y, WIDTH - RIGHT, y, "grid"),
                  text(LEFT - 8, y + 4, short(value), "faint", "end")]
    for value in x_scale.ticks:
        x = x_scale(value)
        parts += [_line(x, TOP, x, bottom, "grid"), text(x, bottom + 16, short(value), "faint", "middle")]
    parts.append(_line(LEFT, bottom, WIDTH - RIGHT, bottom, "axis"))
    parts.append(text(WIDTH - RIGHT, bottom + 32, x_axis.label, "faint", "end"))
    parts.append(text(LEFT - 8, TOP - 8, y_axis.label, "faint", "end" if len(y_axis.label) < 9 else "start"))
    return parts


def lines(name, title, series, x_axis, y_axis):
    """Several lines; what an axis cannot show (0 on a logarithmic one) is left out."""
    bottom = HEIGHT - BOTTOM
    shown = [Series(one.name, [point for point in one.points if not x_axis.logarithmic or point[0] > 0])
             for one in series]
    xs = [x for one in shown for x, _ in one.points]
    ys = [y for one in shown for _, y in one.points]
    x_scale = _Scale(x_axis, xs, LEFT, WIDTH - RIGHT)
    y_scale = _Scale(y_axis, ys, bottom, TOP)
    parts = _grid(x_axis, y_axis, x_scale, y_scale, bottom)
    for number, one in enumerate(shown):
        points = " ".join(f"{x_scale(x)},{y_scale(y)}" for x, y in one.points)
        parts.append(f'<polyline points="{points}" class="line {_colour(number)}">'
                     f"<title>{html.escape(one.name)}</title></polyline>")
    legend, end = _legend([one.name for one in shown], bottom + 50)
    return _whole(name, title, max(HEIGHT, end), parts + legend)


@dataclasses.dataclass(frozen=True)
class Bar:
    label: str
    segments: list  # of (series number, value), side by side from the left
    note: str = ""  # behind the bar


def bars(name, title, series_names, rows, unit, bound=None):
    """Horizontal bars, stacked when a row has several segments; `bound` is a line across all of them."""
    left, right = LABEL_WIDTH, WIDTH - 150
    most = max([sum(value for _, value in row.segments) for row in rows] + [bound or 0])
    steps = ticks(most)
    scale = _Scale(Axis(unit, most=most), [most], left, right)
    bottom = TOP + len(rows) * (BAR_HEIGHT + BAR_GAP)
    parts = []
    for value in steps:
        parts += [_line(scale(value), TOP - 6, scale(value), bottom, "grid"),
                  text(scale(value), bottom + 14, short(value), "faint", "middle")]
    for number, row in enumerate(rows):
        y, x = TOP + number * (BAR_HEIGHT + BAR_GAP), 0.0
        parts.append(text(left - 8, y + 14, row.label, "", "end"))
        for series, value in row.segments:
            width = round(scale(x + value) - scale(x), 1)
            parts.append(f'<rect x="{scale(x)}" y="{y}" width="{width}" height="{BAR_HEIGHT}" '
                         f'class="fill {_colour(series)}"><title>{html.escape(series_names[series])}: '
                         f"{value:,.6g} {html.escape(unit)}</title></rect>")
            x += value
        parts.append(text(scale(x) + 6, y + 14, row.note, "faint"))
    if bound is not None:
        parts += [_line(scale(bound), TOP - 10, scale(bound), bottom, "bound"),
                  text(scale(bound), TOP - 14, f"bound {bound:,.6g}", "faint", "middle")]
    parts.append(text(right, bottom + 30, unit, "faint", "end"))
    legend, end = _legend(series_names, bottom + 48, 24) if len(series_names) > 1 else ([], bottom + 36)
    return _whole(name, title, end + 4, parts + legend)


def stacked(several):
    """Charts below each other as one file."""
    heights = [int(re.search(r'height="(\d+)"', svg).group(1)) for svg in several]
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" viewBox="0 0 {WIDTH} {sum(heights)}" '
             f'width="{WIDTH}" height="{sum(heights)}">', f"<style>\n{STYLE}</style>"]
    for number, svg in enumerate(several):
        parts.append(svg.replace("<svg ", f'<svg y="{sum(heights[:number])}" ', 1))
    return "\n".join(parts + ["</svg>"]) + "\n"
