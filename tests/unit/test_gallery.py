"""The gallery: entries name what exists, values are those of the patients, figures drawn, the page fresh."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gallery import draw, page
from gallery.__main__ import FIGURES, PAGE, kept, main, rendered
from gallery.families import Family, Panel, families, mistakes
from gallery.values import values
from pydantic import ValidationError
from tests.unit.report_fixture import write_results

from insulae.core.errors import RunError, UnknownName
from insulae.report.reading import Results, read

FAMILIES = families()
EVERY = pytest.mark.parametrize("family", FAMILIES, ids=[family.name for family in FAMILIES])
PNG = b"\x89PNG"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return read(write_results(tmp_path_factory.mktemp("results")))


def family(*panels: dict[str, Any]) -> Family:
    made = tuple(Panel.model_validate(panel) for panel in panels)
    return Family(name="x", title="A title", study="studies/first_case.yaml", shows="Something.", panels=made)


def rows(results: Results, **panel: Any) -> dict[Any, Any]:
    """Return the rows of one panel by what they stand for."""
    found = values(family(panel), results)["panels"][0]
    return {row["at"]: row for row in found["rows"]}


@EVERY
def test_an_entry_names_what_exists(family: Family):
    assert not mistakes(family)


@EVERY
def test_a_family_has_its_values_and_its_figure(family: Family):
    found = kept(family)
    assert found is not None, f"python -m gallery {family.name}"
    assert found["study"] == family.study and len(found["panels"]) == len(family.panels)
    assert (FIGURES / f"{family.name}.png").read_bytes().startswith(PNG)


def test_the_page_is_that_of_the_kept_values():
    assert PAGE.read_text(encoding="utf-8") == rendered(), (
        "docs/gallery.md is stale: python -m gallery --draw"
    )
    assert "Simulated; not medical advice" in PAGE.read_text(encoding="utf-8")


def test_a_course_holds_median_and_band_of_each_arm(results: Results):
    found = values(family({"draw": "course", "endpoint": "hba1c"}), results)["panels"][0]
    series = results.series("islets", "hba1c")
    assert series is not None
    assert found["lines"]["islets"]["center"] == pytest.approx(series.statistics["p50"], rel=1e-4)
    assert found["lines"]["islets"]["low"] == pytest.approx(series.statistics["p05"], rel=1e-4)
    assert {one["verdict"] for one in found["reported"]} == {"hit", "miss"}


def test_changes_and_differences_are_of_the_same_patient(results: Results):
    late, early = (results.values("islets", "hba1c", week) for week in (113.0, 0.0))
    change = rows(results, draw="arms", endpoint="hba1c", week=113, change=True)
    assert change["islets"]["center"] == pytest.approx(float(np.mean(late.less(early).numbers)), rel=1e-4)
    other = results.values("care as before", "hba1c", 113.0)
    against = rows(results, draw="arms", endpoint="hba1c", week=113, against="care as before")
    assert against["islets"]["center"] == pytest.approx(float(np.mean(late.less(other).numbers)), rel=1e-4)
    assert against["care as before"]["center"] == 0


def test_classes_share_out_all_patients(results: Results):
    panel = {"draw": "classes", "endpoint": "insulin_free", "week": 113, "by": "hba1c", "by_change": True}
    found = rows(results, **panel, cuts=[-1.5, -1.0], arms=["islets"])
    assert list(found) == ["below -1.5", "-1.5 to -1", "-1 or more"]
    assert sum(row["n"] for row in found.values()) == len(results.values("islets", "hba1c", 113.0).numbers)
    free = results.values("islets", "insulin_free", 113.0).numbers
    counted = sum(row["n"] * (row["center"] or 0) for row in found.values())
    assert counted / len(free) == pytest.approx(float(free.mean()), rel=1e-3)


def test_a_dose_is_read_from_the_therapy_of_the_arm(results: Results):
    found = rows(results, draw="dose", endpoint="hba1c", week=113, over="islet_infusion.dose")
    assert list(found) == [1.2e6]
    with pytest.raises(RunError, match=r"islet_infusion\.site' is no number"):
        rows(results, draw="dose", endpoint="hba1c", over="islet_infusion.site")


def test_what_was_reported_of_an_arm_stands_at_its_dose(results: Results):
    made = {"draw": "dose", "endpoint": "hba1c", "week": 113, "over": "islet_infusion.dose"}
    panel = values(family(made), results)["panels"][0]
    assert panel["axis"] == "islet infusion: dose (IEQ)"
    reported = [(r["endpoint"], r.get("week")) for r in results.study["reported"]]
    n = reported.count(("hba1c", 113))
    assert n and [one["at"] for one in panel["reported"]] == [1.2e6] * n


@pytest.mark.parametrize(("arms", "footer"), [(2, False), (3, True)])
def test_bands_of_many_arms_do_not_hide_one_another(results: Results, arms: int, footer: bool):
    found = values(family({"draw": "course", "endpoint": "hba1c"}), results)
    one = next(iter(found["panels"][0]["lines"].values()))
    found["panels"][0]["lines"] = {str(i): one for i in range(arms)}
    assert ("where there are many arms" in draw._footer(found)) == footer


PANELS: list[dict[str, Any]] = [
    {"draw": "course", "endpoint": "hba1c"},
    {"draw": "arms", "endpoint": "hba1c", "week": 113, "change": True},
    {"draw": "classes", "endpoint": "insulin_free", "by": "hba1c", "cuts": [2.0, 5.5], "arms": ["islets"]},
    {
        "draw": "dose",
        "endpoint": "hba1c",
        "over": "islet_infusion.dose",
        "published": [{"at": 1e6, "value": 5, "source": "wu2024", "note": "made up"}],
    },
]


@pytest.mark.parametrize("chosen", [[0, 1], [2, 3], [0]])
def test_every_kind_of_panel_is_drawn_and_told(results: Results, tmp_path: Path, chosen: list[int]):
    made = family(*(PANELS[i] for i in chosen))
    found = values(made, results)
    draw.write(made.title, found, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(PNG)
    text = page.render([(made, found)])
    assert text.count("**Missed:**") == len(found["misses"]) == 2
    assert ("published 5 (made up), not simulated" in text) == (3 in chosen)
    assert "nan" not in text and "None" not in text


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"endpoint": "hba1"}, "did you mean 'hba1c'"),
        ({"arms": ["standard car"]}, "did you mean 'standard care'"),
        ({"week": 3}, "there is no visit at week 3"),
        ({"published": [{"at": "x", "value": 1, "source": "wu202"}]}, "did you mean 'wu2024'"),
    ],
)
def test_a_wrong_name_in_an_entry_is_told(changes: dict[str, Any], sentence: str):
    found = mistakes(family({"draw": "arms", "endpoint": "hba1c", **changes}))
    assert len(found) == 1 and sentence in found[0]


def test_incomplete_panels_and_unknown_families_are_refused():
    with pytest.raises(ValidationError, match=r"islet_infusion\.dose"):
        Panel(draw="dose", endpoint="hba1c")
    with pytest.raises(ValidationError, match="cuts"):
        Panel(draw="classes", endpoint="hba1c", by="body_weight")
    with pytest.raises(UnknownName, match="did you mean 'zimislecel'"):
        main(["zimislecell"])
