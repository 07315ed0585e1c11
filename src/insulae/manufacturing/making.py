"""Making lots for patients: attempts in their order until one lot is released, without queues.

A patient's own line may be tried three times and each line give three runs; a bank's lot is repeated until
one is released; pancreata come until an isolation succeeds. Who has no lot after the last attempt is not
treated. All attempts are drawn at once and read in order, so that no patient's lot depends on another
patient. Queues for suites and people are in `plant.py`.
"""

import dataclasses
from collections.abc import Mapping

import numpy as np

from insulae.manufacturing import growth, isolation, release
from insulae.manufacturing import lines as line_making
from insulae.manufacturing.growth import Freezing
from insulae.manufacturing.lot import Flags, Lots
from insulae.manufacturing.numbers import Batch, Floats, Integers, value
from insulae.manufacturing.sources import Source

OWN_ATTEMPTS = (3, 3)
BANK_ATTEMPTS = (1, 6)
DONOR_ATTEMPTS = (1, 12)
ONCE = (1, 1)


@dataclasses.dataclass(frozen=True)
class Process:
    """How lots are made: source, islets per dose (IEQ), culture per lot (L), freezing, changed limits.

    `bank` 0 is the usual bank, with a line of median quality; any other number is a bank drawn by chance.
    """

    source: Source
    dose: float
    volume: float
    freezing: Freezing
    bank: int
    limits: Mapping[str, float]

    def counted(self, lots: Lots) -> Floats:
        """Return the islets that count as dose: living ones of grown cells, all of a pancreas (IEQ)."""
        return lots.islets if self.source.is_pancreas else lots.living_islets

    @property
    def attempts(self) -> tuple[int, int]:
        """Return how many lines may be tried, and how many runs of each."""
        if self.source.is_pancreas:
            return ONCE if self.source.is_own else DONOR_ATTEMPTS
        return OWN_ATTEMPTS if self.source.is_own else BANK_ATTEMPTS


@dataclasses.dataclass(frozen=True)
class Runs:
    """Some runs with their lots, tests and verdicts; all arrays [run]."""

    lots: Lots
    tests: list[release.Test]
    released: Flags
    testing_time: Floats
    islets: Floats

    def doses(self, dose: float) -> Floats:
        """Return whole doses in the released lots."""
        return np.where(self.released, np.floor(self.islets / dose), 0.0)


def run(process: Process, seed: int, lines: Integers, runs: Integers, worlds: Integers) -> Runs:
    """Make one lot for each pair of line and run; in a bank all runs share the bank's line."""
    source = process.source
    quality = _quality(process, seed, lines)
    batch = Batch(source.name, seed, runs, quality, worlds)
    if source.is_pancreas:
        lots = isolation.isolated(batch)
    else:
        lots = growth.grown(batch, process.volume, process.freezing)
    tests = release.tested(lots, batch, source, process.counted(lots) / process.dose, process.limits)
    testing = np.full(len(runs), value("release.testing_time", source.name))
    return Runs(lots, tests, release.released(lots, tests), testing, process.counted(lots))


def _quality(process: Process, seed: int, lines: Integers) -> Floats:
    """Return the quality of each line; bank 0 is the usual one, any other has a line of its own."""
    name = process.source.name
    if process.source.is_pancreas:
        return np.zeros(len(lines))
    if process.source.is_own:
        return line_making.quality(name, seed, lines)
    if process.bank == 0:
        return np.full(len(lines), line_making.usual_quality(name))
    return line_making.quality(name, seed, np.full(len(lines), process.bank))


@dataclasses.dataclass(frozen=True)
class Attempts:
    """Every attempt that may be needed; lines and runs are flat, `shape` is (patient, line, run)."""

    lines: line_making.Lines
    runs: Runs
    shape: tuple[int, int, int]

    def of_lines(self, flat: np.ndarray) -> np.ndarray:
        """Return a field of the lines as [patient, line]."""
        return flat.reshape(self.shape[:2])

    def of_runs(self, flat: np.ndarray) -> np.ndarray:
        """Return a field of the runs as [patient, line, run]."""
        return flat.reshape(self.shape)


def attempts(process: Process, seed: int, patients: Integers, worlds: Integers | None = None) -> Attempts:
    """Draw every attempt of some patients, or of some lots of a bank."""
    n_lines, n_runs = process.attempts
    lines = (patients[:, None] * n_lines + np.arange(n_lines)).ravel()
    runs = (lines[:, None] * n_runs + np.arange(n_runs)).ravel()
    world = np.zeros(len(patients), np.int64) if worlds is None else worlds
    made = _lines(process, seed, lines, np.repeat(world, n_lines))
    done = run(process, seed, np.repeat(lines, n_runs), runs, np.repeat(world, n_lines * n_runs))
    return Attempts(made, done, (len(patients), n_lines, n_runs))


def _lines(process: Process, seed: int, lines: Integers, worlds: Integers) -> line_making.Lines:
    if process.source.is_own and not process.source.is_pancreas:
        return line_making.made(process.source.name, seed, lines, worlds)
    there, none = np.ones(len(lines), bool), np.zeros(len(lines))
    return line_making.Lines(there, there, there, none, none)


@dataclasses.dataclass(frozen=True)
class Made:
    """What each patient gets: whether a lot is released, which, after what attempts and days; [patient]."""

    is_made: Flags
    lots: Lots
    line_attempts: Integers
    run_attempts: Integers
    days: Floats


def made(process: Process, seed: int, patients: Integers, worlds: Integers | None = None) -> Made:
    """Return the first released lot of each patient; days count from the collection, without queues."""
    tried = attempts(process, seed, patients, worlds)
    n, n_lines, n_runs = tried.shape
    line_works = tried.of_lines(tried.lines.succeeded)
    usable = (line_works[:, :, None] & tried.of_runs(tried.runs.released)).reshape(n, -1)
    is_made: Flags = np.any(usable, axis=1)
    last = np.where(is_made, usable.argmax(axis=1), n_lines * n_runs - 1)
    line, run_of_line = last // n_runs, last % n_runs
    happens = _happens(line_works, line, run_of_line, n_runs)
    started = np.arange(n_lines) <= line[:, None]
    tests = np.where(tried.runs.lots.completed, tried.runs.testing_time, 0.0)
    run_days = np.where(happens, tried.of_runs(_run_days(tried.runs.lots) + tests), 0.0)
    line_days = np.where(started, tried.of_lines(tried.lines.days), 0.0)
    collection = tried.of_lines(tried.lines.collection)[:, 0]
    shipping = value("plant.shipping_time", process.source.name)
    return Made(
        is_made=is_made,
        lots=tried.runs.lots.taken(np.arange(n) * n_lines * n_runs + last),
        line_attempts=line + 1,
        run_attempts=happens.sum(axis=(1, 2)),
        days=collection + line_days.sum(axis=1) + run_days.sum(axis=(1, 2)) + shipping,
    )


def _run_days(lots: Lots) -> Floats:
    return lots.offered + lots.days


def _happens(line_works: Flags, line: Integers, run_of_line: Integers, n_runs: int) -> Flags:
    """Tell which runs take place: all of earlier working lines, and of the last line up to the last run."""
    lines, runs = np.arange(line_works.shape[1]), np.arange(n_runs)
    earlier = (lines < line[:, None])[:, :, None] & np.ones(n_runs, bool)
    latest = (lines == line[:, None])[:, :, None] & (runs <= run_of_line[:, None])[:, None, :]
    return line_works[:, :, None] & (earlier | latest)
