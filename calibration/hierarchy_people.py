"""Everybody who drank glucose, as one fast body with the axis of people.

The people are those of Kobe (glucose, insulin, C-peptide) and Vanderbilt (glucose, insulin) with known body
mass index; see `people.py` for the data. Vectors of logarithms are [fitted, person]: the fitted quantities
of `insulae.inference.person`, then what all share: content of the stomach at half of the largest rate at
which a drink leaves it (mg), that rate over the emptying rate (mg), and the share of insulin that the liver
extracts. Values are logarithms of
measured ones, [value, person], glucose before insulin before C-peptide at the minutes of the test; what was
not measured is NaN.
"""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
from jax import Array

from calibration import people
from insulae.core import parameters as table
from insulae.core.pytree import replace
from insulae.inference import experiments as e
from insulae.inference import person
from insulae.physiology import body
from insulae.physiology.effects import Effects
from insulae.physiology.signals import SlowSignals
from insulae.physiology.slow import body_weight

CLASSES = ("healthy", "prediabetes", "type2")
STUDIES = ("Kobe", "Vanderbilt")
KINDS = ("glucose", "insulin", "c_peptide")
GLUCOSE_LOAD = 75.0
SHARED = (
    "drink_emptying",
    "hepatic_extraction",
    "exchange",
    "secretion_delay",
    "peripheral_action",
)
NAMES = person.FITTED + SHARED
"""What the test is predicted from; the shared ones are the same for all people."""
MINUTES = np.array(people.MINUTES, float)


@dataclasses.dataclass(frozen=True)
class Sample:
    """People who were tested: class and study [person], size and age, and logarithms measured [value,
    person]."""

    table: pd.DataFrame
    phenotype: np.ndarray
    study: np.ndarray
    bmi: np.ndarray
    age: np.ndarray
    weight: np.ndarray
    height: np.ndarray
    measured: np.ndarray

    @property
    def number(self) -> int:
        """How many they are."""
        return len(self.phenotype)

    def part(self, chosen: np.ndarray) -> "Sample":
        """Return some of them."""
        fields = {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}
        kept = {k: v[..., chosen] for k, v in fields.items() if k != "table"}
        return Sample(table=self.table[chosen].reset_index(drop=True), **kept)


def sample(folder: Path) -> Sample:
    """Return the people of both studies whose class and size are known."""
    kobe, vanderbilt = people.kobe(folder), people.vanderbilt(folder)
    kobe["study"], vanderbilt["study"] = 0, 1
    both = pd.concat([kobe, vanderbilt], ignore_index=True)
    both["phenotype"] = both.phenotype.replace("type2_unknown", "type2")
    both = both[both.bmi.notna() & both.height.notna() & (both.phenotype != "")].reset_index(drop=True)
    curves = [f"{kind}_{minute}" for kind in KINDS for minute in people.MINUTES]
    values = both[curves].to_numpy(float).T
    return Sample(
        table=both,
        phenotype=np.array([CLASSES.index(name) for name in both.phenotype]),
        study=both.study.to_numpy(int),
        bmi=both.bmi.to_numpy(float),
        age=both.age.to_numpy(float),
        weight=both.weight.to_numpy(float),
        height=both.height.to_numpy(float),
        measured=np.log(np.where(values > 0, values, np.nan)),
    )


def known(people_: Sample) -> person.Known:
    """Return what is not fitted: constants of the table, and signals that follow from size and class."""
    fields = dataclasses.fields(body.FastParameters)
    central = {f.name: table.values(f.type, "healthy") for f in fields}  # type: ignore[arg-type]
    size: Any = replace(table.values(body_weight.Parameters), height=people_.height)
    area = np.sqrt(people_.weight * people_.height * 100 / table.value("body_weight.area_constant"))
    by_class = functools.partial(_by_class, people_.phenotype)
    zero = np.zeros(people_.number)
    signals: dict[str, Any] = {f.name: zero for f in dataclasses.fields(SlowSignals)}
    signals |= {
        "body_mass_index": people_.bmi,
        "metabolic_weight": np.asarray(body_weight.metabolic_weight(people_.weight, size)),
        "c_peptide_volume": size.volume_per_area * area + size.volume_offset,
        "egfr": by_class("traits.egfr"),
        "native_incretin": by_class("beta_cells.incretin_share"),
    }
    return person.Known(
        fast=body.FastParameters(**central),
        signals=SlowSignals(**signals),
        effects=Effects(),
        body_weight=jnp.asarray(people_.weight),
        surface=jnp.asarray(area),
    )


def _by_class(phenotype: np.ndarray, name: str) -> np.ndarray:
    return np.array([table.value(name, one) for one in CLASSES])[phenotype]


def constants(known_: person.Known, logarithms: Array) -> body.FastParameters:
    """Return the constants of the fast bodies for logarithms [fitted, person]."""
    own, shared = logarithms[: len(person.FITTED)], jnp.exp(logarithms[len(person.FITTED) :])
    drink, extraction, exchange, delay, action = shared
    fast = known_.fast
    made = replace(
        fast,
        absorption=replace(fast.absorption, drink_emptying=drink),
        insulin=replace(fast.insulin, hepatic_extraction=extraction, peripheral_action_rate=action),
        secretion=replace(fast.secretion, delay_rate=delay),
        glucose=replace(
            fast.glucose,
            plasma_to_tissue_rate=fast.glucose.plasma_to_tissue_rate * exchange,
            tissue_to_plasma_rate=fast.glucose.tissue_to_plasma_rate * exchange,
        ),
    )
    changed = replace(known_, fast=made)
    return person.constants(changed, person.exponential(own))


def schedule() -> e.Schedule:
    """Return the night and the glucose test."""
    return e.joined(e.night(), e.oral_test(GLUCOSE_LOAD, MINUTES[-1]))


def predicted(known_: person.Known, first_glucose: Array, logarithms: Array) -> Array:
    """Return logarithms of what should be measured, [value, person]."""
    made = constants(known_, logarithms)
    done = schedule()
    course = e.live(made, e.fasting(made, first_glucose), _with_people(done))
    seen = [e.at(getattr(course, kind), done, MINUTES) for kind in KINDS]
    return jnp.log(jnp.concatenate(seen))


def _with_people(done: e.Schedule) -> e.Schedule:
    return jax.tree_util.tree_map(lambda leaf: np.asarray(leaf)[:, None], done)


@jax.jit
def linearized(known_: person.Known, first_glucose: Array, logarithms: Array) -> tuple[Array, Array]:
    """Return predictions [value, person] and their derivatives [value, fitted, person]."""

    def of(vector: Array) -> Array:
        return predicted(known_, first_glucose, vector)

    def along(unit: Array) -> Array:
        tangent = jnp.broadcast_to(unit[:, None], logarithms.shape)
        return jax.jvp(of, (logarithms,), (tangent,))[1]

    return of(logarithms), jnp.moveaxis(jax.vmap(along)(jnp.eye(len(logarithms))), 0, 1)
