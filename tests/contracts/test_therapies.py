"""Every therapy keeps the same promises: nothing before its start, finite effects, written and read back."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import pytest
from pydantic import ValidationError

from insulae.core import random
from insulae.core.errors import UnknownName
from insulae.engine.kernel import compilations
from insulae.physiology.effects import Effects, combine
from insulae.populations.baseline import Start
from insulae.populations.bodies import Bodies
from insulae.populations.routine import N_DRAWS
from insulae.study import catalogue
from insulae.therapies.base import FAMILIES, Observed, TherapySpec, load_all

N = 8
KINDS = load_all().names()
EVERY = pytest.mark.parametrize("kind", KINDS)
LOT = {"source": "autologous_ipsc", "target": "800000 IEQ"}
NEEDED: dict[str, dict[str, Any]] = {
    "islet_infusion": {"dose": "1234567 IEQ", "source": "allogeneic"},
    "made_to_order": {
        "then": [{"kind": "islet_infusion", "lot": LOT, "source": "autologous"}],
        "meanwhile": [{"kind": "basal_bolus"}],
    },
}
VARIANTS: dict[str, list[dict[str, Any]]] = {
    "islet_infusion": [
        {"site": "rectus_sheath"},
        {"product": "donor"},
        {"source": "autologous"},
        {"dose": "0 IEQ"},
        {"dose": "12000 IEQ/kg"},
        {"dose": "8e8 cells"},
        {"product": "donor", "source": "autologous"},
        {"site": "omentum", "device": {"kind": "microcapsule"}},
        {
            "site": "subcutaneous",
            "device": {"kind": "sheet", "thickness": "250 um", "density": "500 IEQ/cm2"},
        },
        {
            "site": "subcutaneous_prevascularized",
            "device": {
                "kind": "macrodevice",
                "thickness": "500 um",
                "density": "4800 IEQ/cm2",
                "oxygen_supply": "300 mmHg",
            },
        },
        {"site": "muscle"},
        {"site": "kidney_capsule"},
        {"hla_mismatch": 2},
        {"edits": {"hla_class_1": True, "hla_class_2": True, "shield": "cd47", "efficiency": "99 %"}},
        {"dose": None, "lot": {"source": "allogeneic_bank", "target": "5e5 IEQ"}},
        {
            "dose": None,
            "lot": {"source": "autologous_ipsc", "target": "1.2e6 IEQ"},
            "source": "autologous",
        },
    ],
    "metformin": [{"dose": "500 mg/d"}, {"withdraw": {"off_insulin": "44 weeks", "hba1c_below": "6.5 %"}}],
    "acarbose": [
        {"dose": "150 mg/d"},
        {"withdraw": {"off_insulin": "36 weeks", "hba1c_below": "48 mmol/mol"}},
    ],
    "basal_bolus": [{"titration": "wean"}, {"titration": "target"}, {"titration": "hold"}],
    "basal_insulin": [{"titration": "wean"}, {"titration": "target"}],
    "immunosuppression": [
        {"stop": "1 year"},
        {"stop": "1 year", "taper": "90 days"},
        {"regimen": "tacrolimus_sirolimus", "induction": "atg"},
        {"regimen": "belatacept_mmf", "induction": "basiliximab"},
        {"induction": "atg", "tnf_inhibition": True},
        {"regimen": "cni_free", "induction": "alemtuzumab"},
        {"switch": {"egfr_below": "100 mL/min/1.73 m2", "to": "cni_free"}},
        {"switch": {"egfr_below": "30 mL/min/1.73 m2"}},
    ],
    "teplizumab": [{"courses": 1}, {"courses": 3, "interval": "26 weeks"}],
    "costimulation_blockade": [{"duration": "1 year"}],
    "regulatory_cells": [{"product": "interleukin_2", "courses": 4}],
    "mesenchymal_cells": [{"infusions": 1}],
    "exploratory_gene_therapy": [{"approach": "incretin_vector"}],
    "lifestyle": [{"energy_change": "-500 kcal/d"}, {"lost_before": "4 kg"}],
    "bariatric_surgery": [{"operation": "sleeve"}],
    "treatment_policy": [
        {"target": "6 %", "every": "6 weeks"},
        {"steps": ["acarbose", {"kind": "basal_insulin", "titration": "target"}]},
        {"steps": [{"kind": "bariatric_surgery"}], "target": "53 mmol/mol"},
    ],
    "weight_loss_programme": [{"diet": "20 weeks"}, {"intake": "1200 kcal/d", "reintroduction": "2 weeks"}],
    "whole_pancreas": [{"drainage": "portal"}],
    "sulfonylurea": [{"dose": "1 mg/d"}, {"adherence": "80 %"}],
    "dpp4_inhibitor": [{"dose": "50 mg/d"}],
    "sglt2_inhibitor": [{"dose": "25 mg/d"}],
    "pioglitazone": [{"dose": "15 mg/d"}],
    "glp1_agonist": [
        {"drug": "semaglutide", "dose": "2.4 mg/week"},
        {"drug": "liraglutide", "dose": "1.8 mg/d"},
        {"drug": "dulaglutide"},
    ],
    "tirzepatide": [{"dose": "15 mg/week"}],
    "premix_insulin": [{"titration": "wean"}, {"titration": "target"}],
    "meal_insulin": [{"titration": "wean"}, {"titration": "target"}],
    "closed_loop": [{"target": "120 mg/dL"}],
}
CHANGES = [(kind, change) for kind in KINDS for change in [{}, *VARIANTS.get(kind, [])]]
EVERY_VARIANT = pytest.mark.parametrize(("kind", "change"), CHANGES)
START = 21.0


def make(kind: str, **change: Any) -> TherapySpec:
    return load_all().get(kind).model_validate({"kind": kind, **NEEDED.get(kind, {}), **change})


def leaves(effects: Effects) -> np.ndarray:
    """Return every effect of every patient, [effect, patient]."""
    return np.stack([np.broadcast_to(leaf, N) for leaf in jax.tree_util.tree_leaves(effects)])


def observed(day: float, **changes: Any) -> Observed:
    """What the clinic sees of eight patients in good control."""
    values = {
        "fasting_glucose": 100.0,
        "daytime_glucose": 120.0,
        "lowest_glucose": 85.0,
        "fasting_c_peptide": 300.0,
        "hba1c": 6.0,
        "body_weight": 80.0,
        "egfr": 90.0,
        "days_off_insulin": 0.0,
    }
    arrays = {name: np.full(N, value, np.float32) for name, value in (values | changes).items()}
    return Observed(day=day, is_visit=True, **arrays)


@EVERY_VARIANT
def test_it_builds_and_its_effects_are_finite(kind: str, change: dict[str, Any], type1: Start):
    treatment = make(kind, start=f"{START} day", **change).build(type1.enrolled)
    for day in (START, START + 1, START + 400):
        assert np.isfinite(leaves(treatment.effects(day))).all()
        assert np.broadcast_to(treatment.is_taken(day), (N,)).dtype == bool
    assert treatment.sort in ("insulin", "tablet", "other")
    assert all(np.isfinite(day) for day in treatment.event_days())


NEUTRAL = [("islet_infusion", {"dose": "0 IEQ"}), ("lifestyle", {})]


@EVERY_VARIANT
def test_it_does_nothing_before_its_start(kind: str, change: dict[str, Any], type1: Start):
    treatment = make(kind, start=f"{START} day", **change).build(type1.enrolled)
    treatment = treatment.after(observed(START - 14)).after(observed(START - 7, lowest_glucose=50.0))
    for day in (-14.0, 0.0, START - 1):
        np.testing.assert_array_equal(leaves(treatment.effects(day)), leaves(Effects()))
        assert not np.any(treatment.is_taken(day))


@EVERY_VARIANT
def test_it_does_something_from_its_start_on(kind: str, change: dict[str, Any], type1: Start):
    treatment = make(kind, start=f"{START} day", **change).build(type1.enrolled)
    acts = [not np.array_equal(leaves(treatment.effects(START + d)), leaves(Effects())) for d in (0, 14)]
    assert np.any(treatment.is_taken(START)) == ((kind, change) not in NEUTRAL)
    assert any(acts) or (kind, change) in NEUTRAL


@pytest.mark.parametrize("kind", ["basal_bolus", "basal_insulin"])
def test_insulin_is_titrated_from_its_start_on(kind: str, type1: Start):
    treatment = make(kind, start=f"{START} day").build(type1.enrolled)
    early = treatment.after(observed(START - 7, lowest_glucose=50.0)).effects(START)
    np.testing.assert_array_equal(early.basal_insulin, type1.enrolled.basal_dose)
    late = treatment.after(observed(START, lowest_glucose=50.0)).effects(START)
    assert (np.asarray(late.basal_insulin) < type1.enrolled.basal_dose).all()


@EVERY_VARIANT
def test_the_spec_is_written_and_read_back(kind: str, change: dict[str, Any]):
    spec = make(kind, start="3 weeks", **change)
    written = spec.model_dump(mode="json")
    assert load_all().get(written["kind"]).model_validate(written) == spec


@EVERY
def test_an_unknown_field_is_refused(kind: str):
    with pytest.raises(ValidationError, match="doze"):
        make(kind, doze="1 mg/d")


@EVERY
def test_a_number_without_a_unit_is_refused(kind: str):
    with pytest.raises(ValidationError, match="unit"):
        make(kind, start="3")


@EVERY
def test_it_says_what_it_is(kind: str):
    assert load_all().get(kind).__doc__
    assert "properties" in load_all().get(kind).model_json_schema()


@EVERY
def test_its_entry_in_the_catalogue_is_complete(kind: str):
    """Known:, Fitted: or Assumed:, and Not modelled: stand in the docstring of its module."""
    found = catalogue.entry(kind)
    assert found.family in FAMILIES and found.about and found.description
    assert {"Known", "Not modelled"} <= found.sections.keys()
    assert {"Fitted", "Assumed"} & found.sections.keys()
    assert found.actions and all(found.sections.values())


@EVERY_VARIANT
def test_a_contact_keeps_it_a_treatment(kind: str, change: dict[str, Any], type1: Start):
    treatment = make(kind, **change).build(type1.enrolled)
    for day in (7.0, 14.0):
        treatment = treatment.after(observed(day, lowest_glucose=50.0))
        assert np.isfinite(leaves(treatment.effects(day))).all()


def test_a_misspelt_kind_is_named():
    with pytest.raises(UnknownName, match="did you mean 'metformin'"):
        load_all().get("metfromin")


def day_of(start: Start, effects: Effects) -> Any:
    """Return the state, summary and traces after one ordinary day."""
    draws = random.DayDraws(random.patient_keys(5, "day", start.cohort.ids), N_DRAWS)
    bodies = Bodies(start.cohort.parameters, start.state, draws)
    lived = bodies.live(bodies.packed(effects), 0, 1, is_even=False)
    return bodies.state, lived.summary, lived.trace


def test_no_therapy_compiles_the_day_again(type1: Start):
    day_of(type1, Effects())
    before = compilations()
    for kind, change in CHANGES:
        day_of(type1, make(kind, **change).build(type1.enrolled).effects(0.0))
    everything = [make(kind).build(type1.enrolled).effects(0.0) for kind in KINDS]
    day_of(type1, combine(everything))
    assert compilations() == before and before.count("ordinary_day") == 1


def equal(first: Any, second: Any) -> bool:
    pairs = zip(jax.tree_util.tree_leaves(first), jax.tree_util.tree_leaves(second), strict=True)
    return all(np.array_equal(np.asarray(a), np.asarray(b)) for a, b in pairs)


def test_no_islets_are_no_infusion_to_the_last_digit(type1: Start):
    nothing = make("islet_infusion", dose="0 IEQ").build(type1.enrolled).effects(0.0)
    something = make("islet_infusion", dose="1e5 IEQ").build(type1.enrolled).effects(0.0)
    untreated = day_of(type1, Effects())
    assert equal(day_of(type1, nothing), untreated)
    assert not equal(day_of(type1, something), untreated)


def test_islets_are_counted_whole_per_kilogram_or_by_cells(type1: Start):
    def islets(dose: str) -> np.ndarray:
        return np.asarray(make("islet_infusion", dose=dose).build(type1.enrolled).effects(0.0).infusion.dose)

    np.testing.assert_allclose(islets("5e5 IEQ"), 5e5)
    np.testing.assert_allclose(islets("12000 IEQ/kg"), 12000 * np.asarray(type1.enrolled.weight), rtol=1e-6)
    per_islet = type1.enrolled.draw("islet_infusion.cells_per_islet")
    np.testing.assert_allclose(islets("8e8 cells"), 8e8 / np.asarray(per_islet), rtol=1e-6)


def test_the_variation_between_patients_is_the_table_s(type1: Start):
    loss = make("islet_infusion").build(type1.enrolled).effects(0.0).infusion.instant_loss
    assert len(np.unique(np.asarray(loss))) == N
    again = (
        make("islet_infusion").build(dataclasses.replace(type1.enrolled)).effects(0.0).infusion.instant_loss
    )
    np.testing.assert_array_equal(np.asarray(loss), np.asarray(again))


MORE: list[tuple[str, str, list[str], Callable[[Effects], Any]]] = [
    (
        "metformin",
        "dose",
        ["500 mg/d", "1000 mg/d", "2000 mg/d"],
        lambda e: 1 - np.asarray(e.hepatic_production),
    ),
    ("acarbose", "dose", ["100 mg/d", "300 mg/d"], lambda e: 1 - np.asarray(e.carbohydrate_absorption)),
    ("islet_infusion", "dose", ["0 IEQ", "1e5 IEQ", "1e6 IEQ"], lambda e: np.asarray(e.infusion.dose)),
    (
        "weight_loss_programme",
        "intake",
        ["2000 kcal/d", "1200 kcal/d", "840 kcal/d"],
        lambda e: np.asarray(e.restriction),
    ),
    ("sulfonylurea", "dose", ["1 mg/d", "8 mg/d"], lambda e: np.asarray(e.secretion_capacity)),
    ("dpp4_inhibitor", "dose", ["25 mg/d", "100 mg/d"], lambda e: np.asarray(e.incretin_response)),
    ("sglt2_inhibitor", "dose", ["10 mg/d", "25 mg/d"], lambda e: 1 - np.asarray(e.renal_threshold)),
    ("pioglitazone", "dose", ["15 mg/d", "45 mg/d"], lambda e: np.asarray(e.peripheral_sensitivity)),
    ("glp1_agonist", "dose", ["0.5 mg/week", "1 mg/week"], lambda e: np.asarray(e.restriction)),
    ("tirzepatide", "dose", ["5 mg/week", "15 mg/week"], lambda e: np.asarray(e.restriction)),
    ("metformin", "adherence", ["50 %", "100 %"], lambda e: 1 - np.asarray(e.hepatic_production)),
]


@pytest.mark.parametrize(("kind", "field", "doses", "read"), MORE, ids=[row[0] for row in MORE])
def test_more_of_it_does_more(
    kind: str, field: str, doses: list[str], read: Callable[[Effects], Any], type1: Start
):
    start = {} if kind in ("islet_infusion", "weight_loss_programme") else {"start": "-3650 d"}
    made = [read(make(kind, **start, **{field: dose}).build(type1.enrolled).effects(0.0)) for dose in doses]
    assert (np.diff(made, axis=0) > 0).all()
