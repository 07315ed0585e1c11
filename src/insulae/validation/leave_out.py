"""Leave a study out: refit what was fitted to it from the other studies, then predict it.

How a fit is repeated without a study stands beside the studies, in `refits.py` of their folder: `REFITS`
gives for a study a function that returns the parameters found without it; `NOT_REFITTED` says of the other
studies that entered a fit why that cannot be done; `ONLY` which endpoints a refit concerns, where it does not
concern all; `RESTS_ON` the files that the fits are made of. Only studies that entered a fit are asked.

What a refit found is kept under the digest of all that it depends on, so that a run that was broken off goes
on with the next study.
"""

import dataclasses
import hashlib
import importlib.util
import json
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from insulae.core.errors import InsulaeError
from insulae.core.parameters import changed, lookup
from insulae.runs import executors, manifest, store
from insulae.study.plan import plan
from insulae.validation.catalogue import Catalogue
from insulae.validation.judgment import Judged
from insulae.validation.run import Asked, judge, nobody

Values = Mapping[str, float]
SHRINK = 0.8
AS_FITTED = "as_fitted"
"""Folder, in that of a study, of what the values of the table predict."""


@dataclasses.dataclass(frozen=True)
class Refits:
    """The refits of a folder by study, and why other studies that entered a fit have none."""

    by_study: Mapping[str, Callable[[], Values]]
    reasons: Mapping[str, str]
    only: Mapping[str, Sequence[str]] = dataclasses.field(default_factory=dict[str, Sequence[str]])
    rests_on: Sequence[Path] = ()

    def asked(self, one: Asked) -> Asked:
        """Return a study with the numbers that its refit concerns."""
        only = self.only.get(one.published.name)
        if only is None:
            return one
        kept = tuple(o for o in one.observed if o.question.names() & set(only))
        return dataclasses.replace(one, observed=kept)


@dataclasses.dataclass(frozen=True)
class LeftOut:
    """A study predicted with the values of the table and with those found without it, number by number.

    `seconds` is what the refit took of the processor when it was made.
    """

    name: str
    phenotype: str
    values: Values
    seconds: float
    fitted: list[Judged]
    without: list[Judged]


def refits(folder: Path) -> Refits:
    """Load the refits of a folder of studies; raises `InsulaeError` when there are none."""
    path = folder / "refits.py"
    spec = importlib.util.spec_from_file_location("validation_refits", path)
    if not path.exists() or spec is None or spec.loader is None:
        raise InsulaeError(f"{path} does not exist", "It says how fits are repeated without a study")
    module = importlib.util.module_from_spec(spec)
    # The fits lie beside the folder of studies, as a package of the repository.
    sys.path.insert(0, str(folder.resolve().parent))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return Refits(module.REFITS, module.NOT_REFITTED, module.ONLY, [path, *module.RESTS_ON])


def judge_left_out(
    todo: list[Asked], known: Catalogue, entries: Refits, folder: Path, say: Callable[[str], None]
) -> list[LeftOut]:
    """Refit and predict each study that entered a fit; says which, with what parameters, and which cannot."""
    for one in todo:
        name = one.published.name
        if name not in entries.by_study and any(o.role == "calibration" for o in one.observed):
            say(f"{name} not left out: {entries.reasons.get(name, 'no refit is written for it')}")
    chosen = [one for one in todo if one.published.name in entries.by_study]
    if not chosen:
        hint = f"Refits are written for {', '.join(sorted(entries.by_study))}"
        raise InsulaeError("none of the chosen studies has a refit", hint)
    found: list[LeftOut] = []
    for place, one in enumerate(chosen, start=1):
        say(f"{place} of {len(chosen)}: {one.published.name}, fitting without it")
        found.append(_left_out(entries.asked(one), known, entries, folder / one.published.name))
        told = [f"{key} {before:.4g} -> {after:.4g}" for key, before, after in moved(found[-1])]
        say(f"  {', '.join(told)} ({found[-1].seconds:.0f} s of the processor)")
    return found


def moved(one: LeftOut) -> list[tuple[str, float, float]]:
    """Return name, value of the table (for the study's people) and value found of every parameter."""
    return [(name, lookup(name, one.phenotype).value, value) for name, value in one.values.items()]


def _left_out(one: Asked, known: Catalogue, entries: Refits, folder: Path) -> LeftOut:
    values, seconds = _refitted(one.published.name, entries, folder)
    small = _in_this_process(one)
    with changed(values):
        # The names of a run's files do not tell the values that it was made with, so its folder does.
        without = judge(small, known, folder / f"without-{_digest(json.dumps(values))}", nobody)
    phenotype = one.published.study.population.phenotype
    fitted = judge(small, known, folder / AS_FITTED, nobody)
    return LeftOut(one.published.name, phenotype, values, seconds, fitted, without)


def _refitted(name: str, entries: Refits, folder: Path) -> tuple[Values, float]:
    """Return what a refit finds and its processor time (s), from the folder where it was found before."""
    texts = [path.read_text(encoding="utf-8") for path in entries.rests_on]
    path = folder / f"refit-{_digest(manifest.code_hash(), manifest.tables_hash(), *texts)}.json"
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        return kept["values"], kept["seconds"]
    begun = time.process_time()
    values = {key: float(value) for key, value in entries.by_study[name]().items()}
    seconds = time.process_time() - begun
    store.make_folder(folder)
    store.write_json(path, {"values": values, "seconds": seconds})
    return values, seconds


def _digest(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]


def _in_this_process(one: Asked) -> Asked:
    """Return the study with few enough people to be simulated here, where the other values hold."""
    size = one.published.study.population.size
    while size * plan(one.published.study).steps >= executors.LARGE:
        size = int(SHRINK * size)
    return one.sized(size)
