"""Validate: simulate the chosen studies, judge every number, and put all of it into one plain record.

The record is what `validation.json`, the page and the credibility page are made from.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from insulae.core import citations
from insulae.core.discrepancy import Discrepancy
from insulae.runs import manifest, store
from insulae.study.load import from_plain
from insulae.study.results import SIMULATED
from insulae.validation import totals
from insulae.validation.catalogue import DOMAINS, Band, Catalogue, Lack, Observed, Published
from insulae.validation.judgment import Judged, judged
from insulae.validation.simulating import Simulated, simulate

SMOKE_SIZE = 24
PARTS = 1000
"""Steps of the progress bar that one study is worth."""
Plain = dict[str, Any]
OnProgress = Callable[[int, int], None]


def nobody(done: int, total: int) -> None:
    """Hear of progress where nobody watches."""


@dataclasses.dataclass(frozen=True)
class Asked:
    """A study and which of its numbers, or of new ones, are asked."""

    published: Published
    observed: tuple[Observed, ...]

    def sized(self, size: int | None) -> "Asked":
        """Return the same with another number of simulated people."""
        if size is None:
            return self
        plain = self.published.study.to_plain()
        plain["population"]["size"] = size
        return dataclasses.replace(
            self, published=dataclasses.replace(self.published, study=from_plain(plain))
        )


def asked(published: Iterable[Published], unseen: Mapping[str, list[Observed]] | None) -> list[Asked]:
    """Return what is asked of each study: its own numbers, or the new ones where there are any."""
    if unseen is None:
        return [Asked(p, p.observed) for p in published]
    return [Asked(p, tuple(unseen[p.name])) for p in published if p.name in unseen]


def judge_all(
    todo: list[Asked],
    known: Catalogue,
    folder: store.Location,
    on_progress: OnProgress = nobody,
    on_study: Callable[[str], None] = lambda name: None,
) -> list[Judged]:
    """Simulate and judge; each study has a folder of its own below `folder`."""
    found: list[Judged] = []
    for place, one in enumerate(todo):
        on_study(one.published.name)
        found += judge(one, known, folder / one.published.name, _share(on_progress, place, len(todo)))
    on_progress(PARTS * len(todo), PARTS * len(todo))
    return found


def _share(on_progress: OnProgress, place: int, count: int) -> OnProgress:
    def hear(done: int, total: int) -> None:
        on_progress(PARTS * place + round(PARTS * done / max(total, 1)), PARTS * count)

    return hear


def judge(one: Asked, known: Catalogue, folder: store.Location, on_progress: OnProgress) -> list[Judged]:
    """Simulate one study and judge its numbers."""
    people: Simulated = simulate(one.published.study, one.observed, folder, on_progress)
    return [
        judged(
            one.published, o, known.bands[o.kind], lambda arms, o=o: people.answers(o, arms), people.groups_of
        )
        for o in one.observed
    ]


def record(
    found: list[Judged],
    known: Catalogue,
    command: str,
    rows: Mapping[str, Discrepancy],
    title: str = "Validation",
) -> Plain:
    """Return everything as plain data: the numbers, misses first, the totals, what was left out.

    `rows` are the discrepancies that the predictions were made with.
    """
    chosen = list(dict.fromkeys(j.published.name for j in found))
    return {
        "title": title,
        "simulated": SIMULATED,
        "command": command,
        "environment": manifest.environment(),
        "bars": [_bar(bar) for bar in totals.bars(found)],
        "domains": _domains(found),
        "groups": _groups(found),
        "honesty": totals.honesty(found),
        "discrepancy": [dataclasses.asdict(row) for row in rows.values()],
        "studies": [_study(known.studies[name], found) for name in chosen],
        "values": [_value(j) for j in totals.misses_first(found)],
        "why": _why(found, known),
        "left_out": [],
        "excluded": dict(known.excluded),
        "bands": {kind: _band(band) for kind, band in _used(found, known)},
    }


def _used(found: list[Judged], known: Catalogue) -> list[tuple[str, Any]]:
    kinds = sorted({j.observed.kind for j in found})
    return [(kind, known.bands[kind]) for kind in kinds]


def _bar(bar: totals.Bar) -> Plain:
    return dataclasses.asdict(bar) | {"reached": _finite(bar.reached)}


def _band(band: Band) -> Plain:
    return {"band": band.width, "unit": band.unit, "is_relative": band.is_relative, "reason": band.reason}


def _why(found: list[Judged], known: Catalogue) -> list[Plain]:
    """Return for each study with a counted miss what the model lacks, and the misses in words."""
    missed: dict[str, list[str]] = {}
    for j in found:
        if j.observed.counts and not j.is_accepted:
            missed.setdefault(j.published.name, []).append(_miss(j))
    unknown = Lack("not explained yet", "")
    return [
        {"study": name, "part": lack.part, "lacks": lack.text, "misses": misses}
        for name, misses in missed.items()
        for lack in [known.lacks.get(name, unknown)]
    ]


def _miss(j: Judged) -> str:
    o, simulated = j.observed, f"{j.predicted.median:.3g}" if j.predicted else "nothing"
    return f"{o.row['arm']}, {o.row['endpoint']}, week {o.week:g}: {o.value:.3g} against {simulated} {j.unit}"


def _counted(count: totals.Count) -> Plain:
    shares = {f"share_{name}": _finite(count.share(name)) for name in totals.COUNTS}
    return dataclasses.asdict(count) | shares


def _domains(found: list[Judged]) -> list[Plain]:
    widths = {domain: totals.half_width(found, domain) for domain in DOMAINS}
    counts = totals.by_domain(found, lambda j: j.observed.counts)
    return [_counted(c) | {"half_width": widths[c.name]} for c in counts if c.total]


def _groups(found: list[Judged]) -> list[Plain]:
    """Return the counts of what the headline leaves out beside what it counts."""
    groups: dict[str, Callable[[Judged], bool]] = {
        "validation, verified (the headline)": lambda j: j.observed.counts,
        "of these, of one patient": lambda j: j.observed.counts and j.observed.n == 1,
        "of these, of 2 to 100 people": lambda j: j.observed.counts and 1 < j.observed.n <= 100,
        "of these, of more than 100 people": lambda j: j.observed.counts and j.observed.n > 100,
        "validation, not verified (weak evidence)": lambda j: (
            j.observed.role == "validation" and not j.observed.is_verified
        ),
        "calibration": lambda j: j.observed.role == "calibration",
    }
    return [_counted(totals.count(name, [j for j in found if is_in(j)])) for name, is_in in groups.items()]


def _study(published: Published, found: list[Judged]) -> Plain:
    study = published.study
    own = [j for j in found if j.published.name == published.name]
    return {
        "id": published.name,
        "title": study.name,
        "domain": published.domain,
        "reference": citations.text(published.source),
        "size": study.population.size,
        "notes": list(study.notes),
        **_counted(totals.count(published.name, own)),
    }


def _value(j: Judged) -> Plain:
    o, p, full = j.observed, j.predicted, j.full
    numbers = {
        "observed": o.value,
        "simulated": p.median if p else math.nan,
        "low": p.low if p else math.nan,
        "high": p.high if p else math.nan,
        "full_low": full.low if full else math.nan,
        "full_high": full.high if full else math.nan,
        "error": j.error,
        "z": j.z,
        "place": p.place(o.value) if p else math.nan,
        "band": j.band,
    }
    return {
        "study": o.study,
        "domain": j.published.domain,
        "role": o.role,
        "verified": o.is_verified,
        "tier": o.row["source_tier"],
        "counts": o.counts,
        "arm": o.row["arm"],
        "endpoint": o.row["endpoint"],
        "asks": o.question.text,
        "kind": o.kind,
        "statistic": o.row["statistic"],
        "week": o.week,
        "n": o.n,
        "unit": j.unit,
        "bound": o.bound,
        **{name: _finite(number) for name, number in numbers.items()},
        "verdict": verdict(j),
        "inside": j.is_inside,
        "covered": j.is_covered,
        "reason": j.reason,
        "note": o.row["note"],
        "source": o.row["source_url"],
    }


def verdict(j: Judged) -> str:
    """Return hit, accepted (outside the interval but within the band) or miss."""
    return "hit" if j.is_inside else "accepted" if j.is_accepted else "miss"


def _finite(number: float) -> float | None:
    return number if math.isfinite(number) else None
