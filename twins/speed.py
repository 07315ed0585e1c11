"""How long a twin takes, and what its draws cost beside emcee's: `python -m twins.speed`.

A meal test of three hours and fourteen days of sensor glucose of simulated people are fitted from nothing:
prior, compiling, most probable values, draws until 400 are effective. The same posterior, compiled, is then
drawn from again by Insulae and by emcee (stretch and differential evolution moves, as many walkers, the same
start, the same estimate of the effective sample size). Seconds are of the processor, so that other work on
the machine does not count; the time on the wall is printed beside them.
"""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from insulae.inference import ensemble
from insulae.inference.diagnostics import Convergence, converged
from insulae.inference.fit import Fitted, fit
from insulae.inference.measurement_error import error_table
from insulae.inference.model import TOGETHER
from twins.cases import Case, meal_test, sensor_record

SEED = 20260101
LIMIT = 120.0
"""Seconds within which a posterior is wanted."""
WALKERS = 2 * TOGETHER


@dataclasses.dataclass(frozen=True)
class Cost:
    """What draws cost: smallest effective sample size, largest R-hat, acceptance, seconds, densities."""

    effective: float
    r_hat: float
    acceptance: float
    seconds: float
    densities: int
    mean: np.ndarray
    spread: np.ndarray

    def __str__(self) -> str:
        """Return the figures as one line."""
        return (
            f"effective {self.effective:.0f} in {self.seconds:.1f} s of the processor: "
            f"{self.effective / self.seconds:.1f} a second, {1000 * self.effective / self.densities:.0f} a "
            f"thousand densities; R-hat {self.r_hat:.3f}, acceptance {100 * self.acceptance:.0f} %"
        )


def _cost(draws: np.ndarray, found: Convergence, acceptance: float, seconds: float) -> Cost:
    steps = draws.shape[1] + ensemble.WARM_UP
    flat = draws.reshape(-1, draws.shape[2])
    return Cost(
        effective=float(found.effective.min()),
        r_hat=float(found.r_hat.max()),
        acceptance=acceptance,
        seconds=seconds,
        densities=steps * draws.shape[0],
        mean=flat.mean(axis=0),
        spread=flat.std(axis=0),
    )


def ours(fitted: Fitted, seed: int) -> Cost:
    """Draw from a compiled posterior as a fit does."""
    begun = time.process_time()
    draws = ensemble.sample(fitted.posterior, fitted.point, seed)
    seconds = time.process_time() - begun
    return _cost(draws.logarithms, draws.convergence, draws.acceptance, seconds)


def emcees(fitted: Fitted, seed: int, steps: int) -> Cost:
    """Draw some steps from the same posterior with emcee, after the same warming up."""
    import emcee
    from scipy.stats import multivariate_t

    around = multivariate_t(
        fitted.point.logarithms,
        fitted.point.covariance,
        df=ensemble.FREEDOM,
        seed=np.random.default_rng(seed),
    )  # type: ignore[arg-type]
    moves = [(emcee.moves.StretchMove(), 0.5), (emcee.moves.DEMove(), 0.5)]
    sampler = emcee.EnsembleSampler(
        WALKERS,
        len(fitted.point.logarithms),
        lambda places: fitted.posterior.density(np.asarray(places).T),
        vectorize=True,
        moves=moves,
    )
    sampler.random_state = np.random.RandomState(seed).get_state()
    begun = time.process_time()
    sampler.run_mcmc(around.rvs(WALKERS), ensemble.WARM_UP + steps)
    seconds = time.process_time() - begun
    draws = sampler.get_chain(discard=ensemble.WARM_UP).swapaxes(0, 1)
    return _cost(draws, converged(draws), float(np.mean(sampler.acceptance_fraction)), seconds)


def measured(make: Callable[[int], Case], steps: int) -> Iterator[str]:
    """Yield what one case costs, line by line."""
    begun, wall = time.process_time(), time.perf_counter()
    case = make(SEED)
    made, made_wall = time.process_time() - begun, time.perf_counter() - wall
    fitted = fit(case.known, case.prior, case.experiments, error_table(), SEED)
    whole, wall = time.process_time() - begun - made, time.perf_counter() - wall - made_wall
    effective = float(fitted.draws.convergence.effective.min())
    r_hat = fitted.draws.convergence.r_hat.max()
    verdict = "hit" if whole <= LIMIT and effective >= ensemble.ENOUGH else "MISS"
    yield (
        f"{case.name}, {len(case.truth)} quantities: {whole:.1f} s of the processor ({wall:.1f} s on the "
        f"wall) with compiling; {effective:.0f} effective draws, R-hat {r_hat:.3f} (wanted "
        f"{ensemble.ENOUGH} within {LIMIT:.0f} s) {verdict}"
    )
    yield f"  prior and the simulated person: {made:.1f} s ({made_wall:.1f} s on the wall)"
    mine = ours(fitted, SEED + 1)
    yield f"  Insulae: {mine}"
    theirs = emcees(fitted, SEED + 2, steps)
    yield f"  emcee:   {theirs}"
    apart = np.abs(mine.mean - theirs.mean) / theirs.spread
    ratio = mine.spread / theirs.spread
    yield (
        f"  means at most {apart.max():.2f} standard deviations apart, spreads {ratio.min():.2f} to "
        f"{ratio.max():.2f} of one another; Insulae draws "
        f"{mine.effective / mine.seconds * theirs.seconds / theirs.effective:.1f} times as fast"
    )


def main() -> None:
    """Measure both cases and print what was found."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=14, help="days of sensor glucose")
    parser.add_argument("--steps", type=int, default=200, help="steps of each of emcee's walkers")
    given: Any = parser.parse_args()
    for make in (meal_test, lambda seed: sensor_record(given.days, seed)):
        for line in measured(make, given.steps):
            print(line, flush=True)


if __name__ == "__main__":
    main()
