"""A second infusion goes to who needs it by what was seen before its day, with its own risks."""

import numpy as np
import pytest
from pydantic import ValidationError
from tests.unit.test_drugs import built, seen

from insulae.therapies.base import Treatment

ISLETS = {"dose": "4e5 IEQ", "product": "donor", "source": "allogeneic"}
RULE = {"day": "100 days", "c_peptide_below": "300 pmol/L"}


def contact(treatment: Treatment, day: float) -> Treatment:
    """Four patients: off insulin, on insulin with little, with much C-peptide, never on insulin."""
    return treatment.after(
        seen(
            day,
            days_off_insulin=np.array([20.0, 0.0, 0.0, np.inf]),
            fasting_c_peptide=np.array([200.0, 200.0, 500.0, 200.0]),
        )
    )


def dose(treatment: Treatment, day: float) -> list[float]:
    return np.broadcast_to(np.asarray(treatment.effects(day).infusion.dose, float), (4,)).tolist()


def test_it_is_given_to_who_injects_insulin_and_has_too_little_c_peptide():
    treatment = contact(built("islet_infusion", **ISLETS, again=RULE), 90.0)
    assert dose(treatment, 0.0) == [4e5] * 4
    assert dose(treatment, 100.0) == [0, 4e5, 0, 0]
    assert dose(treatment, 101.0) == [0] * 4
    without_limit = contact(built("islet_infusion", **ISLETS, again={"day": "100 days"}), 90.0)
    assert dose(without_limit, 100.0) == [0, 4e5, 4e5, 0]
    assert set(treatment.event_days()) == {0.0, 100.0}


def test_only_what_was_seen_between_the_infusions_counts():
    treatment = built("islet_infusion", **ISLETS, again=RULE)
    assert dose(treatment, 100.0) == [0] * 4
    assert dose(contact(treatment, 100.0), 100.0) == [0] * 4
    assert dose(contact(treatment, -1.0), 100.0) == [0] * 4


def test_its_risks_are_met_by_who_gets_it():
    treatment = contact(built("islet_infusion", **ISLETS, again=RULE), 90.0)
    first, second = treatment.procedures(0.0), treatment.procedures(100.0)
    assert first and set(first) == set(second)
    for event, risk in second.items():
        np.testing.assert_allclose(risk, np.array([0, 1, 0, 0]) * first[event])
    stem = {**ISLETS, "product": "stem_cell", "residual_pluripotent": "0.01 %"}
    grown = contact(built("islet_infusion", **stem, again=RULE), 90.0)
    before, after = grown.hazards(50.0), grown.hazards(150.0)
    assert before
    for event, rate in after.items():
        np.testing.assert_allclose(rate, np.array([1, 2, 1, 1]) * before[event])


def test_it_follows_the_first():
    with pytest.raises(ValidationError, match="must follow the first"):
        built("islet_infusion", **ISLETS, start="100 days", again={"day": "50 days"})
