"""What the simulator has to reach: each target is a limit on one number of the results."""

import dataclasses
from collections.abc import Callable, Iterable
from typing import Any

from benchmarks.results import Results

MIB_PER_GIB = 1024
BATCH = 128
"""Patients side by side in the kernel's target, the width of a chunk."""


@dataclasses.dataclass(frozen=True)
class Target:
    """A limit, at least or at most so much, and where the measured number is (None: not measured)."""

    name: str
    limit: float
    unit: str
    is_least: bool
    found: Callable[[Results], float | None]

    @property
    def wanted(self) -> str:
        """The limit in words."""
        return f"at {'least' if self.is_least else 'most'} {self.limit:,g} {self.unit}".strip()

    def is_met(self, results: Results) -> bool | None:
        """Tell whether the measured number keeps the limit; None when it was not measured."""
        found = self.found(results)
        if found is None:
            return None
        return found >= self.limit if self.is_least else found <= self.limit


def _named(rows: Iterable[dict[str, Any]], name: str) -> dict[str, Any]:
    """Return the row of a name; empty where there is none."""
    return next((row for row in rows if row["name"] == name), {})


def _of_c(results: Results) -> float | None:
    batches = results.get("kernel", {}).get("batches", [])
    engines = next((b["engines"] for b in batches if b["patients"] == BATCH), [])
    return _named(engines, "ours").get("of_c")


def _over(engine: str) -> Callable[[Results], float | None]:
    return lambda results: _named(results.get("peers", {}).get("engines", []), engine).get("ours_over_it")


def _over_on_equal_work(engine: str) -> Callable[[Results], float | None]:
    """Return a reader of how much faster than an engine we integrate the same recorded inputs."""

    def found(results: Results) -> float | None:
        theirs, ours = _over(engine)(results), _over("ours_native_open")(results)
        return theirs / ours if theirs is not None and ours is not None else None

    return found


def _whole(name: str, what: str, scale: float = 1) -> Callable[[Results], float | None]:
    """Return a reader of a whole run; a run of fewer patients than the study has says nothing."""

    def found(results: Results) -> float | None:
        measured = results.get("whole_runs", {})
        value = None if measured.get("quick") else _named(measured.get("runs", []), name).get(what)
        return None if value is None else value / scale

    return found


def _startup(name: str) -> Callable[[Results], float | None]:
    return lambda results: results.get("startup", {}).get("ways", {}).get(name, {}).get("seconds")


def _growth(what: str) -> Callable[[Results], float | None]:
    """Return a reader of the cost of twice the patients: the largest run against the one of half its size."""

    def found(results: Results) -> float | None:
        rows = [row for row in results.get("scaling", {}).get("runs", []) if row["varied"] == "patients"]
        by_size = {row["value"]: row[what] for row in rows}
        largest = max(by_size, default=0)
        half = by_size.get(largest / 2)
        return by_size[largest] / half if half else None

    return found


TARGETS = (
    Target("speed of the compiled day, of the C++ loop", 0.6, "", True, _of_c),
    Target("compiled day against diffrax, fixed step", 10, "times", True, _over("diffrax_fixed")),
    Target("compiled day against diffrax, adaptive", 20, "times", True, _over("diffrax_adaptive")),
    Target(
        "recorded inputs against diffrax, fixed step", 10, "times", True, _over_on_equal_work("diffrax_fixed")
    ),
    Target(
        "recorded inputs against diffrax, adaptive",
        20,
        "times",
        True,
        _over_on_equal_work("diffrax_adaptive"),
    ),
    Target("compiled day against simglucose", 100_000, "times", True, _over("simglucose")),
    Target("10,000 patients, 2 arms, 5 years", 180, "s", False, _whole("five_years", "seconds")),
    Target("its memory", 2, "GiB", False, _whole("five_years", "peak_memory", MIB_PER_GIB)),
    Target("1,000 patients, 1 year, every day simulated", 120, "s", False, _whole("every_day", "seconds")),
    Target("time for twice the patients", 2.1, "times", False, _growth("seconds")),
    Target("memory for twice the patients", 1.1, "times", False, _growth("peak_memory")),
    Target(
        "speed of two cores against one",
        1.8,
        "times",
        True,
        lambda r: r.get("scaling", {}).get("second_core"),
    ),
    Target("import of the command line", 0.5, "s", False, _startup("import")),
    Target("insulae --help", 0.5, "s", False, _startup("help")),
    Target("first result, compiled code kept", 5, "s", False, _startup("warm")),
    Target("first result, nothing compiled", 40, "s", False, _startup("cold")),
)
