"""Numbers in words: rounding, units, weeks, and what never happened."""

import math
import re
from typing import Any

import pytest
from pydantic import ValidationError

from insulae.report import given, tables, words
from insulae.study.fields import choices_of, example_of
from insulae.therapies.base import load_all


@pytest.mark.parametrize(
    ("value", "unit", "endpoint", "text"),
    [
        (4.87, "%", "hba1c", "4.9"),
        (56.7, "%", "time_in_range", "57"),
        (99.4, "%", "time_in_range", "99.4"),
        (0.42, "%", "time_below_range", "0.4"),
        (0.0, "U/d", "insulin_dose", "0"),
        (-0.01, "U/d", "insulin_dose", "0"),
        (1274.2, "pmol/L", "meal_c_peptide_90", "1,274"),
        (0.4567, "dimensionless", "graft_mass", "0.46"),
        (math.inf, "week", "weeks_to_insulin_free", "never"),
        (math.nan, "%", "hba1c", "no value"),
    ],
)
def test_numbers_are_rounded_sensibly(value: float, unit: str, endpoint: str, text: str):
    assert words.number(value, unit, endpoint) == text


def test_intervals_name_the_unit_once():
    assert words.between(21.2, 29.5, "U/d") == "21.2 to 29.5 U/day"
    assert words.between(9, math.inf, "week") == "week 9 to never"
    assert words.between(math.inf, math.inf, "week") == "never"
    assert words.brief(4.9, 5.2, 5.6, "%", "hba1c") == "5.2 % (4.9 to 5.6)"


def test_units_of_study_files_become_those_people_write():
    assert words.plain_units("20 to 30 U/d") == "20 to 30 U/day"
    assert words.plain_units("59 year") == "59 years"
    assert words.plain_units("80 mL/min/1.73 m2") == "80 mL/min/1.73 m²"


def test_a_therapy_without_words_of_its_own_is_described_by_its_fields():
    sentence = given.care([{"kind": "new_drug", "dose": "5 mg/d", "start": "0 day"}])[0]
    assert sentence == "New drug 5 mg a day, from week 0."


def test_settings_of_any_depth_are_told_in_words():
    policy = {
        "kind": "stepwise_care",
        "target": "7 %",
        "every": "84 day",
        "remind": False,
        "egfr_limit": None,
        "schedule": {"first": "1461 day", "energy": "-500 kcal/d"},
        "steps": [{"kind": "sglt2_inhibitor", "dose": "10 mg/d"}, {"kind": "basal_bolus", "share": 0.5}],
    }
    assert given.care([policy])[0] == (
        "Stepwise care, from week 0; target 7 %, every 12 weeks, no remind, "
        "schedule (first 4 years, energy -500 kcal a day), "
        "steps: SGLT2 inhibitor (as empagliflozin) 10 mg a day, then basal and meal insulin (share 0.5)."
    )
    ended = given.care([{"kind": "weight_diet", "start": "-3650 day", "stop": "364 day", "phases": []}])[0]
    assert ended == "Weight diet, as before enrollment until week 52."


def test_a_policy_a_device_and_doses_missed_are_told():
    policy = {
        "kind": "treatment_policy",
        "every": "84 day",
        "steps": [{"kind": "metformin", "dose": "1 g/d"}],
    }
    device = {"kind": "planar_device", "thickness": "400 um", "perforated": True, "vented": False}
    weekly = {"kind": "glp1_agonist", "drug": "semaglutide", "dose": "1 mg/week", "adherence": "80 %"}
    told = given.care([policy, {"kind": "islet_infusion", "dose": "1e6 IEQ", "device": device}, weekly])
    assert told[0].endswith("at least 12 weeks apart while HbA1c is above 7 %: metformin 1 g a day.")
    assert (
        "stem cell islets, , " not in told[1]
        and ", in a planar device (thickness 400 um, perforated)" in told[1]
    )
    assert told[2] == "Semaglutide 1 mg a week, from week 0, taken on 80 % of days."


VARIANTS = [
    (kind, variant)
    for kind, spec in load_all().items()
    for example in [example_of(spec)]
    for variant in [example, *choices_of(spec, example)]
]


@pytest.mark.parametrize(("kind", "variant"), VARIANTS)
def test_every_therapy_reads_as_a_sentence(kind: str, variant: dict[str, Any]):
    """As it stands in the study file of a finished run: every field written, units as the code keeps them."""
    try:
        plain = load_all().get(kind).model_validate(variant).model_dump(mode="json", exclude_none=True)
    except ValidationError:
        return
    for sentence in given.care([plain]):
        assert sentence[0].isupper() and sentence.endswith(".")
        assert not re.search(r"[_{}\[\]]|/d\b|None|True|False|\d day\b(?!s)|\(\)", sentence), sentence


def test_known_therapies_read_as_a_physician_writes():
    cells, tablet = given.care(
        [
            {"kind": "islet_infusion", "dose": "513000 IEQ", "source": "allogeneic", "start": "0 day"},
            {"kind": "acarbose", "dose": "300 mg/d", "start": "28 day"},
        ]
    )
    assert cells == (
        "One infusion of 513,000 islet equivalents (IEQ): islets grown from another person's stem cells, "
        "given into the portal vein of the liver in week 0."
    )
    assert tablet == "Acarbose 300 mg a day, from week 4."


def test_references_link_their_doi_and_keep_free_text():
    known = tables.reference("wu2024")
    assert 'href="https://doi.org/10.1038/s41421-024-00662-3"' in known
    assert "Ładyżyński" in tables.reference("ladyzynski2014")
    assert tables.reference("A letter <1999>") == "A letter &lt;1999&gt;"


def test_assumptions_carry_numbers_of_the_table():
    for assumption in tables.assumptions():
        assert assumption.rows, assumption.name
