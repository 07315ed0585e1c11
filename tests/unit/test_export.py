"""A finished run as SDTM and ADaM: what is in the files, what is said to be missing, what is refused."""

import csv
import datetime
import json
import math
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit import tiny_study
from tests.unit.finished_run import DEATH, HAPPENED, TEXT, write_run
from typer.testing import CliRunner

from insulae.cli.main import app
from insulae.core.errors import InsulaeError, RunError
from insulae.endpoints.base import catalogue
from insulae.interop import cdisc, dataset_files
from insulae.interop.dataset import dataset, date_text, known_variables, study_day
from insulae.interop.define import DEFINE, ODM
from insulae.interop.measures import parameter_code
from insulae.study import load
from insulae.study.run import run

SHAPE = Path(__file__).parents[1] / "files" / "cdisc" / "pilot_shape.csv"
PLAIN = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=200).map(str.strip)
NUMBERS = st.floats(-1e70, 1e70).filter(lambda x: x == 0 or abs(x) > 1e-70) | st.just(math.nan)
ROWS = st.lists(st.tuples(PLAIN, NUMBERS, st.integers(-40_000, 40_000)), min_size=1, max_size=20)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory):
    with tiny_study.own_cache(tmp_path_factory):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of an exported run."""
    return cdisc.export(write_run(tmp_path_factory.mktemp("export") / "run"))[0]


def table(folder: Path, name: str) -> pd.DataFrame:
    standard = "adam" if name.startswith("AD") else "sdtm"
    return pyreadstat.read_xport(folder / standard / f"{name.lower()}.xpt")[0]


def subject(rows: pd.DataFrame, arm: int, patient: int) -> pd.DataFrame:
    return rows[rows["USUBJID"] == f"SIM-SMALL-SAFE-ARM{arm}-{patient:06d}"]


# The transport format


@given(ROWS)
@settings(max_examples=60, deadline=None)
def test_a_transport_file_reads_back_as_it_was_written(tmp_path_factory: pytest.TempPathFactory, rows):
    texts, numbers, days = zip(("x", 1.0, 0), *rows, strict=True)  # a column without a value is left out
    made = dataset("ADLB", pd.DataFrame({"PARAM": texts, "AVAL": numbers, "ADT": [float(d) for d in days]}))
    path = tmp_path_factory.getbasetemp() / "adlb.xpt"
    dataset_files.write_transport(made, path)
    found, about = pyreadstat.read_xport(path, disable_datetime_conversion=True)
    # a number of the format has at least the 53 bits of a double within these limits
    pd.testing.assert_frame_equal(found, made.table, check_exact=True, check_dtype=False)
    assert (about.file_label, about.table_name) == ("Laboratory Analysis (simulated)", "ADLB")
    assert about.original_variable_types["ADT"] == "DATE9"


def test_a_transport_file_is_of_version_five(folder: Path):
    assert (
        (folder / "sdtm" / "dm.xpt")
        .read_bytes()
        .startswith(b"HEADER RECORD*******LIBRARY HEADER RECORD!!!!!!!")
    )


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        ("ARM", "a" * 201, "DM.ARM: longer than 200 letters"),
        ("ARM", "µ", "DM.ARM: only ASCII can be written, not 'µ'"),
        ("ARM", " a", "DM.ARM: only ASCII"),
        ("ARMS", "a", "DM cannot have the variable ARMS"),
    ],
)
def test_what_the_format_does_not_take_is_refused(column: str, text: str, message: str):
    with pytest.raises(RunError, match=re.escape(message)):
        dataset("DM", pd.DataFrame({column: [text]}))


def test_the_table_of_variables_keeps_the_rules_of_the_format():
    names = [(v.dataset, v.variable) for v in known_variables()]
    assert len(set(names)) == len(names)
    for v in known_variables():
        assert re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", v.variable) and 0 < len(v.label) <= 40, v
        assert v.type in ("char", "num", "int", "date") and v.core in ("Req", "Exp", "Cond", "Perm"), v


def test_variables_have_the_labels_and_types_of_the_pilot_study():
    known = {(v.dataset, v.variable): v for v in known_variables()}
    rows = list(csv.DictReader(SHAPE.read_text().splitlines()))
    assert len(rows) > 100
    for row in rows:
        mine = known[row["dataset"], row["variable"]]
        assert (mine.label, mine.type == "char") == (row["label"], row["type"] == "char"), row
        assert (mine.type == "date") == (row["format"] == "DATE9"), row


def test_every_endpoint_has_a_parameter_code_of_its_own():
    codes = [parameter_code(member.name) for member in catalogue()]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch(r"[A-Z][A-Z0-9]{0,7}", code) for code in codes)


@given(st.integers(-10_000, 40_000))
def test_days_and_dates_agree_and_there_is_no_day_zero(day: int):
    date = datetime.date.fromisoformat(date_text(day))
    assert (date - datetime.date(2000, 1, 1)).days == day
    assert study_day(day) != 0 and study_day(day) - day in (0, 1)


# The datasets of a run


def test_every_dataset_says_that_it_is_simulated_and_both_files_hold_the_same(folder: Path):
    paths = sorted(folder.glob("*/*.xpt"))
    assert len(paths) == 12
    for path in paths:
        found, about = pyreadstat.read_xport(path, disable_datetime_conversion=True)
        plain = json.loads(path.with_suffix(".json").read_text())
        assert about.file_label == plain["label"] and "simulated" in plain["label"]
        assert (found["STUDYID"] == "SIM-SMALL-SAFE").all()
        assert [c["name"] for c in plain["columns"]] == list(found) and plain["records"] == len(found)
        for column, values in zip(plain["columns"], zip(*plain["rows"], strict=True), strict=True):
            there = found[column["name"]]
            if column["dataType"] == "string":
                assert [v or "" for v in values] == list(there)
            elif column["dataType"] != "date":
                assert [math.nan if v is None else v for v in values] == pytest.approx(
                    list(there), nan_ok=True
                )


def test_a_person_is_one_subject_in_each_arm_with_the_same_traits(folder: Path):
    people = table(folder, "DM")
    assert sorted(people["SUBJID"]) == ["ARM1-000000", "ARM1-000001", "ARM2-000000", "ARM2-000001"]
    assert list(people["SEX"]) == ["F", "M"] * 2 and list(people["AGE"]) == [40.0, 63.0] * 2
    assert list(people["DTHDTC"]) == ["", "2000-01-31", "", ""]  # day 30 after the first of January
    assert list(people["RFXSTDTC"]) == ["2000-01-01"] * 2 + [""] * 2  # the arm of usual care begins nothing


def test_subjects_have_their_body_size_and_what_no_run_holds_is_named(tmp_path: Path):
    made = {one.name: one for one in cdisc.export(write_run(tmp_path / "run"))[1]}
    assert {"SITEID", "COUNTRY"} == {v.variable for v in made["DM"].absent if v.core == "Req"}
    subjects = made["ADSL"].table
    assert list(subjects["HEIGHTBL"]) == [160.0, 180.0] * 2 and list(subjects["BMIBL"]) == [25.0] * 4
    assert list(subjects["DIABDUR"]) == [12.5, 30.0] * 2 and list(subjects["SEX"]) == ["F", "M"] * 2


def test_laboratory_values_are_those_of_the_run_until_death(folder: Path):
    rows = table(folder, "LB")
    chosen = rows[(rows["LBTESTCD"] == "CPEPTIDE") & (rows["LBTPTNUM"] == 90)]
    assert list(subject(chosen, 1, 0)["LBSTRESN"]) == [10.0, 400.0, 800.0]
    assert list(subject(chosen, 1, 1)["LBDY"]) == [1.0, 29.0]  # died before week 8
    assert list(subject(chosen, 2, 0)["LBLOBXFL"]) == ["Y", "", ""]
    assert set(rows["LBFAST"][rows["LBTESTCD"] == "HBA1CHGB"]) == {""}


def test_analysis_rows_point_to_the_laboratory_rows_they_come_from(folder: Path):
    analysis, collected = table(folder, "ADLB"), table(folder, "LB")
    both = analysis.merge(collected, on=["USUBJID", "LBSEQ"], validate="one_to_one")
    assert len(both) == len(analysis) == len(collected)
    assert (both["AVAL"] == both["LBSTRESN"]).all() and (both["ADY"] == both["LBDY"]).all()
    hba1c = subject(analysis[analysis["PARAMCD"] == "HBA1CHGB"], 1, 0)
    assert list(hba1c["CHG"].dropna()) == [-0.5, -1.0] and list(hba1c["ABLFL"]) == ["Y", "", ""]


def test_other_endpoints_are_efficacy(folder: Path):
    rows = table(folder, "ADEFF")
    assert set(rows["PARAMCD"]) == {"WEIGHT", parameter_code("insulin_free")}
    free = subject(rows[rows["PARAMCD"] == parameter_code("insulin_free")], 1, 0)
    assert list(free["AVALC"]) == ["N", "N", "Y"] and free["CHG"].isna().all()


def test_an_event_that_outlasts_the_study_is_not_resolved(folder: Path):
    rows = table(folder, "AE").set_index("AETERM")
    ended = rows[["AEOUT", "AEENDTC", "AETOXGR", "AESER"]].T.to_dict("list")
    assert ended["Mouth ulcers"] == ["RECOVERED/RESOLVED", "2000-01-09", "1", "N"]
    assert ended["Infection"] == ["NOT RECOVERED/NOT RESOLVED", "", "2", "Y"]
    assert ended["Severe infection"] == ["FATAL", "2000-01-31", "5", "Y"]
    emergent = table(folder, "ADAE").set_index("AETERM")["TRTEMFL"]
    assert emergent["Infection"] == "Y" and emergent["Severe hypoglycemia (level 3)"] == ""


def test_times_to_events_end_with_the_event_or_are_censored(folder: Path):
    rows = table(folder, "ADTTE")

    def of(code: str, arm: int, patient: int) -> list[object]:
        return (
            subject(rows[rows["PARAMCD"] == code], arm, patient)[["AVAL", "CNSR", "CNSDTDSC"]]
            .iloc[0]
            .to_list()
        )

    assert of("DEATH", 1, 1) == [DEATH[2] + 1, 0, ""]
    assert of("DEATH", 2, 1) == [57, 1, "End of study"]
    assert of("SERIOUS", 1, 0) == [51, 0, ""]
    assert of("SEVHYPO", 1, 1) == [31, 1, "Death"]
    assert of(parameter_code("weeks_to_insulin_free"), 1, 0) == [43, 0, ""]
    source = subject(rows[rows["PARAMCD"] == "SERIOUS"], 1, 0)["SRCSEQ"].iloc[0]
    events = subject(table(folder, "AE"), 1, 0)
    assert list(events["AETERM"][events["AESEQ"] == source]) == ["Infection"]


def test_treatments_are_those_of_the_study_file(folder: Path):
    given_now, before = subject(table(folder, "EX"), 1, 1), table(folder, "CM")
    assert list(given_now["EXTRT"]) == ["IMMUNOSUPPRESSION", "ISLET INFUSION"]
    assert list(given_now["EXENDTC"]) == ["2000-01-22", "2000-01-31"]  # stopped; ended by death
    assert given_now["EXDOSE"].dropna().to_list() == [1e6] and "IEQ" in list(given_now["EXDOSU"])
    assert set(before["CMTRT"]) == {"BASAL BOLUS"} and (before["CMSTDY"] < 0).all()


@pytest.mark.parametrize("standard", ["sdtm", "adam"])
def test_define_describes_every_file_and_names_what_is_missing(folder: Path, standard: str):
    root = ET.parse(folder / standard / "define.xml").getroot()
    defined = {item.get("OID"): item.get("Name") for item in root.iter(f"{{{ODM}}}ItemDef")}
    comments = {c.get("OID"): "".join(c.itertext()) for c in root.iter(f"{{{DEFINE}}}CommentDef")}
    groups = list(root.iter(f"{{{ODM}}}ItemGroupDef"))
    assert {g.get("Name").lower() for g in groups} == {
        path.stem for path in (folder / standard).glob("*.xpt")
    }
    for group in groups:
        items = [defined[ref.get("ItemOID")] for ref in group.iter(f"{{{ODM}}}ItemRef")]
        rows = table(folder, group.get("Name"))
        assert items == list(rows)
        keyed = [ref for ref in group.iter(f"{{{ODM}}}ItemRef") if ref.get("KeySequence")]
        assert not rows.duplicated([defined[ref.get("ItemOID")] for ref in keyed]).any()
        assert "Simulated" in comments[group.get(f"{{{DEFINE}}}CommentOID")]
    assert "Required but not held by the run: SITEID" in " ".join(comments.values())
    version = next(root.iter(f"{{{ODM}}}MetaDataVersion"))
    assert (
        "made-up date" in version.get("Description") and version.get(f"{{{DEFINE}}}DefineVersion") == "2.0.0"
    )


def test_a_dataset_without_a_row_has_no_file(tmp_path: Path):
    folder, made = cdisc.export(write_run(tmp_path / "run", happened=[]))
    assert not (folder / "sdtm" / "ae.xpt").exists() and not (folder / "adam" / "adae.xpt").exists()
    assert {one.name for one in made if not len(one.table)} == {"AE", "ADAE"}
    assert (table(folder, "ADTTE").query("PARAMCD == 'DEATH'")["CNSR"] == 1).all()


# What is refused


@pytest.mark.parametrize(
    "name", ["summary.json", "endpoints.parquet", "events.parquet", "enrolled.parquet", "study.yaml"]
)
def test_a_run_that_is_not_whole_is_refused_and_nothing_is_left(tmp_path: Path, name: str):
    folder = write_run(tmp_path / "run")
    (folder / name).unlink()
    with pytest.raises(RunError, match=name):
        cdisc.export(folder, tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_half_written_table_is_refused(tmp_path: Path):
    path = write_run(tmp_path / "run") / "endpoints.parquet"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(RunError, match=r"cannot read .*endpoints\.parquet"):
        cdisc.export(tmp_path / "run", tmp_path / "out")


def test_a_table_of_another_study_is_refused(tmp_path: Path):
    folder = write_run(tmp_path / "run")
    (folder / "study.yaml").write_text(load.to_yaml(load.read(TEXT.replace("name: care", "name: usual"))))
    with pytest.raises(RunError, match="disagree about the arm 'care'"):
        cdisc.export(folder)


def test_an_existing_folder_is_not_overwritten(tmp_path: Path):
    (tmp_path / "out").mkdir()
    with pytest.raises(RunError, match="exists already"):
        cdisc.export(write_run(tmp_path / "run"), tmp_path / "out")


def test_a_disk_that_refuses_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    folder = write_run(tmp_path / "run")
    monkeypatch.setattr(cdisc, "define_xml", refuse)
    with pytest.raises(RunError, match="No space left on device"):
        cdisc.export(folder, tmp_path / "deep" / "out")
    assert not list((tmp_path / "deep").iterdir())


def test_an_event_this_version_does_not_know_is_refused(tmp_path: Path):
    strange = [(*HAPPENED[0][:3], "mouth_ulcers", *HAPPENED[0][4:])]
    with pytest.raises(InsulaeError, match="unknown adverse event 'mouth_ulcers'"):
        cdisc.export(write_run(tmp_path / "run", happened=strange))


def test_the_command_exports_a_run_of_the_simulator(tmp_path: Path):
    study = load.read(tiny_study.TEXT, ["population.size=8"])
    summary = run(study, tmp_path / "run", chunk=tiny_study.CHUNK).summary
    shown = CliRunner().invoke(app, ["export", str(tmp_path / "run"), "--to", "cdisc"])
    assert shown.exit_code == 0, shown.output
    assert "required but not held by the run: SITEID" in shown.output and "not medical advice" in shown.output
    kept = pd.read_parquet(tmp_path / "run" / "endpoints.parquet")
    kept = kept[(kept["endpoint"] == "hba1c") & kept["value"].notna()]
    found = table(tmp_path / "run" / "cdisc", "LB")
    assert sorted(found["LBSTRESN"]) == sorted(kept["value"])
    analysis = table(tmp_path / "run" / "cdisc", "ADLB")
    for arm, counted in summary["harm"].items():
        at_the_end = analysis[(analysis["TRTA"] == arm) & (analysis["AVISIT"] == "Week 2")]
        assert at_the_end["AVAL"].mean() == pytest.approx(
            summary["arms"][arm]["hba1c"]["mean"][-1], rel=1e-12
        )
        deaths = table(tmp_path / "run" / "cdisc", "ADTTE").query("PARAMCD == 'DEATH' and TRTP == @arm")
        assert (deaths["CNSR"] == 0).sum() == counted["deaths"]
        # the first day is study day 1; years of 365.25 days
        assert (deaths["AVAL"] - 1).sum() / 365.25 == pytest.approx(counted["patient_years"], rel=1e-6)
