"""What the fitted population says of itself: new people beside those measured, shrinkage, tangents against
the equations."""

import dataclasses

import numpy as np

from calibration.hierarchy_fit import SITES, Drawn, Floats, People, Point, Turned, expected
from calibration.hierarchy_people import CLASSES, KINDS, MINUTES, STUDIES
from calibration.hierarchy_population import N_OWN, correlation_in_time

POPULATIONS = 24
"""Populations of the posterior from which new people are drawn."""
FEWEST = 5


@dataclasses.dataclass(frozen=True)
class Band:
    """One kind of measurement at one minute in one class of a study: 5th, 50th and 95th percentile of what
    was seen and what is expected of new people, and the share (%) of people within the expected ones."""

    study: str
    phenotype: str
    kind: str
    minute: float
    seen: Floats
    simulated: Floats
    inside: float


def one(drawn: Drawn, place: int) -> Point:
    """Return one of the populations drawn."""
    v = {name: drawn.values[name][place] for name in SITES}
    return Point(v["coefficients"], v["spread"], v["root"], v["error"], float(v["assay"]))


def new_people(people: People, drawn: Drawn, seed: int) -> Floats:
    """Return tests (logarithms, as measured) of new people with the covariates of those measured, [draw,
    person, value]; by the equations, not the tangents."""
    rng = np.random.default_rng(seed)
    correlated = np.linalg.cholesky(correlation_in_time())
    found = []
    for place in np.linspace(0, len(drawn.values["assay"]) - 1, POPULATIONS).astype(int):
        point = one(drawn, place)
        mean = expected(people.sample, point)
        own = np.linalg.cholesky(point.between) @ rng.standard_normal(mean.shape)
        error = rng.standard_normal(people.values.shape) @ correlated.T
        size = np.repeat(point.error, len(MINUTES))
        found.append(people.predicted(mean + own) + size * error + point.assay * people.other_assay)
    return np.array(found)


def bands(people: People, made: Floats) -> list[Band]:
    """Compare new people with those measured, minute by minute."""
    found: list[Band] = []
    for study, name in enumerate(STUDIES):
        for phenotype, label in enumerate(CLASSES):
            chosen = (people.sample.study == study) & (people.sample.phenotype == phenotype)
            for place, (kind, minute) in enumerate((k, m) for k in KINDS for m in MINUTES):
                seen = np.exp(people.sample.measured[place, chosen])
                seen = seen[np.isfinite(seen)]
                if len(seen) < FEWEST:
                    continue
                simulated = np.nanpercentile(np.exp(made[:, chosen, place]), [5, 50, 95])
                inside = 100 * float(np.mean((seen >= simulated[0]) & (seen <= simulated[2])))
                shown = np.percentile(seen, [5, 50, 95])
                found.append(Band(name, label, kind, float(minute), shown, simulated, inside))
    return found


def shrinkage(people: People, turned: Turned) -> Floats:
    """Return, by quantity, the share (%) of the spread between people that their most probable values lack:
    0 where each test determines the value, 100 where it says nothing."""
    away = turned.logarithms - expected(people.sample, turned.point)
    spread = np.sqrt(np.diag(turned.point.between))
    return 100 * (1 - (away.std(axis=1) / spread) ** 2)[:N_OWN]


def own_misses(people: People, turned: Turned) -> dict[tuple[str, str, str], Floats]:
    """Return the mean of measured over predicted (%, by minute) with everybody's own values."""
    left = people.sample.measured - people.predicted(turned.logarithms).T
    left = left - turned.point.assay * people.other_assay.T
    found: dict[tuple[str, str, str], Floats] = {}
    for study, name in enumerate(STUDIES):
        for phenotype, label in enumerate(CLASSES):
            chosen = (people.sample.study == study) & (people.sample.phenotype == phenotype)
            for place, kind in enumerate(KINDS):
                rows = left[place * len(MINUTES) : (place + 1) * len(MINUTES), chosen]
                if np.isfinite(rows).any():
                    found[name, label, kind] = 100 * np.nanmean(rows, axis=1)
    return found
