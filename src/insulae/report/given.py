"""What each arm was given, in plain words with units, from the therapies of the study file."""

from collections.abc import Mapping
from typing import Any

from insulae.core.errors import InsulaeError
from insulae.core.units import quantity
from insulae.report.reading import Results, arm_specs
from insulae.report.words import week_text

Therapy = Mapping[str, Any]
_MILLION = 1e6
_DOSE_WORDS = {
    "IEQ": "islet equivalents (IEQ)",
    "IEQ/kg": "islet equivalents (IEQ) per kg body weight",
    "cells": "cells",
}


def care(therapies: list[Therapy]) -> list[str]:
    """Return one sentence for each therapy."""
    return [_sentence(therapy) for therapy in therapies]


def arms(results: Results) -> dict[str, list[str]]:
    """Return the sentences of every arm; an arm that adds nothing says so."""
    specs = arm_specs(results.study)
    return {arm: _arm(specs.get(arm), _enrolled(results)) for arm in results.arms}


def background(results: Results) -> list[str]:
    """Return what all patients take at enrollment."""
    return care(_enrolled(results))


def _enrolled(results: Results) -> list[Therapy]:
    population = results.study.get("population") or {}
    return list(population.get("treatment") or [])


def _arm(spec: Mapping[str, Any] | None, enrolled: list[Therapy]) -> list[str]:
    """Return what is added or replaced, then what goes on as at enrollment."""
    if spec is None:
        return ["The study file does not describe this arm."]
    therapies = list(spec.get("therapies") or [])
    replaced = {therapy["kind"] for therapy in therapies}
    rest = [_name(therapy) for therapy in enrolled if therapy["kind"] not in replaced]
    if not therapies:
        return [f"Nothing new: {', '.join(rest) or 'no treatment'} as at enrollment."]
    going_on = [f"As at enrollment: {', '.join(rest)}."] if rest else []
    return care(therapies) + going_on


def _name(therapy: Therapy) -> str:
    return {"basal_bolus": "basal and meal insulin"}.get(
        str(therapy["kind"]), str(therapy["kind"]).replace("_", " ")
    )


def _sentence(therapy: Therapy) -> str:
    writer = _WRITERS.get(str(therapy.get("kind")), _plain)
    return writer(therapy)


def _start(therapy: Therapy) -> str:
    """Return when a therapy starts; what began before enrollment is 'as before'."""
    try:
        week = quantity(therapy.get("start", "0 week"), "week")
    except InsulaeError:
        return f"from {therapy['start']}"
    return "as before enrollment" if week < 0 else f"from {week_text(week)}"


def _islet_infusion(therapy: Therapy) -> str:
    pair = (str(therapy.get("product", "stem_cell")), str(therapy.get("source", "")))
    product = _PRODUCTS.get(pair, f"{pair[0].replace('_', ' ')} islets, {pair[1]}")
    site = str(therapy.get("site", "portal_vein"))
    place = _SITES.get(site, f"at the site {site.replace('_', ' ')}")
    when = _start(therapy).removeprefix("from ")
    device = _device(therapy.get("device"))
    return f"One infusion of {_dose(therapy.get('dose'))}: {product}{device}, given {place} in {when}."


def _device(device: Mapping[str, Any] | None) -> str:
    """Return the device around the islets, with its measures as the study file gives them."""
    if not device:
        return ""
    fields = [
        f"{k.replace('_', ' ')} {v}" for k, v in device.items() if k != "kind" and v not in (None, False)
    ]
    return f", in a {device['kind']} ({', '.join(fields).replace('perforated True', 'perforated')})"


_PRODUCTS = {
    ("stem_cell", "autologous"): "islets grown from the patient's own cells",
    ("stem_cell", "allogeneic"): "islets grown from another person's stem cells",
    ("donor", "allogeneic"): "islets of an organ donor",
    ("donor", "autologous"): "the patient's own islets",
}
_SITES = {
    "portal_vein": "into the portal vein of the liver",
    "rectus_sheath": "under the sheath of the abdominal muscle",
    "omentum": "into a fold of the omentum",
    "subcutaneous": "under the skin",
    "subcutaneous_prevascularized": "under the skin, where vessels had been made to grow",
    "muscle": "into a muscle",
    "kidney_capsule": "under the capsule of a kidney",
}


def _dose(dose: Any) -> str:
    """Return a number of islets or cells as a physician writes it."""
    for unit, words in _DOSE_WORDS.items():
        try:
            number = quantity(dose, unit)
        except InsulaeError:
            continue
        million = number / _MILLION
        return f"{million:g} million {words}" if million >= 1 else f"{number:,.0f} {words}"
    return str(dose)


def _immunosuppression(therapy: Therapy) -> str:
    drugs = {"tacrolimus_mmf": "tacrolimus and mycophenolate"}
    regimen = str(therapy.get("regimen", "tacrolimus_mmf"))
    stop = f", until {therapy['stop']}" if therapy.get("stop") else ""
    return f"Immunosuppression: {drugs.get(regimen, regimen)}, {_start(therapy)}{stop}."


def _insulin(therapy: Therapy) -> str:
    name = {"basal_bolus": "Basal and meal insulin", "basal_insulin": "Basal insulin, once a day"}
    policy = {
        "wean": "the dose is lowered week by week while glucose stays good, stopped when it is small, "
        "restarted when glucose rises",
        "keep": "the dose is adjusted weekly to hold glucose where it was at enrollment",
    }
    titration = str(therapy.get("titration", "keep"))
    return f"{name[str(therapy['kind'])]}: {policy.get(titration, titration)}."


def _tablet(therapy: Therapy) -> str:
    name = str(therapy["kind"]).capitalize()
    dose = str(therapy.get("dose") or "").replace("mg/d", "mg a day")
    rule: Mapping[str, Any] | None = therapy.get("withdraw")
    stop = ""
    if rule:
        wait, limit = _weeks(rule.get("off_insulin")), rule.get("hba1c_below")
        stop = f"; stopped at a visit after {wait} off insulin with HbA1c below {limit}"
    return f"{f'{name} {dose}'.strip()}, {_start(therapy)}{stop}."


def _weeks(duration: Any) -> str:
    try:
        return f"{quantity(duration, 'week'):.0f} weeks"
    except InsulaeError:
        return str(duration)


def _plain(therapy: Therapy) -> str:
    """Describe a therapy this page has no words for by its fields."""
    fields = [f"{k.replace('_', ' ')} {v}" for k, v in therapy.items() if k != "kind" and v is not None]
    name = _name(therapy).capitalize()
    return f"{name}: {', '.join(fields)}." if fields else f"{name}."


_WRITERS = {
    "islet_infusion": _islet_infusion,
    "immunosuppression": _immunosuppression,
    "basal_bolus": _insulin,
    "basal_insulin": _insulin,
    "metformin": _tablet,
    "acarbose": _tablet,
}
