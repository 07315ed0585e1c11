"""How an observed value is asked of simulated people: a small language of endpoints, changes, conditions.

A question is a number of each patient or a condition that holds or not, at the week of the observation:

    hba1c                             the endpoint; of a yes/no endpoint 100 or 0
    hba1c change                      less the value at enrollment
    body_weight percent change        the same in percent of that at enrollment
    egfr slope from 52                change a year between two visits
    hba1c < 7                         100 or 0; joined by `and`; a bare yes/no endpoint is a condition too
    first fasting_glucose > 180       week of the first visit at which it holds, infinite when it never does
    remission among body_weight change <= -15     only of those for whom the condition holds

Numbers are in the unit of the endpoint; `at 52` after a term asks it at that week instead. Missing values
(the dead) stay missing.
"""

import dataclasses
import operator
import re
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from insulae.core.errors import UnknownName

Floats = NDArray[np.floating[Any]]
Column = Callable[[str, float], Floats]
"""Gives an endpoint of all patients of an arm at a week."""

WEEKS_PER_YEAR = 52
YES = 50.0
"""Above it, the 100 or 0 of a yes/no endpoint is a yes."""
_COMPARE = {"<=": operator.le, ">=": operator.ge, "<": operator.lt, ">": operator.gt}
_TERM = re.compile(
    r"(?P<name>[a-z][a-z0-9_.]*)"
    r"(?P<how> percent change| change| slope from (?P<since>[\d.]+))?"
    r"(?: at (?P<week>[\d.]+))?"
    r"(?: (?P<sign><=|>=|<|>) (?P<limit>-?[\d.]+))?"
)


@dataclasses.dataclass(frozen=True)
class Term:
    """One endpoint, how it is taken, and the limit it is compared with where it is a condition."""

    name: str
    how: str = ""
    since: float = 0.0
    week: float | None = None
    sign: str = ""
    limit: float = 0.0

    def weeks(self, week: float) -> set[float]:
        """Return the visits it needs for an observation at a week."""
        at = week if self.week is None else self.week
        return {at, self.since} if self.how else {at}

    def number(self, column: Column, week: float) -> Floats:
        """Return the number of each patient."""
        at = week if self.week is None else self.week
        now = column(self.name, at)
        if not self.how:
            return now
        before = column(self.name, self.since)
        if self.how == "slope":
            return (now - before) / (at - self.since) * WEEKS_PER_YEAR
        return 100 * (now - before) / before if self.how == "percent change" else now - before

    def holds(self, column: Column, week: float) -> Floats:
        """Return 1, 0 or missing for each patient."""
        number = self.number(column, week)
        met = _COMPARE[self.sign](number, self.limit) if self.sign else number > YES
        return np.where(np.isnan(number), np.nan, met)


@dataclasses.dataclass(frozen=True)
class Question:
    """What is asked: terms, whether their first time is asked, and who is asked."""

    text: str
    terms: tuple[Term, ...]
    is_first: bool
    among: tuple[Term, ...]

    @property
    def is_condition(self) -> bool:
        """Tell whether the answer of a patient is yes or no."""
        return not self.is_first and (len(self.terms) > 1 or any(term.sign for term in self.terms))

    @property
    def kind(self) -> str:
        """Return what sort of number it is: `share`, `first`, or the endpoint and how it is taken."""
        if self.is_first:
            return "first"
        if self.is_condition:
            return "share"
        term = self.terms[0]
        return f"{term.name} {term.how}".strip()

    def names(self) -> set[str]:
        """Return the endpoints it needs."""
        return {term.name for term in (*self.terms, *self.among)}

    def weeks(self, week: float) -> set[float]:
        """Return the visits it needs besides those of the study."""
        return {at for term in (*self.terms, *self.among) for at in term.weeks(week)}

    def answers(self, column: Column, week: float, visits: list[float]) -> Floats:
        """Return the number of each patient; `visits` are those looked at for a first time."""
        if self.is_first:
            found = self._first(column, [w for w in visits if 0 < w <= week])
        elif self.is_condition:
            found = 100 * _all(self.terms, column, week)
        else:
            found = self.terms[0].number(column, week)
        if not self.among:
            return found
        return np.where(_all(self.among, column, week) > 0, found, np.nan)

    def _first(self, column: Column, visits: list[float]) -> Floats:
        met = np.stack([_all(self.terms, column, week) for week in visits])
        first = np.asarray(visits)[np.argmax(met > 0, axis=0)]
        weeks = np.where((met > 0).any(axis=0), first, np.inf)
        return np.where(np.isnan(met).all(axis=0), np.nan, weeks)


def _all(terms: tuple[Term, ...], column: Column, week: float) -> Floats:
    return np.min(np.stack([term.holds(column, week) for term in terms]), axis=0)


def read(text: str) -> Question:
    """Read a question; raises `UnknownName` that quotes the part that cannot be read.

    >>> read("remission among body_weight change <= -15").kind
    'remission'
    """
    asked, among, whom = text.strip().partition(" among ")
    is_first = asked.startswith("first ")
    terms = _terms(asked.removeprefix("first "), text)
    return Question(text.strip(), terms, is_first, _terms(whom, text) if among else ())


def _terms(text: str, whole: str) -> tuple[Term, ...]:
    return tuple(_term(part.strip(), whole) for part in text.split(" and "))


def _term(text: str, whole: str) -> Term:
    match = _TERM.fullmatch(text)
    if match is None:
        hint = "Expected for example 'hba1c change', 'hba1c < 7' or 'first fasting_glucose > 180'"
        raise UnknownName(f"cannot read '{text}' in the question '{whole}'", hint)
    how = (match["how"] or "").strip()
    return Term(
        name=match["name"],
        how="slope" if how.startswith("slope") else how,
        since=float(match["since"] or 0),
        week=float(match["week"]) if match["week"] else None,
        sign=match["sign"] or "",
        limit=float(match["limit"] or 0),
    )
