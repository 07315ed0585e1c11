"""Devices: their geometry, what lives in them, how late their insulin is, what the study file may ask for."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from insulae.core.parameters import value
from insulae.core.pytree import replace
from insulae.physiology.effects import Effects
from insulae.physiology.slow import graft
from insulae.populations.baseline import Start
from insulae.therapies.base import load_all
from insulae.therapies.encapsulation import DeviceTable, Macrodevice, Microcapsule, Sheet

SHEET = {"kind": "sheet", "thickness": "250 um", "density": "500 IEQ/cm2"}
DENSE = {"kind": "macrodevice", "thickness": "500 um", "density": "4800 IEQ/cm2"}


def given(start: Start, **fields: Any) -> Effects:
    """Return the effects of an implantation on its day."""
    spec = {"kind": "islet_infusion", "dose": "5e5 IEQ", "site": "subcutaneous", "source": "allogeneic"}
    return load_all().get("islet_infusion").model_validate(spec | fields).build(start.enrolled).effects(0.0)


def living(start: Start, device: dict[str, Any], site: str = "subcutaneous") -> np.ndarray:
    """Return the share of a fresh graft that has oxygen once vessels and fibrous tissue have come."""
    weight = start.state.slow.body_weight.weight
    parameters = start.cohort.parameters.slow.graft
    infusion = given(start, device=device, site=site).infusion
    state = graft.infuse(graft.empty(weight), parameters, infusion, weight)
    settled = replace(state, vascularization=0 * weight + 1, fibrosis=0 * weight + 1)
    return np.asarray(graft.oxygen(settled, parameters)[0])


def test_the_size_of_a_device_holds_its_dose():
    sheet = Sheet.model_validate(SHEET)
    assert sheet.area(5e5) == pytest.approx(1000)
    assert sheet.volume(5e5) == pytest.approx(1000 * 0.025)
    share = 5e5 * 4 / 3 * np.pi * (value("graft.islet_radius") * 1e-4) ** 3 / sheet.volume(5e5)
    assert sheet.islet_share == pytest.approx(share)
    capsule = Microcapsule.model_validate({"diameter": "500 um"})
    assert capsule.volume(1e6) == pytest.approx(1e6 * np.pi * 0.05**3 / 6)
    assert capsule.area(1e6) == pytest.approx(1e6 * np.pi * 0.05**2)


def test_a_thin_sheet_lives_where_a_dense_chamber_starves(type1: Start):
    thin, dense = living(type1, SHEET), living(type1, DENSE)
    assert (thin > 2 * dense).all() and dense.max() < 0.15


def test_more_islets_in_the_same_device_live_less(type1: Start):
    shares = [living(type1, SHEET | {"density": f"{d} IEQ/cm2"}) for d in (100, 500, 2000, 8000)]
    assert (np.diff(shares, axis=0) < 0).all()


def test_a_reservoir_of_oxygen_keeps_a_dense_chamber_alive(type1: Start):
    fed = living(type1, DENSE | {"oxygen_supply": "300 mmHg"})
    assert (fed > 4 * living(type1, DENSE)).all()


def test_oxygen_of_the_site_counts(type1: Start):
    assert (living(type1, SHEET, "subcutaneous_prevascularized") > living(type1, SHEET)).all()


def test_closed_devices_hide_antigen_and_perforated_ones_do_not(type1: Start):
    closed, open_ = given(type1, device=DENSE), given(type1, device=DENSE | {"perforated": True})
    assert (np.asarray(closed.infusion.alloantigen) < 0.5).all()
    np.testing.assert_array_equal(open_.infusion.alloantigen, 1)
    np.testing.assert_array_equal(open_.infusion.autoantigen, 1)


def test_closed_devices_lose_islets_and_perforated_ones_let_vessels_in(type1: Start):
    closed, open_ = given(type1, device=DENSE), given(type1, device=DENSE | {"perforated": True})
    assert (np.asarray(closed.infusion.attrition) > 0).all() and not np.any(closed.infusion.ingrowth)
    assert (np.asarray(open_.infusion.ingrowth) > 0).all() and not np.any(open_.infusion.attrition)


def test_thicker_devices_are_later(type1: Start):
    delays = [given(type1, device=SHEET | {"thickness": f"{t} um"}) for t in (150, 300, 600)]
    assert (np.diff([e.infusion.insulin_delay for e in delays], axis=0) > 0).all()


def test_the_mean_time_from_a_capsule_is_that_of_a_random_walk():
    """Diffusion in a shell with a wall inside: the mean time u solves D (r^2 u')' = -r^2, u = 0 outside."""
    device, r = Microcapsule(), np.linspace(value("graft.islet_radius"), 250.0, 20001)
    inner, diffusivity = r[0], value("islet_infusion.gel_insulin_diffusivity")
    slope = (r**3 - inner**3) / (3 * diffusivity * r**2)
    table = _central()
    assert float(device.transport(table).insulin_delay[0]) == pytest.approx(np.trapezoid(slope, r), rel=1e-4)


def _central() -> DeviceTable:
    """Return the materials at their central values."""
    names = [f.name for f in dataclasses.fields(DeviceTable)]
    return DeviceTable(**{n: np.full(1, value(f"islet_infusion.{n}"), np.float32) for n in names})


@pytest.mark.parametrize(
    ("device", "said"),
    [
        ({"kind": "sheet", "thickness": "100 um", "density": "7000 IEQ/cm2"}, "at most 4188 IEQ/cm2"),
        ({"kind": "microcapsule", "diameter": "100 um"}, "smaller than an islet"),
        ({"kind": "sheeet"}, "microcapsule', 'sheet', 'macrodevice'"),
        ({"kind": "sheet", "thickness": "250", "density": "500 IEQ/cm2"}, "no unit"),
    ],
)
def test_what_cannot_be_built_is_named(device: dict[str, Any], said: str, type1: Start):
    with pytest.raises(ValidationError, match=said):
        given(type1, device=device)


def test_a_device_does_not_fit_into_the_portal_vein(type1: Start):
    with pytest.raises(ValidationError, match="does not fit into the portal_vein"):
        given(type1, device=SHEET, site="portal_vein")


def test_the_chamber_with_a_reservoir_takes_its_oxygen_from_there(type1: Start):
    device = Macrodevice.model_validate(DENSE | {"oxygen_supply": "300 mmHg"})
    assert device.depth == 2 * Macrodevice.model_validate(DENSE).depth
    infusion = given(type1, device=DENSE | {"oxygen_supply": "300 mmHg"}).infusion
    np.testing.assert_array_equal(infusion.oxygen_late, 300)
    np.testing.assert_array_equal(infusion.fibrous_drop, 0)
