"""The report of a run: one self-contained page that hides nothing, whatever the run lacks."""

import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tests.unit.report_fixture import PATIENTS, REPORTED, write_results

from insulae.core.errors import RunError
from insulae.report.baseline import baseline
from insulae.report.comparison import HIT, MISS, NOT_JUDGED, Comparison, compare
from insulae.report.page import write_report
from insulae.report.reading import read
from insulae.report.tables import comparisons
from insulae.runs import store

LARGEST_PAGE = 3_000_000  # bytes


def page_of(directory: Path, **changes: object) -> str:
    """Return the page as text with plain spaces."""
    path = write_report(write_results(directory, **changes))
    return path.read_text(encoding="utf-8").replace("\N{NO-BREAK SPACE}", " ")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    return page_of(tmp_path_factory.mktemp("results"))


def judged(directory: Path, **record: object) -> Comparison:
    """Return the verdict on one reported value."""
    return compare(
        read(write_results(directory, reported=[{"arm": "islets", "source": "wu2024", **record}]))
    )[0]


def test_the_banner_is_the_first_thing_on_the_page(page: str):
    body = page[page.index("<body>") :]
    assert re.sub(r"<[^>]+>", "", body).strip().startswith("Simulated. Not medical advice.")


def test_the_page_loads_nothing(page: str):
    assert not re.search(r"<(script|link|img|iframe|object|embed)\b", page)
    assert not re.search(r"@import|url\((?!#)|\bsrc=", page)
    links = set(re.findall(r'href="([^"]+)"', page))
    assert all(link.startswith(("#", "https://doi.org/")) for link in links)
    outside = re.findall(r'https?://[^"\s<]+', page)
    assert all(address.startswith(("https://doi.org/", "http://www.w3.org/")) for address in outside)


def test_the_page_is_small_and_the_same_each_time(page: str, tmp_path: Path):
    assert len(page.encode()) < LARGEST_PAGE
    assert page_of(tmp_path / "again") == page


def test_every_reported_value_has_a_verdict_and_misses_come_first(page: str):
    table = page[page.index('<section id="reported">') : page.index('<section id="outcomes">')]
    verdicts = re.findall(r'<tr class="([a-z-]+)">', table)
    assert len(verdicts) == len(REPORTED)
    order = ["miss", "not-judged", "hit"]
    assert verdicts == sorted(verdicts, key=order.index)
    assert set(verdicts) == set(order)
    for record in REPORTED:
        assert record["value"].split()[0] in table
    assert table.count("✗ miss") == verdicts.count("miss") > 0
    assert "https://doi.org/10.1038/s41421-024-00662-3" in table


def test_the_number_of_misses_stands_beside_the_answer(page: str):
    answer = page[page.index('<section id="answer">') : page.index('<section id="who">')]
    assert "<strong>2 missed</strong>" in answer


def test_figures_have_titles_and_units(page: str):
    figures = re.findall(r"<figure id=.*?</figure>", page, flags=re.S)
    assert len(figures) == 15
    for figure in figures:
        title = re.search(r"<h3>(.+?)</h3>", figure)
        assert title and "<svg role=" in figure
        texts = " ".join(re.findall(r"<text[^>]*>([^<]+)</text>", figure))
        assert re.search(r"%|mg/dL|U/day|pmol/L|mL/min|1 = healthy", texts), title[1]
        assert "weeks since" in texts or "time of day" in texts, title[1]
    profile = next(f for f in figures if "figure-profile-0-before" in f)
    assert "mmol/L" in profile and "mg/dL" in profile


def test_identifiers_are_unique(page: str):
    identifiers = re.findall(r'\bid="([^"]+)"', page)
    assert len(identifiers) == len(set(identifiers))


def test_the_answer_says_who_is_off_insulin_and_when(page: str):
    answer = page[page.index('<section id="answer">') : page.index('<section id="who">')]
    assert re.search(r"90 % of the simulated patients were off insulin at week 113", answer)
    assert re.search(r"last insulin, restarts counted, in week \d+ \(\d+ to \d+\)", answer)
    assert re.search(r"HbA1c went from 6\.6 % \([\d.]+ to [\d.]+\) to 5\.\d %", answer)
    assert "Time in tight range" in answer and "below 70 mg/dL" in answer
    assert "against “care as before” in the same simulated patients" in answer


def test_the_page_says_who_and_what_was_given(page: str):
    for words in ("59 years", "20.5 to 27.5 kg/m²", "One infusion of 1.2 million islet equivalents (IEQ)"):
        assert words in page
    assert "stopped at a visit after 44 weeks off insulin with HbA1c below 6.5 %" in page
    assert "Nothing new: basal and meal insulin, metformin, immunosuppression as at enrollment." in page


def test_the_page_names_limits_failures_and_how_to_run_it_again(page: str):
    assert "insulae run studies/synthetic.yaml --out results/synthetic" in page
    for words in ("Compensation of grafted islets", "Potency", "Maturation time", "Weaning policy"):
        assert words in page
    assert f"{PATIENTS} of {PATIENTS + 2} simulated patients are in the results." in page
    assert "7 of them, at most 6 times" in page
    for words in ("9c2e", "versions.jax", "0.10.2", "The numbers of this page are made up for a test."):
        assert words in page


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"arms": ("islets",)}, "The study has one arm"),
        ({"arms": ("care as before",)}, "no transplanted cells"),
        ({"reported": []}, "states no values reported from real patients"),
        ({"without": ("hba1c",)}, "HbA1c: not in this run."),
        ({"without": ("insulin_free", "weeks_to_insulin_free")}, "share off insulin is not in this run"),
        ({"without": ("graft_mass",)}, "Graft mass: this run holds no values"),
        ({"nothing": True}, "this run holds no values"),
        ({"traces": False}, "this run stored no glucose traces"),
        ({"manifest": False}, "The run left no manifest with its command."),
    ],
)
def test_what_a_run_lacks_is_said_in_a_sentence(tmp_path: Path, changes: dict[str, object], sentence: str):
    found = page_of(tmp_path, **changes)
    assert sentence in found
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r"<svg.*?</svg>", "", found, flags=re.S))


def test_a_folder_without_a_summary_is_refused(tmp_path: Path):
    with pytest.raises(RunError, match=r"summary\.json"):
        write_report(tmp_path)


@pytest.mark.parametrize(
    ("record", "verdict"),
    [
        ({"endpoint": "hba1c", "week": 0, "value": "6.6 %"}, HIT),
        ({"endpoint": "hba1c", "week": 0, "value": "49 mmol/mol"}, HIT),
        ({"endpoint": "hba1c", "week": 0, "value": "7.5 %"}, MISS),
        ({"endpoint": "hba1c", "week": 0, "value": "7.5 %", "kind": "at_most"}, HIT),
        ({"endpoint": "hba1c", "week": 0, "value": "7.5 %", "kind": "at_least"}, MISS),
        ({"endpoint": "fasting_glucose", "week": 0, "value": "7.5 mmol/L"}, HIT),
        ({"endpoint": "weeks_to_insulin_free", "value": "11 weeks"}, HIT),
        ({"endpoint": "weeks_to_insulin_free", "value": "3 weeks"}, MISS),
        ({"endpoint": "insulin_free", "week": 113, "value": "100 %"}, HIT),
        ({"endpoint": "insulin_free", "week": 0, "value": "100 %"}, MISS),
        ({"endpoint": "hba1c", "week": 70, "value": "5 %"}, NOT_JUDGED),
        ({"endpoint": "hba1c", "week": 0, "value": "6.6 kg"}, NOT_JUDGED),
        ({"endpoint": "weeks_to_insulin_free", "value": "11 weeks", "statistic": "mean", "n": 5}, NOT_JUDGED),
        ({"endpoint": "weeks_to_insulin_free", "value": "11 weeks", "statistic": "median", "n": 9}, HIT),
    ],
)
def test_the_verdict_follows_the_rule(tmp_path: Path, record: dict[str, object], verdict: str):
    found = judged(tmp_path, **record)
    assert found.verdict == verdict
    assert bool(found.reason) == (verdict == NOT_JUDGED)


def test_a_near_miss_shows_enough_digits_to_see_why(tmp_path: Path):
    series = read(write_results(tmp_path)).series("islets", "hba1c")
    assert series is not None
    high = series.at("p95", 0)
    near = f"{high + 0.002:.3f} %"
    found = judged(tmp_path, endpoint="hba1c", week=0, value=near)
    assert found.verdict == MISS
    row = comparisons([found])[0]
    assert float(row.interval.split(" to ")[1].removesuffix(" %")) == pytest.approx(high, abs=5e-4)


def test_a_mean_of_few_patients_is_judged_more_mildly_than_one_of_many(tmp_path: Path):
    wide, narrow = (
        judged(tmp_path / str(n), endpoint="hba1c", week=0, value="6.8 %", statistic="mean", n=n)
        for n in (4, 400)
    )
    assert wide.verdict == HIT and narrow.verdict == MISS
    # 90 % of a normal lie within 1.645 standard deviations; both samples vary.
    series = narrow.series
    assert series is not None
    expected = 1.6449 * series.at("sd", 0) * np.sqrt(1 / 4 + 1 / PATIENTS)
    assert wide.high - wide.center == pytest.approx(expected, rel=1e-3)


def test_nine_in_ten_trials_fall_within_the_interval_of_a_share(tmp_path: Path):
    found = judged(tmp_path, endpoint="insulin_free", week=56, value="83 %", statistic="percent", n=12)
    rng = np.random.default_rng(0)
    trials = 100 * rng.binomial(12, found.center / 100, 20000) / 12
    inside = np.mean((trials >= found.low) & (trials <= found.high))
    # The interval is closed and a share of 12 has steps, so it holds at least nine in ten.
    assert 0.9 <= inside <= 1.0
    assert found.verdict == HIT


def test_the_baseline_table_tells_who_they_are_and_says_so_where_it_is_not_known(tmp_path: Path, page: str):
    assert "This run keeps no traits of its patients" in page
    results = read(write_results(tmp_path))
    columns = {"male": [1.0, 0.0, 1.0, 1.0], "age": [40.0, 50.0, 60.0, 70.0], "bmi": [24.0, 26.0, 28.0, 30.0]}
    table = pa.table({"patient": list(range(4)), **columns})
    store.write_tables(tmp_path / "enrolled.parquet", table.schema, [table])
    found = baseline(results)
    rows = {row.label: row for row in found.rows}
    assert (found.size, found.n_women, found.n_men) == (4, 1, 3)
    assert rows["Men, n (%)"].summary == "3 (75)"
    assert rows["Age, year"].summary == "55.0 (12.9)" and rows["Age, year"].median == "55.0 (47.5 to 62.5)"
    assert rows["Age, year"].women == "50.0" and rows["Body mass index, kg/m2"].men == "27.3 (3.1)"
    html = write_report(tmp_path).read_text(encoding="utf-8")
    assert '<table id="baseline">' in html and "55.0 (12.9)" in html


def test_the_table_of_endpoints_is_read_once_for_each_visit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A page of a large run asks for many columns of the same visit."""
    results, asked = read(write_results(tmp_path)), list[Path]()
    groups = store.read_row_groups

    def counted(path: Path, *options: object) -> object:
        asked.append(path)
        return groups(path, *options)  # type: ignore[arg-type]

    monkeypatch.setattr(store, "read_row_groups", counted)
    found = [
        results.values(arm, name, float(series.weeks[-1])).numbers
        for arm, endpoints in results.arms.items()
        for name, series in endpoints.items()
        if len(series.weeks)
    ]
    assert len(found) > len(asked)
    last = {float(s.weeks[-1]) for arm in results.arms.values() for s in arm.values() if len(s.weeks)}
    assert len(asked) == len(last) and any(len(numbers) for numbers in found)
