"""The same posterior drawn by the no-U-turn sampler, with gradients through the equations, as an audit.

Slower than walkers; it shares nothing with them but the density, so that agreement of both is evidence that
each is right.
"""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from insulae.inference.fit import Fitted
from insulae.inference.model import whitened_and_density

WARM_UP, KEPT, CHAINS = 200, 300, 2


def audited(fitted: Fitted, seed: int) -> dict[str, Any]:
    """Return divergences, R-hat, effective draws, and how far means and spreads of the two samplers differ.

    Differences of means are in posterior standard deviations, those of spreads relative.
    """
    from numpyro.diagnostics import effective_sample_size, split_gelman_rubin
    from numpyro.infer import MCMC, NUTS

    posterior, center = fitted.posterior, fitted.point.logarithms
    factor = np.linalg.cholesky(fitted.point.covariance)

    def potential(z: jax.Array) -> jax.Array:
        logarithms = (jnp.asarray(center) + jnp.asarray(factor) @ z)[:, None]
        return -whitened_and_density(posterior.evidence, posterior.known, posterior.prior, logarithms)[1][0]

    with jax.enable_x64(True):
        kernel = NUTS(potential_fn=potential, forward_mode_differentiation=True)
        sampler = MCMC(
            kernel, num_warmup=WARM_UP, num_samples=KEPT, num_chains=CHAINS, chain_method="sequential",
            progress_bar=False,
        )  # fmt: skip
        first = jnp.asarray(np.random.default_rng([seed, 4]).standard_normal((CHAINS, len(center))))
        sampler.run(jax.random.PRNGKey(seed), init_params=first, extra_fields=("diverging",))
        drawn = np.asarray(sampler.get_samples(group_by_chain=True))
        diverged = int(np.asarray(sampler.get_extra_fields()["diverging"]).sum())
    theirs = center + drawn.reshape(-1, len(center)) @ factor.T
    ours = fitted.logarithms.T
    return {
        "divergences": diverged,
        "r_hat": float(np.max(np.asarray(split_gelman_rubin(drawn)))),
        "effective": float(np.min(np.asarray(effective_sample_size(drawn)))),
        "means_apart": float(np.max(np.abs(theirs.mean(axis=0) - ours.mean(axis=0)) / ours.std(axis=0))),
        "spreads_apart": float(np.max(np.abs(theirs.std(axis=0) / ours.std(axis=0) - 1))),
    }
