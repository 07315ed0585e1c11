"""The folder of published studies holds what it should, and new numbers find study, arm and endpoint."""

import csv
import re
from pathlib import Path

import pytest

from insulae.core.errors import InsulaeError, UnknownName
from insulae.core.parameters import table
from insulae.validation.catalogue import DOMAINS, EVIDENCE, Catalogue, catalogue
from insulae.validation.evidence import unseen

FOLDER = Path(__file__).parents[2] / "validation"


@pytest.fixture(scope="module")
def known() -> Catalogue:
    return catalogue(FOLDER)


def test_there_are_enough_studies_and_numbers_in_every_domain(known: Catalogue):
    numbers = [o for p in known.studies.values() for o in p.observed]
    assert len({o.study for o in numbers}) >= 35
    assert len(numbers) >= 200
    counted = {p.domain for p in known.studies.values() for o in p.observed if o.counts}
    assert counted == set(DOMAINS)


def test_every_number_stands_in_one_place(known: Catalogue):
    for published in known.studies.values():
        assert not published.study.reported, published.name
    keys = [
        (o.study, o.row["arm"], o.row["endpoint"], o.week) for p in known.studies.values() for o in p.observed
    ]
    assert sorted(key for key in keys if keys.count(key) > 1) == []


OTHER_NUMBERS = {
    "CIT07",  # its definition of insulin independence was used, no result
    "EDM_EGFR_LOW",  # the whole cohort was fitted
    "HIRST2013_ADDON",  # the trials of monotherapy were fitted
    "MSC_ZANG2022",  # its clamp was fitted, HbA1c and dose were not
    "POLONSKY1988_OBESE",  # the lean people were fitted
    "SHAH2019_OLD",  # all ages together were fitted, variation and times, not means
    "SUSTAIN9",  # the review's values of another trial were fitted
    "TITR2024_T2D",  # type 1 was fitted
}
"""Studies of a source that entered a fit with numbers that are not asked in them."""


def test_numbers_that_entered_a_fit_are_calibration(known: Catalogue):
    fitted = {row.source for row in table().values() if row.evidence == "fitted"}
    without = {
        name
        for name, published in known.studies.items()
        if published.source in fitted and all(o.role == "validation" for o in published.observed)
    }
    assert without == OTHER_NUMBERS


def test_what_is_only_recalled_never_counts(known: Catalogue):
    for published in known.studies.values():
        for o in published.observed:
            assert not (o.row["source_tier"] == "memory" and o.counts), (published.name, o.row["endpoint"])


def test_studies_are_simulated_or_excluded_never_both(known: Catalogue):
    ids = {o.study for p in known.studies.values() for o in p.observed} | set(known.studies)
    assert not ids & set(known.excluded)
    folders = {path.name for path in FOLDER.iterdir() if (path / "study.yaml").exists()}
    assert folders == set(known.studies)


def test_an_unknown_study_names_the_nearest(known: Catalogue):
    with pytest.raises(UnknownName, match="did you mean 'DIRECT'"):
        known.known("DIREKT")
    with pytest.raises(UnknownName, match="is not simulated: A definition"):
        known.known("IGLS2")


def test_a_folder_that_is_not_there_says_so(tmp_path: Path):
    with pytest.raises(InsulaeError, match="Run it in a copy of the repository"):
        catalogue(tmp_path)


def evidence(path: Path, **changes: str) -> Path:
    row = {name: "" for name in EVIDENCE} | {
        "study_id": "DIRECT",
        "n": "149",
        "arm": "intervention",
        "timepoint_weeks": "78",
        "endpoint": "weight change",
        "statistic": "mean",
        "value": "-8.5",
        "unit": "kg",
        "verified": "yes",
    }
    file = path / "new.csv"
    with file.open("w", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, list(EVIDENCE))
        writer.writeheader()
        writer.writerow(row | changes)
    return file


def test_a_study_told_twice_is_refused(tmp_path: Path):
    for path in FOLDER.glob("*.csv"):
        (tmp_path / path.name).write_text(path.read_text(encoding="utf-8"), encoding="utf-8")
    with (tmp_path / "lacks.csv").open("a", encoding="utf-8") as file:
        file.write("ADOPT,drugs,again\n")
    with pytest.raises(InsulaeError, match=r"lacks\.csv, line \d+: ADOPT stands there twice"):
        catalogue(tmp_path)


def test_a_new_number_is_asked_of_the_known_study(known: Catalogue, tmp_path: Path):
    found = unseen(evidence(tmp_path), known)
    (observed,) = found.observed["DIRECT"]
    assert not found.mistakes
    assert (observed.arms, observed.question.text, observed.week) == (
        ("programme",),
        "body_weight change",
        78.0,
    )
    assert observed.counts


def test_a_question_may_stand_in_place_of_an_endpoint(known: Catalogue, tmp_path: Path):
    found = unseen(evidence(tmp_path, endpoint="hba1c < 6.5", statistic="percent", unit="%"), known)
    assert found.observed["DIRECT"][0].question.is_condition


def test_a_paper_on_several_groups_is_found_by_the_arm(known: Catalogue, tmp_path: Path):
    new = {
        "study_id": "INDIA_OGTT",
        "arm": "isolated IFG",
        "endpoint": "OGTT glucose 30 min",
        "unit": "mg/dL",
    }
    found = unseen(evidence(tmp_path, **new, value="160", timepoint_weeks="0"), known)
    assert list(found.observed) == ["INDIA_OGTT_IFG"]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"study_id": "DIRRECT"}, r"new.csv, line 2: unknown study 'DIRRECT'. did you mean 'DIRECT'"),
        ({"arm": "interventions"}, r"has no arm 'interventions'. did you mean 'intervention'"),
        ({"endpoint": "wieght change"}, r"unknown endpoint 'wieght change'. did you mean 'weight change'"),
        ({"timepoint_weeks": ""}, r"timepoint_weeks is empty"),
        ({"unit": "mmol/L"}, r"cannot be given in kg"),
        ({"statistic": "mode"}, r"unknown statistic 'mode'"),
        ({"endpoint": "graft_mass", "unit": "dimensionless"}, r"unknown kind of number .* 'graft_mass'"),
    ],
)
def test_a_row_that_cannot_be_asked_says_why(
    known: Catalogue, tmp_path: Path, changes: dict[str, str], message: str
):
    found = unseen(evidence(tmp_path, **changes), known)
    assert not found.observed
    assert len(found.mistakes) == 1
    assert re.search(message, found.mistakes[0])


def test_a_table_without_the_columns_is_refused(known: Catalogue, tmp_path: Path):
    file = tmp_path / "other.csv"
    file.write_text("study_id,value\nDIRECT,3\n", encoding="utf-8")
    with pytest.raises(InsulaeError, match="has no column 'first_author_year'"):
        unseen(file, known)
