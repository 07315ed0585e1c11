"""What a study file can say and what becomes of it."""

from pathlib import Path
from typing import Any

import pytest

from insulae.study import load
from insulae.study.ranges import read_range
from insulae.study.spec import Study
from insulae.therapies.base import LONG_AGO

ROOT = Path(__file__).parents[2]
FILES = [*sorted((ROOT / "studies").glob("*.yaml")), ROOT / "src/insulae/study/template.yaml"]

TEXT = """
name: small
population:
  phenotype: type2
  size: 4
  patient: {age: 59 years, sex: male, bmi: 20.5 to 27.5 kg/m2, fasting_glucose: 7 mmol/L, hba1c: 49 mmol/mol}
  treatment: [{kind: basal_bolus}, {kind: metformin, start: -1 year}]
horizon: 20 weeks
visits: every 8 weeks
arms:
  - name: cells
    therapies:
      - {kind: islet_infusion, dose: 1488283 IEQ, source: autologous}
      - {kind: basal_bolus, titration: wean}
      - {kind: metformin, start: 1 week}
  - name: care
"""


@pytest.fixture
def study() -> Study:
    return load.read(TEXT)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_study_written_out_reads_back_as_the_same_study(path: Path):
    study = load.load(path)
    assert load.from_plain(study.to_plain()) == study
    assert load.read(load.to_yaml(study)) == study
    assert load.to_yaml(load.read(load.to_yaml(study))) == load.to_yaml(study)


def test_quantities_are_read_in_the_unit_used_inside(study: Study):
    patient = study.population.patient
    assert patient is not None
    given = patient.given()
    assert given["age"] == (59, 59)
    assert given["male"] == (1, 1)
    assert given["bmi"] == (20.5, 27.5)
    # 7 mmol/L x 180.156 g/mol, and the NGSP master equation
    assert given["fasting_glucose"][0] == pytest.approx(126.1, abs=0.05)
    assert given["hba1c"][0] == pytest.approx(6.63, abs=0.01)
    assert study.horizon == 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20 to 30 kg", (20, 30)),
        ("900 g to 1 kg", (0.9, 1)),
        ("5e1 kg", (50, 50)),
        ("1.5e1 to 2e1 kg", (15, 20)),
    ],
)
def test_ranges(text: str, expected: tuple[float, float]):
    assert read_range(text, "kg") == pytest.approx(expected)


def test_a_dose_keeps_all_its_digits(study: Study):
    assert study.to_plain()["arms"][0]["therapies"][0]["dose"] == "1488283 IEQ"


def test_standing_therapies_are_long_established_and_replacements_inherit_it(study: Study):
    standing = {spec.kind: spec.start for spec in study.population.treatment}
    assert standing == {"basal_bolus": LONG_AGO, "metformin": pytest.approx(-365.25)}
    cells = {spec.kind: spec.start for spec in study.arms[0].therapies}
    assert cells == {"islet_infusion": 0, "basal_bolus": LONG_AGO, "metformin": 7}


def test_visits_hold_enrollment_and_horizon(study: Study):
    assert study.visit_days() == [0, 56, 112, 140]


@pytest.mark.parametrize(("visits", "days"), [([2, 4.5], [0, 14, 32, 140]), (["10 days", 30], [0, 10, 140])])
def test_visits_can_be_listed(visits: list[Any], days: list[int]):
    assert load.read(TEXT, [f"visits={visits}"]).visit_days() == days


def test_traces_are_kept_at_the_first_and_last_visit_or_where_asked(study: Study):
    assert study.stored_days() == [0, 140]
    assert load.read(TEXT, ["stored_traces.weeks=[0, 8, 9]"]).stored_days() == [0, 56]


def test_all_endpoints_or_some(study: Study):
    assert len(study.endpoint_names()) > 20
    assert load.read(TEXT, ["endpoints=[hba1c, egfr]"]).endpoint_names() == ["egfr", "hba1c"]


def test_the_schema_offers_every_therapy():
    from insulae.therapies.base import load_all

    schema = Study.model_json_schema()
    choices = schema["$defs"]["Arm"]["properties"]["therapies"]["items"]
    assert set(choices["discriminator"]["mapping"]) == set(load_all().names())
    assert len(choices["oneOf"]) == len(load_all().names())


@pytest.mark.parametrize("path", FILES[:-1], ids=lambda path: path.stem)
def test_the_studies_of_the_repository_say_what_is_not_known(path: Path):
    study = load.load(path)
    assert study.question and study.notes
    before = {spec.kind for spec in study.population.treatment}
    assert len(study.arms) >= 2 and {spec.kind for spec in study.arms[-1].therapies} <= before
