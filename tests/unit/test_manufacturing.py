"""How the cells are made: the table, lots, release, attempts, the plant against a queue, cost, files."""

import csv
import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from calibration import manufacturing as fits
from tests import test_tables as rules

from insulae.cli.main import main
from insulae.core.citations import references
from insulae.core.errors import InvalidStudy, UnknownName
from insulae.core.parameters import Row, component_of, declared
from insulae.core.units import same_dimension
from insulae.manufacturing import cost, growth, isolation, lines, making, numbers, plant, release
from insulae.manufacturing.load import load, read
from insulae.manufacturing.lot import KINDS
from insulae.manufacturing.sources import family
from insulae.manufacturing.study import run
from insulae.manufacturing.supply import LotRequest, supplied
from insulae.report.manufacturing import page
from insulae.study.load import load as load_study
from insulae.study.load import read as read_study
from insulae.study.sources import references_of

ROOT = Path(__file__).parents[2]
STUDIES = [ROOT / "studies" / "manufacturing" / f"{name}.yaml" for name in ("autologous", "bank")]
GROWN = ("autologous_ipsc", "autologous_chemical", "autologous_endoderm", "allogeneic_bank", "embryonic_line")
RECORDS = {
    lines.Parameters: GROWN,
    growth.Parameters: GROWN,
    isolation.Parameters: ("donor_islets", "own_islets"),
    release.Parameters: tuple(family.names()),
    plant.Parameters: tuple(family.names()),
    cost.Parameters: tuple(family.names()),
}
ROWS = list(numbers.table().values())


def as_rows() -> list[Row]:
    shared = {field.name for field in dataclasses.fields(Row)} - {"population"}
    return [Row(population="any", **{name: getattr(row, name) for name in shared}) for row in ROWS]


def test_rows_and_declarations_match_one_to_one():
    units = {name: unit for record in RECORDS for name, unit in declared(record).items()}
    assert {row.name for row in ROWS} == set(units)
    assert not [row.name for row in ROWS if units[row.name] != row.unit]


@pytest.mark.parametrize("record", RECORDS, ids=component_of)
def test_every_source_finds_its_numbers(record: type):
    for material in RECORDS[record]:
        found = numbers.values(record, material)
        assert all(np.isfinite(value) for value in dataclasses.asdict(found).values())


def test_the_rows_keep_the_rules_of_the_tables():
    rows = as_rows()
    found = [*rules.bad_units(rows), *rules.bad_bounds(rows), *rules.bad_evidence(rows)]
    found += [f"{r.name}: unknown material" for r in ROWS if r.material not in ("any", *family.names())]
    found += [
        f"{r.name}: {r.distribution}"
        for r in ROWS
        if r.distribution not in ("fixed", "lognormal", "logit_normal", "normal")
    ]
    found += [f"{r.name}: a share of variance" for r in ROWS if not 0 <= r.between_lines <= 1]
    found += [
        f"{r.name}: a spread without a distribution" for r in ROWS if r.spread and r.distribution == "fixed"
    ]
    assert not found, "\n".join(found)
    names = [(row.name, row.material) for row in ROWS]
    assert names == sorted(names)


def test_what_costs_money_is_in_doubt():
    bare = [r.name for r in ROWS if r.name.startswith("cost.") and r.value and not r.doubt]
    assert not bare and same_dimension("USD/L", "USD/mL") and not same_dimension("USD", "EU")


def test_an_unknown_number_is_named():
    with pytest.raises(UnknownName, match=r"did you mean 'growth\.viability'"):
        numbers.lookup("growth.viabilty")


def test_the_fits_of_the_table_repeat():
    found = fits.purities() | fits.donors()
    for name in ("growth.pancreatic_purity", "growth.endocrine_purity"):
        assert found[name] == pytest.approx(numbers.value(name), rel=1e-3)
    donors = numbers.lookup("isolation.islets", "donor_islets")
    assert found["isolation.islets"] == pytest.approx(donors.value, rel=2e-3)
    assert found["isolation.islets spread"] == pytest.approx(donors.spread, rel=2e-3)


def test_the_days_and_islets_that_were_not_fitted_lie_in_their_ranges():
    p = numbers.values(growth.Parameters)
    assert 27 <= growth.differentiation_time(p) <= 40
    per_liter = p.seeding_density * growth.ML_PER_L * growth.fold(p) / p.cells_per_islet * p.viability
    assert 1.5e6 <= 3 * per_liter <= 2.0e6


def batch(material: str = "autologous_ipsc", n: int = 400, world: int = 0) -> numbers.Batch:
    places = np.arange(n)
    quality = lines.quality(material, 7, places)
    return numbers.Batch(material, 7, places, quality, np.full(n, world))


def test_a_run_depends_on_no_other_run():
    whole = batch()
    some = np.array([3, 17, 255])
    alone = numbers.Batch(whole.material, 7, whole.runs[some], whole.quality[some], whole.worlds[some])
    for one, all_of_them in ((growth.grown(alone, 3.0, "slow"), growth.grown(whole, 3.0, "slow")),):
        for field in dataclasses.fields(one):
            np.testing.assert_array_equal(
                getattr(one, field.name), getattr(all_of_them, field.name)[some], err_msg=field.name
            )


def test_a_draw_has_the_median_and_the_spread_of_its_row():
    drawn = numbers.drawn(growth.Parameters, batch(n=4096))
    row = numbers.lookup("growth.endotoxin")
    logs = np.log(drawn.endotoxin / row.value)
    # Standard errors with 4096 draws: 0.016 spreads of the median's log, 0.011 of the spread.
    assert abs(np.median(logs)) < 0.06 * row.spread and logs.std() == pytest.approx(row.spread, rel=0.05)


def test_other_worlds_have_other_centers_and_the_table_s_world_has_none():
    central = numbers.drawn(growth.Parameters, batch(world=0))
    other = numbers.drawn(growth.Parameters, batch(world=3))
    ratio = other.endotoxin / central.endotoxin
    assert np.ptp(ratio) < 1e-9 * ratio[0] and abs(np.log(ratio[0])) > 0.01
    assert (central.contamination_rate == numbers.value("growth.contamination_rate")).all()


@pytest.mark.parametrize("material", ["autologous_ipsc", "donor_islets", "own_islets"])
def test_cells_are_accounted_for(material: str):
    made = batch(material)
    lots = isolation.isolated(made) if family.get(material).is_pancreas else growth.grown(made, 3.0, "none")
    shares = lots.composition()
    assert len(shares) == len(KINDS) and (shares >= 0).all()
    np.testing.assert_allclose(shares.sum(axis=0), 1.0)
    np.testing.assert_allclose(lots.endocrine, shares[:4].sum(axis=0))
    assert (lots.living_islets <= lots.islets).all() and (lots.viability < 1).all()
    assert (lots.islets[~lots.completed] == 0).all()
    np.testing.assert_allclose(lots.cells, lots.islets * 1560)


def test_more_culture_gives_more_islets_and_takes_longer_to_expand():
    small, large = (growth.grown(batch(), volume, "none") for volume in (3.0, 6.0))
    np.testing.assert_allclose(large.islets, 2 * small.islets)
    assert (large.days > small.days).all()


def test_freezing_costs_islets_and_the_slow_way_costs_more():
    fresh, vitrified, slow = (growth.grown(batch(), 3.0, way) for way in ("none", "vitrified", "slow"))
    done = fresh.completed
    assert (vitrified.living_islets[done] < fresh.living_islets[done]).all()
    assert np.median(slow.living_islets[done]) < np.median(vitrified.living_islets[done])


def test_own_lines_make_lots_differ_more_and_a_bank_s_line_is_better_than_usual():
    own, bank = "autologous_ipsc", "allogeneic_bank"
    places = np.arange(2000)
    zero = np.zeros_like(places)
    own_process = LotRequest(source=own, target=1e6).process()
    bank_process = LotRequest(source=bank, target=1e6).process()
    many = making.run(own_process, 3, places, places, zero).lots
    one_line = making.run(bank_process, 3, places, places, zero).lots
    spread = [np.std(np.log(lots.islets[lots.completed])) for lots in (many, one_line)]
    assert spread[0] > 1.15 * spread[1]
    assert lines.usual_quality(own) == pytest.approx(0, abs=1e-12) and lines.usual_quality(bank) > 1
    banks = lines.quality(bank, 3, np.arange(2000))
    assert np.median(banks) == pytest.approx(lines.usual_quality(bank), abs=0.05)


def test_screening_is_what_two_shares_and_the_clones_make_of_it():
    made = lines.made("autologous_ipsc", 5, np.arange(8000), np.zeros(8000, np.int64))
    p = numbers.values(lines.Parameters, "autologous_ipsc")
    clone = p.karyotype_pass * p.mutation_pass
    expected = p.reprogramming_success * (1 - (1 - clone) ** p.clones)
    # The standard error of the share among 8000 lines is 0.004.
    assert made.succeeded.mean() == pytest.approx(expected, abs=0.015)
    assert made.days[~made.reprogrammed].mean() < made.days[made.reprogrammed].mean()


PERFECT: dict[str, float] = {
    **{f"{name}_error": 0.0 for name in ("quantity", "viability", "identity", "purity")},
    **{f"{name}_error": 0.0 for name in ("pluripotent", "endotoxin", "potency")},
    "sterility_sensitivity": 1.0,
    "sterility_false_alarm": 0.0,
    "genome_sensitivity": 1.0,
    "genome_false_alarm": 0.0,
}


def assayed(changes: dict[str, float]) -> tuple[Any, list[release.Test]]:
    made = batch(n=3000)
    lots = growth.grown(made, 3.3, "none")
    return lots, release.tested(lots, made, family.get(made.material), lots.living_islets / 1.2e6, changes)


def test_perfect_assays_make_no_mistakes_and_real_ones_do():
    lots, perfect = assayed(PERFECT)
    assert all(test.false_rejects[1] == 0 and test.false_accepts[1] == 0 for test in perfect)
    np.testing.assert_array_equal(release.released(lots, perfect), release.all_good(lots, perfect))
    lots, real = assayed({})
    assert {test.name for test in real} == set(release.LABELS)
    assert sum(test.false_rejects[1] for test in real) > 0 < sum(test.false_accepts[1] for test in real)


def test_a_false_alarm_is_as_frequent_as_the_table_says():
    _, tests = assayed({"sterility_false_alarm": 0.1, "sterility_sensitivity": 0.5})
    sterility = next(test for test in tests if test.name == "sterility")
    good, alarms = sterility.false_rejects
    assert alarms / good == pytest.approx(0.1, abs=0.025)


@pytest.mark.parametrize(
    ("limit", "strict"),
    [("viability_limit", 0.9), ("identity_limit", 0.4), ("pluripotent_limit", 1e-5), ("potency_limit", 2.0)],
)
def test_a_stricter_limit_releases_fewer_lots(limit: str, strict: float):
    usual, stricter = (release.released(*assayed(changes)) for changes in ({}, {limit: strict}))
    assert stricter.sum() < usual.sum() and not (stricter & ~usual).any()


def test_attempts_are_read_in_order():
    process = LotRequest(source="autologous_ipsc", target=1.2e6).process()
    patients = np.arange(60)
    tried, made = making.attempts(process, 1, patients), making.made(process, 1, patients)
    works = tried.of_lines(tried.lines.succeeded)
    released = tried.of_runs(tried.runs.released)
    for i in patients:
        days, runs_done, line_no, found = 7.0 * 0 + tried.lines.collection[3 * i] + 2, 0, 0, False
        for line in range(3):
            line_no, days = line + 1, days + tried.of_lines(tried.lines.days)[i, line]
            for attempt in range(3 if works[i, line] else 0):
                place = 9 * i + 3 * line + attempt
                runs_done += 1
                days += tried.runs.lots.days[place] + 16 * tried.runs.lots.completed[place]
                if released[i, line, attempt]:
                    found = True
                    break
            if found:
                break
        assert (made.is_made[i], made.line_attempts[i], made.run_attempts[i]) == (found, line_no, runs_done)
        assert made.days[i] == pytest.approx(days)


def test_nobody_is_given_a_lot_that_cannot_pass():
    process = LotRequest(source="autologous_ipsc", target=1.2e6).process()
    impossible = dataclasses.replace(process, limits={"viability_limit": 1.0})
    made = making.made(impossible, 1, np.arange(50))
    assert not made.is_made.any() and (made.line_attempts == 3).all()


def test_own_lots_are_each_one_s_own_and_a_bank_s_are_shared():
    chance = (np.arange(100) + 0.5) / 100
    own = supplied(LotRequest(source="autologous_ipsc", target="1.2e6 IEQ"), chance)
    shared = supplied(LotRequest(source="allogeneic_bank", target="5e5 IEQ", lots=5), chance)
    assert len(np.unique(own.potency)) == 100 and len(np.unique(shared.potency)) == 5
    assert (own.islets <= 1.2e6).all() and (own.islets[own.islets > 0] > 0.5 * 1.2e6).all()
    assert (shared.islets == 5e5).all()
    assert np.median(own.days) > 100 > np.median(shared.days)
    alone = supplied(LotRequest(source="autologous_ipsc", target="1.2e6 IEQ"), chance[40:41])
    assert alone.islets[0] == own.islets[40] and alone.potency[0] == own.potency[40]
    other = supplied(LotRequest(source="allogeneic_bank", target="5e5 IEQ", lots=5, bank=1), chance)
    assert not np.array_equal(other.potency, shared.potency)


def own_islets(suites: int, per_year: float, years: float) -> tuple[making.Process, Any, plant.Period]:
    process = LotRequest(source="own_islets", target="1e5 IEQ").process()
    equipment = plant.Equipment(isolators=0, suites=suites, reactors=0, operators=1000, testers=1000)
    return process, equipment, plant.Period(1.0, years, per_year)


def test_the_plant_waits_as_long_as_queueing_theory_says():
    """One suite, held for a fixed time by arrivals at random: the queue M/D/1 (Pollaczek and Khinchine)."""
    p = numbers.values(plant.Parameters, "own_islets")
    processing = numbers.value("isolation.processing_time", "own_islets")
    held, rate = processing + p.turnover_time, 70 / plant.DAYS_PER_YEAR
    load_of_suite = rate * held
    expected = load_of_suite * held / (2 * (1 - load_of_suite)) + processing + p.shipping_time
    records = [plant.simulate(*own_islets(1, 70, 20.0), 11, r) for r in range(8)]
    waits = [record.waits.mean() for record in records]
    # The mean of eight times 20 years of patients; its standard error is estimated from the replications.
    assert np.mean(waits) == pytest.approx(expected, abs=3 * np.std(waits, ddof=1) / np.sqrt(8))
    assert np.mean([r.use["suites"] for r in records]) == pytest.approx(load_of_suite, rel=0.05)


def test_more_suites_shorten_the_queue_and_nobody_is_lost():
    crowded, roomy = (plant.simulate(*own_islets(suites, 100, 5.0), 11, 0) for suites in (1, 3))
    assert roomy.waits.mean() < crowded.waits.mean()
    process = LotRequest(source="autologous_ipsc", target="1.2e6 IEQ").process()
    equipment = plant.Equipment(isolators=20, suites=12, reactors=12, operators=20, testers=6)
    record = plant.simulate(process, equipment, plant.Period(0.0, 3.0, 40.0), 11, 0)
    gone = record.counts["treated"] + record.counts["given_up"]
    on_the_way = record.counts["arrived"] - gone - record.unfinished
    assert 0 <= on_the_way <= 2 and record.counts["runs_released"] >= record.counts["treated"]


def test_a_bank_fills_its_stock_and_hands_out_what_it_has():
    process = LotRequest(source="allogeneic_bank", target="5e5 IEQ", freezing="vitrified").process()
    equipment = plant.Equipment(isolators=0, suites=2, reactors=2, operators=6, testers=2)
    frozen = plant.simulate(process, equipment, plant.Period(1.0, 3.0, 100.0), 11, 0)
    assert frozen.waits.mean() < 14 and frozen.counts["doses_wasted"] == 0
    assert frozen.counts["treated"] == pytest.approx(frozen.counts["arrived"], abs=5)
    fresh = dataclasses.replace(process, freezing="none")
    unfrozen = plant.simulate(fresh, equipment, plant.Period(1.0, 3.0, 100.0), 11, 0)
    assert unfrozen.waits.mean() > 30 and unfrozen.counts["doses_wasted"] > 0


def record_of(**counts: float) -> plant.Record:
    return plant.Record(np.zeros(1), {name: 0.0 for name in plant.COUNTED} | counts, {}, 0)


def test_the_cost_adds_up_and_follows_its_inputs():
    equipment = plant.Equipment(isolators=1, suites=1, reactors=1, operators=2, testers=1)
    records = [record_of(treated=10.0, runs=12.0, runs_tested=12.0, liter_days=1000.0)]
    base = cost.per_dose("autologous_ipsc", 1, records, equipment, 1.0)
    assert sum(base.items.values()) == pytest.approx(base.total[0])
    with numbers.changed({"cost.medium": 2 * numbers.value("cost.medium")}):
        dear = cost.per_dose("autologous_ipsc", 1, records, equipment, 1.0)
    assert dear.items["medium"] == pytest.approx(2 * base.items["medium"])
    assert base.total.min() < base.total[0] < base.total.max() and (dear.total > base.total).all()
    assert np.isinf(cost.per_dose("autologous_ipsc", 1, [record_of()], equipment, 1.0).total).all()


TINY = """
name: tiny
question: Does it run?
seed: 3
lots: 60
warm_up: 0.5
years: 1
replications: 2
arms:
  - name: own
    source: autologous_ipsc
    target: 1.2e6 IEQ
    patients_per_year: 10
    plant: {isolators: 8, suites: 4, reactors: 4, operators: 6, testers: 2}
  - name: donors
    source: donor_islets
    target: 350000 IEQ
    patients_per_year: 10
    plant: {suites: 1, operators: 4, testers: 1}
reported:
  - {quantity: differentiation_days, arm: own, low: 27, high: 40, source: hogrebe2021}
  - {quantity: cost_per_dose, arm: own, low: 1, high: 2, source: "", is_benchmark: true}
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("source: autologous_ipsc", "source: autologous_ips", "did you mean 'autologous_ipsc'"),
        ("target: 1.2e6 IEQ", "target: 1.2e6", "arms.0.target: '1.2e6' has no unit"),
        ("lots: 60", "lotz: 60", "did you mean 'lots'"),
        ("suites: 4", "suits: 4", "arms.0.plant.suits: unknown field 'suits'; did you mean 'suites'"),
        ("isolators: 8, ", "", "need at least one isolator"),
        ("name: donors", "name: own", "an arm is already named 'own'"),
        ("arm: own, low: 27", "arm: owm, low: 27", "did you mean 'own'"),
        ("source: hogrebe2021", "source: hogrebe2022", "did you mean 'hogrebe2021'"),
        ("low: 27", "low: 77", "is above"),
        ("quantity: differentiation_days", "quantity: differentiation_day", "did you mean"),
        ("350000 IEQ", "350000 IEQ\n    volume: 3 L", "are not grown"),
        ("seed: 3", "seed: 3\nvalues: {growth.viabilty: 0.5}", "did you mean 'growth.viability'"),
        ("seed: 3", "seed: 3\nvalues: {lines.reprogramming_success: 1.7}", "1.7 is outside 0.1 to 0.999"),
        ("seed: 3", "seed: [3", "not valid YAML"),
        ("arms:", "arm:", "has arms"),
        (
            "target: 1.2e6 IEQ",
            "target: 1.2e6 IEQ\n    limits: {viabilty_limit: 0.8}",
            "did you mean 'viability_limit'",
        ),
    ],
)
def test_a_mistake_is_told_with_its_place(old: str, new: str, sentence: str):
    with pytest.raises(InvalidStudy) as told:
        read(TINY.replace(old, new))
    assert sentence in str(told.value) and "should have at least" not in str(told.value)


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_the_studies_can_be_read(path: Path):
    study = load(path)
    assert study.name == path.stem and {one.source for one in study.reported} <= set(references())


def test_the_study_of_infused_lots_can_be_read():
    study = load_study(ROOT / "studies" / "manufacturing" / "infusion_lots.yaml")
    assert [arm.name for arm in study.arms] == ["own lots", "lots of a bank", "all alike"] and study.notes
    assert {"schulz2012", "zhan2022"} <= set(references_of(study))


def test_values_of_a_study_hold_for_that_study_alone():
    changed = read(TINY.replace("seed: 3", "seed: 3\nvalues: {growth.accident: 0.5}"))
    before = numbers.value("growth.accident")
    completed = [run(study)["arms"]["own"]["lots"]["completed"] for study in (read(TINY), changed)]
    assert completed[1] < 0.8 < completed[0] and numbers.value("growth.accident") == before


def call(*arguments: str) -> int:
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(sys, "argv", ["insulae", *arguments])
        main()
    return int(stopped.value.code or 0)


def test_the_command_writes_results_lots_and_a_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    study = tmp_path / "tiny.yaml"
    study.write_text(TINY, encoding="utf-8")
    assert call("manufacture", str(study), "--out", str(tmp_path / "out")) == 0
    shown = capsys.readouterr().out
    assert "own: " in shown and "hit: own, differentiation days: 33" in shown and "not judged" in shown
    found = json.loads((tmp_path / "out" / "results.json").read_text(encoding="utf-8"))
    assert found["arms"]["own"]["lots"]["n"] == 60 and "values" not in found["arms"]["own"]["lots"]
    with (tmp_path / "out" / "lots.csv").open(encoding="utf-8") as file:
        lots = list(csv.DictReader(file))
    assert len(lots) == 120 and {lot["arm"] for lot in lots} == {"own", "donors"}
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert html.count("<svg") == 8 and "not medical advice" in html and "http" not in html.split("<main>")[0]
    assert call("manufacture", str(study), "--out", str(tmp_path / "other"), "--seed", "4", "--json") == 0
    other = json.loads(capsys.readouterr().out)
    assert other["study"]["seed"] == 4 and other["arms"] != found["arms"]


def test_the_same_seed_gives_the_same_results():
    assert json.dumps(run(read(TINY))) == json.dumps(run(read(TINY)))


def test_a_page_survives_a_plant_that_treats_nobody():
    overloaded = TINY.replace("years: 1\n", "years: 0.2\n").replace("warm_up: 0.5", "warm_up: 0")
    found = run(read(overloaded)) | {"sources": [], "assumed": "", "command": "c"}
    assert found["arms"]["own"]["cost"]["per_dose"]["p50"] is None
    assert "without bound" in page(found)


INFUSION = """
name: lots
question: Do lots reach patients?
seed: 1
population: {phenotype: type1, size: 4, treatment: [{kind: basal_bolus}]}
horizon: 4 weeks
visits: every 4 weeks
arms:
  - name: lot
    therapies:
      - {kind: islet_infusion, lot: {source: autologous_ipsc, target: 1.2e6 IEQ}, source: autologous}
"""


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("source: autologous}", "source: allogeneic}", "are autologous, not allogeneic"),
        ("source: autologous}", "source: autologous, dose: 1e6 IEQ}", "not both"),
        ("lot: {source: autologous_ipsc, target: 1.2e6 IEQ}, ", "", "dose: is missing"),
        ("source: autologous_ipsc", "source: donor_islets", "are allogeneic"),
        ("source: autologous_ipsc", "source: own_islets", "are the product donor, not stem_cell"),
        ("source: autologous_ipsc", "source: autologous_ipcs", "did you mean 'autologous_ipsc'"),
        ("target: 1.2e6 IEQ", "target: 1.2e6 mg", "cannot be given in IEQ"),
    ],
)
def test_an_infusion_and_its_lot_must_go_together(old: str, new: str, sentence: str):
    assert read_study(INFUSION).arms[0].therapies[0].kind == "islet_infusion"
    with pytest.raises(InvalidStudy) as told:
        read_study(INFUSION.replace(old, new))
    assert sentence in str(told.value)
