"""One HTML page that needs nothing but itself: verdict, tables and charts; light and dark. Pure."""
import html
import re

import charts

NUMBER = re.compile(r"[0-9][0-9,.]*( ?[a-zA-Z/]+)?( of [0-9,]+)?$")

STYLE = """\
:root { color-scheme: light dark }
body { max-width: 780px; margin: 2em auto; padding: 0 1em; font: 15px/1.5 system-ui, sans-serif;
       color: #24292f; background: #ffffff }
h1 { font-size: 22px } h2 { font-size: 17px; margin-top: 2em }
table { border-collapse: collapse; width: 100%; font-size: 13px }
th, td { text-align: left; padding: 3px 10px 3px 0; border-bottom: 1px solid #d8dee4 }
td.number { text-align: right; font-variant-numeric: tabular-nums }
code { font-size: 13px; overflow-wrap: anywhere }
svg.chart { max-width: 100%; height: auto; margin-top: 1.5em }
.verdict { padding: .6em 1em; border-left: 5px solid #138a72; background: #f0f6f4; font-weight: 600 }
.verdict.failed { border-color: #b3261e; background: #fbefee }
.missed { color: #b3261e; font-weight: 600 }
@media (prefers-color-scheme: dark) {
  body { color: #e6edf3; background: #0d1117 }
  th, td { border-color: #2d333b }
  .verdict { background: #12211d } .verdict.failed { background: #2b1715; border-color: #ff7b72 }
  .missed { color: #ff7b72 }
}
"""


def table(head, rows):
    """Numbers with at most a unit stand to the right; MISSED is marked."""
    def cell(words):
        words = str(words)
        kind = ' class="number"' if NUMBER.match(words) else ""
        kind = ' class="missed"' if words in ("MISSED", "not measured") else kind
        return f"<td{kind}>{html.escape(words)}</td>"

    lines = ["<table>", "<tr>" + "".join(f"<th>{html.escape(word)}</th>" for word in head) + "</tr>"]
    lines += ["<tr>" + "".join(cell(word) for word in row) + "</tr>" for row in rows]
    return "\n".join(lines + ["</table>"])


def conditions(where):
    rows = [f"<tr><td>{html.escape(key)}</td><td>{html.escape(str(value))}</td></tr>"
            for key, value in where.items()]
    return "\n".join(["<table>", *rows, "</table>"])


def page(title, verdict, sections):
    """`sections`: of (heading or "", HTML). A verdict that begins with FAIL is shown as one."""
    failed = " failed" if verdict.startswith("FAIL") else ""
    parts = [f"<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             f'<meta name="viewport" content="width=device-width">\n<title>{html.escape(title)}</title>\n'
             f"<style>\n{STYLE}{charts.STYLE}</style>\n</head>\n<body>\n<h1>{html.escape(title)}</h1>"]
    if verdict:
        parts.append(f'<p class="verdict{failed}">{html.escape(verdict)}</p>')
    for heading, content in sections:
        parts.append((f"<h2>{html.escape(heading)}</h2>\n" if heading else "") + content)
    return "\n".join(parts) + "\n</body>\n</html>\n"
