"""The plant, event by event: patients come, lots wait for suites, reactors and people, doses go out.

Scale-out: each patient's line and lots are made for that patient alone; a lot holds one suite, one reactor
and some operators. Scale-up: lots of a bank are made to stock, whenever the stock and what is under way fall
below the demand of a lead time, and patients take the oldest dose. The lots are those of `making.py`. Time is
in days; the first days are a warm-up that is not counted. Known: nothing of a real plant. Assumed: how many
people a lot needs, days of turnover and tests. Not modelled: shifts, weekends, breakdowns, deliveries,
patients who give up while they wait.
"""

import dataclasses
from collections import deque
from collections.abc import Generator
from typing import Any

import numpy as np
import simpy

from insulae.core.parameters import parameter
from insulae.manufacturing import growth
from insulae.manufacturing.making import Attempts, Process, attempts
from insulae.manufacturing.numbers import Floats, identifiers, uniforms, values

DAYS_PER_YEAR = 365.25
LOTS_TO_SPARE = 4
Steps = Generator[Any, Any, None]
Hold = tuple[float, dict[str, float]]
"""Since when resources are held, and how much of each."""


@dataclasses.dataclass(frozen=True)
class Parameters:
    """Values and sources: tables/manufacturing.csv, `plant.*`."""

    turnover_time: float = parameter("d")
    line_operators: float = parameter("dimensionless")
    run_operators: float = parameter("dimensionless")
    line_tests: float = parameter("d")
    run_tests: float = parameter("d")
    shipping_time: float = parameter("d")
    shelf_life: float = parameter("d")
    order_margin: float = parameter("dimensionless")


@dataclasses.dataclass(frozen=True)
class Equipment:
    """What the plant has: places for lines, clean suites, reactors, operators and testers."""

    isolators: int
    suites: int
    reactors: int
    operators: float
    testers: int

    def limits(self) -> dict[str, float]:
        """Return the capacity of each resource by name."""
        return {field.name: float(getattr(self, field.name)) for field in dataclasses.fields(self)}


@dataclasses.dataclass(frozen=True)
class Period:
    """How long is simulated and what comes in: warm-up and counted years, patients per year."""

    warm_up: float
    years: float
    demand: float

    @property
    def start(self) -> float:
        """Return the first counted day."""
        return self.warm_up * DAYS_PER_YEAR

    @property
    def end(self) -> float:
        """Return the last day."""
        return (self.warm_up + self.years) * DAYS_PER_YEAR


@dataclasses.dataclass(frozen=True)
class Record:
    """What happened in the counted years of one replication.

    `waits` are the days from arrival to treatment of the patients treated; `counts` are patients and what
    costs money; `use` is the share of each resource that was busy; `unfinished` are patients who came and
    were not yet treated on the last day.
    """

    waits: Floats
    counts: dict[str, float]
    use: dict[str, float]
    unfinished: int


COUNTED = (
    "arrived",
    "treated",
    "given_up",
    "collections",
    "line_attempts",
    "lines_screened",
    "runs",
    "runs_tested",
    "runs_released",
    "liter_days",
    "doses_wasted",
)


class Plant:
    """One replication: resources, stock, counters; `simulate` runs it once."""

    def __init__(self, process: Process, equipment: Equipment, period: Period, arrivals: Floats) -> None:
        """Set up an empty plant for patients who arrive on the given days."""
        self.process, self.period, self.arrivals = process, period, arrivals
        self.p = values(Parameters, process.source.name)
        self.env = simpy.Environment()
        self.limits = {name: limit for name, limit in equipment.limits().items() if limit}
        self.pools = {name: simpy.Container(self.env, limit, limit) for name, limit in self.limits.items()}
        self.counts = {name: 0.0 for name in COUNTED}
        self.busy = dict.fromkeys(self.limits, 0.0)
        self.waits: list[float] = []
        self.waiting: deque[int] = deque()
        self.stock: list[float] = []
        self.under_way = 0.0
        self.holds: list[Hold] = []

    def count(self, what: str, much: float = 1.0) -> None:
        """Count something if it happens in the counted years."""
        if self.env.now >= self.period.start:
            self.counts[what] += much

    def hold(self, needs: dict[str, float], days: float, cleaning: float = 0.0) -> Steps:
        """Wait for resources and work with them for some days; they are free again after the cleaning."""
        for name, much in needs.items():
            yield self.pools[name].get(min(much, self.limits[name]))
        hold = (self.env.now, {name: min(much, self.limits[name]) for name, much in needs.items()})
        self.holds.append(hold)
        yield self.env.timeout(days)
        self.env.process(self.give_back(hold, cleaning))

    def give_back(self, hold: Hold, cleaning: float) -> Steps:
        """Clean, note how long the resources were held, and free them."""
        yield self.env.timeout(cleaning)
        self.holds.remove(hold)
        self.note(hold)
        for name, much in hold[1].items():
            yield self.pools[name].put(much)

    def note(self, hold: Hold) -> None:
        """Add a hold that lasted until now to the busy time of the counted years."""
        inside = max(self.env.now - max(hold[0], self.period.start), 0.0)
        for name, much in hold[1].items():
            self.busy[name] += much * inside

    def treat(self, arrived: float) -> Steps:
        """Ship a dose and treat the patient who arrived on some day."""
        yield self.env.timeout(self.p.shipping_time)
        self.count("treated")
        if self.env.now >= self.period.start:
            self.waits.append(self.env.now - arrived)

    def make(self, tried: Attempts, place: int) -> Steps:
        """Make and test one run; its suite is cleaned while the tests go on."""
        lots, source = tried.runs.lots, self.process.source
        yield self.env.timeout(float(lots.offered[place]))
        needs = {"suites": 1.0, "operators": self.p.run_operators}
        if not source.is_pancreas:
            needs["reactors"] = 1.0
        yield from self.hold(needs, float(lots.days[place]), self.p.turnover_time)
        self.count("runs")
        self.count("liter_days", float(lots.volume[place] * lots.days[place]))
        if lots.completed[place]:
            self.count("runs_tested")
            yield from self.test(float(tried.runs.testing_time[place]))
        self.count("runs_released", float(tried.runs.released[place]))

    def test(self, days: float) -> Steps:
        """Test one lot; where islets are given before the tests are read, nobody waits for them."""
        work = self.hold({"testers": 1.0}, self.p.run_tests)
        if days == 0:
            self.env.process(work)
            return
        yield from work
        yield self.env.timeout(max(days - self.p.run_tests, 0.0))

    def record(self) -> Record:
        """Return what was counted."""
        for hold in self.holds:
            self.note(hold)
        days = self.period.end - self.period.start
        use = {name: self.busy[name] / (limit * days) for name, limit in self.limits.items()}
        seen = self.arrivals[self.arrivals < self.period.end]
        self.counts["arrived"] = float((seen >= self.period.start).sum())
        return Record(np.array(self.waits), self.counts, use, len(self.waiting))


def own_patient(plant: Plant, tried: Attempts, i: int) -> Steps:
    """Follow one patient whose lot is made for that patient alone, until treated or out of attempts."""
    arrived = float(plant.arrivals[i])
    yield plant.env.timeout(arrived)
    plant.waiting.append(i)
    lines, (_, n_lines, n_runs) = tried.lines, tried.shape
    plant.count("collections")
    yield plant.env.timeout(float(lines.collection[i * n_lines]))
    for line in range(i * n_lines, (i + 1) * n_lines):
        yield from own_line(plant, tried, line)
        if not lines.succeeded[line]:
            continue
        for place in range(line * n_runs, (line + 1) * n_runs):
            yield from plant.make(tried, place)
            if tried.runs.released[place]:
                plant.waiting.remove(i)
                yield from plant.treat(arrived)
                return
    plant.waiting.remove(i)
    plant.count("given_up")


def own_line(plant: Plant, tried: Attempts, line: int) -> Steps:
    """Make one line, if the source needs any; failed reprogramming is not screened."""
    days = float(tried.lines.days[line])
    if days == 0:
        return
    plant.count("line_attempts")
    yield from plant.hold({"isolators": 1.0, "operators": plant.p.line_operators}, days)
    if tried.lines.reprogrammed[line]:
        plant.count("lines_screened")
        yield from plant.hold({"testers": 1.0}, plant.p.line_tests)


def shared_patient(plant: Plant, i: int) -> Steps:
    """Let one patient arrive who takes a dose from the stock, or waits in line for one."""
    yield plant.env.timeout(float(plant.arrivals[i]))
    plant.waiting.append(i)
    hand_out(plant)


def hand_out(plant: Plant) -> None:
    """Give doses that are still good, the oldest first, to those who have waited longest."""
    fresh = [expiry for expiry in plant.stock if expiry >= plant.env.now]
    plant.count("doses_wasted", len(plant.stock) - len(fresh))
    plant.stock = fresh
    while plant.stock and plant.waiting:
        plant.stock.pop(0)
        plant.env.process(plant.treat(float(plant.arrivals[plant.waiting.popleft()])))


def shared_lot(plant: Plant, tried: Attempts, place: int, expected: float) -> Steps:
    """Make one lot of a bank and put its doses into the stock."""
    yield from plant.make(tried, place)
    plant.under_way -= expected
    doses = int(tried.runs.doses(plant.process.dose)[place])
    keeps = plant.p.shelf_life if plant.process.freezing == "none" else np.inf
    plant.stock += [plant.env.now + keeps] * doses
    hand_out(plant)


def orders(plant: Plant, tried: Attempts, target: float) -> Steps:
    """Look every day whether stock and lots under way cover the demand of a lead time, and start lots."""
    released = tried.runs.doses(plant.process.dose)
    expected = max(float(released.mean()), 1.0)
    for place in range(len(released)):
        while len(plant.stock) + plant.under_way - len(plant.waiting) >= target:
            yield plant.env.timeout(1.0)
            hand_out(plant)
        plant.under_way += expected
        plant.env.process(shared_lot(plant, tried, place, expected))


def arrival_days(seed: int, replication: int, period: Period) -> Floats:
    """Return the days on which patients arrive, at random and independently, until the last day."""
    many = int(period.demand * (period.warm_up + period.years) * 2 + 40)
    chance = uniforms(seed, f"arrivals {replication}", np.arange(many))
    days = np.cumsum(-np.log(chance)) * DAYS_PER_YEAR / period.demand
    return days[days < period.end]


def simulate(process: Process, equipment: Equipment, period: Period, seed: int, replication: int) -> Record:
    """Return what happens in one replication of the plant."""
    plant = Plant(process, equipment, period, arrival_days(seed, replication, period))
    source = process.source
    if source.is_own or source.is_pancreas:
        tried = attempts(process, seed, identifiers(replication, len(plant.arrivals)))
        for i in range(len(plant.arrivals)):
            plant.env.process(own_patient(plant, tried, i))
    else:
        _start_bank(plant, seed, replication)
    plant.env.run(until=period.end)
    return plant.record()


def _start_bank(plant: Plant, seed: int, replication: int) -> None:
    """Let patients come and lots be ordered; each attempt of a bank is a lot of its own."""
    process = plant.process
    per_lot = max(process.volume / growth.volume_for(process.dose, 1.0, process.source.name), 1.0)
    many = int(len(plant.arrivals) / per_lot * LOTS_TO_SPARE + 40)
    tried = attempts(process, seed, identifiers(replication, -(-many // process.attempts[1])))
    usual = float(np.median(tried.runs.lots.days)) + float(tried.runs.testing_time[0])
    frozen = plant.process.freezing != "none"
    target = plant.period.demand * usual / DAYS_PER_YEAR * plant.p.order_margin if frozen else 0.0
    for i in range(len(plant.arrivals)):
        plant.env.process(shared_patient(plant, i))
    plant.env.process(orders(plant, tried, target))
