"""The catalogue of therapies: what each one does, rests on and asks for, read from its own file.

Nothing is listed by hand: words come from the docstrings, fields from the spec, parameters and places of
action from building the therapy for a typical patient with its example and with every choice a field offers.
"""

import dataclasses
import importlib
import inspect
import itertools
import re
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from pydantic import ValidationError

from insulae.core import parameters
from insulae.core.errors import InsulaeError, UnknownName
from insulae.core.registry import nearest
from insulae.physiology.effects import Effects
from insulae.populations.patient import PHENOTYPES
from insulae.study.fields import FieldEntry, choices_of, example_of, fields_of
from insulae.study.plan import typical_patient
from insulae.therapies.base import FAMILIES, Enrolled, Observed, TherapySpec, Treatment, load_all

SECTIONS = ("Known", "Fitted", "Assumed", "Not modelled")
DAYS = (0.0, 1.0, 7.0, 30.0, 90.0, 180.0, 365.0, 730.0)
_LABEL = re.compile(rf"\b({'|'.join(SECTIONS)}):\s+")


@dataclasses.dataclass(frozen=True)
class Action:
    """One of the Effects a therapy uses; `value` is where it is farthest from neutral with the example."""

    name: str
    unit: str
    is_factor: bool
    value: float | None


@dataclasses.dataclass(frozen=True)
class Entry:
    """What the catalogue says of one therapy; `sections` are the labelled parts of its module's docstring."""

    name: str
    family: str
    description: str
    about: str
    sections: dict[str, str]
    fields: tuple[FieldEntry, ...]
    example: dict[str, Any]
    actions: tuple[Action, ...]
    harms: tuple[str, ...]
    parameters: tuple[parameters.Row, ...]


def kinds() -> list[tuple[str, type[TherapySpec]]]:
    """Return every therapy by the order of the families, then by name."""
    order = list(FAMILIES)
    return sorted(load_all().items(), key=lambda pair: (order.index(pair[1].family), pair[0]))


def summary(spec: type[TherapySpec]) -> str:
    """Return the first sentence of a spec's docstring."""
    return " ".join(inspect.cleandoc(spec.__doc__ or "").split("\n\n")[0].split())


def sections(docstring: str) -> tuple[str, dict[str, str]]:
    """Return what a docstring says before its first label, and what it says under each label.

    >>> sections("Acts on mice. Known: it is safe. Assumed: all else.")
    ('Acts on mice.', {'Known': 'it is safe.', 'Assumed': 'all else.'})
    """
    about, *parts = _LABEL.split(" ".join(docstring.split()))
    found: dict[str, str] = {}
    for label, text in zip(parts[::2], parts[1::2], strict=True):
        found[label] = f"{found.get(label, '')} {text.strip()}".strip()
    return about.strip(), found


def entry(kind: str) -> Entry:
    """Return everything on one therapy; raises `UnknownName` for a kind that does not exist."""
    spec = load_all().get(kind)
    module = importlib.import_module(spec.__module__)
    about, labelled = sections(inspect.getdoc(module) or "")
    example = example_of(spec)
    seen = _observe(spec, example)
    return Entry(
        name=kind,
        family=spec.family,
        description=summary(spec),
        about=about,
        sections=labelled,
        fields=tuple(fields_of(spec)),
        example=example,
        actions=tuple(seen.actions()),
        harms=tuple(sorted(seen.harms)),
        parameters=tuple(itertools.chain.from_iterable(_rows(name) for name in sorted(seen.drawn))),
    )


def entries(names: Iterable[str] = ()) -> list[Entry]:
    """Return the entries of some therapies, or of all, in the order of the catalogue."""
    wanted = list(names) or load_all().names()
    if unknown := [name for name in wanted if name not in load_all().names()]:
        raise UnknownName(f"unknown therapy '{unknown[0]}'", nearest(unknown[0], load_all().names()))
    return [entry(kind) for kind, _ in kinds() if kind in wanted]


def _rows(name: str) -> list[parameters.Row]:
    """Return the rows of a parameter, of any population."""
    return [row for (known, _), row in sorted(parameters.table().items()) if known == name]


@dataclasses.dataclass
class _Seen:
    """What was seen while a therapy was built and lived through: parameters drawn, effects, harms."""

    drawn: set[str] = dataclasses.field(default_factory=set[str])
    values: dict[str, float] = dataclasses.field(default_factory=dict[str, float])
    elsewhere: set[str] = dataclasses.field(default_factory=set[str])
    harms: set[str] = dataclasses.field(default_factory=set[str])

    def draw(self, name: str) -> float:
        """Note which parameter is asked for and give its central value."""
        self.drawn.add(name)
        for population in ("type2", *PHENOTYPES):
            if (name, population) in parameters.table() or (name, parameters.ANY) in parameters.table():
                return parameters.value(name, population)
        return parameters.value(name)

    def note(self, treatment: Treatment, day: float, is_example: bool) -> None:
        """Note what differs from neutral on a day, and which harms are to be expected."""
        for name, value in _differences(treatment.effects(day)):
            if not is_example:
                self.elsewhere.add(name)
            elif abs(value - _NEUTRAL[name]) >= abs(self.values.get(name, _NEUTRAL[name]) - _NEUTRAL[name]):
                self.values[name] = value
        self.harms |= {*treatment.hazards(day), *treatment.procedures(day)}

    def actions(self) -> Iterator[Action]:
        """Yield the effects that were seen, in the order of Effects."""
        for name, neutral in _NEUTRAL.items():
            if name in self.values or name in self.elsewhere:
                yield Action(name, _UNIT[name], bool(neutral), self.values.get(name))


_FIELDS = {one.name: one.metadata for one in dataclasses.fields(Effects) if one.metadata}
_NEUTRAL = {name: float(metadata["neutral"]) for name, metadata in _FIELDS.items()} | {"infusion": 0.0}
_UNIT = {name: str(metadata["unit"]) for name, metadata in _FIELDS.items()} | {"infusion": "IEQ"}


def _differences(effects: Effects) -> Iterator[tuple[str, float]]:
    """Yield the effects that are not neutral for the typical patient; of an infusion its dose."""
    for name, neutral in _NEUTRAL.items():
        found = effects.infusion.dose if name == "infusion" else getattr(effects, name)
        value = float(np.ravel(np.asarray(found))[0])
        if value != neutral:
            yield name, value


def _observe(spec: type[TherapySpec], example: dict[str, Any]) -> _Seen:
    """Build the example and its variants and live through some days, untreated glucose at each contact."""
    seen = _Seen()
    patient = dataclasses.replace(
        typical_patient(seen.draw),
        basal_dose=np.full(1, 20.0, np.float32),
        bolus_per_carbohydrate=np.full(1, 0.1, np.float32),
    )
    for number, variant in enumerate([example, *choices_of(spec, example)]):
        built = _built(spec, variant, patient)
        if built is None:
            continue
        for day in DAYS:
            seen.note(built, day, is_example=number == 0)
            if day:
                built = built.after(_poor_control(day))
    return seen


def _built(spec: type[TherapySpec], fields: dict[str, Any], patient: Enrolled) -> Treatment | None:
    """Return the treatment of one variant, None for choices that a spec refuses together."""
    try:
        return spec.model_validate(fields).build(patient)
    except (ValidationError, InsulaeError):
        return None


def _poor_control(day: float) -> Observed:
    """Return what the clinic sees of a patient who needs more treatment."""
    seen = {"fasting_glucose": 220.0, "daytime_glucose": 250.0, "lowest_glucose": 130.0, "hba1c": 9.5}
    seen |= {"fasting_c_peptide": 300.0}
    body = {"body_weight": 90.0, "egfr": 90.0, "days_off_insulin": 0.0}
    values = {name: np.full(1, value, np.float32) for name, value in (seen | body).items()}
    return Observed(day=day, is_visit=True, **values)
