"""Numbers that were never seen before: a table in the columns of the evidence, for the known studies.

Each row must name a known study, one of its arms as published or as simulated, and an endpoint as some study
publishes it, or a question of `questions.py`. Its role is validation whatever it says.
"""

import dataclasses
import difflib
from collections.abc import Mapping
from pathlib import Path

from insulae.core.errors import InsulaeError, UnknownName
from insulae.core.registry import nearest
from insulae.endpoints import base as endpoints
from insulae.validation import body_tests
from insulae.validation.catalogue import EVIDENCE, Catalogue, Observed, Published, Row, observation, rows
from insulae.validation.questions import read


@dataclasses.dataclass(frozen=True)
class Unseen:
    """The rows that can be asked, by study, and a sentence for each of the others."""

    observed: Mapping[str, list[Observed]]
    mistakes: list[str]


def unseen(path: Path, known: Catalogue) -> Unseen:
    """Read a table of new numbers; raises `InsulaeError` when it is none."""
    observed: dict[str, list[Observed]] = {}
    mistakes: list[str] = []
    for line, row in enumerate(rows(path, EVIDENCE, "Name a table in the columns of the evidence"), start=2):
        try:
            published = _study(row, known)
            new = _asked(row, published, known)
            observed.setdefault(published.name, []).append(new)
        except (InsulaeError, ValueError) as error:
            mistakes.append(f"{path}, line {line}: {error}")
    return Unseen(observed, mistakes)


def _study(row: Row, known: Catalogue) -> Published:
    """Return the study of a row; a paper on several groups of people has a folder for each of them."""
    groups = [p for p in known.studies.values() if any(o.study == row["study_id"] for o in p.observed)]
    with_arm = [
        p for p in groups if any(o.row["arm"].casefold() == row["arm"].casefold() for o in p.observed)
    ]
    found = next(iter([*with_arm, *groups]), None) or known.studies.get(row["study_id"])
    if found is None:
        raise UnknownName(_unknown(row["study_id"], known))
    return found


def _unknown(name: str, known: Catalogue) -> str:
    """Return what is said of a study that is not simulated."""
    if name in known.excluded:
        return f"the study '{name}' is not simulated: {known.excluded[name]}"
    close = difflib.get_close_matches(name, known.studies, n=1, cutoff=0.7)
    meant = f"; did you mean '{close[0]}'?" if close else "."
    return (
        f"unknown study '{name}'{meant} A new study needs its protocol, a folder with study.yaml and "
        f"observed.csv ({known.folder / 'README.md'}); the known ones stand in {known.folder / 'studies.csv'}"
    )


def _asked(row: Row, published: Published, known: Catalogue) -> Observed:
    if not row["timepoint_weeks"]:
        raise ValueError("timepoint_weeks is empty; expected the week of the observation")
    if not row["n"]:
        raise ValueError("n is empty; expected how many people the number is of")
    arms, against = _arms(row["arm"], published)
    use = {"role": "validation", "arms": arms, "against": against, "bound": ""}
    return observation({**row, **use, "asks": _asks(row, published, known)}, published.study, known.bands)


def _arms(arm: str, published: Published) -> tuple[str, str]:
    """Return the simulated arm and the one it is compared with; raises `UnknownName` with the nearest."""
    found = {o.row["arm"].casefold(): (o.row["arms"], o.against) for o in published.observed}
    found |= {a.name.casefold(): (a.name, "") for a in published.study.arms}
    if arm.casefold() not in found:
        raise UnknownName(f"the study '{published.name}' has no arm '{arm}'", nearest(arm, found))
    return found[arm.casefold()]


def _asks(row: Row, published: Published, known: Catalogue) -> str:
    """Return the question behind an endpoint as published: in this study, in another, or one itself."""
    endpoint = row["endpoint"].casefold()
    own = [o for o in published.observed if o.row["endpoint"].casefold() == endpoint]
    for observed in sorted(own, key=lambda o: o.row["arm"] != row["arm"]):
        return observed.question.text
    every = {o.row["endpoint"].casefold(): o for p in known.studies.values() for o in p.observed}
    if endpoint in every:
        return every[endpoint].question.text
    names = {*(e.name for e in endpoints.catalogue()), *body_tests.MEASURES}
    if _is_question(row["endpoint"], names):
        return row["endpoint"]
    close = difflib.get_close_matches(endpoint, {*every, *names}, n=3, cutoff=0.5)
    meant = f"did you mean {' or '.join(repr(name) for name in close)}? " if close else ""
    hint = "Expected one of an observed.csv, of `insulae show endpoints`, or a question of both"
    raise UnknownName(f"unknown endpoint '{row['endpoint']}'", meant + hint)


def _is_question(text: str, names: set[str]) -> bool:
    try:
        return read(text).names() <= names
    except UnknownName:
        return False
