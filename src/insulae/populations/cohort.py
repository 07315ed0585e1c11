"""Sample virtual patients from the parameter table, with correlated traits and parameters.

Each quantity of each patient has its own random stream, addressed by seed, name and patient identifier: the
same seed gives the same patients whatever the chunking, the workers, the arms, or the other rows of the
table.
"""

import dataclasses
import functools
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from insulae.core import doubts, random, sampling
from insulae.core import parameters as table
from insulae.core.pytree import replace
from insulae.physiology.slow import insulin_resistance
from insulae.populations.patient import (
    ClinicNumbers,
    Cohort,
    Habits,
    Ids,
    Parameters,
    Traits,
    TraitTable,
)

Floats = NDArray[np.float32]

TRAIT_PREFIX = "traits"


def _declared(cls: type, prefix: str = "") -> list[str]:
    names = table.declared(cls)
    return [f"{prefix}.{name.rsplit('.', 1)[1]}" for name in names] if prefix else list(names)


def _leaves() -> list[type]:
    """Return every parameter record of a patient."""
    found: list[type] = []
    for group in (Parameters.__annotations__["fast"], Parameters.__annotations__["slow"], Habits):
        found += [f.type for f in dataclasses.fields(group)]  # type: ignore[misc]
    return found


@functools.cache
def _names() -> tuple[str, ...]:
    names = [name for cls in _leaves() for name in _declared(cls)]
    return tuple(sorted({*names, *_declared(TraitTable, TRAIT_PREFIX)}))


@functools.cache
def _cholesky(phenotype: str) -> tuple[tuple[str, ...], Any]:
    """Return the correlated names, traits first, and the Cholesky factor of their correlations."""
    pairs = table.correlations_of(phenotype)
    names = tuple(sorted({name for pair in pairs for name in pair}, key=lambda n: (not _is_trait(n), n)))
    matrix = np.eye(len(names))
    for (a, b), r in pairs.items():
        i, j = names.index(a), names.index(b)
        matrix[i, j] = matrix[j, i] = r
    return names, np.linalg.cholesky(matrix).astype(np.float32)


def _is_trait(name: str) -> bool:
    return name.startswith(f"{TRAIT_PREFIX}.")


def _varying(phenotype: str) -> list[str]:
    """Return the quantities that differ between the patients of a phenotype."""
    needed = {"traits.male", *_cholesky(phenotype)[0]}
    fixed = {name for name in _names() if table.lookup(name, phenotype).distribution == "fixed"}
    return [name for name in _names() if name not in fixed or name in needed]


def _normals(seed: int, phenotype: str, attempts: dict[str, int], ids: Ids) -> dict[str, Floats]:
    """Return one correlated standard normal draw per quantity, given as names with their attempts.

    Of the correlated quantities the traits come first: without the others they are the same.
    """
    streams = [zlib.crc32(f"{attempt}/{name}".encode()) for name, attempt in attempts.items()]
    matrix = np.asarray(random.stream_normals(seed, np.array(streams, np.uint32), ids))
    draws = dict(zip(attempts, matrix, strict=True))
    names, factor = _cholesky(phenotype)
    first = [name for name in names if name in attempts]
    part = factor[: len(first), : len(first)]
    # Not a matrix product: its rounding would depend on how many patients there are.
    correlated = np.einsum("ij,jp->ip", part, np.stack([draws[name] for name in first]))
    return draws | dict(zip(first, correlated, strict=True))


def _given(numbers: ClinicNumbers, name: str, sampled: Floats, seed: int, ids: Ids) -> Floats:
    """Take a given number, drawn evenly from its range, in place of the sampled one."""
    if name not in numbers.given:
        return sampled
    low, high = numbers.given[name]
    if low == high:
        return np.full_like(sampled, low)
    share = np.asarray(random.uniforms(seed, f"given/{name}", ids), np.float32)
    return (low + (high - low) * share).astype(np.float32)


def _size(
    numbers: ClinicNumbers, sampled: dict[str, Floats], male: Floats, seed: int, ids: Ids
) -> tuple[Floats, Floats]:
    """Return height (m) and weight (kg) from what is given and the sampled body mass index."""
    height = np.where(male > 0, sampled["height_male"], sampled["height_female"])
    height = _given(numbers, "height", height, seed, ids)
    bmi = _given(numbers, "bmi", sampled["bmi"], seed, ids)
    return height, _given(numbers, "weight", bmi * height**2, seed, ids)


def sample_traits(numbers: ClinicNumbers, values: dict[str, Floats], seed: int, ids: Ids) -> Traits:
    """Return the traits: given numbers where there are any, else the sampled ones."""
    sampled = {name.split(".")[1]: v for name, v in values.items() if name.startswith(TRAIT_PREFIX)}
    take = functools.partial(_given, numbers, seed=seed, ids=ids)
    male = take("male", sampled=sampled["male"])
    height, weight = _size(numbers, sampled, male, seed, ids)
    dose = sampled["basal_insulin_dose" if numbers.takes_basal_insulin_alone else "insulin_dose"]
    unknown = np.full_like(height, np.nan)
    return Traits(
        age=take("age", sampled=sampled["age"]),
        male=male,
        height=height,
        weight=weight,
        duration=take("duration", sampled=sampled["duration"]),
        hba1c=take("hba1c", sampled=sampled["hba1c"]),
        insulin_dose=take("insulin_dose", sampled=dose * weight),
        egfr=take("egfr", sampled=sampled["egfr"]),
        lability=sampled["lability"],
        basal_share=sampled["basal_share"],
        residual_mass=0 * sampled["residual_mass"] if numbers.has_no_c_peptide else sampled["residual_mass"],
        fasting_glucose=take("fasting_glucose", sampled=unknown),
        fasting_c_peptide=take("fasting_c_peptide", sampled=unknown),
    )


def _record(cls: type, values: dict[str, Floats], like: Floats) -> Any:
    """Fill one parameter record from the sampled values; derived fields start at zero."""
    prefix = table.component_of(cls)
    names = {f.name: f"{prefix}.{f.name}" for f in dataclasses.fields(cls)}
    return cls(**{field: values.get(name, 0 * like) for field, name in names.items()})


def _group(cls: type, values: dict[str, Floats], like: Floats) -> Any:
    return cls(**{f.name: _record(f.type, values, like) for f in dataclasses.fields(cls)})  # type: ignore[arg-type]


def _personal(parameters: Parameters, traits: Traits) -> Parameters:
    """Fill the fields that belong to the person: size, threshold of liver fat, glucose lability."""
    slow, habits = parameters.slow, parameters.habits
    one = np.ones_like(traits.height)
    weight = replace(
        slow.body_weight,
        height=traits.height,
        set_point=traits.weight,
        usual_weight=traits.weight,
        usual_energy=0 * one,
        usual_restriction=0 * one,
    )
    resistance = slow.insulin_resistance
    # In double precision, so that no patient's last bit depends on how many are computed together.
    bmi: Any = np.asarray(traits.weight / traits.height**2, np.float64)
    threshold = insulin_resistance.personal_threshold(resistance, bmi)
    resistance = replace(resistance, fat_threshold=np.asarray(threshold, np.float32))
    changed = replace(
        habits,
        meals=replace(habits.meals, lability=traits.lability, intake=one),
        sensitivity=replace(habits.sensitivity, lability=traits.lability),
        pen=replace(habits.pen, lability=traits.lability),
    )
    slow = replace(slow, body_weight=weight, insulin_resistance=resistance)
    return replace(parameters, slow=slow, habits=changed)


def _values(
    numbers: ClinicNumbers, names: list[str], draws: dict[str, Floats], seed: int, ids: Ids
) -> dict[str, Floats]:
    """Return the values of some quantities [patient] from their standard normal draws."""
    zero = np.zeros(len(ids), np.float32)
    rows = {name: table.lookup(name, numbers.phenotype) for name in names}
    values = {
        name: sampling.quantile(row, draws.get(name, zero), doubts.drawn(row, seed, numbers.groups, ids))
        for name, row in rows.items()
    }
    share = rows["traits.male"].value
    values["traits.male"] = np.where(draws["traits.male"] < ndtri(share), 1.0, 0.0)
    return values


def draw_traits(numbers: ClinicNumbers, seed: int, ids: Ids) -> Traits:
    """Return the traits that `sample` gives these patients at the first attempt, without their bodies."""
    attempts = {name: 0 for name in _varying(numbers.phenotype) if _is_trait(name)}
    draws = _normals(seed, numbers.phenotype, attempts, ids)
    names = [name for name in _names() if _is_trait(name)]
    return sample_traits(numbers, _values(numbers, names, draws, seed, ids), seed, ids)


def sample(numbers: ClinicNumbers, seed: int, ids: Ids, attempt: int = 0) -> Cohort:
    """Return the cohort of some patients; `attempt` counts earlier draws that were not plausible."""
    kept = numbers.keeps_traits
    attempts = {n: 0 if kept and _is_trait(n) else attempt for n in _varying(numbers.phenotype)}
    draws = _normals(seed, numbers.phenotype, attempts, ids)
    values = _values(numbers, list(_names()), draws, seed, ids)
    traits, zero = sample_traits(numbers, values, seed, ids), np.zeros(len(ids), np.float32)
    fast, slow = (_group(Parameters.__annotations__[g], values, zero) for g in ("fast", "slow"))
    parameters = Parameters(fast=fast, slow=slow, habits=_group(Habits, values, zero))
    return Cohort(ids=ids, traits=traits, parameters=_personal(parameters, traits))
