"""What a twin is fitted to does not depend on how rows were written: order, doubles, cadence, units.

Nothing is simulated here: the days that a fit would get are compared.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from insulae.core.errors import InvalidData
from insulae.core.units import PMOL_PER_UNIT
from insulae.inference import experiments as e
from insulae.inference.evidence import Experiment
from insulae.patient_data.tidy import tidy_table
from insulae.study.person import Person as Someone
from insulae.study.person import PersonFile, experiments_of

WEIGHT = 70.0
KNOWN: Any = SimpleNamespace(signals=SimpleNamespace(metabolic_weight=WEIGHT), surface=1.8)
few = settings(max_examples=20, deadline=None)
amounts = st.lists(
    st.tuples(st.integers(0, 2879), st.integers(1, 90)), max_size=6, unique_by=lambda pair: pair[0]
)
rates = st.lists(
    st.tuples(st.integers(0, 2879), st.integers(0, 30)), min_size=1, max_size=8, unique_by=lambda p: p[0]
)


def stamp(minute: int) -> str:
    return f"2026-03-{2 + minute // 1440:02d} {minute % 1440 // 60:02d}:{minute % 60:02d}"


def sensor_rows(step: int, missing: range = range(0)) -> list[str]:
    """Two days of sensor glucose that rises and falls, without the readings of some minutes."""
    return [
        f"{stamp(m)},glucose_sensor,{round(140 + 50 * np.sin(m / 200))},mg/dL"
        for m in range(0, 2880, step)
        if m not in missing
    ]


def days_of(*files: list[str]) -> list[Experiment]:
    """Return the days of a person whose data are in some files."""
    tables = [
        tidy_table("\n".join(["time,quantity,value,unit", *rows]), f"{k}.csv") for k, rows in enumerate(files)
    ]
    file = PersonFile.model_validate({"name": "x", "phenotype": "type2", "patient": {}})
    return experiments_of(Someone(file, None, (), tuple(tables)), KNOWN)  # type: ignore[arg-type]


def same(first: list[Experiment], second: list[Experiment]) -> None:
    assert [d.name for d in first] == [d.name for d in second]
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one.series[0].values, other.series[0].values)
        for name in ("solid_carbohydrate", "rapid_insulin", "basal_insulin"):
            mine, theirs = (getattr(d.schedule.inputs, name) for d in (one, other))
            np.testing.assert_allclose(mine, theirs, atol=1e-12)
        assert one.meals == other.meals and one.pump_rate == other.pump_rate


@few
@given(amounts, amounts, rates, st.randoms(use_true_random=False))
def test_order_doubles_and_overlapping_files_change_nothing(meals: Any, doses: Any, basal: Any, random: Any):
    rows = sensor_rows(15)
    rows += [f"{stamp(m)},carbohydrate,{grams},g" for m, grams in meals]
    rows += [f"{stamp(m)},insulin_rapid,{units / 10},U" for m, units in doses]
    rows += [f"{stamp(m)},insulin_basal_rate,{units / 10},U/h" for m, units in basal if m < 1440] or [
        f"{stamp(0)},insulin_basal_rate,1,U/h"
    ]
    once = days_of(rows)
    same(days_of(random.sample(rows, len(rows))), once)
    same(days_of(rows + rows[-20:]), once)
    half = len(rows) // 2
    same(days_of(random.sample(rows, len(rows))[:half] + rows[: half + 5], rows[half - 5 :]), days_of(rows))


@few
@given(st.sampled_from([1, 3, 5]))
def test_a_finer_cadence_gives_the_same_quarter_hours(step: int):
    same(days_of(sensor_rows(step)), days_of(sensor_rows(15)))


@few
@given(st.integers(0, 1400), st.integers(60, 900))
def test_a_gap_is_unknown_and_is_never_bridged(first: int, length: int):
    gap = range(first, first + length)
    whole, gapped = days_of(sensor_rows(15)), days_of(sensor_rows(15, gap))
    kept = {d.name: d for d in gapped}
    for day in (d for d in whole if d.name in kept):
        values, seen = day.series[0].values, kept[day.name].series[0].values
        known = np.isfinite(seen)
        np.testing.assert_array_equal(seen[known], values[known])
        minutes = day.clock + day.series[0].minutes
        inside = (minutes >= gap.start + 8) & (minutes < gap.stop - 8)
        assert not known[inside].any() and known[(minutes < gap.start) | (minutes > gap.stop + 15)].all()


@few
@given(st.integers(40, 190), st.integers(0, 191))
def test_a_value_in_the_wrong_unit_is_refused(tenths: int, place: int):
    rows = sensor_rows(15)
    rows[place] = rows[place].split(",")[0] + f",glucose_sensor,{tenths / 10},mg/dL"
    with pytest.raises(InvalidData, match="mmol/L"):
        days_of(rows)


@few
@given(rates, st.sampled_from([5, 15, 60]))
def test_a_pump_infuses_what_its_rates_say(basal: Any, step: int):
    """The whole amount of two days is that of the rates, each until the next, whatever the steps."""
    times = np.array(sorted(basal), float)
    schedule = e.rest(2880 // step, minutes=float(step), hour=0.0)
    infused = e.infuse(schedule, times[:, 0], times[:, 1], WEIGHT).inputs.rapid_insulin
    ends = np.append(times[1:, 0], 2880)
    units = float(((ends - times[:, 0]) * times[:, 1]).sum() / 60)
    assert float((infused * step).sum()) * WEIGHT / PMOL_PER_UNIT == pytest.approx(units, abs=1e-9)
    repeated = np.repeat(times, 2, axis=0)
    again = e.infuse(schedule, repeated[:, 0], repeated[:, 1], WEIGHT).inputs.rapid_insulin
    np.testing.assert_allclose(again, infused, atol=1e-12)
