"""The graft: oxygen in closed form against a numeric root, the infusion, what is lost and gained."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import brentq

from insulae.core.parameters import values
from insulae.core.pytree import broadcast, replace
from insulae.physiology.slow import graft

P = values(graft.Parameters)
NEEDED = P.oxygen_capacity * P.islet_radius**2


def supplied(supply: np.ndarray) -> graft.State:
    """Return a fresh graft whose oxygen covers a share of what whole islets need."""
    zero = jnp.zeros(len(supply), jnp.float32)
    return replace(graft.empty(zero), mass=zero + 1, oxygen_early=jnp.asarray(supply * NEEDED, jnp.float32))


def core(supply: float) -> float:
    """Return the relative radius of the anoxic core as the root of 1 - 3 x^2 + 2 x^3 = s."""
    return brentq(lambda x: 1 - 3 * x * x + 2 * x**3 - supply, 0, 1)


def test_the_closed_form_is_the_root():
    supply = np.linspace(0.01, 0.99, 50)
    viable, _ = graft.oxygen(supplied(supply), P)
    expected = [1 - core(s) ** 3 for s in supply]
    np.testing.assert_allclose(viable, expected, atol=1e-5)  # single precision of an arc cosine near its ends


def test_without_oxygen_nothing_lives_and_with_plenty_everything():
    viable, secretory = graft.oxygen(supplied(np.array([0.0, 1.0, 3.0])), P)
    np.testing.assert_allclose(viable, [0, 1, 1], atol=1e-5)
    assert np.isfinite(secretory).all() and (np.asarray(secretory) <= viable).all()


def secretion(supply: float) -> float:
    """Integrate p^3/(half^3 + p^3) over the viable volume, with p from the diffusion equation."""
    x = core(supply) if supply < 1 else 0.0
    pressure = supply * NEEDED

    def shell(r: float) -> float:
        local = pressure - NEEDED * (1 - r * r) + NEEDED * 2 * x**3 * (1 / r - 1)
        cube = max(local, 0) ** 3
        return 3 * r * r * cube / (P.oxygen_half**3 + cube)

    return quad(shell, max(x, 1e-6), 1)[0]


@pytest.mark.parametrize("supply", [0.2, 0.5, 0.8, 1.0, 2.0])
def test_the_four_shells_come_close_to_the_integral(supply: float):
    """Four midpoints stand for the whole shell; three percentage points are small against what is assumed."""
    _, secretory = graft.oxygen(supplied(np.array([supply])), P)
    assert float(secretory[0]) == pytest.approx(secretion(supply), abs=0.03)


def infusion(dose: float, **changes: float) -> graft.Infusion:
    fields = {
        "instant_loss": 0.5,
        "potency": 1.0,
        "maturity": 0.2,
        "maturation_time": 30.0,
        "vascularization_time": 12.0,
    } | changes
    return broadcast(graft.Infusion(dose=dose, **fields), 2)


def test_an_infusion_adds_what_survives_the_procedure():
    weight = jnp.full(2, 70.0)
    state = graft.infuse(graft.empty(weight), P, infusion(7e5), weight)
    np.testing.assert_allclose(state.mass, 7e5 * 0.5 / 70 / P.reference_density, rtol=1e-6)
    np.testing.assert_allclose(state.maturation, 0.2)
    np.testing.assert_allclose(state.function, 1)


def test_later_islets_are_pooled_by_surviving_number():
    weight = jnp.full(2, 70.0)
    first = graft.infuse(graft.empty(weight), P, infusion(1e5), weight)
    both = graft.infuse(replace(first, maturation=weight / 70), P, infusion(3e5), weight)
    np.testing.assert_allclose(both.maturation, 0.25 * 1 + 0.75 * 0.2, rtol=1e-5)


def test_no_islets_leave_no_trace():
    weight = jnp.full(2, 70.0)
    state = graft.infuse(graft.empty(weight), P, infusion(0.0), weight)
    for name, value in vars(graft.empty(weight)).items():
        np.testing.assert_array_equal(getattr(state, name), value)
