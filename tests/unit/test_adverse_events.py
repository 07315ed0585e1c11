"""Adverse events: drawn at the rates that were asked for, the same however time and patients are cut."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import kstest
from tests.contracts.test_therapies import CHANGES, make
from tests.unit.tiny_study import TEXT

from insulae.core.adverse_events import FATAL, adverse_event, adverse_events, mistakes
from insulae.core.citations import references
from insulae.core.counted_draws import counted_uniforms
from insulae.core.errors import UnknownName
from insulae.core.life_table import death_rate
from insulae.core.parameters import changed, lookup
from insulae.endpoints.base import Visit
from insulae.physiology.effects import Effects
from insulae.study import load
from insulae.study.results import Results
from insulae.study.run import run
from insulae.study.safety_counts import SafetyCounts, rate_interval, share_interval
from insulae.therapies.base import Enrolled, Flags, Risks, Treatment
from insulae.trials.adverse_events import EventDraws, Safety
from insulae.trials.body_events import BACKGROUND, BODY, BodyEvents
from insulae.trials.happened import Happened

SEED, N = 7, 2000
YEAR = 364
EVERYBODY = np.arange(N)
FIELDS = [field.name for field in dataclasses.fields(Happened)]


@dataclasses.dataclass(frozen=True)
class Harmful(Treatment):
    """A treatment that does nothing but harm; `size` is the number of patients."""

    size: int
    rates: dict[str, float] = dataclasses.field(default_factory=dict)
    risks: dict[str, float] = dataclasses.field(default_factory=dict)
    day: int = 0

    def effects(self, day: float) -> Effects:
        return Effects()

    def is_taken(self, day: float) -> Flags:
        return np.ones(self.size, bool)

    def hazards(self, day: float) -> Risks:
        return {name: np.full(self.size, rate, np.float32) for name, rate in self.rates.items()}

    def procedures(self, day: float) -> Risks:
        risks = self.risks if day == self.day else {}
        return {name: np.full(self.size, risk, np.float32) for name, risk in risks.items()}


class Insulin(Harmful):
    """A treatment that counts as insulin."""

    sort = "insulin"


def enrolled(size: int, age: float = 50.0) -> Enrolled:
    """People with type 1 diabetes who have the central value of every parameter."""
    names = [f.name for f in dataclasses.fields(Enrolled) if f.name != "draw"]
    values = {name: np.full(size, 1.0, np.float32) for name in names} | {
        "age": np.full(size, age, np.float32)
    }
    return Enrolled(**values, draw=lambda name: np.full(size, lookup(name, "type1").value, np.float32))


def lived(
    treatments: dict[str, Treatment],
    cuts: list[int],
    ids: Any = EVERYBODY,
    low_share: float = 0.0,
    background: bool = False,
) -> Safety:
    """Let the days pass in stretches that end at the cuts."""
    size = len(ids)
    safety = Safety(EventDraws(SEED, ids), BodyEvents(enrolled(size), background))
    for first, last in zip([0, *cuts[:-1]], cuts, strict=True):
        safety.pass_days(treatments, first, last - first, np.full(size, low_share, np.float32))
    return safety


WEEKLY = list(range(7, YEAR + 1, 7))


def harm(size: int = N, **given: Any) -> dict[str, Treatment]:
    return {"drug": Harmful(size, **given)}


def same(one: Happened, other: Happened) -> bool:
    return all(np.array_equal(getattr(one, f), getattr(other, f), equal_nan=f == "duration") for f in FIELDS)


def test_every_row_of_the_table_keeps_the_rules():
    assert len(adverse_events()) >= 25
    for event in adverse_events().values():
        assert not mistakes(event)
        assert event.label and event.term
        assert event.source in references() if event.source else event.note
        assert event.evidence in ("assumed", "setting") or (event.source and event.locator)
    assert list(adverse_events()) == sorted(adverse_events())


@pytest.mark.parametrize(
    "change",
    [
        {"category": "weather"},
        {"evidence": "rumor"},
        {"grades": (0.5, 0.4, 0, 0, 0)},
        {"serious": 1.2},
        {"grades": (0, 0, 0, 0, 1.0), "serious": 0.5},
        {"resolution": 0.0},
    ],
)
def test_the_rules_of_the_table_bite(change: dict[str, Any]):
    good = adverse_event("infection")
    assert not mistakes(good)
    assert mistakes(dataclasses.replace(good, **change))


@pytest.mark.parametrize(("kind", "change"), CHANGES)
def test_every_therapy_names_events_of_the_table(kind: str, change: dict[str, Any]):
    treatment = make(kind, **change).build(enrolled(8))
    for part in treatment.parts():
        for day in (0, 1, 100):
            for name, risk in {**part.hazards(day), **part.procedures(day)}.items():
                assert adverse_event(name)
                assert np.shape(risk) == (8,) and (np.asarray(risk) >= 0).all()


def test_an_unknown_event_is_named_with_its_neighbor():
    with pytest.raises(UnknownName, match="did you mean 'infection'"):
        lived(harm(rates={"infektion": 1.0}), WEEKLY)


@pytest.mark.parametrize(("male", "at_20", "at_60"), [(1, 56.85, 21.58), (0, 61.63, 24.56)])
def test_the_life_table_gives_the_life_expectancies_it_was_published_with(
    male: int, at_20: float, at_60: float
):
    alive, years = 1.0, {20: 0.0, 60: 0.0}
    at_start = {20: 1.0, 60: 1.0}
    for age in range(20, 119):
        at_start[60] = alive if age == 60 else at_start[60]
        died = alive * (1 - np.exp(-float(death_rate(np.array(age + 0.5), np.array(male)))))
        for start in (20, 60):
            years[start] += (alive - died / 2) if age >= start else 0
        alive -= died
    # Rates are read every fifth year only: a fiftieth of a year.
    assert years[20] == pytest.approx(at_20, abs=0.02)
    assert years[60] / at_start[60] == pytest.approx(at_60, abs=0.02)


def test_counted_draws_are_uniform_and_unrelated():
    draws = counted_uniforms(SEED, "event/infection", np.arange(50_000), np.zeros(50_000, int), 5)
    assert draws.min() > 0 and draws.max() < 1
    # Each row against the uniform distribution, and rows, neighbors, streams and numbers against one another.
    assert all(kstest(row, "uniform").pvalue > 1e-4 for row in draws)
    other = counted_uniforms(SEED, "event/ptld", np.arange(50_000), np.zeros(50_000, int), 1)
    later = counted_uniforms(SEED, "event/infection", np.arange(50_000), np.ones(50_000, int), 1)
    table = np.vstack([draws, np.roll(draws[:1], 1), other, later])
    correlations = np.corrcoef(table) - np.eye(len(table))
    assert np.abs(correlations).max() < 5 / np.sqrt(50_000)


def test_a_draw_may_be_of_a_number_of_its_own():
    who, numbers = np.arange(100), np.arange(300).reshape(3, 100)
    together = counted_uniforms(SEED, "event/infection", who, numbers, 3)
    for draw, number in enumerate(numbers):
        alone = counted_uniforms(SEED, "event/infection", who, number, 3)
        assert np.array_equal(together[draw], alone[draw])


def test_events_come_at_the_rate_asked_for():
    events = lived(harm(rates={"infection": 0.5}), WEEKLY).events()
    per_patient = np.bincount(events.patient, minlength=N)
    expected = 0.5 * YEAR / 365.25
    # Four standard errors of a Poisson count; its variance is its mean.
    assert per_patient.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / N))
    assert per_patient.var() == pytest.approx(expected, rel=0.2)
    assert events.day.min() >= 0 and events.day.max() < YEAR
    assert np.histogram(events.day, 4, (0, YEAR))[0].min() > 0.15 * len(events.day)


@pytest.mark.parametrize("cuts", [list(range(1, YEAR + 1)), [3, 10, 100, 101, YEAR], [YEAR]])
def test_events_do_not_depend_on_how_the_days_are_cut(cuts: list[int]):
    rates = harm(rates={"infection": 3.0, "neutropenia": 0.7, "ptld": 0.02})
    ordinary, other = lived(rates, WEEKLY).events(), lived(rates, cuts).events()
    # Sums of rates differ in their last bits, which may move an event across midnight.
    assert np.array_equal(ordinary.patient, other.patient)
    assert np.abs(ordinary.day - other.day).max() <= 1
    assert np.mean(ordinary.day != other.day) < 0.01


def test_events_do_not_depend_on_who_else_is_there():
    rates = {"infection": 1.0, "severe_infection": 0.3}
    whole = lived(harm(rates=rates), WEEKLY).events()
    some = np.array([3, 700, 1999, 42])
    part = lived(harm(len(some), rates=rates), WEEKLY, some).events()
    for place, patient in enumerate(some):
        mine, theirs = part.chosen(part.patient == place), whole.chosen(whole.patient == patient)
        assert same(dataclasses.replace(mine, patient=theirs.patient), theirs)


def test_another_kind_of_event_changes_nothing():
    alone = lived(harm(rates={"infection": 1.0}), WEEKLY).events()
    beside = lived(harm(rates={"infection": 1.0, "fracture": 2.0}), WEEKLY).events()
    assert same(alone, beside.chosen(beside.event == "infection"))


def test_more_hazard_never_means_fewer_events():
    less, more = (lived(harm(rates={"infection": rate}), WEEKLY).events() for rate in (0.5, 1.0))
    counts = [np.bincount(events.patient, minlength=N) for events in (less, more)]
    assert (counts[1] >= counts[0]).all() and counts[1].sum() > counts[0].sum()


def test_a_procedure_harms_on_its_day_and_once():
    safety = lived(harm(risks={"procedure_bleeding": 0.1, "infection": 1.0}, day=10), WEEKLY)
    events = safety.events()
    assert set(events.day) == {10}
    bled = np.bincount(events.patient[events.event == "procedure_bleeding"], minlength=N)
    assert bled.max() == 1
    assert bled.mean() == pytest.approx(0.1, abs=4 * np.sqrt(0.09 / N))
    assert (np.bincount(events.patient[events.event == "infection"], minlength=N) == 1).all()
    assert not len(lived(harm(risks={"infection": 0.0}), WEEKLY).events().day)


def test_events_are_related_by_share_of_the_hazard():
    treatments: dict[str, Treatment] = {
        "first": Harmful(N, {"infection": 3.0}),
        "second": Harmful(N, {"infection": 1.0}),
    }
    relation = lived(treatments, WEEKLY).events().relation
    assert np.mean(relation == "first") == pytest.approx(0.75, abs=4 * np.sqrt(0.19 / len(relation)))
    assert set(relation) == {"first", "second"}


@pytest.mark.parametrize("name", ["severe_infection", "procedure_bleeding", "lactic_acidosis"])
def test_severity_and_ending_follow_the_table(name: str):
    kind, events = adverse_event(name), lived(harm(rates={name: 1.0}), WEEKLY).events()
    n = len(events.day)
    for grade, share in enumerate(kind.grades, start=1):
        error = 4 * np.sqrt(max(share * (1 - share), 1 / n) / n)
        assert np.mean(events.grade == grade) == pytest.approx(share, abs=error)
    assert np.mean(events.serious) == pytest.approx(kind.serious, abs=0.05)
    assert (events.serious | (events.grade < FATAL)).all()
    assert ((events.outcome == "fatal") == (events.grade == FATAL)).all()
    assert events.grade[events.serious].min() >= events.grade[~events.serious].max(initial=1)
    recovered = events.duration[events.outcome == "recovered"]
    assert recovered.mean() == pytest.approx(kind.resolution + 0.5, rel=0.15)
    assert np.isnan(events.duration[events.outcome == "fatal"]).all()


def test_what_happens_once_does_not_happen_again():
    events = lived(harm(rates={"sensitization": 20.0}), WEEKLY).events()
    assert np.bincount(events.patient, minlength=N).max() == 1
    assert set(events.outcome) == {"not recovered"}


def test_nothing_happens_after_death():
    safety = lived(harm(rates={"lactic_acidosis": 3.0, "infection": 5.0, "ptld": 1.0}), WEEKLY)
    events = safety.events()
    dead = np.isfinite(safety.death_day)
    assert 0.3 < dead.mean() < 1
    assert (events.day <= safety.death_day[events.patient]).all()
    fatal = events.patient[events.grade == FATAL]
    assert len(np.unique(fatal)) == len(fatal) == dead.sum()
    assert np.array_equal(np.bincount(events.patient[events.serious], minlength=N), safety.serious_events)


def test_nothing_is_noted_of_the_dead():
    safety = lived(harm(rates={"lactic_acidosis": 3.0}), WEEKLY)
    safety.note_kidneys(np.zeros(N), YEAR + 7)
    events = safety.events()
    failed = events.patient[events.event == "renal_failure"]
    assert np.array_equal(failed, np.flatnonzero(np.isinf(safety.death_day)))


def test_severe_hypoglycemia_follows_the_time_in_low_glucose():
    treatments: dict[str, Treatment] = {"pen": Insulin(N)}
    events = lived(treatments, WEEKLY, low_share=0.03).events()
    rate = lookup("body_events.severe_hypoglycemia_rate").value
    expected = rate * 0.03 * YEAR
    assert len(events.day) / N == pytest.approx(expected, abs=4 * np.sqrt(expected / N))
    assert set(events.event) == {"severe_hypoglycemia"} and set(events.relation) == {"pen"}
    assert set(lived({}, WEEKLY, low_share=0.03).events().relation) == {BODY}
    assert not len(lived(treatments, WEEKLY).events().day)


def test_background_mortality_is_that_of_the_life_table_times_its_ratio():
    safety = lived({}, WEEKLY, background=True)
    rate = (
        float(death_rate(np.array(50.5), np.array(1.0)))
        * lookup("body_events.mortality_ratio", "type1").value
    )
    expected = 1 - np.exp(-rate * YEAR / 365.25)
    assert np.isfinite(safety.death_day).mean() == pytest.approx(expected, abs=4 * np.sqrt(expected / N))
    assert set(safety.events().relation) == {BACKGROUND}
    assert not len(lived({}, WEEKLY).events().day)


def test_kidneys_fail_once_and_not_at_enrollment():
    safety = Safety(EventDraws(SEED, np.arange(3)), BodyEvents(enrolled(3), False))
    for day, egfr in ((0, [14, 60, 60]), (7, [13, 20, 60]), (14, [12, 14.9, 60]), (21, [10, 14, 15])):
        safety.note_kidneys(np.array(egfr), day)
    events = safety.events()
    assert (
        list(events.patient) == [1] and list(events.day) == [14] and list(events.event) == ["renal_failure"]
    )


def visit(c_peptide: list[float], mass: list[float]) -> Visit:
    names = [f.name for f in dataclasses.fields(Visit) if f.name != "week"]
    values = {name: np.zeros(len(mass)) for name in names}
    values["meal_test_c_peptide"] = np.outer(c_peptide, [0.1, 0.5, 1, 0.9, 0.8])
    return Visit(week=1.0, **values | {"graft_mass": np.array(mass)})


def test_new_antibodies_are_told_once_and_those_of_enrollment_never():
    safety = Safety(EventDraws(SEED, np.arange(4)), BodyEvents(enrolled(4), False))
    panels = {0.0: [0.5, 0, 0.1, 0], 1.0: [0.5, 0.19, 0.3, 0], 2.0: [0.4, 0.25, 0.1, 0], 3.0: [1, 1, 1, 0]}
    for week, panel in panels.items():
        seen = dataclasses.replace(visit([0] * 4, [0] * 4), week=week, antibody_panel=np.array(panel))
        safety.note_visit(seen, round(7 * week))
    events = safety.events()
    assert set(events.event) == {"sensitization"} and set(events.relation) == {BODY}
    assert dict(zip(events.patient, events.day, strict=True)) == {1: 14, 2: 7}


def test_a_graft_is_lost_when_its_c_peptide_is_gone():
    safety = Safety(EventDraws(SEED, np.arange(4)), BodyEvents(enrolled(4), False))
    courses = [
        ([0, 0, 800, 500], [0, 0, 0, 1]),
        ([700, 40, 800, 500], [1, 1, 0, 1]),
        ([20, 30, 20, 90], [0, 1, 0, 0]),
    ]
    for day, (c_peptide, mass) in zip((0, 7, 14), courses, strict=True):
        safety.note_visit(visit(c_peptide, mass), day)
    events = safety.events()
    # The first lost it, the second never worked, the third was not grafted, the fourth lost it.
    assert list(events.patient) == [0, 3] and set(events.day) == {14} and set(events.event) == {"graft_loss"}


def test_exact_intervals_are_those_of_the_textbooks():
    assert rate_interval(10, 100) == pytest.approx((4.795, 18.390), abs=0.001)
    assert rate_interval(0, 100) == pytest.approx((0, 3.689), abs=0.001)
    assert share_interval(10, 12) == pytest.approx((51.6, 97.9), abs=0.05)
    assert share_interval(12, 12)[1] == 100 and share_interval(0, 12)[0] == 0


CHANGES = ["background_mortality=true", "endpoints=[hba1c, serious_events, any_severe_hypoglycemia]"]
MORTAL = {"body_events.mortality_ratio": 3000.0, "body_events.severe_hypoglycemia_rate": 20.0}
FILES = ("endpoints.parquet", "events.parquet", "traces.parquet", "summary.json")


@pytest.fixture(scope="module")
def deadly(tmp_path_factory: pytest.TempPathFactory) -> Results:
    with changed(MORTAL):
        return run(load.read(TEXT, CHANGES), tmp_path_factory.mktemp("deadly"), chunk=16)


def test_the_files_do_not_depend_on_chunks(deadly: Results, tmp_path: Path):
    with changed(MORTAL):
        run(load.read(TEXT, CHANGES), tmp_path, chunk=8)
    assert len(deadly.events()) > 10
    for name in FILES:
        assert (deadly.directory / name).read_bytes() == (tmp_path / name).read_bytes(), name


def test_the_dead_have_no_endpoints_and_no_traces(deadly: Results):
    events, rows = deadly.events(), deadly.endpoints()
    dead = events[events["grade"] == FATAL].set_index(["arm", "patient"])["day"]
    assert 3 <= len(dead) < 32
    after = rows[rows["week"] == 2].set_index(["arm", "patient"])
    is_dead = after.index.isin(dead.index)
    assert after.loc[is_dead, "value"].isna().all() and after.loc[~is_dead, "value"].notna().all()
    traces = deadly.traces().query("week == 2").set_index(["arm", "patient"])["glucose"]
    assert (traces.isna() == traces.index.isin(dead.index)).all()


def test_the_summary_counts_what_the_table_holds(deadly: Results):
    events = deadly.events()
    for arm, counted in deadly.summary["harm"].items():
        mine = events[events["arm"] == arm]
        fatal = mine[mine["grade"] == FATAL]
        assert counted["deaths"] == len(fatal)
        lost = (14 - fatal["day"]).sum()
        assert counted["patient_years"] == pytest.approx((16 * 14 - lost) / 365.25)
        found = {name: row["events"] for name, row in counted["events"].items()}
        assert found == mine["event"].value_counts().to_dict()
        assert counted["any"]["events"] == len(mine) == sum(found.values())
        assert counted["any"]["patients"] == mine["patient"].nunique()
        row = counted["any"]
        assert row["rate_low"] < row["rate"] < row["rate_high"]
        assert row["rate"] == pytest.approx(100 * row["events"] / counted["patient_years"])


def test_arms_share_their_background_deaths(deadly: Results):
    events = deadly.events()
    background = events[events["relation"] == BACKGROUND]
    days = {arm: rows.set_index("patient")["day"].to_dict() for arm, rows in background.groupby("arm")}
    both = set(days["cells"]) & set(days["care"])
    assert both and all(days["cells"][p] == days["care"][p] for p in both)


def test_a_study_without_events_is_counted_too():
    summary = SafetyCounts(["care"], 10, 365.25).summary()["care"]
    assert summary["deaths"] == 0 and summary["events"] == {} and summary["patient_years"] == 10
    assert summary["any"]["rate_high"] == pytest.approx(36.89, abs=0.01)
