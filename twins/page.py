"""The pages of this folder: sentences, a table, panels; self-contained HTML."""

from collections.abc import Callable, Sequence
from pathlib import Path

from jinja2 import Environment
from matplotlib.axes import Axes

from insulae.report.panel import draw_panel

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{{ title }}: simulated, not medical advice</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1180px; margin: 0 auto; padding: 1rem; color: #222; }
.banner { background: #fff3cd; border: 1px solid #e0c97f; padding: .5rem 1rem; }
.row { display: grid; grid-template-columns: repeat(auto-fill, minmax(340px, 1fr)); gap: 1rem; }
figure { margin: 0; } svg { width: 100%; height: auto; }
table { border-collapse: collapse; }
td, th { border-bottom: 1px solid #ddd; padding: .25rem .5rem; text-align: left; }
.miss { color: #a33; font-weight: 600; }
</style></head><body>
<p class="banner">Simulated. Not medical advice.</p>
<h1>{{ title }}</h1>
{% for line in sentences %}<p>{{ line }}</p>{% endfor %}
<table><tr><th>what</th><th>wanted</th><th>found</th><th></th></tr>
{% for c in checks %}<tr><td>{{ c[0] }}</td><td>{{ c[1] }}</td><td>{{ c[2] }}</td>
<td class="{{ "" if c[3] else "miss" }}">
{{ "" if c[3] is none else "hit" if c[3] else "miss" }}</td></tr>{% endfor %}
</table>
{% for heading, panels in sections %}<h2>{{ heading }}</h2>
<div class="row">{% for panel in panels %}<figure>{{ panel|safe }}</figure>{% endfor %}</div>{% endfor %}
</body></html>
"""

Check = tuple[str, str, str, bool | None]
"""What, wanted, found, and whether it is reached; None where nothing was wanted."""


def panel(key: str, title: str, draw: Callable[[Axes], None]) -> str:
    """Return one figure as SVG with its title above."""
    return f"<strong>{title}</strong>" + draw_panel(key, title, draw)


def side_by_side(key: str, title: str, draws: Sequence[Callable[[Axes], None]]) -> str:
    """Return several panels of one person or thing as one figure with its title above."""
    return f"<strong>{title}</strong>" + "".join(
        draw_panel(f"{key}-{place}", title, draw) for place, draw in enumerate(draws)
    )


def write_page(
    path: Path,
    title: str,
    sentences: Sequence[str],
    checks: Sequence[Check],
    sections: Sequence[tuple[str, Sequence[str]]],
) -> str:
    """Write a page and return what it says as lines of text."""
    page = Environment(autoescape=True).from_string(_PAGE)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        page.render(title=title, sentences=sentences, checks=checks, sections=sections), encoding="utf-8"
    )
    verdict = {True: "hit", False: "MISS", None: ""}
    lines = [f"{what}: {found} (wanted {wanted}) {verdict[ok]}" for what, wanted, found, ok in checks]
    return "\n".join([*lines, *sentences, str(path)])
