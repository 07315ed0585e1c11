"""How much days differ with injected insulin: that share of lability fades as own insulin takes over.

Days of people with type 1 diabetes differ twice as much as those of health, in everything that is said to
vary. Part of that comes with injected insulin, which nothing in the body adjusts: free of it after islets,
sensor glucose varied as in health (paty2006: standard deviation 1.2 mmol/L at a mean of 6.7), while those
who injected beside their islets had 2.0 and those without islets 3.3. So lability above that of health goes
with the share of insulin that is injected. Assumed: that all of it does, and in proportion. Not modelled:
what of it is illness or stress.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.parameters import parameter
from insulae.core.pytree import pytree


@pytree
class Parameters:
    """The share of lability that goes with injected insulin, and what a healthy pancreas secretes."""

    of_injections: Array = parameter("dimensionless")
    healthy_secretion: Array = parameter("U/kg/d")


def injected_share(parameters: Parameters, injected: Array, capacity: Array) -> Array:
    """Return the share of insulin that is injected (U/kg/d), beside a secretory capacity (1 = healthy).

    Who has neither counts as injecting.
    """
    own = parameters.healthy_secretion * capacity
    total = injected + own
    return jnp.where(total > 0, injected / jnp.where(total > 0, total, 1), 1)


def factor(parameters: Parameters, injected: Array, capacity: Array) -> Array:
    """Return by which factor a person's lability is lower than on injected insulin alone (U/kg/d)."""
    return 1 - parameters.of_injections * (1 - injected_share(parameters, injected, capacity))
