"""Reference people: the table of typical values, what stands beside them, and the page; no simulation."""

import re
from pathlib import Path

import numpy as np
import pytest

from insulae.core import citations
from insulae.report.phenotypes import rows, write_page
from insulae.trials.phenotypes import PERSONS, QUANTITIES, TESTS, Curve, Reference, references, simulated

PLACES = [(p.name, test, q) for p in PERSONS for test in ("day", *TESTS) for q in QUANTITIES]


def curve(person: str, test: str, quantity: str, level: float = 100.0) -> Curve:
    """A curve whose median rises by one a minute from a level, within 10 below and 20 above."""
    minutes = np.arange(0, 1440.0 if test == "day" else 241.0, 5.0)
    median = level + minutes
    return Curve(person, test, quantity, minutes, np.stack([median - 10, median, median + 20]))


def reference(minute: float, lower: float, upper: float, note: str = "typical") -> Reference:
    return Reference("healthy", "day", "glucose", minute, (lower + upper) / 2, lower, upper, "", note)


CURVES = [curve(*place) for place in PLACES[:18]]
HEALTHY_DAY = curve("healthy", "day", "glucose")


def test_every_typical_value_has_a_range_around_it_and_a_curve_beside_it():
    assert references()
    for r in references():
        assert (r.person, r.test, r.quantity) in PLACES
        assert 0 < r.lower < r.value < r.upper
        assert r.minute == -1 or 0 <= r.minute <= 240
        assert r.note


def test_a_source_gives_each_value_once_and_is_in_the_references():
    keys = [(r.person, r.test, r.quantity, r.minute, r.source) for r in references()]
    assert len(set(keys)) == len(keys)
    assert {r.source for r in references()} - {""} <= set(citations.references())


def test_every_phenotype_is_compared():
    compared = {p.phenotype for p in PERSONS if p.name in {r.person for r in references()}}
    assert compared == {p.phenotype for p in PERSONS}


def test_the_median_is_read_at_the_minute_between_the_steps():
    assert simulated([HEALTHY_DAY], reference(30, 1, 2)) == 130
    assert simulated([HEALTHY_DAY], reference(32, 1, 2)) == 132


def test_minute_minus_one_asks_for_the_mean_of_the_day():
    assert simulated([HEALTHY_DAY], reference(-1, 1, 2)) == 100 + 1435 / 2


def test_a_curve_that_was_not_simulated_is_not_compared():
    with pytest.raises(ValueError, match="unpack"):
        simulated([curve("healthy", "day", "insulin")], reference(30, 1, 2))


def test_misses_stand_first_and_the_limits_are_hits():
    table = rows([reference(m, 90, 110) for m in (0, 1, 2, 3, -1)], [90, 111, 110, 89.9, 100])
    assert [row["hit"] for row in table] == [False, False, True, True, True]
    assert [row["minute"] for row in table] == ["1", "3", "0", "2", "mean"]
    assert table[0] == {
        "person": "healthy",
        "test": "day",
        "quantity": "glucose",
        "minute": "1",
        "value": "100",
        "range": "90 to 110",
        "simulated": "111",
        "hit": False,
        "source": "typical, no single source; typical",
    }


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    given = [reference(60, 90, 110), reference(-1, 800, 900, note="a <b>bold</b> note")]
    path = tmp_path_factory.mktemp("page") / "below" / "people.html"
    assert write_page(path, CURVES, given, [160.0, 817.5], patients=7) == path
    return Path(path).read_text(encoding="utf-8")


def test_the_page_asks_for_nothing_from_outside(page: str):
    assert not re.search(r"<(script|link|img|iframe)|@import|url\((?!#)", page)
    assert set(re.findall(r'https?://[^"\s<]+', page)) <= {
        "http://www.w3.org/2000/svg",
        "http://www.w3.org/1999/xlink",
    }
    assert all(link.startswith("#") for link in re.findall(r'href="([^"]*)"', page))


def test_the_page_says_first_that_it_is_simulated_and_how_many_hit(page: str):
    text = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page[page.index("<body>") :], flags=re.S)
    assert " ".join(text.split()).startswith("Simulated. Not medical advice.")
    assert "1 of 2 simulated medians lie inside their range" in text and "of 7 people" in text
    assert page.index('class="miss"') < page.index('class="hit"')


def test_the_page_holds_a_figure_for_each_curve_and_writes_notes_as_text(page: str):
    assert page.count("<svg ") == len(CURVES) == page.count("<figure>")
    names = re.findall(r'\bid="([^"]+)"', page)
    assert len(set(names)) == len(names)
    assert "<b>bold" not in page and "&lt;b&gt;bold" in page
