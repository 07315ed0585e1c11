"""Units, registries, the parameter table, citations, records, random streams, sampling, the clock."""

import dataclasses
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import ndtri

from insulae.core import citations, clock, parameters, random, sampling
from insulae.core.errors import InsulaeError, InvalidQuantity, TableError, UnknownName
from insulae.core.normal import standard_normal
from insulae.core.parameters import Row
from insulae.core.pytree import broadcast, concatenate, leaves, map_leaves, pytree, replace, take
from insulae.core.quantities import QuantityIn
from insulae.core.registry import Family, nearest
from insulae.core.remembered import Remembered
from insulae.core.units import convert, quantity, same_dimension
from insulae.core.variables import variable
from insulae.physiology.fast import glucose

CONVERSIONS = [
    (6.1, "mmol/L", "mg/dL", "glucose", 109.895),
    (100.0, "mg/dL", "mmol/L", "glucose", 5.5507),
    (1.0, "ng/mL", "pmol/L", "c_peptide", 331.09),
    (48.0, "mmol/mol", "%", "", 6.543),
    (1.0, "U", "pmol", "", 6000.0),
    (2.0, "week", "d", "", 14.0),
    (1.0, "g/d", "mg/d", "", 1000.0),
    (90.0, "mL/min/1.73m2", "mL/min/1.73 m2", "", 90.0),
    (3.0, "pg/mL per mg/dL", "pg/mL per g/L", "", 300.0),
    (3.0, "ng/mL per mg/dL", "pg/mL per mg/dL", "", 3000.0),
]


@pytest.mark.parametrize(("number", "unit", "to", "substance", "expected"), CONVERSIONS)
def test_conversions(number: float, unit: str, to: str, substance: str, expected: float):
    assert convert(number, unit, to, substance) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("text", ["110", "110 zork", "mg/dL", "", None, True, "1 kg"])
def test_what_is_not_a_concentration_is_refused(text: object):
    with pytest.raises(InvalidQuantity):
        quantity(text, "mg/dL")


def test_quantities_are_read_as_people_write_them():
    assert quantity("1.2e6 IEQ", "IEQ") == 1.2e6
    assert quantity("1_200_000 IEQ", "IEQ") == 1.2e6
    assert quantity(" -500 kcal/d ", "kcal/d") == -500
    assert quantity("0.5", "dimensionless") == 0.5
    assert quantity("3 months", "d") == pytest.approx(91.3, abs=0.1)


def test_glucose_without_its_molar_mass_is_not_converted():
    with pytest.raises(InvalidQuantity, match="mg/dL"):
        convert(6.1, "mmol/L", "mg/dL")


def test_dimensions():
    assert same_dimension("mg/kg/min", "g/kg/h") and not same_dimension("mg/dL", "mg/kg")


def test_per_divides_by_the_whole_unit_after_it():
    assert same_dimension("pg/mL per mg/dL", "dimensionless") and same_dimension("pg/mL per mg/dL", "%")
    assert same_dimension("pmol/L per mg/dL", "pmol/mg") and not same_dimension(
        "pmol/L per mg/dL", "pmol/L/mg/dL"
    )
    assert same_dimension("U per g/d", "U d/g")


def test_an_inner_float_is_taken_as_it_is():
    from pydantic import TypeAdapter

    adapter = TypeAdapter(Annotated[float, QuantityIn("mg/dL", "glucose")])
    assert adapter.validate_python(110.0) == 110.0
    assert adapter.validate_python("6.1 mmol/L") == pytest.approx(109.9, abs=0.1)
    assert adapter.dump_python(110.0) == "110 mg/dL"


def test_a_family_knows_its_members_and_suggests_neighbors():
    family: Family[int] = Family("thing")
    family.add("metformin", 1)
    family.add("acarbose", 2)
    assert family.names() == ["acarbose", "metformin"] and family.get("metformin") == 1
    assert family.items() == [("acarbose", 2), ("metformin", 1)]
    with pytest.raises(UnknownName, match="did you mean 'metformin'"):
        family.get("metfromin")
    with pytest.raises(UnknownName, match="twice"):
        family.add("metformin", 3)


def test_nothing_near_is_only_listed():
    assert nearest("zzz", ["metformin"]) == "Known: metformin"
    assert nearest("zzz", []) == "None are known"


def test_errors_carry_their_hint():
    assert str(InsulaeError("wrong", "Try right")) == "wrong. Try right"
    assert str(InsulaeError("wrong")) == "wrong"


def test_a_population_has_its_own_row_or_the_common_one():
    assert parameters.lookup("glucose.volume", "type1") is parameters.lookup("glucose.volume")
    assert parameters.lookup("traits.age", "type1") is not parameters.lookup("traits.age", "type2")
    with pytest.raises(UnknownName, match=r"glucose\.volume"):
        parameters.lookup("glucose.volum")
    with pytest.raises(UnknownName, match="for population 'any'"):
        parameters.lookup("traits.age")


def test_a_record_is_filled_from_the_table():
    record = parameters.values(glucose.Parameters, "type1")
    assert record.volume == parameters.value("glucose.volume")
    assert parameters.declared(glucose.Parameters)["glucose.volume"] == "dL/kg"


def test_a_row_without_a_number_is_refused():
    record = dict.fromkeys((f.name for f in dataclasses.fields(Row)), "")
    with pytest.raises(TableError, match="'x'"):
        parameters._row({**record, "name": "x", "value": "much"})


def test_references_are_cited():
    key = parameters.lookup("glucose.volume").source
    assert citations.bibtex([key, key]).count("@") == 1
    assert "(" in citations.text(key) and key not in citations.text(key)
    for call in (citations.text, lambda k: citations.bibtex([k])):
        with pytest.raises(UnknownName, match="did you mean"):
            call(key + "x")


def test_every_reference_can_be_read():
    assert all(citations.text(key).strip(" .()") for key in citations.references())


def test_an_unknown_variable_suggests_a_neighbor():
    assert variable("hba1c.value").label == "HbA1c"
    with pytest.raises(UnknownName, match=r"did you mean 'hba1c\.value'"):
        variable("hba1c.valu")


@pytree
class Pair:
    """Two numbers per patient."""

    first: jax.Array
    second: jax.Array


def test_records_are_frozen_and_traced():
    pair = Pair(first=jnp.arange(3.0), second=jnp.ones(3))
    with pytest.raises(dataclasses.FrozenInstanceError):
        pair.first = pair.second  # type: ignore[misc]
    assert jax.jit(lambda p: p.first.sum())(pair) == 3
    assert replace(pair, second=pair.first).second is pair.first
    np.testing.assert_array_equal(take(pair, jnp.asarray([2, 0])).first, [2, 0])
    np.testing.assert_array_equal(concatenate([pair, pair]).first, [0, 1, 2, 0, 1, 2])
    assert broadcast(Pair(first=1, second=2), 4).second.shape == (4,)


def row(distribution: str, value: float, spread: float, lower: float = -np.inf, upper: float = np.inf) -> Row:
    return Row("x", "m", "any", value, distribution, spread, lower, upper, "setting", "", "", "")


GRID = ndtri((jnp.arange(20000) + 0.5) / 20000)
"""Standard normal quantiles at even steps: mean and spread are exact to three digits."""


@pytest.mark.parametrize("spread", [0.1, 0.35, 0.8])
def test_a_lognormal_row_has_its_value_as_mean_and_its_spread_as_variation(spread: float):
    draws = np.asarray(sampling.quantile(row("lognormal", 5.0, spread), GRID), np.float64)
    assert draws.mean() == pytest.approx(5.0, rel=2e-3)
    assert draws.std() / draws.mean() == pytest.approx(spread, rel=1e-2)


def test_the_other_distributions():
    normal = np.asarray(sampling.quantile(row("normal", 40.0, 12.0), GRID))
    assert (normal.mean(), normal.std()) == (pytest.approx(40, abs=0.01), pytest.approx(12, rel=1e-3))
    logit = np.asarray(sampling.quantile(row("logit_normal", 0.2, 0.5), GRID))
    assert np.median(logit) == pytest.approx(0.2, abs=1e-3) and logit.min() > 0 and logit.max() < 1
    even = np.asarray(sampling.quantile(row("uniform", 2.0, 0.0, 1.0, 3.0), GRID))
    assert even.mean() == pytest.approx(2.0, abs=1e-3) and even.min() >= 1 and even.max() <= 3
    fixed = np.asarray(sampling.quantile(row("fixed", 7.0, 0.0), GRID))
    assert (fixed == 7).all()


def test_draws_keep_to_their_bounds():
    cut = np.asarray(sampling.quantile(row("normal", 40.0, 12.0, 30.0, 45.0), GRID))
    assert cut.min() == 30 and cut.max() == 45


def test_a_draw_belongs_to_its_name_patient_and_seed():
    patients = jnp.arange(8)
    one = sampling.draw("glucose.volume", "type1", 1, patients)
    np.testing.assert_array_equal(one, sampling.draw("glucose.volume", "type1", 1, patients))
    assert not np.any(one == sampling.draw("glucose.volume", "type1", 2, patients))
    other = sampling.draw("hba1c.red_cell_factor", "type1", 1, patients)
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.95


def test_streams_are_told_apart_by_name_seed_patient_and_day():
    keys = random.patient_keys(1, "day", jnp.arange(8))
    others = [random.patient_keys(2, "day", jnp.arange(8)), random.patient_keys(1, "night", jnp.arange(8))]
    data = [np.asarray(jax.random.key_data(k)) for k in (keys, *others)]
    assert all(not np.any((data[0] == d).all(axis=1)) for d in data[1:])
    first, second = (random.DayDraws(keys, 4).independent(day) for day in (1, 2))
    assert not np.any(first == second)
    np.testing.assert_array_equal(
        random.normals(1, "a", jnp.arange(8))[3:], random.normals(1, "a", jnp.arange(3, 11))[:5]
    )


def test_independent_draws_do_not_depend_on_the_order_in_which_days_are_asked_for():
    keys = random.patient_keys(1, "day", jnp.arange(8))
    forwards, other = random.DayDraws(keys, 4), random.DayDraws(keys, 4)
    days = (-3, 0, 13, 14, 40)
    in_order = {day: forwards.independent(day) for day in days}
    for day in reversed(days):
        np.testing.assert_array_equal(other.independent(day), in_order[day])


@pytest.mark.parametrize("seed", [0, 20260101, 2**31 - 1])
def test_draws_have_the_bits_of_jax(seed: int):
    """Studies that were drawn by JAX keep their patients and days."""
    patients = np.array([0, 1, 17, 2**31 - 1])
    root = jax.random.fold_in(jax.random.key(seed), zlib.crc32(b"day"))
    theirs = [jax.random.fold_in(root, int(patient)) for patient in patients]
    keys = random.patient_keys(seed, "day", patients)
    np.testing.assert_array_equal(keys, [jax.random.key_data(k) for k in theirs])
    drawn = jax.jit(lambda k, day: jax.random.uniform(jax.random.fold_in(k, day), (6,), minval=2.0**-25))
    for day in (-3, 0, 400):
        expected = np.stack([drawn(k, np.int32(day)) for k in theirs]).T
        np.testing.assert_array_equal(random.DayDraws(keys, 6).independent(day), expected)


def test_normal_draws_are_those_of_jax():
    """A processor without fused multiply-add rounds more often, so JAX may differ in the last place there."""
    streams, patients = np.arange(40, dtype=np.uint32) * 1234567, np.arange(2000)
    stems = [jax.random.fold_in(jax.random.key(7), int(stream)) for stream in streams]
    keys = jax.vmap(lambda stem: jax.vmap(lambda p: jax.random.fold_in(stem, p))(patients))(jnp.stack(stems))
    theirs = jax.jit(jax.vmap(jax.vmap(lambda k: jax.random.normal(k, ()))))(keys)
    ours = random.stream_normals(7, streams, patients)
    np.testing.assert_allclose(ours, theirs, rtol=4 * np.finfo(np.float32).eps)
    assert np.mean(ours == np.asarray(theirs)) > 0.8


def test_the_same_numbers_come_on_every_processor():
    bits = np.array([0, 1, 2**9, 123456789, 2**31, 3 * 2**30, 2**32 - 1], np.uint32)
    named = [struct.pack(">f", x).hex() for x in standard_normal(bits)]
    assert named == ["c0ad7080", "c0ad7080", "c0a3fd7b", "bff32540", "33a06c98", "3f2cab5e", "40a70b2a"]


def test_uniform_draws_are_uniform():
    draws = np.asarray(random.uniforms(1, "x", jnp.arange(8000)))
    assert draws.mean() == pytest.approx(0.5, abs=0.015) and 0 < draws.min() and draws.max() < 1


@pytest.mark.parametrize("apart", [(7,), (4, 3)])
def test_even_draws_of_sixteen_simulated_days_cover_what_there_is_evenly(apart: tuple[int, ...]):
    """Independent draws leave a largest gap of 0.19 on average; these of 0.12, and never above 0.2."""
    keys = random.patient_keys(1, "day", jnp.arange(8))
    days = np.cumsum(np.tile(apart, 16 // len(apart)))
    draws = np.stack([random.DayDraws(keys, 25).even(int(day)) for day in days])
    gaps = np.diff(np.sort(draws, axis=0), axis=0).max(axis=0)
    assert gaps.max() < 0.2 and gaps.mean() < 0.125
    assert np.abs(draws.mean(axis=0) - 0.5).mean() < 0.03
    assert draws.min() > 0 and draws.max() < 1


LATE = """
import importlib.util, sys
from insulae.core.pytree import leaves, skeleton
from insulae.physiology.course import State

importlib.util.find_spec("jax")  # looks, and loads nothing
assert "jax" not in sys.modules
import jax

state = skeleton(State)
assert jax.tree_util.tree_leaves(state) == leaves(state) == len(leaves(state)) * [0.0]
"""


class Point(NamedTuple):
    """A number and more."""

    x: int
    more: Any


def test_records_are_known_to_jax_whenever_it_is_imported():
    assert subprocess.run([sys.executable, "-c", LATE]).returncode == 0


def test_trees_are_those_of_jax():
    inner: Any = Pair(**{"first": 6, "second": 7})
    tree = {"z": [1, (2, 3)], "a": Point(4, Pair(**{"first": 5, "second": inner}))}
    assert leaves(tree) == jax.tree_util.tree_leaves(tree) == [4, 5, 6, 7, 1, 2, 3]
    doubled = map_leaves(lambda one, other: one + other, tree, tree)
    assert doubled == jax.tree_util.tree_map(lambda one: 2 * one, tree)


@pytest.mark.parametrize("day", [-12, 0, 13, 400])
def test_draws_of_part_of_the_patients_are_those_of_all(day: int):
    keys = random.patient_keys(3, "day", np.arange(20))
    lasting = random.DayDraws(random.patient_keys(3, "wear", np.arange(20)), 2)
    whole, chosen, again = random.DayDraws(keys, 6, lasting, 10), np.array([2, 3, 11, 17]), np.array([1, 3])
    part = whole.of(chosen)
    for draws, who in (
        (part, chosen),
        (part.of(again), chosen[again]),
        (whole.of(np.arange(20)), np.arange(20)),
    ):
        np.testing.assert_array_equal(draws.independent(day), whole.independent(day)[:, who])
        np.testing.assert_array_equal(draws.even(day), whole.even(day)[:, who])
        assert draws.patients == len(who)


def test_an_even_draw_does_not_depend_on_the_days_before():
    keys = random.patient_keys(1, "day", jnp.arange(8))
    some = random.DayDraws(keys, 5).even(-12)
    np.testing.assert_array_equal(some, random.DayDraws(keys, 25).even(-12)[:5])
    assert some.shape == (5, 8)


def test_an_even_draw_is_never_zero_or_one():
    """On the worst of days, when the sequence stands at its largest value, the normal draw is finite."""
    keys = random.patient_keys(1, "day", jnp.arange(8))
    dimension = next(i for i, s in enumerate(random._STEPS) if s % 2)
    start = int(jax.random.bits(keys[0], (25,), jnp.uint32)[dimension])
    for value in (0, 2**32 - 1, 2**32 - 100):
        day = (value - start) * pow(random._STEPS[dimension], -1, 2**32) % 2**32
        draw = random.DayDraws(keys, 25).even(day)[dimension, 0]
        assert np.isfinite(ndtri(draw))


def test_the_clock_divides_the_day():
    assert clock.STEPS_PER_DAY * clock.STEP_MINUTES == clock.MINUTES_PER_DAY
    first, last = clock.DAYTIME_STEPS
    assert (first * 5 / 60, last * 5 / 60) == (7, 22)
    assert clock.FASTING_STEP * 5 == 6 * 60 + 45


def test_a_number_is_remembered_exactly_and_what_is_damaged_is_computed_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("INSULAE_CACHE", str(tmp_path))
    asked = list[str]()

    def third() -> float:
        asked.append("third")
        return 1 / 3

    def nothing() -> None:
        asked.append("nothing")

    for _ in range(2):
        known = Remembered("numbers", "these")
        assert known.answer("a third", third) == 1 / 3
        assert known.answer("mass as time", nothing) is None
    assert asked == ["third", "nothing"]
    assert Remembered("numbers", "others").answer("a third", third) == 1 / 3
    for path in (tmp_path / "numbers").iterdir():
        path.write_text("{", encoding="utf-8")
    assert Remembered("numbers", "these").answer("a third", third) == 1 / 3
    assert asked == ["third", "nothing", "third", "third"]


def test_what_two_processes_remember_is_kept_of_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("INSULAE_CACHE", str(tmp_path))
    first, second = Remembered("numbers", "these"), Remembered("numbers", "these")
    assert first.answer("a third", lambda: 1 / 3) == 1 / 3 and second.answer("a half", lambda: 0.5) == 0.5
    asked = list[str]()
    third = Remembered("numbers", "these")
    assert third.answer("a third", lambda: asked.append("third")) == 1 / 3
    assert third.answer("a half", lambda: asked.append("half")) == 0.5 and not asked
