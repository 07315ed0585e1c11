"""Oxygen of islets, bare or in a device: how much of them lives, and how much of that secretes.

One islet is a sphere with zero-order consumption (Avgoustiniatos 2007). With s = pressure at its surface
over the pressure that a whole islet needs, an anoxic core of relative radius x remains below s = 1: 1 - 3
x^2 + 2 x^3 = s, solved in closed form x = 1/2 + cos((2 pi - arccos(2 s - 1))/3); the islet consumes 1 - x^3
of what it would with plenty.

A device adds two drops of pressure, both given for full consumption: `outer` between the host and the
islets' compartment (membrane, fibrous tissue, the shell of a microcapsule), `inner` from the compartment's
face to its middle plane (none in a microcapsule). With q the mean consumption of the islets that oxygen
reaches and y the share of the depth it reaches, p = outer q y + inner q y^2 holds until y = 1, beyond which
the rest of p is left over; at relative depth u of the supplied part the pressure is the rest + inner q y^2
u^2. The q that the islets under these pressures consume is found by halving an interval a fixed number of
times. A full solution with saturable consumption is in `tests/oracles/test_oxygen.py`. Not modelled: islets
of different size, consumption that rises with glucose, oxygen used by host cells on the device.
"""

from insulae.core.jax_later import Array, jnp
from insulae.core.pytree import pytree
from insulae.physiology.component import where_needed

SHELLS = 4
"""Shells of an islet over which secretion is averaged."""
DEPTHS = 4
"""Depths of a device at which islets are looked at."""
HALVINGS = 2 * DEPTHS
"""Steps in which the consumption is found, to within one in 500 of what whole islets consume."""


@pytree
class Supply:
    """Pressure around the graft, need of a whole islet at its surface, drops in a device (all mmHg)."""

    pressure: Array
    needed: Array
    outer: Array
    inner: Array


def viable_and_secretory(supply: Supply, half: Array) -> tuple[Array, Array]:
    """Return the share of the islets' volume with oxygen, and that share weighted by how much it secretes.

    `half` is the pressure (mmHg) at which a cell secretes half (Hill 3, Buchwald 2011).
    """
    has_device = (supply.outer > 0) | (supply.inner > 0)
    # Bare islets have their pressure from the host, whatever they consume.
    consumption = where_needed(has_device, lambda: _consumption(supply), 0 * supply.pressure + 1)
    reached, pressures = _profile(supply, consumption)
    viable, secretory = [], []
    for pressure in pressures:
        core = anoxic_core(pressure / supply.needed)
        viable.append(1 - core**3)
        secretory.append(viable[-1] * secretory_factor(core, pressure, supply.needed, half))
    return reached * _mean(viable), reached * _mean(secretory)


def anoxic_core(supply: Array) -> Array:
    """Return the relative radius without oxygen; the inner `where` keeps gradients finite at full supply."""
    is_short = supply < 1
    short = jnp.where(is_short, jnp.maximum(supply, 0), 0.5)
    core = 0.5 + jnp.cos((2 * jnp.pi - jnp.arccos(2 * short - 1)) / 3)
    return jnp.where(is_short, jnp.clip(core, 0, 1), 0)


def secretory_factor(core: Array, pressure: Array, needed: Array, half: Array) -> Array:
    """Average p^3/(half^3 + p^3) over the viable volume of an islet."""
    total, weight = 0 * core, 0 * core
    for shell in range(SHELLS):
        r = core + (1 - core) * (shell + 0.5) / SHELLS
        local = pressure - needed * (1 - r * r) + needed * 2 * core**3 * (1 / r - 1)
        cube = jnp.maximum(local, 0) ** 3
        total = total + r * r * cube / (half**3 + cube)
        weight = weight + r * r
    return total / weight


def _consumption(supply: Supply) -> Array:
    """Return the mean consumption of the islets that oxygen reaches; 1 is that of islets with plenty."""
    low = 0 * supply.pressure
    high = low + 1
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        _, pressures = _profile(supply, middle)
        found = _mean([1 - anoxic_core(p / supply.needed) ** 3 for p in pressures])
        is_more = found > middle
        low, high = jnp.where(is_more, middle, low), jnp.where(is_more, high, middle)
    return (low + high) / 2


def _profile(supply: Supply, consumption: Array) -> tuple[Array, list[Array]]:
    """Return the share of the depth that oxygen reaches, and the pressures within it from inside out."""
    outer, inner = supply.outer * consumption, supply.inner * consumption
    square = outer * outer + 4 * inner * supply.pressure
    # The inner `where` keeps gradients finite without a device, where the root is that of zero.
    root = outer + jnp.where(square > 0, jnp.sqrt(jnp.where(square > 0, square, 1)), 0)
    reached = jnp.where(root >= 2 * supply.pressure, 2 * supply.pressure / jnp.where(root > 0, root, 1), 1)
    drop = inner * reached * reached
    rest = jnp.maximum(supply.pressure - outer * reached - drop, 0)
    return reached, [rest + drop * ((i + 0.5) / DEPTHS) ** 2 for i in range(DEPTHS)]


def _mean(values: list[Array]) -> Array:
    """Average four values in pairs, so that four equal ones come back to the last bit."""
    first, second, third, fourth = values
    return ((first + second) + (third + fourth)) / DEPTHS
