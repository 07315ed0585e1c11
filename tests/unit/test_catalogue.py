"""The catalogue of therapies: complete by itself, true to the code, and the page made from it not stale."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import pytest
import yaml
from pydantic import BaseModel, Field

from insulae.cli import therapies
from insulae.cli.main import main
from insulae.core.errors import UnknownName
from insulae.core.parameters import value
from insulae.core.quantities import DailyMass, Days, with_written_defaults
from insulae.study import catalogue
from insulae.study.fields import NoExample, example_of, fields_of
from insulae.study.load import read
from insulae.study.spec import Study
from insulae.therapies.base import FAMILIES, TherapySpec, Treatment, load_all, register

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "therapies.md"
KINDS = load_all().names()


def shown(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Return what the command line prints."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", ["insulae", "show", *arguments])
        main()
    captured = capsys.readouterr()
    assert not stopped.value.code, captured.err
    return captured.out


def test_the_page_is_not_stale():
    fresh = therapies.page(catalogue.entries()).strip()
    assert PAGE.read_text(encoding="utf-8").strip() == fresh, (
        f"docs/therapies.md is stale: {therapies.COMMAND}"
    )


def test_the_list_names_every_therapy_below_its_family(capsys: pytest.CaptureFixture[str]):
    lines = shown(capsys, "therapies").splitlines()
    headings = [line.partition(":")[0] for line in lines if line and line[0] not in " `"]
    listed = {line.split()[0] for line in lines if line.startswith("  ")}
    assert listed == set(KINDS)
    assert headings == [f for f in FAMILIES if any(s.family == f for _, s in load_all().items())]


def test_one_therapy_is_shown_whole(capsys: pytest.CaptureFixture[str]):
    card = shown(capsys, "therapies", "metformin")
    assert f"− {value('metformin.energy_effect'):.0f} kcal/d" in card
    for words in (
        "Known: ",
        "Assumed: ",
        "Not modelled: ",
        "hundal2000",
        "withdraw.hba1c_below",
        "2000 mg/d",
    ):
        assert words in card


def test_json_holds_all_of_it(capsys: pytest.CaptureFixture[str]):
    records = json.loads(shown(capsys, "therapies", "--json"))
    assert [record["name"] for record in records] == [kind for kind, _ in catalogue.kinds()]
    found = next(record for record in records if record["name"] == "immunosuppression")
    acts = {action["name"]: action["value"] for action in found["actions"]}
    assert acts["renal_vasoconstriction"] == pytest.approx(value("immunosuppression.vasoconstriction"))
    assert {row["name"] for row in found["parameters"]} >= {"immunosuppression.vasoconstriction"}


def test_a_page_of_anything_else_is_refused(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(AssertionError, match="there is no page of the endpoints"):
        shown(capsys, "endpoints", "--markdown")


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_loads_in_a_study(kind: str):
    example = therapies.flow(catalogue.entry(kind).example)
    study = read(
        "name: x\npopulation: {phenotype: type2, size: 1}\n"
        f"horizon: 1 week\narms:\n- name: a\n  therapies:\n  - {example}\n"
    )
    written = study.arms[0].therapies[0].model_dump(mode="json", exclude_none=True)
    assert yaml.safe_load(example).items() <= written.items()


def test_unknown_therapies_are_refused_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'acarbose'"):
        catalogue.entries(["acarbos"])


def test_a_therapy_without_a_family_is_refused():
    class Nameless(TherapySpec):
        kind: Literal["nameless"] = "nameless"

        def build(self, enrolled: Any) -> Treatment:
            raise AssertionError("refused before it is built")

    class Misnamed(Nameless):
        family: ClassVar[str] = "drug"

    with pytest.raises(UnknownName, match=r"'nameless'.*states no family"):
        register(Nameless)
    with pytest.raises(UnknownName, match="did you mean 'drugs'"):
        register(Misnamed)
    assert "nameless" not in load_all().names()


class Inner(BaseModel):
    """A record inside. Of two sentences."""

    share: Annotated[float, Field(ge=0)] = 0.5
    after: Days


class Outer(BaseModel):
    kind: Literal["outer"] = "outer"
    dose: Annotated[DailyMass, Field(description="How much.")]
    which: Literal["a", "b"]
    inner: Inner | None = None
    phases: Annotated[tuple[Inner, ...], Field(min_length=1)]


def test_fields_are_told_with_units_choices_and_records_inside():
    found = {field.name: field for field in fields_of(Outer)}
    inner, phases = ["inner", "inner.share", "inner.after"], ["phases", "phases.share", "phases.after"]
    assert list(found) == ["dose", "which", *inner, *phases]
    assert found["dose"].takes == "quantity in mg/d" and found["dose"].description == "How much."
    assert found["which"].takes == "a or b" and found["which"].default == "required"
    assert found["inner"].default == "none" and found["inner.share"].default == "0.5"
    assert found["phases"].takes == "list of record"


def test_an_example_is_made_from_examples_and_choices():
    found = example_of(Outer)
    assert found["which"] == "a" and found["dose"] == "2000 mg/d" and found["phases"][0]["after"] == "84 day"

    class Silent(BaseModel):
        kind: Literal["silent"] = "silent"
        text: str

    with pytest.raises(NoExample, match="'text' must be given"):
        example_of(Silent)


def test_labels_split_a_docstring():
    about, parts = catalogue.sections("A drug. Known: yes,\nit is. Not modelled: no. Known: also.")
    assert about == "A drug."
    assert parts == {"Known": "yes, it is. also.", "Not modelled": "no."}


SCHEMA = with_written_defaults(Study.model_json_schema())
FIELDS = [
    (record, name, one) for record, node in {**SCHEMA["$defs"], "Study": SCHEMA}.items()
    for name, one in node.get("properties", {}).items() if name != "kind" or record == "Reported"
]  # fmt: skip


@pytest.mark.parametrize(("record", "name", "one"), FIELDS, ids=[f"{r}.{n}" for r, n, _ in FIELDS])
def test_the_schema_describes_every_field(record: str, name: str, one: dict[str, Any]):
    """In words of its own, or by the unit, the choices or the record it takes."""
    options = [one, *one.get("anyOf", ())]
    says = {"description", "enum", "const", "$ref"}
    assert any(says & option.keys() for option in options)
    if any("unit" in option for option in options):
        assert not isinstance(one.get("default"), int | float), "a default without its unit"


def settings(part: Any) -> dict[str, list[str]]:
    """Return what a part of a study file says of each therapy in it, by kind, however deep."""
    found: dict[str, list[str]] = {}
    if isinstance(part, dict):
        if "kind" in part:
            found[part["kind"]] = [str(part)]
        part = list(part.values())
    for inner in part if isinstance(part, list) else ():
        for kind, said in settings(inner).items():
            found.setdefault(kind, []).extend(said)
    return found


def shown_in(study: Path) -> set[str]:
    """Return the therapies in which the arms of a study file differ, so that their effect can be seen."""
    arms = yaml.safe_load(study.read_text(encoding="utf-8")).get("arms", [])
    said = [settings(arm.get("therapies", [])) for arm in arms]
    return {kind for arm in said for kind in arm if any(other.get(kind) != arm[kind] for other in said)}


STUDIES = ROOT / "studies"
SHOWN = set[str]().union(*(shown_in(study) for study in STUDIES.rglob("*.yaml")))


@pytest.mark.parametrize("kind", KINDS)
def test_every_therapy_has_a_study_that_shows_its_effect(kind: str):
    assert kind in SHOWN, f"no file under studies/ has arms that differ in '{kind}'"
    assert f"\n### {kind}\n" in PAGE.read_text(encoding="utf-8"), f"docs/therapies.md has no '{kind}'"


def test_a_therapy_given_to_every_arm_alike_is_not_shown(tmp_path: Path):
    study = tmp_path / "study.yaml"
    alike = "{therapies: [{kind: metformin}, {kind: made_to_order, then: [{kind: islet_infusion}]}]}"
    other = "{therapies: [{kind: metformin}]}"
    study.write_text(f"arms: [{alike}, {alike}]\n", encoding="utf-8")
    assert not shown_in(study)
    study.write_text(f"arms: [{alike}, {other}]\n", encoding="utf-8")
    assert shown_in(study) == {"made_to_order", "islet_infusion"}
