"""How fast glucose in water appears in the blood: `python -m calibration.drink`.

One row is fitted, `absorption.drink_emptying`, to what tracers and catheters of the liver's veins showed in
health: appearance of a tracer of the drink (ferrannini1985), and net output of glucose by liver and gut
(katz1983, waldhausl1983). An output is turned into an appearance by what ferrannini1985 measured beside it:
liver and gut took 19 g from the blood in 3.5 h and the liver still made 15 g, so 4 g more appeared than
came out. The three studies differ by more than their standard errors; seven percent of the load are added as
squares for that.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from calibration.fitting import Target, fit, report
from insulae.core.clock import MINUTES_PER_HOUR
from insulae.core.parameters import values
from insulae.core.pytree import replace
from insulae.physiology.effects import Inputs
from insulae.physiology.fast import absorption

NAMES = ("absorption.drink_emptying",)
DRUNK_WITHIN = 10
MINUTES = 240
BETWEEN_STUDIES = 7.0
"""Percent of the load, or percent per hour."""
TAKEN_FROM_BLOOD, MADE, DURING = 19.0, 15.0, 210.0
"""g, g and minutes, ferrannini1985."""
KATZ_LOAD, KATZ_WEIGHT = 92.0, 70.0
"""g and kg; the weight is assumed, the load was seen."""


def _target(name: str, share: float, error: float, source: str) -> Target:
    tolerance = float(np.hypot(error, BETWEEN_STUDIES))
    return Target(name, share, tolerance, "%/h" if name.startswith("rate") else "%", source)


def appeared(output: float, minutes: float, load: float) -> float:
    """Return the share (%) of a load (g) that appears while liver and gut put out some glucose (g)."""
    return 100 * (output + (TAKEN_FROM_BLOOD - MADE) * minutes / DURING) / load


def rate_of(output: float) -> float:
    """Return the share (% per hour) of the load of katz1983 that appears at an output (mg/kg/min)."""
    more = (TAKEN_FROM_BLOOD - MADE) * 1000 / DURING
    return 100 * MINUTES_PER_HOUR * (output * KATZ_WEIGHT + more) / (1000 * KATZ_LOAD)


def targets() -> list[Target]:
    """Return shares of the load that had appeared by a minute (%) and rates at a minute (% per hour)."""
    return [
        _target("appeared by 210 min", 100 * 50 / 68, 100 * 5 / 68, "ferrannini1985"),
        _target("appeared by 240 min", appeared(69, 240, KATZ_LOAD), 100 * 4 / KATZ_LOAD, "katz1983"),
        _target("appeared by 150 min", appeared(27.7, 150, 75), 100 * 2.2 / 75, "waldhausl1983"),
        _target("rate at 30 min", rate_of(6.65), rate_of(0.83) - rate_of(0), "katz1983"),
        _target("rate at 180 min", rate_of(1.9), rate_of(0.3) - rate_of(0), "katz1983"),
    ]


def course(rate: float) -> tuple[np.ndarray, np.ndarray]:
    """Return the share of a drink that has appeared (%) and the rate (% per hour) at minutes 0, 1, 2 ..."""
    parameters = replace(values(absorption.Parameters), drink_emptying=rate, weight=1.0)
    state, total = absorption.initial(parameters), 0.0
    seen, rates = [0.0], [0.0]
    resting = dict.fromkeys(Inputs.__dataclass_fields__, 0.0)
    for minute in range(MINUTES):
        drunk = (minute < DRUNK_WITHIN) / DRUNK_WITHIN
        inputs = Inputs(**(resting | {"glucose_drink": drunk}))  # type: ignore[arg-type]
        change = absorption.derivative(state, parameters, None, inputs)  # type: ignore[arg-type]
        appearing = 100 * float(parameters.bioavailability * (drunk - change.stomach_drink))
        total += appearing
        seen.append(total)
        rates.append(MINUTES_PER_HOUR * appearing)
        state = replace(state, stomach_drink=state.stomach_drink + change.stomach_drink)
    return np.array(seen), np.array(rates)


def model(found: Mapping[str, float]) -> Sequence[float]:
    """Return the counterpart of every target."""
    seen, rates = course(found[NAMES[0]])
    return [float(seen[210]), float(seen[240]), float(seen[150]), float(rates[30]), float(rates[180])]


def main() -> None:
    """Repeat the fit and print it."""
    wanted = targets()
    print(report(NAMES, wanted, fit(NAMES, wanted, model)))


if __name__ == "__main__":
    main()
