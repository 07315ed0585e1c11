"""Leave a study out: refit what was fitted to it from the other studies, then predict it.

How a fit is repeated without a study stands beside the studies, in `refits.py` of their folder: `REFITS`
gives for a study a function that returns the parameters found without it; `NOT_REFITTED` says of the other
studies that entered a fit why that cannot be done. Only studies that entered a fit are asked.
"""

import dataclasses
import importlib.util
import sys
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

from insulae.core.errors import InsulaeError
from insulae.core.parameters import changed, lookup
from insulae.runs import executors
from insulae.study.plan import plan
from insulae.validation.catalogue import Catalogue
from insulae.validation.judgment import Judged
from insulae.validation.run import Asked, judge, nobody

Values = Mapping[str, float]
SHRINK = 0.8


@dataclasses.dataclass(frozen=True)
class Refits:
    """The refits of a folder by study, and why other studies that entered a fit have none."""

    by_study: Mapping[str, Callable[[], Values]]
    reasons: Mapping[str, str]


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
    return Refits(module.REFITS, module.NOT_REFITTED)


def judge_left_out(
    todo: list[Asked], known: Catalogue, entries: Refits, say: Callable[[str], None]
) -> list[Judged]:
    """Refit and predict each study that entered a fit; says which, with what parameters, and which cannot."""
    found: list[Judged] = []
    for one in todo:
        name = one.published.name
        if name in entries.by_study:
            values = entries.by_study[name]()
            told = [f"{key} {lookup(key).value:.4g} -> {v:.4g}" for key, v in values.items()]
            say(f"{name} left out: {', '.join(told)}")
            found += _predicted(one, known, values)
        elif any(o.role == "calibration" for o in one.observed):
            say(f"{name} not left out: {entries.reasons.get(name, 'no refit is written for it')}")
    if not found:
        hint = f"Refits are written for {', '.join(sorted(entries.by_study))}"
        raise InsulaeError("none of the chosen studies has a refit", hint)
    return found


def _predicted(one: Asked, known: Catalogue, values: Values) -> list[Judged]:
    """Judge a study under other values; its files are not kept, for their names do not tell the values."""
    with changed(values), tempfile.TemporaryDirectory() as folder:
        return judge(_in_this_process(one), known, Path(folder), nobody)


def _in_this_process(one: Asked) -> Asked:
    """Return the study with few enough people to be simulated here, where the other values hold."""
    size = one.published.study.population.size
    while size * plan(one.published.study).steps >= executors.LARGE:
        size = int(SHRINK * size)
    return one.sized(size)
