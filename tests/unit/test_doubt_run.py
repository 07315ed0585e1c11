"""A run with groups of doubt: one run, the same for any chunk, chance and doubt told apart."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.unit.tiny_study import CHUNK, RESULTS, TEXT, contents, own_cache

from insulae.core import doubts
from insulae.core.errors import InvalidStudy
from insulae.runs import store
from insulae.study import doubting, load
from insulae.study.plan import plan
from insulae.study.results import Results
from insulae.study.run import run

GROUPS = 4


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with own_cache(tmp_path_factory):
        yield


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    study = load.read(TEXT, [f"population.doubt={GROUPS}"])
    return run(study, tmp_path_factory.mktemp("run") / "out", chunk=CHUNK)


def test_chunks_change_nothing(results: Results, tmp_path: Path):
    study = load.read(TEXT, [f"population.doubt={GROUPS}"])
    whole = run(study, tmp_path / "whole", chunk=16)
    assert contents(Path(str(whole.directory))) == contents(Path(str(results.directory)))
    assert (whole.directory / doubting.FILE).read_bytes() == (results.directory / doubting.FILE).read_bytes()


def test_the_groups_are_those_of_the_numbers(results: Results):
    kept = store.read_table(results.directory / doubting.FILE)
    patients, groups = (kept[name].to_numpy() for name in ("patient", "group"))
    np.testing.assert_array_equal(groups, patients % GROUPS)
    assert set(results.endpoints()["patient"]) == set(patients)


def test_the_summary_tells_chance_and_doubt_apart(results: Results):
    told = results.summary["doubt"]
    assert told["groups"] == GROUPS
    hba1c = told["arms"]["cells"]["hba1c"]
    expected = results.summary["arms"]["cells"]["hba1c"]["mean"]
    assert hba1c["mean"] == pytest.approx(expected)
    assert all(x is not None and x >= 0 for key in ("chance", "doubt") for x in hba1c[key])
    assert told["arms"]["care"]["weeks_to_insulin_free"]["doubt"] == [None, None]
    assert set(told["differences"]) == {"care"}
    assert told["differences"]["care"]["hba1c"]["mean"][-1] == pytest.approx(
        results.summary["arms"]["care"]["hba1c"]["mean"][-1] - expected[-1]
    )


def test_only_rows_that_the_study_may_draw_are_named(results: Results):
    rows = doubting.doubted_rows(plan(load.read(TEXT, [f"population.doubt={GROUPS}"])))
    assert "islet_infusion.stem_cell_potency" in rows and "metformin.production_effect" not in rows
    named = {n for arm in results.summary["doubt"]["influence"].values() for one in arm.values() for n in one}
    assert named <= set(rows) <= {name for name, _ in doubts.doubts()}


def test_without_doubt_nothing_is_told_and_nothing_else_changes(tmp_path: Path):
    sure = run(load.read(TEXT), tmp_path / "sure", chunk=CHUNK)
    assert {path.name for path in Path(str(sure.directory)).iterdir()} == {
        *RESULTS,
        "manifest.json",
        "chunks",
    }
    assert "doubt" not in json.loads((sure.directory / "summary.json").read_text(encoding="utf-8"))


def test_too_few_people_in_a_group_are_refused(tmp_path: Path):
    with pytest.raises(InvalidStudy, match=r"population\.doubt: 8 groups of 16 people .* at most 4"):
        run(load.read(TEXT, ["population.doubt=8"]), tmp_path)
