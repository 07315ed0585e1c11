"""How much published numbers miss beyond chance and doubt: estimated from calibration values, kind by kind.

Each observed value y of a family differs from the simulated one m on the scale of the family by e = y - m,
whose variance is v + tau^2: v from chance and doubt, tau^2 from differences between trials of one kind and
from the error of the equations. tau maximizes the likelihood of normal e with mean zero. No mean is fitted,
for predictions are not shifted by one: a bias counts as error.

A value that a parameter was fitted to is met whatever the equations: k values of a study to which p rows of
the parameter table were fitted tell as much as k - p. So a study weighs f = (k - p) / k, or nothing, its e
are divided by the square root of f, as residuals are by their degrees of freedom, and its weight is shared
among its values, for they share what the study has of its own. The interval holds every tau whose log
likelihood is within 1.35 of the best, 90 % by the likelihood ratio.

A family with fewer than five such studies is not estimated by itself: it takes the pooled row, e and v in
bands of `acceptance.csv` over all calibration values. Values of the role validation never enter.
"""

import dataclasses
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.citations import references
from insulae.core.discrepancy import (
    BAND,
    FAMILIES,
    LOG,
    LOGIT,
    OF_IT,
    POOLED,
    Discrepancy,
    Family,
    family_of,
)
from insulae.core.errors import InsulaeError
from insulae.core.parameters import table as parameters
from insulae.validation.catalogue import Band
from insulae.validation.judgment import Judged
from insulae.validation.prediction import Predicted

Floats = NDArray[np.float64]
FEWEST_STUDIES = 5
DROP = 1.353
"""Half of the 0.9 quantile of chi-square with one degree of freedom."""
TAUS = np.concatenate([[0.0], np.geomspace(1e-4, 1e3, 1401)])
FITTED = "fitted to values of the role calibration by `insulae validate --discrepancy`"
LITERATURE = {
    "HbA1c": "meta-analyses of one drug find 0.1 to 0.3 points between trials; recalled",
    "body weight": "meta-analyses of one drug find 0.5 to 1 kg between trials; recalled",
}


def estimated(found: Iterable[Judged], bands: Mapping[str, Band]) -> dict[str, Discrepancy]:
    """Return the table: a row for each family; raises `InsulaeError` without enough calibration values.

    `bands` are those of `acceptance.csv` by kind of number.
    """
    used = [j for j in found if is_used(j)]
    freedom = freedoms(used)
    known = [j for j in used if freedom[j.published.name] > 0]
    whole = _estimate(FAMILIES[POOLED], known, freedom)
    if whole is None:
        n = len({j.published.name for j in known})
        raise InsulaeError(
            f"the calibration values of {n} studies are too few to tell the discrepancy",
            f"At least {FEWEST_STUDIES} studies are needed; leave --discrepancy out to use the table",
        )
    rows = {POOLED: whole}
    for family in FAMILIES.values():
        if family.name != POOLED:
            own = [j for j in known if family_of(j.observed.kind) == family and is_of_family(j)]
            rows[family.name] = _estimate(family, own, freedom) or _fallen_back(family, own, whole, bands)
    return rows


def freedoms(used: Sequence[Judged]) -> dict[str, float]:
    """Return by study the share of its calibration values that no fitted row has used up."""
    fitted = Counter(row.source for row in parameters().values() if row.evidence == "fitted")
    found: dict[str, float] = {}
    for name in dict.fromkeys(j.published.name for j in used):
        own = [j for j in used if j.published.name == name]
        sources = {own[0].published.source, *(key for j in own for key in _by_doi(j.observed.row["doi"]))}
        spent = sum(fitted[source] for source in sources)
        found[name] = max(0.0, len(own) - spent) / len(own)
    return found


def _by_doi(doi: str) -> list[str]:
    """Return the keys of the references with a DOI."""
    wanted = f"{{{doi.lower()}}}"
    return [key for key, entry in references().items() if doi and wanted in entry.lower()]


def with_everything(found: Iterable[Judged], rows: dict[str, Discrepancy]) -> list[Judged]:
    """Return the judged numbers with their prediction of chance, doubt and discrepancy."""
    return [
        dataclasses.replace(j, full=j.layers.whole(discrepancy_of(j, rows), j.band)) if j.layers else j
        for j in found
    ]


def is_used(j: Judged) -> bool:
    """Tell whether a number may enter: calibration, verified, no bound, more than one person, predicted."""
    o = j.observed
    return o.role == "calibration" and o.is_verified and not o.bound and o.n > 1 and j.layers is not None


def is_of_family(j: Judged) -> bool:
    """Tell whether a number lies on the scale of its family; differences on a log or logit scale do not."""
    return not j.observed.against or family_of(j.observed.kind).scale not in (LOG, LOGIT)


def discrepancy_of(j: Judged, rows: dict[str, Discrepancy]) -> Discrepancy:
    """Return the row by which a number is predicted."""
    family = family_of(j.observed.kind)
    return rows[family.name if is_of_family(j) and family.name in rows else POOLED]


def off(family: Family, j: Judged) -> tuple[float, float] | None:
    """Return observed less simulated, and the variance by chance and doubt, on a scale; None off it."""
    if j.layers is None:
        return None
    draws = j.layers.doubted.draws
    value, results = (on_scale(family.scale, x, j) for x in (np.array([j.observed.value]), draws))
    if not (np.isfinite(value).all() and np.isfinite(results).all()):
        return None
    return float(value[0] - np.median(results)), float(np.var(results))


def on_scale(scale: str, values: NDArray[Any], j: Judged) -> Floats:
    """Return numbers on a scale; a share of n people is kept half a person away from none and all."""
    x = np.asarray(values, float)
    if scale == LOGIT:
        share = (x / 100 * j.observed.n + 0.5) / (j.observed.n + 1)
        return np.log(share / (1 - share))
    if scale == LOG:
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.log(x)
    return x / j.band if scale == BAND else x


def z_score(found: Predicted, scale: str, j: Judged) -> float:
    """Return observed less predicted in standard deviations on a scale; NaN where there is none."""
    value, results = (on_scale(scale, x, j) for x in (np.array([j.observed.value]), found.draws))
    if not np.isfinite(value).all() or not np.isfinite(results).all():
        return math.nan
    spread = float(np.std(results))
    return float(value[0] - np.median(results)) / spread if spread > 0 else math.nan


def _estimate(family: Family, judged: Sequence[Judged], freedom: Mapping[str, float]) -> Discrepancy | None:
    pairs = [(j.published.name, found) for j in judged if (found := off(family, j)) is not None]
    studies = [study for study, _ in pairs]
    if len(set(studies)) < FEWEST_STUDIES:
        return None
    e, v = np.array([found for _, found in pairs]).T
    f = np.array([freedom[study] for study in studies])
    shared = np.array([studies.count(study) for study in studies])
    tau, low, high = between(e / np.sqrt(f), v, f / shared)
    return Discrepancy(
        family=family.name,
        scale=family.scale,
        unit=family.unit,
        tau=tau,
        low=low,
        high=high,
        values=len(pairs),
        studies=len(set(studies)),
        band="",
        source=FITTED,
        note=LITERATURE.get(family.name, ""),
    )


def _fallen_back(
    family: Family, own: Sequence[Judged], whole: Discrepancy, bands: Mapping[str, Band]
) -> Discrepancy:
    usual = bands[family.lead]
    n = len({j.published.name for j in own})
    note = f"{len(own)} values of {n} studies that no fit has used up; the pooled row in bands of each kind"
    return Discrepancy(
        family=family.name,
        scale=BAND,
        unit="bands",
        tau=whole.tau,
        low=whole.low,
        high=whole.high,
        values=whole.values,
        studies=whole.studies,
        band=f"{usual.width:g} {OF_IT if usual.is_relative else usual.unit}",
        source=POOLED,
        note=note,
    )


def between(e: Floats, v: Floats, weights: Floats) -> tuple[float, float, float]:
    """Return the tau of largest weighted likelihood and its 90 % interval; e ~ N(0, v + tau^2)."""
    variance = v[:, None] + TAUS**2
    variance = np.maximum(variance, 1e-12)
    likelihood = -0.5 * (weights[:, None] * (np.log(variance) + e[:, None] ** 2 / variance)).sum(axis=0)
    inside = TAUS[likelihood >= likelihood.max() - DROP]
    return float(TAUS[int(np.argmax(likelihood))]), float(inside[0]), float(inside[-1])
