"""Clinical definitions of the endpoints, patient by patient, and the registry."""

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import ArrayLike

from insulae.core.errors import InsulaeError, UnknownName
from insulae.endpoints import base
from insulae.endpoints.base import Visit, evaluate


def visit(**changes: ArrayLike) -> Visit:
    """Four equal patients, well and off all drugs for half a year; `changes` are per-patient lists."""
    n = 4
    well = Visit(
        week=52.0,
        glucose=np.full((n, 14 * 288), 110.0),
        insulin_dose=np.zeros((n, 14)),
        fasting_glucose=np.full(n, 95.0),
        fasting_glucose_again=np.full(n, 95.0),
        two_hour_glucose=np.full(n, 110.0),
        two_hour_glucose_again=np.full(n, 110.0),
        hba1c=np.full(n, 5.6),
        meal_test_c_peptide=np.tile([400.0, 900.0, 1500.0, 1400.0, 1000.0], (n, 1)),
        meal_test_glucose=np.tile([95.0, 140.0, 150.0, 130.0, 110.0], (n, 1)),
        native_mass=np.zeros(n),
        graft_mass=np.full(n, 0.6),
        graft_function=np.ones(n),
        egfr=np.full(n, 85.0),
        body_weight=np.full(n, 72.0),
        days_off_insulin=np.full(n, 180.0),
        days_off_drugs=np.full(n, 180.0),
        insulin_stopped_week=np.full(n, 26.0),
        first_tablet_stopped_week=np.full(n, np.inf),
        last_tablet_stopped_week=np.full(n, np.inf),
        serious_events=np.zeros(n),
        severe_hypoglycemias=np.zeros(n),
    )
    return replace(well, **{name: np.asarray(value, dtype=float) for name, value in changes.items()})


def value(name: str, **changes: ArrayLike) -> list[float]:
    return evaluate([name], visit(**changes))[name].tolist()


def test_insulin_free_needs_fourteen_days_and_nothing_else():
    days, poor = [0, 13, 14, np.inf], [9.0, 9.0, 9.0, 9.0]
    assert value("insulin_free", days_off_insulin=days, hba1c=poor) == [0, 0, 100, 100]


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("days_off_insulin", [180, 14, 13.9, 0]),
        ("hba1c", [6.0, 7.0, 7.01, 9.0]),
        ("fasting_glucose", [90, 126, 126.1, 200]),
    ],
)
def test_insulin_independence_needs_every_criterion(field: str, values: list[float]):
    assert value("insulin_independence", **{field: values}) == [100, 100, 0, 0]


def test_insulin_independence_looks_two_hours_after_the_meal():
    meal = np.full((4, 5), 120.0)
    meal[1, 2] = 250.0  # a high value at one hour is allowed
    meal[2, 4] = 180.0
    meal[3, 4] = 181.0
    assert value("insulin_independence", meal_test_glucose=meal) == [100, 100, 100, 0]


def test_remission_needs_three_months_without_drugs():
    answer = value("remission", hba1c=[6.4, 6.4, 6.5, np.nan], days_off_drugs=[90, 89, 200, 200])
    assert answer[:3] == [100, 0, 0] and np.isnan(answer[3])


def test_hba1c_goals_are_strict():
    levels = [6.4, 6.5, 6.9, 7.0]
    assert value("hba1c_below_6_5", hba1c=levels) == [100, 0, 0, 0]
    assert value("hba1c_below_7", hba1c=levels) == [100, 100, 100, 0]


def test_a_yes_no_is_missing_when_one_of_its_inputs_is():
    assert np.isnan(value("insulin_independence", fasting_glucose=[90, 90, np.nan, 90])[2])


def test_insulin_dose_ignores_missing_days():
    dose = np.tile([20.0, np.nan], (4, 7))
    dose[3] = np.nan
    answer = value("insulin_dose", insulin_dose=dose)
    assert answer[:3] == [20, 20, 20] and np.isnan(answer[3])


def test_c_peptide_of_the_meal_test():
    assert value("fasting_c_peptide") == [400] * 4
    assert value("stimulated_c_peptide") == [1500] * 4
    assert value("meal_c_peptide_90") == [1400] * 4
    assert value("c_peptide_auc") == [30.0 * (400 / 2 + 900 + 1500 + 1400 + 1000 / 2)] * 4


def test_peak_c_peptide_uses_the_samples_there_are():
    samples = np.tile([400.0, np.nan, 700.0, np.nan, np.nan], (4, 1))
    samples[2] = np.nan
    answer = value("stimulated_c_peptide", meal_test_c_peptide=samples)
    assert answer[:2] == [700, 700] and np.isnan(answer[2])


def test_events_that_did_not_happen_are_infinite():
    assert value("weeks_to_insulin_free", insulin_stopped_week=[12, 20, np.inf, 4]) == [12, 20, np.inf, 4]
    assert value("weeks_to_last_tablet_stopped") == [np.inf] * 4
    assert value("weeks_to_first_tablet_stopped", first_tablet_stopped_week=[3, 3, 3, 3]) == [3] * 4


def test_hypoglycemia_is_counted_per_week():
    glucose = np.full((4, 14 * 288), 110.0)
    glucose[1, 288:294] = 60.0
    glucose[2, 288:294] = 50.0
    assert value("hypoglycemia_episodes", glucose=glucose) == [0, 0.5, 0.5, 0]
    assert value("hypoglycemia_episodes_level_2", glucose=glucose) == [0, 0, 0.5, 0]


def test_endpoints_of_one_visit_share_its_readings():
    one = visit(glucose=np.tile(np.linspace(50.0, 300.0, 288), (4, 14)))
    assert one.readings is one.readings
    together = evaluate([member.name for member in base.catalogue()], one)
    for name, values in together.items():
        np.testing.assert_array_equal(evaluate([name], replace(one))[name], values)


def test_beta2_uses_fasting_values_and_the_dose_per_weight():
    dose = np.tile(np.array([[0.0], [14.4], [72.0], [100.0]]), (1, 14))
    scores = value("beta2_score", insulin_dose=dose)
    full = 1000 * np.sqrt(0.4) / (95.0 / 18.0156 * 5.6)
    assert scores == pytest.approx([full, 0.8 * full, 0.0, 0.0])


def test_igls_success_needs_every_criterion():
    assert value("igls_success", hba1c=[6.5, 6.99, 7.0, 9.0]) == [100, 100, 0, 0]
    assert value("igls_success", severe_hypoglycemias=[0, 1, 2, np.nan])[:3] == [100, 0, 0]
    glucose = np.full((4, 100), 110.0)
    glucose[1, :31], glucose[2, :1], glucose[3, :30] = 200.0, 50.0, 200.0
    assert value("igls_success", glucose=glucose) == [100, 0, 0, 100]


def test_a_misspelt_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'time_in_range'"):
        evaluate(["time_in_rnge"], visit())


def test_a_parameter_that_no_visit_has_is_refused_at_definition():
    with pytest.raises(UnknownName, match=r"'hba1C'.*did you mean 'hba1c'"):

        @base.endpoint(unit="%", label="x", better="none", source="battelino2023")
        def never_registered(hba1C: object):
            return hba1C

    assert "never_registered" not in [member.name for member in base.catalogue()]


def test_a_name_is_defined_once():
    with pytest.raises(UnknownName, match="defined twice"):

        @base.endpoint(unit="%", label="x", better="none", source="battelino2023")
        def remission(hba1c: object):
            return hba1c


def test_arrays_of_unequal_patients_are_refused():
    with pytest.raises(InsulaeError, match="'egfr' has shape"):
        evaluate(["egfr"], visit(egfr=[80.0, 90.0]))


def test_diabetes_asks_for_two_abnormal_drinks():
    fasting, again = [126, 100, 126, 125], [100, 126, 125, 125]
    drink, second = [100, 200, 199, 250], [199, 100, 199, 200]
    found = value(
        "diabetes_by_drink",
        fasting_glucose=fasting,
        fasting_glucose_again=again,
        two_hour_glucose=drink,
        two_hour_glucose_again=second,
    )
    assert found == [0, 100, 0, 100]
