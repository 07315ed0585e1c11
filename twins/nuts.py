"""The walkers' posterior audited by NUTS: `python -m twins.nuts`.

NUTS (numpyro) draws from the same density with gradients through the equations of the body, in coordinates
in which the Laplace Gaussian is round; four chains side by side. Printed are R-hat, the effective sample
size, acceptance and divergences, and how far means and standard deviations are from those of the walkers.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from insulae.inference.fit import fit
from insulae.inference.measurement_error import error_table
from insulae.inference.model import Posterior, whitened_and_density
from insulae.inference.person import FITTED
from insulae.inference.point import Point
from insulae.runs.manifest import keep_compiled_code
from twins.cases import Case, meal_test, sensor_record

SEED = 20260101
CHAINS = 4
FARTHEST = 0.2
"""Standard deviations by which means may differ."""
SPREADS = (0.8, 1.25)
"""How much of the walkers' standard deviations NUTS may find."""


def drawn(
    density: Callable[[jax.Array], jax.Array], point: Point, seed: int, warm_up: int, steps: int
) -> tuple[np.ndarray, dict[str, float]]:
    """Return draws [chain, step, fitted] by NUTS, and acceptance, divergences and leapfrog steps.

    `density` is the logarithm of a density of one place [fitted]; double precision must be enabled.
    """
    from numpyro.infer import MCMC, NUTS

    factor = np.linalg.cholesky(point.covariance)
    begin = np.random.default_rng([seed, 5]).standard_normal((CHAINS, len(factor)))
    sampler = MCMC(
        NUTS(potential_fn=lambda place: -density(point.logarithms + jnp.asarray(factor) @ place)),
        num_warmup=warm_up,
        num_samples=steps,
        num_chains=CHAINS,
        chain_method="vectorized",
        progress_bar=False,
    )
    fields = ("diverging", "accept_prob", "num_steps")
    sampler.run(jax.random.PRNGKey(seed), init_params=jnp.asarray(begin), extra_fields=fields)
    found = np.asarray(sampler.get_samples(group_by_chain=True))
    extra = {name: np.asarray(value) for name, value in sampler.get_extra_fields().items()}
    said = {
        "acceptance": float(extra["accept_prob"].mean()),
        "divergences": float(extra["diverging"].sum()),
        "leapfrog": float(extra["num_steps"].mean()),
    }
    return point.logarithms + found @ factor.T, said


def _density(posterior: Posterior) -> Callable[[jax.Array], jax.Array]:
    """Return the logarithm of a posterior's density of one place [fitted]."""
    parts = (posterior.evidence, posterior.known, posterior.prior)
    evidence, known, prior = jax.tree_util.tree_map(jnp.asarray, parts)
    return lambda place: whitened_and_density(evidence, known, prior, place[:, None])[1][0]


def audited(case: Case, warm_up: int, steps: int) -> Iterator[str]:
    """Yield what NUTS and the walkers find in one case, line by line."""
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin

    fitted = fit(case.known, case.prior, case.experiments, error_table(), SEED)
    found = fitted.draws.convergence
    yield (
        f"{case.name}\n  walkers: {found.effective.min():.0f} effective draws, R-hat "
        f"{found.r_hat.max():.3f}, acceptance {100 * fitted.draws.acceptance:.0f} %"
    )
    begun = time.process_time()
    with jax.enable_x64(True):
        draws, said = drawn(_density(fitted.posterior), fitted.point, SEED, warm_up, steps)
    seconds = time.process_time() - begun
    effective = np.asarray(effective_sample_size(draws))
    yield (
        f"  NUTS:    {effective.min():.0f} effective draws, R-hat {split_gelman_rubin(draws).max():.3f}, "
        f"acceptance {100 * said['acceptance']:.0f} %, {said['divergences']:.0f} divergences of "
        f"{CHAINS * steps}, {said['leapfrog']:.0f} leapfrog steps a draw, {seconds:.0f} s of the processor"
    )
    yield from compared(fitted.draws.logarithms, draws)


def compared(walked: np.ndarray, draws: np.ndarray) -> Iterator[str]:
    """Yield how far means and spreads of two sets of draws [chain, step, fitted] are from each other."""
    one, other = (each.reshape(-1, each.shape[2]) for each in (walked, draws))
    apart = (other.mean(axis=0) - one.mean(axis=0)) / one.std(axis=0)
    ratio = other.std(axis=0) / one.std(axis=0)
    for name, shift, share in zip(FITTED, apart, ratio, strict=True):
        yield f"  {name}: mean {shift:+.2f} standard deviations, spread {share:.2f} of the walkers'"
    is_near = np.abs(apart).max() <= FARTHEST and SPREADS[0] <= ratio.min() and ratio.max() <= SPREADS[1]
    yield (
        f"  means at most {np.abs(apart).max():.2f} standard deviations apart (wanted {FARTHEST}), spreads "
        f"{ratio.min():.2f} to {ratio.max():.2f} (wanted {SPREADS[0]} to {SPREADS[1]}) "
        f"{'hit' if is_near else 'MISS'}"
    )


def main() -> None:
    """Audit a meal test and some days of sensor glucose."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--days", type=int, default=3, help="days of sensor glucose; 0 leaves them out")
    parser.add_argument("--warm-up", type=int, default=150, help="steps of each chain to adapt")
    parser.add_argument("--steps", type=int, default=250, help="steps of each chain that are kept")
    given: Any = parser.parse_args()
    keep_compiled_code()
    cases = [meal_test(SEED)] + ([sensor_record(given.days, SEED)] if given.days else [])
    for case in cases:
        for line in audited(case, given.warm_up, given.steps):
            print(line, flush=True)


if __name__ == "__main__":
    main()
