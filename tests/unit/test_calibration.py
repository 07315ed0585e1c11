"""Fits repeat: parameters can be given other values for a while, and a known answer is found again."""

import math
from pathlib import Path

import numpy as np
import pytest
from calibration.fitting import Target, fit, report, standard_errors
from calibration.simulated import simulated

from insulae.core.errors import UnknownName
from insulae.core.parameters import changed, lookup, value

STUDY = Path(__file__).parents[2] / "studies" / "first_case.yaml"
NAMES = ("metformin.production_effect", "metformin.sensitivity_effect")


def test_a_value_is_changed_for_a_while_only():
    before = value(NAMES[0])
    with changed({NAMES[0]: 2 * before}):
        assert value(NAMES[0]) == 2 * before
        with changed({NAMES[0]: 3 * before, NAMES[1]: 0.5}):
            assert (value(NAMES[0]), value(NAMES[1])) == (3 * before, 0.5)
        assert value(NAMES[0]) == 2 * before
    assert value(NAMES[0]) == before


def test_an_unknown_parameter_cannot_be_changed():
    with (
        pytest.raises(UnknownName, match=r"did you mean 'metformin\.onset'"),
        changed({"metformin.onsett": 1.0}),
    ):
        pass


def test_the_values_behind_the_targets_are_found_again():
    truth = {NAMES[0]: 0.15, NAMES[1]: 0.3}

    def model(values):
        production, sensitivity = (values[name] for name in NAMES)
        return [production + sensitivity, production * sensitivity, math.log(production)]

    targets = [Target(f"t{i}", wanted, 0.01, "", "none") for i, wanted in enumerate(model(truth))]
    found = fit(NAMES, targets, model, evaluations=100)
    assert found.values == pytest.approx(truth, rel=1e-3)
    assert "metformin.production_effect" in report(NAMES, targets, found)


def test_a_fit_tells_the_standard_errors_of_what_it_finds():
    """Two targets, each of one value alone: their relative tolerances are the errors."""
    targets = [Target("a", 0.19, 0.019, "", "none"), Target("b", 0.2, 0.04, "", "none")]
    found = fit(NAMES, targets, lambda values: [values[name] for name in NAMES], evaluations=50)
    assert found.errors[NAMES[0]] == pytest.approx(0.1, rel=0.05)
    assert found.errors[NAMES[1]] == pytest.approx(0.2, rel=0.05)
    assert f"relative standard error {found.errors[NAMES[0]]:.2g}" in report(NAMES, targets, found)


def test_errors_grow_with_misfit_and_are_infinite_where_nothing_is_told():
    slopes = np.array([[1.0], [1.0], [1.0], [1.0], [1.0]])
    assert standard_errors(slopes, np.full(5, 0.1)) == pytest.approx([5**-0.5])
    assert standard_errors(slopes, np.full(5, 2.0)) == pytest.approx([2 * (5 / 4) ** 0.5 * 5**-0.5])
    assert standard_errors(np.ones((3, 2)), np.zeros(3)) == [math.inf, math.inf]


def test_a_value_of_one_is_fitted_like_any_other():
    """Its logarithm is zero, and a step relative to that would be none."""
    name = "islet_infusion.portal_vein_portal_fraction"
    assert value(name) == 1
    found = fit((name,), [Target("t", 0.7, 0.01, "", "none")], lambda values: [values[name]])
    assert found.values[name] == pytest.approx(0.7, rel=1e-3)


def test_a_spread_is_changed_for_a_while_only():
    name = "islet_infusion.donor_potency"
    before = lookup(name)
    with changed({}, {name: 2 * before.spread}):
        assert (lookup(name).value, lookup(name).spread) == (before.value, 2 * before.spread)
    assert lookup(name) == before


def test_a_study_is_simulated_with_other_values():
    short = ["horizon=4 weeks", "visits=[0, 4]", "reported=[]"]
    usual = simulated(STUDY, 16, overrides=short)
    without = simulated(STUDY, 16, {"islet_infusion.stem_cell_potency": 0.2}, short)
    arm = "cell therapy"
    assert usual.mean(arm, "hba1c", 0) == without.mean(arm, "hba1c", 0)
    assert np.all(usual.values(arm, "graft_function", 4) > without.values(arm, "graft_function", 4))
    gained = usual.change(arm, "graft_mass", 4, control="standard care")
    assert gained == usual.mean(arm, "graft_mass", 4) > 0
    with pytest.raises(KeyError, match="week 3"):
        usual.values(arm, "hba1c", 3)
