"""Mistakes in study files: every one is a sentence with its path; and overrides."""

from pathlib import Path

import pytest

from insulae.core.errors import InvalidStudy
from insulae.study import checks, load

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "studies" / "first_case.yaml").read_text(encoding="utf-8")

MISTAKES = [
    ("arms.0.therapies.1.kind=metfromin", "arms.0.therapies.1: unknown therapy 'metfromin'; did"),
    ("arms.0.therapies.0={}", "arms.0.therapies.0: a therapy needs a 'kind'"),
    ("arms.0.therapies.0={kind: islet_infusion}", "arms.0.therapies.0.dose: is missing"),
    ("arms.0.therapies.0.dose=5 kg", "arms.0.therapies.0.dose: '5 kg' is not a dose of islets. Expected"),
    ("arms.0.therapies.0.dose=1.5", "arms.0.therapies.0.dose: '1.5' is not a dose of islets. Expected"),
    ("arms.0.therapies.0.dose=-1 IEQ", "arms.0.therapies.0.dose: '-1 IEQ' is negative"),
    ("arms.0.therapies.0.site=portal_vain", "therapies.0.site: 'portal_vain' is not a choice; did you mean"),
    ("arms.0.therapies.2.withdraw.off_insulinn=5", "withdraw.off_insulinn: unknown field"),
    ("arms.0.therapies.2.kind=acarbose", "arms.0.therapies.3: 'acarbose' stands twice"),
    ("arms.1.name=cell therapy", "arms.1.name: an arm is already named 'cell therapy'"),
    ("arms=[]", "arms: '[]' is not long enough"),
    ("population.patient.hba1c=6.6", "population.patient.hba1c: '6.6' has no unit"),
    ("population.patient.hba1c=6", "population.patient.hba1c: '6' has no unit"),
    ("population.patient.hba1c=6.6 mmol/mol", "population.patient.hba1c: '6.6 mmol/mol' is outside"),
    ("population.patient.agee=5 years", "population.patient.agee: unknown field 'agee'; did you mean 'age'?"),
    ("population.patient.insulin_dose=30 to 20 U/d", "runs from the higher to the lower"),
    ("population.patient.duration=70 years", "population.patient.duration: the disease cannot be older"),
    ("population.patient.weight=80 kg", "population.patient.bmi: is given with a weight"),
    ("population.treatment=[]", "population.patient.insulin_dose: is given, but"),
    ("population.phenotype=type3", "population.phenotype: 'type3' is not a choice"),
    ("population.size=some", "population.size: 'some' is not a whole number"),
    ("population=5", "population: '5' is not a record of fields"),
    ("populatoin.size=4", "populatoin: unknown field 'populatoin'; did you mean 'population'?"),
    ("horizon=5", "horizon: '5' has no unit"),
    ("visits=sometimes", "visits: 'sometimes' is neither like 'every 4 weeks' nor a list"),
    ("visits=[0, soon]", "visits: 'soon' is not a number with a unit"),
    ("endpoints=[hba1c, time_in_rnge]", "endpoints.1: unknown endpoint 'time_in_rnge'; did you mean"),
    ("reported.0.value=57", "reported.0.value: '57' has no unit"),
    ("reported.0.value=57 mg", "reported.0.value: '57 mg' cannot be given in %"),
    ("reported.0.source=wu", "reported.0.source: unknown reference 'wu'; did you mean 'wu2024'?"),
    ("reported.0.arm=care", "reported.0.arm: unknown arm 'care'"),
    ("reported.0.statistic=mean", "reported.0.n: is missing"),
    ("arms.7.name=x", "--set arms.7.name: '7' is not a place in a list of 2"),
    ("name.first=x", "--set name.first: there is nothing below 'first-case'"),
    ("name", "--set name: expected path=value"),
    ("name=[a", "not valid YAML"),
]  # fmt: skip


@pytest.mark.parametrize(("override", "sentence"), MISTAKES, ids=[o for o, _ in MISTAKES])
def test_a_mistake_is_told_with_its_path(override: str, sentence: str):
    with pytest.raises(InvalidStudy) as raised:
        load.read(TEXT, [override])
    assert sentence in str(raised.value)


def test_a_misspelt_therapy_of_the_only_arm_is_told_once():
    with pytest.raises(InvalidStudy) as raised:
        load.read(TEXT, ["arms=[{name: a, therapies: [{kind: metfromin}]}]", "reported=[]"])
    assert str(raised.value).startswith("arms.0.therapies.0: unknown therapy 'metfromin'")
    assert len(str(raised.value).splitlines()) == 1


def test_all_mistakes_are_told_at_once():
    with pytest.raises(InvalidStudy) as raised:
        load.read(TEXT, ["horizon=5", "population.phenotype=type3"])
    assert len(str(raised.value).splitlines()) == 2


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("name: a\nname: b\n", "x.yaml, line 2, column 1: 'name' stands twice"),
        ("name: a\n b: [\n", "x.yaml, line 2"),
        ("5", "x.yaml: a study is a list of"),
    ],
)
def test_a_text_that_is_no_study_is_told_with_its_line(text: str, sentence: str):
    with pytest.raises(InvalidStudy) as raised:
        load.read(text, name="x.yaml")
    assert sentence in str(raised.value)


def test_a_missing_file_is_told(tmp_path: Path):
    with pytest.raises(InvalidStudy, match="cannot read"):
        load.load(tmp_path / "none.yaml")


def test_overrides_replace_and_add():
    study = load.read(TEXT, ["arms.0.therapies.0.dose=2e6 IEQ", "population.size=7", "arms.2={name: third}"])
    assert study.arms[0].therapies[0].model_dump()["dose"] == "2e6 IEQ"
    assert study.population.size == 7
    assert [arm.name for arm in study.arms] == ["cell therapy", "standard care", "third"]


def test_remarks_tell_what_will_not_be_compared():
    assert checks.remarks(load.read(TEXT)) == []
    said = checks.remarks(load.read(TEXT, ["horizon=8 weeks", "population.phenotype=type1"]))
    assert any("no visit at week 113" in remark for remark in said)


def test_a_remark_tells_that_a_replaced_therapy_pauses_until_its_start():
    said = checks.remarks(load.read(TEXT, ["arms.0.therapies.1.start=3 weeks"]))
    assert said == ["arms.0.therapies.1: until its start no 'basal_bolus' is taken at all"]
