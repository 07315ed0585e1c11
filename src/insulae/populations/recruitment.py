"""Recruit a cohort with the baseline of a trial from a larger population of a phenotype.

Candidates are drawn from the phenotype as patients are; who is not eligible is left out; of the rest some are
chosen, without replacement, so that the cohort has the wanted means, spreads and shares (Allen 2016: a
plausible population first, then selection). Nobody is changed: correlations and outcomes are those of the
candidates. Age, sex, height, weight, body mass index, duration, HbA1c, insulin dose and eGFR are traits that
are drawn; fasting glucose and C-peptide follow from the solved starting state, so for these a preselected
part of the candidates, matched in all else, is solved first.

Everything is a function of the seed and of what is wanted, never of chunks or workers.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import IncompatibleNumbers
from insulae.populations.balancing import balanced, scaled, thinned
from insulae.populations.baseline import starting
from insulae.populations.cohort import draw_traits
from insulae.populations.patient import ClinicNumbers, Ids, Traits
from insulae.statistics.balancing import CLOSE, Chances, chances
from insulae.therapies.base import TherapySpec

Floats = NDArray[np.float64]

POOLS = (20, 200)
"""Candidates drawn for each patient wanted; more only where fewer do not do."""
FEWEST_CANDIDATES, MOST_CANDIDATES = 10_000, 1_000_000
ENOUGH_ELIGIBLE = 3
SOLVED_FOR_EACH = 4
"""Candidates whose starting state is solved for each patient wanted, where the baseline needs it."""
MOST_BALANCED = 5
SLAB = 1 << 16
SOLVED_TOGETHER = 512
SOLVED = ("fasting_glucose", "fasting_c_peptide")
FRACTIONS = {"lower_quartile": 0.25, "median": 0.5, "upper_quartile": 0.75}


@dataclasses.dataclass(frozen=True)
class Criterion:
    """A trait of those who are eligible, from `low` to `high`; `text` as it was written."""

    trait: str
    low: float
    high: float
    text: str


@dataclasses.dataclass(frozen=True)
class Target:
    """A statistic (mean, sd, median, lower_quartile, upper_quartile, share) that a trait shall have."""

    trait: str
    statistic: str
    value: float


@dataclasses.dataclass(frozen=True)
class Wanted:
    """The cohort that is wanted."""

    size: int
    targets: tuple[Target, ...] = ()
    criteria: tuple[Criterion, ...] = ()

    def only(self, is_solved: bool) -> "Wanted":
        """Return what concerns traits that are drawn, or those that are solved."""
        targets = tuple(t for t in self.targets if (t.trait in SOLVED) == is_solved)
        criteria = tuple(c for c in self.criteria if (c.trait in SOLVED) == is_solved)
        return Wanted(self.size, targets, criteria)


@dataclasses.dataclass(frozen=True)
class Statistic:
    """A target beside the same statistic among the eligible candidates and in the chosen cohort."""

    target: Target
    eligible: float
    selected: float


@dataclasses.dataclass(frozen=True)
class Recruitment:
    """Who was chosen [patient], how many were left after each step, and what the cohort looks like.

    `effective_size`: so many equally likely candidates are the eligible ones worth, weighted to the targets.
    """

    candidates: Ids
    steps: tuple[tuple[str, int], ...]
    eligible: int
    effective_size: float
    statistics: tuple[Statistic, ...]


@dataclasses.dataclass(frozen=True)
class Recruits:
    """The candidates that some patients are, from patient `first` on."""

    first: int
    candidates: Ids

    def of(self, patients: range) -> Ids:
        """Return the candidates that these patients are."""
        return self.candidates[patients.start - self.first : patients.stop - self.first]


@dataclasses.dataclass(frozen=True)
class _Pool:
    """Candidates who are eligible so far: their identifiers and the traits that matter [candidate]."""

    ids: Ids
    traits: dict[str, Floats]

    def take(self, chosen: NDArray[np.integer] | NDArray[np.bool_]) -> "_Pool":
        return _Pool(self.ids[chosen], {name: values[chosen] for name, values in self.traits.items()})


@dataclasses.dataclass
class _Attrition:
    """Counts who is left, step by step."""

    left: dict[str, int] = dataclasses.field(default_factory=dict[str, int])

    def add(self, step: str, number: int) -> None:
        self.left[step] = self.left.get(step, 0) + number

    def screen(self, pool: _Pool, criteria: Iterable[Criterion]) -> _Pool:
        for one in criteria:
            values = pool.traits[one.trait]
            pool = pool.take((values >= one.low) & (values <= one.high))
            self.add(one.text, len(pool.ids))
        return pool


def recruit(numbers: ClinicNumbers, treatment: list[TherapySpec], wanted: Wanted, seed: int) -> Recruitment:
    """Return the cohort that is wanted, of candidates with the given numbers on a treatment.

    Raises `IncompatibleNumbers` when too few are eligible, or no choice of them shows the targets;
    it says how far one can get.
    """
    solved, drawn = wanted.only(is_solved=True), wanted.only(is_solved=False)
    if not (solved.targets or solved.criteria):
        pool, found, attrition = _drawn(numbers, wanted, wanted.size, seed)
        chosen = pool.take(_selected(pool, found, wanted.targets, wanted.size, seed))
        return _recruitment(wanted, (pool, pool, chosen), found.effective_size, attrition)
    preselected = wanted.size * SOLVED_FOR_EACH
    eligible, first, attrition = _drawn(numbers, wanted, preselected, seed)
    pool = eligible.take(_selected(eligible, first, drawn.targets, preselected, seed))
    attrition.add("preselected, matched in the traits that are drawn", len(pool.ids))
    pool = _solved(numbers, treatment, pool, seed)
    attrition.add("with a starting state", len(pool.ids))
    pool = attrition.screen(pool, solved.criteria)
    found = _match(pool, wanted.targets, wanted.size)
    if found is None or not found.is_reached:
        raise _refusal(numbers, wanted, found, attrition)
    chosen = pool.take(_selected(pool, found, wanted.targets, wanted.size, seed))
    worth = first.effective_size * found.effective_size / len(pool.ids)
    return _recruitment(wanted, (eligible, pool, chosen), worth, attrition)


def _recruitment(
    wanted: Wanted, pools: tuple[_Pool, _Pool, _Pool], effective_size: float, attrition: _Attrition
) -> Recruitment:
    """Put together the result from the eligible candidates, those with a starting state, and the chosen."""
    eligible, solved, chosen = pools
    attrition.add("selected", len(chosen.ids))
    statistics = tuple(
        Statistic(
            t,
            _statistic(t, (solved if t.trait in SOLVED else eligible).traits[t.trait]),
            _statistic(t, chosen.traits[t.trait]),
        )
        for t in wanted.targets
    )
    steps = tuple(attrition.left.items())
    return Recruitment(chosen.ids, steps, len(eligible.ids), effective_size, statistics)


def _drawn(numbers: ClinicNumbers, wanted: Wanted, size: int, seed: int) -> tuple[_Pool, Chances, _Attrition]:
    """Return enough eligible candidates, by the traits that are drawn, and their chances."""
    drawn, found, attrition = wanted.only(is_solved=False), None, _Attrition()
    for each in POOLS:
        attrition = _Attrition()
        n = min(max(each * size, FEWEST_CANDIDATES), max(MOST_CANDIDATES, POOLS[0] * size))
        pool = _screened(numbers, wanted, n, seed, attrition)
        found = _match(pool, drawn.targets, size) if len(pool.ids) >= ENOUGH_ELIGIBLE * size else None
        if found is not None and found.is_reached:
            return pool, found, attrition
    raise _refusal(numbers, drawn, found, attrition)


def _screened(numbers: ClinicNumbers, wanted: Wanted, n: int, seed: int, attrition: _Attrition) -> _Pool:
    """Draw candidates, a slab at a time, and keep the eligible ones."""
    names = dict.fromkeys(one.trait for one in (*wanted.targets, *wanted.criteria) if one.trait not in SOLVED)
    parts: list[_Pool] = []
    for first in range(0, n, SLAB):
        ids = np.arange(first, min(first + SLAB, n))
        traits = draw_traits(numbers, seed, ids)
        pool = _Pool(ids, {name: _trait(traits, name) for name in names})
        attrition.add(f"candidates of phenotype {numbers.phenotype}", len(ids))
        pool = pool.take(traits.duration < traits.age)
        attrition.add("disease not older than the person", len(pool.ids))
        parts.append(attrition.screen(pool, wanted.only(is_solved=False).criteria))
    joined = {name: np.concatenate([part.traits[name] for part in parts]) for name in names}
    return _Pool(np.concatenate([part.ids for part in parts]), joined)


def _trait(traits: Traits, name: str) -> Floats:
    values = traits.weight / traits.height**2 if name == "bmi" else getattr(traits, name)
    return np.asarray(values, np.float64)


def _solved(numbers: ClinicNumbers, treatment: list[TherapySpec], pool: _Pool, seed: int) -> _Pool:
    """Solve the starting states; keep who has one, with fasting glucose and C-peptide."""
    starts = [
        starting(numbers, treatment, seed, pool.ids[first : first + SOLVED_TOGETHER])
        for first in range(0, len(pool.ids), SOLVED_TOGETHER)
    ]
    found = {
        "fasting_glucose": np.concatenate([start.enrolled.fasting_glucose for start in starts]),
        "fasting_c_peptide": np.concatenate([start.fasting_c_peptide for start in starts]),
    }
    values = {name: np.asarray(column, np.float64) for name, column in found.items()}
    return _Pool(pool.ids, pool.traits | values).take(np.concatenate([start.is_solved for start in starts]))


def _features(pool: _Pool, targets: Iterable[Target]) -> tuple[Floats, Floats]:
    """Return what of each candidate has the wanted mean, [feature, candidate], and that mean [feature]."""
    targets = list(targets)
    means = {t.trait: t.value for t in targets if t.statistic == "mean"}
    rows, wanted = [np.empty((0, len(pool.ids)))], list[float]()
    for t in targets:
        values = pool.traits[t.trait]
        if t.statistic == "sd":
            rows.append((values[None] - means[t.trait]) ** 2)
            wanted.append(t.value**2)
        elif t.statistic in FRACTIONS:
            rows.append((values[None] <= t.value).astype(float))
            wanted.append(FRACTIONS[t.statistic])
        else:
            rows.append(values[None])
            wanted.append(t.value)
    return np.concatenate(rows), np.array(wanted)


def _match(pool: _Pool, targets: Iterable[Target], size: int) -> Chances | None:
    """Return the chances that match the targets; None where there are not more candidates than are wanted."""
    return chances(*_features(pool, targets), size) if len(pool.ids) > size else None


def _selected(
    pool: _Pool, found: Chances, targets: tuple[Target, ...], size: int, seed: int
) -> NDArray[np.int64]:
    """Return the places of the chosen; many candidates are thinned first, which costs no balance.

    Where those left are too few to show the targets, they keep the chances that thinning leaves them.
    """
    kept, part, likely = np.arange(len(pool.ids)), pool, found.of
    if len(pool.ids) > MOST_BALANCED * size:
        kept, left = thinned(found.of, MOST_BALANCED * size, seed)
        part = pool.take(kept)
        again = _match(part, targets, size)
        likely = again.of if again is not None and again.of.max() <= 1 else scaled(left, size)
    return kept[balanced(likely, _features(part, targets)[0], seed)]


def _statistic(target: Target, values: Floats) -> float:
    if target.statistic == "sd":
        return float(values.std())
    if target.statistic in FRACTIONS:
        return float(np.quantile(values, FRACTIONS[target.statistic]))
    return float(values.mean())


def _refusal(
    numbers: ClinicNumbers, wanted: Wanted, found: Chances | None, attrition: _Attrition
) -> IncompatibleNumbers:
    """Say what cannot be had, and what can."""
    table = "; ".join(f"{step}: {left}" for step, left in attrition.left.items())
    if found is None:
        return IncompatibleNumbers(
            f"too few candidates are eligible for {wanted.size} patients of phenotype {numbers.phenotype}: "
            f"{table}",
            "Widen the criterion that leaves out most, or choose another phenotype",
        )
    off = {
        t.trait: r - t.value
        for t, r in zip(wanted.targets, found.reached, strict=True)
        if t.statistic == "mean"
    }
    missed = [
        _missed(t, float(reached), float(off.get(t.trait, 0.0)))
        for t, reached, far in zip(wanted.targets, found.reached, found.distance, strict=True)
        if abs(far) > CLOSE
    ]
    return IncompatibleNumbers(
        f"no choice of the candidates of phenotype {numbers.phenotype} shows this baseline ({table}). "
        f"The closest cohort has {', '.join(missed)}",
        "Move the targets there, widen the eligibility, or choose another phenotype",
    )


def _missed(target: Target, reached: float, off: float) -> str:
    """Say how far one can get with one target; the mean of its trait is `off` by so much."""
    name = f"{target.trait} {target.statistic}".replace("_", " ")
    if target.statistic in FRACTIONS:
        return f"{100 * reached:.0f} % at or below the {name} of {target.value:g}"
    if target.statistic == "sd":
        reached = max(reached - off**2, 0) ** 0.5
    return f"{name} {reached:.4g} in place of {target.value:.4g}"
