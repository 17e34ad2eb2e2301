"""A card as Markdown and as a page of its own: everything that comes from files is escaped."""

import base64
from typing import Final

import jinja2

from benchmark.report.cards.items import CLAIM_SOURCE, TRIPOD_SOURCE
from benchmark.report.cards.parts import Card, Entry, Grid
from benchmark.report.lines import plain
from benchmark.report.markdown import escaped

GUIDELINES = f"{CLAIM_SOURCE}; {TRIPOD_SOURCE}"


def markdown(card: Card) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"# {escaped(card.title)}", "", f"**{escaped(card.warning)}**"]
    for section in card.sections:
        lines += ["", f"## {escaped(section.title)}", ""]
        lines += [f"- **{escaped(one.what)}**{escaped(items(one))}: {escaped(said(one))}" for one in section.entries]
        for grid in section.grids:
            lines += ["", *_table(grid)]
    return "\n".join([*lines, "", f"Items by number: {GUIDELINES}.", ""])


def html(card: Card) -> str:
    """One page, complete in itself, that asks no other host for anything."""
    picture = base64.b64encode(card.picture).decode()
    cleaned = [
        {
            "title": section.title,
            "entries": [(one.what, items(one), said(one), one.state) for one in section.entries],
            "grids": section.grids,
        }
        for section in card.sections
    ]
    return _PAGE.render(
        title=card.title, warning=card.warning, sections=cleaned, picture=picture, guidelines=GUIDELINES
    )


def items(one: Entry) -> str:
    """`` (CLAIM 8, 35; TRIPOD+AI 6b)``; empty where it is about none."""
    parts = [
        f"{name} {', '.join(numbers)}" for name, numbers in (("CLAIM", one.claim), ("TRIPOD+AI", one.tripod)) if numbers
    ]
    return f" ({'; '.join(parts)})" if parts else ""


def said(one: Entry) -> str:
    """What an entry says, what was not done in front."""
    if one.state in ("not done", "not known") and not one.text.lower().startswith(one.state):
        return f"{one.state.capitalize()}. {one.text}"
    return one.text


def _table(grid: Grid) -> list[str]:
    rows = [grid.titles, [":--" for _ in grid.titles]]
    lines = [f"| {' | '.join(escaped(cell) for cell in grid.titles)} |", f"| {' | '.join(rows[1])} |"]
    return lines + [f"| {' | '.join(escaped(cell) for cell in row)} |" for row in grid.rows]


_TEMPLATE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<title>{{ title|plain }}</title>
<style>
:root { color-scheme: light dark; --ink: #1a1a1a; --quiet: #595959; --line: #d8d8d8; --ground: #fff; --no: #8a4b00 }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ececec; --quiet: #a9a9a9; --line: #444; --ground: #161616; --no: #f0b060 }
}
body { margin: 0 auto; max-width: 62rem; padding: 1rem 1.2rem 3rem; color: var(--ink); background: var(--ground);
  font: 1rem/1.5 system-ui, sans-serif; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.25 }
h2 { font-size: 1.15rem; margin: 2rem 0 .4rem; border-bottom: 1px solid var(--line) }
dl { display: grid; grid-template-columns: 12rem 1fr; gap: .35rem 1.2rem; margin: 0 }
dt { font-weight: 600 } dd { margin: 0 }
small { display: block; color: var(--quiet); font-weight: 400; font-size: .78rem }
.warning { font-weight: 600 } .no { color: var(--no) }
.wide { overflow-x: auto; margin: 1rem 0 }
table { border-collapse: collapse; font-size: .86rem; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .18rem .8rem .18rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: normal }
figure { margin: 1rem 0 } img { max-width: 100%; background: #fff }
@media (max-width: 40rem) { dl { grid-template-columns: 1fr; gap: 0 } dd { margin-bottom: .6rem } }
@media print { .wide { overflow: visible } h2 { break-after: avoid } tr { break-inside: avoid } }
</style>
</head>
<body>
<h1>{{ title|plain }}</h1>
<p class="warning">{{ warning|plain }}</p>
{% for section in sections %}
<section aria-label="{{ section.title|plain }}">
<h2>{{ section.title|plain }}</h2>
<dl>
{% for what, items, text, state in section.entries %}
<dt>{{ what|plain }}{% if items %}<small>{{ items|plain|trim("() ") }}</small>{% endif %}</dt>
<dd{% if state in ("not done", "not known") %} class="no"{% endif %}>{{ text|plain }}</dd>
{% endfor %}
</dl>
{% for grid in section.grids %}
<div class="wide" tabindex="0" role="region" aria-label="{{ section.title|plain }}: {{ grid.titles[0]|plain }}"><table>
<thead><tr>{% for cell in grid.titles %}<th scope="col">{{ cell|plain }}</th>{% endfor %}</tr></thead>
<tbody>
{% for row in grid.rows %}
<tr>{% for cell in row %}<td>{{ cell|plain }}</td>{% endfor %}</tr>
{% endfor %}
</tbody></table></div>
{% endfor %}
{% if picture and section.title == "Explanations" %}
<figure><img alt="Mean heat map of each class over the outline of the average lungs"
 src="data:image/png;base64,{{ picture }}"></figure>
{% endif %}
</section>
{% endfor %}
<footer><p><small>Items by number: {{ guidelines }}.</small></p></footer>
</body>
</html>
"""


def _page() -> jinja2.Template:
    environment = jinja2.Environment(
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters["plain"] = plain
    environment.filters["trim"] = lambda text, letters: text.strip(letters)
    return environment.from_string(_TEMPLATE)


_PAGE: Final = _page()
