"""Whether draws can be trusted: R-hat, effective sample size, what the data determine."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

GROUPS = 4
"""Groups of walkers that R-hat compares."""
DETERMINED = 0.5
"""A posterior spread below this share of the prior's: the data determine the quantity."""
UNTOUCHED = 0.9
"""A posterior spread above this share of the prior's: the data say hardly anything about it."""


@dataclasses.dataclass(frozen=True)
class Convergence:
    """Effective sample size and R-hat of each quantity, [fitted]."""

    effective: Floats
    r_hat: Floats

    def is_enough(self, effective: float, r_hat: float) -> bool:
        """Tell whether every quantity has enough effective draws and agrees between walkers."""
        return bool(self.effective.min() >= effective and self.r_hat.max() <= r_hat)


def converged(draws: Floats) -> Convergence:
    """Return the convergence of draws [walker, step, fitted].

    R-hat is the nested one for many short chains (Margossian 2024): walkers form `GROUPS`, and the spread of
    the groups' means is held against the spread within groups.
    """
    from numpyro.diagnostics import effective_sample_size

    groups = draws.reshape(GROUPS, -1, draws.shape[2])
    between, within = groups.mean(axis=1).var(axis=0, ddof=1), groups.var(axis=1, ddof=1).mean(axis=0)
    effective = np.asarray(effective_sample_size(draws), float)
    return Convergence(effective=effective, r_hat=np.sqrt(1 + between / within))


def said_by_data(prior_spread: Floats, posterior_spread: Floats) -> list[str]:
    """Return for each quantity `determined`, `narrowed` or `left to the prior`."""
    share = posterior_spread / prior_spread
    words = np.where(share > UNTOUCHED, "left to the prior", "narrowed")
    return list(np.where(share < DETERMINED, "determined", words))
