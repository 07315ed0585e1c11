"""Every endpoint keeps the same promises: described, sourced, one float per patient, blind to their order."""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, get_args

import numpy as np
import pytest
from numpy.typing import NDArray

from insulae.core.citations import references
from insulae.core.units import same_dimension
from insulae.endpoints.base import Better, Endpoint, Kind, Visit, catalogue, evaluate, get

EVERY = pytest.mark.parametrize("member", catalogue(), ids=lambda member: member.name)
SHAPES = {
    "glucose": (14 * 288,),
    "insulin_dose": (14,),
    "meal_test_c_peptide": (5,),
    "meal_test_glucose": (5,),
}
RANGES = {
    "glucose": (40, 320),
    "hba1c": (4.5, 12.0),
    "fasting_glucose": (60, 250),
    "fasting_glucose_again": (60, 250),
    "meal_test_glucose": (60, 320),
}
N = 6


def random_visit() -> Visit:
    """Six unlike patients; no value is missing."""
    generator = np.random.default_rng(20260101)
    names = [field.name for field in fields(Visit) if field.name != "week"]
    drawn = {
        name: generator.uniform(*RANGES.get(name, (0.0, 100.0)), size=(N, *SHAPES.get(name, ())))
        for name in names
    }
    return Visit(week=26.0, **drawn)


def changed(visit: Visit, change: Callable[[NDArray[Any]], NDArray[Any]]) -> Visit:
    """Apply a function to every array of the visit."""
    names = [field.name for field in fields(Visit) if field.name != "week"]
    return Visit(week=visit.week, **{name: change(getattr(visit, name)) for name in names})


def test_the_catalogue_is_sorted_and_complete():
    names = [member.name for member in catalogue()]
    assert names == sorted(names)
    assert {"time_in_range", "hba1c", "insulin_independence", "stimulated_c_peptide", "remission"} <= set(
        names
    )


@EVERY
def test_is_described(member: Endpoint):
    assert get(member.name) is member
    assert member.label and member.function.__doc__
    assert member.better in get_args(Better) and member.kind in get_args(Kind)
    assert same_dimension(member.unit, member.unit)


@EVERY
def test_unit_fits_the_kind(member: Endpoint):
    expected = {"yes_no": "%", "event_week": "week"}.get(member.kind, member.unit)
    assert member.unit == expected


@EVERY
def test_source_is_in_the_references(member: Endpoint):
    assert member.source in references()


@EVERY
def test_gives_one_finite_float_per_patient(member: Endpoint):
    value = evaluate([member.name], random_visit())[member.name]
    assert value.shape == (N,) and value.dtype == float
    assert np.isfinite(value).all()
    if member.kind == "yes_no":
        assert set(value) <= {0.0, 100.0}


@EVERY
def test_is_missing_where_everything_is_missing(member: Endpoint):
    value = member(changed(random_visit(), lambda array: np.full_like(array, np.nan)))
    assert np.isnan(value).all()


@EVERY
def test_permuting_patients_permutes_results(member: Endpoint):
    visit, order = random_visit(), np.array([3, 1, 5, 0, 2, 4])
    shuffled = changed(visit, lambda array: array[order])
    np.testing.assert_array_equal(member(shuffled), member(visit)[order])


@EVERY
def test_patients_do_not_see_each_other(member: Endpoint):
    visit = random_visit()
    np.testing.assert_array_equal(member(changed(visit, lambda array: array[:2])), member(visit)[:2])


@EVERY
def test_leaves_the_visit_alone(member: Endpoint):
    visit = random_visit()
    member(visit)
    for name in member.inputs:
        np.testing.assert_array_equal(getattr(visit, name), getattr(random_visit(), name))
