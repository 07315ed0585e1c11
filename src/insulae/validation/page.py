"""The page of a validation: headline, misses first, domains with figures, honest intervals, limits."""

from collections.abc import Iterable, Mapping
from importlib import resources
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from insulae.report.figures import Figure
from insulae.validation import figures
from insulae.validation.totals import COUNTS

Plain = Mapping[str, Any]
NOTHING = "–"
SMALL, LARGE = 10, 100
FULL = ("full_low", "full_high")
VERDICTS = {"hit": "hit", "accepted": "within the band", "miss": "miss"}


def page(record: Plain) -> str:
    """Return the page of a validation record as HTML."""
    template = resources.files("insulae.validation").joinpath("page.html.j2").read_text(encoding="utf-8")
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(template).render(_content(record))


def _content(record: Plain) -> dict[str, Any]:
    values = record["values"]
    domains = list(dict.fromkeys(v["domain"] for v in values))
    return {
        **record,
        "total": len(values),
        "counted": sum(v["counts"] for v in values),
        "bars": [bar | _bar(bar) for bar in record["bars"]],
        "groups": [_count(row) for row in record["groups"]],
        "domains": [_count(row) | {"width": number(row["half_width"])} for row in record["domains"]],
        "left_out": left_out_rows(record["left_out"]),
        "layers": [_layer(layer) for layer in record["honesty"]],
        "places": [_figure(figures.places(layer)) for layer in record["honesty"]],
        "discrepancy": [_discrepancy(row) for row in record["discrepancy"]],
        "tables": _tables(values),
        "figures": [
            {"name": d, "figures": [_figure(f) for f in figures.of_domain(d, values)]} for d in domains
        ],
    }


def _figure(figure: Figure) -> Markup:
    return Markup("<figure><h3>{}</h3>{}<figcaption>{}</figcaption></figure>").format(
        figure.title, Markup(figure.svg), figure.caption
    )


def _bar(bar: Plain) -> dict[str, str]:
    unit = " %" if bar["unit"] == "%" else f" {bar['unit']}"
    sign = "at most" if bar["unit"] == "points" else "at least"
    return {"reached": number(bar["reached"]) + unit, "asked": f"{sign} {bar['asked']:g}{unit}"}


def _count(row: Plain) -> dict[str, Any]:
    def share(name: str) -> str:
        percent = row[f"share_{name}"]
        return f"{row[name]} ({percent:.0f} %)" if percent is not None else NOTHING

    return {**row, **{name: share(name) for name in COUNTS}}


def _layer(layer: Plain) -> dict[str, str]:
    return {
        "layer": str(layer["layer"]),
        "inside": f"{layer['inside']} of {layer['numbers']} ({number(layer['share_inside'])} %)",
        "width": number(layer["half_width_over_band"]),
        "widest": number(layer["half_width_over_band_p90"]),
        "z_mean": number(layer["z_mean"]),
        "z_sd": number(layer["z_sd"]),
    }


def _discrepancy(row: Plain) -> dict[str, str]:
    """Return a row of the discrepancies in words; of logarithms and logits what they come to."""
    return {
        "family": str(row["family"]),
        "tau": f"{number(row['tau'])} {row['unit']}",
        "interval": f"{number(row['low'])} to {number(row['high'])}",
        "from": f"{row['values']} values of {row['studies']} studies",
        "note": "; ".join(part for part in (row["source"], row["note"]) if part),
    }


def _left_out(study: str, n: Plain) -> dict[str, str]:
    """Return a number that was predicted without its study, in words."""
    without = n["without"]
    verdict = (
        "missed" if not without["covered"] else "covered, accepted" if without["accepted"] else "covered"
    )
    return {
        "study": study,
        "what": f"{n['arm']}: {n['endpoint']}",
        "week": f"{n['week']:g}",
        "used": "yes" if n["role"] == "calibration" else "no",
        "observed": f"{number(n['observed'])} {n['unit']}",
        "fitted": number(n["fitted"]["median"]),
        "without": number(without["median"]),
        "interval": f"{number(without['low'])} to {number(without['high'])}",
        "verdict": verdict,
        "mark": "hit" if without["accepted"] else "accepted" if without["covered"] else "miss",
    }


def left_out_rows(left_out: Iterable[Plain]) -> list[dict[str, str]]:
    """Return every number predicted without its study in words, those that entered the fit first."""
    return [
        _left_out(one["study"], n)
        for one in left_out
        for n in sorted(one["numbers"], key=lambda n: n["role"])
    ]


def _tables(values: Iterable[Plain]) -> list[dict[str, Any]]:
    """Return the tables of numbers: what counts, weak evidence, calibration."""
    every = list(values)
    parts = (
        ("counted", "What counts: validation, seen in a source", lambda v: v["counts"], COUNTED),
        ("weak", "Weak evidence: not seen in a source", lambda v: _is_weak(v), WEAK),
        ("calibration", "Calibration: used to set the model", lambda v: v["role"] == "calibration", USED),
    )
    found = [
        {"key": k, "title": t, "text": x, "rows": [_row(v) for v in every if is_in(v)]}
        for k, t, is_in, x in parts
    ]
    return [table for table in found if table["rows"]]


COUNTED = "Misses first, the farthest in bands at the top."
WEAK = "Recalled values whose source was not seen; never counted."
USED = "Agreement here is no test; a miss says that the fit could not follow."


def _is_weak(value: Plain) -> bool:
    return value["role"] == "validation" and not value["verified"]


def _row(v: Plain) -> dict[str, Any]:
    interval, full = (f"{number(v[a])} to {number(v[b])}" for a, b in (("low", "high"), FULL))
    sign = {"at_least": "≥ ", "at_most": "≤ "}.get(v["bound"], "")
    against = "; ".join(part for part in (v["tier"].replace("_", " "), v["note"], v["reason"]) if part)
    is_judged = v["reason"] == ""
    return {
        **v,
        "what": f"{v['arm']}: {v['endpoint']} ({v['statistic']})",
        "week": f"{v['week']:g}",
        "observed": f"{sign}{number(v['observed'])} {v['unit']}",
        "simulated": f"{number(v['simulated'])} ({interval})" if is_judged else NOTHING,
        "full": full if is_judged else NOTHING,
        "error": number(v["error"]) if is_judged else NOTHING,
        "z": number(v["z"]),
        "note": against,
    }


def number(value: float | None) -> str:
    """Write a number with the digits it deserves.

    >>> number(0.2345), number(23.45), number(None)
    ('0.23', '23.4', '–')
    """
    if value is None or value != value:
        return NOTHING
    size = abs(value)
    digits = 2 if size < SMALL else 1 if size < LARGE else 0
    return f"{value:.{digits}f}".replace("-", "−")
