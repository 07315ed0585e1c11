"""Strength of immunity and of what holds it, fitted to published courses of C-peptide and antibodies.

`python -m calibration.immunity` repeats the fit and prints, beside it, times of rejection and recurrence.
Only the components of immunity and loss are lived here, by many drawn people, of whom trials report the mean;
C-peptide is taken as proportional to beta-cell mass, and the mass at diagnosis as a fifth of health. How fast
autoimmunity grows before diagnosis, and how widely people differ, is chosen among some pairs by whole people
in stage 2, untreated: those with impaired glucose by a drink, which stage 2 asks for, with diabetes found by
drinks each half-year, as in the cohorts behind the targets.
"""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from calibration.fitting import Target, fit, report
from calibration.simulated import simulated
from insulae.core.clock import DAYS_PER_WEEK, SLOW_STEPS_PER_DAY
from insulae.core.parameters import changed, lookup, value, values
from insulae.core.pytree import broadcast
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import immunity
from insulae.populations.cohort import sample
from insulae.populations.patient import ClinicNumbers

SEED = 20260101
YEAR = 365
MONTH = 30.4
AT_DIAGNOSIS = 0.2
"""Native beta-cell mass with which the simulated people enter a trial; health is 1."""
PEOPLE = 256
"""People drawn."""
LOST = 0.1
"""A graft counts as lost when this share of it is left."""
SENSITIZED = 0.2
"""Panel-reactive antibodies of 20 % or more."""

NATIVE_RATE = "beta_cells.autoimmune_death_rate"
NAMES = (
    NATIVE_RATE,
    "costimulation_blockade.strength",
    "teplizumab.strength",
    "immunity.antibody_formation",
)
STAGE_2 = Path(__file__).parents[1] / "studies" / "teplizumab.yaml"
STAGE_2_GROWTH = "immunity.autoimmune"
GROWTH = ((0.5, 0.4), (0.6, 0.8), (0.7, 0.8), (0.8, 1.0))
"""Growth of autoimmunity in stage 2 that is tried, against that after diagnosis, and its spread."""
YEARS = (2, 5)
STAGE_2_SIZE = 600
"""People with autoimmunity of whom those with impaired glucose, which stage 2 asks for, are followed."""
ABATACEPT, PLACEBO, DELAY = 0.217, 0.141, 9.5
"""C-peptide at 36 months in nmol/L, and the months between two parallel courses (orban2014, abstract)."""
TARGETS = (
    Target(
        "logarithm of the loss of C-peptide on placebo, 36 months",
        float(np.log(ABATACEPT / PLACEBO)) * 36 / DELAY,
        0.2,
        "",
        "orban2014",
    ),
    Target("C-peptide on abatacept against placebo, 36 months", ABATACEPT / PLACEBO, 0.25, "", "orban2014"),
    Target("fall of C-peptide on teplizumab against placebo, 78 weeks", 0.09 / 0.21, 0.12, "", "ramos2023"),
    Target("sensitized after the drugs were stopped", 77.0, 12.0, "%", "sensitization2021"),
)


@dataclasses.dataclass(frozen=True)
class Situation:
    """What is there at the start, the exposures of each day, and the day on which a like graft follows."""

    native: float = 0.0
    graft: float = 0.0
    alloantigen: float = 1.0
    autoantigen: float = 1.0
    immunosuppression: Any = 0.0
    autoimmune_suppression: Any = 0.0
    again: int | None = None


@dataclasses.dataclass(frozen=True)
class Lived:
    """Masses and antibodies by day and patient."""

    native: np.ndarray
    graft: np.ndarray
    antibody: np.ndarray


@dataclasses.dataclass(frozen=True)
class Drawn:
    """The constants of immunity of some people, and how fast each loses beta cells under attack (1/d)."""

    immunity: Any
    native_rate: np.ndarray


def patients(phenotype: str, size: int = PEOPLE) -> Drawn:
    """Draw some people."""
    slow = sample(ClinicNumbers(phenotype, {}), SEED, np.arange(size)).parameters.slow
    return Drawn(slow.immunity, np.asarray(slow.beta_cells.autoimmune_death_rate))


def central(phenotype: str) -> Drawn:
    """Return the central patient, as a group of one."""
    rate = np.full(1, value(NATIVE_RATE), np.float32)
    return Drawn(broadcast(values(immunity.Parameters, phenotype), 1), rate)


@jax.jit
def _live(parameters: Any, start: Any, situation: Any, rates: Any) -> Any:
    """Live day after day; the masses are lost as graft and beta cells lose them to immunity."""
    alloantigen, autoantigen, exposures = situation
    allo_rate, auto_rate, chronic, native_rate, subclinical = rates
    step = jnp.asarray(1 / SLOW_STEPS_PER_DAY, jnp.float32)

    def quarter(_: Array, state: Any, effects: Effects) -> Any:
        immune, native, graft = state
        signals = SlowSignals(
            graft_mass=graft, native_mass=native, graft_alloantigen=alloantigen, graft_autoantigen=autoantigen
        )
        heard = immunity.outputs(immune, parameters, signals, effects)
        lost = chronic + allo_rate * heard.alloimmunity + auto_rate * heard.autoimmunity * autoantigen
        lost = lost + subclinical * heard.immune_pressure
        return (
            immunity.advance(immune, parameters, heard, effects, step),
            native * jnp.exp(-step * native_rate * heard.autoimmunity),
            graft * jnp.exp(-step * lost),
        )

    def day(state: Any, exposure: Any) -> Any:
        suppression, autoimmune, added = exposure
        effects = Effects(immunosuppression=suppression, autoimmune_suppression=autoimmune)
        immune, native, graft = state
        state = (immune, native, jnp.where(added > 0, added, graft))
        state = lax.fori_loop(0, SLOW_STEPS_PER_DAY, lambda i, s: quarter(i, s, effects), state)
        return state, (state[1], state[2], state[0].antibody)

    return lax.scan(day, start, exposures)[1]


def live(people: Drawn, situation: Situation, days: int) -> Lived:
    """Live some days in a situation."""
    parameters = people.immunity
    like = np.zeros_like(parameters.allo_growth)
    native, graft = like + np.float32(situation.native), like + np.float32(situation.graft)
    added = np.zeros(days, np.float32)
    if situation.again is not None:
        added[situation.again] = situation.graft
    exposures = tuple(
        np.broadcast_to(np.asarray(x, np.float32), (days, *np.shape(x)[1:]))
        for x in (situation.immunosuppression, situation.autoimmune_suppression, added)
    )
    rates = tuple(
        np.float32(value(name))
        for name in (
            "graft.allogeneic_death_rate",
            "graft.autoimmune_death_rate",
            "graft.chronic_loss_rate",
        )
    )
    # The rate differs so widely between people that its mean is that of few; here it is the median.
    wide = lookup("graft.subclinical_loss_rate")
    rates = (*rates, people.native_rate, np.float32(wide.value / np.sqrt(1 + wide.spread**2)))
    start = (immunity.established(parameters, native, Effects()), native, graft)
    antigens = (like + situation.alloantigen, like + situation.autoantigen)
    found = _live(parameters, start, (*antigens, exposures), rates)
    return Lived(*(np.asarray(x) for x in found))


def fading(days: int, courses: Sequence[int], name: str) -> np.ndarray:
    """Return the exposure of a drug given in courses that build up and fade, as `therapies/courses.py`."""
    since = np.arange(days)[:, None] - np.asarray(courses)
    rise = 1 - np.exp(-(since + 1) / value(f"{name}.onset"))
    level = np.where(since >= 0, rise * np.exp(-since / value(f"{name}.fading")), 0).sum(axis=1)
    return value(f"{name}.strength") * level


def infused(days: int, stop: int) -> np.ndarray:
    """Return the exposure of costimulation blockade until a day."""
    day, onset = np.arange(days), value("costimulation_blockade.onset")
    rise = 1 - np.exp(-np.minimum(day + 1, stop) / onset)
    return value("costimulation_blockade.strength") * rise * np.exp(-np.maximum(day - stop, 0) / onset)


def model(tried: Mapping[str, float]) -> list[float]:
    """Return the targets for some values of the parameters."""
    with changed(tried):
        people, recent = patients("type1"), Situation(native=AT_DIAGNOSIS)
        three_years, half_year, weeks_78 = 3 * YEAR, 26 * DAYS_PER_WEEK, 78 * DAYS_PER_WEEK
        placebo = live(people, recent, three_years).native.mean(axis=1)
        blocked = dataclasses.replace(recent, autoimmune_suppression=infused(three_years, 2 * YEAR))
        abatacept = live(people, blocked, three_years).native.mean(axis=1)
        twice = dataclasses.replace(
            recent, autoimmune_suppression=fading(weeks_78, (0, half_year), "teplizumab")
        )
        teplizumab = live(people, twice, weeks_78).native.mean(axis=1)
        stopped = Situation(graft=0.3, immunosuppression=np.arange(2 * YEAR) < YEAR)
        antibody = live(people, stopped, 2 * YEAR).antibody[-1]
        return [
            float(np.log(AT_DIAGNOSIS / placebo[-1])),
            float(abatacept[-1] / placebo[-1]),
            float((AT_DIAGNOSIS - teplizumab[-1]) / (AT_DIAGNOSIS - placebo[weeks_78 - 1])),
            100 * float(np.mean(antibody >= SENSITIZED)),
        ]


def weeks_to_loss(phenotype: str, situation: Situation, days: int, since: int = 0) -> np.ndarray:
    """Return 5th, 50th and 95th percentile of the weeks from a day until the graft counts as lost."""
    graft = live(patients(phenotype), situation, days).graft[since:]
    gone = graft < LOST * graft[0]
    day = np.where(gone.any(axis=0), gone.argmax(axis=0), np.inf)
    return np.percentile(day / DAYS_PER_WEEK, [5, 50, 95], method="nearest")


def checks() -> list[str]:
    """Return sentences on how fast grafts are lost; nothing of this is fitted."""
    year, two = YEAR, 2 * YEAR
    drugs = np.ones(5 * YEAR, np.float32)
    like = Situation(graft=0.3)
    cases: list[tuple[str, Callable[[], np.ndarray]]] = [
        ("allograft without drugs, no autoimmunity", lambda: weeks_to_loss("type2", like, year)),
        ("allograft without drugs, type 1", lambda: weeks_to_loss("type1", like, year)),
        (
            "allograft after drugs are stopped at one year",
            lambda: weeks_to_loss(
                "type2", dataclasses.replace(like, immunosuppression=np.arange(two) < year), two, year
            ),
        ),
        (
            "second allograft without drugs",
            lambda: weeks_to_loss("type2", dataclasses.replace(like, again=year), two, year),
        ),
        (
            "the patient's own cells without drugs, type 1",
            lambda: weeks_to_loss("type1", dataclasses.replace(like, alloantigen=0.02), two),
        ),
        (
            "HLA-identical allograft without drugs, no autoimmunity",
            lambda: weeks_to_loss("type2", dataclasses.replace(like, alloantigen=0.3), year),
        ),
        (
            "allograft on full drugs, type 1, five years",
            lambda: weeks_to_loss("type1", dataclasses.replace(like, immunosuppression=drugs), 5 * YEAR),
        ),
    ]
    return [
        f"  {name}: weeks {' to '.join(f'{w:.1f}' for w in found())} (5, 50, 95 % of 256)"
        for name, found in cases
    ]


def months_of_delay(days: int = 4 * YEAR) -> float:
    """Return by how many months one course of teplizumab sets back the fall of beta-cell mass."""
    people, recent = patients("type1"), Situation(native=AT_DIAGNOSIS)
    suppressed = dataclasses.replace(recent, autoimmune_suppression=fading(days, (0,), "teplizumab"))
    treated = live(people, suppressed, days).native[-1].mean()
    untreated = live(people, recent, days).native.mean(axis=1)
    return float((days - np.argmax(untreated <= treated)) / MONTH)


def diagnosed(growth: float, spread: float) -> list[float]:
    """Return the percentages of people with impaired glucose in whom drinks had found diabetes by `YEARS`."""
    weeks = [26 * n for n in range(1, 2 * max(YEARS) + 1)]
    people = ["population.phenotype=type1_stage2", "population.patient={}", "population.treatment=[]"]
    times = [f"horizon={weeks[-1]} weeks", f"visits={[0, *weeks]}", "reported=[]", "stored_traces.patients=0"]
    asked = ["endpoints=[diabetes_by_drink, impaired_by_drink]", "arms=[{name: nothing, therapies: []}]"]
    with changed({}, {STAGE_2_GROWTH: spread}):
        found = simulated(STAGE_2, STAGE_2_SIZE, {STAGE_2_GROWTH: growth}, [*people, *times, *asked])
    is_impaired = found.values("nothing", "impaired_by_drink", 0) > 0
    each = [found.values("nothing", "diabetes_by_drink", week)[is_impaired] > 0 for week in weeks]
    return [100 * float(np.mean(np.any(each[: 2 * years], axis=0))) for years in YEARS]


def sensitivity_gain() -> float:
    """Return the gain of one infusion of mesenchymal cells that three must have for the gain at 48 weeks."""
    wanted = (4.76 / 3.12) / (3.60 / 3.26) - 1
    since = 48 * DAYS_PER_WEEK - np.array([0, 28, 56])
    left = np.exp(-since / value("mesenchymal_cells.fading")).sum()
    return float(wanted / left)


if __name__ == "__main__":
    print(report(NAMES, TARGETS, fit(NAMES, TARGETS, model)))
    gain = value("mesenchymal_cells.sensitivity_gain")
    print(f"in closed form\n  mesenchymal_cells.sensitivity_gain: {gain:.3g} -> {sensitivity_gain():.3g}")
    print(
        "percentages diagnosed in 2 and 5 years from stage 2, 60 and 75 [krischer2013, insel2015], by growth"
    )
    for growth, spread in GROWTH:
        early, late = diagnosed(growth, spread)
        print(f"  {growth:g}, spread {spread:g}: {early:.0f}, {late:.0f}")
    delay = f"reported 24 (herold2019, stage 2), obtained {months_of_delay():.1f}"
    print(f"not fitted: months by which one course of teplizumab delays the fall after diagnosis: {delay}")
    print("not fitted: time until a tenth of the graft is left", *checks(), sep="\n")
