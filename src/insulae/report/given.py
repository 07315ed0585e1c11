"""What each arm was given, in plain words with units, from the therapies of the study file."""

import re
from collections.abc import Mapping
from typing import Any

from insulae.core.errors import InsulaeError
from insulae.core.units import quantity
from insulae.manufacturing.supply import LotRequest, told
from insulae.report.reading import Results, arm_specs
from insulae.report.words import plain_units, week_text

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
    kind = str(therapy["kind"])
    return _NAMES.get(kind, _words(str(therapy.get("drug") or kind)))


_NAMES = {
    "basal_bolus": "basal and meal insulin",
    "sulfonylurea": "sulfonylurea (as glimepiride)",
    "dpp4_inhibitor": "DPP-4 inhibitor (as sitagliptin)",
    "sglt2_inhibitor": "SGLT2 inhibitor (as empagliflozin)",
}


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
    product = _PRODUCTS.get(pair, f"{pair[0].replace('_', ' ')} islets, {pair[1]}".rstrip(", "))
    site = str(therapy.get("site", "portal_vein"))
    place = _SITES.get(site, f"at the site {site.replace('_', ' ')}")
    when = _start(therapy).removeprefix("from ")
    rest = _settings(therapy, ("product", "source", "site", "lot", "device"))
    lot: Mapping[str, Any] = therapy.get("lot") or {}
    amount = f"at most {_dose(lot['target'])} of a released lot" if lot else _dose(therapy.get("dose"))
    device = _device(therapy.get("device"))
    return f"One infusion of {amount}: {product}{device}, given {place} in {when}{rest}."


def _device(device: Mapping[str, Any] | None) -> str:
    """Return the device around the islets, with its measures as the study file gives them."""
    if not device:
        return ""
    inside = _inside({name: v for name, v in device.items() if name != "kind" and v is not False})
    return f", in a {_words(str(device['kind']))}{f' ({inside})' if inside else ''}"


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
    regimen = str(therapy.get("regimen", "tacrolimus_mmf"))
    parts = [f"Immunosuppression: {_REGIMENS.get(regimen, _words(regimen))}, {_start(therapy)}"]
    if therapy.get("induction"):
        parts.append(f"after induction with {_words(str(therapy['induction']))}")
    if therapy.get("tnf_inhibition"):
        parts.append("with TNF inhibition around the infusion")
    switch: Mapping[str, Any] = therapy.get("switch") or {}
    if switch:
        to = switch.get("to")
        then = f"changed to {_REGIMENS.get(to, _words(to))}" if to else "stopped"
        parts.append(f"{then} at a visit with eGFR below {_amount(switch['egfr_below'])}")
    text = ", ".join(parts)
    if therapy.get("stop") is None:
        return f"{text}."
    taper = _amount(therapy.get("taper", "0 day"))
    slowly = "" if taper == "0 days" else f", lowered evenly to nothing in the last {taper}"
    return f"{text},{_stop(therapy)}{slowly}."


_REGIMENS = {
    "tacrolimus_mmf": "tacrolimus and mycophenolate",
    "tacrolimus_sirolimus": "tacrolimus and sirolimus",
    "belatacept_mmf": "belatacept and mycophenolate",
    "cni_free": "sirolimus and mycophenolate, no calcineurin inhibitor",
}


def _insulin(therapy: Therapy) -> str:
    name = {
        "basal_bolus": "Basal and meal insulin",
        "basal_insulin": "Basal insulin, once a day",
        "premix_insulin": "Premixed insulin, twice a day",
        "meal_insulin": "Meal insulin alone",
    }
    policy = {
        "wean": "the dose is lowered week by week while glucose stays good, stopped when it is small, "
        "restarted when glucose rises",
        "wean_by_c_peptide": "lowered week by week as by weaning, tried without once fasting C-peptide is "
        "enough; the dose comes back when glucose rises",
        "target": "the dose is adjusted weekly towards tight glucose",
        "keep": "the dose is adjusted weekly to hold glucose where it was at enrollment",
    }
    titration = str(therapy.get("titration", "keep"))
    rest = _settings(therapy, ("titration",))
    start = _start(therapy)
    when = "" if start in (_start({}), _start({"start": "-1 day"})) else f", {start}"
    return f"{name[str(therapy['kind'])]}{when}: {policy.get(titration, titration)}{rest}."


def _plain(therapy: Therapy) -> str:
    """Describe any therapy by its fields: name, dose, settings, start, and when it is stopped."""
    dose = f" {_amount(therapy['dose'])}" if therapy.get("dose") is not None else ""
    rest = f"{_taken(therapy)}{_stop(therapy)}{_settings(therapy, _NAMING)}{_withdrawal(therapy)}"
    return f"{_capital(_name(therapy))}{dose}, {_start(therapy)}{rest}."


_NAMING = ("drug", "adherence")


def _taken(therapy: Therapy) -> str:
    """Return on how many days it is taken, where not on all."""
    share = str(therapy.get("adherence") or "100 %")
    return "" if share == "100 %" else f", taken on {share} of days"


def _policy(therapy: Therapy) -> str:
    """Describe a treatment policy by its target and its steps in order."""
    order = ", then ".join(_entry(step) for step in therapy.get("steps") or [])
    every, target = _amount(therapy.get("every", "84 day")), therapy.get("target", "7 %")
    rest = _settings(therapy, ("steps", "every", "target"))
    return (
        f"Treatment to target: the next therapy is added at visits at least {every} apart while HbA1c is "
        f"above {target}: {order}{rest}."
    )


def _made_to_order(therapy: Therapy) -> str:
    """Describe cells that are waited for: how long, and what begins with them."""
    begins = [step for step in therapy.get("then") or [] if isinstance(step, Mapping)]
    lots = [step["lot"] for step in begins if step.get("lot")]
    waits = f": {told(LotRequest.model_validate(lots[0]), is_waited_for=True)}" if lots else ""
    order = ", ".join(_entry(step) for step in begins)
    rest = _settings(therapy, ("then",))
    return f"Cells made to order, {_start(therapy)}{waits}. With the cells begin: {order}{rest}."


def _settings(therapy: Therapy, said: tuple[str, ...] = ()) -> str:
    """Return what a sentence has not told yet of a therapy, after a semicolon."""
    known = {"kind", "dose", "start", "stop", "withdraw", *said}
    found = [_setting(k, v) for k, v in therapy.items() if k not in known and v is not None]
    text = ", ".join(one for one in found if one)
    return f"; {text}" if text else ""


def _stop(therapy: Therapy) -> str:
    """Return when a therapy ends; nothing where it goes on."""
    if therapy.get("stop") is None:
        return ""
    try:
        return f" until {week_text(quantity(therapy['stop'], 'week'))}"
    except InsulaeError:
        return f" until {therapy['stop']}"


def _setting(name: str, value: Any) -> str:
    """Return one field in words: its name and what it is set to, however deep."""
    words = _words(name)
    if isinstance(value, bool):
        return words if value else f"no {words}"
    if isinstance(value, Mapping):
        return f"{words} ({_inside(value)})" if value else ""
    if isinstance(value, list | tuple):
        return f"{words}: {', then '.join(_entry(one) for one in value)}" if value else ""
    return f"{words} {_amount(value)}"


def _inside(record: Mapping[str, Any]) -> str:
    found = [_setting(name, value) for name, value in record.items() if value is not None]
    return ", ".join(text for text in found if text)


def _entry(value: Any) -> str:
    """Return one entry of a list: a therapy, a record or a plain value."""
    if not isinstance(value, Mapping):
        return _amount(value)
    if "kind" in value:
        dose = f" {_amount(value['dose'])}" if value.get("dose") is not None else ""
        told = {name: one for name, one in value.items() if one is not False and one != "0 day"}
        rest = _settings(told, _NAMING).removeprefix("; ")
        return f"{_name(value)}{dose}{f' ({rest})' if rest else ''}"
    return f"({_inside(value)})"


def _withdrawal(therapy: Therapy) -> str:
    """Return when a clinician stops it; nothing where no rule is stated."""
    rule: Mapping[str, Any] | None = therapy.get("withdraw")
    if not rule:
        return ""
    wait, limit = _amount(rule.get("off_insulin")), rule.get("hba1c_below")
    return f"; stopped at a visit after {wait} off insulin with HbA1c below {limit}"


def _amount(value: Any) -> str:
    """Return a value as people write it: a duration in sensible units, a rate a day, a choice in words."""
    if isinstance(value, float):
        return f"{value:g}"
    text = str(value)
    try:
        days = quantity(text, "day")
    except InsulaeError:
        rate = re.sub(r"(?<=[a-zA-Z])/(d|week)\b", lambda m: _A[m[1]], text)
        plain = plain_units(text) if rate == text else rate
        return plain if re.match(r"[-+.\d]", text) else _words(text)
    return _duration(days)


def _duration(days: float) -> str:
    """Return a duration in days, weeks or years, whichever is shortest to say.

    >>> _duration(84), _duration(730.5), _duration(3)
    ('12 weeks', '2 years', '3 days')
    """
    year = quantity("1 year", "day")
    for length, name in ((year, "year"), (7.0, "week"), (1.0, "day")):
        number = days / length
        if abs(number) >= 1 and abs(number - round(number)) < 0.01:
            return f"{number:.0f} {name}{'' if round(number) == 1 else 's'}"
    return f"{days:g} days"


_A = {"d": " a day", "week": " a week"}
_SPELLED = {
    "hba1c": "HbA1c",
    "egfr": "eGFR",
    "glp1": "GLP-1",
    "sglt2": "SGLT2",
    "dpp4": "DPP-4",
    "hla": "HLA",
    "ipsc": "iPSC",
    "mmf": "MMF",
    "atg": "ATG",
    "cni": "CNI",
    "tnf": "TNF",
    "cd47": "CD47",
    "pdl1": "PD-L1",
}


def _words(name: str) -> str:
    """Return a name of a study file in words.

    >>> _words("glp1_agonist"), _words("hba1c_below")
    ('GLP-1 agonist', 'HbA1c below')
    """
    return " ".join(_SPELLED.get(part, part) for part in name.split("_"))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


_WRITERS = {
    "islet_infusion": _islet_infusion,
    "immunosuppression": _immunosuppression,
    "basal_bolus": _insulin,
    "basal_insulin": _insulin,
    "premix_insulin": _insulin,
    "meal_insulin": _insulin,
    "treatment_policy": _policy,
    "made_to_order": _made_to_order,
}
