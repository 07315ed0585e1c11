"""What nobody can be given is refused in plain words: doses, sites, cells, drugs that do not go together."""

from pathlib import Path
from typing import Any

import pytest

from insulae.core.errors import InvalidStudy
from insulae.study.checks import remarks
from insulae.study.load import load
from insulae.study.spec import Study

STUDY = Path(__file__).parents[2] / "studies" / "protection.yaml"
PATH = "arms.0.therapies.0"
OWN = "dose: 1e6 IEQ, source: autologous"
FOREIGN = "dose: 1e6 IEQ, source: allogeneic"
REFUSED = [
    ("kind: metformin, dose: 20 g/d", f"{PATH}.dose: 20000 mg/d of metformin is not a dose that is used"),
    ("kind: metformin, dose: -500 mg/d", "expected more than 0 and at most 3000 mg/d"),
    ("kind: sglt2_inhibitor, dose: 250 mg/d", "at most 25 mg/d"),
    ("kind: acarbose, dose: 9 g/d", "at most 600 mg/d"),
    ("kind: dpp4_inhibitor, dose: 1 g/d", "at most 200 mg/d"),
    ("kind: pioglitazone, dose: 450 mg/d", "at most 45 mg/d"),
    ("kind: sulfonylurea, dose: 80 mg/d", "at most 8 mg/d"),
    ("kind: tirzepatide, dose: 500 mg/week", "at most 15 mg/week"),
    ("kind: metformin, start: 4 weeks, stop: 2 weeks", "stop (day 14) lies before start (day 28)"),
    ("kind: islet_infusion, dose: 1e12 IEQ, source: allogeneic", "expected at most 10,000,000 IEQ"),
    ("kind: islet_infusion, dose: 1e6 IEQ/kg, source: allogeneic", "expected at most 100,000 IEQ/kg"),
    (f"kind: islet_infusion, {OWN}, hla_mismatch: 3", "hla_mismatch is of another person's cells"),
    (f"kind: islet_infusion, {OWN}, product: donor, edits: {{}}", "own islets go back unedited"),
    (f"kind: islet_infusion, {FOREIGN}, product: donor, residual_pluripotent: 1 %", "no pluripotent cells"),
    (f"kind: islet_infusion, {FOREIGN}, edits: {{shield: cd74}}", "did you mean 'cd47'?"),
    (f"kind: islet_infusion, {FOREIGN}, edits: {{efficiency: 0.95}}", "for example '95 %'"),
    (f"kind: islet_infusion, {FOREIGN}, site: portal vein", "did you mean 'portal_vein'?"),
    (f"kind: islet_infusion, {FOREIGN}, device: {{kind: capsule}}", "unknown device 'capsule'; did you mean"),
    (f"kind: islet_infusion, {FOREIGN}, device: {{}}", "a device needs a 'kind'"),
    (
        "kind: islet_infusion, source: autologous, lot: {source: autologous_ipsc, target: 1e6 IEQ, bank: 3}",
        f"{PATH}.lot: cells of 'autologous_ipsc' come from no bank",
    ),
    (
        "kind: islet_infusion, source: allogeneic, product: donor, "
        "lot: {source: donor_islets, target: 3e5 IEQ, volume: 3 L}",
        "islets of 'donor_islets' are not grown",
    ),
    ("kind: immunosuppression, induction: ATG", "did you mean 'atg'?"),
    ("kind: immunosuppression, taper: 4 weeks", "a taper needs a stop"),
    ("kind: immunosuppression, stop: 4 weeks, taper: 8 weeks", "lies before the start (day 0)"),
    ("kind: immunosuppression, switch: {egfr_below: 40 mL/min, to: tacrolimus_mmf}", "taken anyway"),
    ("kind: teplizumab, interval: -1 week", f"{PATH}.interval: input should be greater than 0"),
    ("kind: lifestyle, energy_change: -50000 kcal/d", "greater than or equal to -3000"),
    ("kind: weight_loss_programme, intake: 0 kcal/d", "greater than or equal to 400"),
]


def studied(therapy: str) -> Study:
    return load(STUDY, [f"{PATH}={{{therapy}}}"])


@pytest.mark.parametrize(("therapy", "expected"), REFUSED, ids=[therapy for therapy, _ in REFUSED])
def test_what_cannot_be_is_refused_where_it_stands(therapy: str, expected: str):
    with pytest.raises(InvalidStudy) as refused:
        studied(therapy)
    assert expected in str(refused.value) and PATH in str(refused.value)


def test_choices_that_are_kept_in_two_places_are_told_once():
    with pytest.raises(InvalidStudy) as refused:
        studied("kind: basal_bolus, titration: weaned")
    told = [line for line in str(refused.value).splitlines() if "titration" in line]
    assert len(told) == 1 and "Known: hold, keep, target, wean, wean_by_c_peptide" in told[0]


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "metformin", "dose": "3000 mg/d"},
        {"kind": "islet_infusion", "dose": "20000 IEQ/kg", "source": "allogeneic"},
        {"kind": "islet_infusion", "dose": "1e6 IEQ", "source": "autologous", "edits": {"shield": "cd47"}},
        {"kind": "immunosuppression", "stop": "8 weeks", "taper": "8 weeks"},
    ],
)
def test_what_is_given_at_most_is_taken(given: dict[str, Any]):
    written = ", ".join(f"{name}: {value}" for name, value in given.items()).replace("'", "")
    assert studied(written).arms[0].therapies[0].kind == given["kind"]


def test_a_therapy_after_the_end_is_told():
    late = studied("kind: metformin, start: 104 weeks")
    assert any("'metformin' starts in week 104, when the study has ended" in one for one in remarks(late))
    in_time = studied("kind: metformin, start: 103 weeks")
    assert not any("has ended" in one for one in remarks(in_time))
